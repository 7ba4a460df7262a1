"""What a unit is used for: the bits that predictions lose while it is held at its mean.

What is held is the hidden state, for that is all a unit tells the next step, the next layer
and the output; so nothing is left of it but what it says on average.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from lstm_lsp.explore import lanes
from lstm_lsp.explore.attributes import Bools, concerned
from lstm_lsp.explore.lanes import Lane
from lstm_lsp.explore.recorder import Held
from lstm_lsp.explore.sample import Source, Tick, Tracks
from lstm_lsp.explore.weights import Floats, Weights

LENGTH: Final = 1024
CONTEXT: Final = 256
"""Symbols at most that are read, with the unit held, before those that count."""
OPENINGS: Final = 3
"""One lane in so many is the beginning of a file, where licences and imports are."""
RANDOM_UNITS: Final = 20
FEWEST: Final = 30
"""With fewer predictions that an attribute concerns nothing is said."""

Unit = tuple[int, int]
"""Layer and unit, counted from 0."""


@dataclass(frozen=True)
class Ablation:
    """Bits a symbol that are lost without a unit."""

    concerned: float
    """By the predictions that the attribute concerns (`attributes.concerned`)."""
    elsewhere: float
    places: int
    """How many predictions the attribute concerns."""
    outdone: float
    """Share of random units that cost those predictions less."""

    @property
    def used(self) -> bool:
        """Whether the network uses the unit for them: it costs more than 95 % of random ones."""
        return self.concerned > 0 and self.outdone >= 0.95


def choose(
    sources: Sequence[Source],
    numbers: Sequence[int],
    texts: Sequence[bytes],
    *,
    most: int,
    random: np.random.Generator,
) -> list[Lane]:
    """Return lanes of at most `most` symbols: beginnings of files in `numbers`, other pieces."""
    every = [
        lane for n in numbers for lane in lanes.cut(n, sources[n].header, texts[n], LENGTH, CONTEXT)
    ]
    shuffled = [every[n] for n in random.permutation(len(every))]
    count = max(1, most // LENGTH)
    openings = [lane for lane in shuffled if lane.start == 0]
    others = [lane for lane in shuffled if lane.start > 0]
    first = max(1, count // OPENINGS, count - len(others))
    return (openings[:first] + others)[:count]


def losses(
    weights: Weights,
    read: Sequence[Lane],
    units: Sequence[Unit],
    means: Floats,
    tick: Tick = bool,
) -> list[Floats]:
    """Return, for each of `units`, the bits that every symbol of the lanes loses without it.

    `means` (layers, units) are the hidden states on average.
    """
    held = [Held(layer, unit, "hidden", float(means[layer, unit])) for layer, unit in units]
    whole, *without = lanes.bits(weights, read, [None, *held], tick)
    return [bits - whole for bits in without]


def concern(
    name: str, read: Sequence[Lane], texts: Sequence[bytes], tracks: Sequence[Tracks]
) -> Bools:
    """Return which symbols of the lanes, one after another, the attribute should help predict."""
    found = []
    for lane in read:
        size = len(lane.symbols) - lane.skip
        if name not in tracks[lane.text]:
            found.append(np.zeros(size, bool))
            continue
        places = concerned(name, tracks[lane.text][name], texts[lane.text])
        # A place concerns the symbol after it; the first of a text has none before.
        following = np.concatenate(([False], places[:-1]))
        found.append(following[lane.start : lane.start + size])
    return np.concatenate(found) if found else np.zeros(0, bool)


def judge(loss: Floats, others: Sequence[Floats], places: Bools) -> Ablation | None:
    """Return what a unit's `loss` comes to beside that of random units; None of too few places."""
    if places.sum() < FEWEST or places.all():
        return None
    here = float(loss[places].mean())
    return Ablation(
        concerned=here,
        elsewhere=float(loss[~places].mean()),
        places=int(places.sum()),
        outdone=float(np.mean([other[places].mean() < here for other in others])),
    )
