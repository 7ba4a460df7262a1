"""Enough lexis: tokens without gaps, and where the end of a text stands."""

import io
import keyword
import tokenize

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lstm_lsp import lexis
from lstm_lsp.automaton import DEAD, ENDS, automaton

JAVA = '''package a.b; // done
/* block
 comment */
@Override public List<Map<String, int[]>> f(final int x) throws E {
    char c = '\\''; String s = "a \\" b"; String t = """
        text "block" \\""" more
        """;
    return x >>>= 0x1F_L + 1.5e-3f + .5 + 1. + 0b10 - 'c' -> A::new ... == !y;
}
'''
PYTHON = """#!/usr/bin/env python
from a import b  # why
class C(D):
    '''Doc "string".
    Two lines.'''
    x: int = 0x1F + 1_000 + 1.5e-3j + .5 + 0o17 + 0b1
    def f(self, *args, **kw) -> None:
        y = rb'raw\\'' + f"{x!r}" + "" + '' ** 2 // 3
        if (n := 10) != 3: ...
        return not lambda a: a @ b
"""
QUOTES = ["'", '"', '"""', "'''", "//", "/*", "*/", "#", "\\"]
WORDS = ["a", "f", "rb", "é", "$", "1", "0x", "1.", ".5", "e3", "🙂"]
OTHERS = ["(", ")", "{", "}", "==", ">>>", "=", " ", "\n", "\f", "\u2028"]
SNIPPETS = st.lists(st.sampled_from(QUOTES + WORDS + OTHERS), max_size=14).map("".join)
LANGUAGES = st.sampled_from(["java", "python", "text"])


def texts(source: str, language: str, *kinds: str) -> list[str]:
    found = lexis.tokens(source, language)
    return [source[start:end] for kind, start, end in found if kind in kinds]


@given(text=SNIPPETS, language=LANGUAGES)
def test_tokens_leave_no_gap_whatever_the_text(text: str, language: str) -> None:
    at = 0
    for _, start, end in lexis.tokens(text, language):
        assert start == at < end
        at = end
    assert at == len(text)


def test_java_tokens() -> None:
    assert texts(JAVA, "java", "comment") == ["// done", "/* block\n comment */"]
    assert texts(JAVA, "java", "string")[:2] == ["'\\''", '"a \\" b"']
    assert texts(JAVA, "java", "string")[2].startswith('"""\n')
    assert texts(JAVA, "java", "string")[2].endswith('more\n        """')
    assert texts(JAVA, "java", "number") == ["0x1F_L", "1.5e-3f", ".5", "1.", "0b10"]
    operators = texts(JAVA, "java", "operator")
    assert {">>", ">>>=", "->", "::", "...", "==", "!", "@", "["} <= set(operators)
    assert texts(JAVA, "java", "keyword")[:4] == ["package", "public", "int", "final"]
    assert "Override" in texts(JAVA, "java", "identifier")


def test_python_tokens_agree_with_the_standard_librarys() -> None:
    kinds = {tokenize.NAME, tokenize.NUMBER, tokenize.STRING, tokenize.OP, tokenize.COMMENT}
    source = PYTHON.replace('f"{x!r}"', '"x"')  # 3.12 splits f-strings
    theirs = [
        t.string for t in tokenize.generate_tokens(io.StringIO(source).readline) if t.type in kinds
    ]
    ours = [
        source[start:end]
        for kind, start, end in lexis.tokens(source, "python")
        if kind not in ("space", "newline")
    ]
    assert ours == theirs


def test_python_keywords_are_the_languages() -> None:
    assert lexis.KEYWORDS["python"] == frozenset(keyword.kwlist)


@pytest.mark.parametrize(
    ("text", "language", "where"),
    [
        ("x = 1 ", "python", "code"),
        ('x = "a', "python", "string"),
        ('x = "a"', "python", "code"),
        ('x = "a\\"', "python", "string"),
        ('x = ""', "python", "code"),
        ('"""doc\nmore', "python", "string"),
        ('"""doc"""', "python", "code"),
        ("x = rb'", "python", "string"),
        ("# it's ", "python", "comment"),
        ("# it's\n", "python", "code"),
        ("x = 'a\ny", "python", "code"),  # a forgotten quote ends with its line
        ("// don't", "java", "comment"),
        ("/* a\n * b", "java", "comment"),
        ("/* a */", "java", "code"),
        ("/** a **/ x", "java", "code"),
        ('String s = "// no', "java", "string"),
        ('s = "**/*.java"; ', "java", "code"),
        ("char c = '\"'; ", "java", "code"),
        ('s = """\n a "b" ', "java", "string"),
        ("it's", "text", "code"),
    ],
)
def test_what_the_end_of_a_text_is_in(text: str, language: str, where: str) -> None:
    assert lexis.scan(text, language).where == where


@given(text=SNIPPETS, language=LANGUAGES)
def test_lexing_may_start_at_the_anchor(text: str, language: str) -> None:
    anchor = lexis.scan(text, language).anchor
    starts = {start for _, start, _ in lexis.tokens(text, language)} | {len(text)}
    assert anchor in starts
    tail = [token for token in lexis.tokens(text, language) if token.start >= anchor]
    assert tail == lexis.tokens(text, language, anchor)


@given(text=SNIPPETS, language=LANGUAGES, share=st.floats(0, 1), known=st.floats(0, 1))
@example(text="'", language="java", share=1.0, known=0.0)
@example(text="x # comment", language="python", share=1.0, known=0.0)
@example(text="'a' b", language="python", share=0.4, known=1.0)
def test_a_place_in_code_is_where_lexing_may_start(
    text: str, language: str, share: float, known: float
) -> None:
    def start(at: int) -> int:
        found = lexis.code_start(text.encode(), len(text[:at].encode()), language)
        return len(text.encode()[:found].decode())

    at, other = round(share * len(text)), round(known * len(text))
    found = start(at)
    assert found <= at
    # The same text lies beyond it, whatever was in between: the end stands in the same.
    assert lexis.scan(text[found:], language).where == lexis.scan(text, language).where
    symbols, to = text.encode(), len(text[:at].encode())
    again = lexis.code_start(symbols, to, language, len(text[: start(other)].encode()))
    assert again == len(text[:found].encode())


def test_brackets_that_are_open_and_those_that_close_none() -> None:
    text = "class A { void f() { g(a[0], \"(\", '[' /* { */, (b"
    assert lexis.scan(text, "java").brackets == "{{(("
    assert lexis.scan("f(a]", "java").brackets == "("
    assert lexis.unopened("), c(d) }; // )\n} }", "java") == ")}}}"


@given(text=SNIPPETS, language=st.sampled_from(["java", "python"]))
def test_the_automaton_of_tokens_agrees_with_the_lexer(text: str, language: str) -> None:
    machine = automaton(language, "code")
    found = lexis.tokens(text, language)
    for token in found:
        source = text[token.start : token.end].encode()
        following = text[token.end : token.end + 1].encode()[:1] or b"\x03"
        # To the automaton a symbol beyond ASCII is part of a word, whatever its character.
        if token.kind in ("identifier", "keyword", "number") and following[0] < 0x80:
            row = machine.after(source)
            assert row > 0
            beyond = machine.table[row, following[0]]
            # "0x" and "1e" have begun a number that the text does not finish.
            assert beyond in (ENDS, DEAD) or not machine.ends[beyond].any()


@pytest.mark.parametrize("language", ["java", "python"])
def test_every_operator_and_keyword_is_a_token_of_the_automaton(language: str) -> None:
    machine = automaton(language, "code")
    for token in (*lexis.OPERATORS[language], *lexis.KEYWORDS[language], *"()[]{},;:=<>+-.@"):
        assert machine.ends[machine.after(token.encode()), ord(" ")], token


def test_strings_comments_and_lines_are_no_tokens_to_suggest() -> None:
    python, java = automaton("python", "code"), automaton("java", "code")
    for symbol in b"\"'#\n":
        assert python.table[0, symbol] == DEAD
    assert python.table[python.after(b"rb"), ord("'")] == DEAD
    assert python.table[python.after(b"rbx"), ord("'")] == ENDS
    for symbol in b"/*":
        assert java.table[java.after(b"/"), symbol] == DEAD
    assert python.table[python.after(b"/"), ord("/")] > 0


def test_in_strings_and_comments_tokens_are_words_and_single_characters() -> None:
    words = automaton("python", "comment")
    assert words.ends[words.after(b"#"), ord("#")]
    assert words.ends[words.after(b"="), ord("=")]
    assert words.goes_on[words.after(b"a"), ord("b")] == 0


PIECES = (
    *("rb", "x", "0x1", '"', "'", '"""', "'''", "#", "//", "/*", "*/"),
    *("(", ")", "{", "]", "$", "é", "\\", "\\\n", "\n", " "),
)


@given(
    text=st.lists(st.sampled_from(PIECES), max_size=14).map("".join),
    language=st.sampled_from(["java", "python", "text"]),
)
def test_a_scan_goes_on_from_where_that_of_the_lines_above_ended(text: str, language: str) -> None:
    above = lexis.scan(text[: text.rfind("\n") + 1], language)
    on = lexis.scan(text, language, above.anchor, above.brackets)
    assert on == lexis.scan(text, language)


@pytest.mark.parametrize(
    ("text", "language", "expected"),
    [
        ("reading.", "python", True),
        ("f(a)[0].", "python", True),
        ('"abc".', "java", True),
        ("this.", "java", True),
        ("x = 1.", "python", False),
        ("from .", "python", False),
        ("f(String..", "java", False),
        ("a..", "java", False),
        ("# see a.", "python", False),
        ("x = 'a.", "python", False),
        ("a", "python", False),
        (".", "python", False),
        ("", "python", False),
    ],
)
def test_the_dot_of_a_member_access(text: str, language: str, expected: bool) -> None:
    assert lexis.awaits_member(text, language) == expected
