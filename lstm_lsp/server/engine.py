"""The model at work: all that runs on the inference thread.

Imported there, by the first job, since numpy and ONNX Runtime take longer to import than
`initialize` may take to answer. Takes snapshots of documents, gives candidates; knows
nothing of the protocol.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Collection, Generator, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

from lstm_lsp import surprise, suspicion, symbols
from lstm_lsp.completer import Completer, Place
from lstm_lsp.context import Contexts
from lstm_lsp.generate import TEMPERATURE, generate
from lstm_lsp.memory import Parameters, ProjectMemory
from lstm_lsp.network import Cancelled, Model, find_model
from lstm_lsp.predictor import Predictor
from lstm_lsp.ranking import MINIMUM, Judgement, Presentation
from lstm_lsp.search import KINDS, Candidate, Kind
from lstm_lsp.server.open_texts import OpenTexts
from lstm_lsp.server.settings import Settings
from lstm_lsp.server.snapshot import Snapshot, Spot
from lstm_lsp.situation import WINDOW

_STRETCH = 256  # symbols whose surprise is computed between two looks at the flag


class Hint(NamedTuple):
    """A likelier edit: what lies between `start` and `end` becomes `instead`.

    Places are (line, character) from 0. What is marked ends at `marked`, a character further
    on where something is only put in. `message` says it in a sentence.
    """

    start: tuple[int, int]
    end: tuple[int, int]
    marked: tuple[int, int]
    message: str
    instead: str

    @classmethod
    def of(cls, text: str, suspect: suspicion.Suspect) -> Hint:
        """Return the hint of a suspect in `text`."""
        marked = max(suspect.end, min(suspect.start + 1, len(text)))
        at = (surprise.line_and_column(text, at) for at in (suspect.start, suspect.end, marked))
        start, end, stop = ((line - 1, column - 1) for line, column in at)
        return cls(start, end, stop, suspicion.message(text, suspect), suspect.instead)


class Engine:
    """One loaded model with its contexts and the project memory."""

    def __init__(self, model: Model, memory_megabytes: int, excluded: Sequence[str] = ()) -> None:
        """`memory_megabytes` 0 means no project memory; it reads no file that is `excluded`."""
        self.model = model
        self.contexts = Contexts(model)
        self.completer = Completer(model, self.contexts)
        self.memory: ProjectMemory | None = None
        if memory_megabytes:
            parameters = Parameters.of_card(model.card)
            self.memory = ProjectMemory(parameters, memory_megabytes << 20)
        self.texts = OpenTexts(self.memory, self.contexts.forget, excluded)

    @classmethod
    def load(cls, explicit: str | None, project: Path | None, settings: Settings) -> Engine:
        """Load the first model found in the order of `find_model`. Raises ModelError."""
        path = find_model(explicit or settings.model or None, project)
        megabytes = settings.memory_megabytes if settings.memory_enabled else 0
        model = Model.load(path, threads=settings.threads)
        return cls(model, megabytes, settings.memory_exclude)

    def batches(
        self,
        spot: Spot,
        opened: Collection[Snapshot],
        kinds: Collection[str],
        settings: Settings,
        cancelled: Callable[[], bool],
        *,
        on_demand: bool = False,
    ) -> Iterator[list[Candidate]]:
        """Yield the candidates of each kind as they are found; raises Cancelled.

        Less probable ones too with `on_demand`: when the user has asked by hand.
        """
        shown = _presentation(settings)
        return self.completer.batches(
            self._place(spot),
            self.texts.mixer(spot, opened),
            _kinds(kinds),
            settings=shown.on_demand() if on_demand else shown,
            cancelled=cancelled,
        )

    def explain(
        self,
        spot: Spot,
        opened: Collection[Snapshot],
        kinds: Collection[str],
        settings: Settings,
        cancelled: Callable[[], bool],
    ) -> list[Judgement]:
        """Return what was found at `spot` and why each is shown or not; raises Cancelled."""
        return self.completer.explain(
            self._place(spot),
            self.texts.mixer(spot, opened),
            _kinds(kinds),
            settings=_presentation(settings),
            cancelled=cancelled,
        )

    def generate(
        self,
        spot: Spot,
        opened: Collection[Snapshot],
        *,
        characters: int,
        temperature: float | None,
        seed: int,
        cancelled: Callable[[], bool],
    ) -> Iterator[str]:
        """Yield characters as they are drawn, until the document ends; raises Cancelled."""
        before = spot.before
        state = self.contexts.state(spot.snapshot.header, before, cancelled)
        predictor = Predictor(self.model, self.texts.mixer(spot, opened), cancelled)
        return generate(
            predictor,
            predictor.start(state, before),
            max_characters=characters,
            temperature=TEMPERATURE if temperature is None else temperature,
            seed=seed,
            stop=True,
            cancelled=cancelled,
        )

    def read(self, spot: Spot, cancelled: Callable[[], bool]) -> bool:
        """Read the text up to `spot`; return whether it came to the end."""
        with contextlib.suppress(Cancelled):
            self.contexts.state(spot.snapshot.header, spot.before, cancelled)
            return True
        return False

    def read_ahead(self, spot: Spot, cancelled: Callable[[], bool]) -> bool:
        """Read for typing on at `spot`; return whether it came to the end."""
        with contextlib.suppress(Cancelled):
            self.contexts.warm(spot.snapshot.header, spot.before, cancelled)
            return True
        return False

    def surprise(
        self, snapshot: Snapshot, start: int, end: int, cancelled: Callable[[], bool]
    ) -> list[float]:
        """Return the bits of each character of the text from `start` to `end`.

        Of the network alone. Of a line end of two characters the first costs nothing.
        """
        document = snapshot.document
        first, last = document.symbol_offset(start), document.symbol_offset(end)
        bits = np.zeros(last - first)
        at = first
        while at < last:
            if cancelled():
                raise Cancelled
            stop = min(at + _STRETCH, last)
            state = self.contexts.state(snapshot.header, document.symbols[:at], cancelled)
            read = document.symbols[at:stop]
            after, _ = self.model.predictions(read, state)
            log_probs = np.concatenate((state.log_probs, after[:-1]))
            drawn = np.frombuffer(read, np.uint8)
            bits[at - first : stop - first] = -log_probs[np.arange(len(read)), drawn] / np.log(2)
            at = stop
        return _by_character(document.text[start:end], bits)

    def hints(
        self,
        snapshot: Snapshot,
        opened: Collection[Snapshot],
        interrupted: Callable[[], bool],
    ) -> Generator[None, None, list[Hint]]:
        """Return where a single edit would be clearly likelier, in short steps."""
        yield from self.texts.follow(opened, snapshot)
        text = symbols.normalise(snapshot.document.text)
        view = partial(self.memory.view, snapshot.key) if self.memory is not None else None
        language = snapshot.language or ""
        reading = yield from surprise.slices(self.model, snapshot.header, text, language, view)
        found = yield from suspicion.slices(reading, interrupted)
        return [Hint.of(text, suspect) for suspect in found]

    def _place(self, spot: Spot) -> Place:
        snapshot = spot.snapshot
        start = spot.offset + spot.replaced
        after = snapshot.document.text[start : start + WINDOW]
        return Place(
            snapshot.header, spot.before, symbols.normalise(after), snapshot.language or ""
        )


def _kinds(kinds: Collection[str]) -> list[Kind]:
    return [kind for kind in KINDS if kind in kinds]


def _presentation(settings: Settings) -> Presentation:
    minimum: dict[Kind, float] = dict(MINIMUM)
    for kind in KINDS:
        if settings.minimum_probability and kind in settings.minimum_probability:
            minimum[kind] = settings.minimum_probability[kind]
    return Presentation(minimum, settings.in_comments, settings.in_strings)


def _by_character(text: str, bits: np.ndarray[tuple[int], np.dtype[np.float64]]) -> list[float]:
    """Return the bits of each character of `text`, whose symbols have `bits`."""
    lengths = np.array(
        [
            0 if pair == "\r\n" else len(symbols.encode(pair[0]))
            for pair in (text[index : index + 2] for index in range(len(text)))
        ],
        dtype=np.int64,
    )
    sums = np.concatenate((np.zeros(1), np.cumsum(bits)))
    ends = np.cumsum(lengths)
    return [round(float(value), 3) for value in sums[ends] - sums[ends - lengths]]
