"""Next token, rest of line and typing, measured on whatever suggests text.

`Suggester` is what is measured: the product, or a baseline beside it. It is shown a
place and may read what stands before it, never what follows; the measures compare.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from time import perf_counter
from typing import NamedTuple, Protocol

from rapidfuzz import fuzz

from lstm_lsp.evaluate.sampling import Spot, TokenSpot
from lstm_lsp.evaluate.tally import RANKS, Tally

SHORTEST = 2
"""Characters of a suggestion that saves keys: taking one costs one key."""

LONGEST = 2000
"""Characters after a line that a suggestion of several lines is compared with."""

_WORD = re.compile(r"\s*(?:\w+|[^\w\s]+)")


@dataclass(frozen=True)
class Suggestion:
    """Text shown at a place, and the probability it was shown with (None: unknown)."""

    text: str
    probability: float | None = None


class Suggester(Protocol):
    """Suggests text at a place from what stands before it."""

    def tokens(self, spot: Spot, count: int) -> list[str]:
        """Return at most `count` different next tokens, best first, whatever their worth."""

    def line(self, spot: Spot) -> str:
        """Return the likeliest rest of the line, "" for none."""

    def prepare(self, spot: Spot) -> None:
        """Make ready for typing from `spot` on, as opening a document does; not timed."""

    def shown(self, spot: Spot) -> Suggestion | None:
        """Return what a user would see at `spot` while typing."""


def measure_tokens(suggester: Suggester, spots: Iterable[TokenSpot]) -> Tally:
    """Return the ranks of the right token at each of `spots`."""
    tally = Tally()
    for spot in spots:
        candidates = suggester.tokens(spot, RANKS)
        tally.tokens.add(candidates, spot.token)
        if spot.kind == "identifier":
            tally.identifiers.add(candidates, spot.token)
    return tally


def measure_lines(suggester: Suggester, spots: Iterable[Spot]) -> Tally:
    """Return how often and how nearly the rest of the line is right (CodeXGLUE's measures).

    Exact match compares what stands between white space, `a.split() == b.split()`; edit
    similarity is 100 (1 - d / (len a + len b)), d the insertions and deletions between them.
    """
    tally = Tally()
    for spot in spots:
        suggested, right = suggester.line(spot), spot.rest_of_line
        tally.lines += 1
        tally.lines_right += suggested.split() == right.split()
        tally.edit_similarity += fuzz.ratio(suggested, right)
    return tally


def measure_typing(suggester: Suggester, lines: Iterable[Spot]) -> Tally:
    """Return keys and suggestions while each line is typed from its first character on."""
    tally = Tally()
    for line in lines:
        suggester.prepare(line)
        tally += _type_line(suggester, line)
    return tally


def _type_line(suggester: Suggester, line: Spot) -> Tally:
    """Type the rest of `line`: one key a character, or one for a suggestion that fits.

    A suggestion is one as long as it stays: what is shown after a key is the same
    suggestion when it goes on where the last one was. One that is right for several lines
    is taken whole; new lines and their indentation then count neither as typed nor saved.
    """
    tally = Tally()
    offset = line.offset
    end = offset + len(line.rest_of_line.rstrip())
    following = line.file.text[offset : end + LONGEST]
    expected, taken = "", False
    while offset < end:
        started = perf_counter()
        suggestion = suggester.shown(Spot(line.file, offset))
        tally.milliseconds.append((perf_counter() - started) * 1000)
        text = suggestion.text if suggestion and len(suggestion.text) >= SHORTEST else ""
        if text and not _same(expected, text):
            tally.shown += 1
            taken = False
        step = fitting(text, following)
        if step >= SHORTEST:
            tally.accepted += not taken
            taken = True
        else:
            step = 1
        tally.keys += 1
        tally.typed += _by_hand(following[:step])
        # What is left of the suggestion after this key, if the text agrees with it.
        expected = text[step:] if following[:step] == text[:step] else ""
        following, offset = following[step:], offset + step
    return tally


def fitting(suggested: str, following: str) -> int:
    """Return the characters of `suggested` that a user takes where `following` is to come.

    All of it when that is what follows, else its first word when that is the whole next
    word, else 0. Neither may end inside a word of the text.
    """
    word = _WORD.match(suggested)
    for text in (suggested.rstrip(), word.group() if word else ""):
        if text and following.startswith(text) and not _inside_word(following, len(text)):
            return len(text)
    return 0


class Chance(NamedTuple):
    """What was offered at one place: its probability, 0 for nothing, and whether it fits."""

    probability: float
    fits: bool


def chances_of(suggester: Suggester, lines: Iterable[Spot]) -> list[Chance]:
    """Return what is offered before every character of each line, and whether it fits."""
    offered = []
    for line in lines:
        suggester.prepare(line)
        left = line.rest_of_line.rstrip()
        following = line.file.text[line.offset : line.offset + len(left) + LONGEST]
        for at in range(len(left)):
            shown = suggester.shown(Spot(line.file, line.offset + at))
            text = shown.text if shown and len(shown.text) >= SHORTEST else ""
            probability = shown.probability if shown and shown.probability else 0.0
            fits = fitting(text, following[at:]) >= SHORTEST
            offered.append(Chance(probability if text else 0.0, fits))
    return offered


def _by_hand(text: str) -> int:
    """Return the keys that typing `text` takes where new lines and indentation come free."""
    line, *more = text.split("\n")
    return len(line) + sum(len(part.strip()) for part in more)


def _same(expected: str, text: str) -> bool:
    return bool(expected) and (expected.startswith(text) or text.startswith(expected))


def _inside_word(text: str, at: int) -> bool:
    return 0 < at < len(text) and _is_word(text[at - 1]) and _is_word(text[at])


def _is_word(character: str) -> bool:
    return character.isalnum() or character == "_"
