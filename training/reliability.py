"""The curve that makes raw probabilities true, and how far from true probabilities are.

Both from pairs (probability, was it right). Pure arithmetic: knows nothing of models,
candidates or text.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Final

import numpy as np
import numpy.typing as npt

FEWEST: Final = 15
"""Pairs that a calibration is fitted on at least."""

_KNOTS: Final = (
    0.005,
    0.01,
    0.02,
    0.05,
    *(tenth / 10 for tenth in range(1, 10)),
    0.95,
    0.98,
    0.995,
)
_RIDGE: Final = 1.0  # pulls the curve to the identity, as much as a pair or two do
_LEAST: Final = 1e-6

Numbers = npt.NDArray[np.float64]


def fit_calibration(pairs: Sequence[tuple[float, bool]]) -> list[tuple[float, float]]:
    """Return the points of a calibration from (raw probability, was it right) pairs.

    Points of one smooth curve, p' = 1 / (1 + exp(-c) (1 - p)^b / p^a), a and b at least 0:
    beta calibration (Kull, Silva Filho and Flach 2017), by logistic regression on ln p and
    -ln(1 - p). Certainty needs endless pairs (targets as Platt 1999). Fewer than FEWEST
    pairs give no points: the identity.
    """
    if len(pairs) < FEWEST:
        return []
    raw = np.array([p for p, _ in pairs], np.float64)
    right = np.array([was for _, was in pairs], np.bool_)
    targets = np.where(right, (right.sum() + 1) / (right.sum() + 2), 1 / ((~right).sum() + 2))
    weights = np.array([1.0, 1.0, 0.0])
    used = np.ones(3, np.bool_)
    while True:
        weights[used] = _regress(_features(raw)[:, used], targets, np.array([1.0, 1.0, 0.0])[used])
        falling = used & (weights < 0) & np.array([True, True, False])
        if not falling.any():
            break
        used &= ~falling
        weights[falling] = 0.0
    curve = 1 / (1 + np.exp(-_features(np.array(_KNOTS)) @ weights))
    return [(knot, round(float(value), 5)) for knot, value in zip(_KNOTS, curve, strict=True)]


def _features(raw: Numbers) -> Numbers:
    inside = np.clip(raw, _LEAST, 1 - _LEAST)
    return np.stack([np.log(inside), -np.log1p(-inside), np.ones_like(inside)], axis=1)


def _regress(features: Numbers, targets: Numbers, prior: Numbers) -> Numbers:
    """Return the weights (F,) of a logistic regression, with a ridge around `prior` (F,).

    Newton's method on a strictly convex loss, its steps halved until they descend.
    """

    def loss(weights: Numbers) -> float:
        logits = features @ weights
        fit = np.logaddexp(0, logits) - targets * logits
        return float(fit.sum() + _RIDGE / 2 * ((weights - prior) ** 2).sum())

    weights = prior.copy()
    for _ in range(50):
        expected = 1 / (1 + np.exp(-features @ weights))
        gradient = features.T @ (expected - targets) + _RIDGE * (weights - prior)
        curvature = (features * (expected * (1 - expected))[:, None]).T @ features
        step = np.linalg.solve(curvature + _RIDGE * np.eye(len(prior)), gradient)
        while loss(weights - step) > loss(weights) and np.abs(step).max() > _LEAST:
            step = step / 2
        weights = weights - step
        if np.abs(step).max() <= _LEAST:
            break
    return weights


def calibration_error(pairs: Sequence[tuple[float, bool]], bins: int = 15) -> float:
    """Return the expected calibration error, 0-1, over `bins` of equal mass."""
    parts = _equal_mass(pairs, bins)
    gaps = [abs(float(raw) - float(right)) for raw, right in (np.mean(p, axis=0) for p in parts)]
    masses = [len(part) for part in parts]
    return float(np.average(gaps, weights=masses)) if masses else 0.0


def chance_error(pairs: Sequence[tuple[float, bool]], bins: int = 15) -> float:
    """Return the error that `pairs` would show on average were their probabilities true.

    Bins of few pairs show one by chance alone: the mean of 100 seeded draws.
    """
    random = np.random.default_rng(0)
    drawn = [[(p, bool(random.random() < p)) for p, _ in pairs] for _ in range(100)]
    return float(np.mean([calibration_error(draw, bins) for draw in drawn]))


def _equal_mass(
    pairs: Sequence[tuple[float, bool]], bins: int
) -> list[Sequence[tuple[float, bool]]]:
    ordered = sorted(pairs, key=lambda pair: pair[0])  # not by what is right where they tie
    edges = np.linspace(0, len(ordered), min(bins, len(ordered)) + 1).astype(int)
    return [ordered[a:b] for a, b in pairwise(edges)]
