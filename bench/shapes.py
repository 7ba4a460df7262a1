"""What a shape of the network costs while serving: milliseconds by layers and units.

    python bench/shapes.py [LAYERSxUNITS...] [--rounds N] [--keep]

Each shape is a seeded, untrained network, built as an export builds it; the time of a step
does not depend on what its weights know. Shapes and measures take turns; the figures are
medians of the thread's own processor time. `python bench/pictures.py bits` sets them against
bits per character.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from engine import TEXT, Measure, matrix_bytes, run
from machine import keep

from lstm_lsp.card import Architecture
from lstm_lsp.network import LONGEST_CALL, Model
from lstm_lsp.training.graph import build
from lstm_lsp.training.network import CharacterLSTM

SHAPES = ("3x256", "2x512", "3x640", "2x1024")
BATCHES = (1, 4, 8)


def architecture_of(shape: str) -> Architecture:
    """Return the architecture of a shape such as "2x512", with the usual embedding."""
    layers, _, units = shape.partition("x")
    return Architecture(int(layers), int(units), 64)


def untrained(architecture: Architecture, folder: Path) -> Model:
    """Return a seeded network of this shape as it would be served."""
    torch.manual_seed(0)
    weights = {k: v.numpy() for k, v in CharacterLSTM(architecture).state_dict().items()}
    file = folder / f"{architecture.layers}x{architecture.units}.onnx"
    card = {"name": file.stem, "context": 1024, "languages": []}
    file.write_bytes(build(weights, architecture, card, int8=True))
    return Model.load(file)


def measures(model: Model) -> dict[str, tuple[Measure, int]]:
    """Return what is measured: name -> (function, symbols a call reads for each sequence)."""
    state = model.read(TEXT[:200], model.start())

    def step(batch: int) -> Measure:
        read, states = np.full(batch, ord("e")), state.take(np.zeros(batch, np.int64))
        return lambda: model.step(read, states)

    return {
        **{f"step, batch {batch}": (step(batch), 1) for batch in BATCHES},
        "known symbol": (lambda: model.predictions(TEXT[:LONGEST_CALL], state), LONGEST_CALL),
    }


def main() -> None:
    """Measure, print and keep."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("shapes", nargs="*", default=SHAPES, metavar="LAYERSxUNITS")
    parser.add_argument("--rounds", type=int, default=5, help="turns of every shape")
    parser.add_argument("--keep", action="store_true", help="write bench/results/shapes.json")
    parser.add_argument("--note", default="", help="what else the machine was doing")
    given = parser.parse_args()
    taken: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    with tempfile.TemporaryDirectory() as folder:
        models = {shape: untrained(architecture_of(shape), Path(folder)) for shape in given.shapes}
        sizes = {shape: model.path.stat().st_size for shape, model in models.items()}
    for _ in range(given.rounds):
        for shape, model in models.items():
            for name, times in run(measures(model), 1).items():
                taken[shape][name] += times
    result: dict[str, Any] = {
        shape: {
            "matrix_bytes": matrix_bytes(models[shape].architecture),
            "file_bytes": sizes[shape],
            "milliseconds": {
                name: round(statistics.median(times) / 1000, 4) for name, times in table.items()
            },
        }
        for shape, table in taken.items()
    }
    names = list(next(iter(taken.values())))
    print(f"{'milliseconds':14}{'file':>9}" + "".join(f"{name:>15}" for name in names))
    for shape, row in result.items():
        print(f"{shape:14}{row['file_bytes'] / 1e6:6.1f} MB", end="")
        print("".join(f"{row['milliseconds'][name]:15.3f}" for name in names))
    if given.keep:
        keep("shapes", {"rounds": given.rounds, "shapes": result}, given.note)


if __name__ == "__main__":
    main()
