"""The explorer's page on this machine alone: HTTP on 127.0.0.1, nothing fetched from elsewhere.

Everything lies below /TOKEN/, a random word made at start; a request without it, or by
another name of this machine or from another page, gets 403. The page is static files; what it asks
is answered under api/ as JSON, or as little-endian arrays where there is much of it:

    unit         float32 (quantities, T)
    tile         float32 (units,), then int8 (units, symbols)
    predictions  bits float32 (T,), probabilities float32 (T, 5), symbols uint8 (T, 5)

What cannot be answered is 400 with {"error": one sentence}.
"""

from __future__ import annotations

import json
import secrets
import sys
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import resources
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

import numpy as np

from lstm_lsp.explore import answers
from lstm_lsp.explore.explorer import Explorer
from lstm_lsp.explore.reading import AskError, Reading
from lstm_lsp.explore.recorder import Held

HOST: Final = "127.0.0.1"
NAMES: Final = (HOST, "localhost")
"""How a browser may call this machine; any other name was made to point here (DNS rebinding)."""

LONGEST_BODY: Final = 4_000_000

POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

TYPES: Final = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
}
JSON: Final = "application/json"
BINARY: Final = "application/octet-stream"

Query = dict[str, str]


def serve(explorer: Explorer, port: int = 0) -> int:
    """Serve until Ctrl-C, after printing the address; port 0 takes any that is free."""
    with listen(explorer, port) as server:
        print(f"exploring at {server.address}", flush=True)
        print("Ctrl-C ends it", file=sys.stderr)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            print(file=sys.stderr)
        finally:
            explorer.close()
    return 0


def listen(explorer: Explorer, port: int = 0) -> Server:
    """Return a server that is bound and not yet running. Raises OSError on a port in use."""
    return Server(explorer, port)


class Server(ThreadingHTTPServer):
    """One explorer behind one token."""

    daemon_threads = True

    def __init__(self, explorer: Explorer, port: int) -> None:
        self.explorer = explorer
        self.token = secrets.token_urlsafe(18)
        super().__init__((HOST, port), _Handler)

    @property
    def address(self) -> str:
        """Where the page is."""
        return f"http://{HOST}:{self.server_port}/{self.token}/"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of a browser that has gone away; report the rest."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    server: Server
    protocol_version = "HTTP/1.1"
    server_version = "lstm-lsp"
    sys_version = ""
    timeout = 60

    def do_GET(self) -> None:
        self._answer(None)

    def do_POST(self) -> None:
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal() or int(length) > LONGEST_BODY:
            self.close_connection = True
            self._send_error(413, f"at most {LONGEST_BODY:,} bytes are read")
            return
        self._answer(self.rfile.read(int(length)))

    def _answer(self, body: bytes | None) -> None:
        url = urlsplit(self.path)
        _, token, *rest = url.path.split("/", 2)
        host, origin = self.headers.get("Host", ""), self.headers.get("Origin")
        # Any port: an editor may have forwarded ours from another machine.
        if host.partition(":")[0] not in NAMES or origin not in (None, f"http://{host}"):
            self._send_error(403, "this is served to its own page alone")
        elif not secrets.compare_digest(token.encode(), self.server.token.encode()):
            self._send_error(403, "the address needs the token that was printed at the start")
        elif not rest:
            self._send(301, TYPES[".html"], b"", {"Location": f"/{token}/"})
        else:
            self._route(rest[0], parse_qs(url.query, keep_blank_values=True), body)

    def _route(self, path: str, query: dict[str, list[str]], body: bytes | None) -> None:
        name = path.removeprefix("api/")
        table: dict[str, Any] = _POSTS if body is not None else _GETS
        if body is None and path == name:
            self._send_file(path or "index.html")
        elif path == name or name not in table:
            self._send_error(404, f"there is no {path}")
        else:
            try:
                asked = _object(body) if body is not None else {n: v[-1] for n, v in query.items()}
                answer = table[name](self.server.explorer, asked)
            except AskError as error:
                self._send_error(400, str(error))
            except (KeyError, TypeError, ValueError, OverflowError) as error:
                self._send_error(400, f"{name} was asked wrongly: {error!r}")
            else:
                if isinstance(answer, bytes):
                    self._send(200, BINARY, answer)
                else:
                    self._send(200, JSON, json.dumps(answer).encode())

    def _send_file(self, path: str) -> None:
        file = PAGE / path if path in {one.name for one in PAGE.iterdir()} else None
        suffix = path[path.rfind(".") :]
        if file is None or suffix not in TYPES:
            self._send_error(404, f"there is no {path}")
        else:
            self._send(200, TYPES[suffix], file.read_bytes())

    def _send_error(self, status: int, reason: str) -> None:
        self._send(status, JSON, json.dumps({"error": reason}).encode())

    def _send(
        self, status: int, kind: str, content: bytes, more: dict[str, str] | None = None
    ) -> None:
        self.send_response(status)
        headers = {
            "Content-Type": kind,
            "Content-Length": str(len(content)),
            "Content-Security-Policy": POLICY,
            "Cache-Control": "no-store",
            "Cross-Origin-Resource-Policy": "same-origin",
            "Referrer-Policy": "no-referrer",
            "X-Content-Type-Options": "nosniff",
        }
        for name, value in (headers | (more or {})).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Log nothing: the address holds the token."""


PAGE = resources.files("lstm_lsp.explore") / "page"


def predictions(reading: Reading) -> bytes:
    """Return bits, probabilities and symbols of what is read so far (see the module)."""
    recording, done = reading.recording, reading.recording.done
    return b"".join(
        (
            _bytes(recording.bits[:done], "<f4"),
            _bytes(recording.next_probabilities[:done], "<f4"),
            _bytes(recording.next_symbols[:done], "u1"),
        )
    )


def _bytes(values: Any, kind: str) -> bytes:
    return np.ascontiguousarray(values, kind).tobytes()


def _object(body: bytes) -> dict[str, Any]:
    asked = json.loads(body)
    if not isinstance(asked, dict):
        raise ValueError("not an object")
    return asked


def _tile(explorer: Explorer, q: Query) -> bytes:
    units = [int(unit) for unit in q["units"].split(",")]
    asked = (int(q["layer"]), q["quantity"], units, int(q["start"]), int(q["end"]))
    scale, values = explorer.reading(q["id"]).tile(*asked)
    return _bytes(scale, "<f4") + _bytes(values, "i1")


def _read(explorer: Explorer, asked: dict[str, Any]) -> dict[str, Any]:
    held = [
        Held(int(one["layer"]), int(one["unit"]), str(one["quantity"]), float(one["value"]))
        for one in asked.get("held", [])
    ]
    text, language = str(asked["text"]), str(asked["language"])
    return {"id": explorer.read(str(asked["subject"]), text, language, held)}


def _where(q: Query) -> tuple[int, int]:
    return int(q["layer"]), int(q["unit"])


_GETS: Final[dict[str, Callable[[Explorer, Query], Any]]] = {
    "meta": lambda e, _: e.meta(),
    "progress": lambda e, q: e.reading(q["id"]).progress(),
    "about": lambda e, q: e.reading(q["id"]).about(),
    "predictions": lambda e, q: predictions(e.reading(q["id"])),
    "unit": lambda e, q: _bytes(e.reading(q["id"]).unit(*_where(q)), "<f4"),
    "tile": _tile,
    "scores": lambda e, q: answers.scores(
        e.reading(q["id"]), int(q["layer"]), q["quantity"], q.get("attribute", "")
    ),
    "find": lambda e, q: answers.find(e.reading(q["id"]), q["attribute"]),
    "unit-attributes": lambda e, q: answers.unit_attributes(e.reading(q["id"]), *_where(q)),
    "raises": lambda e, q: answers.raises(e.subject(q["subject"]), *_where(q)),
    "changed": lambda e, q: answers.changed(e.reading(q["id"]), int(q["at"])),
    "match": lambda e, q: answers.match(
        e.reading(q["id"]), int(q["start"]), int(q["end"]), float(q["threshold"])
    ),
}

_POSTS: Final[dict[str, Callable[[Explorer, dict[str, Any]], Any]]] = {
    "read": _read,
    "write": lambda e, a: answers.write(
        e.reading(str(a["id"])),
        int(a["at"]),
        int(a["count"]),
        float(a["temperature"]),
        int(a["seed"]),
    ),
}
