"""Folders of Parquet files as a source; skipped where pyarrow is not installed."""

import shutil
from pathlib import Path

import pytest

from lstm_lsp.training.corpus import sources
from lstm_lsp.training.corpus.build import Share, build, filter_share
from lstm_lsp.training.corpus.manifest import CorpusError, Parquet
from lstm_lsp.training.corpus.parquet import ROWS
from lstm_lsp.training.corpus.parquet import read as shards_read
from tests.corpus.test_corpus_build import Small

pyarrow = pytest.importorskip("pyarrow")
parquet = pytest.importorskip("pyarrow.parquet")


def shard(file: Path, rows: list[tuple[str | None, str | None]]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    names, texts = zip(*rows, strict=True)
    parquet.write_table(
        pyarrow.table({"path": names, "content": texts, "stars": [1] * len(rows)}), file
    )


def read(folder: Path, source: Parquet, *, most: int = 1000) -> list[tuple[str, bytes]]:
    opened = sources.open_source(source, folder, folder / "cache")
    return list(opened.read(lambda _path, size: size < most))


def test_rows_are_files_shard_after_shard(tmp_path: Path) -> None:
    shard(tmp_path / "dump" / "b.parquet", [("b.py", "b = 'é'\n"), (None, "x"), ("c.py", None)])
    shard(tmp_path / "dump" / "a.parquet", [("a.py", "a = 1\n"), ("big.py", "x" * 2000)])
    found = read(tmp_path, Parquet("dump"))
    assert found == [("a.py", b"a = 1\n"), ("b.py", "b = 'é'\n".encode())]


def test_a_broken_shard_or_a_missing_column_is_said(tmp_path: Path) -> None:
    shard(tmp_path / "dump" / "a.parquet", [("a.py", "a = 1\n")])
    with pytest.raises(CorpusError, match=r"a\.parquet"):
        read(tmp_path, Parquet("dump", content="text"))
    (tmp_path / "dump" / "a.parquet").write_bytes(b"PAR1 no")
    with pytest.raises(CorpusError, match=r"a\.parquet"):
        read(tmp_path, Parquet("dump"))


def manifest(folder: Path, cap: int = 0) -> Path:
    file = folder / "corpus.toml"
    file.write_text(
        f"schema = 1\n[caps]\npython = {cap}\n"
        '[[project]]\nid = "dump"\nlang = "python"\nsplit = "train"\nlicence = "MIT"\n'
        '[[project.source]]\ntype = "parquet"\npath = "dump"\n'
        '[[project]]\nid = "own"\nlang = "python"\nsplit = "test"\nlicence = "MIT"\n'
        '[[project.source]]\ntype = "directory"\npath = "own"\n'
    )
    return file


@pytest.fixture
def dump(tmp_path: Path) -> Path:
    """Return a folder with a dump of three shards, in which paths repeat, and a project."""
    for number, name in enumerate(("a", "b", "c/d")):
        rows = [(f"f{n}.py", Small.python(f"shard{number}file{n}")) for n in range(8)]
        shard(tmp_path / "dump" / f"{name}.parquet", [*rows, rows[0]])
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "x.py").write_text(Small.python("own"))
    return tmp_path


def built(folder: Path, cache: str, cap: int = 0, **options: int) -> dict[str, bytes]:
    output = folder / f"out-{cache}"
    build(manifest(folder, cap), output, cache=folder / cache, progress=False, **options)
    return {file.name: file.read_bytes() for file in sorted(output.iterdir())}


@pytest.mark.parametrize("cap", [0, 3000])
def test_shards_filtered_on_several_machines_make_the_same_corpus(dump: Path, cap: int) -> None:
    whole = built(dump, "whole", cap)
    assert built(dump, "processes", cap, jobs=2) == whole
    for number in (1, 2, 3):
        done = filter_share(
            manifest(dump, cap), Share(number, 3), cache=dump / f"m{number}", progress=False
        )
        assert done == (2 if number == 1 else 1)
        shutil.copytree(dump / f"m{number}" / "projects", dump / "all/projects", dirs_exist_ok=True)
    before = {file: file.stat().st_mtime_ns for file in (dump / "all/projects").iterdir()}
    assert built(dump, "all", cap) == whole
    assert before == {f: f.stat().st_mtime_ns for f in (dump / "all/projects").iterdir()}


def test_a_cap_takes_the_same_files_of_a_dump_however_it_is_cut(dump: Path) -> None:
    """The files that stay are the first by the hash of their path over all shards."""
    symbols = built(dump, "cut", 3000)["python.train.symbols"]
    tables = [parquet.read_table(file) for file in sorted((dump / "dump").rglob("*.parquet"))]
    for file in (dump / "dump").rglob("*.parquet"):
        file.unlink()
    parquet.write_table(pyarrow.concat_tables(tables), dump / "dump" / "one.parquet")
    assert built(dump, "one", 3000)["python.train.symbols"] == symbols
    assert 3000 < len(symbols) < 4500


def test_a_shard_is_read_in_batches_of_rows(tmp_path: Path) -> None:
    """A row is handed on before the shard's last one is read: a dump is never in memory."""
    shard(tmp_path / "a.parquet", [(f"{n}.py", "x = 1\n") for n in range(3 * ROWS)])
    asked: list[str] = []

    def wanted(path: str, _size: int) -> bool:
        asked.append(path)
        return True

    rows = shards_read([tmp_path / "a.parquet"], Parquet("dump"), wanted)
    next(rows)
    assert asked == ["0.py"]


def test_a_folder_without_shards_is_a_missing_source(dump: Path) -> None:
    shutil.rmtree(dump / "dump")
    with pytest.raises(CorpusError, match=r"dump: there is no folder .*dump with \*\.parquet"):
        built(dump, "none")
