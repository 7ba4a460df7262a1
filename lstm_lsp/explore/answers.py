"""The answers that take counting: which units say what, where, and what would come next.

Functions of a `Reading` that return JSON values; see `reading` for what they raise.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from lstm_lsp import symbols
from lstm_lsp.explore import gallery
from lstm_lsp.explore.reading import AskError, Reading, Subject, check_unit
from lstm_lsp.explore.recorder import fold, log_probs

_LOOKED_FOR: Final = 16
"""Units of a marked range that are looked for elsewhere."""

_COMMON: Final = 0.5
"""What is on in more of the text than this share says nothing about a range."""

_WRITTEN: Final = 400
"""Symbols written at most."""

_IMPOSSIBLE: Final = -40.0
"""Output biases below belong to symbols outside a network's alphabet."""


def scores(
    reading: Reading, layer: int, quantity: str, attribute: str = ""
) -> dict[str, list[float]]:
    """Return numbers to sort a layer's units by, each a list over the units."""
    recording = reading.recording
    reading.check(layer, quantity=quantity)
    at = reading.sample()
    values = recording.values(layer, quantity, at)
    earlier = recording.values(layer, quantity, np.maximum(at - 1, 0))
    found = {
        "mean size": np.abs(values).mean(axis=0),
        "spread": values.std(axis=0),
        "largest": np.abs(values).max(axis=0),
        "change": np.abs(values - earlier).mean(axis=0),
    }
    direct = reading.subject.weights.output_of(layer)
    if direct is not None:
        found["output weight"] = np.linalg.norm(direct, axis=0)
    if attribute:
        found["attribute"] = reading.strength(values, at, attribute)
    return {key: _rounded(value) for key, value in found.items()}


def find(reading: Reading, attribute: str) -> dict[str, Any]:
    """Return the units that say most about an attribute, chosen and scored on two halves.

    A number: Pearson's r; a flag: the area under the ROC curve.
    """
    recording = reading.recording
    carried = ("cell", "hidden") if "cell" in recording.quantities else ("hidden",)
    halves = reading.halves(attribute)
    middle = 0.5 if reading.is_flag(attribute) else 0.0
    found: list[dict[str, Any]] = []
    for layer in range(recording.weights.architecture.layers):
        for quantity in carried:
            chosen, reported = (
                reading.score(recording.values(layer, quantity, half), half, attribute)
                for half in halves
            )
            for unit in np.argsort(-np.abs(chosen - middle), kind="stable")[:30]:
                found.append(
                    {
                        "layer": layer,
                        "unit": int(unit),
                        "quantity": quantity,
                        "chosen": round(float(chosen[unit]), 4),
                        "score": round(float(reported[unit]), 4),
                    }
                )
    found.sort(key=lambda one: -abs(one["chosen"] - middle))
    return {
        "measure": reading.measure(attribute),
        "places": [len(h) for h in halves],
        "units": found[:40],
    }


def unit_attributes(reading: Reading, layer: int, unit: int) -> list[dict[str, Any]]:
    """Return what one unit says about each attribute of the text, strongest first."""
    reading.check(layer, unit)
    return layer_attributes(reading, layer, [unit])[0]


def layer_attributes(
    reading: Reading, layer: int, units: Sequence[int]
) -> list[list[dict[str, Any]]]:
    """Return `unit_attributes` of each of `units`."""
    recording, at = reading.recording, reading.sample()
    carried = [name for name in ("cell", "hidden") if name in recording.quantities]
    values = {name: recording.values(layer, name, at, units) for name in carried}
    found: list[list[tuple[float, dict[str, Any]]]] = [[] for _ in units]
    for attribute in reading.attributes:
        try:
            scored = {name: reading.score(values[name], at, attribute) for name in carried}
        except AskError:
            continue
        flag = reading.is_flag(attribute)
        size = np.max([np.abs(2 * s - 1) if flag else np.abs(s) for s in scored.values()], axis=0)
        for n, rows in enumerate(found):
            row: dict[str, Any] = {"attribute": attribute, "measure": reading.measure(attribute)}
            row |= {name: round(float(scored[name][n]), 4) for name in carried}
            rows.append((float(size[n]), row))
    return [[row for _, row in sorted(rows, key=lambda one: -one[0])] for rows in found]


def raises(subject: Subject, layer: int, unit: int) -> dict[str, Any]:
    """Return which symbols a unit that the output reads makes likelier and less likely.

    The output weight of each, less the mean over all: in nats for a hidden state of 1. Not
    `direct` where the output does not read the unit's layer.
    """
    check_unit(subject, layer, unit)
    output = subject.weights.output_of(layer)
    if output is None:
        return {"direct": False, "raised": [], "lowered": []}
    possible = np.array((9, 10, *range(32, 127)))
    possible = possible[subject.weights.output_bias[possible] > _IMPOSSIBLE]
    weight = output[possible, unit]
    weight = weight - weight.mean()
    order = np.argsort(-weight, kind="stable")
    pairs = [(int(possible[n]), round(float(weight[n]), 4)) for n in order]
    return {
        "direct": True,
        "raised": [pair for pair in pairs[:8] if pair[1] > 0],
        "lowered": [pair for pair in pairs[::-1][:8] if pair[1] < 0],
    }


def changed(reading: Reading, position: int) -> list[dict[str, Any]]:
    """Return the units whose hidden state moved most when text[position] was read."""
    recording = reading.recording
    reading.check_position(position)
    layers = range(recording.weights.architecture.layers)
    change = np.stack([recording.change(layer, position) for layer in layers])
    units = change.shape[1]
    return [
        {
            "layer": int(n) // units,
            "unit": int(n) % units,
            "change": round(float(change.flat[n]), 4),
        }
        for n in np.argsort(-np.abs(change).ravel(), kind="stable")[:8]
    ]


def match(reading: Reading, start: int, end: int, threshold: float) -> dict[str, Any]:
    """Return the units that are on all through text[start:end], and where else they are.

    On: the hidden state stays beyond the threshold on one side. Of those that are on in at
    most half of the text the 16 rarest are looked for; a place as long as the range counts by the
    share of them that is on, on average.
    """
    recording = reading.recording
    if not 0 <= start < end <= recording.done:
        raise AskError("the range is not in what is recorded")
    if not 0 < threshold < 1:
        raise AskError("the threshold is not between 0 and 1")
    inside, everywhere = np.arange(start, end), np.arange(recording.done)
    found = []
    for layer in range(recording.weights.architecture.layers):
        values = recording.values(layer, "hidden", inside)
        low, high = values.min(axis=0), values.max(axis=0)
        for sign, on in ((1, low >= threshold), (-1, high <= -threshold)):
            units = np.flatnonzero(on)
            for first in range(0, len(units), 32):
                some = units[first : first + 32]
                there = recording.values(layer, "hidden", everywhere, list(some)) * sign
                found += [
                    (float(column.mean()), layer, int(unit), sign, column)
                    for unit, column in zip(some, (there >= threshold).T, strict=True)
                ]
    found.sort(key=lambda one: one[:4])
    used = [one for one in found if one[0] <= _COMMON][:_LOOKED_FOR]
    units_on = [
        {"layer": layer, "unit": unit, "sign": sign, "share": round(share, 4)}
        for share, layer, unit, sign, _ in used
    ]
    if not used:
        return {"on": len(found), "units": [], "places": []}
    share_on = np.mean([column for *_, column in used], axis=0)
    length = end - start
    total = np.concatenate(([0.0], np.cumsum(share_on)))
    score = (total[length:] - total[:-length]) / length
    score[max(0, start - length + 1) : end] = 0
    places: list[dict[str, Any]] = []
    while len(places) < 12 and (best := int(score.argmax())) >= 0 and score[best] > 0:
        places.append({"start": best, "score": round(float(score[best]), 4)})
        score[max(0, best - length + 1) : best + length] = 0
    return {"on": len(found), "units": units_on, "places": places}


def write(
    reading: Reading, position: int, count: int, temperature: float, seed: int
) -> dict[str, Any]:
    """Go on after text[position] by `count` symbols, units held as in the recording.

    Temperature 0 takes the likeliest. Ends where the document (or the string) ends.
    """
    recording = reading.recording
    reading.check_position(position)
    if not 1 <= count <= _WRITTEN or not 0 <= temperature <= 2:
        raise AskError(f"at most {_WRITTEN} characters at a temperature from 0 to 2")
    end = gallery.END if reading.subject.experiment else bytes((symbols.END,))
    masked = [one for one in symbols.MARKERS if one != end[0]]
    random, written = np.random.default_rng(seed), bytearray()
    state = recording.states_after(position)
    while len(written) < count:
        said = log_probs(recording.weights, state.hidden).astype(np.float64)
        said[masked] = -np.inf
        if temperature:
            share = np.exp((said - said.max()) / temperature)
            symbol = int(random.choice(len(share), p=share / share.sum()))
        else:
            symbol = int(said.argmax())
        if symbol == end[0]:
            break
        written.append(symbol)
        states = fold(recording.weights, bytes((symbol,)), state, recording.held)
        state = type(states)(*(tuple(layer[0] for layer in part) for part in states))
    return {"text": written.decode("latin-1"), "ended": len(written) < count}


def _rounded(values: Any) -> list[float]:
    return [round(float(value), 5) for value in values]
