"""Many texts through the network side by side: states to score, and bits without a unit.

The same float32 arithmetic as the recorder, for B lanes at once and for their states alone,
since scores need tens of thousands of places and few quantities. Texts are cut as the server
reads them: a lane is a header, up to one context size to read into, then the symbols that
count.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from lstm_lsp.context import window_start
from lstm_lsp.explore.recorder import Held
from lstm_lsp.explore.weights import Floats, Layer, Weights

AT_ONCE: Final = 64
"""Lanes in one product of matrices; more gain nothing."""

_State = tuple[Floats, Floats]
"""Hidden and cell state of a layer, each (B, units)."""


@dataclass(frozen=True)
class Lane:
    """A piece of a text as it is read: `symbols[skip:]` is what counts, the rest leads there."""

    text: int
    """Which text, by its number."""
    start: int
    """Where in that text the symbols that count begin."""
    symbols: bytes
    skip: int


def cut(number: int, header: bytes, text: bytes, length: int, context: int) -> list[Lane]:
    """Cut the symbols of text `number` into lanes of at most `length` that count.

    Each begins to read where the server with this context size would (`window_start`).
    """
    lanes = []
    for start in range(0, len(text), length):
        first = window_start(text, start, context)
        read = header + text[first : start + length]
        lanes.append(Lane(number, start, read, len(header) + start - first))
    return lanes


def steps(
    weights: Weights, texts: Sequence[bytes], held: Sequence[Held | None] = ()
) -> Iterator[tuple[list[Floats], list[Floats]]]:
    """Yield, for each step, every layer's hidden and cell states, each (B, units).

    `held` is for each lane a unit whose hidden state is held, or None. As many steps as the
    longest text has symbols; what is said of a lane after its end is about nothing. GRU and
    plain RNN have no cell state; theirs is the hidden state again.
    """
    a = weights.architecture
    read = np.zeros((max(map(len, texts), default=0), len(texts)), np.uint8)
    for lane, text in enumerate(texts):
        read[: len(text), lane] = np.frombuffer(text, np.uint8)
    transposed = [
        (np.ascontiguousarray(layer.input.T), np.ascontiguousarray(layer.recurrent.T))
        for layer in weights.layers
    ]
    constant = [
        [(lane, one.unit, one.value) for lane, one in enumerate(held) if one and one.layer == n]
        for n in range(a.layers)
    ]
    hidden = [np.zeros((len(texts), a.units), np.float32) for _ in weights.layers]
    cell = list(hidden)
    for row in read:
        given = weights.embedding[row]
        for n, layer in enumerate(weights.layers):
            h, c = _step(a.cell, layer, transposed[n], given, (hidden[n], cell[n]))
            for lane, unit, value in constant[n]:
                h[lane, unit] = value
            hidden[n], cell[n] = h, c
            given = h
        yield list(hidden), list(cell)


def states(
    weights: Weights,
    lanes: Sequence[Lane],
    places: Sequence[npt.NDArray[np.int64]],
    tick: Callable[[int], object] = bool,
    columns: Sequence[int] | slice = slice(None),
) -> Iterator[dict[str, Floats]]:
    """Yield each lane's states at its `places`, which index `symbols[skip:]`, in rising order.

    By quantity, float32 (places, layers * units), or these `columns` of it alone: unit u of
    layer l in column l * units + u.
    LSTMs have "cell" and "hidden", the others "hidden". Lanes of like length side by side
    cost least. `tick` is told now and then how many more symbols were read.
    """
    a = weights.architecture
    kinds = ("cell", "hidden") if a.cell in ("lstm", "peephole") else ("hidden",)
    width = len(np.arange(a.layers * a.units)[columns])
    for first in range(0, len(lanes), AT_ONCE):
        some = lanes[first : first + AT_ONCE]
        wanted: dict[int, list[tuple[int, int]]] = {}  # step: lanes and their rows
        kept = []
        for number, (lane, chosen) in enumerate(zip(some, places[first:], strict=False)):
            for row, place in enumerate(chosen):
                wanted.setdefault(lane.skip + int(place), []).append((number, row))
            kept.append({kind: np.empty((len(chosen), width), np.float32) for kind in kinds})
        for t, (hidden, cell) in enumerate(steps(weights, [lane.symbols for lane in some])):
            tick(len(some))
            if t not in wanted:
                continue
            whole = {"hidden": hidden, "cell": cell}
            now = {kind: np.concatenate(whole[kind], axis=1)[:, columns] for kind in kinds}
            for number, row in wanted[t]:
                for kind in kinds:
                    kept[number][kind][row] = now[kind][number]
        yield from kept


def bits(
    weights: Weights,
    lanes: Sequence[Lane],
    held: Sequence[Held | None],
    tick: Callable[[int], object] = bool,
) -> Iterator[Floats]:
    """Yield, for each of `held`, the bits of every symbol of the lanes that counts.

    One of `held` is a unit whose hidden state is held, or None for the network as it is. The
    bits are float32 (symbols,), all lanes one after another: what the state before a symbol
    thought of it. The first symbol of all is never predicted; give each lane something to read
    into.
    """
    pairs = [(one, lane) for one in held for lane in lanes]
    found: list[Floats] = []  # of the one of `held` whose lanes come now
    for first in range(0, len(pairs), AT_ONCE):
        some = pairs[first : first + AT_ONCE]
        texts = [lane.symbols for _, lane in some]
        surprise = _surprise(weights, texts, [one for one, _ in some], tick)
        for number, (_, lane) in enumerate(some):
            found.append(surprise[lane.skip : len(lane.symbols), number])
            if len(found) == len(lanes):
                yield np.concatenate(found)
                found = []


def _surprise(
    weights: Weights,
    texts: Sequence[bytes],
    held: Sequence[Held | None],
    tick: Callable[[int], object],
) -> Floats:
    """Return the bits of each symbol, (steps, B); 0 for the first and past a text's end."""
    size = max(map(len, texts))
    read = np.zeros((size, len(texts)), np.int64)
    for lane, text in enumerate(texts):
        read[: len(text), lane] = np.frombuffer(text, np.uint8)
    found = np.zeros((size, len(texts)), np.float32)
    lanes, output = np.arange(len(texts)), np.ascontiguousarray(weights.output.T)
    for t, (hidden, _) in enumerate(steps(weights, texts, held), 1):
        tick(len(texts))
        if t == size:
            break
        logits = weights.read_by_output(hidden) @ output + weights.output_bias
        most = logits.max(axis=1)
        total = most + np.log(np.exp(logits - most[:, None]).sum(axis=1))
        found[t] = (total - logits[lanes, read[t]]) / np.log(2)
    return found


def _step(
    cell: str, layer: Layer, transposed: tuple[Floats, Floats], given: Floats, state: _State
) -> _State:
    """Return a layer's hidden and cell states (B, units) after one step."""
    units, (h, c) = layer.recurrent.shape[1], state
    for_input, for_state = transposed
    if cell == "gru":
        known = given @ for_input + layer.input_bias
        carried = h @ for_state + layer.recurrent_bias
        r, z = np.split(_sigmoid(known[:, : 2 * units] + carried[:, : 2 * units]), 2, axis=1)
        n = np.tanh(known[:, 2 * units :] + r * carried[:, 2 * units :])
        h = z * h + (1 - z) * n
        return h, h
    z = given @ for_input
    z += h @ for_state
    z += layer.input_bias + layer.recurrent_bias
    if cell == "rnn":
        h = np.tanh(z)
        return h, h
    i, f, g, o = (z[:, n * units : (n + 1) * units] for n in range(4))
    if layer.peephole is not None:
        i += layer.peephole[0] * c
        f += layer.peephole[1] * c
    c = _sigmoid(f) * c + _sigmoid(i) * np.tanh(g)
    if layer.peephole is not None:
        o += layer.peephole[2] * c  # the output gate sees the cell it opens on
    return _sigmoid(o) * np.tanh(c), c


def _sigmoid(x: Floats) -> Floats:
    return np.asarray(0.5 * np.tanh(0.5 * x) + 0.5, np.float32)  # never overflows
