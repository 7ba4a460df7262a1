"""The experiments of "Exploring LSTMs" (Edwin Chen, 2017), trained and checked in seconds.

`run` trains one on its made-up language and holds every claim of the article that concerns
it against a measurement; `show` prints that for people. docs/experiments.md explains them.
"""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

from . import copying, counter, selective, state
from .fit import fit
from .report import show

__all__ = ["EXPERIMENTS", "run", "show"]

EXPERIMENTS = {
    "counter": counter,
    "selective-counter": selective,
    "state": state,
    "copy": copying,
}

_PROMISED = ("lstm", "peephole")
"""The cells for which the article claims what the binding checks ask."""


def run(
    name: str, seed: int = 0, cell: str = "lstm", *, steps: int | None = None
) -> dict[str, Any]:
    """Train experiment `name` and return its report, what `experiment --json` prints.

    `passed` is false when a binding check fails; for a cell other than the two LSTMs no
    claim is binding. `steps` replaces the experiment's own training budget.
    """
    experiment = EXPERIMENTS[name]
    steps = experiment.STEPS if steps is None else steps
    size = {"layers": experiment.LAYERS, "units": experiment.UNITS}
    started = time.monotonic()
    weights = fit(experiment.draw, **size, cell=cell, steps=steps, seed=seed)
    seconds = time.monotonic() - started
    checks = experiment.examine(weights)
    if cell not in _PROMISED:
        checks = [replace(check, binding=False) for check in checks]
    return {
        "experiment": name,
        "cell": cell,
        "seed": seed,
        **size,
        "steps": steps,
        "seconds": round(seconds, 2),
        "passed": all(check.verdict != "fail" for check in checks),
        "checks": [check.as_json() for check in checks],
    }
