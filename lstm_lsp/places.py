"""The most surprising places of a document, and what the network expected there instead.

`places` adds up the bits of each token and holds them against what is usual for its class;
`expected` says what the network would rather have seen. What could be wrong there is for
`suspicion` to say. Knows nothing of files or the protocol.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any, Final, Literal, NamedTuple

import numpy as np

from lstm_lsp import lexis, search
from lstm_lsp.automaton import automaton
from lstm_lsp.memory import TAIL
from lstm_lsp.network import Model
from lstm_lsp.predictor import Predictor
from lstm_lsp.surprise import Reading, line_and_column

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
"""Mean and standard deviation of the bits of a token, for a model whose card does not say its
own (`usual`): measured on the validation projects with what a file says before in memory."""

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


def usual(model: Model) -> dict[Class, tuple[float, float]]:
    """Return mean and standard deviation of the bits of each class of token, by the model's card.

    Under "surprise", "usual", as `bench/faults.py --usual --write` puts it there.
    """
    own: dict[Class, tuple[float, float]] = model.card.get("surprise", {}).get("usual", {})
    return USUAL | own


def places(reading: Reading) -> list[Place]:
    """Return every place of a document, the most surprising for its class first."""
    found, table = [], usual(reading.model)
    for kind, start, end in _spans(reading):
        first, last = reading.offsets[start], reading.offsets[end]
        if kind == "indentation":
            last += 1  # the symbol that ends it
        bits = float(reading.bits[first:last].sum())
        mean, deviation = table[kind]
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
