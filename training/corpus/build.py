"""From a manifest to packed symbols: `build`.

Projects are fetched, each is collected (`collect`), duplicates across projects are
dropped with held-out files winning, licence notices are thinned in train files, and
the rest is written as `LANGUAGE.SPLIT.symbols`, the form `packed` reads. Beside
them: `files.jsonl` (one row a file), `corpus.lock.json` (what was resolved),
`NOTICES.txt` (the projects' licences) and `report.json`. The same manifest and
sources give the same bytes, since all is sorted and every choice is a hash.
"""

from __future__ import annotations

import hashlib
import json
import os
import signal
import tempfile
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import Any, Final, NamedTuple

from tqdm import tqdm

from . import collect, notices, report, sources
from .collect import Collected, Entry, Tally
from .duplicates import Seen
from .manifest import ENDINGS, CorpusError, Manifest, Parquet, Project, Source, load
from .notices import NOTICES
from .sources import Opened
from .write import move, place, share_of, write_json, write_symbols

# Who wins over whom where files repeat.
_PRECEDENCE: Final = ("test", "validation", "train")


class Share(NamedTuple):
    """The `number`th (from 1 on) of `of` equal shares of the filtering."""

    number: int
    of: int


class _Unit(NamedTuple):
    """What one process filters at once: a project, or one shard of a dump."""

    project: Project
    part: str


def build(
    manifest: Path,
    output: Path,
    *,
    allow_missing: bool = False,
    cache: Path | None = None,
    compress: bool = False,
    jobs: int = 1,
    progress: bool = True,
) -> dict[str, Any]:
    """Build the corpus of `manifest` in the folder `output`; return its report.

    `cache` keeps archives and finished projects, so an interrupted build goes on
    where it was; the user's cache folder unless given. `compress` writes
    `.symbols.xz`. `jobs` processes filter. A project none of whose sources can be
    had stops the build, unless `allow_missing`.

    Raises CorpusError; nothing is half-written then.
    """
    checked = load(manifest)
    cache = (cache or default_cache()).absolute()
    try:
        output.mkdir(parents=True, exist_ok=True)
        units = _units(checked)
        opened, missing = _open_all(checked, units, cache, allow_missing, progress)
        files = _collect_all(checked, units, opened, cache, jobs=jobs, progress=progress)
        collections = [
            collect.read(
                checked, project, opened[project.id], [files[unit] for unit in units_of_it]
            )
            for project, units_of_it in groupby(
                (unit for unit in units if unit in files), key=lambda unit: unit.project
            )
        ]
        return _write(checked, collections, missing, output, compress=compress, progress=progress)
    except OSError as error:
        raise CorpusError(f"the corpus cannot be written: {error}") from error


def filter_share(
    manifest: Path,
    share: Share,
    *,
    allow_missing: bool = False,
    cache: Path | None = None,
    jobs: int = 1,
    progress: bool = True,
) -> int:
    """Do one machine's share of the filtering, into `cache`; return the units it has.

    A unit is a project, or one shard of a dump. When the caches' `projects` folders of
    all machines are together, `build` finds every unit done. Raises CorpusError.
    """
    checked = load(manifest)
    cache = (cache or default_cache()).absolute()
    units = _units(checked)[share.number - 1 :: share.of]
    try:
        opened, _ = _open_all(checked, units, cache, allow_missing, progress)
        return len(_collect_all(checked, units, opened, cache, jobs=jobs, progress=progress))
    except OSError as error:
        raise CorpusError(f"the cache cannot be written: {error}") from error


def default_cache() -> Path:
    """Return the folder that keeps archives and finished projects."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "lstm-lsp" / "corpus"


def _units(manifest: Manifest) -> list[_Unit]:
    base = manifest.path.parent
    units = []
    for project in manifest.projects:
        if project.id not in manifest.deny:
            found = (sources.parts(source, base) for source in project.sources)
            units += [_Unit(project, part) for part in next(filter(None, found), [""])]
    return units


def _open_all(
    manifest: Manifest, units: list[_Unit], cache: Path, allow_missing: bool, progress: bool
) -> tuple[dict[str, Opened], dict[str, str]]:
    """Return by id the first source to be had of each unit's project, and why there is none.

    Raises CorpusError when projects are missing that must not be, or all are.
    """
    opened: dict[str, Opened] = {}
    missing: dict[str, str] = {}
    wanted = [project for project, _ in groupby(unit.project for unit in units)]
    for project in tqdm(wanted, "fetch", unit="project", disable=not progress):
        reasons = []
        for source in project.sources:
            try:
                opened[project.id] = sources.open_source(source, manifest.path.parent, cache)
            except CorpusError as error:
                reasons.append(str(error))
            else:
                break
        else:
            missing[project.id] = "; ".join(reasons)
    if missing and not allow_missing:
        first = "; ".join(f"{name}: {why}" for name, why in list(missing.items())[:3])
        more = f"; and {len(missing) - 3} more" if len(missing) > 3 else ""
        raise CorpusError(
            f"{len(missing)} of {len(manifest.projects)} projects cannot be had "
            f"(--allow-missing goes on without them): {first}{more}"
        )
    if wanted and not opened:
        raise CorpusError("no project of the manifest can be had")
    return opened, missing


def _collect_all(
    manifest: Manifest,
    units: list[_Unit],
    opened: dict[str, Opened],
    cache: Path,
    *,
    jobs: int,
    progress: bool,
) -> dict[_Unit, Path]:
    """Return the collection of every unit whose project is `opened`."""
    tasks = {
        unit: (manifest, unit, opened[unit.project.id].source, cache)
        for unit in units
        if unit.project.id in opened
    }
    files: dict[_Unit, Path] = {}
    with tqdm(total=len(tasks), desc="filter", disable=not progress) as bar:
        if jobs <= 1:
            for unit, task in tasks.items():
                files[unit] = _collect_one(*task)
                bar.update()
        else:
            # Ctrl-C is the first process's matter: the others end what they have begun.
            ignore = (signal.SIGINT, signal.SIG_IGN)
            with ProcessPoolExecutor(jobs, initializer=signal.signal, initargs=ignore) as pool:
                running = {pool.submit(_collect_one, *task): unit for unit, task in tasks.items()}
                try:
                    for done in as_completed(running):
                        files[running[done]] = done.result()
                        bar.update()
                finally:
                    pool.shutdown(cancel_futures=True)
    return files


def _collect_one(manifest: Manifest, unit: _Unit, source: Source, cache: Path) -> Path:
    part = unit.part if isinstance(source, Parquet) else ""
    opened = sources.open_source(source, manifest.path.parent, cache, part)
    return collect.collect(manifest, unit.project, opened, cache)


def _write(
    manifest: Manifest,
    collections: list[Collected],
    missing: dict[str, str],
    output: Path,
    *,
    compress: bool,
    progress: bool,
) -> dict[str, Any]:
    rejected = {each.project.id: Tally() for each in collections}
    for each in collections:
        rejected[each.project.id].update(each.rejected.table())
    files = _without_duplicates(collections, manifest, rejected, progress)
    if not files:
        raise CorpusError("no file is left after the filters")
    with tempfile.TemporaryDirectory(dir=output, prefix=".building-") as name:
        folder = Path(name)
        index, hashes = write_symbols(manifest, files, folder, compress, progress)
        rows = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in index)
        (folder / "files.jsonl").write_text(rows, encoding="utf-8")
        hashes["files.jsonl"] = hashlib.sha256(rows.encode()).hexdigest()
        table = {"manifest": manifest.path.name, "outputs": hashes}
        table |= report.report(collections, index, rejected, missing)
        page = notices.page(
            (each.project.id, each.project.licence, each.notices)
            for each in sorted(collections, key=lambda each: each.project.id)
        )
        (folder / NOTICES).write_text(page, encoding="utf-8")
        hashes[NOTICES] = hashlib.sha256(page.encode()).hexdigest()
        write_json(folder / "corpus.lock.json", report.lock(collections))
        write_json(folder / "report.json", table)
        move(folder, output, [*hashes, "corpus.lock.json", "report.json"])
    return table


def _without_duplicates(
    collections: list[Collected], manifest: Manifest, rejected: dict[str, Tally], progress: bool
) -> list[tuple[Project, Entry]]:
    """Return the files that repeat none before them, in the order they are written."""
    seen = {language: Seen(manifest.dedupe) for language in ENDINGS}
    kept = []
    order = sorted(
        (_placed(manifest, each.project, entry) for each in collections for entry in each.entries),
        key=lambda file: (_PRECEDENCE.index(file[0].split), file[0].id),
    )
    for project, entry in tqdm(order, "compare", unit="file", disable=not progress):
        reason = seen[project.lang].reason(entry.digest, entry.signature)
        if reason is None:
            kept.append((project, entry))
        else:
            rejected[project.id].add(reason, entry.size)
    return sorted(kept, key=lambda file: (*place(file), file[0].id, file[1].path))


def _placed(manifest: Manifest, project: Project, entry: Entry) -> tuple[Project, Entry]:
    """Return the file with its own split: that of its project, or held out of it."""
    if project.split == "train":
        share = share_of(f"held out\0{project.id}/{entry.path}")
        if share < manifest.held_out.test:
            project = replace(project, split="test")
        elif share < manifest.held_out.test + manifest.held_out.validation:
            project = replace(project, split="validation")
    return project, entry
