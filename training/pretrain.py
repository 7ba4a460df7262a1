"""Train a network from packed corpora, and nothing else: `python -m training.pretrain`.

For a borrowed GPU: runs from a plain checkout with torch, numpy, safetensors and tqdm
alone, keeps a resumable checkpoint, and rewrites the newest weights in half precision
beside it (`weights.safetensors`, small enough to carry home) each time it is saved.
`python -m training.export` makes a model file of either (docs/training.md).
"""

from __future__ import annotations

import argparse
import tomllib
from pathlib import Path

import torch

from .corpus.packed import Corpus
from .loop import Budget, Recipe, device_named, load_network, save_half, train
from .network import CharacterLSTM

RECIPES = Path(__file__).parent / "recipes"
WEIGHTS = "weights.safetensors"


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m training.pretrain", description=__doc__)
    parser.add_argument("corpora", type=Path, help="folder of *.train.symbols[.xz] files")
    parser.add_argument("--recipe", type=Path, default=RECIPES / "gpu.toml")
    parser.add_argument("--minutes", type=float, default=24.0)
    parser.add_argument("--folder", type=Path, required=True, help="where the run is kept")
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    parser.add_argument("--resume", action="store_true")
    parser.add_argument("--initial", type=Path, help="a checkpoint whose weights to start from")
    arguments = parser.parse_args()

    recipe = Recipe.from_json(tomllib.loads(arguments.recipe.read_text(encoding="utf-8")))
    torch.manual_seed(recipe.seed)
    network = CharacterLSTM(recipe.architecture)
    if arguments.initial:
        network.load_state_dict(load_network(arguments.initial)[0].state_dict())
    corpus = Corpus(packed(arguments.corpora, "train"))
    validation = {
        file.name.split(".")[0]: Corpus([file]) for file in packed(arguments.corpora, "validation")
    }
    print(f"{len(corpus):,} documents, {len(corpus.symbols):,} symbols", flush=True)
    train(
        network,
        corpus,
        recipe,
        Budget(minutes=arguments.minutes),
        arguments.folder,
        validation=validation,
        validate_every=240.0,
        device=device_named(arguments.device),
        resume=arguments.resume,
        on_save=lambda trained, facts: save_half(arguments.folder / WEIGHTS, trained, facts),
    )


def packed(folder: Path, split: str) -> list[Path]:
    """Return the packed files of one split in `folder`."""
    return sorted([*folder.glob(f"*.{split}.symbols"), *folder.glob(f"*.{split}.symbols.xz")])


if __name__ == "__main__":
    main()
