"""One unit of a trained experiment as a picture: its six quantities over the text it read.

`python -m lstm_lsp.training.experiments.picture counter --seed 0 --unit 4 TEXT... --output F`
makes the pictures of docs/experiments.md. Red is negative, blue positive, white only zero.
Needs matplotlib.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from lstm_lsp.explore.recorder import QUANTITIES, Trace, record

from . import CELLS, EXPERIMENTS, train
from .fit import END

GATES = ("forget", "input", "output", "reset")


def draw(trace: Trace, layer: int, unit: int, file: Path, title: str) -> None:
    """Write the picture of one unit, both counted from 0; the ending says the format."""
    rows = [(name, trace.layers[layer][name][:, unit]) for name in QUANTITIES[trace.cell]]
    mpl.rcParams["svg.hashsalt"] = "lstm-lsp"  # the same picture, the same file
    figure = Figure(figsize=(0.19 * len(trace.text) + 1.6, 0.32 * len(rows) + 0.5))
    all_axes = figure.subplots(len(rows), 1, squeeze=False)[:, 0]
    figure.suptitle(title, fontsize=9)
    for axes, (name, values) in zip(all_axes, rows, strict=True):
        reach = 1.0 if name in (*GATES, "candidate", "hidden") else float(np.abs(values).max())
        # A gate is 0 to 1 and never negative: the same map, its blue half alone.
        axes.imshow(values[None], cmap="RdBu", vmin=-reach, vmax=reach, aspect="auto")
        for t, symbol in enumerate(trace.text):
            shown = "\u21b5" if symbol == END[0] else chr(symbol)
            dark = abs(values[t]) > 0.7 * reach
            axes.text(
                t, 0, shown, ha="center", va="center", fontsize=7, color="white" if dark else "0.1"
            )
        axes.set_xticks([])
        axes.set_yticks([0], [f"{name} \u00b1{reach:.3g}" if name == "cell" else name], fontsize=7)
        axes.tick_params(length=0)
    figure.tight_layout(pad=0.4, h_pad=0.15)
    figure.savefig(file, metadata={"Date": None} if file.suffix == ".svg" else None)


def main() -> None:
    """Train the experiment and draw the unit asked for."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("name", choices=EXPERIMENTS)
    parser.add_argument("text", nargs="+", help="strings of the language, read one after another")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--cell", choices=CELLS, default="lstm")
    parser.add_argument("--layer", type=int, default=1, help="from 1 on")
    parser.add_argument("--unit", type=int, required=True, help="from 1 on")
    parser.add_argument("--output", type=Path, required=True)
    a = parser.parse_args()
    weights = train(a.name, a.seed, a.cell)
    # Read one after another, yet each from nothing, as they were learned.
    traces = [record(weights, END + text.encode()) for text in a.text]
    title = f"{a.name}, seed {a.seed}: unit {a.unit} of layer {a.layer}"
    draw(_joined(traces), a.layer - 1, a.unit - 1, a.output, title)


def _joined(traces: list[Trace]) -> Trace:
    layers = tuple(
        {name: np.concatenate([t.layers[n][name] for t in traces]) for name in traces[0].layers[n]}
        for n in range(len(traces[0].layers))
    )
    text = b"".join(trace.text for trace in traces)
    return Trace(traces[0].cell, text, layers, np.concatenate([t.log_probs for t in traces]))


if __name__ == "__main__":
    main()
