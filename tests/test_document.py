"""Document against a naive implementation that walks characters one by one."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lstm_lsp import symbols
from lstm_lsp.document import Document, Encoding, Position, PositionError

ENCODINGS: tuple[Encoding, ...] = get_args(Encoding)

# What editors hold and what splits, joins or counts in unusual ways.
PIECES = [
    *["a", "ß", "漢字", "😀", "\n", "\r", "\r\n", "\f", "\v", "\x1c", "\x1e", "\x85", "\u2028"],
    *["\u2029", "e\u0301", "\x02", "\x03", "\ud83d", "\ude00", "", "def f(x):\n", "\t"],
]
texts = st.lists(st.sampled_from(PIECES), max_size=12).map("".join)


def units(text: str, encoding: Encoding) -> int:
    """Return how many units of `encoding` one text has, character by character."""
    size = {"utf-8": 1, "utf-16": 2, "utf-32": 4}[encoding]
    codec = {"utf-8": "utf-8", "utf-16": "utf-16-le", "utf-32": "utf-32-le"}[encoding]
    return sum(len(character.encode(codec, "surrogatepass")) // size for character in text)


def join(text: str) -> str:
    """Make neighbouring surrogate halves one character, as any editor's text has them."""
    return re.sub(
        "[\ud800-\udbff][\udc00-\udfff]",
        lambda pair: pair[0].encode("utf-16-le", "surrogatepass").decode("utf-16-le"),
        text,
    )


def naive_lines(text: str) -> list[tuple[int, int]]:
    """Return (start, end before the terminator) of every line."""
    lines, start, index = [], 0, 0
    while index < len(text):
        if text[index] in "\r\n":
            lines.append((start, index))
            index += 2 if text[index : index + 2] == "\r\n" else 1
            start = index
        else:
            index += 1
    return [*lines, (start, len(text))]


def naive_offset(text: str, position: Position, encoding: Encoding) -> int | None:
    """Return the offset, clamped as the protocol says; None inside a character."""
    lines = naive_lines(text)
    if position.line >= len(lines):
        return len(text)
    start, end = lines[position.line]
    for offset in range(start, end + 1):
        before = units(text[start:offset], encoding)
        if before == position.character:
            return offset
        if before > position.character:
            return None
    return end


def check(document: Document, text: str) -> None:
    """Every view of `document` equals what can be said of its text alone."""
    fresh = Document(text)
    assert document.text == fresh.text == text
    assert document.symbols == fresh.symbols == symbols.encode(text)
    lines = naive_lines(text)
    assert document.position(len(text), "utf-32").line == len(lines) - 1
    for offset in range(len(text) + 1):
        assert document.symbol_offset(offset) == len(symbols.encode(text[:offset]))
    for number, (start, end) in enumerate(lines):
        for offset in {start, (start + end) // 2, end}:
            assert (document.line_start(offset), document.line_end(offset)) == (start, end)
            for encoding in ENCODINGS:
                position = document.position(offset, encoding)
                assert position == (number, units(text[start:offset], encoding))
                assert document.offset(position, encoding) == offset


@dataclass(frozen=True)
class Edit:
    start: Position
    end: Position
    new: str


positions = st.builds(Position, st.integers(0, 8), st.integers(0, 10))
edits = st.builds(Edit, positions, positions, texts)


@given(texts)
def test_a_fresh_document_equals_the_naive_one(text: str) -> None:
    text = join(text)
    check(Document(text), text)


@given(texts, st.lists(edits, max_size=8), st.sampled_from(ENCODINGS))
def test_after_any_edits_a_document_equals_a_fresh_one(
    text: str, changes: list[Edit], encoding: Encoding
) -> None:
    text = join(text)
    document = Document(text)
    for change in changes:
        first = naive_offset(text, change.start, encoding)
        last = naive_offset(text, change.end, encoding)
        if first is None or last is None or change.start > change.end:
            with pytest.raises(PositionError):
                document.edited(change.start, change.end, change.new, encoding, 2)
        else:
            text = join(text[:first] + change.new + text[last:])
            document = document.edited(change.start, change.end, change.new, encoding, 2)
        check(document, text)


@given(texts, positions, st.sampled_from(ENCODINGS))
def test_positions_clamp_as_the_protocol_says(
    text: str, position: Position, encoding: Encoding
) -> None:
    text = join(text)
    expected = naive_offset(text, position, encoding)
    if expected is None:
        with pytest.raises(PositionError):
            Document(text).offset(position, encoding)
    else:
        assert Document(text).offset(position, encoding) == expected


def test_a_line_longer_than_one_stride_is_counted_out() -> None:
    text = "é😀" * 20_000 + "\r\nend"
    document = Document(text)
    for encoding in ENCODINGS:
        for offset in (0, 8191, 8192, 8193, 39_999, 40_000):
            position = document.position(offset, encoding)
            assert position == (0, units(text[:offset], encoding))
            assert document.offset(position, encoding) == offset
    assert document.offset(Position(0, 10**9), "utf-16") == 40_000


def test_an_edit_leaves_the_old_document_as_it_was() -> None:
    old = Document("one\ntwo\n", version=1)
    new = old.edited(Position(1, 0), Position(1, 3), "2", "utf-16", 2)
    assert (old.text, old.symbols, old.version) == ("one\ntwo\n", b"one\ntwo\n", 1)
    assert (new.text, new.symbols, new.version) == ("one\n2\n", b"one\n2\n", 2)


@pytest.mark.parametrize(
    ("start", "end", "word"),
    [
        (Position(1, 0), Position(0, 0), "reversed"),
        (Position(0, 2), Position(0, 1), "reversed"),
        (Position(0, 2), Position(0, 3), "inside a character"),
        (Position(-1, 0), Position(0, 0), "negative"),
    ],
)
def test_an_impossible_range_is_refused_with_the_reason(
    start: Position, end: Position, word: str
) -> None:
    document = Document("x😀y\nz")
    with pytest.raises(PositionError, match=word):
        document.edited(start, end, "new", "utf-16", 2)
    assert document.text == "x😀y\nz"


def test_halves_of_a_pair_typed_one_after_the_other_become_one_character() -> None:
    document = Document("ab").edited(Position(0, 1), Position(0, 1), "\ud83d", "utf-16", 1)
    assert document.symbols == "a\ufffdb".encode()
    document = document.edited(Position(0, 2), Position(0, 2), "\ude00", "utf-16", 2)
    assert document.text == "a😀b"
    assert document.symbols == "a😀b".encode()
