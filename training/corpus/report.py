"""What a build tells about itself: `report.json` and `corpus.lock.json`.

Pure functions of what was collected and written; times and places are left out, so
that two builds of one manifest give the same bytes.
"""

from __future__ import annotations

import platform
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from . import filters
from .collect import Collected, Tally
from .manifest import ENDINGS, KINDS, SPLITS


def report(
    collections: list[Collected],
    index: list[dict[str, Any]],
    rejected: dict[str, Tally],
    missing: dict[str, str],
) -> dict[str, Any]:
    """Return totals by language and split, rejects by reason, licences, and projects.

    `index` are the rows of `files.jsonl`; `rejected` is by project id; `missing` says
    why by project id. Bytes are of text, headers and markers not counted.
    """
    languages = [each for each in ENDINGS if any(row["language"] == each for row in index)]
    redacted = Counter[str]()
    for each in collections:
        redacted.update(each.redacted)
    by_project: dict[str, list[dict[str, Any]]] = {each.project.id: [] for each in collections}
    for row in index:
        by_project[row["project"]].append(row)
    return {
        "versions": {"filters": filters.VERSION, "python": platform.python_version()},
        "totals": {language: _totals(index, language) for language in languages},
        "rejected": {
            language: _rejected(collections, rejected, language) for language in languages
        },
        "redacted": dict(sorted(redacted.items())),
        "licences": {language: _licences(index, language) for language in languages},
        "missing": missing,
        "projects": {
            each.project.id: {
                "language": each.project.lang,
                "split": each.project.split,
                "licence": each.project.licence,
                "notices": [path for path, _ in each.notices],
                "files": len(by_project[each.project.id]),
                "bytes": _sum(by_project[each.project.id], "bytes"),
                "rejected": rejected[each.project.id].table(),
            }
            for each in sorted(collections, key=lambda each: each.project.id)
        },
    }


def show(table: dict[str, Any]) -> str:
    """Return what was kept, and what each filter left out, as text for people."""
    languages = list(table["totals"])
    lines = [
        f"{language} {split}: {total['projects']} projects, {total['files']:,} files, "
        f"{total['bytes'] / 1e6:.1f} MB ({total['tests'] / 1e6:.1f} MB of it tests), "
        f"{total['licence_notices_thinned'] / 1e6:.1f} MB of licence notices dropped"
        for language, splits in table["totals"].items()
        for split, total in splits.items()
    ]
    lines += ["", f"{'left out: files (MB)':28}" + "".join(f"{each:>20}" for each in languages)]
    none = {"files": 0, "bytes": 0}
    for reason in filters.REASONS:
        rows = [table["rejected"][language].get(reason, none) for language in languages]
        if any(row["files"] for row in rows):
            cells = [f"{row['files']:,} ({row['bytes'] / 1e6:.1f})" for row in rows]
            lines.append(f"{reason:28}" + "".join(f"{cell:>20}" for cell in cells))
    counts = [f"{count:,} {what}" for what, count in table["redacted"].items()]
    lines.append(f"redacted: {', '.join(counts) or 'nothing'}")
    return "\n".join(lines)


def lock(collections: list[Collected]) -> dict[str, Any]:
    """Return what each project was resolved to.

    `tree_sha256` is over the sorted "path NUL sha256(text)" of the files its filters
    kept: equal for two sources, it means that they give the same corpus.
    """
    names = {kind: name for name, kind in KINDS.items()}
    return {
        each.project.id: {
            "source": {"type": names[type(each.opened.source)]} | asdict(each.opened.source),
            "files": len(each.entries),
            "tree_sha256": each.tree_sha256,
        }
        for each in sorted(collections, key=lambda each: each.project.id)
    }


def _totals(index: list[dict[str, Any]], language: str) -> dict[str, Any]:
    totals = {}
    for split in SPLITS:
        rows = [row for row in index if (row["language"], row["split"]) == (language, split)]
        if rows:
            totals[split] = {
                "projects": len({row["project"] for row in rows}),
                "files": len(rows),
                "bytes": _sum(rows, "bytes"),
                "licence_notices": _sum(rows, "header_bytes"),
                "licence_notices_thinned": _sum(rows, "thinned_bytes"),
                "tests": _sum([row for row in rows if row["test"]], "bytes"),
            }
    return totals


def _rejected(
    collections: list[Collected], rejected: dict[str, Tally], language: str
) -> dict[str, Any]:
    tally = Tally()
    for each in collections:
        if each.project.lang == language:
            tally.update(rejected[each.project.id].table())
    return tally.table()


def _licences(index: list[dict[str, Any]], language: str) -> dict[str, int]:
    """Bytes of train text by licence, most first."""
    licences = Counter[str]()
    for row in index:
        if (row["language"], row["split"]) == (language, "train"):
            licences[row["licence"]] += row["bytes"]
    return dict(sorted(licences.items(), key=lambda pair: (-pair[1], pair[0])))


def _sum(rows: Iterable[dict[str, Any]], key: str) -> int:
    return sum(row[key] for row in rows)
