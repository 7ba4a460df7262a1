"""A file on disk, seen as a server would see it open in an editor: for the commands.

Its language and header, and the project memory of the folder that it is seen in. Reads
files, runs no network and prints nothing.
"""

from __future__ import annotations

import errno
import os
from dataclasses import dataclass
from pathlib import Path

from lstm_lsp import symbols
from lstm_lsp.memory import Mixer, Parameters, ProjectMemory
from lstm_lsp.network import Model
from lstm_lsp.project import header_path, index, language_of
from lstm_lsp.streams import decoded


@dataclass(frozen=True)
class OnDisk:
    """One source file."""

    name: str
    """As the user gave it."""
    file: Path
    """The same, absolute."""
    project: Path | None = None
    """The folder whose other files count; without one only its own text does."""

    @classmethod
    def at(cls, file: Path, project: Path | None = None) -> OnDisk:
        """Return `file` as seen in the folder `project`. Raises NotADirectoryError."""
        if project is not None and not project.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, "not a folder", str(project))
        return cls(str(file), file.resolve(), project and project.resolve())

    def text(self, *, empty: bool = False) -> str:
        """Read it. Raises OSError, and `streams.Unreadable` when it is no text.

        Text is not `empty` unless that may be.
        """
        return decoded(self.file.read_bytes(), self.name, empty=empty)

    @property
    def language(self) -> str:
        """The served language, or "text"."""
        return language_of(self.file) or "text"

    @property
    def path(self) -> str:
        """The path that its header tells the network; "" outside of the folder."""
        return header_path(self.project or Path.cwd(), self.file)

    @property
    def header(self) -> bytes:
        """The symbols that the network reads before its text."""
        return symbols.header(self.language, self.path)

    def learned(self, model: Model) -> ProjectMemory:
        """Return what is known of the project's files: nothing without a project."""
        memory = ProjectMemory(Parameters.of_card(model.card))
        if self.project is not None:
            for _ in index(memory, self.project, near=self.file):
                pass
        return memory

    def view(self, memory: ProjectMemory, before: bytes) -> Mixer:
        """Return what `memory` says behind the symbols `before` of this file."""
        known_as = (header_path(self.project, self.file) if self.project else "") or str(self.file)
        return memory.view(known_as, before)


def writable(file: Path) -> None:
    """Raise OSError when `file` could not be written; nothing is written or changed."""
    if file.is_dir():
        raise IsADirectoryError(errno.EISDIR, "is a directory", str(file))
    if not file.parent.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, "not a folder", str(file.parent))
    if not os.access(file if file.exists() else file.parent, os.W_OK):
        raise PermissionError(errno.EACCES, "may not be written", str(file))
