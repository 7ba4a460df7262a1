"""Text drawn from the network, one whole character at a time.

`generate` samples symbols from a position on and yields characters as they are complete;
who reads them decides where they go. Temperature, then the nucleus (Holtzman 2020,
"The curious case of neural text degeneration"), then one draw a symbol from a numpy
Generator: the same seed gives the same text. Knows nothing of files or the protocol.
"""

from __future__ import annotations

import codecs
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from lstm_lsp import symbols
from lstm_lsp.network import Cancelled, never

if TYPE_CHECKING:
    from lstm_lsp.network import Model
    from lstm_lsp.predictor import Hypotheses, Predictor

TEMPERATURE = 0.7
TOP_P = 0.95
LANGUAGES = ("java", "python")

_ONLY = np.zeros(1, np.int64)


def generate(
    predictor: Predictor,
    hypotheses: Hypotheses,
    *,
    max_characters: int,
    temperature: float = TEMPERATURE,
    top_p: float = TOP_P,
    seed: int = 0,
    stop: bool = False,
    cancelled: Callable[[], bool] = never,
) -> Iterator[str]:
    """Yield `max_characters` characters that follow `hypotheses` (B = 1).

    Fewer only with `stop`, when the document ends itself; without it the end is never
    drawn. Raises Cancelled when `cancelled()` before a symbol.
    """
    random = np.random.default_rng(seed)
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    drawn = 0
    while drawn < max_characters:
        if cancelled():
            raise Cancelled
        log_probs = hypotheses.log_probs[0].astype(np.float64)
        if not stop:
            log_probs[symbols.END] = -np.inf
        symbol = draw(log_probs, temperature, top_p, random)
        if symbol == symbols.END:
            return
        character = decoder.decode(bytes((symbol,)))
        if character:
            drawn += len(character)
            yield character
        if drawn < max_characters:
            hypotheses = predictor.advance(hypotheses, _ONLY, np.array([symbol], np.int64))


def draw(
    log_probs: npt.NDArray[np.float64],
    temperature: float,
    top_p: float,
    random: np.random.Generator,
) -> int:
    """Draw a symbol from `log_probs` (256,), natural logs, at least one of them finite.

    `temperature` 0 takes the likeliest. The nucleus is the smallest set of likeliest
    symbols whose probability reaches `top_p` (0-1], after the temperature.
    """
    if temperature == 0:
        return int(log_probs.argmax())
    with np.errstate(over="ignore"):  # a temperature near 0 is as good as 0
        probabilities = np.exp((log_probs - log_probs.max()) / temperature)
    order = np.argsort(-probabilities, kind="stable")
    cumulative = probabilities[order].cumsum()
    cumulative /= cumulative[-1]
    kept = int(cumulative.searchsorted(top_p)) + 1  # the symbol that reaches top_p is in
    edges = cumulative[:kept]
    # A draw in [0, edges[-1]) from the nucleus' own cumulative sums: nothing to renormalise.
    return int(order[edges.searchsorted(random.random() * edges[-1], side="right")])


def likeliest_language(model: Model, text: str) -> str:
    """Return the language under whose header the network finds `text` least surprising."""
    read = symbols.encode(text)[: model.context]
    if not read:
        return LANGUAGES[0]
    rows, columns = np.arange(len(read)), np.frombuffer(read, np.uint8)
    scores = {}
    for language in LANGUAGES:
        state = model.read(symbols.header(language), model.start())
        predicted, _ = model.predictions(read[:-1], state)
        predicted = np.concatenate((state.log_probs, predicted))
        scores[language] = float(predicted[rows, columns].sum())
    return max(scores, key=scores.__getitem__)
