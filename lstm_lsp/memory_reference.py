"""The project memory's counts and mixture in plain Python.

The specification of the compiled kernel (`_memory.c`), which the tests hold against
it, and its stand-in, some ten times slower, where no compiler was available. Knows
nothing of files and paths.
"""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

WORD: Final = -1
CONTEXTS: Final = (2, 3, WORD, 4, 6, 8, 12, 16, 32)
"""The last n symbols; or the word begun. In their order in the recursion."""
FILE_CONTEXTS: Final = len(CONTEXTS) - 1
"""The current file's own counts are a level beside the project's, but for the longest."""
LONGEST: Final = 32

_WORD: Final = re.compile(rb"[\w$\x80-\xff]+\Z")

Level = tuple[int, dict[int, int]]
"""A level's place in the recursion, and how often each symbol followed there."""

# An inner dictionary with one entry and its share of the outer one, as CPython 3.11 keeps them.
_BYTES_A_CONTEXT: Final = 260 + LONGEST // 2


def context(kind: int, before: bytes) -> bytes | None:
    """Return the context of one of the kinds `CONTEXTS` after `before`; None: there is none.

    `before` is at least `LONGEST` symbols, of which the last `LONGEST` are read. `WORD` is
    the word that ends there, as far as written.
    """
    if kind > 0:
        return before[-kind:]
    word = _WORD.search(before[-LONGEST:])
    return word.group() if word else None


class Counts:
    """What followed each context in some text, and how often."""

    def __init__(self) -> None:
        self._tables: tuple[dict[bytes, dict[int, int]], ...] = tuple({} for _ in CONTEXTS)
        self.symbols = 0

    @property
    def size(self) -> int:
        """Bytes held (an estimate)."""
        return sum(sys.getsizeof(table) + len(table) * _BYTES_A_CONTEXT for table in self._tables)

    def add(self, text: bytes, start: int, stop: int, room: int = sys.maxsize) -> int:
        """Count text[start:stop]; return where it stopped: at `stop`, or where `room` ended.

        `room` is in bytes. Contexts reach before `start`, and into zeros before the text.
        """
        most = room // (_BYTES_A_CONTEXT * len(CONTEXTS))
        stop = min(stop, start + most)
        padded = bytes(LONGEST) + text
        for at in range(start, stop):
            end = at + LONGEST
            for kind, table in zip(CONTEXTS, self._tables, strict=True):
                known = context(kind, padded[end - LONGEST : end])
                if known is None:
                    continue
                counts = table.setdefault(known, {})
                counts[padded[end]] = counts.get(padded[end], 0) + 1
        self.symbols += stop - start
        return stop

    def remove(self, text: bytes, start: int, stop: int) -> int:
        """Undo `add` of the same text, start and stop; return `stop`."""
        padded = bytes(LONGEST) + text
        for at in range(start, stop):
            end = at + LONGEST
            for kind, table in zip(CONTEXTS, self._tables, strict=True):
                known = context(kind, padded[end - LONGEST : end])
                if known is None:
                    continue
                counts = table[known]
                counts[padded[end]] -= 1
                if not counts[padded[end]]:
                    del counts[padded[end]]
                if not counts:
                    del table[known]
        self.symbols -= stop - start
        return stop

    def after(self, number: int, known: bytes) -> Mapping[int, int]:
        """Return how often each symbol followed a context, the number-th of `CONTEXTS`."""
        return self._tables[number].get(known, {})


def levels(project: Counts, own: Counts, current: Counts, tail: bytes) -> list[Level]:
    """Return the levels that know the context `tail`, shortest context first.

    For each context: `project` without `own` (what the project holds of the current file)
    plus `current`; then, but for the longest, `current` alone.
    """
    padded = bytes(LONGEST) + tail
    found: list[Level] = []
    level = 0
    for number, kind in enumerate(CONTEXTS):
        known = context(kind, padded)
        if known is not None:
            file = dict(current.after(number, known))
            mine = own.after(number, known)
            whole = dict(file)
            for symbol, count in project.after(number, known).items():
                whole[symbol] = whole.get(symbol, 0) + count - mine.get(symbol, 0)
            whole = {symbol: count for symbol, count in whole.items() if count > 0}
            if whole:
                found.append((level, whole))
            if file and number < FILE_CONTEXTS:
                found.append((level + 1, file))
        level += 2
    return found


def bucket(counts: Mapping[int, int]) -> int:
    """Return which entry of a level's interpolation weights applies to `counts`."""
    total, distinct = sum(counts.values()), len(counts)
    rows = (1, 2, 3, 5, 8, 16, 64, 512)
    row = next((i for i, most in enumerate(rows) if total <= most), len(rows))
    column = 0 if distinct == 1 else 1 if distinct == 2 else 2 if distinct <= 4 else 3
    return row * 4 + column


BUCKETS: Final = 9 * 4
LEVELS: Final = len(CONTEXTS) + FILE_CONTEXTS


def mix(  # noqa: PLR0917 - the kernel's own signature
    project: Counts,
    own: Counts,
    current: Counts,
    interpolation: npt.NDArray[np.float64],
    log_probs: npt.NDArray[np.float32],
    tails: Sequence[bytes],
    out: npt.NDArray[np.float32],
) -> None:
    """Write into `out` (B, 256) the mixture of `log_probs` (B, 256) and the counts.

    P := the network's distribution; then for each level, shortest context first,
    P(s) := (1 - a) c(s) / N + a P(s), a = interpolation[level, bucket(c)].
    """
    for row, tail in enumerate(tails):
        probabilities = np.exp(log_probs[row].astype(np.float64))
        for level, counts in levels(project, own, current, tail):
            back = interpolation[level, bucket(counts)]
            total = sum(counts.values())
            probabilities *= back
            for symbol, count in counts.items():
                probabilities[symbol] += (1 - back) * count / total
        out[row] = [math.log(p) if p > 0 else -math.inf for p in probabilities]
