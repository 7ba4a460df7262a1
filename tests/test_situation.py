"""What stands around a cursor, and how much of a long text is looked at for it."""

import pytest

from lstm_lsp.situation import WINDOW, Situation

OPEN = "class A {\n  void f() {\n    "


def test_a_long_text_is_looked_at_from_a_line_start_on() -> None:
    line = "x = 'ä'\n"
    before = (line * WINDOW).encode()
    situation = Situation(before, "", "python")
    assert situation.start % len(line.encode()) == 0
    assert 0 < len(before) - situation.start <= WINDOW
    assert situation.before.encode() == before[situation.start :]
    assert not situation.whole


def test_of_a_line_too_long_the_end_is_looked_at() -> None:
    situation = Situation(b"x" * 3 * WINDOW, "", "python")
    assert situation.before == "x" * WINDOW


def test_of_a_long_text_after_the_cursor_the_beginning_is_looked_at() -> None:
    assert Situation(b"", "x\n" * WINDOW, "python").after == "x\n" * (WINDOW // 4)


@pytest.mark.parametrize(
    ("before", "after", "language", "brackets"),
    [
        (OPEN, "", "java", "{{"),
        (OPEN, "\n}\n", "java", "{"),
        (OPEN, "\n  }\n}\n", "java", ""),
        (OPEN, "\n}\n" + "\n" * WINDOW, "java", "{{"),  # what it closes is not known
        ("foo(bar(", ")", "python", "("),
        ("foo(  # ", "it)\n)", "python", "("),  # prose after the cursor closes none
    ],
)
def test_brackets_that_nothing_after_the_cursor_closes(
    before: str, after: str, language: str, brackets: str
) -> None:
    assert Situation(before.encode(), after, language).open_brackets == brackets


def test_blank_lines_are_no_text_below() -> None:
    assert Situation(b"x", " = 1\n\n  \n", "python").below == ""
    below = Situation(b"x", " = 1\n\n  y\n", "python")
    assert (below.below, below.next_line) == ("\n\n  y\n", "y")
