"""One project's files, chosen and kept: the part of a build that is done once.

A collection is one JSON-lines file in the cache: a row for each file kept, then a
summary. A project has one, or one for each shard of a dump. Its name holds a hash of
all that it depends on, and it is written whole or not at all, so a build that was
interrupted goes on where it was, and machines can share the work by sharing the
cache. Knows nothing of other projects.
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
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final, Generic, Protocol, TypeVar

import numpy as np

from . import duplicates, filters
from .filters import Kept
from .manifest import Manifest, Project
from .notices import Notice, is_notice
from .sources import Opened

FORM: Final = 2
"""Raised when the rows change, so that older collections are made anew."""


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
    sha256: str
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


@dataclass(frozen=True)
class Collected:
    """A project with its collections read."""

    project: Project
    opened: Opened
    entries: list[Entry]
    """Sorted by path."""
    rejected: Tally
    redacted: Counter[str]
    notices: list[Notice]

    @property
    def tree_sha256(self) -> str:
        """Over "path NUL sha256(text)" of the entries: equal for two sources of one corpus."""
        listing = "".join(f"{each.path}\0{each.sha256}\n" for each in self.entries)
        return hashlib.sha256(listing.encode()).hexdigest()


def collect(manifest: Manifest, project: Project, opened: Opened, cache: Path) -> Path:
    """Choose the files of `opened` and return its collection, made or found in `cache`.

    Raises CorpusError, and OSError when the cache cannot be written.
    """
    kept = cache / "projects" / f"{project.id}-{_key(manifest, project, opened)}.jsonl"
    if kept.exists():
        return kept
    kept.parent.mkdir(parents=True, exist_ok=True)
    found = Collected(project, opened, [], Tally(), Counter(), [])
    with tempfile.TemporaryDirectory(dir=kept.parent) as folder:
        partial = Path(folder) / "rows"
        with partial.open("w", encoding="utf-8", newline="\n") as out:
            for each in _chosen(manifest, found):
                out.write(json.dumps(_row(each, manifest), ensure_ascii=False) + "\n")
            summary = {
                "rejected": found.rejected.table(),
                "redacted": dict(sorted(found.redacted.items())),
                "notices": sorted(found.notices),
            }
            out.write(json.dumps({"summary": summary}) + "\n")
        os.replace(partial, kept)
    return kept


def read(
    manifest: Manifest, project: Project, opened: Opened, collections: Sequence[Path]
) -> Collected:
    """Return what all the `collections` of one project hold, under the project's cap."""
    whole = Collected(project, opened, [], Tally(), Counter(), [])
    samples = _samples(manifest, project)
    for collection in collections:
        entries, summary = _read(collection)
        whole.rejected.update(summary["rejected"])
        whole.redacted.update(summary["redacted"])
        whole.notices.extend(Notice(*each) for each in summary["notices"])
        for entry in entries:
            for dropped in samples[entry.test].add(entry):
                whole.rejected.add("cap", dropped.size)
    for sample in samples:
        whole.entries.extend(sample.files())
    whole.entries.sort(key=_order)
    whole.notices.sort()
    return whole


def _read(collection: Path) -> tuple[list[Entry], dict[str, Any]]:
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
                        sha256=row["sha256"],
                        test=row["test"],
                        licence_bytes=row["licence_bytes"],
                        digest=row["digest"],
                        signature=values.astype(np.uint32),
                    )
                )
            offset += len(line)
    return entries, summary


def _key(manifest: Manifest, project: Project, opened: Opened) -> str:
    """Return a hash of all that a collection depends on."""
    normalise = asdict(manifest.normalise)
    del normalise["licence_headers"]  # thinned later
    project_table = asdict(project)
    del project_table["sources"]
    depends = {
        "form": FORM,
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
        "bytes": kept.size,
        "sha256": kept.sha256,
        "test": kept.test,
        "licence_bytes": kept.licence_bytes,
        "digest": duplicates.digest(body),
        "signature": base64.b64encode(values.astype("<u4").tobytes()).decode(),
        "text": kept.text.decode(),
    }


def _chosen(manifest: Manifest, found: Collected) -> Iterator[Kept]:
    """Yield the files to keep; enter what is left out, redacted or a notice in `found`."""
    project = found.project
    samples = _samples(manifest, project)

    def wanted(path: str, size: int) -> bool:
        if is_notice(path, size):
            return True
        reason = filters.by_name(manifest, project, path, size)
        if reason is None and samples[filters.is_test(path)].full_before(path):
            reason = "cap"
        if reason is not None and reason != "ending":
            found.rejected.add(reason, size)
        return reason is None

    for path, data in found.opened.read(wanted):
        if is_notice(path, len(data)):
            found.notices.append(Notice(path, data.decode("utf-8", errors="replace")))
            continue
        kept = filters.by_content(manifest, project, path, data, found.redacted)
        if isinstance(kept, str):
            found.rejected.add(kept, len(data))
        elif samples[kept.test].cap is None:
            yield kept
        else:
            for dropped in samples[kept.test].add(kept):
                found.rejected.add("cap", dropped.size)
    for sample in samples:
        yield from sample.files()


class _File(Protocol):
    @property
    def path(self) -> str: ...
    @property
    def size(self) -> int: ...
    @property
    def sha256(self) -> str: ...


F = TypeVar("F", bound=_File)


def _order(file: _File) -> tuple[str, str]:
    """Return the key of a total order: a dump may hold two files of one path."""
    return file.path, file.sha256


class _Sample(Generic[F]):
    """The files that come first by the sha1 of their path, until `cap` bytes are full.

    One pass, in memory as many bytes as the cap: a project of any size can stream by.
    The sample of the samples of a project's parts is the sample of the project. Without
    a cap it takes everything.
    """

    def __init__(self, cap: int | None) -> None:
        self.cap = cap
        self._bytes = 0
        self._heap: list[tuple[int, tuple[str, str], int, F]] = []  # the last by hash on top
        self._taken = 0

    def full_before(self, path: str) -> bool:
        """Whether a file at `path` would be dropped at once, whatever it holds."""
        if self.cap is None or self._bytes < self.cap:
            return False
        return not self._heap or _rank(path) < self._heap[0][0]

    def add(self, file: F) -> Iterator[F]:
        """Take `file` in and yield what falls out."""
        self._taken += 1
        heapq.heappush(self._heap, (_rank(file.path), _order(file), self._taken, file))
        self._bytes += file.size
        while (
            self.cap is not None and self._heap and self._bytes - self._heap[0][-1].size >= self.cap
        ):
            dropped = heapq.heappop(self._heap)[-1]
            self._bytes -= dropped.size
            yield dropped

    def files(self) -> list[F]:
        """Return what is in, sorted by path."""
        return sorted((file for *_, file in self._heap), key=_order)


def _samples(manifest: Manifest, project: Project) -> tuple[_Sample[Any], _Sample[Any]]:
    """Return the samples of code and of test code; held-out projects have no caps."""
    cap: int = getattr(manifest.caps, project.lang) if project.split == "train" else 0
    if not cap:
        return _Sample(None), _Sample(None)
    return _Sample(cap), _Sample(int(cap * manifest.caps.tests))


def _rank(path: str) -> int:
    """Negated, since a heap has its least on top."""
    return -int.from_bytes(hashlib.sha1(path.encode()).digest()[:8], "big")
