"""The counter: N times a, X, N times b, for N from 1 to 10.

The article: one layer of ten units learns it, goes on counting a little beyond what it has
seen, and holds the count in the cell state of single units.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lstm_lsp.explore.scores import correlation, probe_r2
from lstm_lsp.explore.weights import Weights

from .fit import Reading, read
from .report import Check, equations

LAYERS, UNITS, STEPS, ACTIVITY = 1, 10, 1500, 0.0
LARGEST = 10
FARTHEST = 40
"""How far beyond its training it is tried."""

_ALL = [b"a" * n + b"X" + b"b" * n for n in range(1, LARGEST + 1)]


def draw(_: np.random.Generator) -> Sequence[bytes]:
    """Return the whole language: each step sees all of it."""
    return _ALL


def examine(weights: Weights) -> list[Check]:
    """Return the checks of a trained counter."""
    longer = [b"a" * n + b"X" + b"b" * n for n in range(LARGEST + 1, FARTHEST + 1)]
    readings = read(weights, [*_ALL, *longer])
    known, readings = readings, readings[:LARGEST]
    right = [reading.right(n + 1) for n, reading in enumerate(known, 1)]
    first_failure = right.index(False) + 1 if False in right else FARTHEST + 1

    up, seen = _phase(readings, left=False)
    down, left = _phase(readings, left=True)
    ups, downs = np.abs(correlation(up, seen)), np.abs(correlation(down, left))
    unit = int(np.minimum(ups, downs).argmax())
    odd = seen % 2 == 1
    checks = [
        Check("N = 1 to 10 written without a fault", sum(right[:10]), least=10, binding=True),
        Check("first N that it gets wrong (article: 19)", first_failure, least=13, binding=True),
        Check("... beyond 15, as the article's", first_failure, least=16),
        Check(f"unit {unit + 1} counts up: |r| of memory, a's read", ups[unit], 0.99, binding=True),
        Check("... and down: |r| of memory, b's left", downs[unit], 0.98, binding=True),
        Check("best |r| of any unit with a's read", ups.max()),
        Check("linear probe, a's read, R^2 on odd N", probe_r2(up, seen, odd), 0.99, binding=True),
        Check("linear probe, b's left, R^2 on odd N", probe_r2(down, left, left % 2 == 1), 0.99),
    ]
    return checks + _constant_phases(readings, unit) + equations(readings)


def _phase(readings: Sequence[Reading], *, left: bool) -> tuple[np.ndarray, np.ndarray]:
    """Return memory and count over all a's (a's read), or over X and b's (b's left)."""
    rows, counts = [], []
    for n, reading in enumerate(readings, 1):
        memory = reading.memory()
        rows.append(memory[n:] if left else memory[:n])
        counts.append(np.arange(n, -1, -1) if left else np.arange(1, n + 1))
    return np.concatenate(rows), np.concatenate(counts)


def _constant_phases(readings: Sequence[Reading], unit: int) -> list[Check]:
    """Check that the unit writes the same at every a, and the same at every b."""
    if "input" not in readings[0].trace.layers[0]:
        return []
    written = [r.quantity("input") * r.quantity("candidate") for r in readings]
    at_a = np.concatenate([w[:n, unit] for n, w in enumerate(written, 1)])
    at_b = np.concatenate([w[n + 1 :, unit] for n, w in enumerate(written, 1)])
    return [
        Check("it writes the same at every a: sd of input x candidate", at_a.std(), most=0.1),
        Check("it writes the same at every b: sd of input x candidate", at_b.std(), most=0.1),
    ]
