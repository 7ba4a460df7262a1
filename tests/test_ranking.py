"""What is shown, what is not, and why: each rule at a cursor written as `|`."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lstm_lsp.beam import Path
from lstm_lsp.fitting import fit_blocks, fit_lines
from lstm_lsp.ranking import (
    ON_DEMAND,
    Presentation,
    bracket_fault,
    indentation_fault,
    objection,
    silence,
)
from lstm_lsp.search import Kind
from lstm_lsp.situation import WINDOW, Situation
from tests.scripted import begin


def at(text: str, language: str = "python") -> Situation:
    before, _, after = text.partition("|")
    return Situation(before.encode(), after, language)


def path(text: str, *probabilities: float, ended: float | None = None) -> Path:
    """Return a hypothesis; the last probability holds for the symbols that are left."""
    symbols = text.encode()
    filled = [*probabilities, *probabilities[-1:] * len(symbols)][: len(symbols)]
    log_probs = np.log(np.array(filled))
    _, nowhere = begin({})
    logarithm = None if ended is None else float(np.log(ended))
    return Path(symbols, log_probs, log_probs, logarithm, (nowhere, 0))


@pytest.mark.parametrize(
    ("text", "language", "candidate", "reason"),
    [
        ("x = |", "python", "", "there is nothing to add"),
        ("x = |", "python", "  ", "it is only white space"),
        ("x = |", "python", "foo(a)", None),
        ("x = |", "python", "foo(a", "a bracket stays open"),
        ("x = |", "python", "foo(", None),  # its arguments come on the next lines
        ("x = |", "python", "foo(a,", None),
        ("x = |", "python", "foo)", "it closes a bracket that is not open"),
        ("x = |", "python", "foo(a]", "its brackets do not match"),
        ("foo(|", "python", "a)", None),
        ("foo(|", "python", "a]", "its brackets do not match"),
        ("x = |", "python", "'a", "a string stays open"),
        ("x = |", "python", "'a)'", None),
        ("x = |", "python", "'''a", None),  # goes on over lines
        ("x = 'ab|", "python", "c'", None),
        ("x = 'ab|", "python", "c", "a string stays open"),
        ("x = 1  # see |", "python", "a) (", None),  # prose has its own brackets
        ("if (a) |", "java", "{", None),
        ("foo(a, |", "java", "bar(b);", "a statement ends inside brackets"),
        ("foo(a, |", "java", "bar(b));", None),
        ("for (|", "java", "int i = 0; i < f(n); i++) {", None),
        ("for (int i = 0; |", "java", "i < n;", None),
        ("for (int i = f(|", "java", "0; i < n;", "a statement ends inside brackets"),
        ("x = |", "java", "foo(a;", "a statement ends inside brackets"),
        (
            "import a.B;\nimport a.C;\n|",
            "java",
            "import a.B;",
            "it declares again what stands above",
        ),
        ("import a.B;\nimport a.C;\n|", "java", "import a.D;", None),
        ("class A:\n  def a(self):\n    b()\n\nclass B:\n  |", "python", "def a(self):", None),
        (
            "class A:\n  def a(self):\n    b()\n  |",
            "python",
            "def a(self):",
            "it declares again what stands above",
        ),
        (
            "class A:\n  def a(self):\n    b()\n\n  |",
            "python",
            "def a(self):",
            "it declares again what stands above",
        ),
        ("a()\nb()\n|", "python", "a()", None),
        ('"""a\n\tb\n|', "python", "    c", None),  # a text is indented at will
        ("x = |\nfoo(a)\n", "python", "foo(a)", "it repeats the next line"),
        ("|\nreturn a\n", "python", "return a", "it repeats the next line"),
        ("|\nreturn a\n", "python", "return", "it repeats the next line"),  # nor begins to
        ("x = |\nx = foo(a)\n", "python", "foo", None),
        ("foo(a)\n|", "python", "foo(a)", "it repeats the line before"),
        ("    }\n    |", "java", "}", "it closes a bracket that is not open"),
        ("class A {\n  {\n    }\n  |", "java", "}", None),
        ("x = |", "python", "ab, ab, ab, ab,", "it repeats itself"),
        ("x = |", "python", "----------", None),
        ("x = a|", "python", '."b"', "no name follows the dot"),
        ("x = a.|", "python", '"b"', "no name follows the dot"),
        ("x = |", "java", "a().+ b;", "no name follows the dot"),
        ("x = |", "java", 'a("b. c").d(1.0);', None),
        ("x = |", "python", "a.b + 1.", None),
        ("import java.util|", "java", ".*;", None),
        ("this|", "java", ".<T>of(a);", None),
        ("x = a|", "python", ".\\", None),
        ("# a|", "python", '. "b"', None),
        ("x = |y", "python", "foo", "it would run into the word after the cursor"),
    ],
)
def test_what_is_objected_to_in_a_line(
    text: str, language: str, candidate: str, reason: str | None
) -> None:
    assert objection(candidate, "line", at(text, language)) == reason


@pytest.mark.parametrize(
    ("candidate", "reason"),
    [
        ("/** a\n * b\n */", None),
        ("/** a\n * b", "a comment stays open"),
        ("// a\n// b", None),
        ("\nfoo();", "it begins with an empty line"),
    ],
)
def test_what_is_objected_to_in_a_block(candidate: str, reason: str | None) -> None:
    assert objection(candidate, "block", at("class A {\n|\n}\n", "java")) == reason


def test_a_block_may_begin_as_the_line_before_it() -> None:
    assert objection("foo();\nbar();", "block", at("foo();\n|\n", "java")) is None
    assert objection("foo();", "line", at("foo();\n|\n", "java")) == "it repeats the line before"


def test_a_block_may_go_on_with_a_comment_that_is_open() -> None:
    assert objection("* b\n * c", "block", at("/** a\n |\n", "java")) is None


@pytest.mark.parametrize(
    ("text", "candidate", "reason"),
    [
        ("foo(|)", ")", "it repeats what follows the cursor"),
        ("foo(|", ")", None),
        ("foo(|", "]", "its brackets do not match"),
        ("foo|", ")", "its brackets do not match"),
        ("x |= 1", "==", None),
        ("    | self.write()", "self", "it repeats what follows the cursor"),
        ("| def scheme", " def", "it repeats what follows the cursor"),
        ("| define", "def", None),
        ("s| self", "elf", None),
        ("x |= 1", "=", "it repeats what follows the cursor"),
        ("x = |", "foo", None),
    ],
)
def test_what_is_objected_to_in_a_token(text: str, candidate: str, reason: str | None) -> None:
    assert objection(candidate, "token", at(text)) == reason
    if len(candidate) == 1:
        assert objection(candidate, "char", at(text)) == reason


def test_a_bracket_that_a_later_line_closes_is_not_closed_again() -> None:
    assert objection("a)", "line", at("foo(\n    |\n)\n")) == "it closes a bracket that is not open"
    assert objection("a)", "line", at("foo(\n    |\nbar(b)\n")) is None
    # Two braces are open, one is closed below: the inner one is the user's to close.
    assert objection("}", "line", at("class A {\n  f() {\n  |\n\n}\n", "java")) is None


@pytest.mark.parametrize(
    ("text", "kind", "reason"),
    [
        ("pri|nt", "token", "the cursor is inside a word"),
        ("pri|", "token", None),
        ("x = |y", "token", None),
        ("a|$b", "token", "the cursor is inside a word"),
        ("# pri|", "line", "suggestions in comments are switched off"),
        ("x = 'a |'", "token", "suggestions in strings are switched off"),
        ("x = 'a' |", "token", None),
        ("    | # why", "block", "a block fills an empty line, and this one is not"),
        ("x = |", "block", "a block fills an empty line, and this one is not"),
        ("    |", "block", None),
        ("    |  \n", "block", None),
    ],
)
def test_where_nothing_is_offered(text: str, kind: Kind, reason: str | None) -> None:
    settings = Presentation(in_comments=False, in_strings=False)
    assert silence(kind, at(text), settings) == reason
    if "switched off" in (reason or ""):
        assert silence(kind, at(text), Presentation()) is None


@pytest.mark.parametrize(
    ("text", "candidate", "fault"),
    [
        ("if x:\n    |", "a()", False),
        ("if x:\n|", "a()", True),  # a block is expected
        ("if x:\n|", "    a()", False),
        ("x = 1\n|", "    a()", True),  # and here none
        ("if x:\n    a()\n|", "else:", False),
        ("if x:\n    a()\n|", "  b()", True),  # no line above is indented so
        ("if x:\n    a()\n  |", "b()", False),  # as the user indented the line
        ("|", "if x:\n    a()\nb()", False),
        ("|", "foo(\n      a,\n   b)", False),
        ("|", "x = '''\n    a\n  '''", False),
        ("|", "if x:\na()", True),
        ("foo(\n|", "      a)", False),  # inside brackets anything goes
        ("if x:\n\ta()\n|", "        b()", True),  # tabs above, spaces here
    ],
)
def test_indentation_that_python_would_refuse(text: str, candidate: str, fault: bool) -> None:
    assert (indentation_fault(candidate, at(text)) is not None) == fault


@given(text=st.text("ab()[]{}, '", max_size=12))
def test_brackets_that_pass_a_cut_are_balanced(text: str) -> None:
    if bracket_fault(text, at("x = |"), cut=True) is None and "'" not in text:
        for opening, closing in ("()", "[]", "{}"):
            assert text.count(opening) == text.count(closing)


def test_a_string_that_a_cut_leaves_open_is_the_cursors_own() -> None:
    assert bracket_fault("'a", at("x = |"), cut=True) == "a string stays open"
    assert bracket_fault("a", at("x = '|'"), cut=True) is None


def test_where_a_text_is_not_all_known_a_bracket_may_be_open_above() -> None:
    beginning = Situation(b"x = 1\n" * WINDOW, "", "python")
    assert objection(")", "token", beginning) is None
    assert objection("a)", "line", beginning) is None


# --- lines at the cursor -------------------------------------------------------------


def test_a_whole_line_that_is_probable_enough_comes_first() -> None:
    paths = [path("foo(a)", 0.9, ended=0.5), path("foo(b)", 0.9, ended=0.2)]
    offers = fit_lines(paths, at("x = |"), 0.4)
    assert [offer.text for offer in offers] == ["foo(a)", "foo(b)"]
    assert offers[0].probability == pytest.approx(0.5)


def test_an_improbable_line_is_cut_to_the_beginning_that_saves_most() -> None:
    # "foo" is safe, "foo(a)" saves more on average, all of it is not probable enough.
    line = path("foo(a).bar", *[0.9] * 3, *[0.8] * 3, 0.1, ended=0.05)
    offers = fit_lines([line], at("x = |"), 0.4)
    assert (offers[0].text, round(offers[0].probability, 2)) == ("foo(a)", 0.8)
    assert offers[1].text == "foo(a).bar"


def test_what_is_not_accepted_comes_last_and_so_does_its_beginning() -> None:
    paths = [path("foo(a)", 0.9, ended=0.5), path("foo(b)", 0.9, ended=0.2)]
    offers = fit_lines(paths, at("x = |"), 0.4, lambda text: text != "foo(a)")
    assert [offer.text for offer in offers] == ["foo(b)", "foo(a)"]
    beginning = path("foo(a).bar", *[0.9] * 3, *[0.8] * 3, 0.1, ended=0.05)
    offers = fit_lines([beginning], at("x = |"), 0.4, lambda text: text != "foo(a)")
    assert [offer.text for offer in offers] == ["foo", "foo(a).bar"]


def test_lines_that_differ_in_spaces_at_their_ends_are_one() -> None:
    paths = [path("foo(a)", 0.9, ended=0.5), path("foo(a) ", 0.9, ended=0.2)]
    (offer,) = fit_lines(paths, at("x = |"), 0.4)
    assert offer.probability == pytest.approx(0.5)


def test_a_word_that_may_go_on_is_as_probable_as_its_end() -> None:
    line = path("foo.bar", 0.9, 0.9, 0.9, 0.1)
    longer = replace(line, word_ends=np.log(np.full(7, 0.2)))
    assert [offer.text for offer in fit_lines([line], at("x = |"), 0.5)] == ["foo"]
    assert not fit_lines([longer], at("x = |"), 0.5)


@pytest.mark.parametrize(
    ("text", "line", "language", "cut"),
    [
        ("x = |", "foo(a, b", "python", "foo"),  # never inside brackets
        ("x = |", "'abc def", "python", None),  # never inside a string of its own
        ("x = 'abc|", " def ghi", "python", " def"),
        ("# abc|", " def ghi", "python", " def"),
        ("x = |", "a + b", "python", "a"),
    ],
)
def test_where_a_line_may_be_cut(text: str, line: str, language: str, cut: str | None) -> None:
    # All but the last two characters are sure.
    symbols = path(line, *[0.9] * (len(line) - 2), 0.1)
    offers = fit_lines([symbols], at(text, language), 0.5)
    expected = [] if cut is None or len(cut) < 2 else [cut]
    assert [offer.text for offer in offers] == expected


def test_a_string_that_the_line_opens_is_not_cut_however_sure() -> None:
    assert not fit_lines([path("'abc", 0.9)], at("x = |"), 0.5)
    assert fit_lines([path("'abc'", 0.9)], at("x = |"), 0.5)


@pytest.mark.parametrize(
    ("text", "line", "between"),
    [
        ("foo(|)", "a, b)", "a, b"),  # the bracket is there already
        ("foo(|);", "bar(a), b);", "bar(a), b"),
        ("foo(|)", "a, b)\x00.baz()", "a, b"),
        ("foo(|) + 1", "a) - 2", "a"),
        ("x = 'ab|'", "c def'", "c def"),
        ("a = |b * c", "d + b * c", "d + "),
        ("foo(|)", ")", ""),
        ("x = 'ab| d'", "c e'", "c"),
        ("foo(|) + 1", "a  # :)", None),  # in a comment it is another bracket
        ("foo(|)", "a, b", None),  # never comes to the bracket
        ("x = |y", "xy", None),  # would run into the word
    ],
)
def test_a_line_ends_where_it_meets_the_text_after_the_cursor(
    text: str, line: str, between: str | None
) -> None:
    offers = fit_lines([path(line, 0.5, ended=0.4)], at(text), 0.0)
    assert [offer.text for offer in offers] == ([] if between is None else [between])


def test_the_probability_of_meeting_is_that_of_coming_to_the_text_after() -> None:
    line = path("ab)cd", 0.9, 0.8, 0.7, 0.2, ended=0.1)
    (offer,) = fit_lines([line], at("foo(|)"), 0.0)
    assert offer.probability == pytest.approx(0.7)


def test_a_block_is_cut_where_it_saves_most_and_is_balanced() -> None:
    text = "if (a) {\n    b();\n}\nc();\n"
    probabilities = [0.9] * len("if (a) {\n    b();\n}\n") + [0.2]
    situation = at("class A {\n|", "java")
    offers = fit_blocks([path(text, *probabilities)], situation, 0.3)
    assert [offer.text for offer in offers] == ["if (a) {\n    b();\n}"]


def test_a_block_has_at_least_two_lines() -> None:
    block = path("a();\nb();\n", *[0.9] * 5, 0.1)
    assert not fit_blocks([block], at("|", "java"), 0.3)
    assert fit_blocks([block], at("|", "java"), 0.1)


def test_who_asks_by_hand_sees_guesses_too() -> None:
    chosen = Presentation({"line": 0.6, "block": 0.05}, in_comments=False).on_demand()
    assert chosen.minimum("line") == ON_DEMAND < 0.6
    assert chosen.minimum("block") == 0.05
    assert not chosen.in_comments
