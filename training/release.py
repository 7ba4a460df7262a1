"""A checkpoint as a released model: `python -m lstm_lsp.training.release`.

Exports with every check, then writes the card's provenance: the sources that the corpus's
manifest names, their licences, the recipe, the symbols seen and the curve's validation.
`memory_fit` and `calibrate` follow, on the finished file (docs/training.md).
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

from .checkpoint import CHECKPOINT, load_network
from .corpus import manifest
from .corpus.packed import Corpus, Document
from .curve import read as read_curve
from .export import export
from .pretrain import packed
from .recipe import Recipe

SAMPLE = 120_000
"""Validation symbols of each language that the export is checked on."""


def sample(corpora: Sequence[Corpus], symbols: int = SAMPLE) -> Iterator[Document]:
    """Yield about `symbols` symbols of whole documents from each corpus, a seeded choice."""
    for corpus in corpora:
        left = symbols
        for index in np.random.default_rng(0).permutation(len(corpus)):
            document = corpus[int(index)]
            if 1_000 <= len(document.text) <= left:
                left -= len(document.text)
                yield document


def sources(described: manifest.Manifest, corpus: Corpus) -> list[dict[str, Any]]:
    """Return the projects that `corpus` holds: name, version, licence, documents."""
    counts: dict[str, int] = {}
    for index in range(len(corpus)):
        name = corpus[index].path.partition("/")[0]
        counts[name] = counts.get(name, 0) + 1
    return [
        {
            "project": project.id,
            "version": getattr(project.sources[0], "version", None),
            "licence": project.licence,
            "documents": counts[project.id],
        }
        for project in described.projects
        if project.id in counts
    ]


def main() -> None:
    """Write one released model."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=Path, help="a training run's folder")
    parser.add_argument("corpora", type=Path, help="folder of packed train and validation files")
    parser.add_argument("--checkpoint", default=CHECKPOINT, help="file in the folder")
    parser.add_argument("--manifest", type=Path, required=True, help="of the corpora")
    parser.add_argument("--name", required=True)
    parser.add_argument("--hardware", required=True, help="what it was trained on, for the card")
    parser.add_argument("--output", type=Path, required=True)
    given = parser.parse_args()

    network, facts = load_network(given.run / given.checkpoint)
    recipe = asdict(Recipe.from_json(facts["recipe"]))
    del recipe["architecture"]
    progress = facts["progress"]
    validation = {
        file.name.split(".")[0]: Corpus([file]) for file in packed(given.corpora, "validation")
    }
    scores = [row["validation"] for row in read_curve(given.run) if "validation" in row]
    card = {
        "name": given.name,
        "languages": sorted(validation),
        "licence": "Apache-2.0",
        "training": {
            "sources": sources(
                manifest.load(given.manifest), Corpus(packed(given.corpora, "train"))
            ),
            "recipe": recipe,
            "hardware": given.hardware,
            "minutes": round(progress["seconds"] / 60),
            "symbols_seen": progress["symbols"],
            "validation_bits_per_character": scores[-1] if scores else None,
            "date": date.today().isoformat(),
        },
    }
    model = export(network, card, given.output, list(sample(list(validation.values()))))
    print(json.dumps({"context": model.context, **model.card["export"]}, indent=2))


if __name__ == "__main__":
    main()
