"""The fixed form of an evaluation's report, and the same as text for people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lstm_lsp.evaluate.tally import Tally

LANGUAGES = ("java", "python")

Parts = Mapping[tuple[str, str], Tally]
"""What was counted, by (project, language)."""


def build(model: str, memory: str, parts: Parts, minima: Any = None) -> dict[str, Any]:
    """Return the report: the whole, each language, and each project, in one form.

    `minima`, what minimum probabilities would do, where that was measured.
    """

    def total(*tallies: Tally) -> dict[str, Any]:
        whole = Tally()
        for tally in tallies:
            whole += tally
        return {"model": model, "memory": memory, **whole.report()}

    projects = list(dict.fromkeys(project for project, _ in parts))
    return total(*parts.values()) | {
        "minima": minima,
        "languages": {
            language: total(*(part for (_, other), part in parts.items() if other == language))
            for language in LANGUAGES
        },
        "projects": {
            project: total(*(part for (other, _), part in parts.items() if other == project))
            for project in projects
        },
    }


_COLUMNS: tuple[tuple[str, tuple[str, ...], str], ...] = (
    ("files", ("files",), "d"),
    ("characters", ("characters",), ",d"),
    ("bits/char", ("bits_per_character",), ".3f"),
    ("no licence", ("bits_per_character_without_licence",), ".3f"),
    ("top-1", ("next_token", "top1"), ".1%"),
    ("top-5", ("next_token", "top5"), ".1%"),
    ("MRR", ("next_token", "mrr10"), ".3f"),
    ("ident. 1", ("next_token", "identifiers", "top1"), ".1%"),
    ("ident. 5", ("next_token", "identifiers", "top5"), ".1%"),
    ("line exact", ("line", "exact_match"), ".1%"),
    ("line edit", ("line", "edit_similarity"), ".1f"),
    ("keys saved", ("typing", "keystrokes_saved"), ".1%"),
    ("precision", ("typing", "precision"), ".1%"),
    ("p50 ms", ("latency_ms", "p50"), ".1f"),
    ("p95 ms", ("latency_ms", "p95"), ".1f"),
)


def show(report: Mapping[str, Any]) -> str:
    """Return the report as a table: one column a measure, one row a project or language."""
    rows = [("", *(name for name, _, _ in _COLUMNS))]
    rows += [(name, *_cells(part)) for name, part in report["projects"].items()]
    measured = {name: part for name, part in report["languages"].items() if part["files"]}
    if len(report["projects"]) > 1:
        rows += [(f"all {name}", *_cells(part)) for name, part in measured.items()]
        if len(measured) > 1:
            rows.append(("all", *_cells(report)))
    # Many measures, few projects: a measure a line reads well in a narrow terminal.
    columns = list(zip(*rows, strict=True))
    widths = [max(map(len, row)) for row in rows]
    lines = [f"model {report['model']}, memory {report['memory']}", ""]
    for column in columns:
        name, *cells = (cell.rjust(width) for cell, width in zip(column, widths, strict=True))
        lines.append("  ".join((name.strip().ljust(widths[0]), *cells)).rstrip())
    return "\n".join(lines)


def _cells(part: Mapping[str, Any]) -> list[str]:
    cells = []
    for _, keys, form in _COLUMNS:
        value: Any = part
        for key in keys:
            value = value[key]
        cells.append("-" if value is None else format(value, form))
    return cells
