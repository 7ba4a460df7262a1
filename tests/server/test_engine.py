"""The engine follows what is opened and closed in steps; answers never see half a document."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lstm_lsp.document import Document
from lstm_lsp.memory import ProjectMemory
from lstm_lsp.network import Model
from lstm_lsp.server.engine import Engine
from lstm_lsp.server.settings import Settings
from lstm_lsp.server.snapshot import Snapshot, Spot

STEP = 100
LONG = "".join(f"value_{number} = call_{number % 7}(value)\n" for number in range(100))


def snapshot(name: str, text: str, folder: Path | None = None) -> Snapshot:
    file = folder / name if folder is not None else None
    return Snapshot(f"file:///{name}", file, folder, "python", Document(text))


def answer(engine: Engine, here: Snapshot, opened: list[Snapshot]) -> list[tuple[str, float]]:
    """Return what is found at the end of a document, with exact probabilities."""
    everything = Settings(minimum_probability=dict.fromkeys(("char", "token", "line"), 0.0))
    spot = Spot(here, len(here.document.text))
    batches = engine.batches(spot, opened, ["char", "token"], everything, lambda: False)
    return [(one.text, one.probability) for batch in batches for one in batch]


def take(steps: Iterator[None], most: int) -> int:
    """Take at most so many steps; return how many there were."""
    return sum(1 for _ in zip(range(most), steps, strict=False))


HERE = snapshot("here.py", "value_1 = call_")


@pytest.mark.parametrize("taken", [0, 1, 7, 10_000])
def test_a_closed_document_is_taken_out_in_steps_and_no_answer_sees_half(
    tiny_model: Model, taken: int
) -> None:
    engine, fresh = Engine(tiny_model, 16), Engine(tiny_model, 16)
    other = snapshot("other.py", LONG)
    with_it = answer(engine, HERE, [HERE, other])
    without = answer(fresh, HERE, [HERE])
    assert with_it != without

    closing = engine.texts.follow([HERE], step=STEP)
    steps = take(closing, taken)
    assert steps == min(taken, len(LONG) // STEP)
    assert answer(engine, HERE, [HERE]) == without
    assert take(closing, 10_000) == 0  # nothing was left to do
    assert engine.memory is not None
    assert "other.py" not in "".join(engine.memory.files)
    assert answer(engine, HERE, [HERE, other]) == with_it  # opened again


def test_an_opened_document_is_read_in_steps_and_no_answer_sees_half(tiny_model: Model) -> None:
    engine = Engine(tiny_model, 16)
    other = snapshot("other.py", LONG)
    opening = engine.texts.follow([HERE, other], step=STEP)
    assert take(opening, 5) == 5
    found = answer(engine, HERE, [HERE, other])
    assert take(opening, 10_000) == 0
    assert found == answer(Engine(tiny_model, 16), HERE, [HERE, other])


def test_the_folder_of_what_is_open_is_counted_before_anybody_asks(tiny_model: Model) -> None:
    engine = Engine(tiny_model, 16)
    memory = engine.memory
    assert memory is not None
    memory.set_file("file:///beside.py", LONG.encode())
    take(engine.texts.follow([HERE]), 10_000)
    assert not memory.step_folder(HERE.key, STEP)
    preparing = engine.texts.prepare([HERE])
    assert take(preparing, 10_000) <= len(LONG) // STEP
    assert memory.step_folder(HERE.key, STEP)  # all of it is counted


def test_a_document_opened_again_while_it_is_taken_out_is_whole(tiny_model: Model) -> None:
    engine = Engine(tiny_model, 16)
    other, again = snapshot("other.py", LONG), snapshot("other.py", LONG + "value_0 = 7\n")
    answer(engine, HERE, [HERE, other])
    closing = engine.texts.follow([HERE], step=STEP)
    assert take(closing, 5) == 5
    found = answer(engine, HERE, [HERE, again])
    assert take(closing, 10_000) == 0
    assert found == answer(Engine(tiny_model, 16), HERE, [HERE, again])
    assert found == answer(engine, HERE, [HERE, again])


def test_a_document_opened_again_while_it_is_taken_out_is_not_read_again(
    tiny_model: Model,
) -> None:
    engine = Engine(tiny_model, 16)
    other, again = snapshot("other.py", LONG), snapshot("other.py", LONG + "value_0 = 7")
    answer(engine, HERE, [HERE, other])
    closing = engine.texts.follow([HERE], step=STEP)
    assert take(closing, 5) == 5
    found = answer(engine, again, [HERE, again])
    take(closing, 10_000)  # goes on behind the answer, as in the worker
    read = engine.contexts.symbols_read
    assert answer(engine, again, [HERE, again]) == found
    assert engine.contexts.symbols_read == read


def test_what_is_on_disk_is_there_again_after_closing(tiny_model: Model, tmp_path: Path) -> None:
    (tmp_path / "other.py").write_text("saved = 1\n" * 50)
    engine, fresh = Engine(tiny_model, 16), Engine(tiny_model, 16)
    answer(engine, HERE, [HERE, snapshot("other.py", LONG, tmp_path)])
    closing = engine.texts.follow([HERE], step=STEP)
    assert take(closing, 5) == 5
    (tmp_path / "other.py").write_text("saved = 2\n" * 50)
    engine.texts.read_file(tmp_path, tmp_path / "other.py")  # told of while it is taken out
    take(closing, 10_000)
    fresh.texts.read_file(tmp_path, tmp_path / "other.py")
    assert answer(engine, HERE, [HERE]) == answer(fresh, HERE, [HERE])


def test_an_opened_file_that_is_known_from_disk_takes_no_step(
    tiny_model: Model, tmp_path: Path
) -> None:
    (tmp_path / "other.py").write_text(LONG)
    engine = Engine(tiny_model, 16)
    engine.texts.read_file(tmp_path, tmp_path / "other.py")
    assert take(engine.texts.follow([snapshot("other.py", LONG, tmp_path)], step=STEP), 10_000) == 0


pieces = st.sampled_from([b"a", b"b = c(d)\n", b"x" * 90, bytes(range(3, 200))])
texts = st.lists(pieces, max_size=12).map(b"".join)


@settings(deadline=None)
@given(old=st.none() | texts, new=st.none() | texts)
def test_steps_lead_from_any_text_to_any_other_exactly(
    old: bytes | None, new: bytes | None
) -> None:
    memory, fresh = ProjectMemory(), ProjectMemory()
    memory.set_file("a.py", old)
    steps = 1
    while not memory.step_file("a.py", new, STEP):
        steps += 1
    assert steps <= 3 + (len(old or b"") + len(new or b"")) // (STEP - 64)
    fresh.set_file("a.py", new)
    assert memory.files == fresh.files
    for tail in (b"a", b"b = c(", b"x" * 36, bytes(range(50, 80))):
        assert memory.levels("b.py", b"", tail) == fresh.levels("b.py", b"", tail)
