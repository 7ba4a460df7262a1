"""Fits the project memory's parameters to a network, on validation projects.

    python -m lstm_lsp.training.memory_fit MODEL.onnx CORPUS... [--output FILE]

writes them into the model's card, or, where FILE ends in ".json", there. The weights of
the recursion are fitted by expectation maximisation over what came in a sample of files,
half of it with the file's whole project known and half with nothing but its own past.
A minute or two on one core; the network only reads.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from lstm_lsp import symbols
from lstm_lsp.licence import licence_end
from lstm_lsp.memory import TAIL, Parameters, ProjectMemory
from lstm_lsp.memory_reference import BUCKETS, LEVELS, bucket
from lstm_lsp.network import Model

from .corpus.packed import Corpus, Document
from .export import write_whole
from .graph import amend

Table = npt.NDArray[np.float64]

# Of a larger project only so much is known: what matters is how often contexts were seen.
_MOST_SYMBOLS = 2 << 20
_FILE_SYMBOLS = (1_500, 16_000)


@dataclass(frozen=True)
class Seen:
    """What the network and each level gave to the n symbols that came."""

    network: npt.NDArray[np.float64]
    """(n,), probabilities."""
    buckets: npt.NDArray[np.int16]
    """(n, LEVELS), -1 where a level did not know the context."""
    shares: npt.NDArray[np.float64]
    """(n, LEVELS), the symbol's share of what followed there."""


def fit(
    model: Model, documents: Iterable[Document], *, sample: int = 12_000, rounds: int = 25
) -> tuple[Parameters, dict[str, float]]:
    """Return parameters for `model`, and bits per symbol on the sample, before and after.

    `documents` are those of whole projects, the first part of their paths; `sample`
    symbols of each are read. Raises ValueError when there are none.
    """
    projects: dict[str, list[Document]] = {}
    for document in documents:
        projects.setdefault(document.path.partition("/")[0], []).append(document)
    whole, alone = [], []
    # Levels whose share is 1 are not looked up.
    any_weights = Parameters(np.full((LEVELS, BUCKETS), 0.5))
    for name, files in tqdm(projects.items(), "projects", disable=None):
        chosen = list(_sample(files, sample, seed=len(name)))
        known = ProjectMemory(any_weights, max_bytes=1 << 30)
        for file in _first(files, _MOST_SYMBOLS):
            known.set_file(file.path, file.text)
        for file in chosen:
            network = _network(model, file)
            whole.append(observe(known, file, network))
            alone.append(observe(ProjectMemory(), file, network))
    if not whole:
        raise ValueError("no documents to fit the project memory on")
    seen = [_joined(whole), _joined(alone)]
    table = maximise(seen, rounds)
    facts = {
        "network": _bits(seen[0].network),
        "project": _bits(_recursion(seen[0], table)[-1]),
        "file": _bits(_recursion(seen[1], table)[-1]),
    }
    return Parameters(np.clip(table, 1e-4, 1.0)), facts


def observe(memory: ProjectMemory, file: Document, network: Table) -> Seen:
    """Return what is known before each symbol of `file`, as it is when the file is typed.

    `network` (n,) holds the probabilities the network gives to the file's last n symbols.
    """
    text, n = file.text, len(network)
    buckets = np.full((n, LEVELS), -1, np.int16)
    shares = np.zeros((n, LEVELS))
    for row in range(n):
        at = len(text) - n + row
        line = text.rfind(b"\n", 0, at) + 1
        for level, counts in memory.levels(file.path, text[:line], text[max(0, at - TAIL) : at]):
            buckets[row, level] = bucket(counts)
            shares[row, level] = counts.get(text[at], 0) / sum(counts.values())
    return Seen(network, buckets, shares)


def maximise(seen: Sequence[Seen], rounds: int) -> Table:
    """Return the recursion's weights (LEVELS, BUCKETS) that make what came most likely.

    Each round takes a weight to the share of the probability, of what came, that the
    level's own counts did not give (Dempster, Laird and Rubin 1977). A bucket that was
    seen rarely stays near the mean of its level.
    """
    table = np.full((LEVELS, BUCKETS), 0.5)
    for _ in range(rounds):
        below, total = np.zeros_like(table), np.zeros_like(table)
        for part in seen:
            reached = _recursion(part, table)
            weight = np.ones(len(part.network))
            for level in reversed(range(LEVELS)):
                known = part.buckets[:, level] >= 0
                at = part.buckets[known, level]
                left = table[level, at] * reached[level][known] / reached[level + 1][known]
                below[level] += np.bincount(at, weight[known] * left, BUCKETS)
                total[level] += np.bincount(at, weight[known], BUCKETS)
                weight[known] *= left
        mean = (below.sum(1) + 0.5) / (total.sum(1) + 1)
        table = (below + 4 * mean[:, None]) / (total + 4)
    return table


def _recursion(seen: Seen, table: Table) -> list[npt.NDArray[np.float64]]:
    """Return the probabilities of what came after 0, 1, ... LEVELS levels."""
    reached = [seen.network]
    for level in range(LEVELS):
        at = seen.buckets[:, level]
        left = np.where(at >= 0, table[level, np.maximum(at, 0)], 1.0)
        reached.append((1 - left) * seen.shares[:, level] + left * reached[-1])
    return reached


def _network(model: Model, file: Document) -> npt.NDArray[np.float64]:
    """Return the probabilities of `file`'s symbols after its licence notice."""
    state = model.read(symbols.header(file.language, file.path), model.start())
    first = state.log_probs
    after, _ = model.predictions(file.text, state)
    given = np.concatenate((first, after[:-1]))
    came = np.frombuffer(file.text, np.uint8)
    start = licence_end(file.text)
    return np.exp(given[np.arange(start, len(came)), came[start:]].astype(np.float64))


def _sample(files: Sequence[Document], most: int, seed: int) -> Iterator[Document]:
    low, high = _FILE_SYMBOLS
    for index in np.random.default_rng(seed).permutation(len(files)):
        if low <= len(files[index].text) <= high:
            yield files[index]
            most -= len(files[index].text)
            if most <= 0:
                return


def _first(files: Sequence[Document], most: int) -> Iterator[Document]:
    for file in files:
        most -= len(file.text)
        if most < 0:
            return
        yield file


def _joined(parts: Sequence[Seen]) -> Seen:
    return Seen(
        np.concatenate([part.network for part in parts]),
        np.concatenate([part.buckets for part in parts]),
        np.concatenate([part.shares for part in parts]),
    )


def _bits(probabilities: npt.NDArray[np.float64]) -> float:
    return float(-np.log2(probabilities).mean())


def main() -> None:
    """Fit the parameters for one model file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", type=Path)
    parser.add_argument("corpus", type=Path, nargs="+", help="packed validation projects")
    parser.add_argument("--output", type=Path, help="default: into the model file itself")
    parser.add_argument("--sample", type=int, default=12_000, help="symbols of each project")
    given = parser.parse_args()
    corpus = Corpus(given.corpus)
    documents = (corpus[index] for index in range(len(corpus)))
    parameters, facts = fit(Model.load(given.model), documents, sample=given.sample)
    print(json.dumps({key: round(value, 4) for key, value in facts.items()}))
    output: Path = given.output or given.model
    if output.suffix == ".json":
        content = json.dumps(parameters.to_json(), separators=(",", ":")).encode() + b"\n"
    else:
        content = amend(given.model.read_bytes(), {"memory": parameters.to_json()})
    write_whole(output, content)


if __name__ == "__main__":
    main()
