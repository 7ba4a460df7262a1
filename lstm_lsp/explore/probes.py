"""Sparse probes: how well k units together tell an attribute, k = 1, 2, 4, 8, 16.

With one unit the attribute is localised; a curve that goes on rising says that it is spread
over many (Gurnee et al. 2023, "Finding Neurons in a Haystack", arXiv 2305.01610; there the
units are screened one by one, here each next one is chosen for what those before it miss, by
orthogonal matching pursuit, Pati et al. 1993). Plain numpy.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from lstm_lsp.explore.scores import Doubles, auc

Floats = npt.NDArray[np.float32]

SIZES: Final = (1, 2, 4, 8, 16)

_ROUNDS: Final = 12
_RIDGE: Final = 1e-3


def curve(
    known: Floats,
    answers: Doubles,
    unseen: Floats,
    expected: Doubles,
    *,
    flag: bool,
    sizes: Sequence[int] = SIZES,
) -> dict[int, float]:
    """Return, for each size, how well that many units tell the attribute where it was unseen.

    Units are chosen and weighed on `known` (N, units) and `answers` (N,), then scored on the
    other pair: for numbers R^2 of linear regression, for a `flag` (0 or 1) the AUC of logistic
    regression. R^2 is below 0 when the mean would have done better.
    """
    middle, spread = known.mean(axis=0), known.std(axis=0) + np.float32(1e-6)
    scaled = (known - middle) / spread
    order = pursue(scaled, answers, max(sizes))
    found = {}
    for size in sizes:
        units = order[:size]
        inputs = _with_one(scaled[:, units])
        weights = _logistic(inputs, answers) if flag else _linear(inputs, answers)
        said = _with_one((unseen[:, units] - middle[units]) / spread[units]) @ weights
        found[size] = (
            float(auc(said[:, None], expected > 0)[0])
            if flag
            else float(
                1 - ((expected - said) ** 2).sum() / ((expected - expected.mean()) ** 2).sum()
            )
        )
    return found


def pursue(scaled: Floats, answers: Doubles, most: int) -> list[int]:
    """Return up to `most` columns of `scaled` (standardised), the most telling first.

    Each is the one that correlates best with what a linear fit on those before it leaves.
    """
    left = np.asarray(answers - answers.mean(), np.float64)
    order: list[int] = []
    for _ in range(min(most, scaled.shape[1])):
        strength = np.abs(left.astype(np.float32) @ scaled)
        strength[order] = -1
        order.append(int(strength.argmax()))
        inputs = _with_one(scaled[:, order])
        left = answers - inputs @ _linear(inputs, answers)
    return order


def _with_one(inputs: Floats) -> Doubles:
    return np.column_stack((inputs.astype(np.float64), np.ones(len(inputs))))


def _linear(inputs: Doubles, answers: Doubles) -> Doubles:
    gram = inputs.T @ inputs + _RIDGE * np.eye(inputs.shape[1])
    return np.asarray(np.linalg.solve(gram, inputs.T @ answers))


def _logistic(inputs: Doubles, answers: Doubles) -> Doubles:
    """Return the weights of a logistic regression by Newton's steps, lightly ridged.

    Without the ridge two classes that a threshold parts would ask for infinite weights.
    """
    weights = np.zeros(inputs.shape[1])
    ridge = max(1.0, _RIDGE * len(inputs)) * np.eye(len(weights))
    for _ in range(_ROUNDS):
        said = 0.5 + 0.5 * np.tanh(0.5 * (inputs @ weights))
        slope = inputs.T @ (answers - said) - ridge @ weights
        curvature = (inputs.T * (said * (1 - said))) @ inputs + ridge
        step = np.linalg.solve(curvature, slope)
        weights = weights + step
        if np.abs(step).max() < 1e-6:
            break
    return weights
