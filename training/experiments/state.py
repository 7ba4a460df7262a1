"""The state memoriser: A or B, 1 to 10 times x, Y, then a for A and b for B.

The article: some units hold which letter it was through all the x's, with the forget gate
open and the input gate shut, and let go of it when the answer is about to be written. Why a
network needs a memory of its own is shown by the same task with many more x's.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lstm_lsp.explore.scores import auc, correlation, threshold_accuracy
from lstm_lsp.explore.weights import Weights

from .fit import Reading, read
from .report import Check, equations

LAYERS, UNITS, STEPS, ACTIVITY = 1, 20, 1500, 0.0
LARGEST = 10


def string_of(letter: bytes, n: int) -> bytes:
    """Return the string of a letter and n x."""
    return letter + b"x" * n + b"Y" + letter.lower()


_ALL = [string_of(letter, n) for n in range(1, LARGEST + 1) for letter in (b"A", b"B")]


def draw(_: np.random.Generator) -> Sequence[bytes]:
    """Return the whole language: each step sees all of it."""
    return _ALL


def examine(weights: Weights) -> list[Check]:
    """Return the checks of a trained memoriser."""
    readings = read(weights, _ALL)
    is_a = np.concatenate([[r.string[:1] == b"A"] * (len(r.string) - 3) for r in readings])
    held = np.concatenate([r.memory()[1:-2] for r in readings])  # over the x's
    area = auc(held, is_a)
    separation = np.maximum(area, 1 - area)
    keeping = _mean(readings, "forget", b"x")
    order = separation if keeping is None else separation + 1e-3 * keeping  # the steadiest of them
    unit = int(order.argmax())
    checks = [
        Check(
            "1 to 10 x: share answered right",
            share_right(readings),
            least=1,
            binding=True,
        ),
        Check(
            f"unit {unit + 1} tells A from B on every x: AUC", separation[unit], 0.99, binding=True
        ),
        Check(
            "... by one threshold: accuracy",
            threshold_accuracy(held, is_a)[unit],
            least=0.99,
            binding=True,
        ),
        Check("units that tell them apart perfectly", int((separation >= 1).sum())),
    ]
    checks += _gates(readings, unit, separation) + _letters(readings, is_a)
    x_read = np.concatenate([np.arange(1, len(r.string) - 2) for r in readings])
    counting = np.abs(correlation(held, x_read)).max()
    checks.append(Check("a unit counts the x's as well, unasked: best |r|", counting, least=0.95))
    for n in (15, 20, 50):
        farther = read(weights, [string_of(letter, n) for letter in (b"A", b"B")])
        checks.append(Check(f"{n} x, never seen: share answered right", share_right(farther)))
    return checks + equations(readings)


def _gates(readings: Sequence[Reading], unit: int, separation: np.ndarray) -> list[Check]:
    forget, opening = _mean(readings, "forget", b"x"), _mean(readings, "input", b"x")
    at_y = _mean(readings, "forget", b"Y")
    if forget is None or opening is None or at_y is None:
        return []
    perfect = separation >= 0.99
    least_open = float(np.where(perfect, opening, 1).min())
    return [
        Check("its forget gate is open on x: mean", forget[unit], least=0.95, binding=True),
        Check("its input gate is shut on x: mean", opening[unit], most=0.15),
        Check("... the least of any separating unit", least_open, most=0.15),
        Check("its forget gate shuts at Y, where it is last needed: mean", at_y[unit], most=0.2),
    ]


def _letters(readings: Sequence[Reading], is_a: np.ndarray) -> list[Check]:
    """Count the units whose hidden state is apart for A and B, and larger for one of them."""
    hidden = np.concatenate([r.quantity("hidden")[1:-2] for r in readings])
    area = auc(hidden, is_a)
    apart = np.maximum(area, 1 - area) >= 0.99
    size = np.abs(hidden)
    larger = size[is_a].mean(axis=0) - size[~is_a].mean(axis=0)
    return [
        Check("units whose hidden state fires for A", int((apart & (larger > 0)).sum()), least=1),
        Check("units whose hidden state fires for B", int((apart & (larger < 0)).sum()), least=1),
    ]


def share_right(readings: Sequence[Reading]) -> float:
    """Return the share of strings whose letter comes out right."""
    return float(np.mean([r.right(len(r.string) - 1) for r in readings]))


def _mean(readings: Sequence[Reading], quantity: str, symbol: bytes) -> np.ndarray | None:
    """Return a quantity's mean over all places of `symbol`, a value a unit, if the cell has it."""
    if quantity not in readings[0].trace.layers[0]:
        return None
    rows = [r.quantity(quantity)[np.frombuffer(r.string, np.uint8) == symbol[0]] for r in readings]
    return np.asarray(np.concatenate(rows).mean(axis=0))
