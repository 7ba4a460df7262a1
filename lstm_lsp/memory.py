"""The project memory: what the open project's own text says about the next symbol.

Counts of symbols after contexts of 3 to 48 symbols, over the project's files, over those of
the current file's folder and over the current file alone, mixed with the network's distribution
by one recursion (docs/project-memory.md). Answers are a function of the files' contents, the
text before the position and the parameters: never of the order in which files came, or of typing.

Works on symbols (bytes); knows nothing of the network, of folders (`project`) or of the
protocol. Safe to use from several threads.
"""

from __future__ import annotations

import importlib
import json
import logging
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from types import ModuleType
from typing import Any, Final, Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from lstm_lsp import memory_reference

kernel: ModuleType
try:
    kernel = importlib.import_module("lstm_lsp._memory")
except ImportError:
    kernel = memory_reference
compiled = kernel is not memory_reference

LogProbs = npt.NDArray[np.float32]
T = TypeVar("T")

TAIL: Final = memory_reference.LONGEST
"""Symbols before a position that a query may read."""

CURRENT_FILES: Final = 4
"""How many files' own counts are kept: a few, as a user goes back and forth."""

_logger = logging.getLogger(__name__)

# Counting holds the lock, and so a query back, for at most this many symbols (about 1 ms).
_SLICE: Final = 1 << 10 if compiled else 1 << 6
# Of a longer text, only its last part informs the file itself: at least this many symbols. Its
# start goes on in steps, so that a key that moves it costs no more than a step.
_WINDOW: Final = 1 << 17
_WINDOW_STEP: Final = 1 << 11
# Of the parameters: which contexts and buckets they are for. 1 had contexts of 2 to 32 symbols, 2
# fewer long ones, and the lines' of the current file alone, 3 no levels of the folder.
_FORMAT: Final = 4
_WITHOUT_FOLDER: Final = 3
_OLDER_FORMATS: Final = (1, 2)
# Of the other files of the current file's folder, at most so many symbols count for the folder.
_FOLDER: Final = 256 << 10
# For a folder fewer contexts are counted, so that a slice of the same time holds more symbols.
_FOLDER_SLICE: Final = 3 * _SLICE


@dataclass(frozen=True)
class Parameters:
    """What was fitted offline (`lstm_lsp.training.memory_fit`) and stays as it is.

    `interpolation`, shape (LEVELS, BUCKETS): the share, 0-1, that each level leaves to the
    levels below it, for each bucket of its counts (`memory_reference.bucket`).
    """

    interpolation: npt.NDArray[np.float64]

    def __post_init__(self) -> None:
        shape = (memory_reference.LEVELS, memory_reference.BUCKETS)
        if self.interpolation.shape != shape:
            raise ValueError(f"interpolation has shape {self.interpolation.shape}, not {shape}")
        if not (np.all(self.interpolation > 0) and np.all(self.interpolation <= 1)):
            raise ValueError("interpolation weights must be above 0 and at most 1")

    def to_json(self) -> dict[str, Any]:
        """Return what `from_json` reads."""
        return {"format": _FORMAT, "interpolation": np.round(self.interpolation, 5).tolist()}

    @classmethod
    def of_card(cls, card: Mapping[str, Any]) -> Parameters:
        """Return those of a model's card; the package's own where it has none.

        Raises ValueError when they are broken.
        """
        fitted = card.get("memory")
        return cls.from_json(fitted) if fitted else default_parameters()

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Parameters:
        """Read a model card's "memory": the package's own in place of an older format's.

        Raises ValueError when it is not one.
        """
        try:
            if value["format"] == _WITHOUT_FOLDER:
                return cls(_without_folder(np.asarray(value["interpolation"], np.float64)))
            if value["format"] in _OLDER_FORMATS:
                _tell_older()
                return default_parameters()
            if value["format"] != _FORMAT:
                raise ValueError(f"project memory parameters of format {value['format']}")
            return cls(np.asarray(value["interpolation"], np.float64))
        except (KeyError, TypeError) as error:
            raise ValueError(f"not project memory parameters: {error!r}") from None


@cache
def default_parameters() -> Parameters:
    """Return the parameters that ship with the package."""
    text = resources.files("lstm_lsp").joinpath("memory.json").read_text("utf-8")
    return Parameters.from_json(json.loads(text))


def _without_folder(older: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the table of the same answers: its folder levels leave all to the levels below."""
    contexts = len(memory_reference.CONTEXTS)
    if older.shape != (2 * contexts, memory_reference.BUCKETS):
        return older  # refused for its shape
    pairs = older.reshape(contexts, 2, -1)
    return np.insert(pairs, 1, 1.0, axis=1).reshape(3 * contexts, -1)


class Mixer(Protocol):
    """Turns the network's distributions into those that are used."""

    def mix(self, log_probs: LogProbs, tails: Sequence[bytes]) -> LogProbs:
        """Return natural-log distributions (B, 256) from the network's (B, 256).

        Each tail holds the last symbols before its position: at least `TAIL`, or all.
        """


class NetworkAlone:
    """The mixer that leaves the network's distributions as they are."""

    def mix(self, log_probs: LogProbs, tails: Sequence[bytes]) -> LogProbs:
        """Return `log_probs`."""
        return log_probs


class _CurrentFile:
    """The counts of one file that is being completed."""

    def __init__(self) -> None:
        self.own = kernel.Counts()  # what the project's counts hold of it
        self.counts = kernel.Counts()  # its text before the cursor's line
        self.before = b""
        self.folder = kernel.Counts(of_folder=True)  # its folder's other files
        self.beside: dict[str, bytes] = {}  # those, as `folder` counts them
        self.stale = True  # they may have changed since


class ProjectMemory:
    """The counts of a project's files."""

    def __init__(self, parameters: Parameters | None = None, max_bytes: int = 256 << 20) -> None:
        self.parameters = parameters or default_parameters()
        self.max_bytes = max_bytes
        # An eighth is left to the counts of current files.
        self._room = max_bytes - max_bytes // 8
        self._window = min(_WINDOW, max(1 << 11, max_bytes >> 11))
        self._folder = min(_FOLDER, max_bytes >> 10)
        self._weights = np.ascontiguousarray(self.parameters.interpolation, np.float64)
        self._folder_informs = bool((self._weights[1::3] < 1).any())
        self._counts = kernel.Counts()
        self._texts: dict[str, bytes] = {}
        self._folders: dict[str, set[str]] = {}  # the paths of `_texts` by their folder
        self._text_bytes = 0
        self._current: OrderedDict[str, _CurrentFile] = OrderedDict()
        self._writing = threading.Lock()
        self._turn = _Turn()
        if not compiled:
            _tell_slow()

    @property
    def files(self) -> Sequence[str]:
        """The paths whose text is held."""
        return tuple(self._texts)

    @property
    def memory_bytes(self) -> int:
        """Bytes held, all counts and texts together."""
        with self._turn:
            return self._held()

    def set_file(self, path: str, text: bytes | None) -> bool:
        """Add, replace or (None) remove one file's symbols; exact.

        Returns False, leaving the file out whole, when `max_bytes` has no room for it.
        """
        with self._writing:
            return self._set_file(path, text)

    def step_file(self, path: str, text: bytes | None, most: int) -> bool:
        """Bring one file's symbols nearer to `text`; return whether there is no more to do.

        A step counts at most about 2 * `most` symbols (`most` > 64). Between two steps `path`
        has a text of which a part is taken out or not yet put in, exactly counted.
        """
        with self._writing:
            nearer = _towards(self._texts.get(path) or b"", text or b"", most)
            if nearer is not None and self._set_file(path, nearer):
                return False
            self._set_file(path, text)
            return True

    def view(self, path: str, before: bytes) -> Mixer:
        """Return the mixer for a position in the file `path`.

        It knows the project without `path`'s own text there, plus `before`: the file's text
        up to the line of the position. Cheap when `before` differs little from the last one
        asked for with the same path. `path` may be one the project does not hold.
        """
        self._ask(path, before, lambda *_: None)
        return _View(self, path, before)

    def step_folder(self, path: str, most: int) -> bool:
        """Count some of the folder around `path`; return whether a view finds all of it counted.

        A step counts at most about 2 * `most` symbols (`most` > 64). A view counts what is left:
        this is for doing it while nobody waits.
        """
        with self._turn:
            known = self._current.get(path)
            file = self._at(path, known.before if known is not None else b"")
            return self._step_folder(path, file, most)

    def levels(self, path: str, before: bytes, tail: bytes) -> list[memory_reference.Level]:
        """Return what the memory knows after `tail`; see `memory_reference.levels`."""
        found: list[memory_reference.Level] = self._ask(
            path, before, lambda *counts: kernel.levels(*counts, tail)
        )
        return found

    def _mix(self, view: _View, log_probs: LogProbs, tails: Sequence[bytes]) -> LogProbs:
        out = np.empty(log_probs.shape, np.float32)
        read = np.ascontiguousarray(log_probs, np.float32)
        rest = (self._weights, read, list(tails), out)
        self._ask(view.path, view.before, lambda *counts: kernel.mix(*counts, *rest))
        return out

    def _ask(self, path: str, before: bytes, question: Callable[..., T]) -> T:
        """Return `question` of the counts there: the project's, own, the folder's, current.

        Others' questions come between while the folder is counted, slice by slice.
        """
        while True:
            with self._turn:
                file = self._at(path, before)
                if self._step_folder(path, file, _FOLDER_SLICE):
                    return question(self._counts, file.own, file.folder, file.counts)

    def _held(self) -> int:
        files = self._current.values()
        current: int = sum(file.own.size + file.folder.size + file.counts.size for file in files)
        return int(self._counts.size + current) + self._text_bytes

    def _at(self, path: str, before: bytes) -> _CurrentFile:
        """Return the counts of `path` with `before` as its text. The lock is held."""
        file = self._current.get(path)
        if file is not None and file.before is before:
            return file  # as a search asks, many times
        if file is None:
            while self._current and (
                len(self._current) == CURRENT_FILES or self._held() > self.max_bytes
            ):
                self._current.popitem(last=False)
            file = self._current[path] = _CurrentFile()
            own = self._texts.get(path, b"")
            file.own.add(own, 0, len(own))
        self._current.move_to_end(path)
        if file.before != before:
            gone, come = _moves(file.before, before, self._window)
            for start, stop in gone:
                file.counts.remove(file.before, start, stop)
            for start, stop in come:
                file.counts.add(before, start, stop)
        file.before = before
        return file

    def _step_folder(self, path: str, file: _CurrentFile, most: int) -> bool:
        """Bring `file.folder` nearer to what it must count; return whether it does.

        At most about 2 * `most` symbols, the lock is held.
        """
        if not file.stale:
            return True
        beside = self._beside(path)
        for other in sorted(file.beside.keys() | beside.keys()):
            old, new = file.beside.get(other, b""), beside.get(other)
            if new is old:
                continue
            nearer = _towards(old, new or b"", most)
            counted = nearer if nearer is not None else new
            start, old_stop, stop = _difference(old, counted or b"")
            file.folder.remove(old, start, old_stop)
            file.folder.add(counted or b"", start, stop)
            if counted is None:
                del file.beside[other]
            else:
                file.beside[other] = counted
            most -= old_stop - start + stop - start
            if nearer is not None or most <= memory_reference.LONGEST:
                return False
        file.stale = False
        return True

    def _beside(self, path: str) -> dict[str, bytes]:
        """Return the other files of `path`'s folder, in order of path while they fit.

        Which ones does not depend on the file's own text.
        """
        beside: dict[str, bytes] = {}
        room = self._folder if self._folder_informs else 0
        for other in sorted(self._folders.get(_folder(path), set()) - {path}):
            text = self._texts[other]
            if len(text) <= room:
                beside[other] = text
                room -= len(text)
        return beside

    def _keep(self, path: str, text: bytes | None) -> None:
        """Note that `path` is counted with `text`, or (None) not at all. The lock is held."""
        folder = _folder(path)
        if text is None:
            self._texts.pop(path, None)
            self._folders.get(folder, set()).discard(path)
        else:
            self._texts[path] = text
            self._folders.setdefault(folder, set()).add(path)
        for other, file in self._current.items():
            file.stale |= other != path and _folder(other) == folder

    def _set_file(self, path: str, text: bytes | None) -> bool:
        old = self._texts.get(path)
        if text == old:
            return True
        with self._turn:
            file = self._current.get(path)
        before, after = old or b"", text or b""
        start, old_stop, stop = _difference(before, after)
        self._remove(file, before, start, old_stop)
        fits = self._add(file, after, start, stop)
        if not fits:  # what both texts share still counts
            self._remove(file, before, 0, start)
            self._remove(file, before, old_stop, len(before))
            text = None
        with self._turn:
            self._text_bytes += len(text or b"") - len(before)
            self._keep(path, text)
            if self._current.get(path) is not file:  # made meanwhile, of half a change
                self._current.pop(path, None)
        return fits

    def _add(self, file: _CurrentFile | None, text: bytes, start: int, stop: int) -> bool:
        """Count text[start:stop], all of it or, when there is no room, nothing."""
        for at in range(start, stop, _SLICE):
            end = min(at + _SLICE, stop)
            with self._turn:
                room = self._room - int(self._counts.size) - self._text_bytes - len(text)
                reached = self._counts.add(text, at, end, max(0, room))
                if file is not None:
                    file.own.add(text, at, reached)
            if reached < end:
                self._remove(file, text, start, reached)
                return False
        return True

    def _remove(self, file: _CurrentFile | None, text: bytes, start: int, stop: int) -> None:
        for at in range(start, stop, _SLICE):
            with self._turn:
                end = min(at + _SLICE, stop)
                self._counts.remove(text, at, end)
                if file is not None:
                    file.own.remove(text, at, end)


class _Turn:
    """A lock that is got in turn, so that a query waits for one slice of counting, not many."""

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._lock = threading.Lock()

    def __enter__(self) -> None:
        with self._turn:
            self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        self._lock.release()


@dataclass(frozen=True)
class _View:
    """A place in a file. Holds no counts, so it stays right whatever is asked between."""

    memory: ProjectMemory
    path: str
    before: bytes

    def mix(self, log_probs: LogProbs, tails: Sequence[bytes]) -> LogProbs:
        return self.memory._mix(self, log_probs, tails)


def _folder(path: str) -> str:
    return path.rpartition("/")[0]


def _window(length: int, size: int) -> int:
    """Return from where on a text of `length` symbols informs the file itself."""
    step = min(_WINDOW_STEP, size)
    return max(0, step * ((length - size) // step))


Ranges = list[tuple[int, int]]


def _moves(old: bytes, new: bytes, size: int) -> tuple[Ranges, Ranges]:
    """Return which ranges of `old`, and then of `new`, to take out and to put in.

    Afterwards what is counted of `new` is its window, and contexts reach before that.
    """
    start, old_stop, _ = _difference(old, new)
    further = len(new) - len(old)  # what follows in both stands so much further in `new`
    first, new_first = _window(len(old), size), _window(len(new), size)
    stays = max(old_stop, first, new_first - further)
    gone = [(first, min(new_first, start)), (max(first, start), stays)]
    come = [(new_first, min(first, start)), (max(new_first, start), stays + further)]
    return [one for one in gone if one[0] < one[1]], [one for one in come if one[0] < one[1]]


def _difference(old: bytes, new: bytes) -> tuple[int, int, int]:
    """Return (start, old_stop, new_stop): old[start:old_stop] gives way to new[start:new_stop].

    What follows is the same in both, contexts included.
    """
    if new.startswith(old) or old.startswith(new):
        return min(len(old), len(new)), len(old), len(new)
    start = _common(old, new)
    rest = min(len(old), len(new)) - start
    tail = _common(old[len(old) - rest :][::-1], new[len(new) - rest :][::-1]) if rest else 0
    reach = min(tail, memory_reference.LONGEST)
    return start, len(old) - tail + reach, len(new) - tail + reach


def _towards(old: bytes, new: bytes, most: int) -> bytes | None:
    """Return a text between two that differ in more than `most` symbols, else None."""
    start, old_stop, new_stop = _difference(old, new)
    if old_stop - start > most:
        return old[: old_stop - most] + old[old_stop:]
    if new_stop - start > most:
        return new[: start + most] + new[new_stop:]
    return None


def _common(a: bytes, b: bytes) -> int:
    """Return the length of the longest common prefix."""
    low, high = 0, min(len(a), len(b))
    if a[:high] == b[:high]:
        return high
    while high - low > 1:  # a[:low] == b[:low] and a[:high] != b[:high]
        middle = (low + high) // 2
        if a[low:middle] == b[low:middle]:
            low = middle
        else:
            high = middle
    return low


@cache
def _tell_slow() -> None:
    _logger.warning("the project memory's compiled kernel is missing; completions will be slower")


@cache
def _tell_older() -> None:
    _logger.warning(
        "the model's project memory weights are for an older version; those of the bundled model "
        "stand in until it is fitted again (python -m lstm_lsp.training.memory_fit)"
    )
