"""What stands around a cursor, as far as showing a candidate there depends on it.

Made once for a request from a bounded window of text; knows nothing of candidates,
probabilities or models.
"""

from __future__ import annotations

import re
from functools import cached_property, lru_cache
from typing import Final

from lstm_lsp import lexis

WINDOW: Final = 8192
"""Symbols before the cursor, and half as many characters after it, that are looked at."""

_WORD_BEFORE: Final = re.compile(r"[\w$]*\Z")


class Situation:
    """The lines, brackets and lexical state around one cursor."""

    def __init__(self, before: bytes, after: str, language: str, known: int = 0) -> None:
        """`before`, symbols, and `after` are the whole document; WINDOW of it is looked at.

        `known` is a place in `before` that is in code: an earlier situation's `start`.
        """
        start = 0
        if len(before) > WINDOW:
            start = before.find(b"\n", len(before) - WINDOW) + 1 or len(before) - WINDOW
            start = lexis.code_start(before, start, language, known)
        self.start: Final = start
        """Where in `before` the text that is looked at begins, in code."""
        self.before: Final = before[start:].decode("utf-8", "ignore")
        self.after: Final = after[: WINDOW // 2]
        self.language: Final = language
        self.whole: Final = start == 0 and len(after) == len(self.after)
        """Whether this is all of the document."""
        line = self.before.rfind("\n") + 1
        above = _scan_above(self.before[:line], language)
        self.scan: Final = lexis.scan(self.before, language, above.anchor, above.brackets)
        self.line_before: Final = self.before[line:]
        self.line_after: Final = self.after.partition("\n")[0].rstrip()

    @cached_property
    def typed(self) -> str:
        """The part of a word or number that ends at the cursor."""
        return _WORD_BEFORE.search(self.line_before).group()  # type: ignore[union-attr]

    @property
    def inside_word(self) -> bool:
        """Whether a word goes on on both sides of the cursor."""
        return bool(self.typed) and is_word(self.after[:1])

    @cached_property
    def awaits_member(self) -> bool:
        """Whether the cursor is right after the dot of a member access, in code."""
        local = self.before[self.scan.anchor :]
        return self.scan.where == "code" and lexis.awaits_member(local, self.language)

    @cached_property
    def below(self) -> str:
        """The text below the cursor's line, with the line end before it; "" for none."""
        _, end, below = self.after.partition("\n")
        return end + below if below.strip() else ""

    @cached_property
    def next_line(self) -> str:
        """The next line that is not blank, stripped."""
        return self.below.lstrip().partition("\n")[0].rstrip()

    @cached_property
    def previous_line(self) -> str:
        """The last line before the cursor's that is not blank, stripped of spaces after it."""
        above = self.before[: len(self.before) - len(self.line_before)]
        return above.rstrip().rpartition("\n")[2]

    @cached_property
    def indentations(self) -> frozenset[str]:
        """The white space that the lines up to the cursor begin with."""
        return frozenset(map(indentation, self.before.split("\n")))

    @cached_property
    def open_brackets(self) -> str:
        """The innermost brackets that are open here and that nothing after the cursor closes.

        Where the text is not all known, a brace that a later one may close counts as open; in
        a string or comment, what stands after the cursor is no code and closes none.
        """
        brackets = self.scan.brackets
        if self.scan.where != "code" or not brackets:
            return brackets
        closing = lexis.unopened(self.after, self.language)
        if self.whole and len(closing) < len(brackets):
            return brackets[len(closing) :]
        free = 0
        for bracket in reversed(brackets):
            closed = closing[:1] == lexis.CLOSING[bracket]
            if closed and (self.whole or bracket != "{"):
                break
            free += 1
        return brackets[len(brackets) - free :]


@lru_cache(maxsize=4)
def _scan_above(text: str, language: str) -> lexis.Scan:
    """Scan whole lines, once while the line after them is typed."""
    return lexis.scan(text, language)


def indentation(line: str) -> str:
    """Return the white space that `line` begins with."""
    return line[: len(line) - len(line.lstrip())]


def is_word(character: str) -> bool:
    """Whether `character` goes on with a word; False for ""."""
    return character.isalnum() or character in ("_", "$")
