"""The token at a cursor as a finite automaton over symbols, for a search to walk in a batch.

Rows of a table say, for each of the 256 symbols, which row comes next, that the token has
ended before that symbol, or that what begins here is no token to suggest (a string, a
comment, a new line). Agrees with `lexis.tokens` on words, numbers and operators. Knows
nothing of probabilities.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np
import numpy.typing as npt

from lstm_lsp import symbols
from lstm_lsp.lexis import OPERATORS, STRING_PREFIXES, Where

DEAD: Final = -1
ENDS: Final = -2

_DIGITS: Final = b"0123456789"
_HEX: Final = b"0123456789abcdefABCDEF_"
_LETTERS: Final = bytes((*range(ord("A"), ord("Z") + 1), *range(ord("a"), ord("z") + 1)))
_NOT_ASCII: Final = bytes(range(0x80, 0x100))
_SUFFIXES: Final = b"lLfFdDjJ"
_PRINTABLE: Final = bytes(range(0x21, 0x7F))


@dataclass(frozen=True)
class Automaton:
    """`table` int16 (rows, 256): a row, DEAD or ENDS. Row 0 is where a token may begin."""

    table: npt.NDArray[np.int16]
    goes_on: npt.NDArray[np.float32]
    """0 where the token goes on, -inf elsewhere: added to log-probabilities."""
    ends: npt.NDArray[np.float32]
    """1 where the token has ended, 0 elsewhere: multiplied with probabilities."""

    def after(self, typed: bytes) -> int:
        """Return the row after the part of a token that is typed; 0 when it is no such part."""
        row = 0
        for symbol in typed:
            row = int(self.table[row, symbol])
            if row < 0:
                return 0
        return row


def word_symbols(language: str) -> npt.NDArray[np.float32]:
    """Return 1 for the symbols (256,) that go on with a word, 0 for the others."""
    found = np.zeros(symbols.VOCABULARY, np.float32)
    found[list(_LETTERS + _DIGITS + b"_" + _NOT_ASCII)] = 1
    found[ord("$")] = language == "java"
    return found


@cache
def no_members(language: str) -> bytes:
    """Return the symbols that do not follow the dot of a member access.

    All but those that a name begins with, a line end (in Python continued by a backslash), and in
    Java `String...`, `java.util.*` and `this.<T>of()`. Spaces may stand there, yet only prose has
    them: after three of the 217,419 such dots in sixteen projects.
    """
    names = (
        np.flatnonzero(word_symbols(language)).astype(np.uint8).tobytes().translate(None, _DIGITS)
    )
    allowed = names + b"\n" + (b".*<" if language == "java" else b"\\")
    return bytes(range(symbols.VOCABULARY)).translate(None, allowed)


@cache
def automaton(language: str, where: Where) -> Automaton:
    """Return the automaton for tokens of `language`; in strings and comments for words."""
    rows = _Rows()
    word = np.flatnonzero(word_symbols(language))
    start = rows.add(DEAD)
    rows.go(start, b" \t", start)
    words = rows.add(ENDS)
    rows.go(words, word, words)
    rows.go(start, word, words)
    digits, fraction = _numbers(rows)
    rows.go(start, _DIGITS, digits)
    rows.go(start, b"0", _zero(rows, digits))
    code = where == "code" and language in OPERATORS
    single = rows.add(ENDS)
    for symbol in _PRINTABLE:
        if rows.table[start][symbol] == DEAD and not (code and symbol in b"\"'`#\\"):
            rows.go(start, bytes((symbol,)), single)
    if code:
        _operators(rows, start, language, fraction)
    if code and language == "python":
        _string_prefixes(rows, start, words)
    table = np.stack(rows.table)
    goes_on = np.where(table >= 0, 0, -np.inf).astype(np.float32)
    return Automaton(table, goes_on, (table == ENDS).astype(np.float32))


class _Rows:
    """The table while it grows."""

    def __init__(self) -> None:
        self.table: list[npt.NDArray[np.int16]] = []

    def add(self, otherwise: int) -> int:
        self.table.append(np.full(symbols.VOCABULARY, otherwise, np.int16))
        return len(self.table) - 1

    def copy(self, row: int) -> int:
        self.table.append(self.table[row].copy())
        return len(self.table) - 1

    def go(self, row: int, over: bytes | npt.NDArray[np.int64], target: int) -> None:
        self.table[row][list(over)] = target


def _numbers(rows: _Rows) -> tuple[int, int]:
    """Add the rows of decimal numbers; return those after digits and after a "." before them."""
    suffixed = rows.add(ENDS)
    exponent_digits = rows.add(ENDS)
    rows.go(exponent_digits, _DIGITS + b"_", exponent_digits)
    rows.go(exponent_digits, _SUFFIXES, suffixed)
    sign = rows.add(DEAD)
    exponent = rows.add(DEAD)
    for row in (sign, exponent):
        rows.go(row, _DIGITS, exponent_digits)
    rows.go(exponent, b"+-", sign)
    fraction = rows.add(ENDS)
    digits = rows.add(ENDS)
    for row in (fraction, digits):
        rows.go(row, _SUFFIXES, suffixed)
        rows.go(row, b"eE", exponent)
        rows.go(row, _DIGITS + b"_", row)
    point = rows.copy(fraction)
    rows.go(point, b"_", ENDS)
    rows.go(digits, b".", point)
    return digits, fraction


def _zero(rows: _Rows, digits: int) -> int:
    """Add the rows of hexadecimal, binary and octal numbers; return that after their "0"."""
    suffixed = rows.add(ENDS)
    zero = rows.copy(digits)
    for letters, allowed in ((b"xX", _HEX), (b"bB", b"01_"), (b"oO", b"01234567_")):
        some = rows.add(ENDS)
        rows.go(some, allowed, some)
        rows.go(some, b"" if letters == b"oO" else b"lL", suffixed)
        none = rows.add(DEAD)
        rows.go(none, allowed, some)
        rows.go(zero, letters, none)
    return zero


def _operators(rows: _Rows, start: int, language: str, fraction: int) -> None:
    """Add the rows of operators longer than a character, and what their parts are not."""
    operators = OPERATORS[language]
    prefixes = {operator[:end] for operator in operators for end in range(1, len(operator) + 1)}
    row_of = {"": start}
    for prefix in sorted({*prefixes, ".", "/"}, key=lambda text: (len(text), text)):
        whole = len(prefix) == 1 or prefix in operators
        row_of[prefix] = rows.add(ENDS if whole else DEAD)
        rows.go(row_of[prefix[:-1]], prefix[-1].encode(), row_of[prefix])
    rows.go(row_of["."], _DIGITS, fraction)
    if language == "java":
        rows.go(row_of["/"], b"/*", DEAD)


def _string_prefixes(rows: _Rows, start: int, words: int) -> None:
    """Add the rows of words that a quote turns into a string's prefix."""
    row_of = {"": start}
    for prefix in sorted(STRING_PREFIXES, key=lambda text: (len(text), text)):
        row_of[prefix] = rows.copy(words)
        rows.go(row_of[prefix], b"\"'", DEAD)
        rows.go(row_of[prefix[:-1]], prefix[-1].encode(), row_of[prefix])
