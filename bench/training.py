"""Symbols a second of the training loop, against a bare nn.LSTM of the same shape.

    python bench/training.py                     # recipes/cpu.toml, one minute
    python bench/training.py --recipe gpu --minutes 5
    python bench/training.py --cell peephole     # what a cell without cuDNN or oneDNN costs

One run of the real loop (`training.loop`: data, embedding, output, loss, clipping, Adam,
reports, checkpoints) is paused every `--steps` steps for as many forward and backward
passes of a bare `nn.LSTM` over random input of the same shape, so that both meet the same
machine. `share` is the median over the rounds of loop speed / bare speed; the goal is 0.85.
With one thread on a CPU the seconds are the process's own, so that others on the core do not
count (`OMP_NUM_THREADS=1 taskset -c 0 python bench/training.py`). Documents are synthetic, of
lengths as in the corpora, unless a folder of packed ones is given.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from machine import keep
from torch import nn

from lstm_lsp.card import Architecture
from lstm_lsp.training.cells import CELLS, network_of
from lstm_lsp.training.corpus.packed import Corpus, Document
from lstm_lsp.training.loop import device_named, train
from lstm_lsp.training.pretrain import packed
from lstm_lsp.training.recipe import Budget, Recipe
from lstm_lsp.training.tune import load_recipe


def synthetic(documents: int = 2000) -> Corpus:
    """Return documents of random letters; lengths are log-normal, 4 kB in the middle."""
    random = np.random.default_rng(0)
    lengths = np.clip(random.lognormal(np.log(4000), 1.0, documents), 200, 200_000).astype(int)
    letters = np.frombuffer(b"abcdefghijklmnop (){};=\n", np.uint8)
    return Corpus.of(
        Document("java", f"p/F{n}.java", random.choice(letters, length).tobytes())
        for n, length in enumerate(lengths)
    )


def bare(
    architecture: Architecture, lanes: int, length: int, device: torch.device
) -> Callable[[], None]:
    """Return one forward and backward pass of a plain `nn.LSTM` of that shape."""
    network = nn.LSTM(architecture.embedding, architecture.units, architecture.layers).to(device)
    read = torch.randn(length, lanes, architecture.embedding, device=device)
    gradient = torch.randn(length, lanes, architecture.units, device=device)
    half = torch.autocast("cuda", torch.bfloat16, enabled=device.type == "cuda")

    def step() -> None:
        with half:
            hidden, _ = network(read)
        hidden.backward(gradient.to(hidden.dtype))
        network.zero_grad(set_to_none=True)

    return step


def measure(
    recipe: Recipe, corpus: Corpus, device: torch.device, minutes: float, steps: int
) -> dict[str, Any]:
    """Return speeds (symbols a second) and their ratio, over rounds of `steps` steps each."""
    step = bare(recipe.architecture, recipe.lanes, recipe.length, device)
    symbols = steps * recipe.lanes * recipe.length
    loop_speeds: list[float] = []
    bare_speeds: list[float] = []
    asked = 0
    last = 0.0

    def now() -> float:
        if device.type == "cuda":
            torch.cuda.synchronize()
        elif torch.get_num_threads() == 1:
            return time.process_time()
        return time.perf_counter()

    def paused() -> bool:
        """Asked before every step of the loop."""
        nonlocal asked, last
        asked += 1
        if asked % steps:
            return False
        ended = now()
        for _ in range(steps):
            step()
        after = now()
        if asked > steps:  # the first round warms up
            loop_speeds.append(symbols / (ended - last))
            bare_speeds.append(symbols / (after - ended))
        last = after
        return False

    network = network_of(recipe.architecture)
    with tempfile.TemporaryDirectory() as folder:
        budget = Budget(minutes=minutes)
        train(network, corpus, recipe, budget, Path(folder), device=device, stopped=paused)
    if not loop_speeds:
        raise SystemExit("not a round was done: give more --minutes or fewer --steps")
    ratios = [a / b for a, b in zip(loop_speeds, bare_speeds, strict=True)]
    return {
        "rounds": len(ratios),
        "symbols_per_second": round(statistics.median(loop_speeds)),
        "bare_symbols_per_second": round(statistics.median(bare_speeds)),
        "share": round(statistics.median(ratios), 3),
        "share_lowest": round(min(ratios), 3),
        "share_highest": round(max(ratios), 3),
    }


def main() -> None:
    """Measure, print, and keep the result."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("corpora", type=Path, nargs="?", help="folder of packed train files")
    parser.add_argument("--recipe", default="cpu")
    parser.add_argument("--cell", choices=CELLS, default="lstm")
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--steps", type=int, default=5, help="of a round")
    parser.add_argument("--note", default="", help="what else the machine was doing")
    given = parser.parse_args()

    recipe = load_recipe(given.recipe)
    if given.cell != "lstm":  # whose output alone may read all layers
        other = replace(recipe.architecture, cell=given.cell, output="last")
        recipe = replace(recipe, architecture=other)
    device = device_named(given.device)
    corpus = Corpus(packed(given.corpora, "train")) if given.corpora else synthetic()
    result = measure(recipe, corpus, device, given.minutes, given.steps)
    a = recipe.architecture
    shape = f"{a.layers} x {a.units}, {recipe.lanes} lanes x {recipe.length}"
    where = torch.cuda.get_device_name(device) if device.type == "cuda" else "CPU"
    result = {"recipe": given.recipe, "cell": given.cell, "shape": shape, "device": where} | result
    result["threads"] = torch.get_num_threads()
    print(
        f"{a.cell} {shape}: {result['symbols_per_second']:,} symbols/s, "
        f"{result['share']:.0%} of a bare nn.LSTM ({result['bare_symbols_per_second']:,}/s; "
        f"{result['rounds']} rounds, {result['share_lowest']:.0%}-{result['share_highest']:.0%})"
    )
    name = "training" if given.cell == "lstm" else f"training-{given.cell}"
    print(keep(name, result, given.note))


if __name__ == "__main__":
    main()
