"""What is true of the text at every symbol: indentation, depth, inside a string, and so on.

    attributes(text, language) -> {name: float32 array, one value a symbol}

`ATTRIBUTES` says what each name means and which languages have it. The value at symbol t
is the one just after symbol t was read, so it stands beside the state that a recorder gives
for t. A flag is 0 or 1; NaN is "no such thing here" (spaces left outside an indentation, the
case of a name outside a name). Symbols are UTF-8 bytes of the text as the network reads it
(`symbols.encode`); the bytes of one character share their value, and columns count characters.

Lexical, by `lexis`, so text that is broken or half typed has attributes too. Knows nothing
of networks or files.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from lstm_lsp import symbols
from lstm_lsp.explore.methods import RETURN_TYPES, Method, methods
from lstm_lsp.lexis import CLOSING, Token, tokens
from lstm_lsp.licence import licence_end

Floats = npt.NDArray[np.float32]
Bools = npt.NDArray[np.bool_]

Kind = Literal["number", "flag"]
Concern = Literal["line starts", "line ends", "closing brackets", "inside"]
BOTH: Final = ("java", "python")
EVERY: Final = (*BOTH, "text")


@dataclass(frozen=True)
class Attribute:
    """What an attribute means, whether it is a number or a flag, and who has it."""

    meaning: str
    kind: Kind = "flag"
    languages: tuple[str, ...] = BOTH
    concern: Concern = "inside"
    """Which predictions it should matter for; see `concerned`."""


ATTRIBUTES: Final[dict[str, Attribute]] = {
    "indentation": Attribute(
        "levels of indentation of the line", "number", EVERY, concern="line starts"
    ),
    "spaces": Attribute(
        "in an indentation: its characters read so far", "number", EVERY, concern="line starts"
    ),
    "spaces-left": Attribute(
        "in an indentation: its characters still to come", "number", EVERY, concern="line starts"
    ),
    "column": Attribute("characters since the line began", "number", EVERY, concern="line ends"),
    "brackets": Attribute("open brackets of any kind", "number", concern="closing brackets"),
    "round": Attribute("open (", "number", concern="closing brackets"),
    "square": Attribute("open [", "number", concern="closing brackets"),
    "curly": Attribute("open {", "number", concern="closing brackets"),
    "string": Attribute("inside a string literal, docstrings apart"),
    "comment": Attribute("inside a comment of any kind"),
    "documentation": Attribute("inside Javadoc, or a docstring"),
    "licence": Attribute("inside the licence notice that opens the file"),
    "import": Attribute("inside an import"),
    "return": Attribute("inside a return statement"),
    "assignment": Attribute("after the = of an assignment, to the statement's end"),
    "name-length": Attribute("in a name: its characters read so far", "number"),
    "camel-case": Attribute("in a name: it is inCamelCase"),
    "capitalised": Attribute("in a name: it is Capitalised or InCamelCase"),
    "constant-case": Attribute("in a name: it is IN_CAPITALS"),
    "snake-case": Attribute("in a name: it is in_snake_case"),
    **{
        f"returns-{name}": Attribute(f"in a method's body: it returns {name}", languages=("java",))
        for name in RETURN_TYPES
    },
    "newline-next": Attribute("the next character ends the line", languages=EVERY),
    "space-next": Attribute("the next character is a space", languages=EVERY),
    "capital-next": Attribute("the next character is a capital letter", languages=EVERY),
}
"""Every attribute by name. Those that end in `-next` are no facts about the past: a unit that
does nothing but predict a character should score best there, and give itself away."""

_CLOSERS: Final = {"brackets": b")]}", "round": b")", "square": b"]", "curly": b"}"}
_NEXT: Final = {"newline-next": "\n", "space-next": " "}
_CASES: Final = {
    "constant-case": re.compile(r"_*[A-Z][A-Z\d_]+"),
    "capitalised": re.compile(r"_*[A-Z](?:[A-Za-z\d]*[a-z][A-Za-z\d]*)?"),
    "camel-case": re.compile(r"_*[a-z][a-z\d]*[A-Z][A-Za-z\d]*"),
    "snake-case": re.compile(r"_*[a-z][a-z\d]*(?:_+[a-z\d]+)+_*"),
}
_BLANK: Final = (ord(" "), ord("\t"))
_NEWLINE: Final = ord("\n")


def attributes(text: str, language: str) -> dict[str, Floats]:
    """Return every attribute that `language` has, float32 (symbols of `text`,), in that order.

    A language that is neither java nor python has those of `text`: what needs no lexis.
    """
    text = symbols.normalise(text)
    language = language if language in BOTH else "text"
    if not text:
        names = [name for name, a in ATTRIBUTES.items() if language in a.languages]
        return {name: np.zeros(0, np.float32) for name in names}
    found = _layout(text)
    if language in BOTH:
        found |= _lexical(text, language)
    characters = np.frombuffer(text.encode("utf-32-le"), np.uint32)
    following = np.append(characters[1:], 0)
    for name, character in _NEXT.items():
        found[name] = following == ord(character)
    found["capital-next"] = (following >= ord("A")) & (following <= ord("Z"))
    widths = 1 + (characters > 0x7F) + (characters > 0x7FF) + (characters > 0xFFFF)
    return {
        name: np.repeat(np.asarray(found[name], np.float32), widths)
        for name in ATTRIBUTES
        if name in found
    }


def concerned(name: str, values: Floats, read: bytes) -> Bools:
    """Return the places of `read` whose *next* symbol the attribute `name` should help predict.

    `values` is that attribute over `read` (the text's symbols). Line starts: in an indentation
    and right before it. Line ends and closing brackets: where one comes next. Inside: where
    the flag is up. The last place has no next symbol and is never among them.
    """
    text = np.frombuffer(read, np.uint8)
    following = np.append(text[1:], 0)
    match ATTRIBUTES[name].concern:
        case "line starts":
            places = _in_indentation(text)
        case "line ends":
            places = following == _NEWLINE
        case "closing brackets":
            places = np.isin(following, list(_CLOSERS[name]))
        case _:
            places = np.nan_to_num(values) > 0
    places[-1:] = False
    return places


def _in_indentation(characters: npt.NDArray[np.unsignedinteger]) -> Bools:
    """Return where a line break, or nothing but blanks since one, was just read."""
    at = np.arange(len(characters))
    line = np.maximum.accumulate(np.where(characters == _NEWLINE, at, -1))
    printed = np.maximum.accumulate(np.where(np.isin(characters, _BLANK), -1, at))
    return np.asarray(printed == line)


def _layout(text: str) -> dict[str, npt.NDArray[np.generic]]:
    """Return what needs no lexis, one value a character."""
    characters = np.frombuffer(text.encode("utf-32-le"), np.uint32)
    size = len(characters)
    at = np.arange(size)
    column = at - np.maximum.accumulate(np.where(characters == _NEWLINE, at, -1))
    inside = _in_indentation(characters)
    printed = np.where(np.isin(characters, _BLANK), size, at)
    following = np.append(np.minimum.accumulate(printed[::-1])[::-1][1:], size)[:size]
    blank_line = np.append(characters, _NEWLINE)[following] == _NEWLINE
    return {
        "indentation": _levels(text),
        "spaces": np.where(inside, column, np.nan),
        "spaces-left": np.where(inside & ~blank_line, following - at - 1, np.nan),
        "column": column,
    }


def _levels(text: str) -> npt.NDArray[np.int32]:
    """Return the level of indentation of each character's line; blank lines keep the last.

    One level is a tab, or as many spaces as lines most often go in by (4 if none do).
    """
    lines = text.split("\n")
    starts = [line[: len(line) - len(line.lstrip(" \t"))] for line in lines]
    written = [len(start) for start, line in zip(starts, lines, strict=True) if line.strip()]
    steps = Counter(b - a for a, b in pairwise(written) if 2 <= b - a <= 8)
    unit = steps.most_common(1)[0][0] if steps else 4
    levels, last = [], 0
    for start, line in zip(starts, lines, strict=True):
        if line.strip():
            last = (start.count(" ") + unit * start.count("\t")) // unit
        levels.append(last)
    whole = np.repeat(np.array(levels, np.int32), [len(line) + 1 for line in lines])
    return whole[: len(text)]


def _lexical(text: str, language: str) -> dict[str, npt.NDArray[np.generic]]:
    """Return what takes tokens, one value a character."""
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
