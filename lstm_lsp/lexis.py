"""Enough lexis of Java and Python to know tokens, strings, comments and open brackets.

Sources: JLS 21 chapter 3; The Python Language Reference 3.13, chapter 2. Text being typed
is rarely correct, so everything lexes: an unterminated string or comment reaches to its
line's or the text's end, a character that begins no token is an operator of its own.
Languages other than Java and Python have words, numbers and single characters, no strings
and no comments. Knows nothing of models, candidates or files.

Left out: soft keywords (`match`, `record`), nested quotes of Python 3.12 f-strings,
Java's Unicode escapes outside strings.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Final, Literal, NamedTuple

Where = Literal["code", "string", "comment"]
TokenKind = Literal[
    "comment", "string", "identifier", "keyword", "number", "operator", "space", "newline"
]


def _split(*parts: str) -> tuple[str, ...]:
    return tuple(" ".join(parts).split())


# The constants among them (`null`, `None`) too: a name cannot be spelt so.
KEYWORDS: Final[dict[str, frozenset[str]]] = {
    "java": frozenset(
        _split(
            "abstract assert boolean break byte case catch char class const continue default do",
            "double else enum extends false final finally float for goto if implements import",
            "instanceof int interface long native new null package private protected public",
            "return short static strictfp super switch synchronized this throw throws transient",
            "true try void volatile while",
        )
    ),
    "python": frozenset(
        _split(
            "False None True and as assert async await break class continue def del elif else",
            "except finally for from global if import in is lambda nonlocal not or pass raise",
            "return try while with yield",
        )
    ),
}

OPERATORS: Final[dict[str, tuple[str, ...]]] = {
    "java": _split(
        ">>>= <<= >>= >>> ... -> :: ++ -- && || == != <= >= += -= *= /= &= |= ^= %= << >>"
    ),
    "python": _split(
        "**= //= <<= >>= ... ** // << >> <= >= == != -> += -= *= /= %= @= &= |= ^= :="
    ),
}
"""Operators of more than one character, longest first."""

STRING_PREFIXES: Final = _split(
    "r R b B u U f F t T br bR Br BR fr fR Fr FR tr tR Tr TR",
    "rb rB Rb RB rf rF Rf RF rt rT Rt RT",
)
"""What may stand before a Python string's first quote."""

_PREFIX: Final = f"(?:{'|'.join(sorted(STRING_PREFIXES, key=len, reverse=True))})?"

_TRIPLE: Final = re.compile(rf"{_PREFIX}(?:\"{{3}}|'{{3}})")
_WORD: Final = r"[^\W\d]\w*"
_NUMBER: Final = (
    r"0[xX][\da-fA-F_]+[lL]?|0[bB][01_]+[lL]?|0[oO][0-7_]+"
    r"|(?:\d[\d_]*(?:\.(?:\d[\d_]*)?)?|\.\d[\d_]*)(?:[eE][+-]?\d[\d_]*)?[lLfFdDjJ]?"
)

# For each language, by name: terminated and open strings and comments, and its words.
_TEXT_PARTS: Final[dict[str, dict[str, str]]] = {
    "java": {
        "comment": r"/\*(?:[^*]++|\*(?!/))*+\*/",
        "open_comment": r"//[^\n]*|/\*(?s:.)*",
        "string": (
            r'"""(?:[^"\\]++|\\(?s:.)|"(?!""))*+"""|"(?!"")(?:[^"\\\n]++|\\[^\n])*+"|""(?!")'
            r"|'(?:[^'\\\n]++|\\[^\n])*+'"
        ),
        "open_string": (r'"""(?s:.)*|"(?:\\[^\n]|[^"\\\n])*\\?|' + r"'(?:\\[^\n]|[^'\\\n])*\\?"),
        "word": r"(?:[^\W\d]|\$)[\w$]*",
    },
    "python": {
        "comment": r"(?!)",
        "open_comment": r"#[^\n]*",
        "string": (
            rf"{_PREFIX}(?:"
            r'"""(?:[^"\\]++|\\(?s:.)|"(?!""))*+"""|'
            r"'''(?:[^'\\]++|\\(?s:.)|'(?!''))*+'''"
            r'|"(?!"")(?:[^"\\\n]++|\\(?s:.))*+"|""(?!")'
            r"|'(?!'')(?:[^'\\\n]++|\\(?s:.))*+'|''(?!'))"
        ),
        "open_string": (
            rf"{_PREFIX}(?:"
            r'"""(?s:.)*|' + r"'''(?s:.)*" + r'|"(?:\\(?s:.)|[^"\\\n])*\\?'
            r"|'(?:\\(?s:.)|[^'\\\n])*\\?)"
        ),
        "word": _WORD,
    },
}
_NO_STRINGS: Final = {
    "comment": r"(?!)",
    "open_comment": r"(?!)",
    "string": r"(?!)",
    "open_string": r"(?!)",
    "word": _WORD,
}


CLOSING: Final = {"(": ")", "[": "]", "{": "}"}
"""The brackets, opening to closing."""


# Strings and comments alone, over symbols; a string's prefix changes nothing about its end.
_SPANS: Final = {
    "java": re.compile(
        rb"""//[^\n]*|/\*(?:[^*]++|\*(?!/))*+(?:\*/|\Z)|\"{3}(?:[^"\\]++|\\(?s:.)|"(?!""))*+(?:\"{3}|\Z)"""
        rb"""|"(?:[^"\\\n]++|\\[^\n])*+\\?"?|'(?:[^'\\\n]++|\\[^\n])*+\\?'?"""
    ),
    "python": re.compile(
        rb"""\#[^\n]*|\"{3}(?:[^"\\]++|\\(?s:.)|"(?!""))*+(?:\"{3}|\Z)"""
        rb"""|'{3}(?:[^'\\]++|\\(?s:.)|'(?!''))*+(?:'{3}|\Z)"""
        rb"""|"(?:[^"\\\n]++|\\(?s:.))*+\\?"?|'(?:[^'\\\n]++|\\(?s:.))*+\\?'?"""
    ),
}


class Token(NamedTuple):
    """One token: text[start:end]."""

    kind: TokenKind
    start: int
    end: int


class Scan(NamedTuple):
    """Where the end of a text stands.

    `where`: code, or inside an unterminated string or comment. `anchor`: where that
    string or comment begins, in code where the last line or the token that reaches into
    it begins: lexing may start there. `brackets`: the opening brackets not yet closed.
    """

    where: Where
    anchor: int
    brackets: str


def tokens(text: str, language: str, start: int = 0) -> list[Token]:
    """Return the tokens of `text[start:]`, gapless, `start` being in code.

    Strings and comments are one token each, spaces and newlines are tokens too.
    """
    keywords = KEYWORDS.get(language, frozenset())
    found = []
    for match in _tokens_pattern(language).finditer(text, start):
        kind = match.lastgroup or ""
        if kind == "word":
            kind = "keyword" if match.group() in keywords else "identifier"
        found.append(Token(_KINDS[kind], match.start(), match.end()))
    return found


def scan(text: str, language: str, start: int = 0, opened: str = "") -> Scan:
    """Return where the end of `text` stands; looks on from `start`, in code, with `opened`."""
    brackets = list(opened)
    where: Where = "code"
    anchor = text.rfind("\n") + 1
    for match in _scan_pattern(language).finditer(text, start):
        kind = match.lastgroup
        if kind == "bracket":
            bracket = match.group()
            if bracket in CLOSING:
                brackets.append(bracket)
            elif brackets and CLOSING[brackets[-1]] == bracket:
                brackets.pop()
        elif match.end() == len(text) and kind in ("open_comment", "open_string"):
            where = "comment" if kind == "open_comment" else "string"
            anchor = match.start()
        elif kind != "plain" and match.start() < anchor < match.end():
            anchor = match.start()
    return Scan(where, anchor, "".join(brackets))


def awaits_member(text: str, language: str) -> bool:
    """Whether `text`, beginning in code, ends with the dot of a member access."""
    if not text.endswith("."):
        return False
    *_, before, dot = (Token("newline", 0, 0), *tokens(text, language))
    return is_member_dot(before.kind, text[before.start : before.end], text[dot.start : dot.end])


def is_member_dot(kind: TokenKind, before: str, dot: str) -> bool:
    """Whether the token `dot`, right after a token `before` of this kind, reaches for a member."""
    return dot == "." and (kind in ("identifier", "keyword", "string") or before in (")", "]", "}"))


def spans_lines(string: str) -> bool:
    """Whether the string literal that `string` begins with may go on over lines."""
    return _TRIPLE.match(string) is not None


def code_start(text: bytes, at: int, language: str, known: int = 0) -> int:
    """Return the last place at or before `at` where `text` (symbols) is in code.

    That is `at`, or where the string or comment begins that reaches over it. Looks from
    `known` on, which is such a place, unless it is after `at`.
    """
    pattern = _SPANS.get(language)
    for match in pattern.finditer(text, known if known <= at else 0) if pattern else ():
        if match.end() > at or (match.end() == len(text) and _is_open(match.group(), language)):
            return min(match.start(), at)
    return at


def _is_open(span: bytes, language: str) -> bool:
    """Whether the string or comment `span` would go on in the text that is typed after it."""
    return scan(span.decode(errors="replace"), language).where != "code"


def unopened(text: str, language: str) -> str:
    """Return the closing brackets of `text`, which begins in code, that it does not open."""
    opened: list[str] = []
    found: list[str] = []
    for match in _scan_pattern(language).finditer(text):
        if match.lastgroup == "bracket":
            bracket = match.group()
            if bracket in CLOSING:
                opened.append(bracket)
            elif opened:
                opened.pop()
            else:
                found.append(bracket)
    return "".join(found)


_KINDS: Final[dict[str, TokenKind]] = {
    "comment": "comment",
    "open_comment": "comment",
    "string": "string",
    "open_string": "string",
    "identifier": "identifier",
    "keyword": "keyword",
    "number": "number",
    "operator": "operator",
    "space": "space",
    "newline": "newline",
}


@cache
def _tokens_pattern(language: str) -> re.Pattern[str]:
    parts = _TEXT_PARTS.get(language, _NO_STRINGS)
    operators = "|".join(re.escape(operator) for operator in OPERATORS.get(language, ()))
    alternatives = {
        **{name: parts[name] for name in ("comment", "open_comment", "string", "open_string")},
        "newline": r"\n",
        "space": r"[^\S\n]+",
        "number": _NUMBER,
        "word": parts["word"],
        "operator": f"{operators}|(?s:.)" if operators else "(?s:.)",
    }
    return re.compile("|".join(f"(?P<{name}>{part})" for name, part in alternatives.items()))


@cache
def _scan_pattern(language: str) -> re.Pattern[str]:
    """Match strings, comments and brackets, and whole runs of what is none of them.

    A word right before a quote is matched alone, lest `rb"` begin at its b.
    """
    parts = _TEXT_PARTS.get(language, _NO_STRINGS)
    plain = rf"(?:[^\w$\"'#/()\[\]{{}}]++|\d++|{parts['word']}(?![\"'\w$]))++"
    alternatives = {
        **{name: parts[name] for name in ("comment", "open_comment", "string", "open_string")},
        "bracket": r"[()\[\]{}]",
        "plain": plain,
        "word": parts["word"],
    }
    return re.compile("|".join(f"(?P<{name}>{part})" for name, part in alternatives.items()))
