"""What `generate` draws: whole characters, reproducible, within what it was asked for."""

import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lstm_lsp import symbols
from lstm_lsp.generate import draw, generate, likeliest_language
from lstm_lsp.memory import NetworkAlone
from lstm_lsp.network import Cancelled, Model
from lstm_lsp.predictor import Hypotheses, Predictor


class Script:
    """A predictor that is certain of a text: every symbol of `script` in turn, then END."""

    def __init__(self, script: bytes) -> None:
        self.left = [*script, symbols.END]

    def hypotheses(self) -> Hypotheses:
        log_probs = np.full((1, 256), -50.0, np.float32)
        log_probs[0, self.left.pop(0)] = 0
        return Hypotheses(None, [b""], log_probs, np.exp(log_probs), [{}])  # type: ignore[arg-type]

    def advance(self, *_: object) -> Hypotheses:
        return self.hypotheses()


def scripted(text: str, characters: int, *, stop: bool = False) -> list[str]:
    script = Script(text.encode())
    drawn = generate(
        script,  # type: ignore[arg-type]
        script.hypotheses(),
        max_characters=characters,
        temperature=0,
        stop=stop,
    )
    return list(drawn)


def from_model(model: Model, **options: object) -> str:
    predictor = Predictor(model, NetworkAlone())
    state = model.read(symbols.header("java"), model.start())
    hypotheses = predictor.start(state, b"")
    return "".join(generate(predictor, hypotheses, **options))  # type: ignore[arg-type]


def test_characters_come_whole() -> None:
    assert scripted("aé→🦊b", 5) == ["a", "é", "→", "🦊", "b"]


def test_no_more_characters_than_asked_for() -> None:
    assert scripted("é→🦊", 2) == ["é", "→"]


def test_stops_where_the_document_ends_itself() -> None:
    assert "".join(scripted("ab", 9, stop=True)) == "ab"


def test_does_not_end_unless_told_that_it_may(tiny_model: Model) -> None:
    text = from_model(tiny_model, max_characters=500, temperature=3.0, top_p=1.0)
    assert len(text) == 500
    assert not set(text.encode()) & set(symbols.MARKERS)


def test_the_same_seed_gives_the_same_text(tiny_model: Model) -> None:
    first, again, other = (
        from_model(tiny_model, max_characters=80, temperature=1.0, seed=seed) for seed in (7, 7, 8)
    )
    assert first == again
    assert first != other


def test_what_is_drawn_first_does_not_depend_on_how_much_is_asked_for(tiny_model: Model) -> None:
    long, short = (from_model(tiny_model, max_characters=n, seed=1) for n in (60, 20))
    assert long.startswith(short)


def test_is_cancelled_before_the_next_symbol(tiny_model: Model) -> None:
    asked = 0

    def cancelled() -> bool:
        nonlocal asked
        asked += 1
        return asked > 3

    with pytest.raises(Cancelled):
        from_model(tiny_model, max_characters=100, cancelled=cancelled)
    assert asked == 4


def probabilities(**shares: float) -> np.ndarray:
    log_probs = np.full(256, -math.inf)
    for symbol, share in shares.items():
        log_probs[ord(symbol)] = math.log(share)
    return log_probs


def frequencies(log_probs: np.ndarray, temperature: float, top_p: float) -> dict[str, float]:
    random = np.random.default_rng(0)
    draws = Counter(chr(draw(log_probs, temperature, top_p, random)) for _ in range(4000))
    return {symbol: n / 4000 for symbol, n in draws.items()}


@pytest.mark.parametrize(
    ("temperature", "top_p", "expected"),
    [
        (1.0, 1.0, {"a": 0.6, "b": 0.3, "c": 0.1}),
        (1.0, 0.89, {"a": 2 / 3, "b": 1 / 3}),
        (1.0, 0.5, {"a": 1.0}),
        (0.5, 1.0, {"a": 36 / 46, "b": 9 / 46, "c": 1 / 46}),
        (0.0, 1.0, {"a": 1.0}),
    ],
)
def test_temperature_and_nucleus(
    temperature: float, top_p: float, expected: dict[str, float]
) -> None:
    found = frequencies(probabilities(a=0.6, b=0.3, c=0.1), temperature, top_p)
    assert found == pytest.approx(expected, abs=0.03)


@given(
    st.lists(st.floats(-60, 0), min_size=1, max_size=256),
    st.floats(0, 5),
    st.floats(0.001, 1),
    st.integers(0, 2**32),
)
def test_what_may_not_be_drawn_never_is(
    values: list[float], temperature: float, top_p: float, seed: int
) -> None:
    log_probs = np.full(256, -math.inf)
    log_probs[: len(values)] = values
    assert draw(log_probs, temperature, top_p, np.random.default_rng(seed)) < len(values)


def test_the_language_is_the_one_that_explains_the_text_better(tiny_model: Model) -> None:
    """An untrained network knows no language, but what it says must be what is chosen."""
    first = {
        language: tiny_model.read(symbols.header(language), tiny_model.start()).log_probs[0]
        for language in ("java", "python")
    }
    for symbol in range(0x20, 0x7F):
        text = chr(symbol)
        likelier = max(first, key=lambda language: first[language][symbol])
        assert likeliest_language(tiny_model, text) == likelier
