"""The attributes of code that take its tokens: brackets, strings, statements, names, methods.

By `lexis` alone, so text that is broken or half typed has them too. Each is one value for each
character of the text; `attributes` says what they mean.
"""

from __future__ import annotations

import re
from typing import Final

import numpy as np
import numpy.typing as npt

from lstm_lsp.explore.methods import RETURN_TYPES, Method, methods
from lstm_lsp.lexis import CLOSING, Token, tokens
from lstm_lsp.licence import licence_end

Floats = npt.NDArray[np.float32]

_CASES: Final = {
    "constant-case": re.compile(r"_*[A-Z][A-Z\d_]+"),
    "capitalised": re.compile(r"_*[A-Z](?:[A-Za-z\d]*[a-z][A-Za-z\d]*)?"),
    "camel-case": re.compile(r"_*[a-z][a-z\d]*[A-Z][A-Za-z\d]*"),
    "snake-case": re.compile(r"_*[a-z][a-z\d]*(?:_+[a-z\d]+)+_*"),
}


def lexical(text: str, language: str) -> dict[str, npt.NDArray[np.generic]]:
    """Return the attributes of Java or Python that take tokens, one value a character."""
    found: dict[str, Floats] = {
        name: np.zeros(len(text), np.float32)
        for name in ("round", "square", "curly", "string", "comment", "documentation", "licence")
    }
    lexed = tokens(text, language)
    for name, opener in (("round", "("), ("square", "["), ("curly", "{")):
        changes = np.zeros(len(text), np.float32)
        for token in lexed:
            if token.kind == "operator" and token.end - token.start == 1:
                character = text[token.start]
                changes[token.start] = (character == opener) - (character == CLOSING[opener])
        found[name] = _depth(changes)
    found["brackets"] = found["round"] + found["square"] + found["curly"]
    for token, where in _enclosed(text, language, lexed):
        inside = slice(token.start + _opener(text, token) - 1, token.end - _closer(text, token))
        for name in where:
            found[name][inside] = 1
    notice = text.encode()[: licence_end(text.encode())].decode()
    found["licence"][: len(notice.rstrip())] = 1
    found |= _statements(text, language, lexed)
    found |= _names(text, lexed)
    if language == "java":
        found |= _returned(text, methods(text))
    return dict(found)


def _depth(changes: Floats) -> Floats:
    """Return the running sum of `changes`, a closing bracket too many counting nothing."""
    depth = np.cumsum(changes)
    return np.asarray(depth - np.minimum(np.minimum.accumulate(depth), 0), np.float32)


def _enclosed(text: str, language: str, lexed: list[Token]) -> list[tuple[Token, tuple[str, ...]]]:
    """Return strings and comments with the flags that are up inside them.

    A docstring is a string at bracket depth 0 that stands alone where a line began, after
    nothing or after a line that ended with a colon.
    """
    found: list[tuple[Token, tuple[str, ...]]] = []
    before, fresh = "", True  # the last token that says something; whether the line is blank
    for token in lexed:
        if token.kind == "comment":
            java = text.startswith("/**", token.start) and token.end - token.start > 4
            found.append((token, ("comment", "documentation") if java else ("comment",)))
        elif token.kind == "string":
            docstring = language == "python" and fresh and before in ("", ":")
            found.append((token, ("documentation",) if docstring else ("string",)))
        if token.kind == "newline":
            fresh = True
        elif token.kind not in ("space", "comment"):
            before, fresh = text[token.start : token.end], False
    return found


_OPENER: Final = re.compile(r"/\*|//|#|[A-Za-z]*(?:\"{3}|'{3}|\"|')")


def _opener(text: str, token: Token) -> int:
    """Return the characters that open a string or comment."""
    match = _OPENER.match(text, token.start, token.end)
    return match.end() - match.start() if match else 1


def _closer(text: str, token: Token) -> int:
    """Return 1 when the token's last character closes it, else 0.

    While the last quote of three, or the slash after the star, is still to come, the text
    is inside.
    """
    whole = text[token.start : token.end]
    if token.kind == "comment":
        return int(whole.startswith("/*") and whole.endswith("*/") and len(whole) >= 4)
    opener = _opener(text, token)
    quotes = whole[:opener].lstrip("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
    return int(len(whole) >= opener + len(quotes) and whole.endswith(quotes))


def _statements(text: str, language: str, lexed: list[Token]) -> dict[str, Floats]:
    """Return the flags of imports, returns and assignments: from the word to the end."""
    found = {name: np.zeros(len(text), np.float32) for name in ("import", "return", "assignment")}
    java = language == "java"
    open_ones: dict[str, tuple[int, int]] = {}  # by flag: where it began, and how deep
    depth, first = 0, True
    for token in lexed:
        word = text[token.start : token.end]
        ends = (word == ";") or (not java and token.kind == "newline")
        if token.kind == "operator" and word in CLOSING.values():
            depth -= 1
        for name, (start, at) in list(open_ones.items()):
            if depth < at or (ends and depth <= at):
                found[name][start : token.start] = 1
                del open_ones[name]
        if token.kind == "operator" and word in CLOSING:
            depth += 1
        if token.kind == "keyword":
            if word == "import" or (word == "from" and first and not java):
                open_ones.setdefault("import", (token.start, depth))
            elif word == "return":
                open_ones.setdefault("return", (token.start, depth))
        elif token.kind == "operator" and word == "=" and (java or depth == 0):
            open_ones.setdefault("assignment", (token.start, depth))
        if ends or token.kind == "newline":
            first = True
        elif token.kind != "space":
            first = False
    for name, (start, _) in open_ones.items():
        found[name][start:] = 1
    return found


def _names(text: str, lexed: list[Token]) -> dict[str, Floats]:
    """Return what is true of names, NaN outside them."""
    found = {name: np.full(len(text), np.nan, np.float32) for name in ("name-length", *_CASES)}
    for token in lexed:
        if token.kind == "identifier":
            word = text[token.start : token.end]
            found["name-length"][token.start : token.end] = np.arange(1, len(word) + 1)
            for name, case in _CASES.items():
                found[name][token.start : token.end] = case.fullmatch(word) is not None
    return found


def _returned(text: str, bodies: list[Method]) -> dict[str, Floats]:
    """Return the flags of return types, NaN outside methods; inner bodies come later."""
    found = {f"returns-{n}": np.full(len(text), np.nan, np.float32) for n in RETURN_TYPES}
    for body in bodies:
        for name in RETURN_TYPES:
            value = np.nan if body.returns is None else float(body.returns == name)
            found[f"returns-{name}"][body.start : body.end] = value
    return found
