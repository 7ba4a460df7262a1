"""One open document as it was when a message was read; immutable.

Knows which language it is in, what its header is, and whether it is text at all; nothing
of the protocol's types or of models.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Final

from lstm_lsp import symbols
from lstm_lsp.document import Document

_LOOKED_AT: Final = 1 << 15  # symbols on either side of a position that say whether it is text
_LANGUAGES: Final = {"java": "java", "python": "python"}
_UNREADABLE: Final = symbols.REPLACEMENT.encode()


@dataclass(frozen=True)
class Snapshot:
    """A document and what is known of it.

    `uri`, the editor's name for it; `file` and the workspace `folder` that it lies in, if
    there are such; `language`, the network's name for its language
    or None when that is not served; `shrunk`, whether its last change made it shorter;
    `lost`, whether there was a change that cannot be, so that the editor's text is another.
    """

    uri: str
    file: Path | None
    folder: Path | None
    language: str | None
    document: Document
    shrunk: bool = False
    lost: bool = False

    @cached_property
    def header_path(self) -> str:
        """The path from the workspace folder's own name on, "" outside of every folder."""
        if self.file is None or self.folder is None:
            return ""
        return f"{self.folder.name}/{self.file.relative_to(self.folder).as_posix()}"

    @property
    def key(self) -> str:
        """The name by which the project memory knows the document."""
        return self.header_path or self.uri

    @cached_property
    def header(self) -> bytes:
        """The symbols before the document's own."""
        return symbols.header(self.language or "text", self.header_path)

    def changed(self, document: Document, *, lost: bool = False) -> Snapshot:
        """Return the snapshot after an edit."""
        shrunk = len(document.text) < len(self.document.text)
        return replace(self, document=document, shrunk=shrunk, lost=lost)

    def looks_binary(self, offset: int) -> bool:
        """Whether what stands around `offset` is no text: NUL bytes, or many unreadable ones."""
        middle = self.document.symbol_offset(offset)
        seen = self.document.symbols[max(0, middle - _LOOKED_AT) : middle + _LOOKED_AT]
        return b"\0" in seen or seen.count(_UNREADABLE) > 8 + len(seen) // 20


@dataclass(frozen=True)
class Spot:
    """A position in a snapshot: `offset` characters of its text stand before it.

    `selected` is what a popup is about to insert there, which counts as typed, in place of
    `replaced` characters.
    """

    snapshot: Snapshot
    offset: int
    selected: str = ""
    replaced: int = 0

    @property
    def before(self) -> bytes:
        """The symbols before the position."""
        document = self.snapshot.document
        before = document.symbols[: document.symbol_offset(self.offset)]
        return before + symbols.encode(self.selected) if self.selected else before


def language_of(language_id: str, path: str) -> str | None:
    """Return the network's name for the language of a document, or None."""
    if language_id in _LANGUAGES:
        return _LANGUAGES[language_id]
    if language_id in ("", "plaintext"):
        return {".java": "java", ".py": "python", ".pyi": "python"}.get(_suffix(path))
    return None


def _suffix(path: str) -> str:
    name = path.rpartition("/")[2]
    return name[name.rfind(".") :] if "." in name else ""
