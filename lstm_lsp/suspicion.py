"""One-edit alternatives that the network finds clearly likelier than what is written.

Where `places` says that a document is surprising, `suspects` tries single `edits` (a token
replaced, removed or put in, an indentation changed) and weighs them by the bits that the
text up to the end of the next line then costs. An edit counts only when the text parses
with it: Python by `ast.parse`, Java by balanced brackets and ended strings and comments.
Of text that parses, an alternative must save more bits than on clean files it does by chance
(`REPLACES`); of text that does not, one that makes it parse need only be likelier.
Strings, comments and numbers are left alone, and so are names that occur once: they are
rare, not wrong. Knows nothing of files or the protocol.
"""

from __future__ import annotations

import ast
import contextlib
import warnings
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any, Final

from lstm_lsp import lexis
from lstm_lsp.edits import edits
from lstm_lsp.network import Cancelled, Model, never
from lstm_lsp.places import Place, places
from lstm_lsp.surprise import Reading, finished, line_and_column

REPLACES: Final[dict[str, float]] = {
    "operator": 7.0,
    "identifier": 49.0,
    "returned": 12.0,
    "keyword": 12.0,
    "indentation": 9.0,
    "put in": 10.0,
    "removed": 25.0,
}
"""Bits that an edit of each sort must save in text that parses, for a model whose card does not
say its own (`replaces`): measured on the validation projects for one false alarm in 200 lines."""

REPAIRS: Final = 3.0
"""Bits that an edit must save which makes text parse that does not."""

_LOOKED_AT: Final = 5
"""Lines a place that is tried: the most surprising come first."""
_FEWEST: Final = 10
_TRIED: Final = frozenset({"keyword", "identifier", "operator", "indentation", "space", "line end"})
_FOLLOWING: Final = 64  # symbols after an edit that weigh it, no further than the next line's end


@dataclass(frozen=True)
class Suspect:
    """An edit that makes a document likelier: `text[start:end]` becomes `instead`.

    `sort`, the key of `REPLACES`; `saved`, bits up to the end of the next line, and the `least`
    that it takes to be shown; `repairs`, whether the document parses only with it.
    """

    sort: str
    start: int
    end: int
    instead: str
    saved: float
    least: float
    repairs: bool

    @property
    def clear(self) -> bool:
        """Whether it is likely enough to be shown."""
        return self.saved >= self.least

    @property
    def margin(self) -> float:
        """Bits above what it takes to be shown; repairs first."""
        return self.saved - self.least + 100 * self.repairs


def replaces(model: Model) -> dict[str, float]:
    """Return the bits that an edit of each sort must save, by the model's card.

    Under "surprise", "replaces", as `bench/faults.py --write` puts it there.
    """
    own: dict[str, float] = model.card.get("surprise", {}).get("replaces", {})
    return REPLACES | own


def suspects(reading: Reading, *, clear: bool = True) -> list[Suspect]:
    """Return the best edit of each line that has one, the most telling first.

    Those that are `clear`; all that save any bits when `clear` is false.
    """
    return finished(slices(reading, clear=clear))


def slices(
    reading: Reading, interrupted: Callable[[], bool] = never, *, clear: bool = True
) -> Generator[None, None, list[Suspect]]:
    """Do what `suspects` does, yielding after each place, so that others may go between.

    A place is left, and begun anew when its turn comes again, as soon as `interrupted()`.
    """
    text, language = reading.text, reading.language
    whole, broken_line = parses(text, language)
    found: dict[int, Suspect] = {}
    for place in _looked_at(reading, broken_line):
        weighed: list[Suspect] | None = None
        while weighed is None:
            with contextlib.suppress(Cancelled):
                weighed = _weighed(reading, place, not whole, interrupted)
            yield
        for suspect in weighed:
            line = line_and_column(text, suspect.start)[0]
            if clear and not suspect.clear:
                break
            if line in found and found[line].margin >= suspect.margin:
                break
            if parses(edited(text, suspect), language)[0]:
                found[line] = suspect
                break
    return sorted(found.values(), key=lambda one: -one.margin)


def message(text: str, suspect: Suspect) -> str:
    """Return what a suspect says to a person, in a line."""
    written = text[suspect.start : suspect.end]
    if suspect.sort == "indentation":
        columns = (len(one.expandtabs(4)) for one in (suspect.instead, written))
        return "indented by {} rather than {}?".format(*columns)
    if not written:
        return f"is {suspect.instead!r} missing here?"
    if not suspect.instead:
        return f"is {written.strip()!r} too much here?"
    return f"{suspect.instead!r} rather than {written!r}?"


def as_json(file: str, text: str, suspect: Suspect) -> dict[str, Any]:
    """Return a suspect as `surprise --json` prints it."""
    line, column = line_and_column(text, suspect.start)
    return {
        "file": file,
        "line": line,
        "column": column,
        "token": text[suspect.start : suspect.end],
        "instead": suspect.instead,
        "saved": suspect.saved,
        "repairs": suspect.repairs,
        "message": message(text, suspect),
    }


def edited(text: str, suspect: Suspect) -> str:
    """Return `text` with the edit made."""
    return text[: suspect.start] + suspect.instead + text[suspect.end :]


def parses(text: str, language: str) -> tuple[bool, int | None]:
    """Return whether `text` parses, and the line, from 1, where it does not, if that is known."""
    if language == "python":
        return _parses_python(text)
    return _balanced(text, language)


def _parses_python(text: str) -> tuple[bool, int | None]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of escapes in strings, say
            ast.parse(text)
        return True, None
    except SyntaxError as error:
        return False, error.lineno
    except (ValueError, RecursionError, MemoryError):
        return False, None


def _balanced(text: str, language: str) -> tuple[bool, int | None]:
    opened: list[tuple[str, int]] = []
    for token in lexis.tokens(text, language):
        written = text[token.start : token.end]
        if token.kind == "operator" and written in lexis.CLOSING:
            opened.append((written, token.start))
        elif (
            token.kind == "operator"
            and written in ")]}"
            and (not opened or lexis.CLOSING[opened.pop()[0]] != written)
        ):
            return False, line_and_column(text, token.start)[0]
    if opened or lexis.scan(text, language).where == "string":
        return False, None
    return True, None


def _looked_at(reading: Reading, broken_line: int | None) -> list[Place]:
    """Return the places to try edits at: the most surprising, and all where parsing failed."""
    text = reading.text
    comments = {at for one in reading.tokens if one.kind == "comment" for at in one[1:]}
    tried = [
        place
        for place in places(reading)
        if place.kind in _TRIED and _may_be_wrong(reading, place, comments)
    ]
    most = max(_FEWEST, (text.count("\n") + 1) // _LOOKED_AT)
    found = tried[:most]
    if broken_line is not None:
        starts = [0, *(at + 1 for at, character in enumerate(text) if character == "\n"), len(text)]
        first = starts[min(max(0, broken_line - 2), len(starts) - 1)]
        last = starts[min(broken_line, len(starts) - 1)]
        found += [place for place in tried[most:] if first <= place.start < last]
    return found


def _may_be_wrong(reading: Reading, place: Place, comments: set[int]) -> bool:
    """Whether edits are tried at a place.

    Of names at plain ones that occur elsewhere: no member, call, import or definition. Not
    beside comments: `comments`, where one begins or ends.
    """
    if place.start in comments or place.end in comments:
        return False
    if place.kind != "identifier":
        return True
    text, name = reading.text, reading.text[place.start : place.end]
    line = text.rfind("\n", 0, place.start) + 1
    before = text[line : place.start].rstrip()
    return (
        text.count(name) > 1
        and not before.endswith((".", "@", "def", "class", "new"))
        and not before.lstrip().startswith(("import", "from", "package"))
        and text[place.end : place.end + 1] not in ("(", ".")
    )


def _weighed(
    reading: Reading, place: Place, broken: bool, cancelled: Callable[[], bool]
) -> list[Suspect]:
    """Return the edits at `place` that save bits, the one that saves most first."""
    text, offsets = reading.text, reading.offsets
    tried = list(dict.fromkeys(edits(reading, place, cancelled)))
    if not tried:
        return []
    begin = min(start for _, start, _, _ in tried)
    stop = _stop(text, max(end for _, _, end, _ in tried))
    variants = [text[begin:stop]]
    variants += [text[begin:start] + new + text[end:stop] for _, start, end, new in tried]
    costs = reading.costs(int(offsets[begin]), [one.encode() for one in variants], cancelled)
    saved = (costs[0] - costs[1:]).round(2).tolist()
    least = dict.fromkeys(REPLACES, REPAIRS) if broken else replaces(reading.model)
    found = [
        Suspect(sort, start, end, new, bits, least[sort], broken)
        for (sort, start, end, new), bits in zip(tried, saved, strict=True)
        if bits > 0
    ]
    return sorted(found, key=lambda one: -one.margin)


def _stop(text: str, at: int) -> int:
    """Return where what weighs an edit ends: with the next line, or after some symbols."""
    line = text.find("\n", at)
    following = text.find("\n", line + 1) if line >= 0 else -1
    return min(at + _FOLLOWING, following + 1 if following >= 0 else len(text))
