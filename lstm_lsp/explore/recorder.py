"""The recorder: every state and gate of every unit while a network reads a text.

The equations of each cell in float32 numpy. `fold` steps through a text and keeps the states;
`quantities` has the gates of all its steps at once, from what each step read and the state it
began with. What a trace says of step t belongs to step t: its
gates were computed from symbol t and the state *before* it, and its cell and hidden state
are what they led to, the state that predicts symbol t + 1. (The explorer published with
"Exploring LSTMs", 2017, shows gates computed once more from the state already updated, so
each of its gates stands one step late and its traces break the cell's own equations.)
`residual` measures those equations on a trace.

Sources: LSTM, Hochreiter & Schmidhuber 1997 with the forget gate of Gers 2000; peepholes,
Gers 2002; GRU, Cho 2014 as torch computes it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from lstm_lsp.explore.weights import Floats, Layer, Weights

QUANTITIES = {
    "lstm": ("cell", "hidden", "forget", "input", "candidate", "output"),
    "peephole": ("cell", "hidden", "forget", "input", "candidate", "output"),
    "gru": ("hidden", "forget", "input", "candidate", "reset"),
    "rnn": ("hidden",),
}
"""What a trace has for each cell. A GRU has one state and one gate for both keeping and
writing: its `forget` is the update gate z, its `input` is 1 - z."""

Quantities = dict[str, Floats]
"""By the names of `QUANTITIES`, float32 (T, units)."""

Units = slice | Sequence[int]
_ALL = slice(None)


@dataclass(frozen=True)
class Trace:
    """What happened while `text` was read: row t of everything belongs to `text[t]`."""

    cell: str
    text: bytes
    layers: tuple[Quantities, ...]
    log_probs: Floats
    """(T, 256): natural-log distribution of the symbol after `text[t]`."""

    def memory(self, layer: int) -> Floats:
        """Return what a layer carries from step to step: its cell state, or all it has."""
        quantities = self.layers[layer]
        return quantities.get("cell", quantities["hidden"])


class States(NamedTuple):
    """What is carried from step to step: one array a layer, float32 (T, units) or (units,).

    A GRU and a plain RNN have no cell state; `cell` is their hidden state again.
    """

    hidden: tuple[Floats, ...]
    cell: tuple[Floats, ...]


@dataclass(frozen=True)
class Held:
    """A unit that is held at one value at every step, layer and unit from 0.

    `quantity` is "cell" (the hidden state follows from it) or "hidden" (what the unit tells
    the next step, the next layer and the output).
    """

    layer: int
    unit: int
    quantity: str
    value: float


def start(weights: Weights) -> States:
    """Return the state before anything was read: zeros."""
    zeros = tuple(np.zeros(weights.architecture.units, np.float32) for _ in weights.layers)
    return States(zeros, zeros)


def fold(
    weights: Weights, text: bytes, before: States | None = None, held: Sequence[Held] = ()
) -> States:
    """Return the states after each symbol of `text`, read from `before`, by default zero."""
    before = before or start(weights)
    read = weights.embedding[np.frombuffer(text, np.uint8)]
    hidden, cell = [], []
    for n, layer in enumerate(weights.layers):
        here = [one for one in held if one.layer == n]
        h, c = before.hidden[n], before.cell[n]
        h, c = _FOLD[weights.architecture.cell](layer, read, h, c, here)
        hidden.append(h)
        cell.append(c)
        read = h
    return States(tuple(hidden), tuple(cell))


def quantities(
    cell: str,
    layer: Layer,
    read: Floats,
    before: States,
    after: States,
    *,
    units: Units = _ALL,
) -> Quantities:
    """Return every quantity of `units` of one layer at T steps, which need not follow each other.

    `read` (T, inputs) is what the layer was given; `before` and `after` hold that layer's
    states alone, (T, units of the layer), at the beginning and at the end of each step.
    """
    h, (c0, c1) = after.hidden[0][:, units], (s.cell[0][:, units] for s in (before, after))
    if cell == "rnn":
        return {"hidden": h}
    chosen = np.arange(layer.recurrent.shape[1])[units]
    rows = (
        np.arange(len(layer.recurrent)).reshape(-1, layer.recurrent.shape[1])[:, chosen]
    ).ravel()
    given = read @ layer.input[rows].T + layer.input_bias[rows]
    carried = before.hidden[0] @ layer.recurrent[rows].T + layer.recurrent_bias[rows]
    if cell == "gru":
        (r, z, n), (from_r, from_z, from_n) = _blocks(given, 3), _blocks(carried, 3)
        r, z = _sigmoid(r + from_r), _sigmoid(z + from_z)
        values = [h, z, 1 - z, np.tanh(n + r * from_n), r]
    else:
        i, f, g, o = _blocks(given + carried, 4)
        if layer.peephole is not None:
            see_i, see_f, see_o = layer.peephole[:, chosen]
            i, f, o = i + see_i * c0, f + see_f * c0, o + see_o * c1
        values = [c1, h, _sigmoid(f), _sigmoid(i), np.tanh(g), _sigmoid(o)]
    return dict(zip(QUANTITIES[cell], values, strict=True))


def record(weights: Weights, text: bytes) -> Trace:
    """Read `text` from the zero state and return everything that happened."""
    cell = weights.architecture.cell
    states = fold(weights, text)
    read, layers = weights.embedding[np.frombuffer(text, np.uint8)], []
    for layer, h, c in zip(weights.layers, *states, strict=True):
        before, after = States((_before(h),), (_before(c),)), States((h,), (c,))
        layers.append(quantities(cell, layer, read, before, after))
        read = h
    return Trace(cell, text, tuple(layers), log_probs(weights, states.hidden))


def residual(trace: Trace) -> float:
    """Return how far a trace is from the equations of its cell, at worst over all units.

    LSTMs: c' = f c + i g and h = o tanh c'. GRU: h' = z h + (1 - z) n. A plain RNN has no
    gates and nothing to check: 0.
    """
    worst = 0.0
    for q in trace.layers:
        if "cell" in q:
            kept = q["forget"] * _before(q["cell"]) + q["input"] * q["candidate"]
            worst = max(worst, _largest(q["cell"] - kept))
            worst = max(worst, _largest(q["hidden"] - q["output"] * np.tanh(q["cell"])))
        elif "candidate" in q:
            kept = q["forget"] * _before(q["hidden"]) + q["input"] * q["candidate"]
            worst = max(worst, _largest(q["hidden"] - kept))
    return worst


def log_probs(weights: Weights, hidden: Sequence[Floats]) -> Floats:
    """Return the natural-log distributions (T, 256) after hidden states (T, H), one a layer."""
    logits = weights.read_by_output(hidden) @ weights.output.T + weights.output_bias
    logits -= logits.max(axis=-1, keepdims=True)
    return np.asarray(logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True)), np.float32)


def _fold_lstm(
    layer: Layer, read: Floats, h: Floats, c: Floats, held: Sequence[Held]
) -> tuple[Floats, Floats]:
    """One LSTM layer over `read` (T, inputs); with peepholes if the layer has them."""
    units = len(h)
    # sigmoid(x) = (1 + tanh(x / 2)) / 2: halved rows make one tanh of the four functions.
    half = np.repeat(np.array((0.5, 0.5, 1, 0.5), np.float32), units)
    recurrent = layer.recurrent * half[:, None]
    see = None if layer.peephole is None else layer.peephole / 2
    known = (read @ layer.input.T + (layer.input_bias + layer.recurrent_bias)) * half
    hidden, cell = _empty(read, units), _empty(read, units)
    z = np.empty(4 * units, np.float32)
    i_f, (i, f, g, o) = z[: 2 * units].reshape(2, units), z.reshape(4, units)
    for t, given in enumerate(known):
        np.dot(recurrent, h, out=z)
        z += given
        if see is not None:
            i_f += see[:2] * c
        np.tanh(z[: 3 * units], out=z[: 3 * units])
        i_f *= 0.5
        i_f += 0.5
        c = f * c + i * g
        for one in held:
            if one.quantity == "cell":
                c[one.unit] = one.value
        if see is not None:
            o += see[2] * c  # the output gate sees the cell it opens on
        np.tanh(o, out=o)
        o *= 0.5
        o += 0.5
        h = o * np.tanh(c)
        _hold(h, held)
        hidden[t], cell[t] = h, c
    return hidden, cell


def _fold_gru(
    layer: Layer, read: Floats, h: Floats, _: Floats, held: Sequence[Held]
) -> tuple[Floats, Floats]:
    hidden = _empty(read, len(h))
    for t, given in enumerate(read @ layer.input.T + layer.input_bias):
        r, z, n = np.split(given, 3)
        from_r, from_z, from_n = np.split(layer.recurrent @ h + layer.recurrent_bias, 3)
        r, z = _sigmoid(r + from_r), _sigmoid(z + from_z)
        h = z * h + (1 - z) * np.tanh(n + r * from_n)
        _hold(h, held)
        hidden[t] = h
    return hidden, hidden


def _fold_rnn(
    layer: Layer, read: Floats, h: Floats, _: Floats, held: Sequence[Held]
) -> tuple[Floats, Floats]:
    hidden = _empty(read, len(h))
    known = read @ layer.input.T + (layer.input_bias + layer.recurrent_bias)
    for t, given in enumerate(known):
        h = np.tanh(given + layer.recurrent @ h)
        _hold(h, held)
        hidden[t] = h
    return hidden, hidden


_FOLD = {"lstm": _fold_lstm, "peephole": _fold_lstm, "gru": _fold_gru, "rnn": _fold_rnn}


def _hold(h: Floats, held: Sequence[Held]) -> None:
    for one in held:
        if one.quantity == "hidden":
            h[one.unit] = one.value


def _empty(read: Floats, units: int) -> Floats:
    return np.empty((len(read), units), np.float32)


def _blocks(rows: Floats, count: int) -> list[Floats]:
    return np.split(rows, count, axis=1)


def _before(state: Floats) -> Floats:
    """Return the state each step started from: zeros, then the one before."""
    return np.concatenate((np.zeros_like(state[:1]), state[:-1]))


def _largest(difference: Floats) -> float:
    return float(np.abs(difference).max(initial=0.0))


def _sigmoid(x: Floats) -> Floats:
    return np.asarray(0.5 * np.tanh(0.5 * x) + 0.5, np.float32)  # never overflows
