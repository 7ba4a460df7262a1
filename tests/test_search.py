"""What the searches find where a model's beliefs are known."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lstm_lsp import search
from lstm_lsp.automaton import automaton, word_symbols
from lstm_lsp.beam import Path
from lstm_lsp.network import Cancelled
from lstm_lsp.predictor import Predictor
from lstm_lsp.search import Found
from tests.scripted import begin

PYTHON = automaton("python", "code")
WORDS = word_symbols("python")


def percent(found: list[Found]) -> dict[str, int]:
    return {one.text: round(100 * np.exp(one.log_probability)) for one in found}


def texts(paths: list[Path]) -> list[tuple[str, int | None]]:
    """Return what is more than noise, finished lines with their probability in percent."""
    likely = [path for path in paths if max(path.ended or -9, *path.log_probs, -9) > -5]
    return [
        (path.symbols.decode(), None if path.ended is None else round(100 * np.exp(path.ended)))
        for path in likely
        if path.ended is None or path.ended > -5
    ]


def test_characters_come_with_their_probability_best_first() -> None:
    found = search.characters(*begin({"ab": 0.5, "b": 0.3, "\n": 0.2}))
    assert list(percent(found).items())[:3] == [("a", 50), ("b", 30), ("\n", 20)]


def test_a_character_of_several_symbols_is_whole() -> None:
    predictor, start = begin({"é": 0.4, "è": 0.1, "🙂x": 0.3, "a": 0.2})
    found = search.characters(predictor, start, 3)
    assert percent(found) == {"é": 40, "🙂": 30, "a": 20}
    assert predictor.steps == 3  # both at once: one symbol less than the longer has


def test_the_documents_end_is_an_empty_character() -> None:
    assert percent(search.characters(*begin({"\x03": 0.9, "a": 0.1}), 2)) == {"": 90, "a": 10}


def test_tokens_are_distinct_and_their_probability_includes_their_end() -> None:
    predictor, start = begin(
        {"get(": 0.3, "get)": 0.2, "getName(": 0.2, "return ": 0.1, "== 1": 0.1, "= 1": 0.1}
    )
    found = search.tokens(predictor, start, PYTHON)
    assert percent(found[:5]) == {"get": 50, "getName": 20, "return": 10, "==": 10, "=": 10}
    assert len({one.text for one in found}) == len(found)


def test_a_token_goes_on_with_the_word_that_is_typed() -> None:
    texts = {"urn x": 0.6, "x)": 0.3, " y": 0.1}
    found = search.tokens(*begin(texts), PYTHON, PYTHON.after(b"ret"))
    # What is typed may be all of the word (" y"): that is no candidate.
    assert list(percent(found).items())[:2] == [("urn", 60), ("x", 30)]


def test_strings_comments_and_lines_are_no_tokens() -> None:
    found = search.tokens(*begin({"'a' ": 0.4, "# b": 0.3, "\n": 0.2, "f'": 0.1}), PYTHON)
    assert all(one.log_probability < np.log(0.001) for one in found)


def test_a_search_for_tokens_stops_at_its_floor() -> None:
    predictor, start = begin({"a_long_name_of_30_letters_or_so ": 0.3, "b ": 0.7})
    found = search.tokens(predictor, start, PYTHON, floor=float(np.log(0.4)))
    assert percent(found) == {"b": 70}
    assert predictor.steps == 1


def test_lines_end_at_their_newline_or_the_documents_end() -> None:
    paths = search.lines(*begin({"a = 1\n": 0.5, "b\x03": 0.3, "b\nc": 0.2}), WORDS)
    assert {("a = 1", 50), ("b", 50)} <= set(texts(paths))


def test_a_line_search_prefers_finished_lines_to_hopeless_live_ones() -> None:
    predictor, start = begin({"x\n": 0.9, "y" * 90 + "\n": 0.1})
    assert texts(search.lines(predictor, start, WORDS))[0] == ("x", 90)
    assert predictor.steps == 1


def test_a_line_that_is_not_accepted_makes_no_other_hopeless() -> None:
    script = {"x)\n": 0.9, "y" * 9 + "\n": 0.1}
    everything = search.lines(*begin(script), WORDS)
    accepted = search.lines(*begin(script), WORDS, accepts=lambda line: line != b"x)")
    assert texts(everything)[0] == ("x)", 90)
    assert "y" * 9 not in dict(texts(everything))
    assert texts(accepted)[0] == ("y" * 9, 10)
    assert texts(accepted)[-1] == ("x)", 90)


def test_a_line_search_ends_after_its_longest_line() -> None:
    predictor, start = begin({"y" * 300 + "\n": 1.0})
    paths = search.lines(predictor, start, WORDS)
    assert predictor.steps == search.LONGEST_LINE
    assert texts(paths) == [("y" * search.LONGEST_LINE, None)]


def test_beginnings_of_lines_know_where_words_may_end() -> None:
    (path, *_) = search.lines(*begin({"ab(c\n": 0.5, "abc(d\n": 0.3, "ab)\n": 0.2}), WORDS)
    assert path.symbols == b"ab(c"
    assert np.exp(path.log_probs) == pytest.approx([1, 1, 0.5, 0.5], abs=0.01)
    # After "ab" no word symbol follows in 0.7, after "ab(" a "c" always does.
    assert np.exp(path.word_ends) == pytest.approx([0, 0.7, 0, 0.5], abs=0.01)


def test_a_beginning_that_falls_apart_is_still_found() -> None:
    tails = {f"name.{chr(97 + i)}\n": 0.06 for i in range(10)}
    paths = search.lines(*begin({**tails, "x\n": 0.4}), WORDS, floor=float(np.log(0.3)))
    assert b"name." in [path.symbols for path in paths]


def test_a_block_ends_before_a_line_indented_less() -> None:
    text = "if x:\n        a()\n    b()\nc()\n"
    (path, *_) = search.block(*begin({text: 1.0}), WORDS, 4, floor=float(np.log(0.2)))
    assert path.symbols == b"if x:\n        a()\n    b()\n"


def test_a_block_ends_at_an_empty_line_and_after_its_most_lines() -> None:
    (path, *_) = search.block(*begin({"a\nb\n\nc\n": 1.0}), WORDS, 0, floor=float(np.log(0.2)))
    assert path.symbols == b"a\nb\n"
    (path, *_) = search.block(*begin({"a\n" * 20: 1.0}), WORDS, 0, floor=float(np.log(0.2)))
    assert path.symbols == b"a\n" * search.MOST_LINES


def test_cancel_stops_before_the_next_step() -> None:
    predictor, start = begin({"abcdefgh\n": 1.0})
    calls = iter([False] * 3 + [True])
    cancellable = Predictor(predictor._model, predictor._mixer, lambda: next(calls))
    with pytest.raises(Cancelled):
        search.lines(cancellable, start, WORDS)
    assert cancellable.steps == 3


LINES = st.text(st.sampled_from("ab(). é"), max_size=6)


@settings(max_examples=60, deadline=None)
@given(weights=st.dictionaries(LINES, st.integers(1, 9), min_size=1, max_size=5))
def test_a_wide_enough_beam_finds_the_likeliest_line(weights: dict[str, int]) -> None:
    paths = search.lines(*begin({f"{line}\n": weight for line, weight in weights.items()}), WORDS)
    likeliest = max(weights.values())
    best = paths[0]
    assert best.ended is not None
    assert np.exp(best.ended) == pytest.approx(likeliest / sum(weights.values()), abs=0.01)
    assert weights[best.symbols.decode()] == likeliest


@settings(max_examples=30, deadline=None)
@given(weights=st.dictionaries(LINES, st.integers(1, 9), min_size=1, max_size=5))
def test_the_same_search_finds_the_same(weights: dict[str, int]) -> None:
    script = {f"{line}\n": float(weight) for line, weight in weights.items()}
    first, second = (search.lines(*begin(script), WORDS) for _ in range(2))
    for one, other in zip(first, second, strict=True):
        assert one.symbols == other.symbols
        assert one.ended == other.ended
    tokens = [search.tokens(*begin(script), PYTHON) for _ in range(2)]
    assert tokens[0] == tokens[1]
