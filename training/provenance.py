"""What a model's card says of where it comes from: data, filters, curve, limits, commands.

Pure functions of the manifest, the packed corpus and the run's own records; `release` puts
them into the card. Knows nothing of networks.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from .corpus.filters import EMAIL, redact
from .corpus.manifest import Manifest
from .corpus.packed import Corpus

POINTS = 12
"""Points of the validation curve that a card keeps."""


def sources(described: Manifest, corpus: Corpus) -> list[dict[str, Any]]:
    """Return the projects that `corpus` holds: name, version, licence, documents."""
    counts: dict[str, int] = {}
    for index in range(len(corpus)):
        name = corpus[index].path.partition("/")[0]
        counts[name] = counts.get(name, 0) + 1
    return [
        {
            "project": project.id,
            "version": getattr(project.sources[0], "version", None),
            "licence": project.licence,
            "documents": counts[project.id],
        }
        for project in described.projects
        if project.id in counts
    ]


def filters(described: Manifest, folder: Path) -> dict[str, Any] | str:
    """Return every threshold that chose the files of `folder`, by table of the manifest.

    Only `corpus build` is known to have used them: without its report that is said instead.
    """
    if not (folder / "report.json").exists():
        return "not those of the manifest: packed by another program, projects as listed"
    names = ("filters", "caps", "dedupe", "normalise", "held_out")
    return {name: asdict(getattr(described, name)) for name in names}


def unredacted(corpus: Corpus) -> dict[str, int]:
    """Return how many e-mail addresses and secrets `filters.redact` would still take out.

    None in a corpus that `corpus build` wrote. Takes about a second for 20 MB.
    """
    found = Counter[str]()
    for index in range(len(corpus)):
        redact(corpus[index].text.decode(errors="replace").replace(EMAIL, ""), found)
    return {name: found[name] for name in ("e-mail addresses", "secrets")}


def curve(runs: Sequence[Sequence[dict[str, Any]]]) -> list[dict[str, float]]:
    """Return validation bits by symbols read, at most POINTS rows, the first and last among them.

    `runs` are the rows of `curve.jsonl` of one run after another, each started from the
    weights that the one before it ended with.
    """
    points: list[dict[str, float]] = []
    before = 0
    for rows in runs:
        points += [
            {"symbols": before + row["symbols"]}
            | {language: round(bits, 4) for language, bits in row["validation"].items()}
            for row in rows
            if "validation" in row
        ]
        before += max((row["symbols"] for row in rows), default=0)
    if len(points) <= POINTS:
        return points
    return [points[round(n * (len(points) - 1) / (POINTS - 1))] for n in range(POINTS)]


def limits(described: Manifest, languages: Sequence[str], passes: float) -> str:
    """Return what a user should not expect, in a few sentences."""
    by_file = described.held_out.validation or described.held_out.test
    return " ".join(
        [
            f"Knows {' and '.join(languages)} and no other language.",
            f"Read {passes:.2g} times as many symbols as its corpus has.",
            "Its validation files are of the projects it was trained on: it is for watching a "
            "network write, not for completing other code."
            if by_file
            else "Validation and test projects are whole projects that it never read.",
            "May write text that is wrong, or that stands in its training data.",
        ]
    )
