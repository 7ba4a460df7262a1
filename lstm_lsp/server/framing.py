"""Messages in a stream of bytes: header lines, an empty line, `Content-Length` bytes of JSON.

After LSP 3.17, "Base Protocol", and more patient with it: header names in any case, lines that
end in LF alone. What is no message is told in one sentence, and reading goes on at the next
line that ends in a length: JSON holds no raw line end, so such a line is never inside a message.
That brings back whatever follows garbage, a missing length, and a wrong one, too small or too
large. Nothing here reads or writes, nor knows what the messages say.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

LONGEST: Final = 1 << 28
"""Bytes of a body that are waited for: more is taken for a wrong length."""

_LONGEST_LINE: Final = 1 << 12
"""Bytes without a line end that are looked at for a header; of more, the end alone."""

_LENGTH: Final = re.compile(rb"content-length[ \t]*:[ \t]*(\d{1,12})[ \t]*\r?\n", re.IGNORECASE)
_BLANK: Final = b"\r\n\r\n"
_FIELD: Final = re.compile(rb"[\w-]+[ \t]*:[^\n]*\n")
_NO_LENGTH: Final = "a header without a Content-Length that is a number"
_SHOWN: Final = 40


@dataclass(frozen=True)
class Malformed:
    """Bytes that are no message, and why, in one sentence."""

    reason: str


def parsed(body: bytes | bytearray) -> Any:
    """Return the message that a body of JSON is; Malformed where it is none."""
    try:
        return json.loads(body, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        return Malformed(str(error))


class Frames:
    """The messages of one stream, however it is cut into pieces."""

    def __init__(self) -> None:
        self._unread = bytearray()
        self._length: int | None = None
        self._begun = False  # whether there were header lines since the last message
        self._in_body = False
        self._lost = False  # what is no message was told, and none has come since

    def feed(self, piece: bytes) -> Iterator[Any]:
        """Yield each message that `piece` completes, as parsed JSON, or as Malformed."""
        self._unread += piece
        while True:
            if self._in_body:
                if len(self._unread) < (self._length or 0) and not self._other_follows():
                    return
                yield self._message()
            elif (line := self._line()) is None:
                return
            elif (wrong := self._header(line)) is not None:
                yield wrong

    def _line(self) -> bytes | None:
        end = self._unread.find(b"\n") + 1
        if not end:
            if len(self._unread) <= _LONGEST_LINE:
                return None
            end = len(self._unread) - _LONGEST_LINE // 2  # a header may begin in the rest
        line = bytes(self._unread[:end])
        del self._unread[:end]
        return line

    def _header(self, line: bytes) -> Malformed | None:
        """Read one header line, the empty one after them too; return what is wrong with it."""
        begun, self._begun = self._begun, True
        if match := _LENGTH.search(line):
            self._length = int(match[1])
            if not 0 < self._length <= LONGEST:
                wrong, self._length = f"a Content-Length of {self._length}", None
                return self._malformed(wrong)
            before = line[: match.start()]
            return self._malformed(_shown(before)) if before.strip() else None
        if line.strip():
            return None if _FIELD.fullmatch(line) else self._malformed(_shown(line))
        self._in_body, self._begun = self._length is not None, False
        return None if self._in_body or not begun else self._malformed(_NO_LENGTH)

    def _other_follows(self) -> bool:
        """Whether another message begins in what should be one body, whose end is not there."""
        return _BLANK in self._unread and _LENGTH.search(self._unread) is not None

    def _message(self) -> Any:
        body = self._unread[: self._length]
        del self._unread[: self._length]
        self._length, self._in_body, self._lost = None, False, False
        message = parsed(body)
        if isinstance(message, Malformed):
            self._unread[:0] = body  # another may begin in it, if the length was too large
            return self._malformed(message.reason)
        return message

    def _malformed(self, reason: str) -> Malformed | None:
        """Return what is to be told, once for all bytes up to the next message."""
        told, self._lost = self._lost, True
        return None if told else Malformed(reason)


def _shown(line: bytes) -> str:
    some = line.strip()[:_SHOWN].decode("latin-1")
    return f"expected a header with Content-Length, found {some!a}"


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON")
