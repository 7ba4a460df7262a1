"""What is asked about: a network, a text it read, and what is true of that text.

Raises `AskError`, one sentence for the user, where something is asked that is not there.
Layers, units and positions are counted from 0; the page shows layers and units from 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from lstm_lsp import symbols
from lstm_lsp.explore import gallery, scores
from lstm_lsp.explore.attributes import ATTRIBUTES, attributes
from lstm_lsp.explore.recording import Recording
from lstm_lsp.explore.toys import is_flag, toy_attributes
from lstm_lsp.explore.weights import Floats, Weights

Integers = npt.NDArray[np.int64]

SAMPLED: Final = 4096
"""Positions that a score over a long text looks at, evenly spaced."""


class AskError(Exception):
    """A question that cannot be answered; the message is one sentence for the user."""


@dataclass(frozen=True)
class Subject:
    """A network to look into, and the texts it comes with: (name, language, text)."""

    id: str
    title: str
    about: str
    weights: Weights
    samples: tuple[tuple[str, str, str], ...]
    experiment: str = ""
    """The article's, "" for a model that reads code."""
    cell: str = "lstm"
    highlights: tuple[tuple[int, int, str], ...] = ()

    def pieces(self, text: str, language: str) -> list[tuple[bytes, bytes]]:
        """Return headers and texts as they are read, each from nothing."""
        if self.experiment:
            lines = [line for line in text.splitlines() if line]
            return [(gallery.END, symbols.encode(line) + gallery.END) for line in lines]
        return [(symbols.header(language), symbols.encode(text))]


def check_unit(subject: Subject, layer: int, unit: int) -> None:
    """Raise AskError unless the network has this unit."""
    a = subject.weights.architecture
    if not (0 <= layer < a.layers and 0 <= unit < a.units):
        raise AskError(f"there is no unit {unit + 1} in layer {layer + 1} of {subject.title}")


class Reading:
    """A recording, what it is of, and what is true of its text."""

    def __init__(self, subject: Subject, recording: Recording, language: str) -> None:
        self.subject, self.recording, self.language = subject, recording, language
        self.dropped = False

    @cached_property
    def attributes(self) -> dict[str, tuple[Floats, bool]]:
        """Each attribute that says something of this text: its values, whether it is a flag."""
        text = self.recording.text.decode("utf-8", "replace")
        if self.subject.experiment:
            of = toy_attributes(self.subject.experiment, text)
            found = {name: (values, is_flag(values)) for name, values in of.items()}
        else:
            found = {
                name: (values, ATTRIBUTES[name].kind == "flag")
                for name, values in attributes(text, self.language).items()
            }
        varies = {}
        for name, (values, flag) in found.items():
            finite = values[np.isfinite(values)]
            if len(finite) and finite.min() < finite.max():
                varies[name] = (values, flag)
        return varies

    def progress(self) -> dict[str, Any]:
        """Return how much of the text is read, and what that cost."""
        recording = self.recording
        done = recording.done
        return {
            "done": done,
            "total": len(recording.text),
            "bits": round(float(recording.bits[:done].mean()), 4) if done else None,
            "reach": [round(float(layer.max()), 4) for layer in recording.reach],
        }

    def about(self) -> dict[str, Any]:
        """Return the text, a character of Latin-1 for each symbol, and its attributes."""
        return {
            "subject": self.subject.id,
            "language": self.language,
            "text": self.recording.text.decode("latin-1"),
            "attributes": [
                {
                    "name": name,
                    "measure": self.measure(name),
                    "meaning": ATTRIBUTES[name].meaning if name in ATTRIBUTES else name,
                }
                for name in self.attributes
            ],
            "held": [vars(one) for one in self.recording.held],
        }

    def unit(self, layer: int, unit: int) -> Floats:
        """Return every quantity of one unit over what is read so far: (quantities, T)."""
        self.check(layer, unit)
        found = self.recording.unit(layer, unit, 0, self.recording.done)
        return np.stack(list(found.values()))

    def tile(
        self, layer: int, quantity: str, units: Sequence[int], start: int, end: int
    ) -> tuple[Floats, npt.NDArray[np.int8]]:
        """Return one quantity of some units over text[start:end], in 127ths of its scale.

        The scale (units,) is 1 but for a cell state: the largest it was in this recording.
        Then int8 (units, symbols).
        """
        for unit in units:
            self.check(layer, unit, quantity)
        scale = np.ones(len(units), np.float32)
        if quantity == "cell":
            scale = np.maximum(self.recording.reach[layer][list(units)], 1e-6)
        at = np.arange(max(0, start), min(end, self.recording.done))
        values = self.recording.values(layer, quantity, at, list(units)).T
        return scale, np.clip(np.rint(values / scale[:, None] * 127), -127, 127).astype(np.int8)

    def measure(self, attribute: str) -> str:
        """Return how an attribute is scored: "AUC" for a flag, "r" for a number."""
        return "AUC" if self.is_flag(attribute) else "r"

    def is_flag(self, attribute: str) -> bool:
        """Whether an attribute is yes or no; raises AskError where the text has none such."""
        return self._values(attribute)[1]

    def check(self, layer: int, unit: int = 0, quantity: str = "hidden") -> None:
        """Raise AskError unless the network has this unit and this quantity."""
        check_unit(self.subject, layer, unit)
        if quantity not in self.recording.quantities:
            names = ", ".join(self.recording.quantities)
            raise AskError(f"there is no {quantity} in this network, only {names}")

    def check_position(self, position: int) -> None:
        """Raise AskError unless text[position] is recorded."""
        if not 0 <= position < self.recording.done:
            raise AskError("there is nothing recorded at this position")

    def _values(self, attribute: str) -> tuple[Floats, bool]:
        if attribute not in self.attributes:
            raise AskError(f"nothing in this text varies in {attribute or 'no attribute'}")
        return self.attributes[attribute]

    def sample(self) -> Integers:
        """Return positions evenly spaced over what is recorded, all if they are few."""
        if not self.recording.done:
            raise AskError("nothing is recorded yet")
        return _thinned(np.arange(self.recording.done))

    def halves(self, attribute: str) -> list[Integers]:
        """Return positions of two halves of the text where `attribute` means something.

        Strings two by two in turn, or eight lines by eight.
        """
        at = np.arange(self.recording.done)
        at = at[np.isfinite(self._values(attribute)[0][at])]
        if len(self.recording.pieces) > 1:
            odd = self.recording.piece[at] // 2 % 2 == 1
        else:
            lines = np.cumsum(np.frombuffer(self.recording.text, np.uint8) == ord("\n"))
            odd = lines[at] // 8 % 2 == 1
        return [_thinned(at[~odd]), _thinned(at[odd])]

    def score(self, values: Floats, at: Integers, attribute: str) -> scores.Doubles:
        """Return r or AUC of each column of `values`, taken at positions `at`."""
        known, flag = self._values(attribute)
        here = known[at]
        means = np.isfinite(here)
        here, values = here[means], values[means]
        if not len(here) or here.min() == here.max():
            raise AskError(f"{attribute} does not vary in this part of the text; read a longer one")
        return scores.auc(values, here > 0) if flag else scores.correlation(values, here)

    def strength(self, values: Floats, at: Integers, attribute: str) -> scores.Doubles:
        """Return |r|, or how far the AUC is from chance, both 0 to 1."""
        found = self.score(values, at, attribute)
        return np.abs(2 * found - 1) if self.is_flag(attribute) else np.abs(found)


def _thinned(
    at: Integers,
) -> Integers:
    """Return at most `SAMPLED` of the positions, evenly spaced."""
    if len(at) <= SAMPLED:
        return at
    return at[np.linspace(0, len(at) - 1, SAMPLED).astype(np.int64)]
