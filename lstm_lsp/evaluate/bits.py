"""Bits for every symbol of a file, read as the server reads it.

The fold behind a symbol at offset o starts at `window_start(text, o, S)`, so the bits
are those of the states that answer requests. The memory that stands behind a line has
seen the file up to the line's start. Nothing after a symbol is ever read for it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt

from lstm_lsp.context import window_start
from lstm_lsp.memory import TAIL, Mixer
from lstm_lsp.network import LONGEST_CALL, Model

Bits = npt.NDArray[np.float64]
View = Callable[[bytes], Mixer]
"""The mixer behind a line, from all symbols before the line's start."""


def bits_of(model: Model, header: bytes, text: bytes, view: View | None = None) -> Bits:
    """Return -log2 of the probability of each symbol of `text`, shape (len(text),).

    `view` gives the memory behind each line; without it the network stands alone.
    """
    result = np.empty(len(text))
    for begin, log_probs in _windows(model, header, text):
        for first, last in _lines(text, begin, begin + len(log_probs)):
            rows = log_probs[first - begin : last - begin]
            if view is not None:
                line_start = text.rfind(b"\n", 0, first) + 1
                tails = [text[max(0, at - TAIL) : at] for at in range(first, last)]
                rows = view(text[:line_start]).mix(rows, tails)
            read = np.frombuffer(text, np.uint8, last - first, first)
            result[first:last] = -rows[np.arange(last - first), read] / np.log(2)
    return result


def _windows(
    model: Model, header: bytes, text: bytes
) -> Iterator[tuple[int, npt.NDArray[np.float32]]]:
    """Yield `(begin, log_probs)`: row i is the network's distribution of text[begin + i]."""
    size = model.context
    opening = model.read(header, model.start())
    state, fold = opening, 0
    for window in range(0, len(text), size):
        start = window_start(text, window, size)
        if start != fold:
            state, fold = model.read(text[start:window], opening), start
        end = min(window + size, len(text))
        for begin in range(window, end, LONGEST_CALL):
            rows, after = model.predictions(text[begin : min(begin + LONGEST_CALL, end)], state)
            yield begin, np.concatenate((state.log_probs, rows[:-1]))
            state = after


def _lines(text: bytes, begin: int, end: int) -> Iterator[tuple[int, int]]:
    """Yield the parts of text[begin:end] that lie in one line, newline included."""
    while begin < end:
        newline = text.find(b"\n", begin, end)
        stop = end if newline < 0 else newline + 1
        yield begin, stop
        begin = stop
