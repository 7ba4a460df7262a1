"""The LSTM's relatives in torch: GRU, peephole LSTM and plain RNN.

Each with the interface of `network.CharacterLSTM`: time first, logits out, the state a
pair (h, c) of (layers, B, units) each; a cell without a cell state hands `c` on
untouched. For experiments and comparisons: only the LSTM has a served graph. GRU and RNN
run on cuDNN; peepholes cannot, and cost what a step in Python costs (docs/training.md).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from lstm_lsp import symbols
from lstm_lsp.card import Architecture

from .network import CharacterLSTM, State

CELLS = ("lstm", "gru", "peephole", "rnn")


class CharacterCell(nn.Module):
    """A character network over `symbols.VOCABULARY` symbols with a cell of `CELLS`' last three."""

    dropout = 0.0
    """Share of the last layer's outputs dropped in training."""

    def __init__(self, architecture: Architecture) -> None:
        super().__init__()
        self.architecture = a = architecture
        self.embedding = nn.Embedding(symbols.VOCABULARY, a.embedding)
        makers = {"gru": nn.GRU, "peephole": PeepholeLSTM, "rnn": nn.RNN}
        self.recurrence: nn.Module = makers[a.cell](a.embedding, a.units, a.layers)
        self.output = nn.Linear(a.units, symbols.VOCABULARY)
        self._initialise()

    def _initialise(self) -> None:
        """Begin as the LSTM does: uniform embeddings, orthogonal recurrences, keeping gates."""
        units = self.architecture.units
        nn.init.uniform_(self.embedding.weight, -0.5, 0.5)
        for name, parameter in self.recurrence.named_parameters():
            if "weight_hh" in name:
                for gate in parameter.chunk(len(parameter) // units):
                    nn.init.orthogonal_(gate)
            elif "weight_ih" in name:
                nn.init.xavier_uniform_(parameter)
            else:
                nn.init.zeros_(parameter)
                if "bias_ih" in name and self.architecture.cell != "rnn":
                    # The second block is f of i, f, g, o and z of r, z, n: both keep.
                    parameter.data[units : 2 * units] = 1.0
        nn.init.uniform_(self.output.weight, -0.05, 0.05)
        nn.init.zeros_(self.output.bias)

    def forward(self, read: Tensor, state: State) -> tuple[Tensor, State]:
        """Read `read` (T, B) int64 from `state`; return logits (T, B, 256) and the state after."""
        embedded = self.embedding(read)
        if isinstance(self.recurrence, PeepholeLSTM):
            hidden, state = self.recurrence(embedded, state)
        else:
            hidden, h = self.recurrence(embedded, state[0])
            state = (h, state[1])
        if self.training and self.dropout:
            hidden = functional.dropout(hidden, self.dropout)
        return self.output(hidden), state

    def zero_state(self, lanes: int) -> State:
        """Return the state before anything was read."""
        a = self.architecture
        zeros = self.output.weight.new_zeros(a.layers, lanes, a.units)
        return zeros, zeros.clone()


class PeepholeLSTM(nn.Module):
    """An LSTM whose gates see the cell (Gers 2002); interface and names of `nn.LSTM`.

    `peephole_l0` (3, units): diagonal weights of i and f on the cell before the step, and
    of o on the cell after it.
    """

    def __init__(self, inputs: int, units: int, layers: int) -> None:
        super().__init__()
        self.layers = layers
        for n in range(layers):
            width = units if n else inputs
            self.register_parameter(f"weight_ih_l{n}", _empty(4 * units, width))
            self.register_parameter(f"weight_hh_l{n}", _empty(4 * units, units))
            self.register_parameter(f"bias_ih_l{n}", _empty(4 * units))
            self.register_parameter(f"bias_hh_l{n}", _empty(4 * units))
            self.register_parameter(f"peephole_l{n}", _empty(3, units))

    def forward(self, read: Tensor, state: State) -> tuple[Tensor, State]:
        """Read `read` (T, B, inputs); return hidden states (T, B, units) and the state after."""
        after = []
        for n in range(self.layers):
            read, h, c = self._layer(n, read, state[0][n], state[1][n])
            after.append((h, c))
        return read, (torch.stack([h for h, _ in after]), torch.stack([c for _, c in after]))

    def _layer(self, n: int, read: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        part = {
            name: self.get_parameter(f"{name}_l{n}")
            for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh", "peephole")
        }
        units = c.shape[-1]
        from_input = read @ part["weight_ih"].T + (part["bias_ih"] + part["bias_hh"])
        recurrent = part["weight_hh"].T
        see_before, see_after = part["peephole"][:2].flatten(), part["peephole"][2]
        hidden = []
        for known in from_input:
            gates = torch.addmm(known, h, recurrent)
            i_f, (g, o) = gates[:, : 2 * units], gates[:, 2 * units :].chunk(2, 1)
            i, f = torch.sigmoid(i_f + torch.cat((c, c), 1) * see_before).chunk(2, 1)
            c = f * c + i * torch.tanh(g)
            h = torch.sigmoid(o + see_after * c) * torch.tanh(c)
            hidden.append(h)
        return torch.stack(hidden), h, c


Network = CharacterLSTM | CharacterCell


def network_of(architecture: Architecture) -> Network:
    """Return a fresh network of any of `CELLS`. Raises ValueError for what there is not."""
    if architecture.cell not in CELLS:
        raise ValueError(f"there is no cell {architecture.cell}, only {', '.join(CELLS)}")
    if architecture.cell == "lstm":
        return CharacterLSTM(architecture)
    if architecture.output == "all":
        raise ValueError(f"only an LSTM's output reads all layers, not a {architecture.cell}'s")
    return CharacterCell(architecture)


def _empty(*shape: int) -> nn.Parameter:
    return nn.Parameter(torch.empty(*shape))
