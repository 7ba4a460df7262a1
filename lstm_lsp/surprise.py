"""How much a document surprises the network, symbol by symbol.

`read` reads a document once and gives the bits of every symbol, the memory of its project
mixed in; `Reading.costs` weighs what could stand at a place instead. What is unusual is for
`places` to say. Knows nothing of files or the protocol.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final, TypeVar

import numpy as np
import numpy.typing as npt

from lstm_lsp import lexis
from lstm_lsp.context import BLOCK, window_start
from lstm_lsp.memory import TAIL, Mixer, NetworkAlone
from lstm_lsp.network import Cancelled, Model, State, never
from lstm_lsp.predictor import SYMBOLS

View = Callable[[bytes], Mixer]
"""The mixer behind a line, from all symbols before the line's start."""

HOPELESS: Final = 12.0
"""Bits behind what is written at which an alternative is given up."""


@dataclass(frozen=True)
class Reading:
    """A document and its bits; goes back to any place of it at the cost of a block.

    `text` in characters, `bits` of every symbol; `states`, before every BLOCK symbols; `view`,
    as `read` was given it.
    """

    model: Model
    text: str
    language: str
    bits: npt.NDArray[np.float64]
    states: Sequence[State]
    view: View | None

    @cached_property
    def symbols(self) -> bytes:
        """The text's symbols."""
        return self.text.encode()

    @cached_property
    def offsets(self) -> npt.NDArray[np.int64]:
        """Where each character's symbols begin, and where the last one's end."""
        if self.text.isascii():
            return np.arange(len(self.text) + 1)
        lengths = [len(character.encode()) for character in self.text]
        return np.concatenate((np.zeros(1, np.int64), np.cumsum(lengths)))

    @cached_property
    def tokens(self) -> list[lexis.Token]:
        """The text's tokens."""
        return lexis.tokens(self.text, self.language)

    def bits_of(self, start: int, end: int) -> float:
        """Return the bits of `text[start:end]`, characters."""
        return float(self.bits[self.offsets[start] : self.offsets[end]].sum())

    def state(self, at: int) -> State:
        """Return the state before the symbol `at`."""
        whole = min(at // BLOCK, len(self.states) - 1)
        return self.model.read(self.symbols[whole * BLOCK : at], self.states[whole])

    def mixer(self, at: int) -> Mixer:
        """Return what the memory knows at the symbol `at`."""
        if self.view is None:
            return NetworkAlone()
        return self.view(self.symbols[: self.symbols.rfind(b"\n", 0, at) + 1])

    def costs(
        self, at: int, texts: Sequence[bytes], cancelled: Callable[[], bool] = never
    ) -> npt.NDArray[np.float64]:
        """Return the bits that each of `texts` would cost at the symbol `at`, (len(texts),).

        Infinite for those that fall `HOPELESS` bits behind the first on the way. Raises
        Cancelled when `cancelled()` before a step of the network.
        """
        total = np.zeros(len(texts))
        mixer, tails = self.mixer(at), [self.symbols[max(0, at - TAIL) : at]] * len(texts)
        rows = np.arange(len(texts))
        state = self.state(at).take(np.zeros(len(texts), np.int64))
        for step in range(max(map(len, texts))):
            if cancelled():
                raise Cancelled
            behind = total[rows] > total[0] + HOPELESS
            total[rows[behind]] = np.inf
            goes_on = ~behind & np.array([step < len(texts[row]) for row in rows.tolist()])
            if not goes_on.any():
                break
            if not goes_on.all():
                state = state.take(np.flatnonzero(goes_on))
                tails = [tail for tail, kept in zip(tails, goes_on, strict=True) if kept]
                rows = rows[goes_on]
            read = np.array([texts[row][step] for row in rows.tolist()], np.int64)
            log_probs = mixer.mix(state.log_probs, tails)
            total[rows] -= log_probs[np.arange(len(rows)), read] / np.log(2)
            if len(rows) == 1 and rows[0] == 0 and np.isinf(total[1:]).all():
                break  # nothing is left to compare with
            state = self.model.step(read, state)
            tails = [
                (tail + SYMBOLS[symbol])[-TAIL:]
                for tail, symbol in zip(tails, read.tolist(), strict=True)
            ]
        return total


def read(
    model: Model, header: bytes, text: str, language: str, view: View | None = None
) -> Reading:
    """Read a document, `text` as `symbols.normalise` gives it.

    States are those that answer requests. `view` gives the memory behind each line; without it
    the network stands alone.
    """
    return finished(slices(model, header, text, language, view))


def slices(
    model: Model, header: bytes, text: str, language: str, view: View | None = None
) -> Generator[None, None, Reading]:
    """Do what `read` does, yielding after each block, so that others may go between."""
    encoded = text.encode()
    bits, states = np.zeros(len(encoded)), []
    opening = model.read(header, model.start())
    state, fold = opening, 0
    for begin in range(0, len(encoded), BLOCK):
        start = window_start(encoded, begin, model.context)
        if start != fold:
            state, fold = opening, start
            for earlier in range(start, begin, BLOCK):
                state = model.read(encoded[earlier : min(earlier + BLOCK, begin)], state)
                yield
        # What a call returns may be a view of all its output.
        state = State(*(array.copy() for array in state))
        states.append(state)
        block = encoded[begin : begin + BLOCK]
        rows, after = model.predictions(block, state)
        log_probs = np.concatenate((state.log_probs, rows[:-1]))
        if view is not None:
            log_probs = _mixed(log_probs, encoded, begin, view)
        drawn = np.frombuffer(block, np.uint8)
        bits[begin : begin + len(block)] = -log_probs[np.arange(len(block)), drawn] / np.log(2)
        state = after
        yield
    return Reading(model, text, language, bits, states or [opening], view)


T = TypeVar("T")


def finished(steps: Generator[None, None, T]) -> T:
    """Return what `steps` returns, run to its end."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            result: T = end.value
            return result


def _mixed(
    log_probs: npt.NDArray[np.float32], text: bytes, begin: int, view: View
) -> npt.NDArray[np.float32]:
    """Return the rows of text[begin:] with the memory behind each line mixed in."""
    parts, end = [], begin + len(log_probs)
    first = begin
    while first < end:
        newline = text.find(b"\n", first, end)
        last = end if newline < 0 else newline + 1
        mixer = view(text[: text.rfind(b"\n", 0, first) + 1])
        tails = [text[max(0, at - TAIL) : at] for at in range(first, last)]
        parts.append(mixer.mix(log_probs[first - begin : last - begin], tails))
        first = last
    return np.concatenate(parts)


def line_and_column(text: str, offset: int) -> tuple[int, int]:
    """Return the line and column of a character, both from 1."""
    return text.count("\n", 0, offset) + 1, offset - text.rfind("\n", 0, offset)
