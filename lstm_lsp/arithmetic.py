"""The arithmetic of one step of a search, compiled where a compiler was found, else in numpy.

Both do the same, the compiled one in a fifth of the time: after the network's weights went
through the caches every single call of numpy is cold. Tables of what may not be drawn are
added to log-probabilities: float32 (R, N), 0 or -inf, chosen for each row of a batch by its
number in the table, int64 (B,). Knows nothing of models, searches or text.
"""

from __future__ import annotations

import importlib
from types import ModuleType
from typing import Final

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

kernel: ModuleType | None
try:
    kernel = importlib.import_module("lstm_lsp._arithmetic")
except ImportError:
    kernel = None

MANY: Final = 100
"""So many numbers are not sorted: the best of them are found first."""


def normalise(mixed: Floats, table: Floats, rows: Integers) -> tuple[Floats, Floats]:
    """Return natural-log distributions (B, 256), and the same in 0-1, of `mixed` (B, 256).

    What `table` forbids is left out, and the rest sums to 1. Nothing is shifted: `mixed` is
    normalised, and most of its mass is never forbidden.
    """
    if kernel is None:
        return _normalise(mixed, table, rows)
    log_probs, probabilities = np.empty_like(mixed), np.empty_like(mixed)
    kernel.normalise(mixed, table, rows, log_probs, probabilities)
    return log_probs, probabilities


def _normalise(mixed: Floats, table: Floats, rows: Integers) -> tuple[Floats, Floats]:
    log_probs = mixed + table.take(rows, axis=0)
    probabilities = np.exp(log_probs)
    total = np.add.reduce(probabilities, axis=1, keepdims=True)
    log_probs -= np.log(total)
    probabilities /= total
    return log_probs, probabilities


def best(
    scores: Doubles, log_probs: Floats, table: Floats, rows: Integers, *, count: int, floor: float
) -> tuple[Integers, Integers, Doubles]:
    """Return the `count` best ways on at least `floor`: rows, symbols and scores, best first.

    A way's score is its row's of `scores` (B,), its symbol's of `log_probs` (B, 256) and the
    table's together. Ties go to the lower row, then to the lower symbol.
    """
    if kernel is None:
        return _best(scores, log_probs, table, rows, count=count, floor=floor)
    parents, symbols, chosen = np.empty(count, np.int64), np.empty(count, np.int64), np.empty(count)
    found = kernel.best(scores, log_probs, table, rows, floor, parents, symbols, chosen)
    return parents[:found], symbols[:found], chosen[:found]


def _best(
    scores: Doubles, log_probs: Floats, table: Floats, rows: Integers, *, count: int, floor: float
) -> tuple[Integers, Integers, Doubles]:
    flat = (scores[:, None] + log_probs + table.take(rows, axis=0)).ravel()
    likely = (flat >= floor).nonzero()[0]
    if len(likely) > MANY:
        likely = (flat >= np.partition(flat, -count)[-count]).nonzero()[0]
    found = flat[likely]
    order = (-found).argsort(kind="stable")[:count]
    parents, symbols = np.divmod(likely[order], log_probs.shape[1])
    return parents, symbols, found[order]
