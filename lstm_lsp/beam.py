"""A beam: the live hypotheses of a search, the best ways on, and the way back.

What a search is for, where it may go and when it ends is for `search` to say.
Probabilities are natural logarithms.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from lstm_lsp import symbols
from lstm_lsp.arithmetic import best
from lstm_lsp.network import Floats, Integers
from lstm_lsp.predictor import SYMBOLS, Hypotheses, Predictor, Row

Scores = npt.NDArray[np.float64]
"""Natural-log probabilities of hypotheses (B,)."""

ANY: Final = np.zeros((1, symbols.VOCABULARY), np.float32)
"""A table of ways on that forbids none."""

_FIRST: Final = np.zeros(64, np.int64)


@dataclass(frozen=True)
class Path:
    """A hypothesis of a search for lines.

    `log_probs[i]`, the natural-log probability of `symbols[: i + 1]`; `word_ends[i]`, the
    same with no word symbol after it; `ended`, that of all of it with a line end after it,
    None for a hypothesis that was still live or dropped.
    """

    symbols: bytes
    log_probs: npt.NDArray[np.float64]
    word_ends: npt.NDArray[np.float64]
    ended: float | None
    end: Row
    """The batch and row that stands after `symbols`."""


class Choice(NamedTuple):
    """What each next hypothesis is: a row of the beam, one symbol more, and its score.

    Arrays (B',); a beam keeps all of them for the way back.
    """

    parents: Integers
    symbols: Integers
    scores: Scores


class Beam:
    """The live hypotheses of one search, and the way back through its steps."""

    def __init__(
        self, predictor: Predictor, start: Hypotheses, words: Floats | None = None
    ) -> None:
        """With `words` (256,), 1 for the symbols that go on with a word, it knows `path`."""
        self.hypotheses = start
        self.scores = np.zeros(len(start), np.float64)
        self._predictor = predictor
        self._words = words
        self.texts = [b""] * len(start)
        """The symbols of the live hypotheses."""
        self._steps: list[tuple[Choice, Floats]] = []

    def __len__(self) -> int:
        return len(self.scores)

    def best(
        self, count: int, floor: float, ways: Floats = ANY, rows: Integers | None = None
    ) -> Choice:
        """Return the `count` best hypotheses and symbols after them, none worse than `floor`.

        `ways` (R, 256), 0 for a symbol that may follow and -inf for others; `rows` (B,), which
        of its rows says so for each hypothesis, the first if left out.
        """
        if rows is None:
            rows = _FIRST[: len(self.scores)]
        log_probs = self.hypotheses.log_probs
        return Choice(*best(self.scores, log_probs, ways, rows, count=count, floor=floor))

    def advance(self, choice: Choice) -> None:
        """Make the chosen hypotheses the live ones; one step of the network."""
        self.scores = choice.scores
        self.texts = [
            self.texts[row] + SYMBOLS[symbol]
            for row, symbol in zip(choice.parents.tolist(), choice.symbols.tolist(), strict=True)
        ]
        self.hypotheses = self._predictor.advance(self.hypotheses, choice.parents, choice.symbols)
        if self._words is not None:
            self._steps.append((choice, self.hypotheses.probabilities @ self._words))

    def dropped(self, choice: Choice, floor: float) -> list[Path]:
        """Return the live hypotheses that `choice` goes on with none of, down to `floor`."""
        if not self._steps or self.scores[0] < floor:
            return []
        kept = set(choice.parents.tolist())
        return [
            self.path(row)
            for row, score in enumerate(self.scores.tolist())
            if score >= floor and row not in kept
        ]

    def path(self, row: int, ended: float | None = None) -> Path:
        """Return a live hypothesis with the probabilities of all its beginnings."""
        text, end = self.texts[row], (self.hypotheses, row)
        scores, inside = np.zeros((2, len(text)))
        for at in reversed(range(len(text))):
            choice, words = self._steps[at]
            scores[at], inside[at] = choice.scores[row], words[row]
            row = int(choice.parents[row])
        return Path(text, scores, scores + np.log(1 - np.minimum(inside, 1)), ended, end)
