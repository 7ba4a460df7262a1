"""A character n-gram of the training corpus, as a baseline in the network's place.

    python bench/ngram.py PROJECT... --corpus FILE.symbols... [--megabytes N] [--sample N] [--json]

Orders 1 to 12, interpolated after Witten and Bell (1991), over whole documents drawn from
packed corpora. Prints bits per character on the files that `lstm-lsp evaluate` reads, alone
and under the project memory; `bench/completion.py --systems ngram` measures its
completions.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple, cast, get_args

import numpy as np
import numpy.typing as npt
from machine import command, keep, machine
from tqdm import tqdm

from lstm_lsp.evaluate.bits import bits_of
from lstm_lsp.evaluate.product import Memory, memory_of, view_of
from lstm_lsp.evaluate.runner import sampled_files
from lstm_lsp.evaluate.sources import read_projects
from lstm_lsp.memory import Mixer, ProjectMemory
from lstm_lsp.network import Floats, Integers, Model, State
from lstm_lsp.training.corpus.packed import Corpus

ORDERS = (1, 2, 3, 4, 5, 6, 8, 10, 12)
_BASE = np.uint64(0x9E3779B97F4A7C15)
_LOW = np.uint64(0xFF)


class _Order(NamedTuple):
    keys: npt.NDArray[np.uint64]  # hash of the context, its low byte the symbol that follows
    counts: npt.NDArray[np.uint32]


class NGram:
    """The distribution of the next symbol after the last 12, as a mixer without memory."""

    def __init__(self, text: bytes) -> None:
        """Count `text`. Contexts of 6 and more symbols that occur once are left out."""
        read = np.frombuffer(text, np.uint8)
        self._orders = [_count(read, order) for order in tqdm(ORDERS, "n-gram", leave=False)]

    def mix(self, log_probs: Floats, tails: Sequence[bytes]) -> Floats:
        """Return the n-gram's distributions after `tails`; `log_probs` are not looked at."""
        mixed = [self._distribution(tail[-max(ORDERS) :]) for tail in tails]
        return np.log(np.stack(mixed)).astype(np.float32)

    def _distribution(self, tail: bytes) -> npt.NDArray[np.float64]:
        probabilities = np.full(256, 1 / 256)
        for order, (keys, counts) in zip(ORDERS, self._orders, strict=True):
            if len(tail) < order:
                break
            key = int(_hashes(np.frombuffer(tail[-order:] + b"\0", np.uint8), order)[-1])
            begin, end = np.searchsorted(keys, np.array([key, key + 255], np.uint64))
            end += end < len(keys) and int(keys[end]) == key + 255
            if begin == end:
                break
            seen, count = (keys[begin:end] & _LOW).astype(np.int64), counts[begin:end]
            distinct = len(seen)
            probabilities *= distinct / (count.sum() + distinct)
            probabilities[seen] += count / (count.sum() + distinct)
        return probabilities


def _hashes(read: npt.NDArray[np.uint8], order: int) -> npt.NDArray[np.uint64]:
    """Return a hash of the `order` symbols before each position from `order` on, low byte 0."""
    hashes = np.zeros(len(read) - order, np.uint64)
    for back in range(1, order + 1):
        hashes = (hashes + read[order - back : len(read) - back] + np.uint64(1)) * _BASE
        hashes ^= hashes >> np.uint64(29)
    return hashes & ~_LOW


def _count(read: npt.NDArray[np.uint8], order: int) -> _Order:
    keys, counts = np.unique(_hashes(read, order) | read[order:], return_counts=True)
    if order >= 6:
        first = np.flatnonzero(np.diff(keys & ~_LOW, prepend=np.uint64(1)))
        totals = np.add.reduceat(counts, first)
        kept = np.repeat(totals > 1, np.diff(np.append(first, len(keys))))
        keys, counts = keys[kept], counts[kept]
    return _Order(keys, counts.astype(np.uint32))


class NoNetwork:
    """Stands where a model stands, and knows nothing: its distributions are uniform."""

    name = "12-gram"
    context = 4096

    def __init__(self, card: dict[str, Any] | None = None) -> None:
        self.card = card or {}

    def start(self, batch: int = 1) -> State:
        """Return the one state there is."""
        nothing = np.zeros((1, batch, 1), np.float32)
        return State(nothing, nothing, np.full((batch, 256), -np.log(256), np.float32))

    def read(self, text: bytes, state: State, *_: object) -> State:
        """Return `state`."""
        return state

    def predictions(self, text: bytes, state: State) -> tuple[Floats, State]:
        """Return uniform distributions."""
        return np.full((len(text), 256), -np.log(256), np.float32), state

    def step(self, read: Integers, state: State) -> State:
        """Return the one state there is."""
        return self.start(len(read))


class Under(NamedTuple):
    """The mixer of a memory over what the n-gram gives."""

    ngram: NGram
    memory: Mixer

    def mix(self, log_probs: Floats, tails: Sequence[bytes]) -> Floats:
        """Return the memory's mixture with the n-gram's distributions."""
        return self.memory.mix(self.ngram.mix(log_probs, tails), tails)


class Background(NamedTuple):
    """The n-gram, under a project memory or alone, where a project memory is expected."""

    ngram: NGram
    memory: ProjectMemory | None

    def view(self, path: str, before: bytes) -> Mixer:
        """Return the mixer for a place."""
        return Under(self.ngram, self.memory.view(path, before)) if self.memory else self.ngram


def train(corpora: Sequence[Path], megabytes: float) -> NGram:
    """Return the n-gram of `megabytes` of each of `corpora`, whole documents drawn at random."""
    parts: list[bytes] = []
    for file in corpora:
        corpus, left = Corpus([file]), megabytes * 1e6
        for index in np.random.default_rng(0).permutation(len(corpus)):
            if left <= 0:
                break
            parts.append(b"\0" * max(ORDERS) + corpus[int(index)].text)
            left -= len(parts[-1])
    return NGram(b"".join(parts))


def main() -> None:
    """Measure bits and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("projects", nargs="+", type=Path, metavar="PROJECT")
    parser.add_argument("--corpus", nargs="+", type=Path, required=True)
    parser.add_argument("--megabytes", type=float, default=8.0)
    parser.add_argument("--sample", type=int, default=None)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--keep", action="store_true", help="write bench/results/ngram.json")
    parser.add_argument("--note", default="", help="what else the machine was doing")
    arguments = parser.parse_args()
    ngram = train(arguments.corpus, arguments.megabytes)
    model = cast(Model, NoNetwork())
    report: dict[str, dict[str, float]] = {}
    for project in read_projects(arguments.projects):
        report[project.name] = {}
        for memory in get_args(Memory):
            known = Background(ngram, memory_of(model, project, memory))
            bits = []
            for file in sampled_files(project, arguments.sample, arguments.seed):
                view = view_of(cast(ProjectMemory, known), file)
                found = bits_of(model, file.header, file.symbols, view)
                bits.append(found[file.licence_symbols :])
            report[project.name][memory] = float(np.concatenate(bits).mean())
    if arguments.keep:
        keep("ngram", report, arguments.note)
    if arguments.json:
        print(
            json.dumps({"command": command(), "machine": machine(), "projects": report}, indent=1)
        )
        return
    print("bits per character without licence, by memory")
    for name, row in report.items():
        print(f"  {name:24}", *(f"{memory} {value:.3f}" for memory, value in row.items()))


if __name__ == "__main__":
    main()
