"""Between the protocol's types and ours; no logic but shapes."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast
from urllib.parse import urlsplit

from lsprotocol import types
from pygls.exceptions import JsonRpcInvalidParams
from pygls.uris import to_fs_path

from lstm_lsp.document import Document, Encoding, Position

if TYPE_CHECKING:
    from lstm_lsp.ranking import Judgement
    from lstm_lsp.search import Candidate

_WORD: Final = re.compile(r"[\w$]*\Z")

NO_COMPLETIONS: Final = types.CompletionList(is_incomplete=True, items=[])
"""Nothing now; ask again after the next key."""

NO_INLINE: Final = types.InlineCompletionList(items=[])
"""Never null: Neovim 0.12 leaves the old ghost text on the screen then."""

_ITEM_KINDS: Final = {
    "char": types.CompletionItemKind.Text,
    "token": types.CompletionItemKind.Text,
    "line": types.CompletionItemKind.Snippet,
    "block": types.CompletionItemKind.Snippet,
}


def encoding(value: str | None) -> Encoding:
    """Return a position encoding's name; utf-16 is what the protocol has by default."""
    return cast(Encoding, value) if value in ("utf-8", "utf-16", "utf-32") else "utf-16"


def position(value: types.Position) -> Position:
    """Return our position."""
    return Position(value.line, value.character)


def lsp_position(document: Document, offset: int, units: Encoding) -> types.Position:
    """Return the protocol's position of `offset`."""
    line, character = document.position(offset, units)
    return types.Position(line, character)


def path_of(uri: str) -> Path | None:
    """Return the file that `uri` names, or None for what is no file."""
    try:
        if urlsplit(uri).scheme != "file":
            return None
        path = to_fs_path(uri)
    except ValueError:
        return None
    return Path(path) if path else None


def completion_items(
    candidates: Sequence[Candidate], document: Document, offset: int, units: Encoding, key: int
) -> list[types.CompletionItem]:
    """Return popup items for `candidates`; those of several lines are left out.

    What is typed of a word belongs to each item, so that an editor's filter finds it.
    `key` comes back with an item that is to be resolved.
    """
    start = document.line_start(offset)
    typed = _WORD.search(document.text[max(start, offset - 256) : offset]).group()  # type: ignore[union-attr]
    replaced = types.Range(
        start=lsp_position(document, offset - len(typed), units),
        end=lsp_position(document, offset, units),
    )
    return [
        types.CompletionItem(
            label=typed + candidate.text,
            kind=_ITEM_KINDS[candidate.kind],
            detail=f"{candidate.probability:.0%} {candidate.kind}",
            sort_text=f"{round((1 - candidate.probability) * 1e6):07d}",
            filter_text=typed + candidate.text,
            text_edit=types.TextEdit(range=replaced, new_text=typed + candidate.text),
            data={"lstmLsp": key, "text": candidate.text},
        )
        for candidate in candidates
        if "\n" not in candidate.text
    ]


def why(candidates: Sequence[Candidate], text: str) -> types.MarkupContent:
    """Return the documentation of one of `candidates`: the others and their probabilities."""
    rows = [
        f"| {'**' if one.text == text else ''}`{_code(one.text)}`"
        f"{'**' if one.text == text else ''} | {one.kind} | {one.probability:.1%} |"
        for one in candidates
    ]
    table = ["| what could follow | kind | probability |", "| :-- | :-- | --: |", *rows]
    return types.MarkupContent(types.MarkupKind.Markdown, "\n".join(table))


def explanation(judged: Sequence[Judgement], reason: str | None) -> dict[str, Any]:
    """Return the answer of `lstmLsp.explain`."""
    candidates = [
        {
            "kind": one.candidate.kind,
            "text": one.candidate.text,
            "probability": round(one.candidate.probability, 4),
            "reason": one.reason,
        }
        for one in judged
    ]
    lines = []
    if reason:
        lines.append(f"Nothing is shown here: {reason}.")
    for one in judged:
        text = f"`{_code(one.candidate.text)}`" if one.candidate.text else "nothing"
        verdict = one.reason or "shown"
        chance = f" {one.candidate.probability:.0%}" if one.candidate.text else ""
        lines.append(f"- {one.candidate.kind}: {text}{chance}: {verdict}")
    if not lines:
        lines.append("Nothing was found here.")
    return {"reason": reason, "candidates": candidates, "markdown": "\n".join(lines)}


def _code(text: str) -> str:
    """Return `text` as it may stand in a table's code span."""
    return text.replace("`", "'").replace("|", "¦").replace("\n", "⏎") or " "


def plain(value: Any) -> Any:
    """Return what pygls may have made an object of as JSON again."""
    if hasattr(value, "_asdict"):
        return {key: plain(inner) for key, inner in value._asdict().items()}
    if isinstance(value, list):
        return [plain(inner) for inner in value]
    return value


class Params:
    """The parameters of our own methods, read member by member.

    Every reader raises JsonRpcInvalidParams with the member's name and what it takes.
    """

    def __init__(self, value: Any, method: str) -> None:
        self._method = method
        self._members = value if value is not None else {}
        if not isinstance(self._members, Mapping):
            raise JsonRpcInvalidParams(f"{method}: the parameters are no object")

    def uri(self) -> str:
        """Return `textDocument.uri`."""
        uri = self._object("textDocument").get("uri")
        if not isinstance(uri, str):
            raise self._wrong("textDocument.uri", "a string")
        return uri

    def position(self, name: str = "position") -> types.Position:
        """Return a position."""
        return self._position(self._object(name), name)

    def range(self) -> tuple[types.Position, types.Position]:
        """Return `range` as start and end."""
        found = self._object("range")
        ends = [self._position(found.get(name), f"range.{name}") for name in ("start", "end")]
        return ends[0], ends[1]

    def integer(self, name: str, default: int, low: int, high: int) -> int:
        """Return a whole number, `default` when it is not there."""
        value = self._members.get(name)
        if value is None:
            return default
        if isinstance(value, float) and value.is_integer():  # Lua has one kind of number
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise self._wrong(name, f"a whole number from {low} to {high}")
        return value

    def number(self, name: str, low: float, high: float) -> float | None:
        """Return a number, None when it is not there."""
        value = self._members.get(name)
        if value is None:
            return None
        if (
            isinstance(value, bool)
            or not isinstance(value, int | float)
            or not low <= value <= high
        ):
            raise self._wrong(name, f"a number from {low:g} to {high:g}")
        return float(value)

    def token(self, name: str) -> str | int | None:
        """Return a progress token, None when it is not there."""
        value = self._members.get(name)
        if value is not None and (isinstance(value, bool) or not isinstance(value, str | int)):
            raise self._wrong(name, "a string or a whole number")
        return value

    def string(self, name: str) -> str | None:
        """Return a string, None when it is not there."""
        value = self._members.get(name)
        if value is not None and not isinstance(value, str):
            raise self._wrong(name, "a string")
        return value

    def _object(self, name: str) -> Mapping[str, Any]:
        value = self._members.get(name)
        if not isinstance(value, Mapping):
            raise self._wrong(name, "an object")
        return value

    def _position(self, value: Any, name: str) -> types.Position:
        line, character = (
            value.get(key) if isinstance(value, Mapping) else None for key in ("line", "character")
        )
        if type(line) is not int or type(character) is not int:  # a bool is no number here
            raise self._wrong(name, "a position")
        return types.Position(line, character)

    def _wrong(self, name: str, expected: str) -> JsonRpcInvalidParams:
        return JsonRpcInvalidParams(f"{self._method}: expected {expected} at {name}")
