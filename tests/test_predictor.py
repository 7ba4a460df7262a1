"""What may follow a text: whole characters, no markers, probabilities that sum to one."""

import codecs
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lstm_lsp import symbols
from lstm_lsp.memory import TAIL, NetworkAlone
from lstm_lsp.network import Cancelled, Floats, Integers, Model
from lstm_lsp.predictor import Hypotheses, Predictor

ONLY = np.zeros(1, np.int64)


class Recorder:
    """A mixer that keeps what it was asked and changes nothing."""

    def __init__(self) -> None:
        self.asked: list[list[bytes]] = []

    def mix(self, log_probs: Floats, tails: Sequence[bytes]) -> Floats:
        self.asked.append(list(tails))
        return log_probs


def read(predictor: Predictor, start: Hypotheses, text: bytes) -> Hypotheses:
    for symbol in text:
        start = predictor.advance(start, ONLY, np.array([symbol]))
    return start


def spelt(text: bytes) -> Integers:
    return np.frombuffer(text, np.uint8).astype(np.int64)


def drawable(hypotheses: Hypotheses) -> set[int]:
    return set(np.flatnonzero(np.isfinite(hypotheses.log_probs[0])).tolist())


def can_go_on(text: bytes) -> bool:
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        decoder.decode(text)
    except UnicodeDecodeError:
        return False
    return True


@settings(max_examples=60, deadline=None)
@given(text=st.text(max_size=4), keep=st.integers(0, 3))
def test_drawable_bytes_are_those_that_utf8_allows(tiny_model: Model, text: str, keep: int) -> None:
    # Part of a text's last character, as a search stands inside it.
    whole = symbols.encode(text)
    last = symbols.encode(text[-1:])
    before = whole[: len(whole) - len(last)] + last[:keep] if last else whole
    predictor = Predictor(tiny_model, NetworkAlone())
    found = drawable(predictor.start(tiny_model.start(), before))
    markers = set(symbols.MARKERS)
    expected = {b for b in range(256) if b not in markers and can_go_on(before + bytes((b,)))}
    if can_go_on(before + b"a"):  # only where a character may start
        expected.add(symbols.END)
    assert found == expected


def test_probabilities_are_renormalised_after_masking(tiny_model: Model) -> None:
    predictor = Predictor(tiny_model, NetworkAlone())
    for before in (b"", b"x = ", "é".encode()[:1], "€".encode()[:2]):
        hypotheses = predictor.start(tiny_model.read(before, tiny_model.start()), before)
        assert np.exp(hypotheses.log_probs).sum() == pytest.approx(1, abs=1e-5)


def test_a_batch_advances_as_its_rows_alone_would(tiny_model: Model) -> None:
    predictor = Predictor(tiny_model, NetworkAlone())
    start = predictor.start(tiny_model.read(b"int ", tiny_model.start()), b"int ")
    both = predictor.advance(start, np.array([0, 0]), np.array([ord("a"), ord("b")]))
    both = predictor.advance(both, np.array([1, 0, 1]), np.array([ord("c"), ord("d"), ord("e")]))
    assert both.tails == [b"int bc", b"int ad", b"int be"]
    alone = read(predictor, start, b"bc")
    # Rows of a batch share the int8 scale of their states: close, not equal.
    assert np.allclose(both.state.h[:, 0], alone.state.h[:, 0], atol=0.05)


def test_the_memory_reads_the_last_symbols_of_each_hypothesis(tiny_model: Model) -> None:
    mixer = Recorder()
    predictor = Predictor(tiny_model, mixer)
    text = bytes(range(ord("0"), ord("0") + 50))
    start = predictor.start(tiny_model.start(), text)
    read(predictor, start, b"xy")
    assert mixer.asked == [[text[-TAIL:]], [(text + b"x")[-TAIL:]], [(text + b"xy")[-TAIL:]]]


def test_steps_are_counted_and_cancel_stops_before_the_next(tiny_model: Model) -> None:
    stop = False
    predictor = Predictor(tiny_model, NetworkAlone(), lambda: stop)
    start = predictor.start(tiny_model.start(), b"")
    read(predictor, start, b"abc")
    assert predictor.steps == 3
    stop = True
    with pytest.raises(Cancelled):
        read(predictor, start, b"a")
    assert predictor.steps == 3


def test_a_step_that_was_taken_is_not_taken_again(tiny_model: Model) -> None:
    predictor = Predictor(tiny_model, NetworkAlone())
    start = predictor.start(tiny_model.read(b"x = ", tiny_model.start()), b"x = ")
    once = read(predictor, start, b"abc")
    assert read(predictor, start, b"abc") is once
    assert predictor.steps == 3
    other = read(predictor, start, b"abd")
    assert predictor.steps == 4
    again = Predictor(tiny_model, NetworkAlone())
    fresh = read(again, again.start(start.state, b"x = "), b"abd")
    assert np.array_equal(fresh.log_probs, other.log_probs)


def test_a_row_that_was_gone_on_to_is_not_computed_again_whatever_it_stood_beside(
    tiny_model: Model,
) -> None:
    """Two batches whose hypotheses are known, in another order, are one batch without a step."""
    predictor = Predictor(tiny_model, NetworkAlone())
    start = predictor.start(tiny_model.start(), b"")
    both = predictor.advance(start, np.zeros(2, np.int64), spelt(b"ab"))
    other = predictor.advance(start, np.zeros(2, np.int64), spelt(b"cd"))
    assert predictor.steps == 2
    again = predictor.advance(start, np.zeros(3, np.int64), spelt(b"dba"))
    assert predictor.steps == 2
    assert again.tails == [b"d", b"b", b"a"]
    expected = [(other, 1), (both, 1), (both, 0)]
    for row, (batch, place) in enumerate(expected):
        np.testing.assert_array_equal(again.log_probs[row], batch.log_probs[place])
        np.testing.assert_array_equal(again.state.h[:, row], batch.state.h[:, place])
    # And from there: what followed a row is known in every batch that it stands in.
    predictor.advance(both, np.array([1, 0]), spelt(b"xy"))
    predictor.advance(again, np.array([2, 1]), spelt(b"yx"))
    assert predictor.steps == 3
    predictor.advance(again, np.array([0, 1]), spelt(b"yx"))
    assert predictor.steps == 4
