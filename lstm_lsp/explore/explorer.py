"""The networks the explorer looks into, and the texts they read, in the order asked for.

Knows nothing of HTTP. Threads may share an `Explorer`; it reads each text in a thread of its
own, so that a short one need not wait for a long one, and keeps the last few.
"""

from __future__ import annotations

import math
import sys
import threading
from collections import OrderedDict
from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import Any, Final

from lstm_lsp.explore import gallery
from lstm_lsp.explore.reading import AskError, Reading, Subject, check_unit
from lstm_lsp.explore.recorder import QUANTITIES, Held
from lstm_lsp.explore.recording import Recording
from lstm_lsp.explore.weights import Weights, WeightsError
from lstm_lsp.explore.weights import read as read_weights
from lstm_lsp.network import find_model

LONGEST_TEXT: Final = 400_000
"""Characters; a network of many units may take fewer (`recording.MOST_VALUES`)."""

KEPT: Final = 48
KEPT_BYTES: Final = 2**30
"""Readings kept, and what they may hold together; the one asked for longest ago goes first."""

LANGUAGES: Final = ("java", "python", "text")


def model_subject(name: str, weights: Weights) -> Subject:
    """Return the subject of a model that reads code, with the samples of the package."""
    folder = resources.files("lstm_lsp.explore") / "samples"
    samples = tuple(
        (name, language, (folder / f"{name}.txt").read_text("utf-8"))
        for name, language in (("Ledger.java", "java"), ("ledger.py", "python"))
    )
    a = weights.architecture
    about = f"{a.layers} layers of {a.units} units, reads code one UTF-8 byte at a time"
    return Subject("model", name, about, weights, samples, cell=a.cell)


def experiment_subjects() -> list[Subject]:
    """Return the subjects of the experiments that ship."""
    return [
        Subject(
            one.name,
            f"{one.experiment}, {one.cell}",
            one.about,
            one.weights,
            ((one.experiment, "text", one.text),),
            one.experiment,
            one.cell,
            tuple((h.layer, h.unit, h.says) for h in one.highlights),
        )
        for one in gallery.examples()
    ]


def open_explorer(model: str | None, folder: Path) -> Explorer:
    """Return an explorer of a model file and the experiments.

    The model is found as for every command (`network.find_model`). Raises ModelError or
    WeightsError when it cannot be looked into; without `model` that is said on stderr, and the
    experiments, which need nothing but numpy, are shown alone.
    """
    path = find_model(model, folder)
    try:
        models = [model_subject(path.stem, read_weights(path))]
    except WeightsError as error:
        if model is not None:
            raise
        print(f"lstm-lsp: the experiments alone: {error}", file=sys.stderr)
        models = []
    return Explorer([*models, *experiment_subjects()])


class Explorer:
    """Networks and the recordings made of them. `close` ends what is being recorded."""

    def __init__(self, subjects: Sequence[Subject]) -> None:
        self.subjects = {subject.id: subject for subject in subjects}
        self._readings: OrderedDict[str, Reading] = OrderedDict()
        self._lock = threading.Lock()
        self._made = 0
        self._closed = False

    def close(self) -> None:
        """Stop reading; recordings stay as they are."""
        self._closed = True

    def meta(self) -> dict[str, Any]:
        """Return what there is to look into."""
        return {
            "subjects": [
                {
                    "id": one.id,
                    "title": one.title,
                    "about": one.about,
                    "experiment": one.experiment,
                    "cell": one.cell,
                    "layers": one.weights.architecture.layers,
                    "units": one.weights.architecture.units,
                    "quantities": QUANTITIES[one.weights.architecture.cell],
                    "highlights": one.highlights,
                    "samples": [
                        {"name": name, "language": language, "text": text}
                        for name, language, text in one.samples
                    ],
                }
                for one in self.subjects.values()
            ],
        }

    def read(
        self,
        subject: str,
        text: str,
        language: str,
        held: Sequence[Held] = (),
        *,
        wait: bool = False,
    ) -> str:
        """Begin to read a text and return the recording's id; `wait` until it is read."""
        of = self.subject(subject)
        if len(text) > LONGEST_TEXT:
            raise AskError(f"the text is too long: at most {LONGEST_TEXT:,} characters are read")
        if language not in LANGUAGES:
            raise AskError(f"{language} is not java, python or text")
        for one in held:
            known = QUANTITIES[of.weights.architecture.cell]
            if one.quantity not in ("cell", "hidden") or one.quantity not in known:
                raise AskError(f"the {one.quantity} of this network cannot be held")
            if not math.isfinite(one.value):
                raise AskError("a unit can be held at a finite value only")
            check_unit(of, one.layer, one.unit)
        try:
            recording = Recording(of.weights, of.pieces(text, language), held)
        except ValueError as error:
            raise AskError(str(error)) from None
        if not recording.text:
            raise AskError("there is no text to read")
        reading = Reading(of, recording, language)
        with self._lock:
            self._made += 1
            name = str(self._made)
            self._readings[name] = reading
            while len(self._readings) > KEPT or (
                len(self._readings) > 1
                and sum(one.recording.nbytes for one in self._readings.values()) > KEPT_BYTES
            ):
                self._readings.popitem(last=False)[1].dropped = True

        def stopped() -> bool:
            return reading.dropped or self._closed

        if wait:
            recording.read(stopped)
        else:
            threading.Thread(target=recording.read, args=(stopped,), daemon=True).start()
        return name

    def reading(self, name: str) -> Reading:
        """Return a reading by its id; raises AskError when it is gone."""
        with self._lock:
            if name not in self._readings:
                raise AskError("this reading is gone; read the text again")
            self._readings.move_to_end(name)
            return self._readings[name]

    def subject(self, name: str) -> Subject:
        """Return a subject by its id; raises AskError when there is none."""
        if name not in self.subjects:
            raise AskError(f"there is no network {name}")
        return self.subjects[name]
