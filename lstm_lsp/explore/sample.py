"""A sample of a network's states over files: two halves, places, states and attributes.

Files are halved, cut into lanes, and of the lanes drawn at random some places are kept, with
every state there and every attribute. Knows nothing of what is looked for in them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from lstm_lsp.explore import lanes
from lstm_lsp.explore.lanes import Lane
from lstm_lsp.explore.weights import Floats, Weights

LENGTH: Final = 2048
"""Symbols of a lane, besides those that lead there."""
MOST_PLACES: Final = 12_000
"""Kept of each half."""

Tick = Callable[[int], object]
Tracks = dict[str, Floats]
"""By attribute, one value for each symbol of a text."""


class Source(NamedTuple):
    """A file to read: its name, its language, its header and its text."""

    name: str
    language: str
    header: bytes
    text: str


class Cut(NamedTuple):
    """Lanes of one half of the files, and for each the places to keep, counted from its start."""

    lanes: list[Lane]
    places: list[npt.NDArray[np.int64]]

    @property
    def symbols(self) -> int:
        """How many symbols reading it takes."""
        return sum(len(lane.symbols) for lane in self.lanes)


class Sample(NamedTuple):
    """N places, file after file."""

    states: Floats
    """(N, columns): each quantity, in it each layer, in it each unit."""
    quantities: tuple[str, ...]
    attributes: Tracks
    """Of every attribute that any of the files has, (N,); NaN where a file has it not."""
    files: npt.NDArray[np.int64]
    pairs: npt.NDArray[np.int64]
    """The character and the one before it, in one number."""


def halves(sources: Sequence[Source]) -> tuple[list[int], list[int]]:
    """Return the numbers of the files to choose on, and of those to score on.

    They alternate, each language by itself, in order of name.
    """
    order = sorted(range(len(sources)), key=lambda n: (sources[n].language, sources[n].name))
    return order[::2], order[1::2]


def draw(
    sources: Sequence[Source],
    texts: Sequence[bytes],
    numbers: Sequence[int],
    *,
    context: int,
    most: int,
    random: np.random.Generator,
) -> Cut:
    """Return lanes of the files `numbers`, a random one of each in turn, and random places.

    `texts` are the symbols of all `sources`, `context` is the model's context size. Lanes are
    drawn until `most` symbols are in them.
    """
    waiting = []
    for number in numbers:
        some = lanes.cut(number, sources[number].header, texts[number], LENGTH, context)
        waiting.append([some[n] for n in random.permutation(len(some))])
    chosen: list[Lane] = []
    size = 0
    while size < most and any(waiting):
        for some in waiting:
            if some and size < most:
                chosen.append(some.pop())
                size += len(chosen[-1].symbols) - chosen[-1].skip
    chosen.sort(key=lambda lane: (lane.text, lane.start))
    share = min(1.0, MOST_PLACES / max(size, 1))
    places = []
    for lane in chosen:
        counting = len(lane.symbols) - lane.skip
        kept = random.choice(counting, round(share * counting), replace=False)
        places.append(np.sort(kept).astype(np.int64))
    return Cut(chosen, places)


def gather(
    weights: Weights,
    cut: Cut,
    texts: Sequence[bytes],
    tracks: Sequence[Tracks],
    tick: Tick = bool,
) -> Sample:
    """Read a cut; `texts` and `tracks` are the symbols and attributes of all files."""
    found = list(lanes.states(weights, cut.lanes, cut.places, tick))
    quantities = tuple(found[0])
    blocks = [np.concatenate([states.pop(quantity) for states in found]) for quantity in quantities]
    where = [
        (lane.text, lane.start + places) for lane, places in zip(cut.lanes, cut.places, strict=True)
    ]
    names = dict.fromkeys(name for number, _ in where for name in tracks[number])
    read = {number: np.frombuffer(texts[number], np.uint8).astype(np.int64) for number, _ in where}
    return Sample(
        np.concatenate(blocks, axis=1),
        quantities,
        {
            name: np.concatenate(
                [
                    tracks[n][name][at]
                    if name in tracks[n]
                    else np.full(len(at), np.nan, np.float32)
                    for n, at in where
                ]
            )
            for name in names
        },
        np.concatenate([np.full(len(at), n) for n, at in where]),
        np.concatenate(
            [read[n][at] * 256 + np.where(at > 0, read[n][at - 1], 0) for n, at in where]
        ),
    )
