"""How far a served int8 session is from the recorder, which computes with the same weights."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lstm_lsp.explore.recorder import record
from lstm_lsp.explore.weights import Floats, Weights
from lstm_lsp.network import Model


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
