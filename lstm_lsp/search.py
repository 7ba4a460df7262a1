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

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal, NamedTuple

import numpy as np

from lstm_lsp import symbols
from lstm_lsp.automaton import Automaton
from lstm_lsp.beam import Beam, Choice, Path
from lstm_lsp.network import Floats
from lstm_lsp.predictor import Hypotheses, Predictor

NEWLINE: Final = ord("\n")
SPACES: Final = b" \t"

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


def _forbidding(forbidden: bytes) -> Floats:
    """Return what to add to log-probabilities (256,): -inf for `forbidden`, else 0."""
    added = np.zeros(symbols.VOCABULARY, np.float32)
    added[list(forbidden)] = -np.inf
    return added


_IN_LINE: Final = _forbidding(bytes((NEWLINE, symbols.END)))[None]

# Where a block may go on: inside a line, at its beginning, in its indentation, nowhere.
_ANY, _BEGIN, _INDENT, _NOTHING = range(4)
_IN_BLOCK: Final = np.stack(
    [
        _forbidding(bytes((symbols.END,))),
        _forbidding(bytes((NEWLINE, symbols.END))),
        _forbidding(bytes(set(range(symbols.VOCABULARY)) - set(SPACES))),
        _forbidding(bytes(range(symbols.VOCABULARY))),
    ]
)

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


def characters(
    predictor: Predictor, start: Hypotheses, count: int = CHARACTERS, *, floor: float = LEAST
) -> list[Found]:
    """Return up to `count` next characters, best first; "" is the document's end.

    None whose first symbol is less probable than `floor` is followed.
    A character of several symbols is the likeliest that begins with its first symbol.
    """
    beam = Beam(predictor, start)
    likely = beam.best(count, floor)
    found = []
    several = likely.symbols >= 0x80
    for symbol, score in zip(likely.symbols[~several], likely.scores[~several], strict=True):
        text = "" if symbol == symbols.END else chr(symbol)
        found.append(Found(text, float(score)))
    if several.any():
        first = Choice(likely.parents[several], likely.symbols[several], likely.scores[several])
        beam.advance(first)
        while len(beam):
            likeliest = beam.hypotheses.log_probs.argmax(axis=1)
            scores = beam.scores + beam.hypotheses.log_probs.max(axis=1)
            goes_on = []
            for row, (symbol, score) in enumerate(zip(likeliest, scores, strict=True)):
                character = beam.texts[row] + bytes((int(symbol),))
                if len(character) == _length(character[0]):
                    found.append(Found(character.decode(), float(score)))
                else:
                    goes_on.append(row)
            if not goes_on:
                break
            rows = np.array(goes_on)
            beam.advance(Choice(rows, likeliest[rows], scores[rows]))
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
    beam = Beam(predictor, start)
    rows = np.array([row], np.int64)
    found: list[Found] = []
    for length in range(LONGEST_TOKEN):
        if length:
            ends = automaton.ends.take(rows, axis=0)
            ending = (beam.hypotheses.probabilities * ends).sum(axis=1)
            ended = beam.scores + np.log(ending)
            found += [
                Found(beam.texts[at].decode(), score)
                for at, score in enumerate(ended.tolist())
                if score >= floor
            ]
            if len(found) >= count:
                found = sorted(found, key=lambda one: -one.log_probability)[:count]
                floor = max(floor, found[-1].log_probability)
        choice = beam.best(TOKEN_WIDTH, floor, automaton.goes_on, rows)
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
    accepts: Callable[[bytes], bool] = lambda text: True,
) -> list[Path]:
    """Return hypotheses for the rest of the line: finished ones best first, then the others.

    `words` (256,) is 1 for the symbols that go on with a word, else 0. The others are live
    at the end, or were dropped while still as probable as FAINT: their beginnings may be
    worth showing. Nothing less probable than `floor` is followed. A finished line that is
    not accepted makes no other hopeless: those, at most `count`, come last.
    """
    beam = Beam(predictor, start, words)
    finished: list[tuple[float, Path]] = []
    refused: list[Path] = []
    others: list[Path] = []
    for _ in range(LONGEST_LINE):
        log_probs = beam.hypotheses.log_probs
        ended = beam.scores + np.logaddexp(log_probs[:, NEWLINE], log_probs[:, symbols.END])
        worst = max(floor, finished[-1][0]) if len(finished) == count else floor
        better = [(row, score) for row, score in enumerate(ended.tolist()) if score > worst]
        for row, score in better:
            path = beam.path(row, score)
            if accepts(path.symbols):
                finished.append((score, path))
            else:
                refused.append(path)
        finished = sorted(finished, key=lambda one: -one[0])[:count]
        enough = floor
        if finished:
            enough = max(floor, finished[0][0] - HOPELESS)
        if len(finished) == count:
            enough = max(enough, finished[-1][0])
        choice = beam.best(LINE_WIDTH, enough, _IN_LINE)
        others += beam.dropped(choice, max(floor, FAINT))
        if not len(choice.parents):
            break
        beam.advance(choice)
    else:
        others += [beam.path(row) for row in range(len(beam))]
    others.sort(key=lambda path: -path.log_probs[-1])
    refused.sort(key=lambda path: -(path.ended or 0.0))
    return [path for _, path in finished] + others + refused[:count]


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
    beam = Beam(predictor, start, words)
    # Characters of white space at the line's start, -1 after them; and whole lines so far.
    column, count = [-1], [0]
    others: list[Path] = []
    for _ in range(LONGEST_BLOCK):
        stages = [_stage(*line, indentation) for line in zip(column, count, strict=True)]
        choice = beam.best(BLOCK_WIDTH, floor, _IN_BLOCK, np.array(stages))
        others += beam.dropped(choice, floor)
        if not len(choice.parents):
            break
        ways = list(zip(choice.parents.tolist(), choice.symbols.tolist(), strict=True))
        count = [count[row] + (symbol == NEWLINE) for row, symbol in ways]
        column = [_column(column[row], symbol) for row, symbol in ways]
        beam.advance(choice)
    else:
        others += [beam.path(row) for row in range(len(beam))]
    ends = [path for path in (_whole_lines(path) for path in others) if path is not None]
    unique = {path.symbols: path for path in ends}
    return sorted(unique.values(), key=lambda path: -path.log_probs[-1])


def _stage(column: int, count: int, indentation: int) -> int:
    """Return the row of `_IN_BLOCK` for a block of `count` lines, `column` in its next one."""
    if count == MOST_LINES:
        return _NOTHING
    if column < 0:
        return _ANY
    return _INDENT if column < indentation else _BEGIN


def _column(before: int, symbol: int) -> int:
    """Return how many characters of white space a line has begun with, -1 after others."""
    if symbol == NEWLINE:
        return 0
    return before + 1 if before >= 0 and symbol in SPACES else -1


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
