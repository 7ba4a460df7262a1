"""The network in torch: embedding, a stack of LSTM layers, a linear output.

Shapes are time first. `forward` returns logits, never probabilities: the loss and
the export each want their own normalisation. The serving twin is the exported graph
(`training.export`); the shape of both is `lstm_lsp.card.Architecture`.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from lstm_lsp import symbols
from lstm_lsp.card import Architecture

State = tuple[Tensor, Tensor]
"""Hidden and cell state, each (layers, B, units)."""


class CharacterLSTM(nn.Module):
    """A character-level LSTM over `symbols.VOCABULARY` symbols."""

    dropout = 0.0
    """Share of the hidden states that the output reads dropped in training."""

    def __init__(self, architecture: Architecture) -> None:
        super().__init__()
        self.architecture = architecture
        a = architecture
        self.embedding = nn.Embedding(symbols.VOCABULARY, a.embedding)
        self.lstm = nn.LSTM(a.embedding, a.units, a.layers)
        self.output = nn.Linear(a.output_units, symbols.VOCABULARY)
        self._initialise()

    def _initialise(self) -> None:
        """Uniform embeddings, orthogonal recurrences, forget-gate bias 1 (Jozefowicz 2015)."""
        units = self.architecture.units
        # The int8 graph scales a layer's input by its largest value: a bounded
        # embedding keeps that scale small.
        nn.init.uniform_(self.embedding.weight, -0.5, 0.5)
        for name, parameter in self.lstm.named_parameters():
            if "weight_hh" in name:
                for gate in parameter.chunk(4):
                    nn.init.orthogonal_(gate)
            elif "weight_ih" in name:
                nn.init.xavier_uniform_(parameter)
            else:
                nn.init.zeros_(parameter)
                if "bias_ih" in name:  # torch orders the gates i, f, g, o
                    parameter.data[units : 2 * units] = 1.0
        nn.init.uniform_(self.output.weight, -0.05, 0.05)
        nn.init.zeros_(self.output.bias)

    def forward(self, read: Tensor, state: State) -> tuple[Tensor, State]:
        """Read `read` (T, B) int64 from `state`; return logits (T, B, 256) and the state after."""
        embedded = self.embedding(read)
        if self.architecture.output == "all":
            hidden, state = self.all_layers(embedded, state)
        else:
            hidden, state = self.lstm(embedded, state)
        if self.training and self.dropout:
            hidden = functional.dropout(hidden, self.dropout)
        return self.output(hidden), state

    def all_layers(self, read: Tensor, state: State) -> tuple[Tensor, State]:
        """Return the hidden states of all layers, (T, B, layers * units), and the state after.

        A layer at a time: `nn.LSTM` hands out those of the last alone.
        """
        layers, after = [], []
        for n in range(self.architecture.layers):
            names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
            weights = tuple(self.lstm.get_parameter(f"{name}_l{n}") for name in names)
            before = (state[0][n : n + 1], state[1][n : n + 1])
            # With biases, one layer, no dropout; one direction, time first.
            options = (True, 1, 0.0, self.training, False, False)
            read, h, c = torch.lstm(read, before, weights, *options)
            layers.append(read)
            after.append((h, c))
        h, c = (torch.cat(parts) for parts in zip(*after, strict=True))
        return torch.cat(layers, dim=-1), (h, c)

    def zero_state(self, lanes: int) -> State:
        """Return the state before anything was read."""
        a = self.architecture
        zeros = self.output.weight.new_zeros(a.layers, lanes, a.units)
        return zeros, zeros.clone()


def reading_all(weights: dict[str, Tensor], architecture: Architecture) -> dict[str, Tensor]:
    """Return the weights of a network that reads its last layer as those of one that reads all.

    The new columns of the output are zero: it computes what it did, and can learn the rest.
    """
    output = weights["output.weight"]
    if architecture.output != "all" or output.shape[1] == architecture.output_units:
        return weights
    new = output.new_zeros(len(output), architecture.output_units - output.shape[1])
    return weights | {"output.weight": torch.cat((new, output), dim=1)}
