"""A text as a network read it, kept small enough for long texts: states, not gates.

A recording holds hidden and cell states of every layer, and of the predictions the five
likeliest next symbols and the bits of what came; gates are computed from the states when they
are asked for (`recorder.quantities`). 100,000 symbols of 2 x 512 units are 0.4 GB that way;
all six quantities in float32 would be 2.4 GB.

Positions count the symbols that are shown; each piece of a text is read from nothing after a
header of at least one symbol, which is not shown. One thread may `read` while others ask for
what is recorded so far (`done`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np
import numpy.typing as npt

from lstm_lsp.explore.recorder import (
    QUANTITIES,
    Held,
    Quantities,
    States,
    fold,
    log_probs,
    quantities,
    start,
)
from lstm_lsp.explore.weights import Floats, Weights
from lstm_lsp.network import never

Integers = npt.NDArray[np.int64]

SHOWN_NEXT = 5
"""How many of the likeliest next symbols are kept."""

MOST_VALUES = 2**29
"""States a recording may hold: 1 GB in half precision."""

_FULL_PRECISION = 2**24
"""Up to so many states (64 MB) they are kept in float32, beyond in float16."""

_CHUNK = 512


class Recording:
    """See the module. `text` (bytes) is what is shown; `done` of it is recorded.

    Raises ValueError for a text that would take more than `MOST_VALUES`.
    """

    def __init__(
        self, weights: Weights, pieces: Iterable[tuple[bytes, bytes]], held: Sequence[Held] = ()
    ) -> None:
        self.weights, self.held = weights, tuple(held)
        self.pieces = tuple(pieces)
        self.text = b"".join(shown for _, shown in self.pieces)
        self.done = 0
        a = weights.architecture
        lengths = [len(header) + len(shown) for header, shown in self.pieces]
        size = 2 * sum(lengths) * a.layers * a.units
        if size > MOST_VALUES:
            most = MOST_VALUES // (2 * a.layers * a.units)
            raise ValueError(f"the text is too long: this network's states fit for {most:,} bytes")
        kind = np.float32 if size <= _FULL_PRECISION else np.float16
        shape = (a.layers, sum(lengths), a.units)
        self._symbols = np.frombuffer(b"".join(h + s for h, s in self.pieces), np.uint8)
        self._hidden = np.zeros(shape, kind)
        self._has_cell = "cell" in self.quantities
        self._cell = np.zeros(shape, kind) if self._has_cell else self._hidden
        self._begins = np.zeros(sum(lengths), bool)
        starts = np.cumsum([0, *lengths])
        self._begins[starts[:-1]] = True
        # Where each shown symbol is among those read, and which piece it belongs to.
        parts = [
            np.arange(at + len(h), at + len(h) + len(s))
            for at, (h, s) in zip(starts, self.pieces, strict=False)
        ]
        self._at: Integers = np.concatenate([*parts, np.zeros(0, np.int64)])
        self.piece: Integers = np.repeat(
            np.arange(len(self.pieces)), [len(s) for _, s in self.pieces]
        )
        self.next_symbols = np.zeros((len(self.text), SHOWN_NEXT), np.uint8)
        """(T, 5): the likeliest symbols after each, likeliest first."""
        self.next_probabilities = np.zeros((len(self.text), SHOWN_NEXT), np.float32)
        self.bits = np.zeros(len(self.text), np.float32)
        """(T,): -log2 of the probability that each symbol had before it came."""
        self.reach = np.zeros((a.layers, a.units), np.float32)
        """The largest |cell| (or hidden, without one) of each unit so far."""

    @property
    def quantities(self) -> tuple[str, ...]:
        """The names of what can be asked for."""
        return QUANTITIES[self.weights.architecture.cell]

    @property
    def nbytes(self) -> int:
        """Bytes that the states hold."""
        return self._hidden.nbytes + (self._cell.nbytes if self._has_cell else 0)

    def read(self, stop: Callable[[], bool] = never) -> None:
        """Read all of the text; returns early when `stop()`."""
        at = 0
        for header, shown in self.pieces:
            state, whole, before = start(self.weights), header + shown, None
            for first in range(0, len(whole), _CHUNK):
                if stop():
                    return
                part = whole[first : first + _CHUNK]
                states = fold(self.weights, part, state, self.held)
                here = slice(at, at + len(part))
                for layer, (hidden, cell) in enumerate(zip(*states, strict=True)):
                    self._hidden[layer, here], self._cell[layer, here] = hidden, cell
                    np.maximum(self.reach[layer], np.abs(cell).max(axis=0), out=self.reach[layer])
                state = States(*(tuple(layer[-1].copy() for layer in part) for part in states))
                predictions = log_probs(self.weights, states.hidden)
                self._predict(here, predictions, before)
                before = predictions[-1]
                at += len(part)
                self.done = int(np.searchsorted(self._at, at))

    def _predict(self, here: slice, predictions: Floats, before: Floats | None) -> None:
        """Keep what matters of the distributions after the symbols read at `here`."""
        first, last = np.searchsorted(self._at, (here.start, here.stop))
        rows = self._at[first:last] - here.start
        ordered = np.argsort(-predictions[rows], axis=1, kind="stable")[:, :SHOWN_NEXT]
        self.next_symbols[first:last] = ordered
        self.next_probabilities[first:last] = np.exp(
            np.take_along_axis(predictions[rows], ordered, axis=1)
        )
        earlier = predictions[:1] if before is None else before[None]
        said = np.concatenate((earlier, predictions[:-1]))  # the distribution before each
        symbols = self._symbols[self._at[first:last]]
        self.bits[first:last] = -said[rows, symbols] / np.log(2)

    def values(
        self, layer: int, quantity: str, at: Integers, units: slice | Sequence[int] = slice(None)
    ) -> Floats:
        """Return one quantity at the positions `at`: float32 (positions, units)."""
        if quantity == "hidden" or (quantity == "cell" and self._has_cell):
            states = self._hidden if quantity == "hidden" else self._cell
            steps = self._at[at]
            if isinstance(units, slice):
                return np.asarray(states[layer, steps][:, units], np.float32)
            return np.asarray(states[layer, steps[:, None], np.asarray(units)], np.float32)
        return self._quantities(layer, at, units)[quantity]

    def unit(self, layer: int, unit: int, start: int, end: int) -> Quantities:
        """Return every quantity of one unit over text[start:end], each float32 (T,)."""
        parts = [
            self._quantities(layer, np.arange(first, min(first + 8192, end)), [unit])
            for first in range(start, end, 8192)
        ]
        none = np.zeros(0, np.float32)
        return {
            name: np.concatenate([none, *(part[name][:, 0] for part in parts)])
            for name in self.quantities
        }

    def states_after(self, position: int) -> States:
        """Return the state after text[position], each layer's (units,)."""
        at = self._at[position]
        layers = range(len(self.weights.layers))
        return States(
            tuple(np.array(self._hidden[n, at], np.float32) for n in layers),
            tuple(np.array(self._cell[n, at], np.float32) for n in layers),
        )

    def change(self, layer: int, position: int) -> Floats:
        """Return how far each hidden state moved when text[position] was read, (units,)."""
        at = self._at[position]
        before = self._before(self._hidden[layer], self._at[position : position + 1])
        moved: Floats = np.asarray(self._hidden[layer, at], np.float32) - before[0]
        return moved

    def _quantities(self, layer: int, at: Integers, units: slice | Sequence[int]) -> Quantities:
        steps = self._at[at]
        hidden, cell = self._hidden[layer], self._cell[layer]
        below = (
            np.asarray(self._hidden[layer - 1, steps], np.float32)
            if layer
            else self.weights.embedding[self._symbols[steps]]
        )
        before = States((self._before(hidden, steps),), (self._before(cell, steps),))
        after = States(*((np.asarray(s[steps], np.float32),) for s in (hidden, cell)))
        cell_kind = self.weights.architecture.cell
        return quantities(cell_kind, self.weights.layers[layer], below, before, after, units=units)

    def _before(self, states: npt.NDArray[np.floating], steps: Integers) -> Floats:
        """Return the states that `steps` began with: zeros where a piece begins."""
        found = np.asarray(states[np.maximum(steps - 1, 0)], np.float32)
        found[self._begins[steps]] = 0
        return found
