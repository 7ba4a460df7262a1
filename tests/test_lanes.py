"""Lanes: every symbol of every document once, in order, as its presentation shows it."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lstm_lsp import symbols
from lstm_lsp.licence import licence_end
from lstm_lsp.training.corpus.packed import Corpus, Document, pack
from lstm_lsp.training.lanes import PLAIN, Lanes, Presentation

END = bytes((symbols.END,))
LICENCE = b"/* Licence: none */\n"


def documents(count: int = 12) -> list[Document]:
    text = LICENCE + b"package a;\nclass Name%d {\n    int value() { return %d; }\n}\n"
    return [Document("java", f"p/Name{n}.java", text % (n, n) * (1 + n % 3)) for n in range(count)]


@pytest.fixture(scope="module")
def corpus() -> Corpus:
    return Corpus.of(documents())


def read_whole(
    corpus: Corpus, presentation: Presentation, lanes: int = 3, length: int = 16, seed: int = 0
) -> list[bytes]:
    """Return what the network reads and predicts of the documents of one epoch, each whole."""
    reader = Lanes(corpus, lanes, length, seed, presentation)
    opened: list[list[bytes]] = []
    now: list[list[bytes]] = [[] for _ in range(lanes)]
    while len(opened) < len(corpus) or any(each[-1][-1:] != END for each in opened[: len(corpus)]):
        chunk = reader.chunk()
        for lane in range(lanes):
            known = int(chunk.known[:, lane].sum())
            assert chunk.known[:known, lane].all()
            text = bytes(chunk.symbols[: known + 1, lane].tolist())
            if chunk.fresh[lane]:
                now[lane] = [text[:1]]
                opened.append(now[lane])
            now[lane].append(text[1:])
    return [b"".join(parts) for parts in opened[: len(corpus)]]


@settings(deadline=None, max_examples=25)
@given(
    st.lists(st.text("ab\né", max_size=60), min_size=1, max_size=7),
    st.integers(1, 4),
    st.integers(1, 20),
)
def test_documents_come_whole(texts: list[str], lanes: int, length: int) -> None:
    written = [Document("java", f"p/{n}", text.encode()) for n, text in enumerate(texts)]
    found = read_whole(Corpus.of(written), PLAIN, lanes, length)
    assert sorted(found) == sorted(map(pack, written))


@pytest.mark.parametrize("lanes", [1, 5, 40])
def test_measuring_counts_every_symbol_of_every_text_once(corpus: Corpus, lanes: int) -> None:
    reader = Lanes(corpus, lanes, length=16, once=True)
    counted = []
    while not reader.done:
        chunk = reader.chunk()
        counted.append(chunk.symbols[1:][chunk.known].numpy())
    handed = np.bincount(np.concatenate(counted), minlength=256)
    texts = b"".join(corpus[n].text + bytes((symbols.END,)) for n in range(len(corpus)))
    np.testing.assert_array_equal(
        handed, np.bincount(np.frombuffer(texts, np.uint8), minlength=256)
    )


def test_lanes_go_on_at_the_exact_next_chunk(corpus: Corpus) -> None:
    one = Lanes(corpus, lanes=3, length=16, seed=7, presentation=Presentation())
    for _ in range(20):
        one.chunk()
    other = Lanes(corpus, lanes=3, length=16, seed=7, presentation=Presentation())
    other.restore(json.loads(json.dumps(one.state())))
    for _ in range(40):
        for a, b in zip(one.chunk(), other.chunk(), strict=True):
            np.testing.assert_array_equal(a, b)


def test_processes_read_their_own_part_of_the_same_lanes(corpus: Corpus) -> None:
    whole = Lanes(corpus, 6, 16, seed=3, presentation=Presentation())
    parts = [
        Lanes(corpus, 6, 16, seed=3, presentation=Presentation(), own=slice(n, n + 2))
        for n in (0, 2, 4)
    ]
    for _ in range(50):
        chunk = whole.chunk()
        apart = [part.chunk() for part in parts]
        for name in ("symbols", "known", "fresh"):
            values = np.concatenate([getattr(part, name) for part in apart], axis=-1)
            np.testing.assert_array_equal(values, getattr(chunk, name))
        assert {part.predicted for part in apart} == {chunk.predicted} == {int(chunk.known.sum())}


def test_a_document_starts_from_a_zero_state_with_its_header(corpus: Corpus) -> None:
    lanes = Lanes(corpus, lanes=3, length=16)
    for _ in range(30):
        chunk = lanes.chunk()
        assert (chunk.symbols[0, chunk.fresh] == symbols.START).all()


def test_each_epoch_has_another_order_and_every_document(corpus: Corpus) -> None:
    lanes = Lanes(corpus, lanes=1, length=4096)
    orders = [[lanes.chunk().symbols[:80, 0].tolist() for _ in documents()] for _ in range(2)]
    assert orders[0] != orders[1]
    assert sorted(orders[0]) == sorted(orders[1])


def test_presentations_drop_paths(corpus: Corpus) -> None:
    found = read_whole(corpus, Presentation(1.0, 0.0, 1.0))
    expected = [symbols.header("java") + each.text + b"\x03" for each in documents()]
    assert sorted(found) == sorted(expected)


def test_presentations_drop_licence_notices(corpus: Corpus) -> None:
    found = read_whole(corpus, Presentation(0.0, 0.0, 0.0))
    texts = [each.text[licence_end(each.text) :] for each in documents()]
    assert all(len(text) < len(each.text) for text, each in zip(texts, documents(), strict=True))
    expected = [
        symbols.header("java", each.path) + text + b"\x03"
        for text, each in zip(texts, documents(), strict=True)
    ]
    assert sorted(found) == sorted(expected)


def test_presentations_begin_at_a_later_line(corpus: Corpus) -> None:
    by_path = {each.path: each.text for each in documents()}
    found = read_whole(corpus, Presentation(0.0, 1.0, 1.0))
    for shown in found:
        head, _, text = shown.rstrip(b"\x03").partition(b"\x1e")
        whole = by_path[head.split(b"\x1f")[1].decode()]
        assert whole.endswith(text)
        assert len(text) < len(whole)
        assert whole[: len(whole) - len(text)].endswith(b"\n")
    assert len({len(shown) for shown in found}) > 6


def test_shares_of_documents_are_presented_differently() -> None:
    corpus = Corpus.of(documents(400))
    found = read_whole(corpus, Presentation(0.3, 0.0, 0.5), lanes=20)
    without_path = sum(shown.startswith(symbols.header("java")) for shown in found)
    with_licence = sum(LICENCE in shown.partition(b"\x1e")[2][:40] for shown in found)
    assert 0.2 < without_path / len(found) < 0.4
    assert 0.4 < with_licence / len(found) < 0.6


def test_a_corpus_of_no_documents_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no documents"):
        Lanes(Corpus([]), 1, 16)
    (tmp_path / "x.symbols").write_bytes(b"text")
    with pytest.raises(ValueError, match="not a packed corpus"):
        Corpus([tmp_path / "x.symbols"])
