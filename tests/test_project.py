"""Which files the project memory reads."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lstm_lsp import project
from lstm_lsp.memory import ProjectMemory


def write(root: Path, *names: str, text: str = "x = 1\n") -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, "utf-8")


def found(root: Path, *excluded: str) -> list[str]:
    return [path.relative_to(root).as_posix() for path in project.source_files(root, excluded)]


def test_only_served_languages(tmp_path: Path) -> None:
    write(tmp_path, "a.py", "B.java", "c.pyi", "d.txt", "e.PY", "f")
    assert found(tmp_path) == ["B.java", "a.py", "c.pyi", "e.PY"]
    assert project.language_of("x/A.java") == "java"
    assert project.language_of("x/a.rs") is None


def test_ignore_files_are_honoured_as_git_does(tmp_path: Path) -> None:
    write(tmp_path, "a.py", "gen/b.py", "src/c.py", "src/deep/d.py", "src/deep/kept.py", "e_tmp.py")
    write(tmp_path, ".gitignore", text="/gen/\n*_tmp.py\nd.py\n")
    write(tmp_path, "src/.gitignore", text="c.py\n")
    write(tmp_path, "src/deep/.gitignore", text="!d.py\nkept.py\n!kept.py\n")
    assert found(tmp_path) == ["a.py", "src/deep/d.py", "src/deep/kept.py"]
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    listed = subprocess.run(
        ["git", "ls-files", "--others", "--exclude-standard", "*.py"],
        cwd=tmp_path, check=True, capture_output=True, text=True,
    )  # fmt: skip
    assert found(tmp_path) == sorted(listed.stdout.split())


def test_rules_of_the_repository_around_the_folder_hold(tmp_path: Path) -> None:
    write(tmp_path, "inner/a.py", "inner/b.py", "inner/c.py")
    write(tmp_path, ".gitignore", text="/inner/a.py\n")
    write(tmp_path, ".git/info/exclude", text="b.py\n")
    assert found(tmp_path / "inner") == ["c.py"]


def test_what_is_not_the_project_s_own_is_left_out(tmp_path: Path) -> None:
    write(tmp_path, "pom.xml", "env/pyvenv.cfg")
    write(tmp_path, "target/Gen.java", "node_modules/x/y.py", ".tox/z.py", "env/lib/w.py")
    write(tmp_path, "src/target/Aim.java", "_vendor/v.py")
    assert found(tmp_path) == ["src/target/Aim.java"]


def test_the_user_s_exclusions_have_the_last_word(tmp_path: Path) -> None:
    write(tmp_path, "a.py", "docs/b.py", "docs/deep/c.py")
    write(tmp_path, "docs/deep/.gitignore", text="!c.py\n")
    assert found(tmp_path, "docs/**") == ["a.py"]
    assert found(tmp_path, "**/c.py") == ["a.py", "docs/b.py"]


def test_links_are_not_followed(tmp_path: Path) -> None:
    write(tmp_path, "real/a.py")
    try:
        (tmp_path / "linked").symlink_to(tmp_path / "real", target_is_directory=True)
        (tmp_path / "loop").symlink_to(tmp_path, target_is_directory=True)
        (tmp_path / "b.py").symlink_to(tmp_path / "real/a.py")
    except OSError:
        pytest.skip("no links here")
    assert found(tmp_path) == ["real/a.py"]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("data.py", b"x = '\x00'\n"),
        ("latin.py", b"# caf\xe9\n"),
        ("generated.py", b"# Automatically made. DO NOT EDIT.\nx = 1\n"),
        ("wire_pb2.py", b"x = 1\n"),
        ("table.py", b"x = [" + b"1, " * 2_000 + b"]\n"),
        ("large.py", b"x = 1\n" * 50_000),
    ],
)
def test_files_that_are_no_one_s_writing_are_left_out(
    tmp_path: Path, name: str, content: bytes
) -> None:
    (tmp_path / name).write_bytes(content)
    assert project.read_symbols(tmp_path / name) is None


def test_symbols_are_those_of_the_text(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_bytes("\ufeffa = 'é'\r\n".encode())
    assert project.read_symbols(tmp_path / "a.py") == "a = 'é'\n".encode()
    assert project.read_symbols(tmp_path / "missing.py") is None


def test_nearest_files_first() -> None:
    files = [Path("p/z/a.py"), Path("p/x/y/b.py"), Path("p/x/c.py"), Path("p/x/D.java")]
    order = project.nearest_first(files, Path("p/x/here.py"))
    assert order == [Path("p/x/c.py"), Path("p/x/y/b.py"), Path("p/z/a.py"), Path("p/x/D.java")]


@given(st.permutations([f"{folder}/{name}.py" for folder in "abc" for name in "xyz"]))
def test_the_order_is_a_function_of_the_files(names: list[str]) -> None:
    near = Path("b/here.py")
    assert project.nearest_first([Path(name) for name in names], near) == project.nearest_first(
        [Path(name) for name in sorted(names)], near
    )


def test_paths_start_with_the_folder_s_name() -> None:
    assert project.header_path(Path("/w/proj"), Path("/w/proj/src/a.py")) == "proj/src/a.py"
    assert project.header_path(Path("/w/proj"), Path("/elsewhere/a.py")) == ""


def test_indexing_shows_progress_and_can_stop_anywhere(tmp_path: Path) -> None:
    root = tmp_path / "proj"
    write(root, "a.py", "b/c.py", "b/d.py")
    memory = ProjectMemory()
    steps = project.index(memory, root, near=root / "b/c.py")
    for step in steps:
        if step.indexed == 2:
            break
    assert list(memory.files) == ["proj/b/c.py", "proj/b/d.py"]
    assert step == project.Progress(2, 3)
    assert list(steps) == [project.Progress(3, 3)]


def test_indexing_ends_where_the_memory_is_full(tmp_path: Path) -> None:
    write(tmp_path, "a.py", "b.py", text="".join(f"name_{i} = {i * 7919}\n" for i in range(800)))
    memory = ProjectMemory(max_bytes=400_000)
    last = list(project.index(memory, tmp_path))[-1]
    assert last.full
    assert last.indexed < last.total == 2
    assert memory.memory_bytes <= 400_000


def test_a_new_file_is_judged_like_those_found(tmp_path: Path) -> None:
    write(tmp_path, "a.py", "gen/b.py", "docs/c.py", "node_modules/d.py", "e.txt")
    write(tmp_path, ".gitignore", text="gen/\n")
    for file in tmp_path.rglob("*.*"):
        expected = file in project.source_files(tmp_path, ("docs/",))
        assert project.is_source(tmp_path, file, ("docs/",)) == expected
