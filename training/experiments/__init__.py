"""The experiments of "Exploring LSTMs" (Edwin Chen, 2017), trained and checked in seconds.

`run` trains one on its made-up language and holds every claim of the article that concerns
it against a measurement; `show` prints that for people. docs/experiments.md explains them.
"""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

from lstm_lsp.explore.weights import Weights

from . import copying, counter, selective, state
from .fit import CELLS, fit
from .report import show

__all__ = ["CELLS", "EXPERIMENTS", "run", "show", "train"]

EXPERIMENTS = {
    "counter": counter,
    "selective-counter": selective,
    "state": state,
    "copy": copying,
}

_PROMISED = ("lstm", "peephole")
"""The cells for which the article claims what the binding checks ask."""


def train(
    name: str,
    seed: int = 0,
    cell: str = "lstm",
    *,
    steps: int | None = None,
    dropout: float = 0.0,
    activity: float | None = None,
) -> Weights:
    """Train experiment `name`; `dropout` as in `fit`.

    `steps` and `activity` replace the experiment's own.
    """
    experiment = EXPERIMENTS[name]
    return fit(
        experiment.draw,
        layers=experiment.LAYERS,
        units=experiment.UNITS,
        cell=cell,
        steps=experiment.STEPS if steps is None else steps,
        seed=seed,
        dropout=dropout,
        activity=experiment.ACTIVITY if activity is None else activity,
    )


def run(
    name: str,
    seed: int = 0,
    cell: str = "lstm",
    *,
    steps: int | None = None,
    dropout: float = 0.0,
    activity: float | None = None,
) -> dict[str, Any]:
    """Train experiment `name` and return its report, what `experiment --json` prints.

    `passed` is false when a binding check fails; for a cell other than the two LSTMs no
    claim is binding.
    """
    experiment = EXPERIMENTS[name]
    started = time.monotonic()
    weights = train(name, seed, cell, steps=steps, dropout=dropout, activity=activity)
    seconds = time.monotonic() - started
    checks = experiment.examine(weights)
    if cell not in _PROMISED:
        checks = [replace(check, binding=False) for check in checks]
    return {
        "experiment": name,
        "cell": cell,
        "seed": seed,
        "layers": experiment.LAYERS,
        "units": experiment.UNITS,
        "steps": experiment.STEPS if steps is None else steps,
        "dropout": dropout,
        "activity": experiment.ACTIVITY if activity is None else activity,
        "seconds": round(seconds, 2),
        "passed": all(check.verdict != "fail" for check in checks),
        "checks": [check.as_json() for check in checks],
    }
