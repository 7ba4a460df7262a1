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


@pytest.mark.parametrize("width", [0, 9, 100])
def test_typing_reads_one_symbol_a_character(tiny_model: Model, width: int) -> None:
    """Across blocks and windows, as long as warm-up keeps up, which reads nothing twice."""
    line = bytes(97 + n % 26 for n in range(width)) + b"\n"
    text = (line * 1000)[: 3 * tiny_model.context + 50]
    contexts = Contexts(tiny_model)
    contexts.state(HEADER, b"")
    warmed = 0
    for end in range(1, len(text) + 1):
        read = contexts.symbols_read
        contexts.state(HEADER, text[:end])
        assert contexts.symbols_read <= read + 1
        read = contexts.symbols_read
        contexts.warm(HEADER, text[:end])
        warmed += contexts.symbols_read - read
    assert warmed <= len(text)


@given(st.lists(lines, min_size=3, max_size=8), st.integers(0, 300), st.data())
@settings(max_examples=40, deadline=None)
def test_an_edit_reads_from_the_nearest_block(
    tiny_model: Model, parts: list[str], back: int, data: st.DataObject
) -> None:
    size = tiny_model.context
    text = symbols.encode("".join(parts))
    contexts = Contexts(tiny_model)
    contexts.state(HEADER, text)
    place = max(0, len(text) - back)
    removed = data.draw(st.integers(0, len(text) - place))
    inserted = symbols.encode(data.draw(st.text("xy é\n", max_size=20)))
    edited = text[:place] + inserted + text[place + removed :]
    read = contexts.symbols_read
    contexts.state(HEADER, edited)
    cost = contexts.symbols_read - read
    assert cost <= 2 * size
    if window_start(edited, len(edited), size) == window_start(text, len(text), size):
        assert cost <= len(edited) - place + BLOCK


def test_an_edit_that_nobody_asks_after_reads_nothing(tiny_model: Model) -> None:
    contexts = Contexts(tiny_model)
    text = b"x = 1\n" * 40
    contexts.state(HEADER, text[:60])
    read = contexts.symbols_read
    contexts.state(HEADER, text[:60])  # whatever was edited below
    assert contexts.symbols_read == read


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


def test_the_states_used_longest_ago_go_first(tiny_model: Model) -> None:
    text = b"n = 1\n" * 10
    headers = [symbols.header("python", f"{name}.py") for name in "abc"]
    contexts = Contexts(tiny_model)
    contexts.state(headers[0], text)
    contexts.max_bytes = contexts.nbytes * 5 // 2  # room for two documents
    contexts.state(headers[1], text)
    contexts.state(headers[0], text)
    contexts.state(headers[2], text)
    read = contexts.symbols_read
    contexts.state(headers[2], text)
    contexts.state(headers[0], text)
    assert contexts.symbols_read == read
    contexts.state(headers[1], text)
    assert contexts.symbols_read > read


def test_kept_states_keep_nothing_else_alive(tiny_model: Model) -> None:
    """A call's outputs are views of one array for all its symbols, a hundred times larger."""
    contexts = Contexts(tiny_model)
    for length in (0, 100, BLOCK, BLOCK + 100):
        for array in contexts.state(HEADER, b"x" * length):
            assert array.flags.owndata


def test_work_for_the_background_can_stop_at_every_block(tiny_model: Model) -> None:
    """Stopped at each look at the flag, it still comes to the end, and reads nothing twice."""
    size = tiny_model.context
    text = (b"word\n" * size)[: 3 * size - 1]
    looks: list[int] = []

    def interrupted() -> bool:
        looks.append(contexts.symbols_read)
        return len(looks) % 2 == 0

    contexts = Contexts(tiny_model)
    slices = 0
    while True:
        slices += 1
        try:
            contexts.warm(HEADER, text, interrupted)
        except Cancelled:
            continue
        break
    assert slices > 1
    assert max(np.diff(looks)) <= BLOCK
    through = Contexts(tiny_model)
    through.warm(HEADER, text)
    assert contexts.symbols_read == through.symbols_read
