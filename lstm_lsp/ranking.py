"""What is worth showing: from what a search found to candidates, or reasons against them.

Refuses what should not be shown, each time with a reason that `explain` can print. Knows
nothing of models, of how a search works or of the protocol.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Final, NamedTuple

from lstm_lsp import lexis
from lstm_lsp.search import Candidate, Kind
from lstm_lsp.situation import Situation, indentation, is_word

MINIMUM: Final[Mapping[Kind, float]] = {"char": 0.05, "token": 0.1, "line": 0.4, "block": 0.5}
"""Defaults, chosen on validation projects (docs/evaluation.md): of the lines of 0.3 to 0.4 a third
was right there, of those of 0.4 to 0.5 half."""

ON_DEMAND: Final = 0.15
"""The most that a minimum may be where the user asks by hand: rather a guess than nothing.

Calibrations of lines and blocks are not fitted much below it."""


@dataclass(frozen=True)
class Presentation:
    """The user's settings about what is shown."""

    minimum_probability: Mapping[Kind, float] = field(default_factory=lambda: MINIMUM)
    """By kind, 0-1, of the calibrated probability; 0 where a kind is missing."""
    in_comments: bool = True
    in_strings: bool = True

    def on_demand(self) -> Presentation:
        """Return what holds where the user asks by hand."""
        minima = {kind: min(least, ON_DEMAND) for kind, least in self.minimum_probability.items()}
        return replace(self, minimum_probability=minima)

    def minimum(self, kind: Kind) -> float:
        """Return the least probability that is shown."""
        return self.minimum_probability.get(kind, 0.0)


DEFAULT: Final = Presentation()
EVERYTHING: Final = Presentation(minimum_probability={})
"""Shows however improbable it is: for measuring."""


class Judgement(NamedTuple):
    """A candidate, and why it is not shown; None when it is."""

    candidate: Candidate
    reason: str | None


def silence(kind: Kind, situation: Situation, settings: Presentation) -> str | None:
    """Return why nothing of `kind` is to be offered here at all, or None."""
    if situation.scan.where == "comment" and not settings.in_comments:
        return "suggestions in comments are switched off"
    if situation.scan.where == "string" and not settings.in_strings:
        return "suggestions in strings are switched off"
    if situation.inside_word:
        return "the cursor is inside a word"
    if kind == "block" and (situation.line_before.strip() or situation.line_after):
        return "a block fills an empty line, and this one is not"
    return None


def objection(text: str, kind: Kind, situation: Situation) -> str | None:
    """Return why `text` should not be shown at the cursor, or None."""
    if not text:
        return "there is nothing to add"
    if not text.strip():
        return "it is only white space"
    if is_word(text[-1]) and is_word(situation.after[:1]):
        return "it would run into the word after the cursor"
    if kind in ("char", "token"):
        return _token_objection(text, situation)
    if kind == "block" and (fault := _block_objection(text, situation)):
        return fault
    first, _, more = text.partition("\n")
    line = (situation.line_before + first).strip()
    following = situation.next_line
    # Where all brackets are known they say themselves whether one is missing.
    closing = situation.whole and set(first.strip()) <= set(")]};,")
    if following and not closing and following in (line, first.strip()):
        return "it repeats the next line"
    if len(line) > 3 and following.startswith(line) and not situation.line_before.strip():
        return "it repeats the next line"
    if len(line) > 3 and line == situation.previous_line.strip() and not more:
        return "it repeats the line before"
    if _repetitive(first):
        return "it repeats itself"
    if _declared_above(situation.line_before + first, situation):
        return "it declares again what stands above"
    # With text after the cursor on its line what is offered goes on there.
    return bracket_fault(text, situation, cut=bool(situation.line_after)) or (
        indentation_fault(text, situation) if situation.scan.where == "code" else None
    )


def _block_objection(text: str, situation: Situation) -> str | None:
    if text.startswith("\n"):
        return "it begins with an empty line"
    local = situation.before[situation.scan.anchor :] + text
    end = lexis.scan(local, situation.language)
    own = end.anchor >= len(local) - len(text)
    if end.where == "comment" and own and local.startswith("/*", end.anchor):
        return "a comment stays open"
    return None


_WORD: Final = re.compile(r"[\w$]+")


def _token_objection(text: str, situation: Situation) -> str | None:
    token = text.strip()
    if is_word(token[0]):
        following = _WORD.match(situation.line_after.lstrip())
        if not situation.typed and following and following.group() == token:
            return "it repeats what follows the cursor"
    else:
        if situation.line_after.startswith(token):
            return "it repeats what follows the cursor"
        if token in lexis.CLOSING.values() and situation.scan.where == "code":
            expected = situation.scan.brackets[-1:]
            if not expected and situation.whole:
                return "its brackets do not match"
            if expected and lexis.CLOSING[expected] != token:
                return "its brackets do not match"
    return None


_DECLARES: Final = {
    "java": re.compile(r"\s*(?:import|package|public|protected|private|static)\b"),
    "python": re.compile(r"\s*(?:import|from|def|class|async def)\b"),
}


def _declared_above(line: str, situation: Situation) -> bool:
    """Whether `line` is a declaration that stands above the cursor in the same block already."""
    declares = _DECLARES.get(situation.language)
    if situation.scan.where != "code" or declares is None or not declares.match(line):
        return False
    line = line.rstrip()
    width = len(indentation(line))
    for above in reversed(situation.before.split("\n")[:-1]):
        if above.rstrip() == line:
            return True
        if above.strip() and len(indentation(above)) < width:
            return False
    return False


def _repetitive(line: str) -> bool:
    """Whether `line` ends in three or more copies of something with a letter, as loops do."""
    end = line.rstrip()
    for size in range(2, len(end) // 3 + 1):
        part = end[-size:]
        if end.endswith(part * 3) and any(map(str.isalpha, part)):
            return True
    return False


def bracket_fault(text: str, situation: Situation, *, cut: bool = False) -> str | None:
    """Return what is wrong with the brackets and strings of `text` at the cursor, or None.

    A bracket may stay open only at the end of a whole line, after an opening bracket or a
    comma. With `cut` the text goes on after it, so nothing but the cursor's own string may
    stay open.
    """
    last = ""
    opened = 0
    for piece in walk(text, situation):
        if piece.fault:
            return piece.fault
        opened = piece.opened
        if piece.kind not in ("space", "newline", "comment"):
            last = piece.text
    if opened and (cut or last not in ("(", "[", "{", ",")):
        return "a bracket stays open"
    local = situation.before[situation.scan.anchor :] + text
    end = lexis.scan(local, situation.language)
    if end.where == "string" and not lexis.spans_lines(local[end.anchor :]):
        own = end.anchor == 0 and situation.scan.where == "string"
        if not (own and cut):
            return "a string stays open"
    return None


def indentation_fault(text: str, situation: Situation) -> str | None:
    """Return what is wrong with the indentation of the lines that `text` begins, or None."""
    above = situation.previous_line
    lines = (situation.line_before + text).split("\n")
    known = set(situation.indentations)
    python = situation.language == "python" and not situation.scan.brackets
    for number, line in enumerate(lines):
        begun = number == 0 and situation.line_before.strip()
        if not line.strip() or begun:
            above = line if line.strip() else above
            continue
        here, there = indentation(line), indentation(above)
        if not (here.startswith(there) or there.startswith(here)):
            return "its indentation is broken"
        inside = lexis.scan("\n".join(lines[:number]), situation.language)
        if python and above and not inside.brackets and inside.where == "code":
            opens = above.rstrip().endswith(":")
            deeper = len(here) > len(there)
            if (deeper and not opens) or (opens and not deeper) or not (deeper or here in known):
                return "its indentation is broken"
        known.add(here)
        above = line
    return None


class Piece(NamedTuple):
    """A token of a candidate: its place in the candidate's text, and brackets after it."""

    kind: lexis.TokenKind
    text: str
    end: int
    opened: int
    """Brackets the candidate has opened and not closed."""
    fault: str | None


def walk(text: str, situation: Situation) -> Iterator[Piece]:
    """Yield the tokens of `text` at the cursor; the first may have begun before it."""
    local = situation.before[situation.scan.anchor :]
    joined = local + text
    opened: list[str] = []
    free = list(situation.open_brackets)
    member = False
    before: tuple[lexis.TokenKind, str] = ("newline", "")
    for kind, start, end in lexis.tokens(joined, situation.language):
        piece = joined[start:end]
        fault = None
        if (
            member
            and kind in ("string", "number", "operator")
            and piece not in (".", "*", "<", "\\")
        ):
            fault = "no name follows the dot"
        member = lexis.is_member_dot(*before, piece)
        before = kind, piece
        if end <= len(local):
            continue
        if kind == "operator" and start >= len(local):
            if piece in lexis.CLOSING:
                opened.append(piece)
            elif piece in lexis.CLOSING.values():
                if opened or free:
                    if lexis.CLOSING[(opened or free).pop()] != piece:
                        fault = "its brackets do not match"
                elif situation.whole or situation.scan.brackets:
                    fault = "it closes a bracket that is not open"
            elif piece == ";" and (opened or free)[-1:] in (["("], ["["]):
                depth = len(situation.scan.brackets) - len(situation.open_brackets)
                depth += len(free) + len(opened)
                if not _in_header(situation.before + text[: start - len(local)], depth, situation):
                    fault = "a statement ends inside brackets"
        yield Piece(kind, piece, end - len(local), len(opened), fault)


_HEADER: Final = re.compile(r"\b(?:for|try)\s*\(")


def _in_header(before: str, depth: int, situation: Situation) -> bool:
    """Whether the innermost of `depth` brackets open after `before` is a for's or a try's."""
    headers = [match.end() for match in _HEADER.finditer(before)]
    if not headers:
        return False
    return len(lexis.scan(before[: headers[-1]], situation.language).brackets) == depth
