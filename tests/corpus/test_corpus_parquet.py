"""Folders of Parquet files as a source; skipped where pyarrow is not installed."""

from pathlib import Path

import pytest

from lstm_lsp.training.corpus import sources
from lstm_lsp.training.corpus.manifest import CorpusError, Parquet

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
