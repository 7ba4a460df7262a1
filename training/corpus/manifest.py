"""Corpus manifests: a TOML file that says which projects make a corpus, and how.

Reading only: a manifest is checked whole before anything is fetched, and every
mistake is one `CorpusError` that names the file and the place. Knows nothing of how
sources are fetched (`sources`) or files chosen (`filters`). `docs/corpus.md` shows
the form.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields
from fnmatch import fnmatchcase
from pathlib import Path
from types import UnionType
from typing import Any, Final, TypeVar, get_args, get_type_hints

SCHEMA: Final = 1
ENDINGS: Final[Mapping[str, str]] = {"java": ".java", "python": ".py"}
HELD_OUT: Final = ("validation", "test")
SPLITS: Final = ("train", *HELD_OUT)


class CorpusError(Exception):
    """A corpus cannot be built; `str(error)` is one sentence for the user."""


@dataclass(frozen=True)
class Directory:
    """Files of a local folder; `path` is relative to the manifest's own folder."""

    path: str


@dataclass(frozen=True)
class Git:
    """Files of a git repository at one commit (40 hexadecimal digits)."""

    url: str
    commit: str


@dataclass(frozen=True)
class Wheel:
    """A wheel that pip finds: `file` is its name, `sha256` that of the file."""

    package: str
    version: str
    file: str
    sha256: str


@dataclass(frozen=True)
class DebianSource:
    """The upstream archive of a Debian source package that apt-get finds.

    `strip` leading folders are dropped from its paths, as `tar --strip-components`
    does, but never the file's own name.
    """

    package: str
    version: str
    suite: str
    file: str
    sha256: str
    strip: int = 1


@dataclass(frozen=True)
class Parquet:
    """Rows of `*.parquet` files in a local folder, one source file each."""

    path: str
    content: str = "content"
    """Name of the column that holds the text; `name` that of its path."""
    name: str = "path"


Source = Directory | Git | Wheel | DebianSource | Parquet
KINDS: Final[Mapping[str, type[Source]]] = {
    "directory": Directory,
    "git": Git,
    "pypi-wheel": Wheel,
    "debian-source": DebianSource,
    "parquet": Parquet,
}


@dataclass(frozen=True)
class Project:
    """One project: what it is called, where it belongs, where it can be had.

    `include` and `exclude` are shell patterns over paths inside the project, where
    "*" also crosses "/". The first source that can be had is used.
    """

    id: str
    lang: str
    split: str
    licence: str
    """SPDX expression; a licence it names is no restrictive notice in its files."""
    sources: tuple[Source, ...]
    include: tuple[str, ...] = ("*",)
    exclude: tuple[str, ...] = ()

    def holds(self, path: str) -> bool:
        """Whether `path` is included, and not excluded."""
        return any(fnmatchcase(path, each) for each in self.include) and not any(
            fnmatchcase(path, each) for each in self.exclude
        )


@dataclass(frozen=True)
class Filters:
    """Thresholds of `filters.examine`; sizes are bytes, shares 0-1."""

    min_bytes: int = 200
    """Least size of a file without the licence notice that opens it."""
    max_bytes: int = 200_000
    max_line: int = 1000
    """Most characters in a line."""
    max_mean_line: float = 100.0
    max_digits: float = 0.30
    """Most digits among the characters that are not white space."""
    min_alphanumeric: float = 0.25


@dataclass(frozen=True)
class Caps:
    """What one train project gives at most; held-out projects are whole."""

    java: int = 3_000_000
    """Bytes; 0 for no cap."""
    python: int = 3_000_000
    tests: float = 0.15
    """Share of the cap that test code may take."""


@dataclass(frozen=True)
class Dedupe:
    """Near duplicates: MinHash over n-grams of words, compared in bands of rows."""

    threshold: float = 0.85
    """Least estimated Jaccard similarity of a duplicate."""
    ngram: int = 5
    bands: int = 16
    rows: int = 8
    seed: int = 1


@dataclass(frozen=True)
class Normalise:
    """What is made equal in every file, beside line ends and the byte order mark."""

    final_newline: bool = True
    licence_headers: float = 0.25
    """Share of train files that keep the licence notice they open with."""


@dataclass(frozen=True)
class HeldOut:
    """Shares (0-1) of every train project's files to hold out, by a hash of their path.

    For a model of one code base. Such files resemble what is trained on, so their bits
    say nothing of unseen projects.
    """

    validation: float = 0.0
    test: float = 0.0


@dataclass(frozen=True)
class Manifest:
    """A checked manifest; `projects` have distinct ids."""

    path: Path
    projects: tuple[Project, ...]
    filters: Filters = field(default_factory=Filters)
    caps: Caps = field(default_factory=Caps)
    dedupe: Dedupe = field(default_factory=Dedupe)
    normalise: Normalise = field(default_factory=Normalise)
    held_out: HeldOut = field(default_factory=HeldOut)
    deny: tuple[str, ...] = ()
    """Opt-outs: project ids, patterns over `PROJECT/PATH`, or sha256 of a file's text."""


def load(path: Path) -> Manifest:
    """Read the manifest at `path`. Raises CorpusError."""
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise CorpusError(f"{path} cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise CorpusError(f"{path} is not TOML: {error}") from error
    try:
        return _manifest(path, table)
    except CorpusError as error:
        raise CorpusError(f"{path}: {error}") from error


def _manifest(path: Path, table: dict[str, Any]) -> Manifest:
    if table.pop("schema", None) != SCHEMA:
        raise CorpusError(f"'schema = {SCHEMA}' is missing at the top")
    rows = table.pop("project", [])
    if not isinstance(rows, list) or not rows:
        raise CorpusError("there is no [[project]]")
    projects = tuple(_project(row, number) for number, row in enumerate(rows, 1))
    seen: set[str] = set()
    for project in projects:
        if project.id in seen:
            raise CorpusError(f"project {project.id!r} is there twice")
        seen.add(project.id)
    manifest = Manifest(
        path=path,
        projects=projects,
        filters=_read(Filters, table.pop("filters", {}), "[filters]"),
        caps=_read(Caps, table.pop("caps", {}), "[caps]"),
        dedupe=_read(Dedupe, table.pop("dedupe", {}), "[dedupe]"),
        normalise=_read(Normalise, table.pop("normalise", {}), "[normalise]"),
        held_out=_read(HeldOut, table.pop("held_out", {}), "[held_out]"),
        deny=_strings(table.pop("deny", []), "deny"),
    )
    if table:
        raise CorpusError(f"nothing is called {next(iter(table))!r} at the top")
    return manifest


def _project(row: object, number: int) -> Project:
    if not isinstance(row, dict):
        raise CorpusError(f"project {number} is not a table")
    row = dict(row)
    place = f"project {row.get('id', number)!r}"
    sources = row.pop("source", [])
    if not isinstance(sources, list) or not sources:
        raise CorpusError(f"{place} has no [[project.source]]")
    row["sources"] = tuple(_source(source, place) for source in sources)
    for key in ("include", "exclude"):
        if key in row:
            row[key] = _strings(row[key], f"{place}: {key}")
    project = _read(Project, row, place)
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._+-]*", project.id):
        raise CorpusError(f"{place}: an id is letters, digits and '._+-'")
    if project.lang not in ENDINGS:
        raise CorpusError(f"{place}: lang is {project.lang!r}, not one of {', '.join(ENDINGS)}")
    if project.split not in SPLITS:
        raise CorpusError(f"{place}: split is {project.split!r}, not one of {', '.join(SPLITS)}")
    return project


def _source(row: object, place: str) -> Source:
    if not isinstance(row, dict) or row.get("type") not in KINDS:
        raise CorpusError(f"{place}: a source's type is one of {', '.join(KINDS)}")
    kind = row["type"]
    source = _read(KINDS[kind], {k: v for k, v in row.items() if k != "type"}, f"{place}: {kind}")
    if isinstance(source, Git) and not re.fullmatch("[0-9a-f]{40}", source.commit):
        raise CorpusError(f"{place}: a git commit is 40 hexadecimal digits")
    if isinstance(source, Wheel | DebianSource):
        if not re.fullmatch("[0-9a-f]{64}", source.sha256):
            raise CorpusError(f"{place}: a sha256 is 64 hexadecimal digits")
        # Package and version reach a command line, the file's name a cache folder.
        for value in (source.package, source.version, source.file):
            if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._+:~!-]*", value):
                raise CorpusError(f"{place}: {value!r} is no package, version or file name")
    if isinstance(source, DebianSource) and not re.fullmatch("[a-z][a-z0-9-]*", source.suite):
        raise CorpusError(f"{place}: {source.suite!r} is no suite")
    return source


T = TypeVar("T")


def _read(kind: type[T], table: object, place: str) -> T:
    """Make a `kind` (a dataclass) of `table`, checking names and types."""
    if not isinstance(table, dict):
        raise CorpusError(f"{place} is not a table")
    types = get_type_hints(kind)
    values: dict[str, Any] = {}
    for each in fields(kind):  # type: ignore[arg-type]
        if each.name in table:
            values[each.name] = _value(table[each.name], types[each.name], f"{place}: {each.name}")
        elif each.default is MISSING:
            raise CorpusError(f"{place}: {each.name!r} is missing")
    for name in table:
        if name not in types:
            raise CorpusError(f"{place}: nothing is called {name!r} here")
    return kind(**values)


def _value(value: Any, kind: Any, place: str) -> Any:
    if isinstance(kind, UnionType) or get_args(kind):
        return value  # a tuple that its reader has made
    if kind is float and type(value) is int:
        value = float(value)
    if type(value) is not kind:
        raise CorpusError(f"{place} is {value!r}, not of type {kind.__name__}")
    if kind in (int, float) and not value >= 0:
        raise CorpusError(f"{place} is {value!r}, less than 0")
    return value


def _strings(value: object, place: str) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise CorpusError(f"{place} is not a list of strings")
    return tuple(value)
