"""Hours of editing many documents: no crash, no wrong state, flat memory, idle when idle.

    python bench/soak.py [--minutes N] [--documents N] [--model FILE] [--files DIR] [--note TEXT]

A raw JSON-RPC client replays editing logs, made by diffing consecutive versions of files,
key by key over documents that take turns: a request after each key, some cancelled at once,
malformed messages between them, documents closed and opened again. At intervals a fresh
server is given the same texts whole, and both must answer alike: completions, ghost text,
and the bits of each character. Resident memory is sampled all the while (Linux), and the
processor time of a silent server at the end. Exit status 1 when anything is wrong.
"""

from __future__ import annotations

import argparse
import difflib
import json
import os
import queue
import random
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from machine import keep

PATIENCE: Final = 300  # seconds until a missing answer is an error: the machine may be busy
PASTED: Final = 60  # characters from which an insertion is pasted, not typed
CANCELLED: Final = (-32800, -32801, -32802)  # by the client, by an edit, by the server
ROOT: Final = Path(__file__).parent.parent
POPUP, GHOST = "textDocument/completion", "textDocument/inlineCompletion"
SETTINGS: Final = {"minimumProbability": {"char": 0, "token": 0, "line": 0, "block": 0}}

MALFORMED: Final = (
    b"{nonsense",
    b"[]",
    b'{"jsonrpc": "2.0", "method": "textDocument/didChange", "params": null}',
    b'{"jsonrpc": "2.0", "id": 0, "method": "textDocument/completion", "params": {}}',
    b'{"jsonrpc": "2.0", "id": 0, "method": "no/such", "params": [1, 2]}',
    b'{"jsonrpc": "2.0", "method": "$/cancelRequest", "params": {"id": 99999999}}',
    b'{"jsonrpc": "2.0", "method": "textDocument/didClose", '
    b'"params": {"textDocument": {"uri": "file:///never/opened.py"}}}',
    b"\xff\xfe",
)


class Wrong(Exception):  # noqa: N818 - a finding, not a failure of this program
    """What must not happen did; the message says what."""


class Client:
    """One server process, and its answers by id."""

    def __init__(self, model: str | None) -> None:
        choice = ["--model", model] if model else []
        self.process = subprocess.Popen(
            [sys.executable, "-m", "lstm_lsp", "serve", *choice],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        self.requests = 0
        self.answered = 0
        self._answers: dict[int, queue.SimpleQueue[dict[str, Any]]] = {}
        self._ready = threading.Event()
        self._writing = threading.Lock()
        threading.Thread(target=self._receive, daemon=True).start()
        self.ask(
            "initialize",
            {
                "processId": None,
                "rootUri": None,
                "capabilities": {},
                "initializationOptions": {"lstmLsp": SETTINGS},
            },
        )
        self.notify("initialized", {})
        if not self._ready.wait(PATIENCE):
            raise Wrong("the model was never ready")

    def write(self, body: bytes) -> None:
        """Send `body` as one message, whatever it is."""
        assert self.process.stdin is not None
        try:
            with self._writing:
                self.process.stdin.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)
                self.process.stdin.flush()
        except BrokenPipeError:
            raise Wrong(f"the server ended with status {self.process.wait()}") from None

    def notify(self, method: str, params: Any) -> None:
        """Send a notification."""
        self.write(json.dumps({"jsonrpc": "2.0", "method": method, "params": params}).encode())

    def request(self, method: str, params: Any) -> int:
        """Send a request and return its id."""
        self.requests += 1
        number = self.requests
        self._answers[number] = queue.SimpleQueue()
        message = {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
        self.write(json.dumps(message).encode())
        return number

    def answer(self, number: int) -> dict[str, Any]:
        """Return the answer to a request; raises Wrong when none comes."""
        try:
            found = self._answers[number].get(timeout=PATIENCE)
        except queue.Empty:
            raise Wrong(f"request {number} was never answered") from None
        del self._answers[number]
        if not found:
            raise Wrong(f"the server ended with status {self.process.wait()}")
        error = found.get("error", {}).get("code")
        if error is not None and error not in CANCELLED:
            raise Wrong(f"a well-formed request was answered with {found['error']}")
        self.answered += 1
        return found

    def ask(self, method: str, params: Any) -> Any:
        """Return the result of a request, None when it was cancelled."""
        return self.answer(self.request(method, params)).get("result")

    def stop(self) -> None:
        """Shut the server down as editors do."""
        self.ask("shutdown", None)
        self.notify("exit", None)
        status = self.process.wait(PATIENCE)
        if status:
            raise Wrong(f"the server ended with status {status}")

    def _receive(self) -> None:
        assert self.process.stdout is not None
        while header := self.process.stdout.readline():
            length = 0
            while header.strip():
                name, _, value = header.partition(b":")
                length = int(value) if name.lower() == b"content-length" else length
                header = self.process.stdout.readline()
            message = json.loads(self.process.stdout.read(length))
            if "method" not in message:
                if message.get("id") in self._answers:
                    self._answers[message["id"]].put(message)
            elif "id" in message:
                answer = {"jsonrpc": "2.0", "id": message["id"], "result": None}
                self.write(json.dumps(answer).encode())
            elif message["method"] == "lstmLsp/status" and message["params"]["state"] == "ready":
                self._ready.set()
        for waiting in list(self._answers.values()):
            waiting.put({})
        self._ready.set()

    # -- what the system says of the process (Linux; None elsewhere) ---------------------

    def resident(self) -> float | None:
        """Return megabytes."""
        try:
            status = Path(f"/proc/{self.process.pid}/status").read_text()
        except OSError:
            return None
        return int(status.partition("VmRSS:")[2].split()[0]) / 1024

    def processor_seconds(self) -> float | None:
        """Return the processor time taken so far."""
        try:
            fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            return None
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@dataclass
class Edited:
    """A document as the client has it: its text has LF line ends, whatever the server is sent."""

    uri: str
    language: str
    line_end: str
    versions: list[str]
    text: str = ""
    number: int = 0
    cursor: int = 0
    log: Iterator[tuple[int, int, str]] = field(default_factory=lambda: iter(()))

    def sent(self, text: str) -> str:
        """Return `text` with the line ends that the server is sent."""
        return text.replace("\n", self.line_end)

    def place(self, offset: int) -> dict[str, int]:
        """Return a position in UTF-16."""
        start = self.text.rfind("\n", 0, offset) + 1
        units = len(self.text[start:offset].encode("utf-16-le", "surrogatepass")) // 2
        return {"line": self.text.count("\n", 0, offset), "character": units}

    def opened(self) -> dict[str, Any]:
        """Return the parameters of didOpen."""
        return {
            "textDocument": {
                "uri": self.uri,
                "languageId": self.language,
                "version": self.number,
                "text": self.sent(self.text),
            }
        }

    def change(self, place: int, removed: int, inserted: str) -> dict[str, Any]:
        """Apply an edit and return the parameters of didChange."""
        span = {"start": self.place(place), "end": self.place(place + removed)}
        self.text = self.text[:place] + inserted + self.text[place + removed :]
        self.cursor = place + len(inserted)
        self.number += 1
        return {
            "textDocument": {"uri": self.uri, "version": self.number},
            "contentChanges": [{"range": span, "text": self.sent(inserted)}],
        }

    def asked(self, method: str, offset: int, *, automatic: bool) -> dict[str, Any]:
        """Return the parameters of a request at `offset`."""
        # Completions know no automatic kind: every key's request is "invoked".
        kind = 2 if automatic and method == GHOST else 1
        return {
            "textDocument": {"uri": self.uri},
            "position": self.place(offset),
            "context": {"triggerKind": kind},
        }


def shared(one: str, other: str) -> int:
    """Return how many characters both begin with."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((place for place, (a, b) in pairs if a != b), min(len(one), len(other)))


def keys(before: str, after: str) -> Iterator[tuple[int, int, str]]:
    """Yield (offset, characters removed, text inserted) that turn `before` into `after`.

    Deletions at once, short insertions key by key, long ones pasted.
    """
    one, other = before.splitlines(keepends=True), after.splitlines(keepends=True)
    offset = 0
    for kind, i, j, k, m in difflib.SequenceMatcher(None, one, other, autojunk=False).get_opcodes():
        old, new = "".join(one[i:j]), "".join(other[k:m])
        if kind != "equal":
            start = shared(old, new)
            end = shared(old[start:][::-1], new[start:][::-1])
            removed, inserted = len(old) - start - end, new[start : len(new) - end]
            if removed:
                yield offset + start, removed, ""
            pieces = [inserted] if len(inserted) >= PASTED else list(inserted)
            for place, piece in enumerate(pieces):
                yield offset + start + place, 0, piece
        offset += len(new)


def rearranged(text: str, chance: random.Random) -> str:
    """Return another version of `text`: lines moved, dropped, written twice."""
    lines = text.splitlines(keepends=True)
    for _ in range(chance.randint(1, 6)):
        at, length = chance.randrange(len(lines) + 1), chance.randint(1, 8)
        taken = lines[at : at + length]
        if chance.random() < 0.6:
            del lines[at : at + length]
        if chance.random() < 0.6:
            to = chance.randrange(len(lines) + 1)
            lines[to:to] = taken
    return "".join(lines)


def versions(file: Path, chance: random.Random) -> list[str]:
    """Return consecutive versions of `file`: those of git, or made ones where there are none."""

    def git(*words: str) -> str:
        done = subprocess.run(
            ["git", "-C", str(file.parent), *words], capture_output=True, check=False
        )
        return done.stdout.decode("utf-8", "replace") if done.returncode == 0 else ""

    commits = git("log", "--format=%H", "-12", "--", file.name).split()
    found = [git("show", f"{commit}:./{file.name}") for commit in reversed(commits)]
    found = [text.replace("\r\n", "\n").replace("\r", "\n") for text in found if text]
    if not found:
        found = [file.read_text("utf-8", "replace")]
    while len(found) < 4:
        found.append(rearranged(found[-1], chance))
    return found


def documents(folder: Path, count: int, chance: random.Random) -> list[Edited]:
    """Return documents of the source files under `folder`, over again when it has too few."""
    files = [
        file
        for ending in ("py", "java")
        for file in sorted(folder.rglob(f"*.{ending}"))
        if not any(part.startswith(".") or part == "build" for part in file.parts)
        and 500 < file.stat().st_size < 60_000
    ]
    chance.shuffle(files)
    if not files:
        raise SystemExit(f"no Java or Python files under {folder}")
    return [
        Edited(
            uri=f"file:///soak/{number}/{files[number % len(files)].name}",
            language={".py": "python", ".java": "java"}[files[number % len(files)].suffix],
            line_end="\r\n" if number % 3 == 0 else "\n",
            versions=versions(files[number % len(files)], chance),
        )
        for number in range(count)
    ]


def edit(client: Client, document: Edited, chance: random.Random) -> list[int]:
    """Replay one key, and ask; return the requests whose answers are still to come."""
    entry = next(document.log, None)
    if entry is None:
        # On to another version; the log goes back and forth between them for ever.
        document.log = keys(document.text, chance.choice(document.versions))
        return []
    client.notify("textDocument/didChange", document.change(*entry))
    asked = []
    for method, share in ((POPUP, 0.8), (GHOST, 0.6)):
        if chance.random() < share:
            number = client.request(method, document.asked(method, document.cursor, automatic=True))
            if chance.random() < 0.2:
                client.notify("$/cancelRequest", {"id": number})
            asked.append(number)
    if chance.random() < 0.02:
        client.write(chance.choice(MALFORMED))
    return asked


def compare(client: Client, model: str | None, opened: list[Edited], chance: random.Random) -> int:
    """Compare answers with those of a fresh server; return how many. Raises Wrong."""
    fresh = Client(model)
    for document in opened:
        fresh.notify("textDocument/didOpen", document.opened())
    compared = 0
    for document in chance.sample(opened, min(4, len(opened))):
        offset = chance.randint(0, len(document.text))
        lines = {"start": document.place(max(0, offset - 300)), "end": document.place(offset)}
        for method, params in (
            ("lstmLsp/surprise", {"textDocument": {"uri": document.uri}, "range": lines}),
            (POPUP, document.asked(POPUP, offset, automatic=False)),
            (GHOST, document.asked(GHOST, offset, automatic=False)),
        ):
            one, other = (_comparable(server.ask(method, params)) for server in (client, fresh))
            if one != other:
                where = f"{method} at {offset} of {document.uri}"
                raise Wrong(f"{where}: {_short(one)}, and of a fresh server {_short(other)}")
            compared += 1
    fresh.stop()
    return compared


def _short(result: Any) -> str:
    text = json.dumps(result, ensure_ascii=False)
    return text if len(text) < 1000 else text[:1000] + " ..."


def _comparable(result: Any) -> Any:
    """Return a result without what names the request: versions, data to resolve, commands."""
    if isinstance(result, dict):
        return {
            name: _comparable(value)
            for name, value in result.items()
            if name not in ("version", "data", "command")
        }
    return [_comparable(value) for value in result] if isinstance(result, list) else result


def soak(model: str | None, folder: Path, count: int, minutes: float, seed: int) -> dict[str, Any]:
    """Edit for `minutes` and return what was seen; raises Wrong."""
    chance = random.Random(seed)
    opened = documents(folder, count, chance)
    client = Client(model)
    for document in opened:
        document.text = document.versions[0]
        client.notify("textDocument/didOpen", document.opened())
    started = time.monotonic()
    samples: list[tuple[float, float]] = []
    edits = compared = comparisons = reopened = 0
    pending: list[int] = []
    while (elapsed := time.monotonic() - started) < minutes * 60:
        document = chance.choice(opened)
        for _ in range(chance.randint(1, 120)):  # a burst, as fast as the pipe takes it
            pending += edit(client, document, chance)
            edits += 1
        for number in pending:
            client.answer(number)
        pending.clear()
        if chance.random() < 0.02:
            client.notify("textDocument/didClose", {"textDocument": {"uri": document.uri}})
            document.number += 1
            client.notify("textDocument/didOpen", document.opened())
            reopened += 1
        resident = client.resident()
        if resident is not None:
            samples.append((elapsed, resident))
        if elapsed > (comparisons + 1) * minutes * 60 / (3 + minutes / 10):
            compared += compare(client, model, opened, chance)
            comparisons += 1
    compared += compare(client, model, opened, chance)
    result = {
        "model": model and Path(model).name,
        "minutes": minutes,
        "seed": seed,
        "documents": count,
        "edits": edits,
        "requests": client.requests,
        "answered": client.answered,
        "reopened": reopened,
        "compared_with_fresh_servers": compared,
        "resident_megabytes": _memory(samples),
        "idle_processor_share": _idle(client, 3 if minutes < 5 else 30),
    }
    client.stop()
    return result


def _memory(samples: list[tuple[float, float]]) -> dict[str, float] | None:
    """Return where resident memory began and ended, and its slope over the second half."""
    late = samples[len(samples) // 2 :]
    if len(late) < 2:
        return None
    slope = statistics.linear_regression(*zip(*late, strict=True)).slope
    first, last, most = samples[0][1], samples[-1][1], max(value for _, value in samples)
    return {
        "first": round(first, 1),
        "last": round(last, 1),
        "most": round(most, 1),
        "slope_an_hour_in_the_second_half": round(slope * 3600, 2),
    }


def _idle(client: Client, seconds: float) -> float | None:
    """Return the share of a processor that the server takes while nothing is asked of it."""
    time.sleep(1)  # what was to be read ahead
    before = client.processor_seconds()
    time.sleep(seconds)
    after = client.processor_seconds()
    return None if before is None or after is None else round((after - before) / seconds, 4)


def main() -> int:
    """Soak, print and keep; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--documents", type=int, default=50)
    parser.add_argument("--model", help="a model file; the bundled one if left out")
    parser.add_argument("--files", type=Path, default=ROOT, help="a folder of source files")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true", help="print the result, keep no file")
    parser.add_argument("--note", default="", help="what else the machine was doing")
    arguments = parser.parse_args()
    try:
        result = soak(
            arguments.model,
            arguments.files.resolve(),
            arguments.documents,
            arguments.minutes,
            arguments.seed,
        )
    except Wrong as wrong:
        print(f"soak: {wrong}", file=sys.stderr)
        return 1
    print(json.dumps(result, indent=None if arguments.json else 1))
    if not arguments.json:
        print(keep("soak", result, arguments.note).name)
    return 0


if __name__ == "__main__":
    sys.exit(main())
