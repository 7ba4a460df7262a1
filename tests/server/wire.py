"""A raw JSON-RPC client: one server process over stdio, no pygls on this end.

Reads in a thread; a test asks for answers by id and for notifications by method, and
fails at once when the server ends first.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

PATIENCE: Final = 60  # seconds until a missing answer is a failure


class Client:
    """One client of one server process."""

    def __init__(self, command: Sequence[str], cwd: Path | None = None) -> None:
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=cwd,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )
        self.messages: list[dict[str, Any]] = []
        self.errors: list[bytes] = []
        self._arrived = threading.Condition()
        self._ended = False
        self._last = 0
        self._holding = False
        self._unsent = b""
        self._threads = [
            threading.Thread(target=target, daemon=True) for target in (self._read, self._drain)
        ]
        for thread in self._threads:
            thread.start()

    # -- sending ---------------------------------------------------------------------

    def write(self, body: bytes) -> None:
        """Send `body` as one message, whatever it is."""
        self.write_bare(b"Content-Length: %d\r\n\r\n" % len(body) + body)

    def write_bare(self, data: bytes) -> None:
        """Send `data` with no header."""
        assert self.process.stdin is not None
        self._unsent += data
        if not self._holding:
            self.process.stdin.write(self._unsent)
            self.process.stdin.flush()
            self._unsent = b""

    @contextlib.contextmanager
    def together(self) -> Iterator[None]:
        """Send all messages of the block in one write, as fast as the pipe takes them."""
        self._holding = True
        yield
        self._holding = False
        assert self.process.stdin is not None
        self.process.stdin.write(self._unsent)
        self.process.stdin.flush()
        self._unsent = b""

    def send(self, message: dict[str, Any]) -> None:
        self.write(json.dumps({"jsonrpc": "2.0", **message}).encode())

    def notify(self, method: str, params: Any = None) -> None:
        self.send({"method": method, "params": params})

    def request(self, method: str, params: Any = None) -> int:
        """Send a request and return its id."""
        self._last += 1
        self.send({"id": self._last, "method": method, "params": params})
        return self._last

    def ask(self, method: str, params: Any = None) -> Any:
        """Return the result of a request; fail on an error."""
        answer = self.answer(self.request(method, params))
        assert "error" not in answer, answer
        return answer["result"]

    def change(
        self, uri: str, version: int, place: tuple[tuple[int, int], tuple[int, int]], text: str
    ) -> None:
        """Put `text` for what is between two (line, character) places."""
        start, end = ({"line": line, "character": character} for line, character in place)
        self.notify(
            "textDocument/didChange",
            {
                "textDocument": {"uri": uri, "version": version},
                "contentChanges": [{"range": {"start": start, "end": end}, "text": text}],
            },
        )

    # -- receiving -------------------------------------------------------------------

    def wait(self, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Return the first message, past ones included, that is `wanted`."""
        with self._arrived:
            seen = 0
            while True:
                for message in self.messages[seen:]:
                    if wanted(message):
                        return message
                seen = len(self.messages)
                if self._ended:
                    raise AssertionError(f"the server ended: {b''.join(self.errors)[-2000:]!r}")
                if not self._arrived.wait(PATIENCE):
                    raise AssertionError(f"nothing came; so far: {self.messages[-5:]}")

    def answer(self, identifier: Any) -> dict[str, Any]:
        return self.wait(lambda one: "method" not in one and one.get("id", ...) == identifier)

    def status(self, state: str) -> dict[str, Any]:
        found = self.wait(
            lambda one: one.get("method") == "lstmLsp/status" and one["params"]["state"] == state
        )
        return dict(found["params"])

    # -- life ------------------------------------------------------------------------

    def initialize(
        self,
        *,
        encodings: Sequence[str] = ("utf-16",),
        folder: Path | None = None,
        folders: Sequence[Path] = (),
        options: Any = None,
        capabilities: dict[str, Any] | None = None,
        name: str = "raw",
    ) -> dict[str, Any]:
        """Return what the server can do, after its model is ready."""
        result: dict[str, Any] = self.ask(
            "initialize",
            {
                "processId": None,
                "clientInfo": {"name": name},
                "rootUri": folder.as_uri() if folder else None,
                "workspaceFolders": [workspace_folder(one) for one in folders] or None,
                "capabilities": {
                    "general": {"positionEncodings": list(encodings)},
                    **(capabilities or {}),
                },
                "initializationOptions": {"lstmLsp": options} if options is not None else None,
            },
        )
        self.notify("initialized", {})
        return result

    def stop(self) -> int:
        """Shut the server down as editors do and return its exit status."""
        self.ask("shutdown")
        self.notify("exit")
        return self.process.wait(PATIENCE)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        for thread in self._threads:
            thread.join(PATIENCE)
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            if stream is not None:
                stream.close()

    def _read(self) -> None:
        assert self.process.stdout is not None
        while True:
            length = None
            while (line := self.process.stdout.readline()) not in (b"\r\n", b""):
                name, _, value = line.partition(b":")
                if name.lower() == b"content-length":
                    length = int(value)
            with self._arrived:
                if length is None:
                    self._ended = True
                else:
                    self.messages.append(json.loads(self.process.stdout.read(length)))
                self._arrived.notify_all()
            if length is None:
                return

    def _drain(self) -> None:
        assert self.process.stderr is not None
        while piece := self.process.stderr.read1(65_536):  # type: ignore[attr-defined]
            self.errors.append(piece)


def serve_command(model: Path, *flags: str) -> list[str]:
    return [sys.executable, *flags, "-m", "lstm_lsp", "serve", "--model", str(model)]


def workspace_folder(path: Path) -> dict[str, str]:
    return {"uri": path.as_uri(), "name": path.name}


def document(
    text: str, uri: str = "file:///project/a.py", language: str = "python", version: int = 1
) -> dict[str, Any]:
    """Return the parameters of didOpen."""
    return {"textDocument": {"uri": uri, "languageId": language, "version": version, "text": text}}


def at(line: int, character: int, uri: str = "file:///project/a.py") -> dict[str, Any]:
    """Return the parameters that name a position."""
    return {"textDocument": {"uri": uri}, "position": {"line": line, "character": character}}
