"""What the units of a sample say of an attribute: chosen on one half, scored on the other."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Final, NamedTuple

import numpy as np

from lstm_lsp.explore import probes, scores
from lstm_lsp.explore.ablation import Ablation
from lstm_lsp.explore.attributes import ATTRIBUTES, Bools
from lstm_lsp.explore.sample import Sample
from lstm_lsp.explore.scores import Doubles
from lstm_lsp.explore.weights import Floats, Weights

FEWEST: Final = 30
"""Fewer places are no evidence; of a flag, so many up and so many down."""
SCREENED: Final = 32
"""A flag's AUC is compared among this many columns, those with the largest |r|."""
BLOCK: Final = 256
"""Columns in one piece of arithmetic, to bound memory."""


class Unit(NamedTuple):
    """A unit and which of its states, "cell" or "hidden"; layer and unit count from 1."""

    layer: int
    unit: int
    state: str

    @property
    def zero_based(self) -> tuple[int, int]:
        """Layer and unit as the arithmetic counts them."""
        return self.layer - 1, self.unit - 1

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


def answer(
    weights: Weights, name: str, chosen: Sample, scored: Sample, *, best: int, seed: int
) -> Answer | None:
    """Choose on one half, score on the other; None when there is too little to say."""
    if (known := _known(name, chosen)) is None or (unseen := _known(name, scored)) is None:
        return None
    flag = ATTRIBUTES[name].kind == "flag"
    columns, strengths = _choose(chosen.states, *known, flag=flag)
    distinct: dict[tuple[int, int], int] = {}  # of a unit's two states the better one
    for n, column in enumerate(columns):
        distinct.setdefault(_unit(weights, chosen.quantities, int(column)).zero_based, n)
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


def best_score(name: str, chosen: Sample, scored: Sample) -> float:
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
