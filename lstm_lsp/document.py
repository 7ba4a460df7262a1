r"""The text of one open document, as the editor has it and as the network reads it.

Lines end with "\r\n", "\n" or "\r" and with nothing else (LSP 3.17, Text Documents:
no form feed, no U+2028). A document never changes: an edit gives a new one, so that a
thread may go on reading the old. Offsets count code points of the text, symbols count
what `symbols.encode` makes of it. Nothing here knows the protocol's types, URIs or models.

An edit splices text, symbols and line table: its cost is a few copies of memory, with no
loop over characters or lines.
"""

from __future__ import annotations

import re
from contextlib import suppress
from typing import Final, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lstm_lsp import symbols

Encoding = Literal["utf-8", "utf-16", "utf-32"]

_LINE_END: Final = re.compile(r"\r\n?|\n")
_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_MARKERS: Final = symbols.MARKERS.decode("ascii")
# Codec and bytes a unit of each position encoding.
_CODECS: Final[dict[Encoding, tuple[str, int]]] = {
    "utf-8": ("utf-8", 1),
    "utf-16": ("utf-16-le", 2),
    "utf-32": ("utf-32-le", 4),
}
# Characters looked at at once when a position is counted out on a line.
_STRIDE: Final = 8192

_Table = NDArray[np.int64]


class PositionError(ValueError):
    """A position or range that no text has; the message is one sentence for the log."""


class Position(NamedTuple):
    """A place between two characters: 0-based line, and units of an encoding before it."""

    line: int
    character: int


class Document:
    """One text, its lines and its symbols; immutable.

    `symbols` equals `symbols.encode(text)` always, `version` is the caller's.
    """

    __slots__ = ("_line_symbols", "_lines", "_plain", "symbols", "text", "version")

    text: str
    symbols: bytes
    version: int | None
    _lines: _Table  # offset of each line's first character; the first is 0
    _line_symbols: _Table  # symbols before each of them
    _plain: bool  # the symbols are known to be the text's own ASCII, so offsets coincide

    def __init__(self, text: str, version: int | None = None) -> None:
        text = _joined(text)
        lines, line_symbols, encoded = _scan(text)
        first = np.zeros(1, dtype=np.int64)
        self.text = text
        self.symbols = encoded
        self.version = version
        self._lines = np.append(first, lines)
        self._line_symbols = np.append(first, line_symbols)
        self._plain = _is_plain(text, encoded)

    def offset(self, position: Position, encoding: Encoding) -> int:
        """Return the offset of `position`.

        A character past the end of a line means the end of that line, before its
        terminator; a line past the last one means the end of the text. Raises
        PositionError for negative numbers and for a position inside a character.
        """
        line, character = position
        if line < 0 or character < 0:
            raise PositionError(f"position {line}:{character} is negative")
        if line >= len(self._lines):
            return len(self.text)
        start, end = int(self._lines[line]), self._line_end(line)
        if encoding == "utf-32" or self.text.isascii():
            return min(start + character, end)
        codec, size = _CODECS[encoding]
        left = character * size
        while start < end:
            piece = self.text[start : min(start + _STRIDE, end)]
            encoded = piece.encode(codec, "surrogatepass")
            if left < len(encoded):
                return start + _length(encoded[:left], codec, piece, position)
            left -= len(encoded)
            start += len(piece)
        return end

    def position(self, offset: int, encoding: Encoding) -> Position:
        """Return the position of `offset`, which must lie within the text."""
        line = int(np.searchsorted(self._lines, offset, side="right")) - 1
        start = int(self._lines[line])
        if encoding == "utf-32" or self.text.isascii():
            return Position(line, offset - start)
        codec, size = _CODECS[encoding]
        return Position(line, len(self.text[start:offset].encode(codec, "surrogatepass")) // size)

    def line_start(self, offset: int) -> int:
        """Return the offset at which the line of `offset` begins."""
        return int(self._lines[np.searchsorted(self._lines, offset, side="right") - 1])

    def line_end(self, offset: int) -> int:
        """Return the offset at which the line of `offset` ends, before its terminator."""
        return self._line_end(int(np.searchsorted(self._lines, offset, side="right")) - 1)

    def symbol_offset(self, offset: int) -> int:
        """Return how many symbols the text before `offset` has."""
        if self._plain:
            return offset
        line = int(np.searchsorted(self._lines, offset, side="right")) - 1
        before = self.text[self._lines[line] : offset]
        return int(self._line_symbols[line]) + _symbol_count(before)

    def edited(
        self, start: Position, end: Position, new: str, encoding: Encoding, version: int | None
    ) -> Document:
        """Return the document in which `new` stands for the text from `start` to `end`.

        Raises PositionError when the range is reversed or cuts a character in two; this
        document is what it was in any case.
        """
        if start > end:
            raise PositionError(
                f"range {start.line}:{start.character}-{end.line}:{end.character} is reversed"
            )
        first, last = self.offset(start, encoding), self.offset(end, encoding)
        return self.spliced(first, last, new, version)

    def spliced(self, first: int, last: int, new: str, version: int | None) -> Document:
        """Return the document in which `new` stands for `text[first:last]`."""
        text = self.text
        # What surrounds the edit is read again where it may join with it: "\r" and "\n"
        # into one line end, the halves of a surrogate pair into one character.
        low, high = first, last
        if low and (text[low - 1] == "\r" or _is_surrogate(text[low - 1])):
            low -= 1
        if high < len(text) and (text[high] == "\n" or _is_surrogate(text[high])):
            high += 1
        middle = _joined(text[low:first] + new + text[last:high])
        lines, line_symbols, encoded = _scan(middle)

        symbol_low, symbol_high = self.symbol_offset(low), self.symbol_offset(high)
        line_low = int(np.searchsorted(self._lines, low, side="right"))
        line_high = int(np.searchsorted(self._lines, high, side="right"))
        grown = len(middle) - (high - low)
        symbols_grown = len(encoded) - (symbol_high - symbol_low)
        document = Document.__new__(Document)
        document.text = "".join((text[:low], middle, text[high:]))
        whole = memoryview(self.symbols)
        document.symbols = b"".join((whole[:symbol_low], encoded, whole[symbol_high:]))
        document.version = version
        document._lines = np.concatenate(
            (self._lines[:line_low], lines + low, self._lines[line_high:] + grown)
        )
        document._line_symbols = np.concatenate(
            (
                self._line_symbols[:line_low],
                line_symbols + symbol_low,
                self._line_symbols[line_high:] + symbols_grown,
            )
        )
        document._plain = self._plain and _is_plain(middle, encoded)
        return document

    def _line_end(self, line: int) -> int:
        """Return the offset of the end of line number `line`, before its terminator."""
        if line + 1 == len(self._lines):
            return len(self.text)
        end = int(self._lines[line + 1]) - 1
        if self.text[end] == "\n" and end > self._lines[line] and self.text[end - 1] == "\r":
            end -= 1
        return end


def _scan(text: str) -> tuple[_Table, _Table, bytes]:
    """Return the line starts after the first in `text`, the symbols before each, and all symbols.

    In symbols every line end is one line feed, and no other character becomes one.
    """
    encoded = symbols.encode(text)
    starts = np.fromiter((match.end() for match in _LINE_END.finditer(text)), dtype=np.int64)
    newlines = np.flatnonzero(np.frombuffer(encoded, dtype=np.uint8) == ord("\n"))
    return starts, newlines.astype(np.int64) + 1, encoded


def _symbol_count(text: str) -> int:
    """Return `len(symbols.encode(text))` of text within one line, several times faster."""
    widened = sum(map(text.count, _MARKERS))  # one byte each, three as U+FFFD
    return len(text.encode("utf-8", "surrogatepass")) + 2 * widened


def _is_plain(text: str, encoded: bytes) -> bool:
    return text.isascii() and text.encode("ascii") == encoded


def _is_surrogate(character: str) -> bool:
    return "\ud800" <= character <= "\udfff"


def _joined(text: str) -> str:
    """Return `text` with neighbouring halves of a surrogate pair made one character."""
    if text.isascii() or _SURROGATE.search(text) is None:
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")


def _length(encoded: bytes, codec: str, piece: str, position: Position) -> int:
    """Return how many characters of `piece` are `encoded`, their beginning."""
    with suppress(UnicodeDecodeError):
        head = encoded.decode(codec, "surrogatepass")
        # Half a pair decodes too, to a character that is not there.
        if piece.startswith(head):
            return len(head)
    raise PositionError(f"position {position.line}:{position.character} is inside a character")
