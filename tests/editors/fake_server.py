"""A language server that answers what it is told to: raw JSON-RPC over stdio, no library.

It knows nothing of models. The client scripts it by notifications, so a test needs no other
channel than its editor:

- `fake/answers` {line before the cursor: [text, ...] | null}: what textDocument/inlineCompletion
  answers there; anywhere else an empty list. An item may be a whole InlineCompletionItem.
- `fake/hold` {held: bool}: answers to inlineCompletion and the end of lstmLsp/generate wait until
  `held` is false again; then all are sent, those of cancelled requests too, as a server that read
  the cancellation too late would.
- `fake/chunks` [text, ...]: what lstmLsp/generate streams.
- `fake/crash`: exit at once with status 1.
- `fake/log` (a request): every message received so far.

Run as `python fake_server.py [ENCODING] [--answers FILE] [serve]`: a position encoding, default
utf-16; a JSON file of what `fake/answers` would say.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

Message = dict[str, Any]

# Position encoding: codec, bytes a unit.
CODECS = {"utf-8": ("utf-8", 1), "utf-16": ("utf-16-le", 2), "utf-32": ("utf-32-le", 4)}


def read(stream: BinaryIO) -> Message | None:
    """The next message, or None at the end of the stream."""
    length = 0
    while (line := stream.readline().strip()) or not length:
        if not line:
            return None
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            length = int(value)
    message: Message = json.loads(stream.read(length))
    return message


def write(stream: BinaryIO, message: Message) -> None:
    """Sends one message."""
    body = json.dumps({"jsonrpc": "2.0", **message}).encode()
    stream.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)
    stream.flush()


@dataclass
class Server:
    """The state of the scripted server; `handle` is all of its behaviour."""

    output: BinaryIO
    encoding: str
    texts: dict[str, str] = field(default_factory=dict)
    answers: dict[str, list[str | Message] | None] = field(default_factory=dict)
    chunks: list[str] = field(default_factory=list)
    held: list[Message] | None = None
    log: list[Message] = field(default_factory=list)

    def handle(self, message: Message) -> None:
        """Reads one message and answers it."""
        self.log.append(message)
        method: str | None = message.get("method")
        params: Any = message.get("params")
        if "id" in message and method is not None:
            self.request(message["id"], method, params)
        elif method == "initialized":
            write(self.output, {"method": "lstmLsp/status", "params": {"state": "ready"}})
        elif method == "textDocument/didOpen":
            self.texts[params["textDocument"]["uri"]] = params["textDocument"]["text"]
        elif method == "textDocument/didChange":
            self.texts[params["textDocument"]["uri"]] = params["contentChanges"][-1]["text"]
        elif method == "fake/answers":
            self.answers = params
        elif method == "fake/chunks":
            self.chunks = params
        elif method == "fake/status":
            write(self.output, {"method": "lstmLsp/status", "params": params})
        elif method == "fake/hold":
            if params["held"]:
                self.held = []
            else:
                for answer in self.held or []:
                    write(self.output, answer)
                self.held = None
        elif method == "fake/crash":
            os._exit(1)
        elif method == "exit":
            sys.exit(0)

    def request(self, number: int, method: str, params: Any) -> None:
        """Answers one request, now or when no longer held."""
        held = False
        result: Any = None
        if method == "initialize":
            result = {
                "capabilities": {
                    "positionEncoding": self.encoding,
                    "textDocumentSync": {"openClose": True, "change": 1},
                    "inlineCompletionProvider": {},
                    "executeCommandProvider": {"commands": ["lstmLsp.explain", "lstmLsp.train"]},
                }
            }
        elif method == "textDocument/inlineCompletion":
            held = self.held is not None
            items = self.answers.get(self.before(params), [])
            result = items and {
                "items": [
                    item if isinstance(item, dict) else {"insertText": item} for item in items
                ]
            }
        elif method == "lstmLsp/generate":
            held = self.held is not None
            for chunk in self.chunks:
                value = {"token": params["partialResultToken"], "value": {"text": chunk}}
                write(self.output, {"method": "$/progress", "params": value})
            result = {"text": "", "finish": "length"}
        elif method == "lstmLsp/status":
            result = {"state": "ready", "reason": "", "model": "fake", "memoryMegabytes": 1}
        elif method == "workspace/executeCommand":
            result = self.execute(params)
        elif method == "fake/log":
            result = self.log
        answer = {"id": number, "result": result}
        if held and self.held is not None:
            self.held.append(answer)
        else:
            write(self.output, answer)

    def execute(self, params: Any) -> Any:
        """Runs a command: explains, or reports a training run that ends at once."""
        if params["command"] == "lstmLsp.train":
            token = params["arguments"][0]["workDoneToken"]
            for value in (
                {"kind": "begin", "title": "training", "cancellable": True},
                {"kind": "report", "percentage": 50},
            ):
                write(
                    self.output,
                    {"method": "$/progress", "params": {"token": token, "value": value}},
                )
            return None
        return {"markdown": "Because it is a fake."}

    def before(self, params: Any) -> str:
        """The text between the line's start and the position of a request."""
        position = params["position"]
        line: str = self.texts[params["textDocument"]["uri"]].split("\n")[position["line"]]
        codec, width = CODECS[self.encoding]
        return line.encode(codec)[: position["character"] * width].decode(codec)


def main() -> None:
    """Serves standard input and output until told to exit."""
    parser = argparse.ArgumentParser()
    parser.add_argument("encoding", nargs="?", choices=[*CODECS, "serve"], default="utf-16")
    parser.add_argument("--answers", type=Path)
    parser.add_argument("serve", nargs="?")  # what an editor's client may add
    arguments = parser.parse_args()
    encoding = arguments.encoding if arguments.encoding in CODECS else "utf-16"
    server = Server(sys.stdout.buffer, encoding)
    if arguments.answers:
        server.answers = json.loads(arguments.answers.read_text("utf-8"))
    while (message := read(sys.stdin.buffer)) is not None:
        server.handle(message)


if __name__ == "__main__":
    main()
