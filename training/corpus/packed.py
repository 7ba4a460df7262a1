"""Packed corpora: many documents in one `*.symbols` file.

A packed file is documents one after another, each
`START language SEPARATOR project/path END_OF_HEADER text END` (`lstm_lsp.symbols`);
`*.symbols.xz` is the same, compressed.
"""

from __future__ import annotations

import lzma
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from lstm_lsp import symbols

Symbols = npt.NDArray[np.uint8]


class PackedError(ValueError):
    """A file that is no packed corpus, or one without documents; one line for the user."""


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
        """Read `files`. Raises PackedError when one is not a packed corpus."""
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
        try:
            raw = lzma.decompress(raw)
        except lzma.LZMAError as error:
            raise PackedError(f"{file} is not a packed corpus: {error}") from error
    if raw[:1] != bytes((symbols.START,)) or raw[-1:] != bytes((symbols.END,)):
        raise PackedError(f"{file} is not a packed corpus")
    return np.frombuffer(raw, np.uint8)
