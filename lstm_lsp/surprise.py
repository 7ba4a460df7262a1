"""How much a document surprises the network, place by place, and what it expected instead.

`read` reads a document once and gives the bits of every symbol, the memory of its project
mixed in; `places` adds them up by token and holds each against what is usual for its class,
most surprising first; `expected` says what the network would rather have seen. What could
be wrong there is for `suspicion` to say. Knows nothing of files or the protocol.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, Literal, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from lstm_lsp import lexis, search
from lstm_lsp.automaton import automaton
from lstm_lsp.context import BLOCK, window_start
from lstm_lsp.memory import TAIL, Mixer, NetworkAlone
from lstm_lsp.network import Cancelled, Model, State, never
from lstm_lsp.predictor import SYMBOLS, Predictor

View = Callable[[bytes], Mixer]
"""The mixer behind a line, from all symbols before the line's start."""

Class = Literal[
    "keyword",
    "identifier",
    "number",
    "operator",
    "string",
    "comment",
    "indentation",
    "space",
    "line end",
]

USUAL: Final[dict[Class, tuple[float, float]]] = {
    "keyword": (3.7, 3.1),
    "identifier": (10.6, 12.0),
    "number": (6.7, 5.9),
    "operator": (2.1, 2.6),
    "string": (6.2, 9.6),
    "comment": (4.3, 7.2),
    "indentation": (4.0, 3.6),
    "space": (0.8, 1.7),
    "line end": (1.1, 1.8),
}
"""Mean and standard deviation of the bits of a token, measured on the validation projects with
what a file says before in memory (`bench/faults.py --usual`, docs/surprise.md)."""

HOPELESS: Final = 12.0
"""Bits behind what is written at which an alternative is given up."""

LEAST: Final = 0.02
"""What is less probable than this was not expected either."""

_PIECES: Final = re.compile(r"\w+|[^\w\s]")


@dataclass(frozen=True)
class Place:
    """A token of a document, `text[start:end]` in characters, or a word of a string or comment.

    `bits`, what all its symbols cost; `score`, the same as standard deviations above what is
    usual for its class. An indentation's bits include that it ends where it ends.
    """

    kind: Class
    start: int
    end: int
    bits: float
    score: float


class Expected(NamedTuple):
    """A token that the network held possible, and its probability, 0-1."""

    text: str
    probability: float


@dataclass(frozen=True)
class Reading:
    """A document and its bits; goes back to any place of it at the cost of a block.

    `text` in characters, `bits` of every symbol; `states`, before every BLOCK symbols; `view`,
    as `read` was given it.
    """

    model: Model
    text: str
    language: str
    bits: npt.NDArray[np.float64]
    states: Sequence[State]
    view: View | None

    @cached_property
    def symbols(self) -> bytes:
        """The text's symbols."""
        return self.text.encode()

    @cached_property
    def offsets(self) -> npt.NDArray[np.int64]:
        """Where each character's symbols begin, and where the last one's end."""
        if self.text.isascii():
            return np.arange(len(self.text) + 1)
        lengths = [len(character.encode()) for character in self.text]
        return np.concatenate((np.zeros(1, np.int64), np.cumsum(lengths)))

    @cached_property
    def tokens(self) -> list[lexis.Token]:
        """The text's tokens."""
        return lexis.tokens(self.text, self.language)

    def bits_of(self, start: int, end: int) -> float:
        """Return the bits of `text[start:end]`, characters."""
        return float(self.bits[self.offsets[start] : self.offsets[end]].sum())

    def state(self, at: int) -> State:
        """Return the state before the symbol `at`."""
        whole = min(at // BLOCK, len(self.states) - 1)
        return self.model.read(self.symbols[whole * BLOCK : at], self.states[whole])

    def mixer(self, at: int) -> Mixer:
        """Return what the memory knows at the symbol `at`."""
        if self.view is None:
            return NetworkAlone()
        return self.view(self.symbols[: self.symbols.rfind(b"\n", 0, at) + 1])

    def costs(
        self, at: int, texts: Sequence[bytes], cancelled: Callable[[], bool] = never
    ) -> npt.NDArray[np.float64]:
        """Return the bits that each of `texts` would cost at the symbol `at`, (len(texts),).

        Infinite for those that fall `HOPELESS` bits behind the first on the way. Raises
        Cancelled when `cancelled()` before a step of the network.
        """
        total = np.zeros(len(texts))
        mixer, tails = self.mixer(at), [self.symbols[max(0, at - TAIL) : at]] * len(texts)
        rows = np.arange(len(texts))
        state = self.state(at).take(np.zeros(len(texts), np.int64))
        for step in range(max(map(len, texts))):
            if cancelled():
                raise Cancelled
            behind = total[rows] > total[0] + HOPELESS
            total[rows[behind]] = np.inf
            goes_on = ~behind & np.array([step < len(texts[row]) for row in rows.tolist()])
            if not goes_on.any():
                break
            if not goes_on.all():
                state = state.take(np.flatnonzero(goes_on))
                tails = [tail for tail, kept in zip(tails, goes_on, strict=True) if kept]
                rows = rows[goes_on]
            read = np.array([texts[row][step] for row in rows.tolist()], np.int64)
            log_probs = mixer.mix(state.log_probs, tails)
            total[rows] -= log_probs[np.arange(len(rows)), read] / np.log(2)
            if len(rows) == 1 and rows[0] == 0 and np.isinf(total[1:]).all():
                break  # nothing is left to compare with
            state = self.model.step(read, state)
            tails = [
                (tail + SYMBOLS[symbol])[-TAIL:]
                for tail, symbol in zip(tails, read.tolist(), strict=True)
            ]
        return total


def read(
    model: Model, header: bytes, text: str, language: str, view: View | None = None
) -> Reading:
    """Read a document, `text` as `symbols.normalise` gives it.

    States are those that answer requests. `view` gives the memory behind each line; without it
    the network stands alone.
    """
    return finished(slices(model, header, text, language, view))


def slices(
    model: Model, header: bytes, text: str, language: str, view: View | None = None
) -> Generator[None, None, Reading]:
    """Do what `read` does, yielding after each block, so that others may go between."""
    encoded = text.encode()
    bits, states = np.zeros(len(encoded)), []
    opening = model.read(header, model.start())
    state, fold = opening, 0
    for begin in range(0, len(encoded), BLOCK):
        start = window_start(encoded, begin, model.context)
        if start != fold:
            state, fold = opening, start
            for earlier in range(start, begin, BLOCK):
                state = model.read(encoded[earlier : min(earlier + BLOCK, begin)], state)
                yield
        # What a call returns may be a view of all its output.
        state = State(*(array.copy() for array in state))
        states.append(state)
        block = encoded[begin : begin + BLOCK]
        rows, after = model.predictions(block, state)
        log_probs = np.concatenate((state.log_probs, rows[:-1]))
        if view is not None:
            log_probs = _mixed(log_probs, encoded, begin, view)
        drawn = np.frombuffer(block, np.uint8)
        bits[begin : begin + len(block)] = -log_probs[np.arange(len(block)), drawn] / np.log(2)
        state = after
        yield
    return Reading(model, text, language, bits, states or [opening], view)


T = TypeVar("T")


def finished(steps: Generator[None, None, T]) -> T:
    """Return what `steps` returns, run to its end."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            result: T = end.value
            return result


def _mixed(
    log_probs: npt.NDArray[np.float32], text: bytes, begin: int, view: View
) -> npt.NDArray[np.float32]:
    """Return the rows of text[begin:] with the memory behind each line mixed in."""
    parts, end = [], begin + len(log_probs)
    first = begin
    while first < end:
        newline = text.find(b"\n", first, end)
        last = end if newline < 0 else newline + 1
        mixer = view(text[: text.rfind(b"\n", 0, first) + 1])
        tails = [text[max(0, at - TAIL) : at] for at in range(first, last)]
        parts.append(mixer.mix(log_probs[first - begin : last - begin], tails))
        first = last
    return np.concatenate(parts)


def places(reading: Reading) -> list[Place]:
    """Return every place of a document, the most surprising for its class first."""
    found = []
    for kind, start, end in _spans(reading):
        first, last = reading.offsets[start], reading.offsets[end]
        if kind == "indentation":
            last += 1  # the symbol that ends it
        bits = float(reading.bits[first:last].sum())
        mean, deviation = USUAL[kind]
        found.append(Place(kind, start, end, bits, (bits - mean) / deviation))
    return sorted(found, key=lambda one: (-one.score, one.start))


def _spans(reading: Reading) -> list[tuple[Class, int, int]]:
    """Return class, start and end of every place, in order; an indentation may be empty."""
    found: list[tuple[Class, int, int]] = []
    text, line_start = reading.text, True
    for kind, start, end in reading.tokens:
        if line_start and kind != "newline":
            found.append(("indentation", start, end if kind == "space" else start))
            line_start = False
            if kind == "space":
                continue
        if kind == "newline":
            found.append(("line end", start, end))
            line_start = True
        elif kind in ("string", "comment"):
            pieces = _PIECES.finditer(text, start, end)
            found += [(kind, match.start(), match.end()) for match in pieces]
        else:
            found.append((kind, start, end))
    return found


def expected(reading: Reading, place: Place, count: int = 1) -> list[Expected]:
    r"""Return what the network held likeliest where `place` begins, best first.

    Tokens, or words in strings and comments; the end of the line is "\n". None less probable
    than `LEAST`.
    """
    at = int(reading.offsets[place.start])
    predictor = Predictor(reading.model, reading.mixer(at))
    start = predictor.start(reading.state(at), reading.symbols[max(0, at - TAIL) : at])
    where: lexis.Where = place.kind if place.kind in ("string", "comment") else "code"
    tokens = automaton(reading.language, where)
    floor = float(np.log(LEAST))
    found = search.tokens(predictor, start, tokens, count=count, floor=floor)
    likely = [Expected(text, float(np.exp(log_probability))) for text, log_probability in found]
    for text in ("\n", '"', "'", "#"):
        probability = float(start.probabilities[0, ord(text)])
        if probability >= LEAST and not any(one.text == text for one in likely):
            likely.append(Expected(text, probability))
    return sorted(likely, key=lambda one: -one.probability)[:count]


def line_and_column(text: str, offset: int) -> tuple[int, int]:
    """Return the line and column of a character, both from 1."""
    return text.count("\n", 0, offset) + 1, offset - text.rfind("\n", 0, offset)


def as_json(file: str, reading: Reading, place: Place) -> dict[str, Any]:
    """Return a place as `surprise --json` prints it; nothing expected is null."""
    line, column = line_and_column(reading.text, place.start)
    likely = expected(reading, place)
    return {
        "file": file,
        "line": line,
        "column": column,
        "token": reading.text[place.start : place.end],
        "class": place.kind,
        "bits": round(place.bits, 2),
        "score": round(place.score, 2),
        "expected": likely[0].text if likely else None,
        "probability": round(likely[0].probability, 4) if likely else None,
    }


def show(report: dict[str, Any]) -> str:
    """Return the report of `surprise --json` for people, a place a line."""
    lines = []
    for place in report["places"]:
        where = f"{place['file']}:{place['line']}:{place['column']}"
        token = json.dumps(place["token"], ensure_ascii=False)
        instead = "nothing in particular"
        if place["expected"] is not None:
            likely = json.dumps(place["expected"], ensure_ascii=False)
            instead = f"{likely} ({place['probability']:.0%})"
        lines.append(
            f"{where}  {place['class']} {token}: {place['bits']:.1f} bits; expected {instead}"
        )
    for one in report["suspects"]:
        where = f"{one['file']}:{one['line']}:{one['column']}"
        lines.append(f"{where}  {one['message']} ({one['saved']:.0f} bits likelier)")
    return "\n".join(lines)
