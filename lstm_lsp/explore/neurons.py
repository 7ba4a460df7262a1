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
from dataclasses import asdict, dataclass, replace
from typing import Any, Final, NamedTuple

import numpy as np

from lstm_lsp import symbols
from lstm_lsp.explore import ablation, probes, scores
from lstm_lsp.explore.ablation import Ablation
from lstm_lsp.explore.attributes import ATTRIBUTES, Bools, attributes
from lstm_lsp.explore.sample import Sample, Source, Tick, Tracks, draw, gather, halves
from lstm_lsp.explore.scores import Doubles
from lstm_lsp.explore.weights import Floats, Weights, untrained

MOST_SYMBOLS: Final = 40_000
"""Read of each half of the files, besides those that lead there."""
ABLATED_SHARE: Final = 6
"""Of them one in so many is read once for every unit that is ablated."""
FEWEST: Final = 30
"""Fewer places are no evidence; of a flag, so many up and so many down."""
SCREENED: Final = 32
"""A flag's AUC is compared among this many columns, those with the largest |r|."""
BLOCK: Final = 256
"""Columns in one piece of arithmetic, to bound memory."""

Progress = Callable[[str, int], Tick]
"""Told what begins and how many symbols it reads; returns what is told how many were read."""


class NeuronsError(Exception):
    """What cannot be answered about these files; the message is one sentence for the user."""


class Unit(NamedTuple):
    """A unit and which of its states, "cell" or "hidden"; layer and unit count from 1."""

    layer: int
    unit: int
    state: str

    def __str__(self) -> str:
        return f"{self.layer}:{self.unit} {self.state}"


@dataclass(frozen=True)
class Finding:
    """What one unit says of an attribute.

    Scores are |r| for numbers and AUC for flags, in the direction found on the half where the
    unit was chosen: below 0, or 0.5, the other half contradicts it. All but `chosen` are of
    that other half.
    """

    unit: Unit
    rises: bool
    """Whether the state is larger where the attribute is."""
    chosen: float
    score: float
    partial: float
    """Correlation given character and previous character, in the same direction."""
    information: float
    """Mutual information in bits, less what tracks of other files give."""
    chance: float
    """How often tracks of other files score as well: a p-value."""
    ablation: Ablation | None = None


@dataclass(frozen=True)
class Answer:
    """The units that know one attribute best, best first."""

    attribute: str
    measure: str
    """What scores are: "r" or "auc"."""
    places: int
    """Scored, on the half where units were not chosen."""
    findings: tuple[Finding, ...]
    probes: dict[int, float]
    """By number of units: R^2 for numbers, AUC for flags, on files not chosen on."""
    untrained: float = 0.0
    """The score of an untrained network's best unit, chosen and scored in the same way."""

    def to_json(self) -> dict[str, Any]:
        """Return it in plain types."""
        units = []
        for finding in self.findings:
            plain = asdict(finding) | {"unit": finding.unit._asdict()}
            if finding.ablation is not None:
                plain["ablation"]["used"] = finding.ablation.used
            units.append(plain)
        return {
            "measure": self.measure,
            "places": self.places,
            "units": units,
            "probes": {str(size): score for size, score in self.probes.items()},
            "untrained": self.untrained,
        }


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
    `most` symbols are read. Attributes
    that hardly vary in these files have no answer. Raises NeuronsError for fewer than two
    files, and when there is no answer to give.
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
    found = (_answer(weights, name, chosen, scored, best=best, seed=seed) for name in names)
    answers = [answer for answer in found if answer is not None]
    if not answers:
        raise NeuronsError(
            f"{attribute or 'everything'} hardly varies in one half of these files: give more"
        )

    tick = progress("reading, untrained", total)
    blank = untrained(weights.architecture, seed)
    chosen, scored = (gather(blank, cut, texts, tracks, tick) for cut in cuts)
    answers = [replace(a, untrained=_best_score(a.attribute, chosen, scored)) for a in answers]
    del chosen, scored

    size = most // ABLATED_SHARE
    read = ablation.choose(sources, scored_on, texts, most=size, random=random)
    wanted = {_index(f.unit) for answer in answers for f in answer.findings[:ablated]}
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


def _answer(
    weights: Weights, name: str, chosen: Sample, scored: Sample, *, best: int, seed: int
) -> Answer | None:
    """Choose on one half, score on the other; None when there is too little to say."""
    if (known := _known(name, chosen)) is None or (unseen := _known(name, scored)) is None:
        return None
    flag = ATTRIBUTES[name].kind == "flag"
    columns, strengths = _choose(chosen.states, *known, flag=flag)
    distinct: dict[tuple[int, int], int] = {}  # of a unit's two states the better one
    for n, column in enumerate(columns):
        distinct.setdefault(_index(_unit(weights, chosen.quantities, int(column))), n)
        if len(distinct) == best:
            break
    kept = list(distinct.values())
    places, attribute = unseen
    files, pairs = scored.files[places], scored.pairs[places]
    activations = scored.states[places][:, columns[kept]].astype(np.float64)
    partial = scores.partial_correlation(activations, attribute, pairs)
    chance = scores.chance(activations, attribute, files, flag=flag, seed=seed)
    findings = []
    for n, strength in enumerate(strengths[kept]):
        sign = float(np.sign(strength)) or 1.0
        actual = _strength(activations[:, n], attribute, flag=flag)
        findings.append(
            Finding(
                _unit(weights, scored.quantities, int(columns[kept[n]])),
                rises=sign > 0,
                chosen=_shown(strength * sign, flag=flag),
                score=_shown(actual * sign, flag=flag),
                partial=float(partial[n] * sign),
                information=_information(activations[:, n], attribute, files, seed),
                chance=float(chance[n]),
            )
        )
    at, answers = known
    curve = probes.curve(chosen.states[at], answers, scored.states[places], attribute, flag=flag)
    measure = "auc" if flag else "r"
    return Answer(name, measure, len(attribute), tuple(findings), curve)


def _best_score(name: str, chosen: Sample, scored: Sample) -> float:
    """Return the score that the best unit has on the half where it was not chosen."""
    known, unseen = _known(name, chosen), _known(name, scored)
    if known is None or unseen is None:
        return 0.0
    flag = ATTRIBUTES[name].kind == "flag"
    columns, strengths = _choose(chosen.states, *known, flag=flag)
    places, attribute = unseen
    activation = scored.states[places, columns[0]].astype(np.float64)
    sign = float(np.sign(strengths[0])) or 1.0
    return _shown(_strength(activation, attribute, flag=flag) * sign, flag=flag)


def _known(name: str, sample: Sample) -> tuple[Bools, Doubles] | None:
    """Return the places that have an attribute, and its values there, if they say anything."""
    values = sample.attributes.get(name)
    if values is None:
        return None
    places = ~np.isnan(values)
    attribute = values[places].astype(np.float64)
    # Of the commonest value, all but FEWEST places may be; that holds for flags both ways.
    counts = np.unique(attribute, return_counts=True)[1]
    if len(attribute) - counts.max(initial=0) < FEWEST or (
        ATTRIBUTES[name].kind == "flag" and counts.min() < FEWEST
    ):
        return None
    return places, attribute


def _choose(
    states: Floats, places: Bools, attribute: Doubles, *, flag: bool
) -> tuple[np.ndarray[Any, np.dtype[np.int64]], Doubles]:
    """Return columns, the best first, and what each says with its sign: r, or AUC - 1/2."""
    blocks = range(0, states.shape[1], BLOCK)
    r = np.concatenate(
        [scores.correlation(states[places, at : at + BLOCK], attribute) for at in blocks]
    )
    order = np.argsort(-np.abs(r), kind="stable")
    if flag:
        order = order[:SCREENED]
        r_or_auc = scores.auc(states[places][:, order], attribute > 0) - 0.5
        best = np.argsort(-np.abs(r_or_auc), kind="stable")
        return order[best], r_or_auc[best]
    return order, r[order]


def _strength(activation: Doubles, attribute: Doubles, *, flag: bool) -> float:
    """Return r, or AUC - 1/2, of one unit."""
    column = activation[:, None]
    if flag:
        return float(scores.auc(column, attribute > 0)[0]) - 0.5
    return float(scores.correlation(column, attribute)[0])


def _shown(strength: float, *, flag: bool) -> float:
    return float(strength) + 0.5 if flag else float(strength)


def _information(
    activation: Doubles, attribute: Doubles, files: np.ndarray[Any, Any], seed: int
) -> float:
    """Return mutual information less its mean over 20 rearrangements of the attribute."""
    column = activation[:, None]
    nothing = [
        scores.mutual_information(column, track)[0]
        for track in scores.rearrangements(attribute, files, 20, seed)
    ]
    return float(scores.mutual_information(column, attribute)[0] - np.mean(nothing))


def _unit(weights: Weights, quantities: tuple[str, ...], column: int) -> Unit:
    units = weights.architecture.units
    quantity, column = divmod(column, weights.architecture.layers * units)
    return Unit(column // units + 1, column % units + 1, quantities[quantity])


def _index(unit: Unit) -> tuple[int, int]:
    return unit.layer - 1, unit.unit - 1


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
    answer: Answer,
    places: Bools,
    lost: dict[tuple[int, int], Floats],
    others: Sequence[Floats],
) -> Answer:
    """Return the answer with what its ablated units cost."""
    findings = [
        replace(f, ablation=ablation.judge(lost[_index(f.unit)], others, places))
        if _index(f.unit) in lost
        else f
        for f in answer.findings
    ]
    return replace(answer, findings=tuple(findings))
