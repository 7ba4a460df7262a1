"""What `lstm-lsp train` gains on a project's held-out files, and loses on other projects.

    python bench/fine_tune.py PROJECT... --others PROJECT... [--symbols N] [--work DIR]

Each PROJECT is fine-tuned as the command does it, for N symbols read (400,000: two or three
minutes of one quiet core, which minutes on a busy one would not give). Both models are then
asked as they are served, in int8 with a bounded context: bits per character on the project's
held-out files, and on a sample of every other project named. A project that DIR holds a
result of is not done again, so the bench can be stopped and gone on with.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from machine import keep

from lstm_lsp import symbols
from lstm_lsp.evaluate.bits import bits_of
from lstm_lsp.network import Model, find_model
from lstm_lsp.training import tune
from lstm_lsp.training.corpus.packed import Corpus, Document
from lstm_lsp.training.release import sample

HELD_OUT = 60_000
"""Symbols of a project's held-out files that are measured."""
OTHERS = 12_000
"""Symbols measured of each other project."""


def bits(model: Model, documents: Sequence[Document]) -> float:
    """Return bits per symbol of the documents' texts, headers given."""
    total = sum(
        float(bits_of(model, symbols.header(d.language, d.path), d.text).sum()) for d in documents
    )
    return total / sum(len(d.text) for d in documents)


def some(corpora: Sequence[Corpus], size: int) -> list[Document]:
    """Return about `size` symbols of whole documents."""
    chosen = list(sample(corpora, size // len(corpora)))
    return chosen or [corpus[0] for corpus in corpora]


def fine_tuned(
    project: Path, others: dict[str, list[Document]], base: str | None, read: int, work: Path
) -> dict[str, Any]:
    """Fine-tune on `project` and return what was measured."""
    data = tune.gather([project])
    output = work / f"{project.name}.onnx"
    tune.run([project], base=base, epochs=read / len(data.train.symbols), output=output)
    held_out = some(list(data.held_out.values()), HELD_OUT)
    before, after = Model.load(find_model(base)), Model.load(output)
    elsewhere = {
        name: [bits(before, documents), bits(after, documents)]
        for name, documents in others.items()
        if name != project.name
    }
    return {
        "files": len(data.train),
        "characters": len(data.train.symbols),
        "symbols_read": after.card["training"]["symbols_seen"],
        "minutes": after.card["training"]["minutes"],
        "held_out": [bits(before, held_out), bits(after, held_out)],
        "others": elsewhere,
    }


def change(pair: Sequence[float]) -> float:
    """Return by what share bits grew."""
    return pair[1] / pair[0] - 1


def row(name: str, result: dict[str, Any]) -> str:
    """Return one line of the table, in Markdown."""
    before, after = result["held_out"]
    changes = {other: change(pair) for other, pair in result["others"].items()}
    worst = max(changes, key=lambda other: changes[other])
    mean = sum(changes.values()) / len(changes)
    return (
        f"| {name} | {result['characters'] / 1e6:.1f} | {before:.3f} | {after:.3f} "
        f"| {change(result['held_out']):+.1%} | {mean:+.1%} | {changes[worst]:+.1%} ({worst}) |"
    )


def main() -> None:
    """Measure, print a table, keep the result."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("projects", type=Path, nargs="+", metavar="PROJECT")
    parser.add_argument("--others", type=Path, nargs="+", default=[], metavar="PROJECT")
    parser.add_argument("--base", metavar="MODEL", help="the bundled model unless given")
    parser.add_argument("--symbols", type=int, default=400_000, help="to read of each project")
    parser.add_argument("--work", type=Path, default=Path(".work/fine-tune"), metavar="DIR")
    parser.add_argument("--note", default="", help="what else the machine was doing")
    given = parser.parse_args()

    given.work.mkdir(parents=True, exist_ok=True)
    others = {}
    for path in [*given.projects, *given.others]:
        data = tune.gather([path])  # held-out files, so that no model has seen them
        others[path.name] = some(list(data.held_out.values()), OTHERS)
    results: dict[str, Any] = {}
    print("| project | MB | before | after | held out | others, mean | others, worst |")
    print("|---|---|---|---|---|---|---|")
    for project in given.projects:
        done = given.work / f"{project.name}.json"
        if not done.exists():
            result = fine_tuned(project, others, given.base, given.symbols, given.work)
            done.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
        results[project.name] = json.loads(done.read_text(encoding="utf-8"))
        print(row(project.name, results[project.name]), flush=True)
    print(keep("fine_tune", results, given.note))


if __name__ == "__main__":
    main()
