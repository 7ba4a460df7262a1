"""A claim, what was measured, and what follows from the two."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lstm_lsp.explore.recorder import residual

from .fit import Reading


@dataclass(frozen=True)
class Check:
    """One claim of the article, or of what was found by repeating it, and its measurement."""

    claim: str
    measured: float
    least: float | None = None
    """The claim holds when at least this much was measured ..."""
    most: float | None = None
    """... and at most this."""
    binding: bool = False
    """Whether an experiment fails with this claim. The others hold for some seeds only, are
    said of other cells, or are reported without a threshold."""

    @property
    def verdict(self) -> str:
        """`pass` or `fail` when binding, `holds` or `does not` when not, else `reported`."""
        if self.least is None and self.most is None:
            return "reported"
        met = (self.least is None or self.measured >= self.least) and (
            self.most is None or self.measured <= self.most
        )
        return ("pass" if met else "fail") if self.binding else ("holds" if met else "does not")

    @property
    def threshold(self) -> str:
        """The condition as it is written."""
        if self.least is not None and self.least == self.most:
            return f"= {self.least:g}"
        parts = [f">= {self.least:g}"] if self.least is not None else []
        parts += [f"<= {self.most:g}"] if self.most is not None else []
        return ", ".join(parts)

    def as_json(self) -> dict[str, Any]:
        """Return the check as `experiment --json` prints it."""
        return {
            "claim": self.claim,
            "measured": float(self.measured),
            "threshold": self.threshold,
            "verdict": self.verdict,
        }


def equations(readings: Sequence[Reading]) -> list[Check]:
    """Return the checks of the recorder itself: the cell's equations, and sharpening."""
    worst = max(residual(reading.trace) for reading in readings)
    checks = [Check("traces obey the cell's own equations", worst, most=1e-5, binding=True)]
    if all("cell" in reading.trace.layers[0] for reading in readings):
        checks.append(_sharpening(readings))
    return checks


def _sharpening(readings: Sequence[Reading]) -> Check:
    layers = range(len(readings[0].trace.layers))
    cells = np.concatenate([r.quantity("cell", n).ravel() for r in readings for n in layers])
    hidden = np.concatenate([r.quantity("hidden", n).ravel() for r in readings for n in layers])
    pale = (np.abs(hidden) < 0.1).mean() - (np.abs(np.tanh(cells)) < 0.1).mean()
    claim = "the hidden state is the cell's, sharpened: additional share of it below 0.1"
    return Check(claim, float(pale), least=0, binding=True)


def show(report: dict[str, Any]) -> str:
    """Return a report as a table for people."""
    rows = [("claim", "measured", "threshold", "verdict")]
    rows += [
        (check["claim"], f"{check['measured']:.4g}", check["threshold"], check["verdict"])
        for check in report["checks"]
    ]
    widths = [max(len(row[n]) for row in rows) for n in range(4)]
    table = [
        f"{row[0]:<{widths[0]}}  {row[1]:>{widths[1]}}  {row[2]:<{widths[2]}}  {row[3]}".rstrip()
        for row in rows
    ]
    head = (
        f"{report['experiment']}: {report['cell']} of {report['layers']} x {report['units']} "
        f"units, seed {report['seed']}, {report['steps']} steps in {report['seconds']:.0f} s"
    )
    end = "every binding claim holds" if report["passed"] else "a binding claim FAILED"
    return "\n".join((head, "", *table, "", end))
