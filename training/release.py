"""A checkpoint as a released model: `python -m lstm_lsp.training.release`.

Exports with every check, and says in the card where the model comes from (`provenance`):
data, licences, filters, recipe, hardware, time, symbols seen, curve, limits, commands.
The corpus's `NOTICES.txt`, the projects' licences in their own words, is laid beside it.
`memory_fit` and `calibrate` follow, on the finished file (docs/training.md).
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import date
from pathlib import Path

import numpy as np

from . import provenance
from .checkpoint import CHECKPOINT, average, load_network
from .corpus import manifest
from .corpus.notices import NOTICES
from .corpus.packed import Corpus, Document
from .curve import read as read_curve
from .export import export, write_whole
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


def main() -> None:
    """Write one released model."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=Path, help="a training run's folder")
    parser.add_argument("corpora", type=Path, help="folder of packed train and validation files")
    parser.add_argument(
        "--before", type=Path, nargs="*", default=[], help="folders of the runs it went on from"
    )
    parser.add_argument(
        "--average",
        type=Path,
        nargs="*",
        default=[],
        help="folders of runs whose last weights are averaged with the run's, in equal parts",
    )
    parser.add_argument("--checkpoint", default=CHECKPOINT, help="file in the folder")
    parser.add_argument("--manifest", type=Path, required=True, help="of the corpora")
    parser.add_argument("--notices", type=Path, help="default: that of the corpora's folder")
    parser.add_argument("--name", required=True)
    parser.add_argument("--hardware", required=True, help="what it was trained on, for the card")
    parser.add_argument("--output", type=Path, required=True)
    given = parser.parse_args()

    network, facts = load_network(given.run / given.checkpoint)
    average(network, [load_network(run / CHECKPOINT)[0] for run in given.average])
    recipe = asdict(Recipe.from_json(facts["recipe"]))
    del recipe["architecture"]
    described = manifest.load(given.manifest)
    corpus = Corpus(packed(given.corpora, "train"))
    earlier = [load_network(run / CHECKPOINT)[1]["progress"] for run in given.before]
    progress = [*earlier, facts["progress"]]
    seen = sum(each["symbols"] for each in progress)
    validation = {
        file.name.split(".")[0]: Corpus([file]) for file in packed(given.corpora, "validation")
    }
    points = provenance.curve([read_curve(run) for run in (*given.before, given.run)])
    card = {
        "name": given.name,
        "languages": sorted(validation),
        "licence": "Apache-2.0",
        "limits": provenance.limits(described, sorted(validation), seen / len(corpus.symbols)),
        "training": {
            "sources": provenance.sources(described, corpus),
            "filters": provenance.filters(described, given.corpora),
            "left_unredacted": provenance.unredacted(corpus),
            "recipe": recipe,
            "averaged_runs": 1 + len(given.average),
            "hardware": given.hardware,
            "minutes": round(sum(each["seconds"] for each in progress) / 60),
            "symbols_seen": seen,
            "corpus_symbols": len(corpus.symbols),
            "curve": points,
            "validation_bits_per_character": {
                name: bits for name, bits in (points or [{}])[-1].items() if name != "symbols"
            },
            "date": date.today().isoformat(),
            "reproduce": {
                "corpus": f"lstm-lsp corpus build training/manifests/{given.manifest.name} "
                "--output DIR",
                "train": "python -m training.pretrain DIR --recipe RECIPE --folder RUN, "
                "with the recipe above",
                "release": f"python -m lstm_lsp.training.release RUN DIR --name {given.name} ...",
            },
        },
    }
    model = export(network, card, given.output, list(sample(list(validation.values()))))
    notices = given.notices or given.corpora / NOTICES
    if given.notices or notices.exists():
        write_whole(given.output.with_suffix(f".{NOTICES}"), notices.read_bytes())
    print(json.dumps({"context": model.context, **model.card["export"]}, indent=2))


if __name__ == "__main__":
    main()
