"""Writes the experiments that ship with the explorer, from the seeds recorded here.

`python -m lstm_lsp.training.experiments.ship [NAME...]` trains them (about a minute each) and
writes `lstm_lsp/explore/experiments/`; `lstm_lsp.explore.gallery` tells the format and reads
it. The seeds were found with `seeds`; docs/experiments.md tells what each was chosen for.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import numpy as np
from safetensors.numpy import save

from lstm_lsp.explore import gallery
from lstm_lsp.explore.weights import Weights

from . import EXPERIMENTS, train

_LANGUAGES = {
    "counter": (
        "N times a, then X, then N times b; learned for N from 1 to 10",
        ("aaaXbbb", "aaaaaXbbbbb", "aaaaaaaaXbbbbbbbb", "aaaaaaaaaaXbbbbbbbbbb"),
    ),
    "selective-counter": (
        "N times a with X strewn in, then Y, then N times b: the X's do not count",
        ("aaXaYbbb", "aXaaaXXaYbbbbb", "XaaXaaaaXaaYbbbbbbbb", "aaYbb"),
    ),
    "state": (
        "A or B, 1 to 10 times x, then Y, then a for A and b for B",
        ("AxxxxYa", "BxxxxYb", "AxxxxxxxxxYa", "BxxxxxxxxxYb", "AxYa", "BxYb"),
    ),
    "copy": (
        "three letters of a, b and c, then X, then the same three again",
        ("abcXabc", "cbaXcba", "bcaXbca", "aabXaab", "cccXccc", "bacXbac"),
    ),
}


@dataclass(frozen=True)
class Chosen:
    """One network that ships: how to train it again, and the units to look at first."""

    experiment: str
    cell: str
    seed: int
    steps: int | None = None
    """None: the experiment's own."""
    highlights: tuple[gallery.Highlight, ...] = ()
    dropout: float = 0.0

    @property
    def name(self) -> str:
        """The name of its file."""
        return f"{self.experiment}-{self.cell}"


def _unit(number: int, says: str, layer: int = 1) -> tuple[gallery.Highlight, ...]:
    """Return a highlight; unit and layer from 1, as reports count them."""
    return (gallery.Highlight(layer - 1, number - 1, says),)


SHIPPED = (
    Chosen("counter", "lstm", 0, None, _unit(4, "counts the a's up and the b's down")),
    Chosen("counter", "gru", 0),
    Chosen("counter", "peephole", 0, None, _unit(4, "counts the a's up and the b's down")),
    Chosen("counter", "rnn", 0),
    Chosen(
        "selective-counter",
        "lstm",
        2,
        6000,
        _unit(8, "counts the a's past the X's, its input gate shut, then the b's down"),
        dropout=0.5,
    ),
    Chosen("selective-counter", "gru", 0),
    Chosen("selective-counter", "rnn", 0),
    Chosen("selective-counter", "no-input-gate", 0),
    Chosen("state", "lstm", 3, None, _unit(19, "holds whether it was A or B")),
    Chosen("state", "gru", 0, None, _unit(20, "holds whether it was A or B")),
    Chosen("state", "rnn", 0, None, _unit(1, "holds whether it was A or B")),
    Chosen(
        "copy",
        "lstm",
        4,
        None,
        (
            *_unit(12, "says that c is next, silent until X", 2),
            *_unit(20, "says that b is next, silent until X", 2),
            *_unit(4, "says that a is next, silent until X", 2),
        ),
    ),
    Chosen("copy", "gru", 0),
    Chosen("copy", "rnn", 0),
)


def pack(chosen: Chosen, weights: Weights) -> bytes:
    """Return the file of a trained experiment: float32, over its alphabet alone."""
    about, strings = _LANGUAGES[chosen.experiment]
    experiment = EXPERIMENTS[chosen.experiment]
    alphabet = sorted(set("".join(strings).encode() + gallery.END))
    architecture = weights.architecture
    tensors = {
        "output.weight": weights.output[alphabet],
        "output.bias": weights.output_bias[alphabet],
    }
    for n, layer in enumerate(weights.layers):
        read = layer.input if n else layer.input @ weights.embedding[alphabet].T
        tensors[f"weight_ih_l{n}"] = read
        tensors[f"weight_hh_l{n}"] = layer.recurrent
        tensors[f"bias_ih_l{n}"] = layer.input_bias
        tensors[f"bias_hh_l{n}"] = layer.recurrent_bias
        if layer.peephole is not None:
            tensors[f"peephole_l{n}"] = layer.peephole
    facts = {
        "format": gallery.FORMAT,
        "experiment": chosen.experiment,
        "cell": chosen.cell,
        "arithmetic": architecture.cell,
        "layers": architecture.layers,
        "units": architecture.units,
        "alphabet": bytes(alphabet).decode("ascii"),
        "seed": chosen.seed,
        "steps": experiment.STEPS if chosen.steps is None else chosen.steps,
        "dropout": chosen.dropout,
        "activity": experiment.ACTIVITY,
        "about": about,
        "strings": strings,
        "highlights": [(h.layer, h.unit, h.says) for h in chosen.highlights],
    }
    arrays = {name: np.ascontiguousarray(value, np.float32) for name, value in tensors.items()}
    return save(arrays, {gallery.METADATA: json.dumps(facts)})


def main() -> None:
    """Train and write the files asked for, all of them by default."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0], allow_abbrev=False)
    names = [one.name for one in SHIPPED]
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(names))
    given = parser.parse_args()
    if unknown := set(given.names) - set(names):
        parser.error(f"there is no {', '.join(sorted(unknown))}; there are {', '.join(names)}")
    folder = Path(str(resources.files("lstm_lsp.explore") / "experiments"))
    for chosen in SHIPPED:
        if not given.names or chosen.name in given.names:
            weights = train(
                chosen.experiment,
                chosen.seed,
                chosen.cell,
                steps=chosen.steps,
                dropout=chosen.dropout,
            )
            file = folder / f"{chosen.name}.safetensors"
            file.write_bytes(pack(chosen, weights))
            print(f"{file.name}: {file.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
