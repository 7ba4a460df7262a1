"""A model whose next texts are written down: tests of searches say what it believes."""

from collections.abc import Callable, Mapping
from typing import Any, cast

import numpy as np

from lstm_lsp.context import Contexts
from lstm_lsp.memory import NetworkAlone
from lstm_lsp.network import Integers, Model, State, never
from lstm_lsp.predictor import Hypotheses, Predictor

ELSEWHERE = 1e-6
"""Probability of every symbol that no written text goes on with."""


class Scripted:
    """Goes on with one of `texts`, each as probable as its weight; then with anything."""

    def __init__(self, texts: Mapping[str, float], card: Mapping[str, Any] | None = None) -> None:
        self.card = dict(card or {})
        self.steps = 0
        self._weights: list[float] = [0.0]
        self._next: list[dict[int, int]] = [{}]
        for text, weight in texts.items():
            node = 0
            self._weights[0] += weight
            for symbol in text.encode():
                if symbol not in self._next[node]:
                    self._next[node][symbol] = len(self._next)
                    self._next.append({})
                    self._weights.append(0.0)
                node = self._next[node][symbol]
                self._weights[node] += weight
        self._log_probs = np.log(np.full((len(self._next) + 1, 256), 1 / 256, np.float32))
        for node, following in enumerate(self._next):
            if following:
                row = np.full(256, ELSEWHERE)
                for symbol, child in following.items():
                    row[symbol] = self._weights[child] / self._weights[node]
                self._log_probs[node] = np.log(row / row.sum())

    def state(
        self, header: bytes = b"", before: bytes = b"", cancelled: Callable[[], bool] = never
    ) -> State:
        """Return the state before any text, wherever it is asked for (as Contexts)."""
        return self._at(np.zeros(1, np.int64))

    def step(self, read: Integers, state: State) -> State:
        self.steps += 1
        lost = len(self._next)
        nodes = [
            self._next[node].get(symbol, lost) if node < lost else lost
            for node, symbol in zip(
                state.h[0, :, 0].astype(int).tolist(), read.tolist(), strict=True
            )
        ]
        return self._at(np.array(nodes))

    def _at(self, nodes: Integers) -> State:
        h = nodes.astype(np.float32)[None, :, None]
        return State(h, h, self._log_probs[nodes])

    @property
    def model(self) -> Model:
        return cast(Model, self)

    @property
    def contexts(self) -> Contexts:
        return cast(Contexts, self)


def begin(texts: Mapping[str, float], before: bytes = b"") -> tuple[Predictor, Hypotheses]:
    """Return a predictor of `texts`, and where a search begins."""
    scripted = Scripted(texts)
    predictor = Predictor(scripted.model, NetworkAlone())
    return predictor, predictor.start(scripted.state(), before)
