"""How fast the network is read: one step, batches, known text, beside what bounds them.

    python bench/engine.py [--model FILE] [--rounds N] [--note TEXT]

Everything is measured in turns within one run, a block of calls each, so that whatever
else the machine does hits all of it alike, and in processor time of the one thread that
works: what others do with the core is not counted, what they do to its caches is. A
block's first calls are not counted either: the measure before has emptied the caches.
Ratios are taken within a turn; medians are over turns. Needs torch and onnx (the extra
`train`).

The yardstick is the time to read the weights once from memory: a one-thread sum over as
many bytes as the int8 matrices have, walking a buffer of 256 MB.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from machine import keep, machine

from lstm_lsp import arithmetic
from lstm_lsp.card import Architecture
from lstm_lsp.context import BLOCK
from lstm_lsp.memory import NetworkAlone
from lstm_lsp.network import LONGEST_CALL, Model, State, find_model
from lstm_lsp.predictor import Predictor
from lstm_lsp.training.graph import weights_of
from lstm_lsp.training.network import CharacterLSTM

TEXT = b"def mean(values: list[float]) -> float:\n    return sum(values) / len(values)\n\n\n" * 20
WALKED = 256 << 20
CALLS, UNCOUNTED = 24, 6

Measure = Callable[[], object]


def matrix_bytes(architecture: Architecture) -> int:
    """Return how many weights a step reads: all int8 matrices, one byte each."""
    a = architecture
    inputs = a.embedding + (a.layers - 1) * a.units
    return 4 * a.units * (inputs + a.layers * a.units) + 256 * a.units


def memory_read(size: int) -> Measure:
    """Return a function that sums the next `size` bytes of a buffer larger than any cache."""
    buffer = np.ones(WALKED // 8, np.int64)
    words = size // 8
    position = 0

    def read() -> object:
        nonlocal position
        if position + words > len(buffer):
            position = 0
        position += words
        return buffer[position - words : position].sum()

    return read


def torch_step(model: Model, *, onednn: bool) -> Measure:
    """Return one eager torch step on the same weights, fp32, one thread.

    Torch's own choice, oneDNN, is the slower one for a single step; both are measured.
    """
    torch.set_num_threads(1)
    weights, architecture, _ = weights_of(model.path.read_bytes())
    network = CharacterLSTM(architecture).eval()
    network.load_state_dict({name: torch.tensor(value) for name, value in weights.items()})
    hidden = network.zero_state(1)
    read = torch.tensor([[ord("e")]])

    @torch.inference_mode()
    def step() -> object:
        with torch.backends.mkldnn.flags(enabled=onednn):
            logits, after = network(read, hidden)
        return torch.log_softmax(logits, dim=-1), after

    return step


def measures(model: Model) -> dict[str, tuple[Measure, int]]:
    """Return what is measured: name -> (function, symbols a call reads for each sequence)."""
    state = model.read(TEXT[:200], model.start())

    def rows(batch: int) -> State:
        return state.take(np.zeros(batch, np.int64))

    def step(batch: int) -> Measure:
        read, states = np.full(batch, ord("e")), rows(batch)
        return lambda: model.step(read, states)

    def search(batch: int) -> Measure:
        predictor = Predictor(model, NetworkAlone())
        hypotheses = predictor.start(state, TEXT[:200])
        zeros, read = np.zeros(batch, np.int64), np.full(batch, ord("e"))
        hypotheses = predictor.advance(hypotheses, zeros, read)
        parents = np.arange(batch)

        def advance() -> object:
            for followed in hypotheses.followed:  # or the step would not be taken again
                followed.clear()
            return predictor.advance(hypotheses, parents, read)

        return advance

    def plain(batch: int) -> Measure:
        # The same with numpy in place of the compiled arithmetic.
        advance, kernel = search(batch), arithmetic.kernel

        def without() -> object:
            arithmetic.kernel = None
            found = advance()
            arithmetic.kernel = kernel
            return found

        return without

    def bare() -> Measure:
        # The session's own call, with nothing of ours around it.
        feed = {"symbols": np.array([[ord("e")]]), "h": state.h, "c": state.c}
        return lambda: model._run(model._outputs, feed)

    def known(length: int) -> Measure:
        return lambda: model.predictions(TEXT[:length], state)

    return {
        "memory read": (memory_read(matrix_bytes(model.architecture)), 1),
        "session call": (bare(), 1),
        **{f"step, batch {batch}": (step(batch), 1) for batch in (1, 4, 8, 16)},
        **{f"search step, batch {batch}": (search(batch), 1) for batch in (1, 8)},
        **{f"the same in numpy, batch {batch}": (plain(batch), 1) for batch in (1, 8)},
        **{f"known text, {n} a call": (known(n), n) for n in (BLOCK, LONGEST_CALL)},
        "torch step": (torch_step(model, onednn=False), 1),
        "torch step, oneDNN": (torch_step(model, onednn=True), 1),
    }


def run(measured: dict[str, tuple[Measure, int]], rounds: int) -> dict[str, list[float]]:
    """Return the median microseconds a symbol of each measure in each round."""
    taken: dict[str, list[float]] = {name: [] for name in measured}
    for _ in range(rounds):
        for name, (call, length) in measured.items():
            calls, uncounted = (CALLS, UNCOUNTED) if length == 1 else (3, 1)
            times = []
            for _ in range(calls):
                start = time.thread_time()
                call()
                times.append(time.thread_time() - start)
            taken[name].append(statistics.median(times[uncounted:]) / length * 1e6)
    return taken


def main() -> None:
    """Measure, print and keep."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--model", help="a model file; the bundled one if left out")
    parser.add_argument("--rounds", type=int, default=30, help="turns of every measure")
    parser.add_argument("--note", default="", help="what else the machine was doing")
    arguments = parser.parse_args()
    model = Model.load(find_model(arguments.model))
    taken = run(measures(model), arguments.rounds)

    def compared(name: str, other: str, work: Callable[[float, float], float]) -> float:
        return statistics.median(map(work, taken[name], taken[other]))

    def ratio(name: str, other: str) -> float:
        return round(compared(name, other, lambda a, b: a / b), 3)

    def difference(name: str, other: str) -> float:
        return round(compared(name, other, lambda a, b: a - b), 1)

    goals = {
        "step / memory read": (ratio("step, batch 1", "memory read"), "at most", 1.35),
        "torch step / step": (ratio("torch step", "step, batch 1"), "at least", 10.0),
        "batch 8 / batch 1": (ratio("step, batch 8", "step, batch 1"), "at most", 1.6),
        "step - session call, µs": (difference("step, batch 1", "session call"), "at most", 30.0),
        "search step - session call, µs": (
            difference("search step, batch 1", "session call"),
            "at most",
            30.0,
        ),
    }
    medians = {name: round(statistics.median(values), 1) for name, values in taken.items()}
    best = {name: round(min(values), 1) for name, values in taken.items()}
    report(model, medians, best, goals)
    result: dict[str, Any] = {
        "model": model.name,
        "architecture": vars(model.architecture),
        "matrix_bytes": matrix_bytes(model.architecture),
        "rounds": arguments.rounds,
        "microseconds_a_symbol": {"median": medians, "quietest_round": best},
        "goals": {
            name: {"measured": value, word: goal} for name, (value, word, goal) in goals.items()
        },
    }
    print(keep("engine", result, arguments.note).name)


def report(
    model: Model,
    medians: dict[str, float],
    best: dict[str, float],
    goals: dict[str, tuple[float, str, float]],
) -> None:
    """Print the tables."""
    a, here = model.architecture, machine()
    print(f"{model.name}: {a.layers} x {a.units}, {matrix_bytes(a) / 1e6:.1f} MB of int8 matrices")
    print(f"{here['cpu']}, {' '.join(here['flags'])}, caches {here['caches']}\n")
    print(f"{'microseconds a symbol':28}{'median':>9}{'quietest':>10}")
    for name, value in medians.items():
        print(f"{name:28}{value:9.1f}{best[name]:10.1f}")
    print()
    for name, (value, word, goal) in goals.items():
        met = value <= goal if word == "at most" else value >= goal
        print(f"{name:32}{value:9.2f}   goal {word} {goal:g}: {'met' if met else 'missed'}")


if __name__ == "__main__":
    main()
