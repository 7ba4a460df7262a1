"""Where an evaluation looks: places drawn from a project by a seed.

One draw serves all measures: the non-blank characters of a project's files, licence
notices left out, in a random order. A line position is the next character drawn; a
token position the next one that starts a token; a typed line the next one that is its
line's first. So each is uniform over its kind, and equal seeds give equal places.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate, islice
from typing import TypeVar

import numpy as np

from lstm_lsp.evaluate.sources import File, Project
from lstm_lsp.lexis import Token, tokens

TOKEN_KINDS = frozenset({"identifier", "keyword", "number", "operator"})


@dataclass(frozen=True)
class Spot:
    """A place in a file: before the character at `offset`."""

    file: File
    offset: int

    @property
    def before(self) -> str:
        """All text before the place."""
        return self.file.text[: self.offset]

    @property
    def line_start(self) -> int:
        """The offset of the first character of the place's line."""
        return self.file.text.rfind("\n", 0, self.offset) + 1

    @property
    def rest_of_line(self) -> str:
        """What stands between the place and the end of its line."""
        end = self.file.text.find("\n", self.offset)
        return self.file.text[self.offset : end if end >= 0 else None]


@dataclass(frozen=True)
class TokenSpot(Spot):
    """The start of a token."""

    token: str
    kind: str


AnySpot = TypeVar("AnySpot", bound=Spot)


def file_order(project: Project, seed: int) -> list[File]:
    """Return the project's files in the order that a sample of whole files takes them."""
    order = np.random.default_rng((seed, 0)).permutation(len(project.files))
    return [project.files[index] for index in order]


def line_spots(project: Project, count: int, seed: int) -> list[Spot]:
    """Return `count` places, uniform over non-blank characters; fewer where there are fewer."""
    return _in_reading_order(islice(_characters(project, (seed, 1)), count))


def typed_lines(project: Project, count: int, seed: int) -> list[Spot]:
    """Return the first non-blank characters of `count` lines, uniform over non-blank lines."""
    drawn = (
        spot
        for spot in _characters(project, (seed, 2))
        if not spot.file.text[spot.line_start : spot.offset].strip()
    )
    return _in_reading_order(islice(drawn, count))


def token_spots(project: Project, count: int, seed: int) -> list[TokenSpot]:
    """Return `count` token starts, uniform over identifiers, keywords, numbers, operators."""
    starts: dict[str, dict[int, Token]] = {}

    def drawn() -> Iterator[TokenSpot]:
        for spot in _characters(project, (seed, 3)):
            file = spot.file
            if file.path not in starts:
                starts[file.path] = {
                    token.start: token
                    for token in tokens(file.text, file.language)
                    if token.kind in TOKEN_KINDS
                }
            token = starts[file.path].get(spot.offset)
            if token is not None:
                text = file.text[token.start : token.end]
                yield TokenSpot(file, token.start, text, token.kind)

    return _in_reading_order(islice(drawn(), count))


def _in_reading_order(spots: Iterator[AnySpot]) -> list[AnySpot]:
    """Sort places by file and offset, so that neighbours share what was read before them."""
    return sorted(spots, key=lambda spot: (spot.file.path, spot.offset))


def _characters(project: Project, seed: tuple[int, int]) -> Iterator[Spot]:
    """Yield every non-blank character outside licence notices once, in random order."""
    counts = [sum(map(len, file.text[file.licence_characters :].split())) for file in project.files]
    ends = list(accumulate(counts))
    offsets: dict[int, list[int]] = {}
    for index in _shuffled(ends[-1] if ends else 0, np.random.default_rng(seed)):
        number = bisect_right(ends, index)
        file = project.files[number]
        if number not in offsets:
            first = file.licence_characters
            text = enumerate(file.text[first:], first)
            offsets[number] = [offset for offset, character in text if not character.isspace()]
        yield Spot(file, offsets[number][index - ends[number] + counts[number]])


def _shuffled(count: int, random: np.random.Generator) -> Iterator[int]:
    """Yield 0..count-1 in random order: Fisher and Yates, of which only what moved is kept."""
    moved: dict[int, int] = {}
    for at in range(count):
        other = int(random.integers(at, count))
        here = moved.pop(at, at)
        if other == at:
            yield here
        else:
            yield moved.get(other, other)
            moved[other] = here
