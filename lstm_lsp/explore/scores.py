"""What one unit says about one attribute of the text: correlation, separation, regression.

Every function takes activations (N, units) and an attribute (N,) and returns one score a
unit. Plain statistics in numpy; knows nothing of networks or texts.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Doubles = npt.NDArray[np.float64]


def correlation(activations: npt.ArrayLike, attribute: npt.ArrayLike) -> Doubles:
    """Return Pearson's r of every unit with the attribute; 0 where either never varies."""
    a = np.asarray(activations, np.float64)
    y = np.asarray(attribute, np.float64)
    a, y = a - a.mean(axis=0), y - y.mean()
    scale = np.sqrt((a**2).sum(axis=0) * (y**2).sum())
    return np.asarray(np.divide(y @ a, scale, out=np.zeros(a.shape[1]), where=scale > 1e-12))


def rank_correlation(activations: npt.ArrayLike, attribute: npt.ArrayLike) -> Doubles:
    """Return Spearman's rank correlation of every unit with the attribute."""
    a = np.asarray(activations, np.float64)
    ranked = np.stack([ranks(column) for column in a.T], axis=1)
    return correlation(ranked, ranks(np.asarray(attribute)))


def auc(activations: npt.ArrayLike, positive: npt.ArrayLike) -> Doubles:
    """Return the area under the ROC curve of every unit for a binary attribute.

    The chance that a positive place has the larger activation, ties counting half: 1 and 0
    both separate perfectly. Raises ValueError when all places are of one class.
    """
    a, yes = np.asarray(activations, np.float64), np.asarray(positive, bool)
    positives = int(yes.sum())
    if not 0 < positives < len(yes):
        raise ValueError("one class has no places")
    sums = np.array([ranks(column)[yes].sum() for column in a.T])
    return (sums - positives * (positives + 1) / 2) / (positives * (len(yes) - positives))


def threshold_accuracy(activations: npt.ArrayLike, positive: npt.ArrayLike) -> Doubles:
    """Return the accuracy of every unit's best single threshold, either side being positive."""
    a, yes = np.asarray(activations, np.float64), np.asarray(positive, bool)
    scores = []
    for column in a.T:
        order = np.argsort(column, kind="stable")
        values, labels = column[order], yes[order]
        cut = np.concatenate(([True], values[1:] > values[:-1], [True]))
        below = np.concatenate(([0], np.cumsum(~labels)))
        above = labels.sum() - np.concatenate(([0], np.cumsum(labels)))
        right = (below + above)[cut] / len(yes)
        scores.append(max(right.max(), 1 - right.min()))
    return np.array(scores)


def probe_r2(
    activations: npt.ArrayLike, attribute: npt.ArrayLike, held_out: npt.ArrayLike
) -> float:
    """Return R^2, on the places held out, of a linear regression fitted on the others."""
    a, y = np.asarray(activations, np.float64), np.asarray(attribute, np.float64)
    test = np.asarray(held_out, bool)
    a = np.column_stack((a, np.ones(len(a))))
    found = np.linalg.lstsq(a[~test], y[~test], rcond=None)[0]
    left = ((y[test] - a[test] @ found) ** 2).sum()
    return float(1 - left / ((y[test] - y[test].mean()) ** 2).sum())


def ranks(values: npt.NDArray[Any]) -> Doubles:
    """Return ranks from 1 on; equal values share the mean of theirs."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return np.asarray((last - (counts - 1) / 2)[inverse], np.float64)
