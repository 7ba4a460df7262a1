"""Messages are found in a stream however it is cut, and after whatever is no message."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lstm_lsp.server.framing import LONGEST, Frames, Malformed

LAST = {"jsonrpc": "2.0", "id": 9, "method": "last", "params": "Content-Length: 3\r\n\r\n"}


def framed(value: Any, name: str = "Content-Length: ", end: str = "\r\n", more: int = 0) -> bytes:
    body = json.dumps(value).encode()
    return f"{name}{len(body) + more}{end}{end}".encode() + body


def read(stream: bytes, size: int | None = None) -> list[Any]:
    """Return what a stream that comes in pieces of `size` holds, sentences for what is wrong."""
    frames, size = Frames(), size or len(stream)
    pieces = [stream[at : at + size] for at in range(0, len(stream), size)]
    return [
        one.reason if isinstance(one, Malformed) else one
        for piece in pieces
        for one in frames.feed(piece)
    ]


@given(st.lists(st.none() | st.text() | st.dictionaries(st.text(), st.integers())), st.data())
def test_messages_come_out_as_they_went_in(messages: list[Any], data: st.DataObject) -> None:
    stream = b"".join(map(framed, messages))
    assert read(stream, data.draw(st.integers(1, len(stream) + 1))) == messages


@pytest.mark.parametrize(
    "message",
    [
        framed(LAST, "content-length:", "\n"),
        framed(LAST, "CONTENT-LENGTH : "),
        framed(LAST, "Content-Type: application/vscode-jsonrpc; charset=utf-8\r\nContent-Length: "),
        b"\r\n\r\n" + framed(LAST),
    ],
)
def test_headers_are_read_as_http_reads_them(message: bytes) -> None:
    assert read(message) == [LAST]


NUMBER = "a header without a Content-Length that is a number"
FAULTS = {
    b"Content-Length: abc\r\n\r\n{}": NUMBER,
    b"Content-Length: -5\r\n\r\n{}": NUMBER,
    b"Content-Length: " + b"9" * 500 + b"\r\n\r\n{}": NUMBER,
    b"Content-Type: x\r\n\r\n{}": NUMBER,
    b"Content-Length: 0\r\n\r\n": "a Content-Length of 0",
    b"Content-Length: 999999999999\r\n\r\n{}": "a Content-Length of 999999999999",
    b"Content-Length: %d\r\n\r\n{}" % (LONGEST + 1): f"a Content-Length of {LONGEST + 1}",
    b"{}": "expected a header with Content-Length, found '{}'",
    b"GET / HTTP/1.1\r\nHost: x\r\n\r\n": (
        "expected a header with Content-Length, found 'GET / HTTP/1.1'"
    ),
    b"\xff\0" * 10_000: r"expected a header with Content-Length, found '\xff\x00",
    framed({}, more=-1): "Expecting property name",
    framed({}, more=1): "Extra data",
    framed({}, more=1000): "Extra data",
    b'Content-Length: 5\r\n\r\n{"\xff"}': "'utf-8' codec can't decode",
    b"Content-Length: 3\r\n\r\nNaN": "NaN is no JSON",
    b"Content-Length: 20000\r\n\r\n" + b"[" * 20_000: "maximum recursion depth exceeded",
}


@pytest.mark.parametrize("size", [None, 1, 7])
@pytest.mark.parametrize("fault", FAULTS)
def test_what_is_no_message_is_told_once_and_what_follows_is_read(
    fault: bytes, size: int | None
) -> None:
    told, *rest = read(framed(1) + fault + framed(LAST) + framed(2), size)[1:]
    assert told.startswith(FAULTS[fault])
    assert rest == [LAST, 2]


@given(st.binary(), st.integers(1, 50))
def test_any_bytes_are_survived(garbage: bytes, size: int) -> None:
    # The first message after a length too large for what came before it may end in it.
    *_, last = read(garbage + b"\n" + framed(1) + framed(LAST), size)
    assert last == LAST
