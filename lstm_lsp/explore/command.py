"""`lstm-lsp neurons`: files in, a report of plain values out, and the report as text.

Knows files, models and progress bars; what is measured is `neurons`', what is drawn `view`'s.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from tqdm import tqdm

from lstm_lsp import symbols
from lstm_lsp.explore import lanes, neurons, view, weights
from lstm_lsp.explore.attributes import ATTRIBUTES
from lstm_lsp.explore.neurons import MOST_SYMBOLS, NeuronsError
from lstm_lsp.explore.sample import LENGTH, Source, Tick, halves
from lstm_lsp.network import Model
from lstm_lsp.project import header_path, language_of
from lstm_lsp.streams import decoded

RANKED: Final = 10
"""Units shown of one attribute, and how many of them are ablated."""
ABLATED: Final = 3

Unit = tuple[int, int, str | None]
"""Layer and unit, counted from 1, and the state to show: "cell", "hidden" or what there is."""


def run(
    files: Sequence[Path],
    model: Model,
    *,
    attribute: str | None = None,
    unit: Unit | None = None,
    most: int = MOST_SYMBOLS,
    progress: bool = False,
) -> dict[str, Any]:
    """Return the report of `lstm-lsp neurons --json`.

    About one unit over every file, if one is named; else about attributes, from at most `most`
    symbols of each half of the files. Raises
    NeuronsError, streams.Unreadable, weights.WeightsError or OSError.
    """
    network = weights.read(model.path)
    sources = _read(files)
    if unit is not None:
        return {"model": model.name} | _unit(network, sources, model.context, unit, progress)

    def begin(label: str, total: int) -> Tick:
        bar = tqdm(total=total, desc=label, unit=" symbols", disable=not progress, leave=False)
        return bar.update

    one = attribute is not None
    answers = neurons.find(
        network,
        sources,
        model.context,
        attribute=attribute,
        best=RANKED if one else 1,
        ablated=ABLATED if one else 1,
        most=most,
        progress=begin,
    )
    chosen_on, scored_on = halves(sources)
    return {
        "model": model.name,
        "chosen_on": [sources[n].name for n in chosen_on],
        "scored_on": [sources[n].name for n in scored_on],
        "attributes": {answer.attribute: answer.to_json() for answer in answers},
    }


def show(report: dict[str, Any], *, colour: bool) -> str:
    """Return a report as text for people."""
    if "files" in report:
        return _show_unit(report, colour=colour)
    found = report["attributes"]
    heading = (
        f"units chosen on {len(report['chosen_on'])} files, "
        f"measured on {len(report['scored_on'])} others"
    )
    parts = _show_one(*next(iter(found.items()))) if len(found) == 1 else _show_table(found)
    return "\n".join([heading, *parts])


def _read(files: Sequence[Path]) -> list[Source]:
    """Return the files as they are read; one named twice counts once, an empty one not at all."""
    sources = []
    for file in dict.fromkeys(file.resolve() for file in files):
        content = file.read_bytes()
        if content.strip():
            language = language_of(file) or "text"
            header = symbols.header(language, header_path(Path.cwd(), file))
            sources.append(Source(str(file), language, header, decoded(content, str(file))))
    if not sources:
        raise NeuronsError("there is no text in these files")
    return sources


def _unit(
    network: weights.Weights,
    sources: Sequence[Source],
    context: int,
    unit: Unit,
    progress: bool,
) -> dict[str, Any]:
    """Return the states of one unit after every character of every file."""
    a = network.architecture
    layer, number, state = unit
    if not (layer <= a.layers and number <= a.units):
        raise NeuronsError(
            f"there is no unit {layer}:{number}: this model has {a.layers} layers of {a.units}"
        )
    files = []
    for n, source in enumerate(tqdm(sources, "reading", disable=not progress, leave=False)):
        text = symbols.normalise(source.text)
        cut = lanes.cut(n, source.header, text.encode(), LENGTH, context)
        every = [np.arange(len(lane.symbols) - lane.skip) for lane in cut]
        column = [(layer - 1) * a.units + number - 1]
        found = list(lanes.states(network, cut, every, columns=column))
        if state is not None and state not in found[0]:
            raise NeuronsError(f"the units of this model have no {state} state")
        ends = np.cumsum([len(character.encode()) for character in text]) - 1
        states = {
            kind: np.concatenate([some[kind][:, 0] for some in found])[ends].tolist()
            for kind in found[0]
        }
        files.append({"file": source.name, "text": text, "states": states})
    shown = state or next(iter(files[0]["states"]))
    return {"unit": {"layer": layer, "unit": number, "state": shown}, "files": files}


def _show_unit(report: dict[str, Any], *, colour: bool) -> str:
    unit, files = report["unit"], report["files"]
    largest = max(max(map(abs, file["states"][unit["state"]])) for file in files)
    title = f"unit {unit['layer']}:{unit['unit']}, {unit['state']} state"
    parts = [f"{title}: {view.legend(largest, colour=colour)}"]
    for file in files:
        if len(files) > 1:
            parts += ["", file["file"]]
        parts.append(
            view.paint(file["text"], file["states"][unit["state"]], largest, colour=colour)
        )
    return "\n".join(parts)


def _show_one(name: str, answer: dict[str, Any]) -> list[str]:
    """Return what is to say of one attribute: its units, probes and the baseline."""
    lines = [
        f"{name}: {ATTRIBUTES[name].meaning} ({answer['places']} places)",
        "",
        f"{'unit':14}{answer['measure']:>7}{'partial r':>11}{'bits':>7}{'chance':>8}   without it",
    ]
    for unit in answer["units"]:
        sign = "" if unit["rises"] else "-"
        lines.append(
            f"{_name(unit):14}{sign + format(unit['score'], '.3f'):>7}{unit['partial']:11.3f}"
            f"{unit['information']:7.2f}{unit['chance']:8.3f}   {_cost(unit['ablation'])}"
        )
    measure = "R2" if answer["measure"] == "r" else "AUC"
    curve = ", ".join(f"{size} {score:.3f}" for size, score in answer["probes"].items())
    return [
        *lines,
        "",
        f"probes of 1 to 16 units, {measure}: {curve}",
        f"best unit of an untrained network of this shape: {answer['untrained']:.3f}",
    ]


def _show_table(found: dict[str, Any]) -> list[str]:
    """Return one line an attribute."""
    lines = [
        f"{'attribute':16}{'unit':14}{'score':>11}{'partial r':>11}{'16 units':>10}"
        f"{'untrained':>11}{'chance':>8}   without it"
    ]
    for name, answer in found.items():
        unit = answer["units"][0]
        sign = "" if unit["rises"] else "-"
        score = f"{answer['measure']} {sign}{unit['score']:.3f}"
        lines.append(
            f"{name:16}{_name(unit):14}{score:>11}{unit['partial']:11.3f}"
            f"{answer['probes']['16']:10.3f}{answer['untrained']:11.3f}{unit['chance']:8.3f}"
            f"   {_cost(unit['ablation'])}"
        )
    return lines


def _name(unit: dict[str, Any]) -> str:
    return f"{unit['unit']['layer']}:{unit['unit']['unit']} {unit['unit']['state']}"


def _cost(ablation: dict[str, Any] | None) -> str:
    """Return what the lack of a unit costs, in bits a symbol: at its places, and elsewhere."""
    if ablation is None:
        return ""
    word = "used" if ablation["used"] else "not shown to be used"
    return f"{ablation['concerned']:+.4f}, elsewhere {ablation['elsewhere']:+.4f}: {word}"


def wants_colour(environment: Mapping[str, str]) -> bool:
    """Whether stdout is a terminal that may have colours (https://no-color.org)."""
    return (
        sys.stdout.isatty()
        and not environment.get("NO_COLOR")
        and environment.get("TERM") != "dumb"
    )
