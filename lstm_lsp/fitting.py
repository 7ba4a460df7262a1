"""From the hypotheses of a line or block search to texts that fit where the cursor is.

A line that meets the text after the cursor is cut where it meets it; an improbable line is
cut down to the confident beginning that saves most keystrokes; a block is cut at the line
end that does. Probabilities are raw and in 0-1. Knows nothing of models, nor where a minimum
comes from.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final, NamedTuple

import numpy as np

from lstm_lsp import lexis
from lstm_lsp.beam import Path
from lstm_lsp.ranking import bracket_fault, walk
from lstm_lsp.situation import Situation, is_word

_WORD: Final = re.compile(r"\w+")


class Offer(NamedTuple):
    """Text to insert at the cursor, and the raw probability that it is right."""

    text: str
    probability: float

    @property
    def saved(self) -> float:
        """Keystrokes that accepting it saves on average."""
        return (len(self.text) - 1) * self.probability


def fit_lines(
    paths: Sequence[Path],
    situation: Situation,
    minimum: float,
    accepts: Callable[[str], bool] = lambda text: True,
) -> list[Offer]:
    """Return distinct texts for the rest of the line: those accepted first, by probability.

    Whole lines; where none reaches `minimum`, the best beginning that does comes first.
    With text after the cursor on its line, what stands between the cursor and that.
    """
    if situation.line_after:
        met = (_meeting(path, situation) for path in paths)
        return _distinct(offer for offer in met if offer is not None)
    whole = _distinct(
        Offer(path.symbols.decode().rstrip(), float(np.exp(path.ended)))
        for path in paths
        if path.ended is not None
    )
    # What makes a refused line probable makes its beginning so: that is no better.
    enough = bool(whole) and whole[0].probability >= minimum
    refused = [offer for offer in whole if not accepts(offer.text)]
    whole = [offer for offer in whole if offer not in refused]
    if enough:
        return whole + refused
    beginnings = [
        offer
        for path in paths
        for offer in _beginnings(path, situation)
        if offer.probability >= minimum and offer.saved > 0
    ]
    beginnings.sort(key=lambda offer: -offer.saved)
    best = next((offer for offer in beginnings if accepts(offer.text)), None)
    return _distinct([best, *whole] if best else whole) + refused


def fit_blocks(paths: Iterable[Path], situation: Situation, minimum: float) -> list[Offer]:
    """Return distinct texts of at least two whole lines that save most first."""
    offers = []
    for path in paths:
        ends = [at for at, symbol in enumerate(path.symbols) if symbol == ord("\n")]
        for end in ends[1:]:
            offer = Offer(path.symbols[:end].decode(), float(np.exp(path.log_probs[end])))
            whole = bracket_fault(offer.text, situation, cut=True) is None
            if offer.probability >= minimum and whole:
                offers.append(offer)
    return sorted(_distinct(offers), key=lambda offer: -offer.saved)


def _distinct(offers: Iterable[Offer]) -> list[Offer]:
    best: dict[str, float] = {}
    for text, probability in offers:
        best[text] = max(probability, best.get(text, 0.0))
    return sorted((Offer(*item) for item in best.items()), key=lambda offer: -offer.probability)


def _meeting(path: Path, situation: Situation) -> Offer | None:
    """Return `path` up to where it meets the text after the cursor on its line, or None."""
    after = situation.line_after
    text = path.symbols.decode(errors="ignore")
    if path.ended is not None and text.endswith(after):
        between = text[: len(text) - len(after)]
        if not (between and is_word(between[-1]) and is_word(after[0])) and (
            bracket_fault(between, situation, cut=True) is None
        ):
            return Offer(between, float(np.exp(path.ended)))
    met = _first_token(after, situation)
    for at in range(len(text)):
        if not text.startswith(met, at) or (at and is_word(text[at - 1]) and is_word(met[0])):
            continue
        local = situation.before[situation.scan.anchor :] + text[:at]
        if lexis.scan(local, situation.language).where != situation.scan.where:
            continue
        if bracket_fault(text[:at], situation, cut=True) is None:
            last = len(text[: at + len(met)].encode()) - 1
            return Offer(text[:at], float(np.exp(path.log_probs[last])))
    return None


def _first_token(after: str, situation: Situation) -> str:
    """Return the first token of `after`, with the spaces before it."""
    if situation.scan.where == "string":
        return after[0]
    end = 0
    for kind, _, end in lexis.tokens(after, situation.language):  # noqa: B007
        if kind != "space":
            break
    return after[:end]


def _beginnings(path: Path, situation: Situation) -> Iterator[Offer]:
    """Yield the beginnings of `path` that could stand for themselves."""
    text = path.symbols.decode(errors="ignore")
    symbol_end = np.cumsum([len(character.encode()) for character in text])
    for end in _stops(text, situation):
        table = path.word_ends if is_word(text[end - 1]) else path.log_probs
        yield Offer(text[:end], float(np.exp(table[symbol_end[end - 1] - 1])))


def _stops(text: str, situation: Situation) -> Iterator[int]:
    """Yield where a beginning of `text` may end: after a name or a value, brackets balanced."""
    start = 0
    for piece in walk(text, situation):
        if piece.fault:
            return
        if piece.kind == "comment" or (start == 0 and situation.scan.where == "string"):
            yield from (word.end() for word in _WORD.finditer(text[: piece.end], start))
        elif not piece.opened and (
            piece.kind in ("identifier", "keyword", "number")
            or (piece.kind == "string" and len(piece.text) > 1 and piece.text[-1] in "\"'")
            or piece.text in (")", "]", "}", ";")
        ):
            yield piece.end
        start = piece.end
