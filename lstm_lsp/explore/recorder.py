"""The recorder: every state and gate of every unit while a network reads a text.

The equations of each cell in float32 numpy, one step at a time, so that a page of code can
be held against a page of the paper. What a trace says of step t belongs to step t: its
gates were computed from symbol t and the state *before* it, and its cell and hidden state
are what they led to, the state that predicts symbol t + 1. (The explorer published with
"Exploring LSTMs", 2017, shows gates computed once more from the state already updated, so
each of its gates stands one step late and its traces break the cell's own equations.)
`residual` measures those equations on a trace.

Sources: LSTM, Hochreiter & Schmidhuber 1997 with the forget gate of Gers 2000; peepholes,
Gers 2002; GRU, Cho 2014 as torch computes it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from lstm_lsp.explore.weights import Floats, Layer, Weights
from lstm_lsp.network import Model

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


def record(weights: Weights, text: bytes) -> Trace:
    """Read `text` from the zero state and return everything that happened."""
    cell = weights.architecture.cell
    current = weights.embedding[np.frombuffer(text, np.uint8)]
    layers = []
    for layer in weights.layers:
        layers.append(_RUN[cell](layer, current))
        current = layers[-1]["hidden"]
    return Trace(cell, text, tuple(layers), _log_softmax(current @ weights.output.T, weights))


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


@dataclass(frozen=True)
class Distance:
    """How far a served int8 session is from the dequantised weights, over one text."""

    symbols: int
    hidden: float
    """Mean absolute difference of the hidden states, over all layers, units and steps."""
    cell: float
    """The same of the cell states."""
    hidden_worst: float
    bits: float
    """Bits per symbol of the session minus those of the recorder, from the second symbol on."""
    agreement: float
    """Share of steps at which both hold the same next symbol for likeliest, 0-1."""


def distance(weights: Weights, model: Model, text: bytes) -> Distance:
    """Compare the recorder with the session that serves the same file, symbol by symbol.

    The weights are the same; the session rounds its activations to 8 bits as well, and
    errors live on in the states. `text` needs at least two symbols.
    """
    trace = record(weights, text)
    state, h, c, log_probs = model.start(), [], [], []
    for symbol in text:
        state = model.step(np.array([symbol], np.int64), state)
        h.append(state.h[:, 0])
        c.append(state.c[:, 0])
        log_probs.append(state.log_probs[0])
    hidden = np.abs(np.stack(h, 1) - np.stack([q["hidden"] for q in trace.layers]))
    cell = np.abs(np.stack(c, 1) - np.stack([q["cell"] for q in trace.layers]))
    served = np.stack(log_probs)
    return Distance(
        symbols=len(text),
        hidden=float(hidden.mean()),
        cell=float(cell.mean()),
        hidden_worst=float(hidden.max()),
        bits=bits_per_symbol(served, text) - bits_per_symbol(trace.log_probs, text),
        agreement=float((served.argmax(1) == trace.log_probs.argmax(1)).mean()),
    )


def bits_per_symbol(log_probs: Floats, text: bytes) -> float:
    """Return bits per symbol of `text` from its second on; `log_probs` (T, 256) as in a trace."""
    following = np.frombuffer(text, np.uint8)[1:]
    return float(-log_probs[np.arange(len(following)), following].mean() / np.log(2))


def _lstm(layer: Layer, read: Floats) -> Quantities:
    """One LSTM layer over `read` (T, inputs); with peepholes if the layer has them."""
    units = layer.recurrent.shape[1]
    q = _empty("lstm", len(read), units)
    see_i, see_f, see_o = (
        np.zeros((3, units), np.float32) if layer.peephole is None else (layer.peephole)
    )
    h = c = np.zeros(units, np.float32)
    from_input = read @ layer.input.T + (layer.input_bias + layer.recurrent_bias)
    for t, known in enumerate(from_input):
        i, f, g, o = np.split(known + layer.recurrent @ h, 4)
        i, f, g = _sigmoid(i + see_i * c), _sigmoid(f + see_f * c), np.tanh(g)
        c = f * c + i * g
        o = _sigmoid(o + see_o * c)  # the output gate sees the cell it opens on
        h = o * np.tanh(c)
        for name, value in zip(QUANTITIES["lstm"], (c, h, f, i, g, o), strict=True):
            q[name][t] = value
    return q


def _gru(layer: Layer, read: Floats) -> Quantities:
    units = layer.recurrent.shape[1]
    q = _empty("gru", len(read), units)
    h = np.zeros(units, np.float32)
    for t, known in enumerate(read @ layer.input.T + layer.input_bias):
        r, z, n = np.split(known, 3)
        from_r, from_z, from_n = np.split(layer.recurrent @ h + layer.recurrent_bias, 3)
        r, z = _sigmoid(r + from_r), _sigmoid(z + from_z)
        n = np.tanh(n + r * from_n)
        h = z * h + (1 - z) * n
        for name, value in zip(QUANTITIES["gru"], (h, z, 1 - z, n, r), strict=True):
            q[name][t] = value
    return q


def _rnn(layer: Layer, read: Floats) -> Quantities:
    units = layer.recurrent.shape[1]
    q = _empty("rnn", len(read), units)
    h = np.zeros(units, np.float32)
    from_input = read @ layer.input.T + (layer.input_bias + layer.recurrent_bias)
    for t, known in enumerate(from_input):
        h = np.tanh(known + layer.recurrent @ h)
        q["hidden"][t] = h
    return q


_RUN: dict[str, Callable[[Layer, Floats], Quantities]] = {
    "lstm": _lstm,
    "peephole": _lstm,
    "gru": _gru,
    "rnn": _rnn,
}


def _empty(cell: str, steps: int, units: int) -> Quantities:
    return {name: np.empty((steps, units), np.float32) for name in QUANTITIES[cell]}


def _before(state: Floats) -> Floats:
    """Return the state each step started from: zeros, then the one before."""
    return np.concatenate((np.zeros_like(state[:1]), state[:-1]))


def _largest(difference: Floats) -> float:
    return float(np.abs(difference).max(initial=0.0))


def _sigmoid(x: Floats) -> Floats:
    return np.asarray(0.5 * np.tanh(0.5 * x) + 0.5, np.float32)  # never overflows


def _log_softmax(product: Floats, weights: Weights) -> Floats:
    logits = product + weights.output_bias
    logits -= logits.max(axis=1, keepdims=True)
    return np.asarray(logits - np.log(np.exp(logits).sum(axis=1, keepdims=True)), np.float32)
