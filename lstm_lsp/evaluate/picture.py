"""An evaluation as a picture: what each memory brings, and what thresholds cost.

Above, for each language, bits per character against the position in the file, for the
three memories. Below, for each kind of suggestion, precision against coverage while
typing, with some minimum probabilities and the shipped one marked. Needs matplotlib.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, get_args

import matplotlib as mpl
import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure

from lstm_lsp.evaluate.bits import Bits
from lstm_lsp.evaluate.measures import Chance
from lstm_lsp.evaluate.product import Memory
from lstm_lsp.ranking import DEFAULT
from lstm_lsp.search import Kind

FIRST_BIN = 128
"""Characters of the first bin of positions; each next one reaches twice as far."""

MINIMA = tuple(twentieth / 20 for twentieth in range(1, 20))
"""Minimum probabilities that a choice is made among."""

Numbers = npt.NDArray[np.float64]


def by_position(files: Sequence[Bits]) -> Iterator[tuple[float, float]]:
    """Yield (middle of a bin of positions, mean bits per character there), in order."""
    begin, end = 0, FIRST_BIN
    while any(len(bits) > begin for bits in files):
        there = np.concatenate([bits[begin:end] for bits in files])
        yield (begin + end) / 2, float(there.mean())
        begin, end = end, 2 * end


def precision_and_coverage(chances: Sequence[Chance]) -> tuple[Numbers, Numbers, Numbers]:
    """Return (thresholds, precision, coverage) when only what reaches a threshold is shown.

    Thresholds fall; coverage is the share of all places where something is shown,
    precision the share of what is shown that fits.
    """
    offered = sorted((chance for chance in chances if chance.probability > 0), reverse=True)
    shown = np.arange(1, len(offered) + 1)
    right = np.cumsum([chance.fits for chance in offered])
    thresholds = np.array([chance.probability for chance in offered])
    last = np.append(thresholds[1:] != thresholds[:-1], True)[: len(offered)]
    return thresholds[last], (right / shown)[last], shown[last] / max(1, len(chances))


def at_minima(chances: Sequence[Chance]) -> list[dict[str, float | None]]:
    """Return precision and coverage for each minimum probability of MINIMA.

    Precision is None where nothing is shown.
    """
    rows: list[dict[str, float | None]] = []
    for minimum in MINIMA:
        shown = [chance.fits for chance in chances if chance.probability >= minimum]
        precision = sum(shown) / len(shown) if shown else None
        coverage = len(shown) / max(1, len(chances))
        rows.append({"minimum": minimum, "precision": precision, "coverage": coverage})
    return rows


def draw(
    target: Path,
    title: str,
    bits: dict[str, dict[Memory, list[Bits]]],
    chances: dict[Kind, list[Chance]],
) -> None:
    """Write the picture to `target` (.png): `bits` by language and memory, files in lists."""
    languages = [language for language, memories in bits.items() if any(memories.values())]
    figure = Figure(figsize=(11, 8.5), layout="constrained")
    figure.suptitle(title)
    halves: Any = figure.subfigures(2, 1)
    above, below = halves
    _draw_bits(above, {language: bits[language] for language in languages})
    _draw_curves(below, chances)
    figure.savefig(target, dpi=130)


def _draw_bits(figure: Any, bits: dict[str, dict[Memory, list[Bits]]]) -> None:
    axes = figure.subplots(1, len(bits), sharey=True, squeeze=False)[0]
    for axis, (language, memories) in zip(axes, bits.items(), strict=True):
        for memory in get_args(Memory):
            positions, means = zip(*by_position(memories[memory]), strict=True)
            axis.plot(positions, means, marker="o", markersize=3, label=f"memory {memory}")
        axis.set(xscale="log", xlabel="position in the file (characters)", title=language)
        axis.set_ylim(bottom=0)
        axis.grid(alpha=0.3)
    axes[0].set_ylabel("bits per character")
    axes[0].legend(frameon=False)


def _draw_curves(figure: Any, chances: dict[Kind, list[Chance]]) -> None:
    axis = figure.subplots()
    colours = mpl.rcParams["axes.prop_cycle"].by_key()["color"]
    for colour, (kind, offered) in zip(colours, chances.items(), strict=False):
        thresholds, precision, coverage = precision_and_coverage(offered)
        axis.plot(coverage, precision, color=colour, label=kind)
        kept = thresholds >= DEFAULT.minimum(kind)
        if kept.any():
            at = int(kept.sum()) - 1
            label = f"{kind}, at least {DEFAULT.minimum(kind):.0%}"
            axis.plot(coverage[at], precision[at], "o", color=colour, label=label)
        for minimum in (0.2, 0.4, 0.6, 0.8):
            if (reached := int((thresholds >= minimum).sum())) > 0:
                there = (coverage[reached - 1], precision[reached - 1])
                axis.plot(*there, "|", color=colour)
                axis.annotate(f"{minimum:.0%}", there, fontsize="x-small", color=colour)
    axis.set(xlabel="coverage: places where something is shown", ylabel="precision: it fits")
    axis.set(xlim=(0, 1), ylim=(0, 1))
    axis.grid(alpha=0.3)
    axis.legend(frameon=False)
