"""Lanes: documents side by side, handed out in chunks from a corpus that lies on the device.

The corpus's bytes are copied to the device once. Where a presented document's symbols
lie among them is a few numbers a document, so a chunk is one gather, and there is no
data loader: the CPU only keeps each lane's place. B lanes read B documents in chunks of
T symbols; a document starts only at a chunk's start, and the rest of its last chunk is
padding that the loss leaves out (1-2 %).

The order is a pure function of (seed, epoch), and a lane's place is three numbers, so a
run resumes at the exact next chunk.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from lstm_lsp import symbols
from lstm_lsp.licence import licence_end

from .corpus.packed import Corpus, PackedError

Integers = npt.NDArray[np.int64]
EVERY_LANE: Final = slice(None)
CPU: Final = torch.device("cpu")


@dataclass(frozen=True)
class Presentation:
    """How a training document is shown to the network: shares of documents, 0-1."""

    without_path: float = 0.3
    """Header without its path, as untitled documents have."""
    from_a_later_line: float = 0.2
    """Text begins at a random line, as bounded contexts do."""
    with_licence: float = 0.5
    """Documents that keep the licence notice they open with."""


PLAIN: Final = Presentation(0.0, 0.0, 1.0)


class Shown(NamedTuple):
    """Where the symbols of presented documents lie in the corpus, one entry a document.

    A document is the `head` symbols of its header from `start` on, the END_OF_HEADER at
    `end_of_header`, and its text from `body` on, with the END: `length` symbols in all.
    """

    start: Integers
    head: Integers
    end_of_header: Integers
    body: Integers
    length: Integers


class Chunk(NamedTuple):
    """What one step reads, for b lanes of this process."""

    symbols: Tensor
    """(T + 1, b) int64: rows 0..T-1 are read, rows 1..T are to be predicted."""
    known: Tensor
    """(T, b) bool: the predictions that count."""
    fresh: Tensor
    """(b,) bool: the lanes whose document starts here, so whose state is zero."""
    predicted: int
    """Symbols that all lanes predict, other processes' too, headers among them."""


class Presented:
    """The documents of a corpus as a `Presentation` shows them."""

    def __init__(self, corpus: Corpus, presentation: Presentation) -> None:
        self.corpus = corpus
        self.presentation = presentation
        self._separators = self._first(symbols.SEPARATOR)
        self._ends_of_headers = self._first(symbols.END_OF_HEADER)

    def _first(self, marker: int) -> Integers:
        """Return where each document has its first `marker`."""
        places = np.flatnonzero(self.corpus.symbols == marker)
        return places[np.searchsorted(places, self.corpus.starts)]

    @cached_property
    def _licences(self) -> Integers:
        """Length of the licence notice that each text opens with."""
        texts = (
            self.corpus.symbols[at + 1 : end - 1].tobytes()
            for at, end in zip(self._ends_of_headers, self.corpus.ends, strict=True)
        )
        return np.fromiter(map(licence_end, texts), np.int64, len(self.corpus))

    @cached_property
    def _lines(self) -> Integers:
        """Where lines end."""
        return np.flatnonzero(self.corpus.symbols == ord("\n"))

    def shown(self, random: np.random.Generator) -> Shown:
        """Draw how each document is shown this time."""
        shares, end = self.presentation, self.corpus.ends - 1
        drawn, path, licence, place = random.random((4, len(self.corpus)))
        body = self._ends_of_headers + 1
        if shares.with_licence < 1:
            body = body + np.where(licence >= shares.with_licence, self._licences, 0)
        if shares.from_a_later_line > 0:
            at = body + (place * (end - body)).astype(np.int64)
            found = np.searchsorted(self._lines, at)
            line = np.append(self._lines, len(self.corpus.symbols))[found]
            later = (drawn < shares.from_a_later_line) & (line < end)
            body = np.where(later, line + 1, body)
        head = np.where(path < shares.without_path, self._separators + 1, self._ends_of_headers)
        head = head - self.corpus.starts
        length = head + 1 + self.corpus.ends - body
        return Shown(self.corpus.starts, head, self._ends_of_headers, body, length)


class Lanes:
    """B lanes of documents, read in chunks of T symbols.

    With `once`, for measuring, every document is read a single time, no prediction inside
    a header counts, and `done` says when nothing is left. Only the lanes of `own` are
    handed out; all are kept, so that processes agree on who reads what.
    """

    def __init__(
        self,
        corpus: Corpus,
        lanes: int,
        length: int,
        seed: int = 0,
        presentation: Presentation = PLAIN,
        *,
        once: bool = False,
        own: slice = EVERY_LANE,
        device: torch.device = CPU,
    ) -> None:
        if not len(corpus):
            raise PackedError("the corpus has no documents")
        self.corpus = corpus
        self.length = length
        self.seed = seed
        self.once = once
        self.own = own
        self.device = device
        self._symbols = torch.from_numpy(corpus.symbols).to(device)
        self._steps = torch.arange(length + 1, device=device)[:, None]
        self._presented = Presented(corpus, presentation)
        self._epochs: dict[int, tuple[Integers, Shown]] = {}
        self._epoch = self._next = 0
        # A lane without a document has one symbol, so that it is exhausted.
        self._document = np.full(lanes, -1)
        self._epoch_of = np.zeros(lanes, np.int64)
        self._offset = np.zeros(lanes, np.int64)
        self._shown = np.tile(np.array([[0], [0], [0], [0], [1]]), lanes)

    @property
    def count(self) -> int:
        """Lanes of all processes."""
        return len(self._document)

    @property
    def epoch(self) -> float:
        """Epochs handed out so far."""
        return self._epoch + self._next / len(self.corpus)

    @property
    def done(self) -> bool:
        """Whether every document was read, with `once`."""
        return self.once and self._next == len(self.corpus) and bool(self._exhausted().all())

    def chunk(self) -> Chunk:
        """Return the next chunk and advance."""
        fresh = self._exhausted()
        for lane in np.flatnonzero(fresh):
            self._open_next(int(lane))
        left = self._shown[-1] - 1 - self._offset
        predicted = int(np.clip(left, 0, self.length).sum())
        places = np.concatenate((self._shown, self._offset[None], fresh[None]))[:, self.own]
        self._offset += self.length
        on_device = torch.from_numpy(places).to(self.device, non_blocking=True)
        start, head, end_of_header, body, length, offset, fresh_here = on_device
        at = offset + self._steps
        place = torch.where(at < head, start + at, body + at - head - 1)
        place = torch.where(at == head, end_of_header, place)
        inside = at < length
        read = self._symbols[place.clamp_(max=len(self._symbols) - 1)].long() * inside
        known = inside[1:]
        if self.once:
            known = known & (at[:-1] >= head)
        return Chunk(read, known, fresh_here.bool(), predicted)

    def state(self) -> dict[str, Any]:
        """Return the place in the corpus, for `restore`."""
        places = np.stack((self._document, self._epoch_of, self._offset), 1)
        return {"epoch": self._epoch, "next": self._next, "lanes": places.tolist()}

    def restore(self, state: dict[str, Any]) -> None:
        """Go to the place that `state()` returned."""
        self._epoch, self._next = state["epoch"], state["next"]
        for lane, (document, epoch, offset) in enumerate(state["lanes"]):
            self._take(lane, document, epoch)
            self._offset[lane] = offset

    def _exhausted(self) -> npt.NDArray[np.bool_]:
        exhausted: npt.NDArray[np.bool_] = self._offset + 1 >= self._shown[-1]
        return exhausted

    def _open_next(self, lane: int) -> None:
        if self._next == len(self.corpus):
            if self.once:
                return
            self._epoch, self._next = self._epoch + 1, 0
        order, _ = self._of_epoch(self._epoch)
        self._take(lane, int(order[self._next]), self._epoch)
        self._next += 1

    def _take(self, lane: int, document: int, epoch: int) -> None:
        self._document[lane], self._epoch_of[lane], self._offset[lane] = document, epoch, 0
        if document >= 0:
            _, shown = self._of_epoch(epoch)
            self._shown[:, lane] = [values[document] for values in shown]

    def _of_epoch(self, epoch: int) -> tuple[Integers, Shown]:
        """Return the order of an epoch's documents, and how each is shown."""
        if epoch not in self._epochs:
            random = np.random.default_rng((self.seed, epoch))
            order = random.permutation(len(self.corpus))
            self._epochs = {n: kept for n, kept in self._epochs.items() if n == epoch - 1}
            self._epochs[epoch] = order, self._presented.shown(random)
        return self._epochs[epoch]
