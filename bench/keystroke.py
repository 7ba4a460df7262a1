"""From a key to its completions over stdio, beside jedi-language-server.

    python bench/keystroke.py [--model FILE] [--places N] [--keys N] [--pace S] [--note TEXT]

A raw JSON-RPC client types the text that really follows at places in Python files of the
standard library: a change of one character, a completion request, the answer, a pause, the
next key. The first key after a document is opened is timed apart ("cold"), and the server
may finish what it began then. Both servers get the same keys in turns, place by place, so
that what else the machine does hits both alike. Then the same keys in documents of 1 KB,
100 KB and 1 MB, in turns too, and the time from spawn to the answer of `initialize`.
Beside the wall's time stands the processor's that the server took (Linux), which others on
the machine disturb less.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from machine import keep

FILES = ("argparse.py", "textwrap.py", "json/decoder.py", "zipfile.py", "shutil.py", "pathlib.py")
SIZES = {"1 KB": 1 << 10, "100 KB": 100 << 10, "1 MB": 1 << 20}
Places = list[tuple[str, "Typing"]]
POPUP = "textDocument/completion"
GHOST = "textDocument/inlineCompletion"


class Server:
    """One server process and a client that waits for each answer."""

    def __init__(self, command: Sequence[str], folder: Path) -> None:
        started = time.perf_counter()
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        self._last = 0
        self._versions: dict[str, int] = {}
        folders = [{"uri": folder.as_uri(), "name": folder.name}]
        capabilities = {"general": {"positionEncodings": ["utf-8"]}}
        self.ask(
            "initialize",
            {
                "processId": None,
                "rootUri": folder.as_uri(),
                "workspaceFolders": folders,
                "capabilities": capabilities,
            },
        )
        self.seconds_to_initialize = time.perf_counter() - started
        self.send({"method": "initialized", "params": {}})

    def send(self, message: dict[str, Any]) -> None:
        """Send one message."""
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        assert self.process.stdin is not None
        self.process.stdin.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)
        self.process.stdin.flush()

    def receive(self) -> dict[str, Any]:
        """Return the next message; answer it when it asks something of the client."""
        assert self.process.stdout is not None
        length = 0
        while (line := self.process.stdout.readline()) != b"\r\n":
            if not line:
                raise SystemExit(f"the server ended: {self.process.args!r}")
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
        message: dict[str, Any] = json.loads(self.process.stdout.read(length))
        if "method" in message and "id" in message:  # what it asks of us
            self.send({"id": message["id"], "result": None})
        return message

    def ask(self, method: str, params: Any) -> Any:
        """Return the result of a request, null after an error."""
        self._last += 1
        self.send({"id": self._last, "method": method, "params": params})
        while True:
            message = self.receive()
            if message.get("id") == self._last and "method" not in message:
                return message.get("result")

    def wait_until_ready(self) -> None:
        """Wait until our server has its model and has read the project."""
        while self.ask("lstmLsp/status", {})["state"] != "ready":
            time.sleep(0.05)

    def open(self, uri: str, text: str) -> None:
        """Open a document."""
        self._versions[uri] = 1
        item = {"uri": uri, "languageId": "python", "version": 1, "text": text}
        self.send({"method": "textDocument/didOpen", "params": {"textDocument": item}})

    def close(self, uri: str) -> None:
        """Close a document."""
        self.send({"method": "textDocument/didClose", "params": {"textDocument": {"uri": uri}}})

    def type(self, uri: str, place: tuple[int, int], key: str) -> None:
        """Insert `key` at (line, character)."""
        here = {"line": place[0], "character": place[1]}
        self._versions[uri] += 1
        params = {
            "textDocument": {"uri": uri, "version": self._versions[uri]},
            "contentChanges": [{"range": {"start": here, "end": here}, "text": key}],
        }
        self.send({"method": "textDocument/didChange", "params": params})

    def processor_seconds(self) -> float:
        """Return the processor time of all its threads so far; 0 where nobody counts it."""
        tasks = Path(f"/proc/{self.process.pid}/task")
        try:
            return (
                sum(int((one / "schedstat").read_text().split()[0]) for one in tasks.iterdir())
                / 1e9
            )
        except OSError:
            return 0.0

    def wait_until_idle(self) -> None:
        """Wait until the server has used no processor for a moment."""
        used = -1.0
        while used < (used := self.processor_seconds()):
            time.sleep(0.25)

    def end(self) -> None:
        """Shut the server down."""
        self.ask("shutdown", None)
        self.send({"method": "exit"})
        self.process.wait(30)


class Typing(NamedTuple):
    """Keys that are typed, and what stands around them."""

    before: str
    keys: str
    after: str


class Times:
    """Seconds of wall and processor, key by key."""

    def __init__(self, pace: float = 0.0) -> None:
        self._pace = pace  # seconds between an answer and the next key
        self.cold: list[float] = []
        self.wall: list[float] = []
        self.processor: list[float] = []

    def keys(self, server: Server, method: str, uri: str, typing: Typing) -> None:
        """Open a document without the keys, then type them."""
        before, keys, after = typing
        server.open(uri, before + after)
        line, column = before.count("\n"), len(before) - before.rfind("\n") - 1
        for number, key in enumerate(keys):
            processor, started = server.processor_seconds(), time.perf_counter()
            server.type(uri, (line, column + number), key)
            place = {"line": line, "character": column + number + 1}
            params = {"textDocument": {"uri": uri}, "position": place}
            server.ask(method, {**params, "context": {"triggerKind": 1}})
            ended = time.perf_counter()
            if number:
                self.wall.append(ended - started)
                self.processor.append(server.processor_seconds() - processor)
            else:  # pays for opening the document
                self.cold.append(ended - started)
                server.wait_until_idle()
            time.sleep(self._pace)
        server.close(uri)

    def milliseconds(self) -> dict[str, Any]:
        """Return how many keys were timed, and medians and 95th percentiles."""
        return {
            "n": len(self.wall),
            "cold": _quantiles(self.cold),
            "wall": _quantiles(self.wall),
            "processor": _quantiles(self.processor),
        }


def _quantiles(seconds: list[float]) -> dict[str, float]:
    cuts = statistics.quantiles(seconds, n=20, method="inclusive")
    return {"p50": round(1000 * cuts[9], 2), "p95": round(1000 * cuts[18], 2)}


def places(count: int, keys: int, seed: int) -> list[tuple[str, Typing]]:
    """Return (URI, what is typed there): ASCII text of one line in files of the library."""
    chosen = random.Random(seed)
    folder = Path(statistics.__file__).parent
    files = [(folder / name, (folder / name).read_text("utf-8")) for name in FILES]
    files = [(file, text) for file, text in files if text.isascii()]
    found: list[tuple[str, Typing]] = []
    while len(found) < count:
        file, text = chosen.choice(files)
        start = chosen.randrange(2_000, len(text) - keys)
        typed = text[start : start + keys]
        if "\n" not in typed and typed.strip():
            found.append((file.as_uri(), Typing(text[:start], typed, text[start + keys :])))
    return found


def beside_jedi(ours: Server, jedi: Server, where: Places, pace: float) -> dict[str, Any]:
    """Type the same keys at the same places into both servers."""
    measured = {name: Times(pace) for name in ("completion", "inlineCompletion", "jedi")}
    for uri, typing in where:
        for name, server, method in (
            ("completion", ours, POPUP),
            ("jedi", jedi, POPUP),
            ("inlineCompletion", ours, GHOST),
        ):
            measured[name].keys(server, method, uri, typing)
    return {name: times.milliseconds() for name, times in measured.items()}


def by_size(ours: Server, where: Places, pace: float) -> dict[str, Any]:
    """Type the same keys after the same last 900 characters, in documents of all sizes.

    Above them stands other code: text that knows the keys would make searches longer, since
    likelier lines are followed further, and sizes would not be all that differs.
    """
    measured = {name: Times(pace) for name in SIZES}
    folder = Path(statistics.__file__).parent
    texts = (
        file.read_text("utf-8") for file in sorted(folder.glob("*.py")) if file.name not in FILES
    )
    filling = "".join(text for text in texts if text.isascii())[: SIZES["1 MB"]]
    for uri, typing in where:
        near = typing.before[-900:]
        for name, size in SIZES.items():
            far = (filling * (1 + size // len(filling)))[: size - len(near) - len(typing.keys)]
            measured[name].keys(ours, POPUP, uri, Typing(far + near, typing.keys, "\n"))
    return {name: times.milliseconds() for name, times in measured.items()}


def until_initialized(command: Sequence[str], folder: Path, times: int) -> dict[str, Any]:
    """Return seconds from spawn to the answer of `initialize`."""
    seconds = []
    for _ in range(times):
        server = Server(command, folder)
        seconds.append(server.seconds_to_initialize)
        server.end()
    return {
        "n": times,
        "median": round(statistics.median(seconds), 3),
        "best": round(min(seconds), 3),
    }


def main() -> None:
    """Measure and keep the result."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--model", default="")
    parser.add_argument("--places", type=int, default=30)
    parser.add_argument("--keys", type=int, default=8)
    parser.add_argument("--pace", type=float, default=0.15, help="seconds between keys")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--note", default="")
    arguments = parser.parse_args()

    model = ["--model", arguments.model] if arguments.model else []
    command = [sys.executable, "-m", "lstm_lsp", "serve", *model]
    peer = [str(Path(sys.executable).with_name("jedi-language-server"))]
    folder = Path(statistics.__file__).parent / "json"
    where = places(arguments.places, arguments.keys, arguments.seed)

    ours, jedi = Server(command, folder), Server(peer, folder)
    ours.wait_until_ready()
    for server, method in ((ours, POPUP), (ours, GHOST), (jedi, POPUP)):
        Times().keys(server, method, *where[0])
    result: dict[str, Any] = {"milliseconds": beside_jedi(ours, jedi, where, arguments.pace)}
    found = result["milliseconds"]
    result["completion_p95_to_jedi_p95"] = {
        clock: round(found["completion"][clock]["p95"] / max(found["jedi"][clock]["p95"], 1e-9), 3)
        for clock in ("wall", "processor")
    }
    sizes = result["milliseconds_by_size"] = by_size(ours, where, arguments.pace)
    result["1_MB_to_1_KB"] = {
        f"{clock} {share}": round(
            sizes["1 MB"][clock][share] / max(sizes["1 KB"][clock][share], 1e-9), 3
        )
        for clock in ("wall", "processor")
        for share in ("p50", "p95")
    }
    result["server"] = ours.ask("lstmLsp/status", {})
    ours.end()
    jedi.end()
    result["seconds_to_initialize"] = {
        "lstm-lsp": until_initialized(command, folder, 5),
        "jedi-language-server": until_initialized(peer, folder, 5),
    }
    print(json.dumps(result, indent=1))
    print(keep("keystroke", result, arguments.note))


if __name__ == "__main__":
    main()
