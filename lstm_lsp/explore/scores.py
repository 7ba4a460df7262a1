"""What units say about one attribute of the text: correlation, separation, information.

Functions take activations (N, units) and an attribute (N,), and return one score a unit
unless they say otherwise. Probes, which need several units, are in `probes`. Plain statistics
in numpy; knows nothing of networks or texts.
"""

from __future__ import annotations

from collections.abc import Iterator
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


def partial_correlation(
    activations: npt.ArrayLike, attribute: npt.ArrayLike, groups: npt.ArrayLike
) -> Doubles:
    """Return Pearson's r within `groups` (N,): the mean of its group is taken from each side.

    With groups of places that have the same last two characters it is what a unit tells
    beyond those: r(a - E[a | group], y - E[y | group]).
    """
    _, group, sizes = np.unique(np.asarray(groups), return_inverse=True, return_counts=True)
    order = np.argsort(group, kind="stable")
    starts = np.concatenate(([0], np.cumsum(sizes)[:-1]))

    def centred(values: npt.ArrayLike) -> Doubles:
        ordered = np.asarray(values, np.float64)[order]
        sums = np.add.reduceat(ordered, starts, axis=0)
        return np.asarray(ordered - (sums.T / sizes).T[group[order]])

    return correlation(centred(activations), centred(attribute))


def mutual_information(
    activations: npt.ArrayLike, attribute: npt.ArrayLike, bins: int = 16
) -> Doubles:
    """Return bits of information between each unit and the attribute, in quantile bins.

    Few places give too much by chance: about (bins - 1)^2 / (2 N ln 2). An attribute of fewer
    values than bins keeps its values.
    """
    a = np.asarray(activations, np.float64)
    y = _binned(np.asarray(attribute, np.float64), bins)
    return np.array([_information(_binned(column, bins), y) for column in a.T])


def chance(
    activations: npt.ArrayLike,
    attribute: npt.ArrayLike,
    files: npt.ArrayLike,
    *,
    flag: bool,
    times: int = 1000,
    seed: int = 0,
) -> Doubles:
    """Return how often the attribute of *other files* scores a unit as well as its own.

    The p-values (1 + hits) / (1 + times) of |r|, or for a `flag` of |AUC - 1/2|. `files` (N,)
    says which file each place is of; see `rearrangements`.
    """
    a, y = np.asarray(activations, np.float64), np.asarray(attribute, np.float64)
    if flag:
        a = np.stack([ranks(column) for column in a.T], axis=1)  # AUC is linear in the ranks
    a = a - a.mean(axis=0)

    def strength(track: Doubles) -> Doubles:
        spread = float(track.std())  # r goes with 1 / spread, AUC - 1/2 with 1 / spread^2
        return np.abs(track @ a) / (spread**2 if flag else spread) if spread else np.zeros(len(a.T))

    own = strength(y) * (1 - 1e-9)  # the same sum in another order is no worse
    hits = sum(
        (strength(track) >= own for track in rearrangements(y, files, times, seed)),
        start=np.zeros(a.shape[1]),
    )
    return np.asarray((1 + hits) / (1 + times), np.float64)


def rearrangements(
    attribute: npt.ArrayLike, files: npt.ArrayLike, times: int, seed: int
) -> Iterator[Doubles]:
    """Yield `times` versions of the attribute where each file has the track of a random one.

    Files are dealt out anew, and a track is turned by a random number of places and repeated
    or cut to fit. So each keeps its own runs: neighbouring characters are no independent
    evidence, and shuffling them would make anything significant.
    """
    y, f = np.asarray(attribute, np.float64), np.asarray(files)
    own = [np.flatnonzero(f == file) for file in np.unique(f)]
    most = max(map(len, own), default=0)
    # Every track as often in a row as it takes to cut any file's length from anywhere in it.
    tracks = [np.resize(y[places], len(places) + most) for places in own]
    random = np.random.default_rng(seed)
    for _ in range(times):
        track = np.empty(len(y))
        for places, other in zip(own, random.permutation(len(own)), strict=True):
            start = random.integers(len(own[other]))
            track[places] = tracks[other][start : start + len(places)]
        yield track


def ranks(values: npt.NDArray[Any]) -> Doubles:
    """Return ranks from 1 on; equal values share the mean of theirs."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return np.asarray((last - (counts - 1) / 2)[inverse], np.float64)


def _binned(values: Doubles, bins: int) -> npt.NDArray[np.int64]:
    """Return the number of each value's bin."""
    distinct, inverse = np.unique(values, return_inverse=True)
    if len(distinct) <= bins:
        return inverse
    edges = np.unique(np.quantile(values, np.arange(1, bins) / bins))
    return np.searchsorted(edges, values, side="right")


def _information(a: npt.NDArray[np.int64], y: npt.NDArray[np.int64]) -> float:
    joint = np.zeros((a.max() + 1, y.max() + 1))
    np.add.at(joint, (a, y), 1 / len(a))
    apart = joint.sum(axis=1, keepdims=True) * joint.sum(axis=0)
    seen = joint > 0
    return float((joint[seen] * np.log2(joint[seen] / apart[seen])).sum())
