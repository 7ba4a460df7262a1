"""From a position in a document to what is shown there.

The one path that the server, the command line and the evaluator share. An answer is a
function of (place, mixer, settings): nothing is remembered between requests but the
context's states, which change no answer. Knows nothing of files or the protocol.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from functools import cache, partial
from typing import Final

import numpy as np

from lstm_lsp import search, symbols
from lstm_lsp.automaton import automaton, no_members, word_symbols
from lstm_lsp.calibration import Calibration
from lstm_lsp.context import Contexts
from lstm_lsp.fitting import Offer, fit_blocks, fit_lines
from lstm_lsp.memory import Mixer
from lstm_lsp.network import Model, never
from lstm_lsp.predictor import Hypotheses, Predictor
from lstm_lsp.ranking import DEFAULT, Judgement, Presentation, objection, silence
from lstm_lsp.search import KINDS, Candidate, Found, Kind
from lstm_lsp.situation import WINDOW, Situation

SEARCHED: Final = 1e-4
"""What is less probable is not searched for, whatever the settings; but for lines."""
BELOW: Final = float(np.log(0.5))
"""How far below its floor a line is followed when the text below the cursor may raise it."""


@dataclass(frozen=True)
class Place:
    """A position in a document.

    `header`, the document's (`symbols.header`); `before`, the symbols of all text before
    the position; `after`, the text after it, "" when it may not be looked at; `language`.
    """

    header: bytes
    before: bytes
    after: str
    language: str


class Completer:
    """Gives candidates at positions; one thread at a time uses it."""

    def __init__(self, model: Model, contexts: Contexts) -> None:
        """Raise ValueError when the model's calibration is broken."""
        self.calibration = Calibration.from_card(model.card)
        self._model = model
        self._contexts = contexts
        # Of the last document: its header, and text that ends in code, to look on from there.
        self._looked_at = (b"", b"", 0)

    def candidates(
        self,
        place: Place,
        mixer: Mixer,
        kinds: Collection[Kind] = KINDS,
        *,
        settings: Presentation = DEFAULT,
        cancelled: Callable[[], bool] = never,
    ) -> list[Candidate]:
        """Return what is shown at `place`, most probable first.

        Texts may begin with spaces where the cursor does not stand at a token's start.
        Raises Cancelled when `cancelled()` before a step of the network.
        """
        found = self.batches(place, mixer, kinds, settings=settings, cancelled=cancelled)
        return sorted(
            (candidate for batch in found for candidate in batch), key=lambda one: -one.probability
        )

    def batches(
        self,
        place: Place,
        mixer: Mixer,
        kinds: Collection[Kind] = KINDS,
        *,
        settings: Presentation = DEFAULT,
        cancelled: Callable[[], bool] = never,
    ) -> Iterator[list[Candidate]]:
        """Yield the candidates of each of `kinds`, most probable first, as they are found.

        Characters, tokens, the line, the block, in this order; a batch may be empty.
        """
        for judgements in self._judged(place, mixer, kinds, settings, cancelled):
            yield [candidate for candidate, reason in judgements if reason is None]

    def explain(
        self,
        place: Place,
        mixer: Mixer,
        kinds: Collection[Kind] = KINDS,
        *,
        settings: Presentation = DEFAULT,
        cancelled: Callable[[], bool] = never,
    ) -> list[Judgement]:
        """Return what was found at `place`, and for each why it is not shown, or None.

        A kind that is not offered here at all is one judgement with an empty text.
        """
        judged = self._judged(place, mixer, kinds, settings, cancelled)
        return [judgement for judgements in judged for judgement in judgements]

    def _judged(
        self,
        place: Place,
        mixer: Mixer,
        kinds: Collection[Kind],
        settings: Presentation,
        cancelled: Callable[[], bool],
    ) -> Iterator[list[Judgement]]:
        """Yield what was found of each kind; of one that is not offered here, only why."""
        situation = self._situation(place)
        predictor = Predictor(self._model, mixer, cancelled)
        start: Hypotheses | None = None
        shown: set[str] = set()
        for kind in (kind for kind in KINDS if kind in kinds):
            silent = silence(kind, situation, settings)
            if silent:
                yield [Judgement(Candidate(kind, "", 0.0), silent)]
                continue
            if start is None:
                state = self._contexts.state(place.header, place.before, cancelled)
                impossible = no_members(place.language) if situation.awaits_member else b""
                start = predictor.start(state, place.before, impossible)
            minimum = settings.minimum(kind)
            judge = cache(partial(objection, kind=kind, situation=situation))
            offers = self._search(kind, predictor, start, situation, minimum=minimum, judge=judge)
            judgements = self._judgements(kind, offers, judge, minimum)
            if kind == "token":
                judgements = [_unless_shown(one, shown) for one in judgements]
            elif kind == "char":
                shown = {one.candidate.text for one in judgements if one.reason is None}
            yield judgements

    def _judgements(
        self, kind: Kind, offers: list[Offer], judge: Callable[[str], str | None], minimum: float
    ) -> list[Judgement]:
        """Return the candidates of `offers`, calibrated, and why each is not shown, or None."""
        found = []
        best: float | None = None  # raw, of what could be shown
        for text, raw in offers:
            reason = judge(text)
            probability = self.calibration.probability(kind, raw, best)
            if reason is None:
                best = raw if best is None else best
                if probability < minimum:
                    reason = f"it is less probable than {minimum:.0%}"
            found.append(Judgement(Candidate(kind, text, probability), reason))
        return found

    def _situation(self, place: Place) -> Situation:
        """Look around `place`, from where the last request knew to be in code."""
        header, read, start = self._looked_at
        same = place.header == header and place.before.startswith(read)
        situation = Situation(place.before, place.after, place.language, start if same else 0)
        if not same or not start <= situation.start <= start + WINDOW:
            start = situation.start
            self._looked_at = (place.header, place.before[:start], start)
        return situation

    def _search(
        self,
        kind: Kind,
        predictor: Predictor,
        start: Hypotheses,
        situation: Situation,
        *,
        minimum: float,
        judge: Callable[[str], str | None],
    ) -> list[Offer]:
        """Return what could be offered of `kind`, with raw probabilities, best first."""
        raw = self.calibration.raw(kind, minimum)
        floor = float(np.log(max(raw, SEARCHED)))
        language = situation.language
        if kind == "char":
            return _offers(search.characters(predictor, start, floor=floor))
        if kind == "token":
            tokens = automaton(language, situation.scan.where)
            row = tokens.after(situation.typed.encode())
            return _offers(search.tokens(predictor, start, tokens, row, floor=floor))
        if kind == "line":
            return _lines(predictor, start, situation, raw, judge)
        indentation = len(situation.line_before)
        words = word_symbols(language)
        paths = search.block(predictor, start, words, indentation, floor=floor)
        return fit_blocks(paths, situation, raw)


def _lines(
    predictor: Predictor,
    start: Hypotheses,
    situation: Situation,
    raw: float,
    judge: Callable[[str], str | None],
) -> list[Offer]:
    """Return what could be the rest of the line, at least `raw` where that is not 0."""
    floor = float(np.log(max(raw, SEARCHED))) if raw else search.LEAST
    words = word_symbols(situation.language)
    if situation.line_after:  # met by a line that does not end here
        return fit_lines(search.lines(predictor, start, words, floor=floor), situation, raw)

    def accepts(text: str) -> bool:
        return judge(text) is None

    def ends(line: bytes) -> bool:
        return accepts(line.decode().rstrip())

    floor += BELOW if situation.below else 0
    paths = search.lines(predictor, start, words, floor=floor, accepts=ends)
    refused = [path for path in paths if path.ended is not None and not ends(path.symbols)]
    paths = [path for path in paths if path.ended is None or ends(path.symbols)]
    paths = search.rescore(predictor, paths, symbols.encode(situation.below))
    return fit_lines(paths + refused, situation, raw, accepts)


def _unless_shown(token: Judgement, characters: Collection[str]) -> Judgement:
    """Return `token`, refused when it is one of the characters that are shown."""
    if token.reason is None and token.candidate.text in characters:
        return token._replace(reason="it is offered as a character already")
    return token


def _offers(found: list[Found]) -> list[Offer]:
    return [Offer(text, float(np.exp(log_probability))) for text, log_probability in found]
