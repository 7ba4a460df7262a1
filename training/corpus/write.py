"""The files of a built corpus: packed symbols a language and split, their index, hashes.

What is written depends on the files alone; licence notices are thinned here, by a hash of
a file's path.
"""

from __future__ import annotations

import hashlib
import json
import lzma
import os
from itertools import groupby
from pathlib import Path
from typing import Any

from tqdm import tqdm

from .collect import Entry
from .manifest import ENDINGS, SPLITS, Manifest, Project
from .packed import Document, pack


def place(file: tuple[Project, Entry]) -> tuple[str, int]:
    """Return what files are written in the order of: language, and the split's number."""
    project, _ = file
    return project.lang, SPLITS.index(project.split)


def write_symbols(
    manifest: Manifest,
    files: list[tuple[Project, Entry]],
    folder: Path,
    compress: bool,
    progress: bool,
) -> tuple[list[dict[str, Any]], dict[str, str]]:
    """Write the packed files; return the index rows, and each file's sha256, uncompressed."""
    index: list[dict[str, Any]] = []
    hashes: dict[str, str] = {}
    with tqdm(total=len(files), desc="write", unit="file", disable=not progress) as bar:
        for (language, split), group in groupby(files, key=place):
            name = f"{language}.{SPLITS[split]}.symbols" + (".xz" if compress else "")
            packed = hashlib.sha256()
            with lzma.open(folder / name, "wb") if compress else (folder / name).open("wb") as out:
                for project, entry in group:
                    row, document = _document(manifest, project, entry)
                    index.append(row)
                    packed.update(document)
                    out.write(document)
                    bar.update()
            hashes[name] = packed.hexdigest()
    return index, hashes


def _document(manifest: Manifest, project: Project, entry: Entry) -> tuple[dict[str, Any], bytes]:
    """Return a file's row of the index and its symbols."""
    text = entry.text()
    path = f"{project.id}/{entry.path}"
    thinned = 0
    if project.split == "train" and not _keeps_licence(path, manifest.normalise.licence_headers):
        thinned = entry.licence_bytes
        text = text[thinned:]
    row = {
        "project": project.id,
        "language": project.lang,
        "split": project.split,
        "path": entry.path,
        "bytes": len(text),
        "header_bytes": entry.licence_bytes - thinned,
        "thinned_bytes": thinned,
        "test": entry.test,
        "sha256": hashlib.sha256(text).hexdigest(),
        "licence": project.licence,
    }
    return row, pack(Document(project.lang, path, text))


def _keeps_licence(path: str, share: float) -> bool:
    """Whether this file is one of the `share` that keep their licence notice."""
    return share_of(path) < share


def share_of(text: str) -> float:
    """Return a number in [0, 1) that depends on `text` alone, evenly spread."""
    return int.from_bytes(hashlib.sha1(text.encode()).digest()[-4:], "big") / 2**32


def move(folder: Path, output: Path, names: list[str]) -> None:
    """Put the finished files in place, the report last, and drop an older build's others."""
    for language in ENDINGS:
        for split in SPLITS:
            for ending in (".symbols", ".symbols.xz"):
                old = output / f"{language}.{split}{ending}"
                if old.name not in names:
                    old.unlink(missing_ok=True)
    for name in names:
        os.replace(folder / name, output / name)


def write_json(file: Path, table: dict[str, Any]) -> None:
    """Write one JSON object."""
    file.write_text(json.dumps(table, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
