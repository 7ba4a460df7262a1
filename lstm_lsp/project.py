"""Which files of a folder the project memory reads, and in which order.

Sources of the served languages that are the project's own: not ignored by git, not
excluded by the user, not vendored, generated, binary or oversized. Knows nothing of
models or the protocol; of the memory only `set_file`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Final, NamedTuple

from pathspec import GitIgnoreSpec

from lstm_lsp import symbols
from lstm_lsp.memory import ProjectMemory

LANGUAGES: Final = {".java": "java", ".py": "python", ".pyi": "python"}

MOST_FILE_BYTES: Final = 256 << 10
MOST_FILES: Final = 20_000
"""Files looked at; a larger folder is cut off there, in order of path."""

_VENDORED: Final = frozenset(
    [
        "node_modules",
        "__pycache__",
        "site-packages",
        "vendor",
        "vendored",
        "_vendor",
        "third_party",
        "third-party",
    ]
)
# Folders of build output, by the file that a project has beside them.
_OUTPUT: Final = {
    "target": ("pom.xml", "build.sbt"),
    "build": ("build.gradle", "build.gradle.kts", "setup.py", "pyproject.toml"),
    "dist": ("setup.py", "pyproject.toml"),
    "bin": (".classpath",),
    "out": (".idea",),
}
_GENERATED_NAME: Final = re.compile(r"_pb2(?:_grpc)?\.pyi?$|(?:Grpc|OuterClass)\.java$")
_GENERATED: Final = re.compile(
    rb"(?i)@generated|auto-?generated|generated (?:by|from|code|file)|do not (?:edit|modify)"
)
_LONGEST_LINE: Final = 2_000


def language_of(path: str | PurePath) -> str | None:
    """Return the language served for a file of this name, or None."""
    return LANGUAGES.get(PurePath(path).suffix.lower())


def header_path(root: Path, file: Path) -> str:
    """Return the path of `file` from the folder `root`'s own name on; "" when not in it."""
    try:
        return "/".join((root.name, *file.relative_to(root).parts))
    except ValueError:
        return ""


def read_symbols(file: Path) -> bytes | None:
    """Return the symbols of a source file, or None when the memory leaves it out."""
    try:
        if file.stat().st_size > MOST_FILE_BYTES:
            return None
        raw = file.read_bytes()
        text = raw.decode("utf-8-sig")
    except (OSError, UnicodeDecodeError):
        return None
    if b"\0" in raw or _GENERATED.search(raw[:1_000]) or _GENERATED_NAME.search(file.name):
        return None
    if max(map(len, raw.splitlines()), default=0) > _LONGEST_LINE:
        return None
    return symbols.encode(text)


class Progress(NamedTuple):
    """How far indexing is. While files are still being looked for, `total` grows."""

    indexed: int
    total: int
    full: bool = False
    """Indexing ended early: the memory has no room for more."""


def index(
    memory: ProjectMemory, root: Path, *, near: Path | None = None, excluded: Sequence[str] = ()
) -> Iterator[Progress]:
    """Read the files of `root` into `memory`, nearest to `near` first.

    Every step is short (one folder listed, or one file read), so that the caller may
    pause, cancel or report between them. Files are known to the memory by `header_path`.
    """
    found: list[Path] = []
    for files in _folders(root, excluded):
        found += files
        yield Progress(0, len(found))
        if len(found) >= MOST_FILES:
            break
    for number, file in enumerate(nearest_first(found, near or root), 1):
        if not memory.set_file(header_path(root, file), read_symbols(file)):
            yield Progress(number - 1, len(found), full=True)
            return
        yield Progress(number, len(found))


def source_files(root: Path, excluded: Sequence[str] = ()) -> list[Path]:
    """Return the files of `root` that `index` would look at, in order of path.

    `excluded` are patterns as in a `.gitignore` at `root`.
    """
    return sorted(file for files in _folders(root, excluded) for file in files)


def is_source(root: Path, file: Path, excluded: Sequence[str] = ()) -> bool:
    """Whether `file`, new or changed, is one that `index` would look at."""
    if language_of(file) is None or not file.is_relative_to(root):
        return False
    folder = _Folder.top(root, excluded)
    for name in file.relative_to(root).parts[:-1]:
        if folder.leaves_out(name):
            return False
        folder = folder.inside(name)
    return not folder.ignored(file.name)


def nearest_first(files: Sequence[Path], near: Path) -> list[Path]:
    """Return `files` by distance in the tree from `near`; its language first, then by path."""
    language = language_of(near)
    here = near.parent.parts if language else near.parts

    def distance(file: Path) -> tuple[bool, int, Path]:
        there = file.parent.parts
        shared = 0
        while shared < min(len(here), len(there)) and here[shared] == there[shared]:
            shared += 1
        return (
            language is not None and language_of(file) != language,
            len(here) + len(there) - 2 * shared,
            file,
        )

    return sorted(files, key=distance)


@dataclass(frozen=True)
class _Folder:
    """A folder, and the ignore files that hold in it: (folder, patterns), outermost first."""

    path: Path
    rules: tuple[tuple[Path, GitIgnoreSpec], ...]

    @classmethod
    def top(cls, root: Path, excluded: Sequence[str]) -> _Folder:
        """Return `root` with the rules of the repository that it lies in, and the user's."""
        above = [root, *root.parents]
        repository = next((at for at in above if (at / ".git").exists()), root)
        rules = _rules(repository, ".git/info/exclude")
        for at in reversed(above[1 : above.index(repository) + 1]):
            rules += _rules(at)
        return cls(root, (*rules, *_rules(root), (root, GitIgnoreSpec.from_lines(excluded))))

    def inside(self, name: str) -> _Folder:
        path = self.path / name
        # The user's exclusions, last, keep the last word.
        return _Folder(path, (*self.rules[:-1], *_rules(path), self.rules[-1]))

    def ignored(self, name: str) -> bool:
        """Whether the last rule that speaks of `name` ("/" at a folder's end) ignores it."""
        for folder, spec in reversed(self.rules):
            at = self.path.relative_to(folder).as_posix()
            verdict = spec.check_file(name if at == "." else f"{at}/{name}").include
            if verdict is not None:
                return verdict
        return False

    def leaves_out(self, name: str) -> bool:
        """Whether the folder `name` in here is not the project's own source."""
        if name.startswith(".") or name.lower() in _VENDORED or self.ignored(name + "/"):
            return True
        if any((self.path / beside).exists() for beside in _OUTPUT.get(name, ())):
            return True
        return (self.path / name / "pyvenv.cfg").exists()


def _rules(folder: Path, name: str = ".gitignore") -> tuple[tuple[Path, GitIgnoreSpec], ...]:
    try:
        lines = (folder / name).read_text("utf-8", errors="replace").splitlines()
        return ((folder, GitIgnoreSpec.from_lines(lines)),)
    except (OSError, ValueError):  # none, or one that git would not understand either
        return ()


def _folders(root: Path, excluded: Sequence[str]) -> Iterator[list[Path]]:
    """Yield the source files of one folder after another, in order of path."""
    waiting = [_Folder.top(root, excluded)]
    while waiting:
        folder = waiting.pop()
        try:
            entries = sorted(os.scandir(folder.path), key=lambda entry: entry.name)
        except OSError:
            continue
        files, inner = [], []
        for entry in entries:
            # Links are not followed: what they lead to is elsewhere, or counted already.
            if entry.is_dir(follow_symlinks=False):
                if not folder.leaves_out(entry.name):
                    inner.append(folder.inside(entry.name))
            elif (
                language_of(entry.name)
                and entry.is_file(follow_symlinks=False)
                and not folder.ignored(entry.name)
            ):
                files.append(folder.path / entry.name)
        waiting += reversed(inner)
        yield files
