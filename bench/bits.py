"""Bits per character under the three memories, on the files of `lstm-lsp evaluate`.

    python bench/bits.py PROJECT... [--sample N] [--seed S] [--model M] [--json] [--picture FILE]

The figures are those that three runs of `evaluate` report, without the tokens, lines and
typing that it measures besides: what docs/models.md and docs/project-memory.md quote. The
picture (.png) shows them against the position in the file.
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from pathlib import Path
from typing import get_args

import numpy as np
from machine import keep
from matplotlib.figure import Figure
from tqdm import tqdm

from lstm_lsp.evaluate.bits import Bits, bits_of
from lstm_lsp.evaluate.picture import by_position
from lstm_lsp.evaluate.product import Memory, memory_of, view_of
from lstm_lsp.evaluate.runner import sampled_files
from lstm_lsp.evaluate.sources import read_projects
from lstm_lsp.network import Model, find_model

MEMORIES: tuple[Memory, ...] = get_args(Memory)


def draw(target: Path, bits: dict[tuple[str, Memory], list[Bits]]) -> None:
    """Write bits per character against the position in the file, by language and memory."""
    languages = sorted({language for language, _ in bits})
    figure = Figure(figsize=(9, 3.6), layout="constrained")
    axes = figure.subplots(1, len(languages), sharey=True, squeeze=False)[0]
    for axis, language in zip(axes, languages, strict=True):
        for memory in MEMORIES:
            axis.plot(*zip(*by_position(bits[language, memory]), strict=True), label=memory)
        axis.set(xscale="log", xlabel="position in the file (characters)", title=language)
        axis.set_ylim(bottom=0)
        axis.grid(alpha=0.3)
    axes[0].set_ylabel("bits per character")
    axes[0].legend(frameon=False, title="memory")
    figure.savefig(target, dpi=130)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("projects", type=Path, nargs="+", metavar="PROJECT")
    parser.add_argument("--sample", type=int, default=100, help="thousand characters a project")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--model")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--picture", type=Path, metavar="FILE")
    parser.add_argument("--keep", action="store_true", help="write bench/results/bits.json")
    parser.add_argument("--note", default="", help="what else the machine was doing")
    given = parser.parse_args()
    model = Model.load(find_model(given.model))
    # bits and characters by (name, memory), the name a project's or a language's
    sums: dict[tuple[str, str], list[float]] = defaultdict(lambda: [0.0, 0.0])
    curves: dict[tuple[str, Memory], list[Bits]] = defaultdict(list)
    for project in tqdm(read_projects(given.projects), "projects", disable=None):
        known = {memory: memory_of(model, project, memory) for memory in MEMORIES}
        for file in sampled_files(project, given.sample, given.seed):
            for memory in MEMORIES:
                bits = bits_of(model, file.header, file.symbols, view_of(known[memory], file))
                counted = float(np.sum(bits[file.licence_symbols :]))
                curves[file.language, memory].append(bits[file.licence_symbols :])
                for name in (project.name, file.language):
                    sums[name, memory][0] += counted
                    sums[name, memory][1] += len(file.text) - file.licence_characters
    table: dict[str, dict[str, float]] = defaultdict(dict)
    for (name, known_files), (bits_sum, characters) in sums.items():
        table[name][known_files] = round(bits_sum / max(1.0, characters), 4)
        table[name]["characters"] = characters
    result = {
        "model": model.name,
        "bits_per_character_without_licence": table,
    }
    if given.picture:
        draw(given.picture, curves)
    if given.keep:
        keep("bits", result, given.note)
    if given.json:
        print(json.dumps(result))
        return
    print(" " * 20 + "".join(f"{memory:>10}" for memory in MEMORIES))
    for name, row in table.items():
        print(f"{name:20}" + "".join(f"{row[memory]:10.3f}" for memory in MEMORIES))


if __name__ == "__main__":
    main()
