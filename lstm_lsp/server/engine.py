"""The model at work: all that runs on the inference thread.

Imported there, by the first job, since numpy and ONNX Runtime take longer to import than
`initialize` may take to answer. Takes snapshots of documents, gives candidates; knows
nothing of the protocol.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Collection, Generator, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

from lstm_lsp import project, surprise, suspicion, symbols
from lstm_lsp.completer import Completer, Place
from lstm_lsp.context import Contexts
from lstm_lsp.generate import TEMPERATURE, generate
from lstm_lsp.memory import Mixer, NetworkAlone, Parameters, ProjectMemory, default_parameters
from lstm_lsp.network import Cancelled, Model, find_model
from lstm_lsp.predictor import Predictor
from lstm_lsp.project import Progress
from lstm_lsp.ranking import MINIMUM, Judgement, Presentation
from lstm_lsp.search import KINDS, Candidate, Kind
from lstm_lsp.server.settings import Settings
from lstm_lsp.server.snapshot import Snapshot, Spot
from lstm_lsp.situation import WINDOW

_STEP = 8 << 10  # symbols that the project memory counts before anything urgent may go first
_ALL = sys.maxsize  # so many at once: a third faster than in steps
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
            kept = model.card.get("memory")
            parameters = Parameters.from_json(kept) if kept else default_parameters()
            self.memory = ProjectMemory(parameters, memory_megabytes << 20)
        self._excluded = excluded
        self._held: dict[str, Snapshot] = {}  # open documents as the memory has them, by key
        self._halves: set[str] = set()  # keys of those of which it has a part

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
            self._mixer(spot, opened),
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
            self._mixer(spot, opened),
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
        predictor = Predictor(self.model, self._mixer(spot, opened), cancelled)
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
        yield from self.follow(opened, snapshot)
        text = symbols.normalise(snapshot.document.text)
        view = partial(self.memory.view, snapshot.key) if self.memory is not None else None
        language = snapshot.language or ""
        reading = yield from surprise.slices(self.model, snapshot.header, text, language, view)
        found = yield from suspicion.slices(reading, interrupted)
        return [Hint.of(text, suspect) for suspect in found]

    def index(self, folder: Path, near: Path | None) -> Iterator[Progress]:
        """Read the files of `folder` into the project memory, in short steps."""
        if self.memory is not None:
            for progress in project.index(self.memory, folder, near=near, excluded=self._excluded):
                for snapshot in self._held.values():  # what is open goes before what is on disk
                    self.memory.set_file(snapshot.key, _memorable(snapshot))
                yield progress

    def read_file(self, folder: Path, file: Path) -> None:
        """Let what `file` in `folder` now holds on disk stand for it, unless it is open."""
        key = project.header_path(folder, file)
        if self.memory is not None and key not in self._held:
            self.memory.set_file(key, self._on_disk(folder, file))

    def follow(
        self,
        snapshots: Collection[Snapshot],
        current: Snapshot | None = None,
        *,
        step: int = _STEP,
    ) -> Iterator[None]:
        """Make the project memory's open texts those of `snapshots`, all that are open.

        That of `current` is left as it is: no view of a file reads its own text there. A
        document that is closed gives its memory back, and its file's text is there again.

        It goes by `step` symbols at a time. Between two steps something more urgent may go
        first, and the memory may have a part of one document. No answer sees that: whoever
        answers takes all steps that are left before it asks the memory, and what is less
        urgent waits for its end. So an answer never depends on how far others had come; what
        they did need not be done again, and they go on where that ended.
        """
        if current is not None and current.key in self._held:
            # Perhaps closed and opened again before the memory was done with the closing: that
            # ends here, or it would forget the states that are now read for `current`.
            self._held[current.key] = current
            self._halves.add(current.key)
        for snapshot in snapshots:
            while snapshot is not current and not self._holds(snapshot):
                self._held[snapshot.key] = snapshot
                if not self._step(snapshot.key, _memorable(snapshot), step):
                    yield
        for key in self._held.keys() - {snapshot.key for snapshot in snapshots}:
            if (closed := self._held.get(key)) is None:  # an answer has done it meanwhile
                continue
            on_disk = self._of_closed(closed)
            while self._held.get(key) is closed:
                if not self._step(key, on_disk, step):
                    yield
                    continue
                del self._held[key]
                self.contexts.forget(closed.header)
                if closed.folder is not None and closed.file is not None:
                    self.read_file(closed.folder, closed.file)  # as it is by now

    def _holds(self, snapshot: Snapshot) -> bool:
        held = self._held.get(snapshot.key)
        whole = snapshot.key not in self._halves
        return whole and held is not None and held.document.symbols is snapshot.document.symbols

    def _step(self, key: str, text: bytes | None, most: int) -> bool:
        """Bring the memory's text of a document nearer to `text`; return whether it is there."""
        there = self.memory is None or self.memory.step_file(key, text, most)
        (self._halves.discard if there else self._halves.add)(key)
        return there

    def _of_closed(self, snapshot: Snapshot) -> bytes | None:
        if self.memory is None or snapshot.folder is None or snapshot.file is None:
            return None
        return self._on_disk(snapshot.folder, snapshot.file)

    def _on_disk(self, folder: Path, file: Path) -> bytes | None:
        """Return what the project memory knows of a file that is not open."""
        known = project.is_source(folder, file, self._excluded)
        return project.read_symbols(file) if known else None

    @property
    def memory_bytes(self) -> int:
        """Bytes that the project memory holds."""
        return self.memory.memory_bytes if self.memory is not None else 0

    def _place(self, spot: Spot) -> Place:
        snapshot = spot.snapshot
        start = spot.offset + spot.replaced
        after = snapshot.document.text[start : start + WINDOW]
        return Place(
            snapshot.header, spot.before, symbols.normalise(after), snapshot.language or ""
        )

    def _mixer(self, spot: Spot, opened: Collection[Snapshot]) -> Mixer:
        for _ in self.follow(opened, spot.snapshot, step=_ALL):
            pass  # all of it, cancelled or not: a preview that goes on must not see half
        if self.memory is None:
            return NetworkAlone()
        document = spot.snapshot.document
        line = document.symbol_offset(document.line_start(spot.offset))
        return self.memory.view(spot.snapshot.key, document.symbols[:line])


def _memorable(snapshot: Snapshot) -> bytes | None:
    """Return an open document's text as other files may know it: not when it is too large."""
    text = snapshot.document.symbols
    return text if len(text) <= project.MOST_FILE_BYTES else None


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
