"""Text as the network reads it: line ends, what it may not hold, headers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lstm_lsp import symbols


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a\r\nb\rc\nd", "a\nb\nc\nd"),
        ("a\n\r\n\rb", "a\n\n\nb"),
        ("a\f\u2028b\x85", "a\f\u2028b\x85"),  # no line ends of a source
        ("a\x02\x03\x1e\x1fb", "a" + "\ufffd" * 4 + "b"),
        ("a\ud83db", "a\ufffdb"),
    ],
)
def test_text_as_the_network_reads_it(text: str, expected: str) -> None:
    assert symbols.normalise(text) == expected
    assert symbols.encode(text) == expected.encode()


@given(text=st.text(st.characters() | st.sampled_from("\r\n\x02\x03\x1e\x1f\ud800")))
def test_what_was_normalised_stays_and_holds_no_marker(text: str) -> None:
    read = symbols.normalise(text)
    assert symbols.normalise(read) == read
    assert not set(symbols.encode(text)) & set(symbols.MARKERS)


def test_a_header_holds_its_markers_once_whatever_the_path() -> None:
    assert symbols.header("python", "p/a.py") == b"\x02python\x1fp/a.py\x1e"
    assert symbols.header("java") == b"\x02java\x1f\x1e"
    assert symbols.header("java", "a\x1eb\nc") == "\x02java\x1fa\ufffdb\nc\x1e".encode()


def test_a_character_starts_where_no_continuation_byte_stands() -> None:
    text = "aä漢😀"
    starts = [symbols.is_boundary(symbol) for symbol in text.encode()]
    assert sum(starts) == len(text)
    assert all(starts[len(text[:at].encode())] for at in range(len(text)))
