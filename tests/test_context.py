"""The state beside a document: exact, bounded, and counted in symbols read."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lstm_lsp import symbols
from lstm_lsp.context import BLOCK, Contexts, window_start
from lstm_lsp.network import Cancelled, Model, State

HEADER = symbols.header("python", "project/module.py")
lines = st.text(st.sampled_from("ab é漢😀\n    ("), max_size=600)


def from_scratch(model: Model, before: bytes) -> State:
    """Return the state by the definition: header, then the window, in one call each."""
    start = window_start(before, len(before), model.context)
    return model.read(before[start:], model.read(HEADER, model.start()))


def assert_equal(one: State, other: State) -> None:
    for a, b in zip(one, other, strict=True):
        np.testing.assert_array_equal(a, b)


@given(st.lists(lines, min_size=1, max_size=6), st.data())
@settings(max_examples=40, deadline=None)
def test_state_is_a_pure_function_of_header_and_text(
    tiny_model: Model, texts: list[str], data: st.DataObject
) -> None:
    """Whatever was asked before, in whatever order, the state is that of a fresh reading."""
    contexts = Contexts(tiny_model, max_bytes=200_000)
    for text in texts:
        encoded = symbols.encode(text)
        offset = data.draw(st.integers(0, len(encoded)))
        state = contexts.state(HEADER, encoded[:offset])
        assert_equal(state, from_scratch(tiny_model, encoded[:offset]))
        assert contexts.nbytes <= 200_000


@given(lines, st.integers(1, 64), st.data())
def test_window_depends_on_the_text_before_alone(text: str, size: int, data: st.DataObject) -> None:
    encoded = symbols.encode(text)
    offset = data.draw(st.integers(0, len(encoded)))
    start = window_start(encoded, offset, size)
    assert start == window_start(encoded[:offset], offset, size)
    assert start <= offset
    assert offset - start <= 2 * size
    if start and encoded[start - 1 : start] != b"\n":
        assert start == offset or symbols.is_boundary(encoded[start])


def test_typing_reads_one_symbol_a_character(tiny_model: Model) -> None:
    contexts = Contexts(tiny_model)
    text = b"x" * 200
    contexts.state(HEADER, text)
    for end in range(201, 250):
        read = contexts.symbols_read
        contexts.state(HEADER, b"x" * end)
        assert contexts.symbols_read == read + 1


def test_an_edit_reads_from_the_nearest_block(tiny_model: Model) -> None:
    contexts = Contexts(tiny_model)
    text = bytes(97 + i % 26 for i in range(250))
    contexts.state(HEADER, text)
    read = contexts.symbols_read
    contexts.state(HEADER, text[:200] + b"!" + text[200:230])
    assert contexts.symbols_read - read <= 30 + 1 + BLOCK


def test_undo_and_redo_read_nothing(tiny_model: Model) -> None:
    contexts = Contexts(tiny_model)
    one, other = b"a" * 240, b"a" * 100 + b"b" * 140
    contexts.state(HEADER, one)
    contexts.state(HEADER, other)
    read = contexts.symbols_read
    contexts.state(HEADER, one)
    contexts.state(HEADER, other)
    assert contexts.symbols_read == read


def test_jumping_into_a_large_document_costs_the_bounded_context(tiny_model: Model) -> None:
    contexts = Contexts(tiny_model)
    contexts.state(HEADER, b"line\n" * 100_000)
    assert contexts.symbols_read <= len(HEADER) + 2 * tiny_model.context


def test_the_next_window_is_warm_when_typing_reaches_it(tiny_model: Model) -> None:
    contexts = Contexts(tiny_model)
    size = tiny_model.context
    text = b"word\n" * size
    near = text[: 3 * size - 5]
    contexts.state(HEADER, near)
    contexts.warm(HEADER, near)
    read = contexts.symbols_read
    contexts.state(HEADER, text[: 3 * size])
    assert contexts.symbols_read - read <= 5 + BLOCK


def test_cancelled_reading_keeps_what_was_read(tiny_model: Model) -> None:
    contexts = Contexts(tiny_model)
    text = b"abc\n" * 100
    with pytest.raises(Cancelled):
        contexts.state(HEADER, text, lambda: contexts.symbols_read > len(HEADER) + 100)
    read = contexts.symbols_read
    assert_equal(contexts.state(HEADER, text), from_scratch(tiny_model, text))
    assert contexts.symbols_read - read < len(text)


def test_forgetting_a_document_gives_its_memory_back(tiny_model: Model) -> None:
    contexts = Contexts(tiny_model)
    other = symbols.header("java")
    contexts.state(other, b"class A {")
    kept = contexts.nbytes
    contexts.state(HEADER, b"text " * 40)
    contexts.forget(HEADER)
    assert contexts.nbytes == kept
