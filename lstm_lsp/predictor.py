"""What may follow: the network, the project memory and the mask, for hypotheses in a batch.

A `Predictor` advances hypotheses (texts that could follow a cursor) symbol by symbol, all
of them in one step of the network, and gives the distribution of the next symbol that
searches and generation draw from: the network's, mixed with the project memory's, without
the symbols that may not be drawn, renormalised. It knows nothing of searches, documents
or languages.

May not be drawn: the markers except END, which stands only where a character may, and
bytes that break UTF-8 after the hypothesis' tail (Unicode 16, table 3-7).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, cast

import numpy as np

from lstm_lsp import symbols
from lstm_lsp.arithmetic import normalise
from lstm_lsp.memory import TAIL, Mixer
from lstm_lsp.network import Cancelled, Floats, Integers, Model, State, never

SYMBOLS: Final = [bytes((symbol,)) for symbol in range(symbols.VOCABULARY)]
"""Every symbol as a string of its own, to lengthen texts with."""


def _masks() -> Floats:
    """Return what to add to log-probabilities, (6, 256): 0 or -inf, by `_expected`."""
    allowed = np.zeros((6, symbols.VOCABULARY), np.bool_)
    allowed[0, :0x80] = allowed[0, 0xC2:0xF5] = True
    allowed[0, [symbol for symbol in symbols.MARKERS if symbol != symbols.END]] = False
    for row, (first, last) in enumerate(_CONTINUATIONS, 1):
        allowed[row, first : last + 1] = True
    return np.where(allowed, 0, -np.inf).astype(np.float32)


_ANY: Final = 1
# What the first continuation byte may be after the lead bytes that restrict it, and in
# row 1 after all others: no overlong forms, no surrogates, nothing past U+10FFFF.
_CONTINUATIONS: Final = ((0x80, 0xBF), (0xA0, 0xBF), (0x80, 0x9F), (0x90, 0xBF), (0x80, 0x8F))
_RESTRICTED: Final = {0xE0: 2, 0xED: 3, 0xF0: 4, 0xF4: 5}
_MASKS: Final = _masks()
_NOT_ASCII: Final = b"\x80"


def _expected(tail: bytes) -> int:
    """Return the row of `_MASKS` for what may follow `tail`; 0 where a character starts."""
    for back in range(1, min(4, len(tail) + 1)):
        symbol = tail[-back]
        if symbol >= 0xC0:
            length = 2 if symbol < 0xE0 else 3 if symbol < 0xF0 else 4
            if back >= length:
                return 0
            return _RESTRICTED.get(symbol, _ANY) if back == 1 else _ANY
    return 0


def _masks_after(tails: Sequence[bytes]) -> Integers:
    """Return the rows of `_MASKS` (B,) for what may follow `tails`."""
    return np.array([0 if tail[-1:] < _NOT_ASCII else _expected(tail) for tail in tails])


@dataclass(eq=False, slots=True)  # and never changed: frozen would cost a step 4 microseconds
class Hypotheses:
    """B texts that could follow a cursor, and what may follow each of them.

    `state`, the network's, unmixed; `tails`, the last symbols of each, at most TAIL;
    `log_probs` float32 (B, 256), the natural-log distribution of the next symbol, -inf
    where it may not be drawn; `probabilities`, the same in 0-1. `followed`, for each row
    where its predictor has already gone on to from there, by symbol: searches that begin at
    one place take many of the same steps, and a row is the same whatever stands beside it.
    """

    state: State
    tails: list[bytes]
    log_probs: Floats
    probabilities: Floats
    followed: list[dict[int, Row]]

    def __len__(self) -> int:
        return len(self.tails)

    @classmethod
    def gather(cls, rows: Sequence[Row]) -> Hypotheses:
        """Return single hypotheses of several batches as one batch, in their order."""
        first = rows[0][0]
        if rows == [(first, row) for row in range(len(first))]:
            return first
        states = [(batch.state, slice(row, row + 1)) for batch, row in rows]
        return cls(
            State(
                np.concatenate([state.h[:, one] for state, one in states], axis=1),
                np.concatenate([state.c[:, one] for state, one in states], axis=1),
                np.concatenate([state.log_probs[one] for state, one in states]),
            ),
            [batch.tails[row] for batch, row in rows],
            np.stack([batch.log_probs[row] for batch, row in rows]),
            np.stack([batch.probabilities[row] for batch, row in rows]),
            [batch.followed[row] for batch, row in rows],
        )


Row = tuple[Hypotheses, int]
"""One hypothesis: the batch it is in, and its place there."""


class Predictor:
    """Advances hypotheses by the network's step and mixes in the project memory."""

    def __init__(self, model: Model, mixer: Mixer, cancelled: Callable[[], bool] = never) -> None:
        self._model = model
        self._mixer = mixer
        self._cancelled = cancelled
        self.steps = 0
        """Steps of the network so far: what a search costs, counted."""

    def start(self, state: State, before: bytes, impossible: bytes = b"") -> Hypotheses:
        """Return the one hypothesis at a position: `state` after the text `before`.

        Of the symbols `impossible` none comes next there, whoever says so.
        """
        return self._predict(state, [before[-TAIL:]], impossible)

    def advance(self, hypotheses: Hypotheses, parents: Integers, read: Integers) -> Hypotheses:
        """Return B' hypotheses: row `parents[i]` (B',) followed by the symbol `read[i]` (B',).

        Raises Cancelled when the predictor's `cancelled()`.
        """
        if self._cancelled():
            raise Cancelled
        ways = list(zip(parents.tolist(), read.tolist(), strict=True))
        known = [hypotheses.followed[parent].get(symbol) for parent, symbol in ways]
        if all(known):
            return Hypotheses.gather(cast(list[Row], known))
        self.steps += 1
        tails, state = hypotheses.tails, hypotheses.state
        if len(tails) > 1 or len(ways) > 1:
            state = state.take(parents)
        state = self._model.step(read, state)
        tails = [(tails[parent] + SYMBOLS[symbol])[-TAIL:] for parent, symbol in ways]
        found = self._predict(state, tails)
        for row, (parent, symbol) in enumerate(ways):
            hypotheses.followed[parent][symbol] = found, row
        return found

    def _predict(self, state: State, tails: list[bytes], impossible: bytes = b"") -> Hypotheses:
        mixed = self._mixer.mix(state.log_probs, tails)
        if impossible:
            mixed = mixed.copy()
            mixed[:, list(impossible)] = -np.inf
        log_probs, probabilities = normalise(mixed, _MASKS, _masks_after(tails))
        return Hypotheses(state, tails, log_probs, probabilities, [{} for _ in tails])
