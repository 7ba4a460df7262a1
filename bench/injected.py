"""Single faults for clean files: what `faults.py` puts in, each by itself.

A bracket dropped, an operator swapped for one of its kind, another variable returned, a line
indented a step more or less. Drawn at random; knows nothing of who looks for them.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from lstm_lsp import lexis, surprise
from lstm_lsp.evaluate.sources import File

_SWAPS = (
    ("<", "<=", ">", ">=", "==", "!="),
    ("+", "-", "*", "/"),
    ("&&", "||"),
    ("and", "or"),
    ("+=", "-="),
)


class Fault(NamedTuple):
    """One fault: the text with it, and the line, from 1, that it is in."""

    kind: str
    text: str
    line: int


def dropped(text: str, tokens: Sequence[lexis.Token], random_: random.Random) -> Iterator[str]:
    """Yield `text` without one of its brackets."""
    for token in _shuffled(tokens, random_):
        if token.kind == "operator" and text[token.start : token.end] in "()[]{}":
            yield text[: token.start] + text[token.end :]


def swapped(text: str, tokens: Sequence[lexis.Token], random_: random.Random) -> Iterator[str]:
    """Yield `text` with one binary operator replaced by another of its kind."""
    for token in _shuffled(tokens, random_):
        written = text[token.start : token.end]
        before = text[: token.start].rstrip(" ")[-1:]
        for group in _SWAPS:
            if written in group and (before.isalnum() or before in ")]_"):
                other = random_.choice([one for one in group if one != written])
                yield text[: token.start] + other + text[token.end :]


def returned(text: str, tokens: Sequence[lexis.Token], random_: random.Random) -> Iterator[str]:
    """Yield `text` with another variable returned, one named in the fifteen lines before."""
    dense = [token for token in tokens if token.kind != "space"]
    places = [
        n
        for n in range(1, len(dense) - 1)
        if text[dense[n - 1].start : dense[n - 1].end] == "return"
        and dense[n].kind == "identifier"
        and text[dense[n + 1].start : dense[n + 1].end] in (";", "\n")
    ]
    for n in _shuffled(places, random_):
        token, name = dense[n], text[dense[n].start : dense[n].end]
        near = text[: token.start].count("\n") - 15
        others = {
            text[one.start : one.end]
            for one, after in pairwise(dense[:n])
            if one.kind == "identifier"
            and text[: one.start].count("\n") >= near
            and text[one.start - 1 : one.start] not in (".", "@")
            and text[after.start : after.end] not in ("(", ".")
            and text[one.start : one.start + 1].islower()
        }
        if others := others - {name}:
            yield text[: token.start] + random_.choice(sorted(others)) + text[token.end :]


def misindented(text: str, tokens: Sequence[lexis.Token], random_: random.Random) -> Iterator[str]:
    """Yield `text` with one line of code a step too far in or out."""
    starts = {token.start for token in tokens if token.kind in ("identifier", "keyword")}
    for token in _shuffled(tokens, random_):
        if token.kind == "space" and token.end in starts and text[token.start - 1] == "\n":
            indentation = text[token.start : token.end]
            step = "\t" if "\t" in indentation else "    "
            changed = [indentation + step]
            if len(indentation) >= len(step):
                changed.append(indentation[len(step) :])
            yield text[: token.start] + random_.choice(changed) + text[token.end :]


KINDS = {
    "bracket dropped": dropped,
    "operator swapped": swapped,
    "wrong variable returned": returned,
    "wrong indentation": misindented,
}


def faults_of(file: File, random_: random.Random) -> Iterator[Fault]:
    """Yield a fault of each kind that the file has a place for."""
    tokens = lexis.tokens(file.text, file.language)
    for kind, make in KINDS.items():
        for text in make(file.text, tokens, random_):
            pairs = zip(file.text, text, strict=False)
            same = next(n for n, (a, b) in enumerate(pairs) if a != b)
            yield Fault(kind, text, surprise.line_and_column(file.text, same)[0])
            break


def _shuffled(items: Sequence[Any], random_: random.Random) -> list[Any]:
    return random_.sample(items, len(items))
