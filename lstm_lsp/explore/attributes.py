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

from collections import Counter
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from lstm_lsp import symbols
from lstm_lsp.explore.lexical import lexical
from lstm_lsp.explore.methods import RETURN_TYPES

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
        found |= lexical(text, language)
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
