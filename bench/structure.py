"""How far a text keeps the shape of a Java or Python file: counts, not opinions.

`measure` gives (kept, of) by the name of a rule, so that samples add up to shares. Texts may
be cut off anywhere; what cannot be judged then is not counted. The rules are crude on purpose:
real files of the same corpus, measured alike, say what a perfect writer would get.
"""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple

from lstm_lsp.lexis import CLOSING, Token, tokens
from lstm_lsp.licence import licence_end

Counts = dict[str, tuple[int, int]]
"""Rule -> (how often it was kept, how often it could be judged)."""

_BLANK = ("space", "newline", "comment")
_JAVADOC = r"/\*\*(?:[^*]|\*(?!/))*\*/"
_FILE = re.compile(
    r"\s*package\s+[\w.]+;\s*(?:import\s+(?:static\s+)?[\w.]+(?:\.\*)?;\s*)+"
    rf"{_JAVADOC}\s*(?:@\w+(?:\([^)]*\))?\s+|\w+\s+)*?@?(?:class|interface|enum)\s+\w+"
)
_TAG = re.compile(r"^\s*\*?\s*@(\w+)", re.MULTILINE)
_TAG_ORDER = {"param": 0, "return": 1, "throws": 2, "exception": 2}
_ASSERTS = re.compile(r"\b(?:assert\w*|fail)\s*\(")


def measure(text: str, language: str, ended: bool) -> Counts:
    """Return the counts of `text`, a file from its start; `ended`: it is not cut off."""
    return _java(text, ended) if language == "java" else _python(text, ended)


def added(parts: Iterable[Counts]) -> Counts:
    """Return the counts of several texts together."""
    total: Counts = {}
    for part in parts:
        for name, (kept, of) in part.items():
            before = total.get(name, (0, 0))
            total[name] = (before[0] + kept, before[1] + of)
    return total


# Brackets and lines.


class _Line(NamedTuple):
    """A line of Java that begins a statement: how far it is indented, and should be."""

    indent: int
    depth: int


@dataclass
class _Walk:
    """What one walk over the tokens finds."""

    pairs: dict[int, int] = field(default_factory=dict)
    """Opening bracket -> closing one, as indices of tokens."""
    closings: int = 0
    matched: int = 0
    open: int = 0
    """Brackets still open at the end."""
    lines: list[_Line] = field(default_factory=list)


def _walk(text: str, found: list[Token]) -> _Walk:
    """Match brackets; a brace closes what was left open inside it.

    Judges the indentation of lines that begin a statement: those after ";", "{" or "}"
    and straight inside braces, not those of a switch or an array's initialiser.
    """
    walk = _Walk()
    opened: list[tuple[str, int, bool]] = []  # bracket, its token, whether lines are judged
    previous, switch, at_start, indent = "", False, True, 0
    for index, token in enumerate(found):
        word = text[token.start : token.end]
        if token.kind == "newline":
            at_start, indent = True, 0
            continue
        if token.kind == "space":
            indent = len(word.expandtabs(4)) if at_start else indent
            continue
        if at_start and token.kind != "comment":
            depth = sum(bracket == "{" for bracket, *_ in opened) - (word == "}")
            judged = not opened or (opened[-1][0] == "{" and opened[-1][2])
            if judged and previous in ("", ";", "{", "}"):
                walk.lines.append(_Line(indent, depth))
        at_start = False
        if token.kind == "comment":
            continue
        if word in CLOSING:
            opened.append((word, index, not switch and previous not in ("=", "]", ",", "{")))
        elif word in CLOSING.values():
            walk.closings += 1
            if opened and CLOSING[opened[-1][0]] == word:
                walk.matched += 1
                walk.pairs[opened.pop()[1]] = index
            elif word == "}" and any(bracket == "{" for bracket, *_ in opened):
                while opened.pop()[0] != "{":
                    pass
        switch = word not in (";", "{", "}") and (switch or word == "switch")
        previous = word
    walk.open = len(opened)
    return walk


# Java.


def _java(text: str, ended: bool) -> Counts:
    found = tokens(text, "java")
    walk = _walk(text, found)
    raw = text.encode()
    licence = len(raw[: licence_end(raw)].decode(errors="ignore"))
    whole = walk.closings == walk.matched and not walk.open
    counts = {
        "ends by itself": (int(ended), 1),
        "licence first": (int(licence > 0), 1),
        "licence, package, imports, Javadoc, class": (
            int(licence > 0 and _FILE.match(text, licence) is not None),
            1,
        ),
        "closing brackets that match": (walk.matched, walk.closings),
        "no bracket wrong": (int(walk.closings == walk.matched), 1),
        "ended texts with every bracket closed": (int(ended and whole), int(ended)),
        "indentation equal to depth": (
            sum(line.indent == 4 * line.depth for line in walk.lines),
            len(walk.lines),
        ),
    }
    return added([counts, _javadoc(text, found), _tests(text, found, walk)])


def _javadoc(text: str, found: list[Token]) -> Counts:
    described = blocks = ordered = tagged = full = both = 0
    for token in found:
        comment = text[token.start : token.end]
        if token.kind != "comment" or not re.fullmatch(_JAVADOC, comment):
            continue
        body = comment[3:-2]
        tags = [tag for tag in _TAG.findall(body) if tag in _TAG_ORDER]
        description = re.sub(r"[\s*]+", "", _TAG.split(body, maxsplit=1)[0]) != ""
        ranks = [_TAG_ORDER[tag] for tag in tags]
        blocks += 1
        described += description
        tagged += len(tags) > 1
        ordered += len(tags) > 1 and ranks == sorted(ranks)
        if {"param", "return"} <= set(tags):
            both += 1
            full += description and ranks == sorted(ranks) and tags.count("return") == 1
    return {
        "Javadoc with a description": (described, blocks),
        "Javadoc tags in order": (ordered, tagged),
        "description, then @param, then one @return": (full, both),
    }


def _tests(text: str, found: list[Token], walk: _Walk) -> Counts:
    """Count the closed `@Test` methods whose body asserts, or whose annotation expects."""
    kept = of = 0
    code = [index for index, token in enumerate(found) if token.kind not in _BLANK]
    words = [text[found[index].start : found[index].end] for index in code]
    for place in range(1, len(code)):
        if words[place - 1 : place + 1] != ["@", "Test"]:
            continue
        brace = next((i for i in range(place, len(code)) if words[i] == "{"), None)
        if brace is None or code[brace] not in walk.pairs:
            continue
        of += 1
        head, body = found[code[place]], found[code[brace]]
        end = found[walk.pairs[code[brace]]].end
        expects = re.match(r"Test\s*\(\s*expected\b", text[head.start : body.start])
        kept += expects is not None or _ASSERTS.search(text[body.start : end]) is not None
    return {"@Test methods that assert": (kept, of)}


# Python.


def _python(text: str, ended: bool) -> Counts:
    found = tokens(text, "python")
    walk = _walk(text, found)
    starts = _statements(text, found)
    complete = list(pairwise([*starts, len(text)] if ended else starts))
    until = complete[-1][1] if complete else 0
    words = [re.match(r"\w*", text[start:]).group() for start in starts]  # type: ignore[union-attr]
    imports = [place for place, word in enumerate(words) if word in ("import", "from")]
    definitions = [place for place, word in enumerate(words) if word in ("def", "class")]
    first = bool(imports) and (not definitions or imports[-1] < definitions[0])
    return {
        "ends by itself": (int(ended), 1),
        "parses as a whole": (int(_parses(text)), 1),
        "parses to its last whole statement": (int(until > 0 and _parses(text[:until])), 1),
        "top-level statements that parse": (
            sum(_parses(text[start:end]) for start, end in complete),
            len(complete),
        ),
        "imports before definitions": (int(first), 1),
        "closing brackets that match": (walk.matched, walk.closings),
        "no bracket wrong": (int(walk.closings == walk.matched), 1),
    }


_GOES_ON = ("else", "elif", "except", "finally")


def _statements(text: str, found: list[Token]) -> list[int]:
    """Return where top-level statements begin: first columns in code, outside brackets.

    A decorator belongs to what it decorates.
    """
    starts: list[int] = []
    depth, decorated, line_start = 0, False, True
    for token in found:
        word = text[token.start : token.end]
        if line_start and depth == 0 and token.kind not in _BLANK and word not in _GOES_ON:
            if not decorated:
                starts.append(token.start)
            decorated = word == "@"
        line_start = token.kind == "newline"
        if token.kind == "operator":
            depth = max(0, depth + (word in CLOSING) - (word in CLOSING.values()))
    return starts


def _parses(text: str) -> bool:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True
