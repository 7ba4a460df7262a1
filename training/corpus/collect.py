"""One project's files, chosen and kept: the part of a build that is done once.

A collection is one JSON-lines file in the cache: a row for each file kept, then a
summary. Its name holds a hash of all that it depends on, and it is written whole or
not at all, so a build that was interrupted goes on where it was. Knows nothing of
other projects.
"""

from __future__ import annotations

import base64
import hashlib
import heapq
import json
import os
import platform
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from . import duplicates, filters
from .filters import Kept
from .manifest import Manifest, Project
from .sources import Opened


@dataclass
class Tally:
    """Files and bytes, by reason or by kind."""

    files: Counter[str] = field(default_factory=Counter)
    bytes: Counter[str] = field(default_factory=Counter)

    def add(self, name: str, size: int) -> None:
        """Count one file of `size` bytes."""
        self.files[name] += 1
        self.bytes[name] += size

    def update(self, table: dict[str, dict[str, int]]) -> None:
        """Add what `table()` of another returned."""
        for name, row in table.items():
            self.files[name] += row["files"]
            self.bytes[name] += row["bytes"]

    def table(self) -> dict[str, dict[str, int]]:
        """Return {name: {"files", "bytes"}}, reasons in the order of the checks first."""
        names = [each for each in filters.REASONS if each in self.files]
        names += sorted(set(self.files) - set(names))
        return {name: {"files": self.files[name], "bytes": self.bytes[name]} for name in names}


@dataclass(frozen=True)
class Entry:
    """A row of a collection without its text, which lies at `offset` of `file`."""

    file: Path
    offset: int
    path: str
    size: int
    test: bool
    licence_bytes: int
    digest: str
    signature: duplicates.Signature

    def text(self) -> bytes:
        """Read the text, UTF-8."""
        with self.file.open("rb") as opened:
            opened.seek(self.offset)
            row = json.loads(opened.readline())
        text: str = row["text"]
        return text.encode()


def collect(manifest: Manifest, project: Project, opened: Opened, cache: Path) -> Path:
    """Choose the files of `project` and return its collection, made or found in `cache`.

    Raises CorpusError, and OSError when the cache cannot be written.
    """
    kept = cache / "projects" / f"{project.id}-{_key(manifest, project, opened)}.jsonl"
    if kept.exists():
        return kept
    kept.parent.mkdir(parents=True, exist_ok=True)
    rejected, redacted = Tally(), Counter[str]()
    tree: dict[str, str] = {}
    with tempfile.TemporaryDirectory(dir=kept.parent) as folder:
        partial = Path(folder) / "rows"
        with partial.open("w", encoding="utf-8", newline="\n") as out:
            for each in _chosen(manifest, project, opened, rejected, redacted):
                tree[each.path] = hashlib.sha256(each.text).hexdigest()
                out.write(json.dumps(_row(each, manifest), ensure_ascii=False) + "\n")
            listing = "".join(f"{path}\0{tree[path]}\n" for path in sorted(tree))
            summary = {
                "files": len(tree),
                "tree_sha256": hashlib.sha256(listing.encode()).hexdigest(),
                "rejected": rejected.table(),
                "redacted": dict(sorted(redacted.items())),
            }
            out.write(json.dumps({"summary": summary}) + "\n")
        os.replace(partial, kept)
    return kept


def read(collection: Path) -> tuple[list[Entry], dict[str, Any]]:
    """Return the entries of a collection, sorted by path, and its summary."""
    entries, offset = [], 0
    summary: dict[str, Any] = {}
    with collection.open("rb") as opened:
        for line in opened:
            row = json.loads(line)
            if "summary" in row:
                summary = row["summary"]
            else:
                values = np.frombuffer(base64.b64decode(row["signature"]), "<u4")
                entries.append(
                    Entry(
                        file=collection,
                        offset=offset,
                        path=row["path"],
                        size=row["bytes"],
                        test=row["test"],
                        licence_bytes=row["licence_bytes"],
                        digest=row["digest"],
                        signature=values.astype(np.uint32),
                    )
                )
            offset += len(line)
    return sorted(entries, key=lambda each: each.path), summary


def _key(manifest: Manifest, project: Project, opened: Opened) -> str:
    """Return a hash of all that a collection depends on."""
    normalise = asdict(manifest.normalise)
    del normalise["licence_headers"]  # thinned later
    project_table = asdict(project)
    del project_table["sources"]
    depends = {
        "project": project_table,
        "source": [type(opened.source).__name__, asdict(opened.source), opened.identity],
        "filters": [filters.VERSION, asdict(manifest.filters)],
        "caps": asdict(manifest.caps),
        "dedupe": asdict(manifest.dedupe),
        "normalise": normalise,
        "deny": manifest.deny,
        "python": platform.python_version_tuple()[:2],  # whose `ast` decides what parses
    }
    return hashlib.sha256(json.dumps(depends, sort_keys=True).encode()).hexdigest()[:16]


def _row(kept: Kept, manifest: Manifest) -> dict[str, Any]:
    body = kept.text[kept.licence_bytes :]
    values = duplicates.signature(body, manifest.dedupe)
    return {
        "path": kept.path,
        "bytes": len(kept.text),
        "test": kept.test,
        "licence_bytes": kept.licence_bytes,
        "digest": duplicates.digest(body),
        "signature": base64.b64encode(values.astype("<u4").tobytes()).decode(),
        "text": kept.text.decode(),
    }


def _chosen(
    manifest: Manifest, project: Project, opened: Opened, rejected: Tally, redacted: Counter[str]
) -> Iterator[Kept]:
    """Yield the files to keep; count the others in `rejected`."""
    cap: int = getattr(manifest.caps, project.lang) if project.split == "train" else 0
    samples = (_Sample(cap), _Sample(int(cap * manifest.caps.tests)))

    def wanted(path: str, size: int) -> bool:
        reason = filters.by_name(manifest, project, path, size)
        if reason is None and cap and samples[filters.is_test(path)].full_before(path):
            reason = "cap"
        if reason is not None and reason != "ending":
            rejected.add(reason, size)
        return reason is None

    for path, data in opened.read(wanted):
        kept = filters.by_content(manifest, project, path, data, redacted)
        if isinstance(kept, str):
            rejected.add(kept, len(data))
        elif not cap:
            yield kept
        else:
            for dropped in samples[kept.test].add(kept):
                rejected.add("cap", len(dropped.text))
    for sample in samples:
        yield from sample.files()


class _Sample:
    """The files that come first by the sha1 of their path, until `cap` bytes are full.

    One pass, in memory as many bytes as the cap: a project of any size can stream by.
    """

    def __init__(self, cap: int) -> None:
        self._cap = cap
        self._bytes = 0
        self._heap: list[tuple[int, str, Kept]] = []  # the last by hash on top

    def full_before(self, path: str) -> bool:
        """Whether a file at `path` would be dropped at once, whatever it holds."""
        if self._bytes < self._cap:
            return False
        return not self._heap or _rank(path) < self._heap[0][0]

    def add(self, kept: Kept) -> Iterator[Kept]:
        """Take `kept` in and yield what falls out."""
        heapq.heappush(self._heap, (_rank(kept.path), kept.path, kept))
        self._bytes += len(kept.text)
        while self._heap and self._bytes - len(self._heap[0][2].text) >= self._cap:
            dropped = heapq.heappop(self._heap)[2]
            self._bytes -= len(dropped.text)
            yield dropped

    def files(self) -> list[Kept]:
        """Return what is in, sorted by path."""
        return sorted((kept for *_, kept in self._heap), key=lambda kept: kept.path)


def _rank(path: str) -> int:
    """Negated, since a heap has its least on top."""
    return -int.from_bytes(hashlib.sha1(path.encode()).digest()[:8], "big")
