"""Beam search over symbols: what could follow a cursor, and how probable it is.

Four searches, one for each kind of candidate: next characters, the rest of a token, the
rest of a line, and several lines. All hypotheses of a search advance in one step of the
network. A search ends by counted steps or when nothing left can be wanted, never by the
clock, and is deterministic. It knows tokens as an automaton and nothing else of languages;
what is worth showing is for `ranking` to say.

Probabilities are natural logarithms here, and those of tokens and lines include that
they end where they end. Finished hypotheses are kept, and the search stops when the live
ones are hopeless beside them (Semenkin et al. 2024, "Full Line Code Completion", arXiv
2405.08704).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from lstm_lsp import symbols
from lstm_lsp.automaton import Automaton
from lstm_lsp.network import Floats, Integers
from lstm_lsp.predictor import Hypotheses, Predictor

NEWLINE: Final = ord("\n")

CHARACTERS: Final = 5
TOKENS: Final = 10
LONGEST_TOKEN: Final = 48
LONGEST_LINE: Final = 100
LONGEST_BLOCK: Final = 320
MOST_LINES: Final = 8
TOKEN_WIDTH: Final = 8
LINE_WIDTH: Final = 6
BLOCK_WIDTH: Final = 3
LEAST: Final = -1e9
"""Stands for minus infinity, which nothing is at least: what may not be drawn is not."""

FOLLOWING: Final = 24
"""Symbols of the text after the cursor that rescore lines."""
SUFFIX_WEIGHT: Final = 0.5
"""How much their log-probability counts: on validation projects 0.5 and 1 did the same."""
FAR: Final = float(np.log(20))

HOPELESS: Final = float(np.log(3))
"""A line is hopeless when this much less probable than the best finished one (FLCC: k = 3)."""

FAINT: Final = float(np.log(0.1))
"""A hypothesis dropped below this is not remembered for its beginning either."""


Kind = Literal["char", "token", "line", "block"]
KINDS: Final[tuple[Kind, ...]] = ("char", "token", "line", "block")
"""In the order they are searched: the cheapest first."""


@dataclass(frozen=True)
class Candidate:
    """Text that could follow the cursor, and the calibrated probability that it does."""

    kind: Kind
    text: str
    probability: float


class Found(NamedTuple):
    """A text that could follow, and its natural-log probability, its ending included."""

    text: str
    log_probability: float


@dataclass(frozen=True)
class Path:
    """A hypothesis of a search for lines.

    `log_probs[i]`, the natural-log probability of `symbols[: i + 1]`; `word_ends[i]`, the
    same with no word symbol after it; `ended`, that of all of it with a line end after it,
    None for a hypothesis that was still live or dropped.
    """

    symbols: bytes
    log_probs: npt.NDArray[np.float64]
    word_ends: npt.NDArray[np.float64]
    ended: float | None
    end: tuple[Hypotheses, int]
    """The batch and row that stands after `symbols`."""


def characters(
    predictor: Predictor, start: Hypotheses, count: int = CHARACTERS, *, floor: float = LEAST
) -> list[Found]:
    """Return up to `count` next characters, best first; "" is the document's end.

    None whose first symbol is less probable than `floor` is followed.
    A character of several symbols is the likeliest that begins with its first symbol.
    """
    best = _best(start.log_probs, count, floor)
    found = []
    several = best.symbols >= 0x80
    for symbol, score in zip(best.symbols[~several], best.scores[~several], strict=True):
        text = "" if symbol == symbols.END else chr(symbol)
        found.append(Found(text, float(score)))
    if several.any():
        beam = _Beam(predictor, start)
        beam.advance(_Choice(best.parents[several], best.symbols[several], best.scores[several]))
        while len(beam):
            likeliest = beam.hypotheses.log_probs.argmax(axis=1)
            scores = beam.scores + beam.hypotheses.log_probs.max(axis=1)
            goes_on = []
            for row, (symbol, score) in enumerate(zip(likeliest, scores, strict=True)):
                character = beam.text(row) + bytes((int(symbol),))
                if len(character) == _length(character[0]):
                    found.append(Found(character.decode(), float(score)))
                else:
                    goes_on.append(row)
            if not goes_on:
                break
            rows = np.array(goes_on)
            beam.advance(_Choice(rows, likeliest[rows], scores[rows]))
    return sorted(found, key=lambda one: -one.log_probability)


@np.errstate(divide="ignore")
def tokens(
    predictor: Predictor,
    start: Hypotheses,
    automaton: Automaton,
    row: int = 0,
    *,
    count: int = TOKENS,
    floor: float = LEAST,
) -> list[Found]:
    """Return up to `count` (rests of) tokens, best first, none less probable than `floor`.

    `row` is where in `automaton` the typed part of the token leads (0: nothing is typed).
    Texts may begin with spaces. The probability is that of the text and of the token
    ending after it.
    """
    beam = _Beam(predictor, start)
    rows = np.array([row], np.int64)
    found: list[Found] = []
    for length in range(LONGEST_TOKEN):
        log_probs = beam.scores[:, None] + beam.hypotheses.log_probs
        if length:
            ending = (beam.hypotheses.probabilities * automaton.ends[rows]).sum(axis=1)
            ended = beam.scores + np.log(ending)
            found += [
                Found(beam.text(int(one)).decode(), float(ended[one]))
                for one in np.flatnonzero(ended >= floor)
            ]
            if len(found) >= count:
                found = sorted(found, key=lambda one: -one.log_probability)[:count]
                floor = max(floor, found[-1].log_probability)
        log_probs += automaton.goes_on[rows]
        choice = _best(log_probs, TOKEN_WIDTH, floor)
        if not len(choice.parents):
            break
        rows = automaton.table[rows[choice.parents], choice.symbols].astype(np.int64)
        beam.advance(choice)
    return sorted(found, key=lambda one: -one.log_probability)


@np.errstate(divide="ignore")
def lines(
    predictor: Predictor,
    start: Hypotheses,
    words: Floats,
    *,
    count: int = 3,
    floor: float = LEAST,
) -> list[Path]:
    """Return hypotheses for the rest of the line: finished ones best first, then the others.

    `words` (256,) is 1 for the symbols that go on with a word, else 0. The others are live
    at the end, or were dropped while still as probable as FAINT: their beginnings may be
    worth showing. Nothing less probable than `floor` is followed.
    """
    beam = _Beam(predictor, start, words)
    finished: list[tuple[float, Path]] = []
    others: list[Path] = []
    for _ in range(LONGEST_LINE):
        log_probs = beam.scores[:, None] + beam.hypotheses.log_probs
        ended = np.logaddexp(log_probs[:, NEWLINE], log_probs[:, symbols.END])
        worst = finished[-1][0] if len(finished) == count else -np.inf
        for row in np.flatnonzero(ended > max(worst, floor)):
            finished.append((float(ended[row]), beam.path(int(row), float(ended[row]))))
        finished = sorted(finished, key=lambda one: -one[0])[:count]
        log_probs[:, [NEWLINE, symbols.END]] = -np.inf
        enough = floor
        if finished:
            enough = max(floor, finished[0][0] - HOPELESS)
        if len(finished) == count:
            enough = max(enough, finished[-1][0])
        choice = _best(log_probs, LINE_WIDTH, enough)
        others += beam.dropped(choice, max(floor, FAINT))
        if not len(choice.parents):
            break
        beam.advance(choice)
    else:
        others += [beam.path(row) for row in range(len(beam))]
    return [path for _, path in finished] + sorted(others, key=lambda path: -path.log_probs[-1])


@np.errstate(divide="ignore")
def block(
    predictor: Predictor,
    start: Hypotheses,
    words: Floats,
    indentation: int,
    *,
    floor: float = LEAST,
) -> list[Path]:
    """Return hypotheses for several lines, each ending with a line end, best first.

    `indentation` is that of the first line in characters. A block ends before a line that
    is indented less, at an empty line, and after MOST_LINES lines.
    """
    beam = _Beam(predictor, start, words)
    # Characters of white space at the line's start, -1 after them; and whole lines so far.
    column = np.array([-1], np.int64)
    count = np.zeros(1, np.int64)
    others: list[Path] = []
    for _ in range(LONGEST_BLOCK):
        log_probs = beam.scores[:, None] + beam.hypotheses.log_probs
        log_probs[:, symbols.END] = -np.inf
        log_probs[column >= 0, NEWLINE] = -np.inf
        log_probs[count == MOST_LINES] = -np.inf
        shallow = np.flatnonzero((column >= 0) & (column < indentation))
        if len(shallow):
            only_space = np.full(symbols.VOCABULARY, -np.inf)
            only_space[[ord(" "), ord("\t")]] = 0
            log_probs[shallow] += only_space
        choice = _best(log_probs, BLOCK_WIDTH, floor)
        others += beam.dropped(choice, floor)
        if not len(choice.parents):
            break
        before = column[choice.parents]
        space = (choice.symbols == ord(" ")) | (choice.symbols == ord("\t"))
        column = np.where(
            choice.symbols == NEWLINE, 0, np.where(space & (before >= 0), before + 1, -1)
        )
        count = count[choice.parents] + (choice.symbols == NEWLINE)
        beam.advance(choice)
    else:
        others += [beam.path(row) for row in range(len(beam))]
    ends = [path for path in (_whole_lines(path) for path in others) if path is not None]
    unique = {path.symbols: path for path in ends}
    return sorted(unique.values(), key=lambda path: -path.log_probs[-1])


def _whole_lines(path: Path) -> Path | None:
    end = path.symbols.rfind(b"\n") + 1
    if not end:
        return None
    return replace(path, symbols=path.symbols[:end], log_probs=path.log_probs[:end], ended=None)


def _length(lead: int) -> int:
    """Return how many symbols the character has that begins with `lead`."""
    return 1 if lead < 0xC0 else 2 if lead < 0xE0 else 3 if lead < 0xF0 else 4


@np.errstate(divide="ignore")
def rescore(predictor: Predictor, paths: Sequence[Path], after: bytes) -> list[Path]:
    """Return `paths` with the finished ones rescored by how well `after` follows them.

    Bayes' rule among them: what one gains, the others lose, and how probable they are
    together stays. `after` begins with the line end; at most FOLLOWING of its symbols are
    read, after all lines in a batch. Those FAR behind the best are left as they are. Fried
    et al. 2023, "InCoder", rank infillings by such scores.
    """
    ends = [path.ended for path in paths if path.ended is not None]
    finished = [path for path in paths if path.ended is not None and path.ended > ends[0] - FAR]
    if len(finished) < 2 or not after:
        return list(paths)
    batch = Hypotheses.gather([path.end for path in finished])
    rows = np.arange(len(finished))
    follows = np.zeros(len(finished), np.float64)
    for at, symbol in enumerate(after[:FOLLOWING]):
        if at:  # the line end itself is in `ended` already
            follows += batch.log_probs[:, symbol]
        if at + 1 < min(len(after), FOLLOWING):
            batch = predictor.advance(batch, rows, np.full(len(finished), symbol))
    before = np.array([path.ended for path in finished])
    joint = before + SUFFIX_WEIGHT * follows
    ended = joint - np.logaddexp.reduce(joint) + np.logaddexp.reduce(before)
    rescored = [
        replace(path, ended=float(score)) for path, score in zip(finished, ended, strict=True)
    ]
    rescored.sort(key=lambda path: -(path.ended or 0.0))
    kept = {id(path) for path in finished}
    return rescored + [path for path in paths if id(path) not in kept]


class _Choice(NamedTuple):
    """What each next hypothesis is: a row of the beam, one symbol more, and its score.

    Arrays (B',); a beam keeps all of them for the way back.
    """

    parents: Integers
    symbols: Integers
    scores: npt.NDArray[np.float64]


def _best(log_probs: npt.NDArray[np.floating], count: int, floor: float) -> _Choice:
    """Return the `count` best (row, symbol) of (B, 256) at least `floor`; ties by index."""
    flat = log_probs.ravel()
    best = flat.argpartition(-count)[-count:]
    best.sort()
    scores = flat[best]
    order = (-scores).argsort(kind="stable")
    order = order[: int((scores >= floor).sum())]
    best = best[order]
    parents, chosen = np.divmod(best, symbols.VOCABULARY)
    return _Choice(parents, chosen, scores[order].astype(np.float64))


class _Beam:
    """The live hypotheses of one search, and the way back through its steps."""

    def __init__(
        self,
        predictor: Predictor,
        start: Hypotheses,
        words: Floats | None = None,
    ) -> None:
        self.hypotheses = start
        self.scores = np.zeros(len(start), np.float64)
        self._predictor = predictor
        self._words = words
        self._steps: list[_Choice] = []
        self._word_ends: list[Floats] = []

    def __len__(self) -> int:
        return len(self.scores)

    def advance(self, choice: _Choice) -> None:
        """Make the chosen hypotheses the live ones; one step of the network."""
        self._steps.append(choice)
        self.scores = choice.scores
        self.hypotheses = self._predictor.advance(self.hypotheses, choice.parents, choice.symbols)
        if self._words is not None:
            inside = self.hypotheses.probabilities @ self._words
            self._word_ends.append(np.log(1 - np.minimum(inside, 1)))

    def dropped(self, choice: _Choice, floor: float) -> Iterator[Path]:
        """Yield the live hypotheses that `choice` goes on with none of, down to `floor`."""
        if self._steps:
            gone = self.scores >= floor
            gone[choice.parents] = False
            for row in np.flatnonzero(gone):
                yield self.path(int(row))

    def text(self, row: int) -> bytes:
        """Return the symbols of a live hypothesis."""
        return bytes(int(step.symbols[at]) for step, at in self._way(row))

    def path(self, row: int, ended: float | None = None) -> Path:
        """Return a live hypothesis with the probabilities of all its beginnings."""
        way = self._way(row)
        scores = np.array([step.scores[at] for step, at in way])
        ends = np.array(
            [one[at] for one, (_, at) in zip(self._word_ends, way, strict=True)], np.float64
        )
        text = bytes(int(step.symbols[at]) for step, at in way)
        return Path(text, scores, scores + ends, ended, (self.hypotheses, row))

    def _way(self, row: int) -> list[tuple[_Choice, int]]:
        way = []
        for step in reversed(self._steps):
            way.append((step, row))
            row = int(step.parents[row])
        way.reverse()
        return way
