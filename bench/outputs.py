"""What the output should read: the last layer, the sum of all layers, or all side by side.

    python bench/outputs.py CORPORA [--recipe FILE.toml] [--symbols N] [--seeds S...] [--kinds K...]

Networks that are equal but for that are trained alike (`training.loop`, the same documents in
the same order) and compared on validation files; and where the recipe averages weights, each
one's last weights with their running average. The answer stands in training/LOG.md; the product
has the first and the third (`lstm_lsp.card.Architecture`).
"""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import replace
from pathlib import Path

import torch
from machine import keep
from safetensors.torch import load_file
from torch import Tensor

from lstm_lsp.card import Architecture
from lstm_lsp.training.checkpoint import CHECKPOINT
from lstm_lsp.training.corpus.packed import Corpus
from lstm_lsp.training.lanes import PLAIN
from lstm_lsp.training.loop import bits_per_symbol, train
from lstm_lsp.training.network import CharacterLSTM, State
from lstm_lsp.training.pretrain import packed
from lstm_lsp.training.recipe import Budget, Recipe
from lstm_lsp.training.tune import load_recipe

KINDS = ("last", "sum", "all")
RECIPE = Recipe(
    architecture=Architecture(layers=2, units=128, embedding=32),
    lanes=8,  # small batches learn most a symbol
    length=64,
    learning_rate=4e-3,
    warm_up=50,
    decay=0.5,
    average=0.99,
    presentation=PLAIN,
)


class SumOfLayers(CharacterLSTM):  # type: ignore[misc] # its types are the folder's own
    """The network, with its output read from the sum of all layers' hidden states."""

    def forward(self, read: Tensor, state: State) -> tuple[Tensor, State]:
        """Read as `CharacterLSTM.forward` does."""
        hidden, state = self.all_layers(self.embedding(read), state)
        return self.output(hidden.unflatten(-1, (self.architecture.layers, -1)).sum(-2)), state


def network(kind: str, architecture: Architecture) -> CharacterLSTM:
    """Return a fresh network whose output reads `kind`: "last", "sum" or "all"."""
    if kind == "sum":
        return SumOfLayers(architecture)
    return CharacterLSTM(replace(architecture, output=kind))


def main() -> None:
    """Train, compare, print, keep."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("corpora", type=Path)
    parser.add_argument("--recipe", metavar="R", help="a small one of its own unless given")
    parser.add_argument("--symbols", type=int, default=1_000_000)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--kinds", choices=KINDS, nargs="+", default=KINDS)
    given = parser.parse_args()
    asked = load_recipe(given.recipe) if given.recipe else RECIPE
    shape = f"{asked.architecture.layers}x{asked.architecture.units}"
    corpus = Corpus(packed(given.corpora, "train"))
    held_out = [Corpus([file]) for file in packed(given.corpora, "validation")]

    def score(trained: CharacterLSTM) -> float:
        values = [bits_per_symbol(trained, held, symbols=60_000) for held in held_out]
        return round(float(sum(values)) / len(values), 4)

    rows: list[dict[str, object]] = []
    for seed in given.seeds:
        for kind in given.kinds:
            torch.manual_seed(seed)
            trained = network(kind, asked.architecture)
            with tempfile.TemporaryDirectory() as folder:
                recipe = replace(asked, seed=seed)
                budget = Budget(symbols=given.symbols)
                train(trained, corpus, recipe, budget, Path(folder), save_every=1e9, quiet=True)
                stored = load_file(Path(folder) / CHECKPOINT).items()
            row: dict[str, object] = {"seed": seed, "output": kind}
            if asked.average:
                row["average"] = score(trained)
            last = {n.removeprefix("network."): w for n, w in stored if n.startswith("network.")}
            trained.load_state_dict(last)
            row["last"] = score(trained)
            rows.append(row)
            print(row, flush=True)
    print(keep(f"outputs-{shape}", {"symbols": given.symbols, "runs": rows}))


if __name__ == "__main__":
    main()
