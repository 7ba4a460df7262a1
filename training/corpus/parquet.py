"""Parquet files with a column of source text: the shards of a large dump, read in slices.

One row is one file. Rows stream in batches, so a shard is never loaded whole. Needs
pyarrow, which nothing else here does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

from .manifest import CorpusError, Parquet

ROWS: Final = 1000


def read(
    shards: Sequence[Path], source: Parquet, wanted: Callable[[str, int], bool]
) -> Iterator[tuple[str, bytes]]:
    """Yield (path, bytes) of the rows of `shards` that are `wanted`. Raises CorpusError."""
    try:
        import pyarrow  # noqa: PLC0415 - optional
        from pyarrow import parquet  # noqa: PLC0415
    except ImportError as error:
        raise CorpusError("Parquet folders need pyarrow: pip install pyarrow") from error
    for shard in shards:
        try:
            with parquet.ParquetFile(shard) as opened:
                columns = [source.name, source.content]
                for batch in opened.iter_batches(batch_size=ROWS, columns=columns):
                    for name, content in zip(
                        *(batch.column(each) for each in columns), strict=True
                    ):
                        path, text = name.as_py(), content.as_py()
                        if path is None or text is None:
                            continue
                        data = text if isinstance(text, bytes) else text.encode()
                        if wanted(path, len(data)):
                            yield path, data
        except (pyarrow.ArrowException, OSError, KeyError) as error:
            raise CorpusError(f"{shard.name} cannot be read: {error}") from error
