"""Packed corpora: many documents in one `*.symbols` file, and the lanes a network reads.

A packed file is documents one after another, each
`START language SEPARATOR project/path END_OF_HEADER text END` (`lstm_lsp.symbols`);
`*.symbols.xz` is the same, compressed. `Lanes` turns documents into the batches of
truncated backpropagation: B lanes read B documents side by side in chunks of T
symbols, a document starts only at a chunk's start, and the rest of its last chunk
is padding that the loss leaves out (under 1 % at T = 96).

The order is a pure function of (seed, epoch), and a lane's place is three numbers,
so a run resumes at the exact next batch.
"""

from __future__ import annotations

import lzma
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from lstm_lsp import symbols
from lstm_lsp.licence import licence_end

Symbols = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Document:
    """One document of a packed file, as views into it."""

    language: str
    path: str
    text: bytes


def pack(document: Document) -> bytes:
    """Return the symbols of one document of a packed file."""
    return symbols.header(document.language, document.path) + document.text + bytes((symbols.END,))


class Corpus:
    """The documents of packed files, held as one array of symbols (uint8)."""

    def __init__(self, files: Sequence[Path]) -> None:
        """Read `files`. Raises ValueError when one is not a packed corpus."""
        self._take([_read(file) for file in files])

    @classmethod
    def of(cls, documents: Iterable[Document]) -> Corpus:
        """Return the corpus of `documents`, in their order."""
        corpus = cls([])
        corpus._take([np.frombuffer(pack(document), np.uint8) for document in documents])
        return corpus

    def _take(self, parts: list[Symbols]) -> None:
        self.symbols: Symbols = np.concatenate(parts) if parts else np.zeros(0, np.uint8)
        ends = np.flatnonzero(self.symbols == symbols.END)
        self.ends: npt.NDArray[np.int64] = ends + 1
        self.starts: npt.NDArray[np.int64] = (
            np.concatenate(([0], self.ends[:-1])) if len(ends) else ends
        )

    def __len__(self) -> int:
        return len(self.starts)

    def __getitem__(self, index: int) -> Document:
        raw = self.symbols[self.starts[index] : self.ends[index]].tobytes()
        head, _, text = raw.partition(bytes((symbols.END_OF_HEADER,)))
        language, _, path = head[1:].partition(bytes((symbols.SEPARATOR,)))
        return Document(language.decode("utf-8"), path.decode("utf-8"), text[:-1])


def _read(file: Path) -> Symbols:
    raw = file.read_bytes()
    if file.suffix == ".xz":
        raw = lzma.decompress(raw)
    if raw[:1] != bytes((symbols.START,)) or raw[-1:] != bytes((symbols.END,)):
        raise ValueError(f"{file} is not a packed corpus")
    return np.frombuffer(raw, np.uint8)


@dataclass(frozen=True)
class Presentation:
    """How a training document is shown to the network: shares of documents, 0-1."""

    without_path: float = 0.3
    """Header without its path, as untitled documents have."""
    from_a_later_line: float = 0.2
    """Text begins at a random line, as bounded contexts do."""
    with_licence: float = 0.5
    """Documents that keep the licence notice they open with."""

    def present(self, document: Document, random: np.random.Generator) -> Symbols:
        """Return the document's symbols, header and END included."""
        without_path, later, licence, where = random.random(4)
        text = document.text
        if licence >= self.with_licence:
            text = text[licence_end(text) :]
        if later < self.from_a_later_line:
            line = text.find(b"\n", int(where * len(text)))
            text = text[line + 1 :]
        path = "" if without_path < self.without_path else document.path
        return np.frombuffer(pack(Document(document.language, path, text)), np.uint8)


PLAIN = Presentation(0.0, 0.0, 1.0)


@dataclass
class _Lane:
    document: int = -1
    epoch: int = 0
    offset: int = 0


class Lanes:
    """B lanes of documents, read in chunks of T symbols.

    `chunk()` returns `symbols` (T + 1, B) uint8, of which rows 0..T-1 are read and
    rows 1..T are to be predicted; `known` (T, B) bool, the predictions that count;
    `fresh` (B,) bool, the lanes whose document starts here, so whose state is zero.

    With `once`, for measuring, every document is read a single time, no prediction inside
    a header counts, and `done` says when nothing is left.
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
    ) -> None:
        if not len(corpus):
            raise ValueError("the corpus has no documents")
        self.corpus = corpus
        self.length = length
        self.seed = seed
        self.presentation = presentation
        self.once = once
        self._lanes = [_Lane() for _ in range(lanes)]
        self._texts: list[Symbols] = [np.zeros(0, np.uint8)] * lanes
        self._epoch = 0
        self._next = 0
        self._order = self._shuffled(0)

    @property
    def epoch(self) -> float:
        """Epochs handed out so far."""
        return self._epoch + self._next / len(self.corpus)

    @property
    def done(self) -> bool:
        """Whether every document was read, with `once`."""
        ended = (
            lane.offset + 1 >= len(text)
            for lane, text in zip(self._lanes, self._texts, strict=True)
        )
        return self.once and self._next == len(self.corpus) and all(ended)

    def chunk(self) -> tuple[Symbols, npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
        """Return the next chunk (shapes above) and advance."""
        length, lanes = self.length, len(self._lanes)
        read = np.zeros((length + 1, lanes), np.uint8)
        known = np.zeros((length, lanes), np.bool_)
        fresh = np.zeros(lanes, np.bool_)
        for column in range(lanes):
            if self._lanes[column].offset + 1 >= len(self._texts[column]):
                self._open_next(column)
                fresh[column] = True
            lane = self._lanes[column]
            part = self._texts[column][lane.offset : lane.offset + length + 1]
            read[: len(part), column] = part
            first = self._header_end(column) - lane.offset if self.once else 0
            known[max(0, first) : max(0, len(part) - 1), column] = True
            lane.offset += length
        return read, known, fresh

    def state(self) -> dict[str, Any]:
        """Return the place in the corpus, for `restore`."""
        return {
            "epoch": self._epoch,
            "next": self._next,
            "lanes": [[lane.document, lane.epoch, lane.offset] for lane in self._lanes],
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go to the place that `state()` returned."""
        self._epoch, self._next = state["epoch"], state["next"]
        self._order = self._shuffled(self._epoch)
        self._lanes = [_Lane(*lane) for lane in state["lanes"]]
        self._texts = [self._present(lane) for lane in self._lanes]

    def _header_end(self, column: int) -> int:
        """Return how many predictions lie inside the header of the lane's document."""
        return int(np.argmax(self._texts[column] == symbols.END_OF_HEADER))

    def _open_next(self, column: int) -> None:
        if self.once and self._next == len(self.corpus):
            self._lanes[column], self._texts[column] = _Lane(), np.zeros(1, np.uint8)
            return
        if self._next == len(self.corpus):
            self._epoch, self._next = self._epoch + 1, 0
            self._order = self._shuffled(self._epoch)
        lane = _Lane(int(self._order[self._next]), self._epoch)
        self._next += 1
        self._lanes[column] = lane
        self._texts[column] = self._present(lane)

    def _present(self, lane: _Lane) -> Symbols:
        if lane.document < 0:
            return np.zeros(0, np.uint8)
        random = np.random.default_rng((self.seed, lane.epoch, lane.document))
        return self.presentation.present(self.corpus[lane.document], random)

    def _shuffled(self, epoch: int) -> npt.NDArray[np.int64]:
        return np.random.default_rng((self.seed, epoch)).permutation(len(self.corpus))
