"""How often a candidate of a raw probability is right: tables to look it up in.

A model's card holds them; `lstm_lsp.training.calibrate` fits them on projects that the
model never saw. Knows nothing of models, searches or text.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from lstm_lsp.search import KINDS, Kind


class Calibration:
    """For each kind, how often a candidate of a raw probability is right.

    Piecewise linear between points (raw, calibrated), both rising, from (0, 0) to (1, 1);
    the identity for a kind without points.
    """

    def __init__(self, points: Mapping[str, Sequence[tuple[float, float]]] | None = None) -> None:
        """Raise ValueError when `points` do not rise within 0-1."""
        self._tables: dict[str, tuple[list[float], list[float]]] = {}
        for kind, pairs in (points or {}).items():
            raw, calibrated = ([0.0, *values, 1.0] for values in zip(*pairs, strict=True))
            if not (kind in KINDS and _rises(raw) and _rises(calibrated)):
                raise ValueError(f"not a calibration of {kind}: {pairs}")
            self._tables[kind] = raw, calibrated

    @classmethod
    def from_card(cls, card: Mapping[str, Any]) -> Calibration:
        """Read `card["calibration"]`, {kind: [[raw, calibrated], ...]}; absent: the identity.

        Raises ValueError when it is something else.
        """
        try:
            return cls(card.get("calibration"))
        except (AttributeError, TypeError) as error:
            raise ValueError(f"not a calibration: {error}") from None

    def probability(self, kind: Kind, raw: float, best: float | None = None) -> float:
        """Return the calibrated probability.

        Tables are those of the best candidate of a kind. The others, with `best` the raw
        probability of that one, share what it leaves in proportion to their own; a block,
        which may begin as the best one does, goes by the table.
        """
        if kind not in self._tables:
            return raw
        calibrated = float(np.interp(raw, *self._tables[kind]))
        if best is None or best >= 1 or kind == "block":
            return calibrated
        left = 1 - float(np.interp(best, *self._tables[kind]))
        return min(calibrated, raw * left / (1 - best))

    def raw(self, kind: Kind, calibrated: float) -> float:
        """Return the least raw probability whose calibrated one is at least `calibrated`."""
        if kind not in self._tables:
            return calibrated
        raw, known = self._tables[kind]
        at = int(np.searchsorted(known, calibrated))
        if at == 0:
            return raw[at]
        share = (calibrated - known[at - 1]) / (known[at] - known[at - 1])
        return raw[at - 1] + share * (raw[at] - raw[at - 1])


def _rises(values: Sequence[float]) -> bool:
    return values[0] >= 0 and values[-1] <= 1 and all(a <= b for a, b in pairwise(values))
