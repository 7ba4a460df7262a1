"""The files an evaluation reads: projects on disk, as the network sees their text.

Knows folders and languages; nothing of models or measures.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from lstm_lsp import symbols
from lstm_lsp.licence import licence_end
from lstm_lsp.project import header_path, language_of, read_symbols, source_files


class EvaluationError(ValueError):
    """What cannot be evaluated, in one sentence for the user."""


@dataclass(frozen=True)
class File:
    """One source file: its header path, language, and text as the network reads it."""

    path: str
    language: str
    text: str

    @cached_property
    def symbols(self) -> bytes:
        """The text's symbols."""
        return symbols.encode(self.text)

    @cached_property
    def header(self) -> bytes:
        """The header the server would give this file."""
        return symbols.header(self.language, self.path)

    @cached_property
    def licence_symbols(self) -> int:
        """The symbols of the licence notice that opens the file."""
        return licence_end(self.symbols)

    @cached_property
    def licence_characters(self) -> int:
        """The characters of the licence notice that opens the file."""
        return len(self.symbols[: self.licence_symbols].decode("utf-8"))


@dataclass(frozen=True)
class Project:
    """A project: its name in the report and its files, in path order."""

    name: str
    files: tuple[File, ...]


def read_projects(paths: Sequence[Path]) -> list[Project]:
    """Read each of `paths`, a folder or a single file, as one project.

    A single file stands alone: it has no path in its header and no neighbours.
    Raises EvaluationError when a path is missing, unreadable or holds no known language.
    """
    projects: list[Project] = []
    for path in paths:
        name = path.resolve().name
        if any(project.name == name for project in projects):
            name = str(path)
        projects.append(Project(name, _files(path)))
    return projects


def _files(path: Path) -> tuple[File, ...]:
    if path.is_dir():
        root = path.resolve()
        found = [_source(file, header_path(root, file)) for file in source_files(root)]
    else:
        found = [_single(path)]
    files = tuple(file for file in found if file is not None)
    if not files:
        raise EvaluationError(f"{path} holds no Java or Python source")
    return files


def _source(file: Path, path: str) -> File | None:
    """Return one of a folder's files, or None when the project memory leaves it out too."""
    read, language = read_symbols(file), language_of(file)
    if read is None or language is None:
        return None
    return File(path, language, read.decode("utf-8"))


def _single(file: Path) -> File | None:
    language = language_of(file)
    try:
        raw = file.read_bytes()
    except OSError as error:
        raise EvaluationError(f"cannot read {file}: {error.strerror or error}") from None
    if language is None or b"\0" in raw:
        return None
    try:
        return File("", language, symbols.normalise(raw.decode("utf-8-sig")))
    except UnicodeDecodeError:
        raise EvaluationError(f"{file} is not UTF-8: convert it first") from None
