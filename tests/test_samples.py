"""What the measures of generated text count, on texts made for each rule."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from samples import draw_rows, samples
from structure import added, measure

from lstm_lsp.generate import draw
from lstm_lsp.network import Model

JAVA = """\
/*
 * Licensed under the Apache License, Version 2.0.
 */
package org.example;

import java.util.List;
import static org.junit.Assert.*;

/**
 * Tests of lists.
 */
public final class ListTest {

    /**
     * Compares.
     *
     * @param left one
     * @param right the other
     * @return whether they are equal
     * @throws Exception never
     */
    boolean same(int left, int right) throws Exception {
        String text = "}" + '}'; // }
        switch (left) {
        case 1:
            return true;
        }
        return call(left,
            right);
    }

    @Test
    public void testSame() {
        assertTrue(same(1, 1));
    }

    @Test(expected = Exception.class)
    public void testThrows() {
        same(2, 2);
    }
}
"""
PYTHON = '''\
"""A module."""

from __future__ import division
import numpy as np


@decorated
def first(x):
  if x:
    return [1,
2]
  else:
    return """
import this
"""


class Second(object):
  pass
'''


def test_a_whole_java_file_keeps_every_rule() -> None:
    counts = measure(JAVA, "java", True)
    assert {name for name, (kept, of) in counts.items() if kept != of} == set()
    assert {name for name, (_, of) in counts.items() if not of} == set()
    assert counts["closing brackets that match"][1] == JAVA.count(")") + JAVA.count("}") - 3
    assert counts["Javadoc with a description"] == (2, 2)
    assert counts["@Test methods that assert"] == (2, 2)


@pytest.mark.parametrize(
    ("old", "new", "rule", "expected"),
    [
        (" * Licensed under the Apache License", " * Hello", "licence first", (0, 1)),
        ("package org.example;", "", "licence, package, imports, Javadoc, class", (0, 1)),
        (
            "/**\n * Tests of",
            "/*\n * Tests of",
            "licence, package, imports, Javadoc, class",
            (0, 1),
        ),
        ("(1, 1))", "(1, 1)))", "no bracket wrong", (0, 1)),
        ("(1, 1))", "(1, 1]))", "closing brackets that match", (14, 15)),
        ("(1, 1))", "(1, 1", "ended texts with every bracket closed", (0, 1)),
        ("        assertTrue", "    assertTrue", "indentation equal to depth", (15, 16)),
        ("     * Compares.\n     *\n", "", "description, then @param, then one @return", (0, 1)),
        ("@param right", "@return right", "Javadoc tags in order", (1, 1)),
        ("@param right", "@return right", "description, then @param, then one @return", (0, 1)),
        ("@throws Exception", "@param e", "Javadoc tags in order", (0, 1)),
        ("assertTrue(same(1, 1))", "same(1, 1)", "@Test methods that assert", (1, 2)),
        ("(expected = Exception.class)", "", "@Test methods that assert", (1, 2)),
    ],
)
def test_a_broken_rule_is_counted(old: str, new: str, rule: str, expected: tuple[int, int]) -> None:
    assert old in JAVA
    assert measure(JAVA.replace(old, new), "java", True)[rule] == expected


def test_what_is_cut_off_is_not_judged() -> None:
    counts = measure(JAVA[: JAVA.index("assertTrue")], "java", False)
    assert counts["ended texts with every bracket closed"] == (0, 0)
    assert counts["@Test methods that assert"] == (0, 0)
    assert counts["no bracket wrong"] == (1, 1)


def test_a_whole_python_file_keeps_every_rule() -> None:
    counts = measure(PYTHON, "python", True)
    assert {name for name, (kept, of) in counts.items() if kept != of} == set()
    assert counts["top-level statements that parse"] == (5, 5)


def test_a_python_text_is_judged_to_its_last_whole_statement() -> None:
    counts = measure(PYTHON + "x = (", "python", False)
    assert counts["parses as a whole"] == (0, 1)
    assert counts["parses to its last whole statement"] == (1, 1)
    assert counts["top-level statements that parse"] == (5, 5)
    assert measure('"""Never closed', "python", False)["parses to its last whole statement"] == (
        0,
        1,
    )


def test_statements_parse_on_their_own_and_imports_come_first() -> None:
    broken = PYTHON.replace("if x:", "if x") + "import late\n"
    counts = measure(broken, "python", True)
    assert counts["top-level statements that parse"] == (5, 6)
    assert counts["parses to its last whole statement"] == (0, 1)
    assert counts["imports before definitions"] == (0, 1)


def test_counts_add_up() -> None:
    assert added([{"a": (1, 2), "b": (0, 1)}, {"a": (3, 4)}]) == {"a": (4, 6), "b": (0, 1)}


@given(st.text(max_size=200) | st.text(" \n(){}[]@*/;:\"'=.,Testclassimport", max_size=200))
def test_no_text_is_too_odd_to_measure(text: str) -> None:
    for language in ("java", "python"):
        for kept, of in measure(text, language, True).values():
            assert 0 <= kept <= of


@given(st.integers(0, 2**32 - 1), st.floats(0.2, 2.0), st.floats(0.05, 1.0))
def test_rows_are_drawn_as_one_is(seed: int, temperature: float, top_p: float) -> None:
    log_probs = np.random.default_rng(seed).normal(0, 3, (4, 256)).astype(np.float32)
    alone = np.random.default_rng(seed)
    expected = [draw(row.astype(np.float64), temperature, top_p, alone) for row in log_probs]
    found = draw_rows(log_probs, temperature, top_p, np.random.default_rng(seed))
    assert found.tolist() == expected


def test_samples_come_again_from_their_seed(tiny_model: Model) -> None:
    first = list(samples(tiny_model, "java", 3, 40, seed=1))
    assert first == list(samples(tiny_model, "java", 3, 40, seed=1))
    assert first != list(samples(tiny_model, "java", 3, 40, seed=2))
    assert all(each.ended or len(each.text.encode()) >= 37 for each in first)
