"""Train a network from packed corpora, and nothing else: `python -m training.pretrain`.

For a borrowed GPU: runs from a plain checkout with torch, numpy, safetensors and tqdm
alone, keeps a resumable checkpoint, and rewrites the newest weights in half precision
beside it (`weights.safetensors`, small enough to carry home) each time it is saved.
Under torchrun it trains in as many processes as that started. `training.release` makes a
model file of either (docs/training.md).
"""

from __future__ import annotations

import argparse
import tomllib
from pathlib import Path

import torch

from .cells import network_of
from .checkpoint import WEIGHTS, average, load_network, save_half
from .corpus.packed import Corpus
from .loop import device_named, train
from .network import reading_all
from .processes import joined
from .recipe import Budget, Recipe

RECIPES = Path(__file__).parent / "recipes"


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m training.pretrain", description=__doc__)
    parser.add_argument("corpora", type=Path, help="folder of *.train.symbols[.xz] files")
    parser.add_argument("--recipe", type=Path, default=RECIPES / "gpu.toml")
    length = parser.add_mutually_exclusive_group()
    length.add_argument("--minutes", type=float, help="of training (default 24)")
    length.add_argument("--symbols", type=int, help="to read")
    parser.add_argument("--folder", type=Path, required=True, help="where the run is kept")
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    parser.add_argument("--report-every", type=float, default=10.0, help="seconds")
    parser.add_argument("--resume", action="store_true")
    parser.add_argument(
        "--initial",
        type=Path,
        nargs="+",
        help="checkpoints to start from: the mean of their weights",
    )
    arguments = parser.parse_args()

    recipe = Recipe.from_json(tomllib.loads(arguments.recipe.read_text(encoding="utf-8")))
    budget = Budget(symbols=arguments.symbols)
    if not arguments.symbols:
        budget = Budget(minutes=arguments.minutes or 24.0)
    torch.manual_seed(recipe.seed)
    network = network_of(recipe.architecture)
    if arguments.initial:
        first, *others = (load_network(file)[0] for file in arguments.initial)
        average(first, others)
        network.load_state_dict(reading_all(first.state_dict(), recipe.architecture))
    corpus = Corpus(packed(arguments.corpora, "train"))
    validation = {
        file.name.split(".")[0]: Corpus([file]) for file in packed(arguments.corpora, "validation")
    }
    with joined(device_named(arguments.device)) as (processes, device):
        if processes.first:
            print(f"{len(corpus):,} documents, {len(corpus.symbols):,} symbols", flush=True)
        train(
            network,
            corpus,
            recipe,
            budget,
            arguments.folder,
            validation=validation,
            validate_every=240.0,
            report_every=arguments.report_every,
            device=device,
            processes=processes,
            resume=arguments.resume,
            on_save=lambda trained, facts: save_half(arguments.folder / WEIGHTS, trained, facts),
        )


def packed(folder: Path, split: str) -> list[Path]:
    """Return the packed files of one split in `folder`."""
    return sorted([*folder.glob(f"*.{split}.symbols"), *folder.glob(f"*.{split}.symbols.xz")])


if __name__ == "__main__":
    main()
