"""Duplicates among the files of a corpus, exact and near; the first one seen stays.

Near duplicates are files whose sets of word n-grams have an estimated Jaccard
similarity over a threshold: MinHash signatures compared in bands (Leskovec,
Rajaraman and Ullman, Mining of Massive Datasets, chapter 3), by datasketch. Licence
notices are left out of the comparison by the caller. Knows nothing of projects: who
shows held-out files first makes them win.
"""

from __future__ import annotations

import re
import zlib
from hashlib import sha256
from typing import Any

import numpy as np
import numpy.typing as npt

from .manifest import CorpusError, Dedupe

try:
    from datasketch import MinHash, MinHashLSH
except ImportError:  # reported by the one who needs it
    MinHash = MinHashLSH = None

Signature = npt.NDArray[np.uint32]
_WORD = re.compile(rb"\w+")


def digest(body: bytes) -> str:
    """Return the sha256 by which exact duplicates are known: white space does not count."""
    return sha256(b" ".join(body.split())).hexdigest()


def signature(body: bytes, settings: Dedupe) -> Signature:
    """Return the MinHash of `body`, (bands * rows,) uint32."""
    words = _WORD.findall(body)
    last = max(len(words) - settings.ngram, 0)
    shingles = {b" ".join(words[i : i + settings.ngram]) for i in range(last + 1)}
    sketch = _sketch(settings)
    sketch.update_batch(shingles)
    values: Signature = sketch.hashvalues
    return values


def _sketch(settings: Dedupe, values: Signature | None = None) -> Any:
    if MinHash is None:
        raise CorpusError("building a corpus needs datasketch: pip install 'lstm-lsp[train]'")
    return MinHash(
        num_perm=settings.bands * settings.rows,
        seed=settings.seed,
        hashfunc=zlib.crc32,
        hashvalues=values,
        scheme="affine32",
    )


class Seen:
    """The files seen so far, asked whether one more repeats any."""

    def __init__(self, settings: Dedupe) -> None:
        self._settings = settings
        self._digests: set[str] = set()
        self._sketches: list[Any] = []
        number = settings.bands * settings.rows
        _sketch(settings)
        self._index = MinHashLSH(num_perm=number, params=(settings.bands, settings.rows))

    def reason(self, digest: str, values: Signature) -> str | None:
        """Return why a file is left out, or None and remember it."""
        if digest in self._digests:
            return "exact duplicate"
        sketch = _sketch(self._settings, values)
        for other in self._index.query(sketch):
            if sketch.jaccard(self._sketches[other]) >= self._settings.threshold:
                return "near duplicate"
        self._digests.add(digest)
        self._index.insert(len(self._sketches), sketch)
        self._sketches.append(sketch)
        return None
