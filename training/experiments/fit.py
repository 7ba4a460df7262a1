"""Training a small network on strings of a made-up language, each read from nothing.

A string is framed by line ends, so that the first starts it and the last ends it. Adam
with a learning rate falling from 0.01 to 0.001, one thread, the same seed the same
weights; what comes out is the recorder's, so that every check is made in numpy.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch.nn import functional

from lstm_lsp.card import Architecture
from lstm_lsp.explore.recorder import Trace, record
from lstm_lsp.explore.weights import Floats, Weights, from_arrays

from .. import cells
from ..network import CharacterLSTM

END = b"\n"
EMBEDDING = 16
"""More dimensions than any of the languages has symbols."""

NO_INPUT_GATE = "no-input-gate"
CELLS = (*cells.CELLS, NO_INPUT_GATE)
"""The cells an experiment can be tried with: the last is an LSTM whose input gate stays open."""

_OPEN = 30.0
"""The bias of a gate that stays open: its sigmoid is 1 in float32."""

Draw = Callable[[np.random.Generator], Sequence[bytes]]
"""Returns the strings of one step."""


def fit(
    draw: Draw,
    *,
    layers: int,
    units: int,
    cell: str,
    steps: int,
    seed: int,
    dropout: float = 0.0,
    activity: float = 0.0,
) -> Weights:
    """Train on `steps` batches of `draw` and return the weights.

    `dropout`, the share of the last layer's hidden states that the output does not see at a
    step; `activity`, nats a step that their mean size costs. Weights of the cell without an
    input gate are an LSTM's, with a gate that is always 1.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            arithmetic = "lstm" if cell == NO_INPUT_GATE else cell
            architecture = Architecture(layers, units, EMBEDDING, arithmetic)
            network = cells.network_of(architecture)
            network.dropout = dropout
            if cell == NO_INPUT_GATE:
                _open_input_gates(network, units)
            return _fit(draw, network, architecture, steps=steps, seed=seed, activity=activity)
    finally:
        torch.set_num_threads(threads)


def _fit(
    draw: Draw,
    network: CharacterLSTM | cells.CharacterCell,
    architecture: Architecture,
    *,
    steps: int,
    seed: int,
    activity: float,
) -> Weights:
    random = np.random.default_rng(seed)
    _begin_with_frequencies(network.output.bias, draw(random))
    parameters = list(network.parameters())
    optimizer = torch.optim.Adam(parameters, lr=0.01, fused=True)
    shown: list[torch.Tensor] = []
    network.output.register_forward_pre_hook(lambda _, hidden: shown.append(hidden[0]))
    for step in range(steps):
        for group in optimizer.param_groups:
            group["lr"] = 0.01 * 0.1 ** (step / steps)
        read, following = _batch(draw(random))
        logits, _ = network(read, network.zero_state(read.shape[1]))
        loss = functional.cross_entropy(
            logits.flatten(0, 1), following.flatten(), ignore_index=_NOTHING
        )
        loss = loss + activity * shown.pop().abs().mean()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
    arrays = {name: value.numpy() for name, value in network.state_dict().items()}
    return from_arrays(architecture, arrays)


@torch.no_grad()
def _begin_with_frequencies(bias: torch.Tensor, strings: Sequence[bytes]) -> None:
    """Let the output begin with how often each symbol occurs.

    Otherwise the first steps teach every unit to saturate against the 250 symbols that the
    language does not have, and what must be remembered is then learned late or never.
    """
    symbols = np.frombuffer(END.join([*strings, b""]), np.uint8)
    frequencies = np.bincount(symbols, minlength=len(bias)) / len(symbols)
    bias.copy_(torch.from_numpy(np.log(frequencies + 1e-5)))


@torch.no_grad()
def _open_input_gates(network: torch.nn.Module, units: int) -> None:
    """Make the input gates of an LSTM, the first of its blocks, 1 for good."""

    def keep_open(gradient: torch.Tensor) -> torch.Tensor:
        gradient = gradient.clone()
        gradient[:units] = 0
        return gradient

    for name, parameter in network.named_parameters():
        if "_ih_l" in name or "_hh_l" in name:
            parameter[:units] = _OPEN if "bias_ih" in name else 0
            parameter.register_hook(keep_open)  # type: ignore[no-untyped-call]


_NOTHING = -1


def _batch(strings: Sequence[bytes]) -> tuple[torch.Tensor, torch.Tensor]:
    """Return what is read and what follows, (T, B) int64; past a string's end nothing does."""
    longest = max(map(len, strings)) + 1
    read = np.full((longest, len(strings)), END[0], np.int64)
    following = np.full((longest, len(strings)), _NOTHING, np.int64)
    for column, string in enumerate(strings):
        framed = np.frombuffer(END + string + END, np.uint8)
        read[: len(framed) - 1, column] = framed[:-1]
        following[: len(framed) - 1, column] = framed[1:]
    return torch.from_numpy(read), torch.from_numpy(following)


@dataclass(frozen=True)
class Reading:
    """One string read by a trained network: rows 1 on of its trace belong to its symbols."""

    string: bytes
    trace: Trace

    def memory(self, layer: int = 0) -> Floats:
        """Return the cell state (or all the cell has) after each symbol, (T, units)."""
        return self.trace.memory(layer)[1:]

    def quantity(self, name: str, layer: int = 0) -> Floats:
        """Return one of the recorder's quantities at each symbol, (T, units)."""
        return self.trace.layers[layer][name][1:]

    def change(self, layer: int = 0) -> Floats:
        """Return what each symbol added to the memory, (T, units)."""
        return np.diff(self.trace.memory(layer), axis=0)

    def right(self, known: int) -> bool:
        """Return whether the likeliest continuation of the first `known` symbols is the rest.

        As greedy generation would write it, the end included.
        """
        framed = np.frombuffer(self.string + END, np.uint8)
        return bool((self.trace.log_probs.argmax(axis=1)[known:] == framed[known:]).all())


def read(weights: Weights, strings: Sequence[bytes]) -> list[Reading]:
    """Return every string's reading, each from nothing."""
    return [Reading(string, record(weights, END + string)) for string in strings]
