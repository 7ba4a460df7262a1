"""Which units know what: for each attribute of code the best units, and how good they really are.

Guards against finding what is not there (docs/neurons.md tells more):

- units are chosen on one half of the files and scored on the other;
- what chance gives comes from the attribute's tracks in other files (`scores.chance`);
- an untrained network of the same shape is searched in the same way;
- partial correlation takes away what the last two characters say;
- "used" is said only of a unit whose absence costs bits (`ablation`).

Layers and units count from 1 here, as users see them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from lstm_lsp import symbols
from lstm_lsp.explore import ablation
from lstm_lsp.explore.attributes import ATTRIBUTES, Bools, attributes
from lstm_lsp.explore.findings import Answer, answer, best_score
from lstm_lsp.explore.sample import Sample, Source, Tick, Tracks, draw, gather, halves
from lstm_lsp.explore.weights import Floats, Weights, untrained

MOST_SYMBOLS: Final = 40_000
"""Read of each half of the files, besides those that lead there."""
ABLATED_SHARE: Final = 6
"""Of them one in so many is read once for every unit that is ablated."""

Progress = Callable[[str, int], Tick]
"""Told what begins and how many symbols it reads; returns what is told how many were read."""


class NeuronsError(Exception):
    """What cannot be answered about these files; the message is one sentence for the user."""


def find(
    weights: Weights,
    sources: Sequence[Source],
    context: int,
    *,
    attribute: str | None = None,
    best: int = 1,
    ablated: int = 1,
    most: int = MOST_SYMBOLS,
    progress: Progress = lambda label, total: bool,
    seed: int = 0,
) -> list[Answer]:
    """Return the `best` units for `attribute`, or for each that the files have.

    The first `ablated` of each are ablated. `context` is the model's context size; of each half
    `most` symbols are read. Attributes that hardly vary in these files have no answer. Raises
    NeuronsError for fewer than two files, and when there is no answer to give.
    """
    if len(sources) < 2:
        raise NeuronsError(
            "give at least two files: units are chosen on one half of them, scored on the other"
        )
    texts = [symbols.encode(source.text) for source in sources]
    tracks = [attributes(source.text, source.language) for source in sources]
    names = _names(tracks, attribute)
    random = np.random.default_rng(seed)
    chosen_on, scored_on = halves(sources)
    cuts = [
        draw(sources, texts, half, context=context, most=most, random=random)
        for half in (chosen_on, scored_on)
    ]
    total = sum(cut.symbols for cut in cuts)

    tick = progress("reading", total)
    chosen, scored = (gather(weights, cut, texts, tracks, tick) for cut in cuts)
    means = _hidden_means(weights, chosen)
    found = (answer(weights, name, chosen, scored, best=best, seed=seed) for name in names)
    answers = [one for one in found if one is not None]
    if not answers:
        raise NeuronsError(
            f"{attribute or 'everything'} hardly varies in one half of these files: give more"
        )

    tick = progress("reading, untrained", total)
    blank = untrained(weights.architecture, seed)
    chosen, scored = (gather(blank, cut, texts, tracks, tick) for cut in cuts)
    answers = [replace(a, untrained=best_score(a.attribute, chosen, scored)) for a in answers]
    del chosen, scored

    size = most // ABLATED_SHARE
    read = ablation.choose(sources, scored_on, texts, most=size, random=random)
    wanted = {f.unit.zero_based for one in answers for f in one.findings[:ablated]}
    units = sorted(wanted)
    others = [unit for unit in _every(weights, random) if unit not in wanted]
    others = others[: ablation.RANDOM_UNITS]
    size = sum(len(lane.symbols) for lane in read) * (1 + len(units) + len(others))
    tick = progress("ablating", size)
    lost = ablation.losses(weights, read, units + others, means, tick)
    by_unit = dict(zip(units, lost, strict=False))
    return [
        _ablated(a, ablation.concern(a.attribute, read, texts, tracks), by_unit, lost[len(units) :])
        for a in answers
    ]


def _names(tracks: Sequence[Tracks], attribute: str | None) -> list[str]:
    """Return which attributes to look for."""
    known = {name for some in tracks for name in some}
    if attribute is None:
        return [name for name in ATTRIBUTES if name in known]
    if attribute not in ATTRIBUTES:
        raise NeuronsError(f"there is no attribute {attribute}, only {', '.join(ATTRIBUTES)}")
    if attribute not in known:
        languages = " and ".join(ATTRIBUTES[attribute].languages)
        raise NeuronsError(f"only {languages} files have the attribute {attribute}")
    return [attribute]


def _every(weights: Weights, random: np.random.Generator) -> list[tuple[int, int]]:
    """Return all units in random order."""
    a = weights.architecture
    return [divmod(int(n), a.units) for n in random.permutation(a.layers * a.units)]


def _hidden_means(weights: Weights, sample: Sample) -> Floats:
    """Return the mean hidden state of every unit, (layers, units)."""
    a = weights.architecture
    at = sample.quantities.index("hidden") * a.layers * a.units
    hidden = sample.states[:, at : at + a.layers * a.units]
    return np.asarray(hidden.mean(axis=0).reshape(a.layers, a.units))


def _ablated(
    found: Answer,
    places: Bools,
    lost: dict[tuple[int, int], Floats],
    others: Sequence[Floats],
) -> Answer:
    """Return the answer with what its ablated units cost."""
    findings = [
        replace(f, ablation=ablation.judge(lost[f.unit.zero_based], others, places))
        if f.unit.zero_based in lost
        else f
        for f in found.findings
    ]
    return replace(found, findings=tuple(findings))
