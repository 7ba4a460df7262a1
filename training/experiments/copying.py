"""The copy machine: three letters of a, b, c, then X, then the same three again.

The article: in the second layer a unit knows, at X, that the copy begins with c; looked at
over the whole string it rather says that c comes next, and is silent while nothing is to
be copied yet.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import numpy as np

from lstm_lsp.explore.scores import auc
from lstm_lsp.explore.weights import Weights

from .fit import read
from .report import Check, equations

LAYERS, UNITS, STEPS, ACTIVITY = 2, 20, 1500, 0.3
"""As in `fit`. What hidden states say costs: without it the units speak before they are needed."""
LETTERS = b"abc"
_TOP = LAYERS - 1

_ALL = [bytes(triple) + b"X" + bytes(triple) for triple in product(LETTERS, repeat=3)]


def draw(_: np.random.Generator) -> Sequence[bytes]:
    """Return the whole language: each step sees all of it."""
    return _ALL


def examine(weights: Weights) -> list[Check]:
    """Return the checks of a trained copy machine."""
    readings = read(weights, _ALL)
    copied = sum(reading.right(4) for reading in readings)
    hidden = np.stack([reading.quantity("hidden", _TOP) for reading in readings])  # (27, 7, units)
    memory = np.stack([reading.memory(_TOP) for reading in readings])
    strings = np.array([list(reading.string + b"\n") for reading in readings])

    first = {letter: _separation(memory[:, 3], strings[:, 0] == letter).max() for letter in LETTERS}
    following = {
        letter: _separation(
            hidden[:, 3:].reshape(-1, hidden.shape[-1]), (strings[:, 4:] == letter).ravel()
        )
        for letter in LETTERS
    }
    best = max(float(area.max()) for area in following.values())
    checks = [
        Check("of 27 strings copied without a fault", copied, least=27, binding=True),
        Check(
            "a unit knows the first letter at X: AUC", max(first.values()), least=1, binding=True
        ),
        Check("... for each of the three letters: smallest AUC", min(first.values()), least=1),
        Check("a unit says which letter is next: AUC", best, least=0.95, binding=True),
    ]
    before, after = (np.abs(part).mean(axis=(0, 1)) for part in (hidden[:, :3], hidden[:, 3:]))
    for letter, area in following.items():
        # Of the units that say it as well as any, the one most silent before there is need.
        unit = int(np.where(area >= area.max(), -before, -np.inf).argmax())
        says = f"unit {unit + 1} says that {chr(letter)} is next"
        checks += [
            Check(f"{says}: AUC", area[unit], least=1),
            Check(f"{says}, silent before X: mean |hidden|", before[unit], most=0.05),
            Check(f"{says}, not so from X on: mean |hidden|", after[unit]),
        ]
    checks += [
        Check("all units before X, as a share of from X on", before.mean() / after.mean()),
        Check("the cell at X tells all 27 apart: smallest gap", _gap(memory[:, 3])),
    ]
    return checks + equations(readings)


def _separation(activations: np.ndarray, positive: np.ndarray) -> np.ndarray:
    area = auc(activations, positive)
    return np.maximum(area, 1 - area)


def _gap(memory: np.ndarray) -> float:
    """Return, for the best unit, the smallest difference of two strings as a share of its range."""
    gaps = np.diff(np.sort(memory, axis=0), axis=0).min(axis=0)
    return float((gaps / np.maximum(np.ptp(memory, axis=0), 1e-9)).max())
