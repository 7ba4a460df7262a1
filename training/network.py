"""The network in torch: embedding, a stack of LSTM layers, a linear output.

Shapes are time first. `forward` returns logits, never probabilities: the loss and
the export each want their own normalisation. The serving twin is the exported graph
(`training.export`); the shape of both is `lstm_lsp.card.Architecture`.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

from lstm_lsp import symbols
from lstm_lsp.card import Architecture

State = tuple[Tensor, Tensor]
"""Hidden and cell state, each (layers, B, units)."""


class CharacterLSTM(nn.Module):
    """A character-level LSTM over `symbols.VOCABULARY` symbols."""

    dropout = 0.0
    """Share of the last layer's outputs dropped in training."""

    def __init__(self, architecture: Architecture) -> None:
        super().__init__()
        self.architecture = architecture
        a = architecture
        self.embedding = nn.Embedding(symbols.VOCABULARY, a.embedding)
        self.lstm = nn.LSTM(a.embedding, a.units, a.layers)
        self.output = nn.Linear(a.units, symbols.VOCABULARY)
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
        hidden, state = self.lstm(self.embedding(read), state)
        if self.training and self.dropout:
            hidden = functional.dropout(hidden, self.dropout)
        return self.output(hidden), state

    def zero_state(self, lanes: int) -> State:
        """Return the state before anything was read."""
        a = self.architecture
        zeros = self.output.weight.new_zeros(a.layers, lanes, a.units)
        return zeros, zeros.clone()
