"""Short messages to train on: a text file of one message a line, or a table of the user's.

Each message is a document of language `text` without a path. Of a CSV or TSV file the
column called text, message, content, tweet, body or post is read (or the only one). Empty
messages are left out, and of equal ones all but the first, lest what is held out was learned.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path

from lstm_lsp import symbols

from .corpus.packed import Document

ENDINGS = {".csv": ",", ".tsv": "\t", ".txt": ""}
"""What the files are called, and what separates their columns; "": they have none."""

COLUMNS = ("text", "full_text", "message", "content", "tweet", "body", "post")
"""The names of the column that holds the message, the first that is there."""


class MessagesError(ValueError):
    """A file that messages cannot be read from; the message is one line for the user."""


def are_in(path: Path) -> bool:
    """Return whether `path` is a file of messages by its ending."""
    return path.suffix.lower() in ENDINGS and path.is_file()


def read(path: Path) -> list[Document]:
    """Return the messages in `path`. Raises MessagesError, or OSError when it cannot be read."""
    text = path.read_bytes().decode("utf-8-sig", "replace")
    separator = ENDINGS[path.suffix.lower()]
    found = _column(path, text, separator) if separator else iter(text.splitlines())
    unique = dict.fromkeys(symbols.encode(one.strip()) for one in found if one.strip())
    if not unique:
        raise MessagesError(f"{path} holds no messages")
    return [Document("text", "", one) for one in unique]


def _column(path: Path, text: str, separator: str) -> Iterator[str]:
    """Yield the messages of a table; a row that ends before its message has none."""
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    try:
        names = [name.strip().lower() for name in next(rows, [])]
        known = [names.index(name) for name in COLUMNS if name in names]
        if not known and len(names) != 1:
            raise MessagesError(
                f"{path} has no text column, only {', '.join(map(repr, names)) or 'nothing'}: "
                f"name the column of the messages 'text'"
            )
        column = known[0] if known else 0
        if not known:  # one column without a name: its first row is a message
            yield next(csv.reader(io.StringIO(text, newline=""), delimiter=separator))[0]
        for row in rows:
            if column < len(row):
                yield row[column]
    except csv.Error as error:
        raise MessagesError(f"{path} is no table: {error} in line {rows.line_num}") from None
