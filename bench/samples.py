"""Texts that models write from nothing, and how far they keep the shape of a file.

    python bench/samples.py MODEL:LANGUAGE... [--samples N] [--characters N] [--keep]
    python bench/samples.py MODEL:LANGUAGE --show          # one sample, as it came

Each sample starts from the header of an untitled document and is drawn symbol by symbol by
the network alone, with the temperature and nucleus of `lstm-lsp generate`, many samples in
one batch. With `--real FILE.symbols`, documents of a packed corpus are cut to the same length
and measured alike. `structure.py` says what is counted.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from machine import keep
from structure import Counts, added, measure
from tqdm import tqdm

from lstm_lsp import symbols
from lstm_lsp.generate import TEMPERATURE, TOP_P
from lstm_lsp.memory import NetworkAlone
from lstm_lsp.network import Model, find_model
from lstm_lsp.predictor import Hypotheses, Predictor
from lstm_lsp.training.corpus.packed import Corpus

BATCH = 100


class Sample(NamedTuple):
    """A text, and whether the network ended it."""

    text: str
    ended: bool


def samples(
    model: Model, language: str, number: int, characters: int, seed: int
) -> Iterator[Sample]:
    """Yield `number` texts of at most `characters` symbols, batch after batch.

    The same seed gives the same texts.
    """
    predictor = Predictor(model, NetworkAlone())
    state = model.read(symbols.header(language), model.start())
    random = np.random.default_rng(seed)
    for first in range(0, number, BATCH):
        rows = min(BATCH, number - first)
        one = predictor.start(state, b"")
        yield from _batch(predictor, Hypotheses.gather([(one, 0)] * rows), characters, random)


def _batch(
    predictor: Predictor, hypotheses: Hypotheses, length: int, random: np.random.Generator
) -> list[Sample]:
    texts = [bytearray() for _ in range(len(hypotheses))]
    ended = [False] * len(texts)
    writing = np.arange(len(texts))  # whose text each row is
    for _ in range(length):
        drawn = draw_rows(hypotheses.log_probs, TEMPERATURE, TOP_P, random)
        going = np.flatnonzero(drawn != symbols.END)
        for finished in writing[drawn == symbols.END].tolist():
            ended[finished] = True
        writing, drawn = writing[going], drawn[going]
        for row, symbol in zip(writing.tolist(), drawn.tolist(), strict=True):
            texts[row].append(symbol)
        if not len(writing):
            break
        hypotheses = predictor.advance(hypotheses, going, drawn)
    pairs = zip(texts, ended, strict=True)
    return [Sample(text.decode(errors="ignore"), end) for text, end in pairs]


def draw_rows(
    log_probs: npt.NDArray[np.float32],
    temperature: float,
    top_p: float,
    random: np.random.Generator,
) -> npt.NDArray[np.int64]:
    """Draw one symbol from each row of (B, 256), as `generate.draw` does from one."""
    shifted = log_probs.astype(np.float64) - log_probs.max(axis=1, keepdims=True)
    probabilities = np.exp(shifted / temperature)
    order = np.argsort(-probabilities, axis=1, kind="stable")
    cumulative = np.take_along_axis(probabilities, order, axis=1).cumsum(axis=1)
    cumulative /= cumulative[:, -1:]
    last = (cumulative < top_p).sum(axis=1, keepdims=True)  # the symbol that reaches top_p is in
    edge = np.take_along_axis(cumulative, last, axis=1)
    place = (cumulative <= random.random((len(order), 1)) * edge).sum(axis=1, keepdims=True)
    return np.take_along_axis(order, place, axis=1)[:, 0]


def real(file: Path, number: int, characters: int, seed: int) -> Iterator[Sample]:
    """Yield documents of a packed corpus, a seeded choice, cut to `characters` symbols."""
    corpus = Corpus([file])
    for index in np.random.default_rng(seed).permutation(len(corpus))[:number]:
        text = corpus[int(index)].text
        cut = text[:characters].decode(errors="ignore")
        yield Sample(cut, len(text) <= characters)


def shares(counts: Counts) -> dict[str, dict[str, float | int | None]]:
    """Return counts as shares, 0-1, each with how many it is a share of."""
    return {
        name: {"share": round(kept / of, 4) if of else None, "of": of}
        for name, (kept, of) in counts.items()
    }


def main() -> None:
    """Measure, print and keep."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("models", nargs="+", metavar="MODEL:LANGUAGE")
    parser.add_argument("--samples", type=int, default=200)
    parser.add_argument("--characters", type=int, default=3000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--real", nargs="*", type=Path, default=[], metavar="LANGUAGE.*.symbols")
    parser.add_argument("--show", action="store_true", help="print the first sample, no measure")
    parser.add_argument("--keep", action="store_true", help="write bench/results/samples.json")
    parser.add_argument("--note", default="", help="what else the machine was doing")
    given = parser.parse_args()
    drawing = (given.samples, given.characters, given.seed)
    result: dict[str, Any] = {
        "samples": given.samples,
        "characters": given.characters,
        "temperature": TEMPERATURE,
        "top_p": TOP_P,
        "seed": given.seed,
        "measures": {},
    }
    for each in given.models:
        name, _, language = each.rpartition(":")
        model = Model.load(find_model(name))
        if given.show:
            print(next(samples(model, language, 1, *drawing[1:])).text)
            return
        drawn = tqdm(samples(model, language, *drawing), each, given.samples, disable=None)
        result["measures"][f"{model.name}, {language}"] = _measured(drawn, language)
    for file in given.real:
        language = file.name.split(".")[0]
        label = f"real files, {file.parent.name}, {language}"
        result["measures"][label] = _measured(real(file, *drawing), language)
    for name, table in result["measures"].items():
        print(f"\n{name}")
        for rule, row in table.items():
            share = "     -" if row["share"] is None else f"{row['share']:6.1%}"
            print(f"  {rule:46}{share} of {row['of']}")
    if given.keep:
        keep("samples", result, given.note)


def _measured(found: Iterable[Sample], language: str) -> dict[str, dict[str, float | int | None]]:
    return shares(added(measure(each.text, language, each.ended) for each in found))


if __name__ == "__main__":
    main()
