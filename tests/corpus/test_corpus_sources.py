"""Sources without a network: archives laid in the cache, local git, apt's files as text."""

from __future__ import annotations

import hashlib
import io
import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from lstm_lsp.training.corpus import apt, filters, sources
from lstm_lsp.training.corpus.manifest import (
    DebianSource,
    Directory,
    Git,
    Manifest,
    Project,
    Source,
    Wheel,
)
from lstm_lsp.training.corpus.sources import SourceError

TEXT = b"print('hello')\n" * 20


def files(source: Source, tmp_path: Path) -> dict[str, bytes]:
    opened = sources.open_source(source, tmp_path, tmp_path / "cache")
    return dict(opened.read(lambda _path, _size: True))


def keep(tmp_path: Path, name: str, content: bytes) -> str:
    """Lay an archive where a fetched one is kept; return its sha256."""
    folder = tmp_path / "cache" / "archives"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(content)
    return hashlib.sha256(content).hexdigest()


def tar(members: dict[str, bytes], mode: str = "w:xz") -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode) as archive:  # type: ignore[call-overload]
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
        link = tarfile.TarInfo("top/link.py")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    return out.getvalue()


def debian(tmp_path: Path, content: bytes, strip: int = 1) -> DebianSource:
    name = "x_1.orig.tar.xz"
    return DebianSource("x", "1", "trixie", name, keep(tmp_path, name, content), strip)


def wheel(tmp_path: Path, content: bytes) -> Wheel:
    name = "x-1-py3-none-any.whl"
    return Wheel("x", "1", name, keep(tmp_path, name, content))


def zipped(members: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return out.getvalue()


def test_a_debian_archive_loses_its_leading_folder_and_links(tmp_path: Path) -> None:
    source = debian(tmp_path, tar({"top/src/a.py": TEXT, "alone.py": TEXT}))
    assert files(source, tmp_path) == {"src/a.py": TEXT, "alone.py": TEXT}
    source = debian(tmp_path, tar({"top/src/a.py": TEXT}), strip=0)
    assert list(files(source, tmp_path)) == ["top/src/a.py"]


def test_a_wheel_is_read_without_being_installed(tmp_path: Path) -> None:
    assert files(wheel(tmp_path, zipped({"x/a.py": TEXT})), tmp_path) == {"x/a.py": TEXT}


def test_only_what_is_wanted_is_read(tmp_path: Path) -> None:
    source = wheel(tmp_path, zipped({"x/a.py": TEXT, "x/b.so": b"1"}))
    opened = sources.open_source(source, tmp_path, tmp_path / "cache")
    asked: list[tuple[str, int]] = []

    def wanted(path: str, size: int) -> bool:
        asked.append((path, size))
        return path.endswith(".py")

    assert [path for path, _ in opened.read(wanted)] == ["x/a.py"]
    assert asked == [("x/a.py", len(TEXT)), ("x/b.so", 1)]


@pytest.mark.parametrize("path", ["../../evil.py", "/evil.py", "top/../../evil.py"])
def test_a_path_that_climbs_out_of_an_archive_writes_nothing_and_is_left_out(
    tmp_path: Path, path: str
) -> None:
    for source in (
        debian(tmp_path, tar({path: TEXT}), strip=0),
        wheel(tmp_path, zipped({path: TEXT})),
    ):
        before = sorted(tmp_path.rglob("*"))
        found = files(source, tmp_path)
        assert sorted(tmp_path.rglob("*")) == before
        project = Project("p", "python", "train", "MIT", (source,))
        manifest = Manifest(tmp_path / "m.toml", (project,))
        assert [filters.by_name(manifest, project, name, 100) for name in found] == ["unsafe path"]


@pytest.mark.parametrize("cut", [10, 60])
def test_broken_archives_are_one_clear_error(tmp_path: Path, cut: int) -> None:
    whole = tar({f"top/{i}.py": os.urandom(200) for i in range(50)})
    with pytest.raises(SourceError, match=r"x_1.orig.tar.xz is broken"):
        files(debian(tmp_path, whole[: len(whole) * cut // 100]), tmp_path)
    whole = zipped({f"x/{i}.py": os.urandom(200) for i in range(50)})
    with pytest.raises(SourceError, match=r"none-any\.whl is broken"):
        files(wheel(tmp_path, whole[: len(whole) * cut // 100]), tmp_path)
    damaged = bytearray(whole)
    damaged[100] ^= 255
    with pytest.raises(SourceError, match="broken"):
        files(wheel(tmp_path, bytes(damaged)), tmp_path)


def test_an_archive_that_changed_is_refused(tmp_path: Path) -> None:
    source = wheel(tmp_path, zipped({"x/a.py": TEXT}))
    keep(tmp_path, source.file, zipped({"x/a.py": b"evil"}))
    with pytest.raises(SourceError, match="not the manifest's"):
        files(source, tmp_path)


def test_a_wheel_is_asked_for_by_the_tags_of_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = zipped({"x/a.py": TEXT})
    asked: list[list[str]] = []

    def pip(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        asked.append(command)
        folder = next(each for each in command if each.startswith("--dest=")).removeprefix(
            "--dest="
        )
        name = f"x-1-{'cp311-cp311-manylinux_2_17_x86_64' if len(asked) == 1 else 'py3-none-any'}"
        (Path(folder) / f"{name}.whl").write_bytes(content)
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(sources, "run", pip)
    digest = hashlib.sha256(content).hexdigest()
    for name in ("x-1-cp311-cp311-manylinux_2_17_x86_64.whl", "x-1-py3-none-any.whl"):
        assert files(Wheel("x", "1", name, digest), tmp_path) == {"x/a.py": TEXT}
    assert all({"--no-deps", "--only-binary=:all:", "x==1"} <= set(each) for each in asked)
    tags = {"--platform=manylinux_2_17_x86_64", "--abi=cp311", "--python-version=311"}
    assert tags <= set(asked[0])
    assert not tags & set(asked[1])


def test_a_wheel_that_pip_does_not_find_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fails = [sys.executable, "-c", "import sys; sys.exit('ERROR: No matching distribution')"]
    real = sources.run
    monkeypatch.setattr(sources, "run", lambda _command: real(fails))
    with pytest.raises(SourceError, match="No matching distribution"):
        files(Wheel("x", "1", "x-1-py3-none-any.whl", "0" * 64), tmp_path)
    assert not list((tmp_path / "cache" / "archives").iterdir())


def test_a_missing_tool_is_said() -> None:
    with pytest.raises(SourceError, match="no-such-tool is not installed"):
        sources.run(["no-such-tool"])


# git.


def git(folder: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=A", "-c", "user.email=a@example.com"]
    command = ["git", "-C", str(folder), *identity, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "repository"
    folder.mkdir()
    git(folder, "init", "-q")
    (folder / "src").mkdir()
    (folder / "src" / "é b.py").write_bytes(TEXT)
    (folder / "link.py").symlink_to("src")
    (folder / ".gitattributes").write_text("src/* filter=evil export-ignore\n", encoding="utf-8")
    git(folder, "add", ".")
    git(folder, "commit", "-qm", "one")
    return folder


def test_git_files_are_those_of_the_commit(tmp_path: Path, repository: Path) -> None:
    commit = git(repository, "rev-parse", "HEAD")
    (repository / "src" / "é b.py").write_bytes(b"later")
    git(repository, "commit", "-qam", "two")
    found = files(Git(str(repository), commit), tmp_path)
    assert found["src/é b.py"] == TEXT
    assert "link.py" not in found
    head = git(repository, "rev-parse", "HEAD")
    assert files(Git(str(repository), head), tmp_path)["src/é b.py"] == b"later"


def test_a_commit_is_not_asked_for_twice(tmp_path: Path, repository: Path) -> None:
    source = Git(str(repository), git(repository, "rev-parse", "HEAD"))
    first = files(source, tmp_path)
    repository.rename(tmp_path / "gone")
    assert files(source, tmp_path) == first


@pytest.mark.parametrize("url", ["nowhere", "--upload-pack=touch evil", "ext::sh -c touch% evil"])
def test_a_repository_that_cannot_be_had_is_said(tmp_path: Path, url: str) -> None:
    with pytest.raises(SourceError):
        files(Git(url, "0" * 40), tmp_path)
    assert not list(tmp_path.rglob("evil"))


def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="there is no folder"):
        files(Directory("nowhere"), tmp_path)


# apt.

MACHINE = """\
Types: deb
# a comment
URIs: https://mirror.example/debian
Suites: bookworm bookworm-updates bookworm-backports
Components: main contrib
Signed-By: /usr/share/keyrings/debian.gpg

Types: deb
URIs: https://mirror.example/security
Suites: bookworm-security
Components: main

Types: deb
URIs: https://mirror.example/node
Suites: nodistro
Components: main

deb [arch=amd64 signed-by=/k.gpg] https://other.example/debian bookworm main
deb https://other.example/tools tools-bookworm main
"""


def test_the_machines_own_entries_become_source_entries_of_the_suite() -> None:
    entries = apt.source_entries(MACHINE, "bookworm", "trixie")
    assert [line for entry in entries for line in entry.splitlines() if "Suites" in line] == [
        "Suites: trixie trixie-updates",
        "Suites: trixie-security",
        "Suites: trixie",
    ]
    assert all(entry.startswith("Types: deb-src\n") for entry in entries)
    assert "Signed-By: /usr/share/keyrings/debian.gpg" in entries[0]
    assert "Signed-By: /k.gpg" in entries[2]
    assert not any("node" in entry or "tools" in entry for entry in entries)
