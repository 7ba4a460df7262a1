"""From a position to what is shown: the whole path, on beliefs that are known."""

import numpy as np
import pytest

from lstm_lsp import symbols
from lstm_lsp.completer import Completer, Place
from lstm_lsp.context import Contexts
from lstm_lsp.memory import NetworkAlone
from lstm_lsp.network import Cancelled, Model
from lstm_lsp.ranking import EVERYTHING, Presentation
from lstm_lsp.search import KINDS, Candidate, Kind
from tests.scripted import Scripted

HEADER = symbols.header("python", "p/a.py")
LINE: tuple[Kind, ...] = ("line",)
TOKEN: tuple[Kind, ...] = ("token",)
BLOCK: tuple[Kind, ...] = ("block",)
RETURN = {"return value\n": 0.6, "return other\n": 0.2, "raise E\n": 0.2}


def at(text: str, language: str = "python") -> Place:
    before, _, after = text.partition("|")
    return Place(HEADER, symbols.encode(before), after, language)


def completer(script: dict[str, float], **card: object) -> Completer:
    scripted = Scripted(script, card)
    return Completer(scripted.model, scripted.contexts)


def shown(found: list[Candidate]) -> list[tuple[str, str, int]]:
    return [(one.kind, one.text, round(100 * one.probability)) for one in found]


def test_batches_come_in_order_of_cost_each_best_first() -> None:
    batches = list(
        completer(RETURN).batches(at("    |"), NetworkAlone(), ("line", "char", "token"))
    )
    assert [shown(batch) for batch in batches] == [
        [("char", "r", 100)],
        [("token", "return", 80), ("token", "raise", 20)],
        [("line", "return value", 60)],
    ]


def test_a_batch_is_given_before_the_next_is_searched() -> None:
    scripted = Scripted(RETURN)
    batches = Completer(scripted.model, scripted.contexts).batches(at("    |"), NetworkAlone())
    assert next(batches)
    assert scripted.steps == 0  # next characters cost no step


def test_candidates_are_sorted_by_probability() -> None:
    found = completer(RETURN).candidates(at("    |"), NetworkAlone(), ("token", "line"))
    assert shown(found) == [
        ("token", "return", 80),
        ("line", "return value", 60),
        ("token", "raise", 20),
    ]


def test_what_is_less_probable_than_the_setting_is_not_shown() -> None:
    settings = Presentation({"token": 0.5, "line": 0.7})
    found = completer(RETURN).candidates(
        at("    |"), NetworkAlone(), ("token", "line"), settings=settings
    )
    # Of the line, its beginning is probable enough.
    assert shown(found) == [("token", "return", 80), ("line", "return", 80)]


def test_everything_shows_the_likeliest_line_however_improbable() -> None:
    script = {f"{letter}x\n": 1.0 for letter in "abcdefghij"} | {"kx\n": 1.1}
    found = completer(script).candidates(at("|"), NetworkAlone(), LINE, settings=EVERYTHING)
    assert found[0].text == "kx"


def test_a_high_minimum_saves_the_search() -> None:
    script = {f"{letter}xxxxxxxxxxxxxxxxxxxx\n": 1.0 for letter in "abcdefghij"}
    scripted = Scripted(script)
    asked = Completer(scripted.model, scripted.contexts)
    assert not asked.candidates(at("|"), NetworkAlone(), LINE)
    assert scripted.steps == 0
    asked.candidates(at("|"), NetworkAlone(), LINE, settings=EVERYTHING)
    assert scripted.steps > 20


def test_the_most_improbable_is_not_searched_for_whatever_the_settings() -> None:
    asked = completer({"a \n": 1.0, "b \n": 1e-5})
    found = asked.candidates(at("|"), NetworkAlone(), TOKEN, settings=EVERYTHING)
    assert [one.text for one in found] == ["a"]


def test_probabilities_are_the_models_calibrated_ones() -> None:
    calibrated = completer(RETURN, calibration={"line": [[0.5, 0.2], [0.7, 0.4]]})
    assert not calibrated.candidates(
        at("    |"), NetworkAlone(), LINE, settings=Presentation({"line": 0.65})
    )
    (found,) = calibrated.candidates(
        at("    |"), NetworkAlone(), LINE, settings=Presentation({"line": 0.29})
    )
    assert found.text == "return value"
    assert found.probability == pytest.approx(0.3, abs=0.01)


def test_the_best_that_may_be_shown_is_calibrated_as_the_best() -> None:
    asked = completer({") ": 0.6, "a ": 0.4}, calibration={"token": [[0.6, 0.9]]})
    (found,) = asked.candidates(at("x = |"), NetworkAlone(), TOKEN)
    assert found.text == "a"
    assert found.probability == pytest.approx(0.6, abs=0.01)


def test_a_line_that_cannot_be_gives_way_to_the_next() -> None:
    asked = completer({"a);\n": 0.6, "a));\n": 0.2, "b + c(d));\n": 0.2})
    shown = asked.candidates(at("foo(bar(|", "java"), NetworkAlone(), LINE, settings=EVERYTHING)
    assert shown[0].text in ("a));", "b + c(d));")
    reasons = asked.explain(at("foo(bar(|", "java"), NetworkAlone(), LINE, settings=EVERYTHING)
    assert ("a);", "a statement ends inside brackets") in [
        (one.candidate.text, one.reason) for one in reasons
    ]


def test_nothing_is_offered_in_place_of_a_probable_line_that_stands_below() -> None:
    script = {"return a\n": 0.8, "return b\n": 0.2}
    below = completer(script).candidates(at("|\nreturn a\n"), NetworkAlone(), LINE)
    alone = completer(script).candidates(at("|\nx = 1\n"), NetworkAlone(), LINE)
    assert [one.text for one in below] == []
    assert alone[0].text == "return a"


def test_explain_gives_a_reason_for_what_is_not_shown() -> None:
    explained = completer({"foo(]\n": 0.9, "x\n": 0.1}).explain(at("y = |"), NetworkAlone())
    reasons = {(j.candidate.kind, j.candidate.text): j.reason for j in explained}
    assert reasons["char", "f"] is None
    assert reasons["token", "foo"] is None
    assert reasons["line", "foo(]"] == "its brackets do not match"
    silent = completer(RETURN).explain(at("pri|nt"), NetworkAlone(), TOKEN)
    assert [(j.candidate.text, j.reason) for j in silent] == [("", "the cursor is inside a word")]


def test_after_the_dot_of_a_member_access_only_names_are_likely() -> None:
    prose = {'" is': 0.7, " A": 0.2, "celsius\n": 0.1}
    found = completer(prose).candidates(at("total += reading.|"), NetworkAlone())
    assert shown(found) == [("char", "c", 100), ("token", "celsius", 100), ("line", "celsius", 100)]
    for text in ("# reading.|", "x = 'reading.|", "x = 1.|"):
        assert '"' in [one.text for one in completer(prose).candidates(at(text), NetworkAlone())]


def test_inside_a_word_nothing_is_searched() -> None:
    scripted = Scripted(RETURN)
    found = Completer(scripted.model, scripted.contexts).candidates(at("pri|nt"), NetworkAlone())
    assert (found, scripted.steps) == ([], 0)


def test_mid_word_the_rest_of_the_word_is_completed() -> None:
    found = completer({"urn x\n": 0.9, ")\n": 0.1}).candidates(
        at("    ret|"), NetworkAlone(), ("token", "line")
    )
    assert shown(found) == [("token", "urn", 90), ("line", "urn x", 90)]


def test_a_number_that_is_begun_goes_on_as_a_number() -> None:
    found = completer({"-5\n": 1.0}).candidates(at("x = 1e|"), NetworkAlone(), TOKEN)
    assert shown(found) == [("token", "-5", 100)]


def test_a_closing_bracket_that_is_there_is_not_repeated() -> None:
    found = completer({"a, b)\n": 0.8, ")\n": 0.2}).candidates(
        at("foo(|)\n"), NetworkAlone(), ("token", "line")
    )
    assert set(shown(found)) == {("line", "a, b", 80), ("token", "a", 80)}


def test_text_after_the_cursor_that_may_not_be_seen_changes_nothing() -> None:
    found = completer({"a, b)\n": 0.8, ")\n": 0.2}).candidates(at("foo(|"), NetworkAlone(), LINE)
    assert shown(found) == [("line", "a, b)", 80)]


def test_a_block_of_several_lines_fills_an_empty_line() -> None:
    block = "if (a) {\n        b();\n    }\n    }\n"
    found = completer({block: 1.0}).candidates(
        at("class A {\n    void f() {\n    |\n", "java"), NetworkAlone(), BLOCK
    )
    assert shown(found)[0][:2] == ("block", "if (a) {\n        b();\n    }")


def test_a_block_ends_before_a_line_that_is_indented_less() -> None:
    asked = completer({"a()\n    b()\nc()\n": 1.0})
    found = asked.candidates(at("def f():\n    |\n"), NetworkAlone(), BLOCK)
    assert [one.text for one in found] == ["a()\n    b()"]


def test_a_character_token_is_not_offered_twice() -> None:
    found = completer({"; \n": 1.0}).candidates(at("x|"), NetworkAlone(), ("char", "token"))
    assert shown(found) == [("char", ";", 100)]


def test_cancel_is_heard_between_two_steps() -> None:
    calls = iter([False] * 4 + [True] * 100)
    scripted = Scripted({"a" * 50 + "\n": 1.0})
    with pytest.raises(Cancelled):
        Completer(scripted.model, scripted.contexts).candidates(
            at("|"), NetworkAlone(), LINE, cancelled=lambda: next(calls)
        )
    assert scripted.steps == 4


def test_an_answer_does_not_depend_on_what_was_asked_before(tiny_model: Model) -> None:
    text = "def f(a):\n    return a\n\ndef g(b):\n    retu"
    place = at(text + "|")
    asked = Completer(tiny_model, Contexts(tiny_model))
    for end in (*range(0, len(text), 5), len(text)):
        asked.candidates(at(text[:end] + "|"), NetworkAlone(), settings=EVERYTHING)
    fresh = Completer(tiny_model, Contexts(tiny_model))
    expected = fresh.candidates(place, NetworkAlone(), KINDS, settings=EVERYTHING)
    assert asked.candidates(place, NetworkAlone(), KINDS, settings=EVERYTHING) == expected
    assert {one.kind for one in expected} >= {"char", "token"}


def test_the_text_below_decides_between_lines() -> None:
    script = {"open(a)\n    close(a)\n": 0.25, "open(b)\n    close(b)\n": 0.45, "x\n": 0.3}
    found = completer(script).candidates(at("    |\n    close(a)\n"), NetworkAlone(), LINE)
    # What the three had together is redistributed: open(a) alone goes on so.
    assert shown(found) == [("line", "open(a)", 100)]
    blind = completer(script).candidates(at("    |"), NetworkAlone(), LINE)
    assert shown(blind)[0] == ("line", "open(b)", 45)


def test_a_long_docstring_does_not_turn_code_into_text() -> None:
    doc = "".join(f"    it's line {number} of a long one\n" for number in range(400))
    code = f'def f():\n    """{doc}"""\n' + "    x = 1\n" * 3
    asked = completer({"foo(]\n": 1.0})
    for end in ("x = 'a'|", "x = |"):  # the second from what the first found
        (line,) = asked.explain(at(code + "    " + end), NetworkAlone(), LINE)
        assert line.reason == "its brackets do not match"
    (line,) = asked.explain(at(code[: len(code) // 2] + "|"), NetworkAlone(), LINE)
    assert line.reason is None  # prose
    asked = completer({"foo(]\n": 1.0})
    asked.explain(at("x = 1\n" * 2000 + "|"), NetworkAlone(), LINE)  # another text's code
    (line,) = asked.explain(at(code + "    x = |"), NetworkAlone(), LINE)
    assert line.reason == "its brackets do not match"


def test_a_broken_calibration_is_refused_at_once() -> None:
    with pytest.raises(ValueError, match="calibration"):
        completer(RETURN, calibration={"line": [[0.9, 0.1], [0.1, 0.9]]})


def test_any_language_has_candidates(tiny_model: Model) -> None:
    found = Completer(tiny_model, Contexts(tiny_model)).candidates(
        at("it's a |", "text"), NetworkAlone(), settings=EVERYTHING
    )
    assert found
    assert all(np.isfinite(one.probability) for one in found)
