"""The project memory's counts and mixture in plain Python.

The specification of the compiled kernel (`_memory.c`), which the tests hold against
it, and its stand-in, some ten times slower, where no compiler was available. Knows
nothing of files and paths.
"""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

WORD: Final = -1
LINE: Final = -2
ABOVE: Final = -3
CONTEXTS: Final = (3, LINE, WORD, 4, 6, ABOVE, 8, 12, 24, 48)
"""The last n symbols, or what `context` says of the others. In their order in the recursion."""
PROJECT_ONLY: Final = (24, 48)
"""The current file's counts of these are a part of the project's, but no level of their own."""
IN_FOLDER: Final = (6, ABOVE, 12)
"""Those that have a level of the current file's folder: where a look-up gains most."""
LONGEST: Final = 128
"""No context reaches back further."""

_WORD: Final = re.compile(rb"[\w$\x80-\xff]*\Z")
_OPENING: Final = re.compile(rb"([ \t]*)([\w$\x80-\xff]*)")
_INDENTATION: Final = re.compile(rb"[ \t]*")

Level = tuple[int, dict[int, int]]
"""A level's place in the recursion, and how often each symbol followed there."""

# An inner dictionary with one entry and its share of the outer one, as CPython 3.11 keeps them.
_BYTES_A_CONTEXT: Final = 280


def context(kind: int, before: bytes) -> bytes | None:
    """Return the context of one of the kinds `CONTEXTS` after `before`; None: there is none.

    `before` is at least `LONGEST` symbols, of which the last `LONGEST` are read.

    - n: the last n symbols.
    - `WORD`: the word that ends there, as far as written.
    - `LINE`: the line's indentation and first word, with the word that ends there (it may be
      none) and the symbol before it.
    - `ABOVE`: the indentation of the line above and up to eight symbols after it, with the last
      symbols, up to four, of the line itself.
    """
    if kind > 0:
        return before[-kind:]
    before = before[-LONGEST:]
    word = _found(_WORD.search(before))
    if kind == WORD:
        return word.group() or None
    start = before.rfind(b"\n") + 1
    if kind == LINE:
        indentation, first = _found(_OPENING.match(before, start)).groups()
        previous = before[max(0, word.start() - 1) : word.start()]
        return b"\0".join((b"%d" % len(indentation), first, previous, word.group()))
    above = before.rfind(b"\n", 0, start - 1) + 1 if start else 0
    if not above:
        return None
    text = _found(_INDENTATION.match(before, above, start - 1)).end()
    opening = before[text : min(text + 8, start - 1)]
    return b"%d\0%b\n%b" % (text - above, opening, before[max(start, LONGEST - 4) :])


def _found(match: re.Match[bytes] | None) -> re.Match[bytes]:
    assert match is not None  # the pattern matches nothing, too
    return match


class Counts:
    """What followed each context in some text, and how often.

    `of_folder`: only the contexts `IN_FOLDER` are counted.
    """

    def __init__(self, of_folder: bool = False) -> None:
        self._kinds = IN_FOLDER if of_folder else CONTEXTS
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
            symbol = text[at]
            for table, known in self._contexts(padded[at : at + LONGEST]):
                counts = table.setdefault(known, {})
                counts[symbol] = counts.get(symbol, 0) + 1
        self.symbols += stop - start
        return stop

    def remove(self, text: bytes, start: int, stop: int) -> int:
        """Undo `add` of the same text, start and stop; return `stop`."""
        padded = bytes(LONGEST) + text
        for at in range(start, stop):
            symbol = text[at]
            for table, known in self._contexts(padded[at : at + LONGEST]):
                counts = table[known]
                counts[symbol] -= 1
                if not counts[symbol]:
                    del counts[symbol]
                if not counts:
                    del table[known]
        self.symbols -= stop - start
        return stop

    def _contexts(self, before: bytes) -> Iterator[tuple[dict[bytes, dict[int, int]], bytes]]:
        """Yield each table with its context after `before`."""
        for kind, table in zip(CONTEXTS, self._tables, strict=True):
            known = context(kind, before)
            if known is not None and kind in self._kinds:
                yield table, known

    def after(self, number: int, known: bytes) -> Mapping[int, int]:
        """Return how often each symbol followed a context, the number-th of `CONTEXTS`."""
        return self._tables[number].get(known, {})


def levels(
    project: Counts, own: Counts, folder: Counts, current: Counts, tail: bytes
) -> list[Level]:
    """Return the levels that know the context `tail`, shortest context first.

    For the n-th context, level 3 n: `project` without `own` (what the project holds of the
    current file) plus `current`; level 3 n + 1, where `folder` (the other files of the current
    file's folder) knows it: that plus `current`; and level 3 n + 2: `current` alone.
    """
    padded = bytes(LONGEST) + tail
    found: list[Level] = []
    for number, kind in enumerate(CONTEXTS):
        known = context(kind, padded)
        if known is None:
            continue
        file = dict(current.after(number, known))
        mine = own.after(number, known)
        whole = dict(file)
        for symbol, count in project.after(number, known).items():
            whole[symbol] = whole.get(symbol, 0) + count - mine.get(symbol, 0)
        whole = {symbol: count for symbol, count in whole.items() if count > 0}
        if not whole:
            continue
        found.append((3 * number, whole))
        beside = folder.after(number, known)
        if beside:
            symbols = (*beside, *file)
            found.append((3 * number + 1, {s: beside.get(s, 0) + file.get(s, 0) for s in symbols}))
        if file and kind not in PROJECT_ONLY:
            found.append((3 * number + 2, file))
    return found


def bucket(counts: Mapping[int, int]) -> int:
    """Return which entry of a level's interpolation weights applies to `counts`."""
    total, distinct = sum(counts.values()), len(counts)
    rows = (1, 2, 3, 5, 8, 16, 64, 512)
    row = next((i for i, most in enumerate(rows) if total <= most), len(rows))
    column = 0 if distinct == 1 else 1 if distinct == 2 else 2 if distinct <= 4 else 3
    return row * 4 + column


BUCKETS: Final = 9 * 4
LEVELS: Final = 3 * len(CONTEXTS)


def mix(  # noqa: PLR0917 - the kernel's own signature
    project: Counts,
    own: Counts,
    folder: Counts,
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
        for level, counts in levels(project, own, folder, current, tail):
            back = interpolation[level, bucket(counts)]
            total = sum(counts.values())
            probabilities *= back
            for symbol, count in counts.items():
                probabilities[symbol] += (1 - back) * count / total
        out[row] = [math.log(p) if p > 0 else -math.inf for p in probabilities]
