"""The project memory's counts and mixture in plain Python.

The specification of the compiled kernel (`_memory.c`), which the tests hold against
it, and its stand-in, some ten times slower, where no compiler was available. Knows
nothing of files and paths.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

ORDERS: Final = (2, 3, 4, 6, 8, 12, 16, 24, 32)
FILE_ORDERS: Final = ORDERS[:7]
"""Orders at which the current file's own counts are a level beside the project's."""
LONGEST: Final = ORDERS[-1]

Level = tuple[int, dict[int, int]]
"""A level's place in the recursion, and how often each symbol followed there."""

# An inner dictionary with one entry and its share of the outer one, as CPython 3.11 keeps them.
_BYTES_A_CONTEXT: Final = 260 + LONGEST // 2


class Counts:
    """What followed each context in some text, and how often."""

    def __init__(self) -> None:
        self._tables: tuple[dict[bytes, dict[int, int]], ...] = tuple({} for _ in ORDERS)
        self.symbols = 0

    @property
    def size(self) -> int:
        """Bytes held (an estimate)."""
        return sum(sys.getsizeof(table) + len(table) * _BYTES_A_CONTEXT for table in self._tables)

    def add(self, text: bytes, start: int, stop: int, room: int = sys.maxsize) -> int:
        """Count text[start:stop]; return where it stopped: at `stop`, or where `room` ended.

        `room` is in bytes. Contexts reach before `start`, and into zeros before the text.
        """
        most = room // (_BYTES_A_CONTEXT * len(ORDERS))
        stop = min(stop, start + most)
        padded = bytes(LONGEST) + text
        for at in range(start, stop):
            end = at + LONGEST
            for order, table in zip(ORDERS, self._tables, strict=True):
                counts = table.setdefault(padded[end - order : end], {})
                counts[padded[end]] = counts.get(padded[end], 0) + 1
        self.symbols += stop - start
        return stop

    def remove(self, text: bytes, start: int, stop: int) -> int:
        """Undo `add` of the same text, start and stop; return `stop`."""
        padded = bytes(LONGEST) + text
        for at in range(start, stop):
            end = at + LONGEST
            for order, table in zip(ORDERS, self._tables, strict=True):
                context = padded[end - order : end]
                counts = table[context]
                counts[padded[end]] -= 1
                if not counts[padded[end]]:
                    del counts[padded[end]]
                if not counts:
                    del table[context]
        self.symbols -= stop - start
        return stop

    def after(self, order: int, context: bytes) -> Mapping[int, int]:
        """Return how often each symbol followed `context`, the order-th of `ORDERS`."""
        return self._tables[order].get(context, {})


def levels(project: Counts, own: Counts, current: Counts, tail: bytes) -> list[Level]:
    """Return the levels that know the context `tail`, shortest context first.

    At each order: `project` without `own` (what the project holds of the current file)
    plus `current`; then, at the lower orders, `current` alone.
    """
    padded = bytes(LONGEST) + tail
    found: list[Level] = []
    level = 0
    for index, order in enumerate(ORDERS):
        context = padded[len(padded) - order :]
        file = dict(current.after(index, context))
        mine = own.after(index, context)
        whole = dict(file)
        for symbol, count in project.after(index, context).items():
            whole[symbol] = whole.get(symbol, 0) + count - mine.get(symbol, 0)
        whole = {symbol: count for symbol, count in sorted(whole.items()) if count > 0}
        if not whole:
            break
        found.append((level, whole))
        level += 1
        if order in FILE_ORDERS:
            if file:
                found.append((level, file))
            level += 1
    return found


def bucket(counts: Mapping[int, int]) -> int:
    """Return which entry of a level's interpolation weights applies to `counts`."""
    total, distinct = sum(counts.values()), len(counts)
    rows = (1, 2, 3, 5, 8, 16, 64, 512)
    row = next((i for i, most in enumerate(rows) if total <= most), len(rows))
    column = 0 if distinct == 1 else 1 if distinct == 2 else 2 if distinct <= 4 else 3
    return row * 4 + column


BUCKETS: Final = 9 * 4
LEVELS: Final = len(ORDERS) + len(FILE_ORDERS)


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
