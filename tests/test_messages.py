"""Short messages: read from the user's files, learned, and looked into."""

import csv
import re
from pathlib import Path

import numpy as np
import pytest

from lstm_lsp import symbols
from lstm_lsp.cli import main
from lstm_lsp.explore.recorder import record
from lstm_lsp.explore.scores import auc
from lstm_lsp.training import messages, tune
from lstm_lsp.training.corpus.packed import Document
from lstm_lsp.training.experiments.fit import END, fit

SENTENCE = "today we will make a great place for all of you and it is very good news"
WORDS = SENTENCE.split()
NAMES = ["anna", "bert", "carla", "dora", "emil"]


def posts(count: int) -> list[str]:
    """Return made-up posts with a hashtag, a link and a mention each, somewhere."""
    random = np.random.default_rng(0)

    def some(words: list[str], low: int, high: int) -> list[str]:
        return [str(word) for word in random.choice(words, random.integers(low, high))]

    found = []
    for _ in range(count):
        link = "".join(some(list("abcdefgh0123456789"), 5, 9))
        marks = [
            "#" + "".join(word.title() for word in some(WORDS, 1, 4)),
            "https://t.example/" + link,
            "@" + "".join(some(NAMES, 1, 3)),
        ]
        parts = some(WORDS, 3, 7)
        for mark in marks:
            parts.insert(int(random.integers(0, len(parts) + 1)), mark)
        found.append(" ".join(parts))
    return found


def write(file: Path, rows: list[list[str]]) -> Path:
    with file.open("w", encoding="utf-8", newline="") as opened:
        csv.writer(opened, delimiter="\t" if file.suffix == ".tsv" else ",").writerows(rows)
    return file


@pytest.mark.parametrize(
    ("name", "rows"),
    [
        ("a.csv", [["id", "Text"], ["1", 'one, "two"'], ["2", "three\nfour"]]),
        ("a.tsv", [["text", "id"], ['one, "two"', "1"], ["three\nfour", "2"]]),
        ("a.csv", [["id", "text"], ["1", 'one, "two"'], ["2", "three\nfour"], ["3", " "], ["4"]]),
        ("a.csv", [['one, "two"'], ["three\nfour"], ["three\nfour"]]),
    ],
)
def test_every_row_is_a_document(tmp_path: Path, name: str, rows: list[list[str]]) -> None:
    expected = [Document("text", "", b'one, "two"'), Document("text", "", b"three\nfour")]
    assert messages.read(write(tmp_path / name, rows)) == expected


def test_every_line_is_a_document(tmp_path: Path) -> None:
    file = tmp_path / "posts.txt"
    file.write_bytes("\ufeffgrüße\r\n\nzwei\x02\n".encode() + b"\xff\n")
    found = [document.text.decode() for document in messages.read(file)]
    assert found == ["grüße", "zwei\ufffd", "\ufffd"]
    assert messages.are_in(file)
    assert not messages.are_in(tmp_path / "missing.txt")


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"id,name\n1,x\n", "has no text column, only 'id', 'name'"),
        (b"", "has no text column, only nothing"),
        (b"text\n\n", "holds no messages"),
        (b'text,"' + b"x" * 200_000 + b'"\n', "is no table"),
    ],
)
def test_another_table_is_one_clear_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes, problem: str
) -> None:
    file = tmp_path / "posts.csv"
    file.write_bytes(content)
    assert main(["train", str(file)]) == 1
    told = capsys.readouterr().err.splitlines()
    assert len(told) == 1
    assert f"{file} {problem}" in told[0]


def test_training_takes_messages_and_holds_some_out(tmp_path: Path) -> None:
    written = posts(400)
    file = write(tmp_path / "posts.csv", [["text"], *([post] for post in written)])
    data = tune.gather([file])
    held = data.held_out["text"]
    learned = {data.train[n].text for n in range(len(data.train))}
    tested = {held[n].text for n in range(len(held))}
    assert len(tested) == len(written) // tune.HELD_OUT_SHARE
    assert learned | tested == {symbols.encode(post) for post in written}
    assert not learned & tested


@pytest.mark.slow
def test_units_know_hashtags_links_and_mentions(tmp_path: Path) -> None:
    file = write(tmp_path / "posts.csv", [["text"], *([post] for post in posts(400))])
    texts = [document.text for document in messages.read(file)]
    learned, chosen, tested = texts[:340], texts[340:370], texts[370:]
    weights = fit(
        lambda random: [learned[n] for n in random.integers(0, len(learned), 16)],
        layers=1,
        units=32,
        cell="lstm",
        steps=400,
        seed=0,
    )

    def scores(some: list[bytes], inside: bytes) -> np.ndarray:
        traces = [record(weights, END + text) for text in some]
        spans = [np.zeros(len(text) + 1, bool) for text in some]
        for span, text in zip(spans, some, strict=True):
            for match in re.finditer(inside, text):
                span[match.start() + 1 : match.end() + 1] = True
        cells = np.concatenate([trace.layers[0]["cell"] for trace in traces])
        area = auc(cells, np.concatenate(spans))
        return np.maximum(area, 1 - area)

    for inside in (rb"#\w+", rb"https://\S+", rb"@\w+"):
        unit = scores(chosen, inside).argmax()
        assert scores(tested, inside)[unit] >= 0.85
