"""The single edits that are tried at a place of a document.

Another token (those that the network would rather have seen, and those of the same kind, such
as `<` for `>`), none, a mark put in, another indentation. `suspicion` weighs them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import pairwise
from typing import Final

import numpy as np

from lstm_lsp import search
from lstm_lsp.automaton import automaton
from lstm_lsp.memory import TAIL
from lstm_lsp.places import Place
from lstm_lsp.predictor import Predictor
from lstm_lsp.surprise import Reading

_LIKELY: Final = 4  # tokens that the network would rather have seen

_PUNCTUATION: Final = b"()[]{}:;,.=<>+-*/&|!"
_OF_A_KIND: Final = tuple(
    tuple(group.split())
    for group in (
        "< > <= >= == !=",
        "+ - * / % // **",
        "= == += -= := *=",
        "&& || & |",
        "and or",
        "is in not",
        "( [ {",
        ") ] }",
        ", ; . :",
        "++ --",
        "True False",
        "true false",
    )
)


Edit = tuple[str, int, int, str]


def edits(reading: Reading, place: Place, cancelled: Callable[[], bool]) -> Iterable[Edit]:
    """Yield sort, start, end and new text of the edits to try at a place."""
    text, kind = reading.text, place.kind
    start, end = place.start, place.end
    written = text[start:end]
    if kind == "indentation":
        for instead in _indentations(text, start):
            if instead != written:
                yield "indentation", start, end, instead
        return
    if kind in ("operator", "keyword", "identifier"):
        sort = "returned" if _is_returned(text, place) else kind
        likely = _likely(reading, start, cancelled)
        others = [other for group in _OF_A_KIND if written in group for other in group]
        joined = text[:start][-1:].isidentifier()
        for instead in (*others, *likely):
            if instead != written and not (joined and instead.isidentifier()):
                yield sort, start, end, instead
        yield "removed", start, end + (text[end : end + 1] == " " and kind != "operator"), ""
        if kind == "identifier":
            split = _split(reading, start, end)
            if split:
                yield from (("put in", split, split, new) for new in _marks(reading, split))
    yield from (("put in", start, start, new) for new in _marks(reading, start))


def _is_returned(text: str, place: Place) -> bool:
    return place.kind == "identifier" and text[: place.start].rstrip(" ").endswith("return")


def _likely(reading: Reading, start: int, cancelled: Callable[[], bool]) -> list[str]:
    """Return the tokens that the network would rather have seen at a place."""
    at = int(reading.offsets[start])
    predictor = Predictor(reading.model, reading.mixer(at), cancelled)
    tail = reading.symbols[max(0, at - TAIL) : at]
    tokens = automaton(reading.language, "code")
    floor = float(np.log(0.005))
    found = search.tokens(
        predictor, predictor.start(reading.state(at), tail), tokens, count=_LIKELY, floor=floor
    )
    return [one.text.lstrip() for one in found]


def _marks(reading: Reading, start: int) -> list[str]:
    """Return the marks that the network held likeliest at a place, of one symbol each."""
    at = int(reading.offsets[start])
    state, tail = reading.state(at), reading.symbols[max(0, at - TAIL) : at]
    log_probs = reading.mixer(at).mix(state.log_probs, [tail])[0]
    best = sorted(_PUNCTUATION, key=lambda symbol: -float(log_probs[symbol]))
    return [chr(symbol) for symbol in best[:3]]


def _split(reading: Reading, start: int, end: int) -> int | None:
    """Return the most surprising place inside a word, where something may be missing."""
    first, last = (int(reading.offsets[at]) for at in (start, end))
    inside = reading.bits[first + 1 : last]
    if last - first != end - start or not len(inside) or float(inside.max()) < 5:
        return None
    return start + 1 + int(inside.argmax())


def _indentations(text: str, line: int) -> list[str]:
    """Return the indentations of the lines before, and one step more and less than the last."""
    before = [one for one in text[:line].splitlines()[-12:] if one.strip()]
    known = [one[: len(one) - len(one.lstrip())] for one in before]
    step = "\t" if any("\t" in one for one in known) else " " * _step(known)
    last = known[-1] if known else ""
    return list(dict.fromkeys([*reversed(known), last + step, last[: -len(step)]]))[:5]


def _step(known: list[str]) -> int:
    """Return how many spaces a step of indentation is."""
    widths = sorted({len(one) for one in known} | {0})
    steps = [b - a for a, b in pairwise(widths) if b - a in (2, 4, 8)]
    return min(steps, default=4)
