r"""The experiments that ship: networks small enough to look at whole, trained beforehand.

One file each, `experiments/NAME.safetensors`, written by `lstm_lsp.training.experiments.ship`.
Its tensors have torch's names (`weight_ih_l0`, ...) in float32 and speak of the task's
alphabet alone: the input is one-hot, so that `weight_ih_l0` is (G H, A) for A symbols (the
embedding is multiplied in), and `output.weight` (A, H), `output.bias` (A,). Its metadata
hold, under "lstm_lsp", JSON with the fields of `Example` and the sizes. `examples` gives
the weights back in the recorder's form, over all 256 symbols; a symbol outside the alphabet
is read as nothing and never predicted.

Reading needs neither torch nor safetensors: a file is eight bytes of length, a JSON header,
then the tensors (the format's own description, version 0.8), and that is read here.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from lstm_lsp import symbols
from lstm_lsp.card import Architecture
from lstm_lsp.explore.recorder import Trace, record
from lstm_lsp.explore.weights import Weights, WeightsError, from_arrays

END: Final = b"\n"
"""Begins and ends every string: a network of an experiment reads it first, from nothing."""

METADATA: Final = "lstm_lsp"
FORMAT: Final = 1

_PLAIN: Final = ("experiment", "cell", "seed", "steps", "dropout", "activity", "about", "alphabet")
"""Fields of `Example` that its file holds as they are."""

_NEVER: Final = -50.0
"""The output bias of a symbol outside the alphabet: natural log of its odds."""


@dataclass(frozen=True)
class Highlight:
    """A unit worth looking at first; layer and unit from 0."""

    layer: int
    unit: int
    says: str


@dataclass(frozen=True)
class Example:
    """One trained experiment.

    `name`, unique, EXPERIMENT-CELL; `cell`, as the command line names it
    (`weights.architecture.cell` is the arithmetic: that of "no-input-gate" is "lstm"); `seed`,
    `steps`, `dropout` and `activity`, how it was trained; `about`, the language in a sentence;
    `strings`, some of it, each to be read from nothing.
    """

    name: str
    experiment: str
    cell: str
    seed: int
    steps: int
    dropout: float
    activity: float
    about: str
    alphabet: str
    strings: tuple[str, ...]
    highlights: tuple[Highlight, ...]
    weights: Weights

    @property
    def text(self) -> str:
        """All strings, a line each."""
        return "\n".join(self.strings) + "\n"

    def traces(self) -> list[Trace]:
        """Return what happens in the network at each of `strings`; row 0 is `END`'s."""
        return [record(self.weights, END + string.encode()) for string in self.strings]


@cache
def examples() -> tuple[Example, ...]:
    """Return every experiment that ships, in order of name."""
    folder = resources.files("lstm_lsp.explore").joinpath("experiments")
    files = sorted(
        (file for file in folder.iterdir() if file.name.endswith(".safetensors")),
        key=lambda file: file.name,
    )
    return tuple(parse(file.name.removesuffix(".safetensors"), file.read_bytes()) for file in files)


def parse(name: str, content: bytes) -> Example:
    """Return the example in a file's `content`. Raises WeightsError when it is none."""
    try:
        header, tensors = _tensors(content)
        facts = json.loads(header[METADATA])
        if facts["format"] != FORMAT:
            raise ValueError(f"format {facts['format']}")
        return Example(
            name=name,
            **{field: facts[field] for field in _PLAIN},
            strings=tuple(facts["strings"]),
            highlights=tuple(Highlight(*one) for one in facts["highlights"]),
            weights=_whole(facts, tensors),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise WeightsError(f"{name} is no experiment of lstm-lsp: {error!r}") from None


def _tensors(content: bytes) -> tuple[dict[str, Any], dict[str, npt.NDArray[np.float32]]]:
    """Return the metadata and the float32 tensors of a safetensors file."""
    size = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + size])
    if not isinstance(header, dict):
        raise ValueError("no header")
    metadata = header.pop("__metadata__")
    data = content[8 + size :]
    tensors = {}
    for name, one in header.items():
        if one["dtype"] != "F32":
            raise ValueError(f"{name} is {one['dtype']}")
        begin, end = one["data_offsets"]
        tensors[name] = np.frombuffer(data[begin:end], "<f4").reshape(one["shape"])
    return metadata, tensors


def _whole(facts: dict[str, Any], tensors: dict[str, npt.NDArray[np.float32]]) -> Weights:
    """Return the weights over all symbols, from those over the alphabet."""
    alphabet = np.frombuffer(facts["alphabet"].encode("ascii"), np.uint8)
    units, size = facts["units"], symbols.VOCABULARY
    embedding = np.zeros((size, len(alphabet)), np.float32)
    embedding[alphabet] = np.eye(len(alphabet), dtype=np.float32)
    output, bias = np.zeros((size, units), np.float32), np.full(size, _NEVER, np.float32)
    output[alphabet], bias[alphabet] = tensors["output.weight"], tensors["output.bias"]
    architecture = Architecture(facts["layers"], units, len(alphabet), facts["arithmetic"])
    whole = {"embedding.weight": embedding, "output.weight": output, "output.bias": bias}
    return from_arrays(architecture, {**tensors, **whole})
