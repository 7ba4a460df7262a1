"""The network alone beside what it should beat: bits per character on unseen projects.

    python bench/baselines.py PROJECT... [--sample N] [--only SYSTEM...] [--corpus FILE.symbols...]

The files are those that `lstm-lsp evaluate --sample N` reads for bits, licence notices counted
as read and not coded; each project and language with and without its test files. Systems:
`network`; `xz` and `ppmd` (order 16) cold, and primed with all other files of the project;
`12-gram`, of `--megabytes` of each `--corpus`, which is what the network is to be compared
with: give it what the network has read. What was measured of other systems with the same
sample stays in `bench/results/baselines.json`: `--only network --model M` adds or renews one.
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, cast

import machine
from compression import COMPRESSORS
from ngram import NGram, NoNetwork
from ngram import train as trained_ngram
from tqdm import tqdm

from lstm_lsp.evaluate.bits import bits_of
from lstm_lsp.evaluate.runner import sampled_files
from lstm_lsp.evaluate.sources import File, Project, read_projects
from lstm_lsp.network import Model, find_model
from lstm_lsp.training.corpus.filters import is_test

System = Callable[[Project, File], float]
"""Bits of a file's text without its licence notice."""
Table = dict[str, dict[str, float]]
"""Bits per character, by name of a project or language, and by "all files", "no tests"."""

NAMES = ("network", "xz cold", "xz primed", "ppmd cold", "ppmd primed", "12-gram")
PARTS = ("all files", "no tests")
PRESETS = {"xz": "xz", "ppmd": "ppmd16"}


def network_bits(model: Model, _: Project, file: File) -> float:
    """Return the network's bits, read as the server reads."""
    bits = bits_of(model, file.header, file.symbols)
    return float(bits[file.licence_symbols :].sum())


def ngram_bits(ngram: NGram, _: Project, file: File) -> float:
    """Return the n-gram's bits."""
    nothing = cast(Model, NoNetwork())
    bits = bits_of(nothing, file.header, file.symbols, lambda before: ngram)
    return float(bits[file.licence_symbols :].sum())


def compressed_bits(name: str, primed: bool, project: Project, file: File) -> float:
    """Return the bits that the text adds to its notice, and to the project if `primed`."""
    others = [other.symbols for other in project.files if other is not file] if primed else []
    notice, text = file.symbols[: file.licence_symbols], file.symbols[file.licence_symbols :]
    return COMPRESSORS[PRESETS[name]](b"".join(others) + notice, text) if text else 0.0


def table_of(
    system: System, projects: Sequence[Project], sample: int | None, seed: int, name: str
) -> Table:
    """Return one system's bits per character; a part without characters is left out."""
    sums: dict[tuple[str, str], list[float]] = defaultdict(lambda: [0.0, 0.0])
    for project in tqdm(projects, name, disable=None):
        for file in sampled_files(project, sample, seed):
            bits = system(project, file)
            for place in (project.name, file.language):
                for part in PARTS[: 1 if is_test(file.path) else 2]:
                    sums[place, part][0] += bits
                    sums[place, part][1] += len(file.text) - file.licence_characters
    table: Table = defaultdict(dict)
    for (place, part), (bits, characters) in sums.items():
        if characters:
            table[place][part] = round(bits / characters, 4)
    return table


def shown(tables: dict[str, Table]) -> str:
    """Return the tables as one of Markdown: a row a place, "all files / no tests" a system."""
    names = list(dict.fromkeys(place for table in tables.values() for place in table))
    places = sorted(names, key=lambda place: place not in ("java", "python"))
    lines = ["| | " + " | ".join(tables) + " |", "|---" * (len(tables) + 1) + "|"]
    for place in places:
        cells = [
            " / ".join(
                f"{table[place][part]:.3f}" for part in PARTS if part in table.get(place, {})
            )
            for table in tables.values()
        ]
        lines.append(f"| {place} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main() -> None:
    """Measure, print and keep."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("projects", nargs="+", type=Path, metavar="PROJECT")
    parser.add_argument("--sample", type=int, default=20, help="thousand characters a project")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--model")
    parser.add_argument("--only", nargs="+", choices=NAMES, default=NAMES)
    parser.add_argument("--corpus", nargs="*", type=Path, default=[], help="for the 12-gram")
    parser.add_argument("--megabytes", type=float, default=16.0)
    parser.add_argument("--keep", action="store_true", help="write bench/results/baselines.json")
    parser.add_argument("--note", default="", help="what else the machine was doing")
    given = parser.parse_args()
    if "12-gram" in given.only and not given.corpus:
        parser.error("the 12-gram needs a --corpus")
    projects = read_projects(given.projects)
    model = Model.load(find_model(given.model))
    kept: dict[str, Any] = {"systems": {}, "shapes": {}}
    file = machine.RESULTS / "baselines.json"
    if file.exists():
        stored = json.loads(file.read_text())["result"]
        if (stored["sample"], stored["seed"]) == (given.sample, given.seed):
            kept = stored
    tables: dict[str, Table] = kept["systems"]
    for name in given.only:
        system: System
        label = name
        if name == "network":
            label = f"network {model.name}"
            system = partial(network_bits, model)
            kept["shapes"][label] = f"{model.architecture.layers}x{model.architecture.units}"
        elif name == "12-gram":
            system = partial(ngram_bits, trained_ngram(given.corpus, given.megabytes))
            kept["megabytes"] = given.megabytes
        else:
            compressor, _, how = name.partition(" ")
            system = partial(compressed_bits, compressor, how == "primed")
        tables[label] = table_of(system, projects, given.sample, given.seed, name)
        kept["systems"] = _ordered(tables, kept["shapes"])
        if given.keep:  # each as it is known: some take minutes
            facts = {"sample": given.sample, "seed": given.seed}
            machine.keep("baselines", kept | facts, given.note)
    print(shown(_ordered(tables, kept["shapes"])))


def _ordered(tables: dict[str, Table], networks: dict[str, str]) -> dict[str, Table]:
    """Return the systems with the networks first."""
    labels = sorted(tables, key=lambda label: (label not in networks, label))
    return {label: tables[label] for label in labels}


if __name__ == "__main__":
    main()
