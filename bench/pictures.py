"""Pictures of docs/models.md, from what training and benches wrote.

    python bench/pictures.py curve LABEL=CURVE[,CURVE...]... --output FILE.svg
    python bench/pictures.py bits --output FILE.svg

`curve`: bits per character against symbols read, from the `curve.jsonl` of training runs; runs
after a comma go on where the one before them ended. Lines are the training stream, dots the
validation files. `bits`: bits per character on unseen projects (`results/baselines.json`)
against milliseconds (`results/shapes.json`); shapes without bits are lines.
Needs matplotlib.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any, NamedTuple

import matplotlib as mpl
from machine import RESULTS
from matplotlib.figure import Figure

MILLION = 1e6
LANGUAGES = {"java": "o", "python": "s"}


class Curve(NamedTuple):
    """One training run, or several in a row: (symbols read in millions, bits) in order."""

    training: list[tuple[float, float]]
    validation: dict[str, list[tuple[float, float]]]


def read_curve(files: list[Path]) -> Curve:
    """Return the runs in `files` as one, each going on where the one before it ended."""
    curve, before = Curve([], {}), 0.0
    for file in files:
        at = before
        for line in file.read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            at = before + row["symbols"] / MILLION
            if "validation" in row:
                for language, bits in row["validation"].items():
                    curve.validation.setdefault(language, []).append((at, bits))
            else:
                curve.training.append((at, row["bits"]))
        before = at
    return curve


def draw_curves(curves: dict[str, Curve], output: Path) -> None:
    """Write the picture of training curves by label."""
    figure = Figure(figsize=(8, 4.5), layout="constrained")
    axes = figure.subplots()
    for colour, (label, curve) in zip(_colours(), curves.items(), strict=False):
        axes.plot(*_columns(curve.training), color=colour, linewidth=0.8, alpha=0.6, label=label)
        for language, points in curve.validation.items():
            columns = _columns(points)
            name = f"{label}, validation, {language}"
            marker = LANGUAGES.get(language, "^")
            axes.plot(*columns, marker, color=colour, markersize=4, label=name)
    axes.set(xlabel="million symbols read", ylabel="bits per character", ylim=(0.5, 4))
    _finish(figure, axes, output)


def draw_bits(baselines: dict[str, Any], shapes: dict[str, Any], output: Path) -> None:
    """Write the picture of bits against milliseconds, for a step and for a known symbol."""
    figure = Figure(figsize=(9, 4.5), layout="constrained")
    left, right = figure.subplots(1, 2, sharey=True)
    for axes, measure in ((left, "step, batch 1"), (right, "known symbol")):
        for colour, (system, shape) in zip(_colours(), baselines["shapes"].items(), strict=False):
            time = shapes[shape]["milliseconds"][measure]
            for language, marker in LANGUAGES.items():
                row = baselines["systems"][system].get(language)
                if row:
                    label = f"{system.removeprefix('network ')} ({shape}), {language}"
                    axes.plot(time, row["all files"], marker, color=colour, label=label)
        for shape in shapes.keys() - set(baselines["shapes"].values()):
            time = shapes[shape]["milliseconds"][measure]
            axes.axvline(time, color="grey", linestyle=":")
            axes.annotate(
                f" {shape}, no bits yet",
                (time, 0.02),
                xycoords=("data", "axes fraction"),
                rotation=90,
                fontsize=8,
                color="grey",
            )
        axes.set(xlabel=f"milliseconds, {measure}", xlim=(0, None))
    left.set(ylabel="bits per character, unseen projects")
    _finish(figure, left, output)


def _columns(points: list[tuple[float, float]]) -> tuple[list[float], list[float]]:
    return [x for x, _ in points], [y for _, y in points]


def _colours() -> list[str]:
    colours: list[str] = mpl.rcParams["axes.prop_cycle"].by_key()["color"]
    return colours


def _finish(figure: Figure, axes: Any, output: Path) -> None:
    for each in figure.axes:
        each.grid(alpha=0.3)
    axes.legend(frameon=False, fontsize=8)
    mpl.rcParams["svg.hashsalt"] = "lstm-lsp"  # the same picture, the same file
    figure.savefig(output, metadata={"Date": None} if output.suffix == ".svg" else None)


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    kinds = parser.add_subparsers(dest="kind", required=True)
    curve = kinds.add_parser("curve")
    curve.add_argument("runs", nargs="+", metavar="LABEL=CURVE[,CURVE...]")
    bits = kinds.add_parser("bits")
    for each in (curve, bits):
        each.add_argument("--output", type=Path, required=True)
    given = parser.parse_args()
    if given.kind == "curve":
        pairs = (run.partition("=") for run in given.runs)
        curves = {label: read_curve([*map(Path, files.split(","))]) for label, _, files in pairs}
        draw_curves(curves, given.output)
    else:
        stored = [json.loads((RESULTS / f"{n}.json").read_text()) for n in ("baselines", "shapes")]
        draw_bits(stored[0]["result"], stored[1]["result"]["shapes"], given.output)


if __name__ == "__main__":
    main()
