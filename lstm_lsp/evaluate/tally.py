"""Counts of one evaluation and the report they add up to.

A tally holds plain sums, so the tally of a language or of everything is the sum of the
tallies of its parts. `report` gives it the fixed form of `lstm-lsp evaluate --json`.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any, TypeVar

import numpy as np

T = TypeVar("T", bound="_Sums")

RANKS = 10
"""Candidates that count in the mean reciprocal rank."""


@dataclass
class _Sums:
    """Numbers, lists and sums of them, added field by field."""

    def __iadd__(self: T, other: T) -> T:
        for one in fields(self):
            setattr(self, one.name, getattr(self, one.name) + getattr(other, one.name))
        return self

    def __add__(self: T, other: T) -> T:
        total = type(self)()
        total += self
        total += other
        return total


@dataclass
class Ranks(_Sums):
    """Where the right token stood among the candidates."""

    n: int = 0
    top1: int = 0
    top5: int = 0
    reciprocal: float = 0.0

    def add(self, candidates: list[str], right: str) -> None:
        """Count one position whose candidates, best first, were these."""
        rank = candidates.index(right) + 1 if right in candidates[:RANKS] else 0
        self.n += 1
        self.top1 += rank == 1
        self.top5 += 0 < rank <= 5
        self.reciprocal += 1 / rank if rank else 0.0

    def report(self) -> dict[str, Any]:
        """Return the shares, null where there was no position."""
        return {
            "n": self.n or None,
            "top1": _share(self.top1, self.n),
            "top5": _share(self.top5, self.n),
            "mrr10": _share(self.reciprocal, self.n),
        }


@dataclass
class Tally(_Sums):
    """Everything counted in some files."""

    files: int = 0
    characters: int = 0
    bits: float = 0.0
    characters_without_licence: int = 0
    bits_without_licence: float = 0.0
    tokens: Ranks = field(default_factory=Ranks)
    identifiers: Ranks = field(default_factory=Ranks)
    lines: int = 0
    lines_right: int = 0
    edit_similarity: float = 0.0
    typed: int = 0
    keys: int = 0
    shown: int = 0
    accepted: int = 0
    milliseconds: list[float] = field(default_factory=list)

    def report(self) -> dict[str, Any]:
        """Return the measures, null where nothing was counted."""
        return {
            "files": self.files,
            "characters": self.characters,
            "bits_per_character": _share(self.bits, self.characters),
            "bits_per_character_without_licence": _share(
                self.bits_without_licence, self.characters_without_licence
            ),
            "next_token": self.tokens.report() | {"identifiers": self.identifiers.report()},
            "line": {
                "n": self.lines or None,
                "exact_match": _share(self.lines_right, self.lines),
                "edit_similarity": _share(self.edit_similarity, self.lines),
            },
            "typing": {
                "keystrokes_saved": 1 - self.keys / self.typed if self.typed else None,
                "shown": self.shown if self.typed else None,
                "accepted": self.accepted if self.typed else None,
                "precision": _share(self.accepted, self.shown),
            },
            "latency_ms": {
                "p50": _percentile(self.milliseconds, 50),
                "p95": _percentile(self.milliseconds, 95),
            },
        }


def _share(part: float, whole: float) -> float | None:
    return part / whole if whole else None


def _percentile(values: list[float], percent: float) -> float | None:
    return float(np.percentile(values, percent)) if values else None
