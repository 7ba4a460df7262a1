"""The served network: exact steps, independent rows, and model files that are refused."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import platformdirs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lstm_lsp import network
from lstm_lsp.card import CARD_KEY, FORMAT_KEY
from lstm_lsp.network import LONGEST_CALL, Cancelled, Model, ModelError, State, find_model
from lstm_lsp.training.graph import build
from tests.conftest import TINY, seeded_weights

CARD = {"name": "m", "context": 64}
texts = st.binary(min_size=1, max_size=80)


def one_by_one(model: Model, text: bytes, state: State) -> State:
    for symbol in text:
        state = model.step(np.array([symbol], np.int64), state)
    return state


def assert_equal(one: State, other: State) -> None:
    for a, b in zip(one, other, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.fixture(scope="session")
def exact_model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    """Return an fp32 model of the tiny model's weights: its rows share nothing at all."""
    path = tmp_path_factory.mktemp("models") / "fp32.onnx"
    path.write_bytes(build(seeded_weights(TINY), TINY, CARD, int8=False))
    return Model.load(path)


@given(texts, texts)
@settings(max_examples=60, deadline=None)
def test_one_call_equals_single_steps_bit_for_bit(
    tiny_model: Model, before: bytes, text: bytes
) -> None:
    start = one_by_one(tiny_model, before, tiny_model.start())
    log_probs, after = tiny_model.predictions(text, start)
    assert_equal(after, one_by_one(tiny_model, text, start))
    for end, row in enumerate(log_probs, 1):
        np.testing.assert_array_equal(row, one_by_one(tiny_model, text[:end], start).log_probs[0])


@given(st.data())
@settings(max_examples=10, deadline=None)
def test_a_state_does_not_depend_on_how_the_text_was_cut(
    tiny_model: Model, data: st.DataObject
) -> None:
    text = data.draw(st.binary(min_size=2, max_size=3 * LONGEST_CALL))
    cut = data.draw(st.integers(0, len(text)))
    whole = tiny_model.read(text, tiny_model.start())
    part = tiny_model.read(text[:cut], tiny_model.start())
    assert_equal(whole, tiny_model.read(text[cut:], part))


@given(st.lists(st.binary(min_size=12, max_size=12), min_size=2, max_size=9))
@settings(max_examples=30, deadline=None)
def test_rows_of_an_fp32_batch_are_independent(exact_model: Model, rows: list[bytes]) -> None:
    together = exact_model.start(len(rows))
    for column in zip(*rows, strict=True):
        together = exact_model.step(np.array(column, np.int64), together)
    for row, text in enumerate(rows):
        alone = one_by_one(exact_model, text, exact_model.start())
        for a, b in zip(together.take(np.array([row])), alone, strict=True):
            np.testing.assert_allclose(a, b, atol=1e-5)


@given(st.lists(st.binary(max_size=40), min_size=2, max_size=9), st.binary(min_size=1, max_size=12))
@settings(max_examples=30, deadline=None)
def test_rows_of_an_int8_batch_equal_rows_alone_bit_for_bit(
    tiny_model: Model, rows: list[bytes], text: bytes
) -> None:
    alone = [tiny_model.read(row, tiny_model.start()) for row in rows]
    together = State(
        np.concatenate([state.h for state in alone], axis=1),
        np.concatenate([state.c for state in alone], axis=1),
        np.concatenate([state.log_probs for state in alone]),
    )
    for symbol in text:
        together = tiny_model.step(np.full(len(rows), symbol), together)
        alone = [tiny_model.step(np.array([symbol]), state) for state in alone]
    for row, state in enumerate(alone):
        assert_equal(together.take(np.array([row])), state)


def test_equal_rows_stay_equal(tiny_model: Model) -> None:
    state = tiny_model.read(b"def f(", tiny_model.start()).take(np.zeros(5, np.int64))
    after = tiny_model.step(np.full(5, ord("x")), state)
    alone = one_by_one(tiny_model, b"def f(x", tiny_model.start())
    for row in range(5):
        assert_equal(after.take(np.array([row])), alone)


def test_a_distribution_is_one(tiny_model: Model) -> None:
    assert np.exp(tiny_model.start().log_probs).sum() == pytest.approx(1)
    log_probs, _ = tiny_model.predictions(b"some text", tiny_model.start())
    np.testing.assert_allclose(np.exp(log_probs).sum(axis=1), 1, rtol=1e-5)


def test_no_text_changes_nothing(tiny_model: Model) -> None:
    state = tiny_model.read(b"abc", tiny_model.start())
    assert tiny_model.read(b"", state) is state
    log_probs, after = tiny_model.predictions(b"", state)
    assert log_probs.shape == (0, 256)
    assert after is state


def test_a_state_is_never_changed_by_reading_on(tiny_model: Model) -> None:
    state = tiny_model.read(b"abc", tiny_model.start())
    kept = State(*(array.copy() for array in state))
    tiny_model.read(b"other text", state)
    tiny_model.step(np.array([1, 2]), state.take(np.array([0, 0])))
    assert_equal(state, kept)


def test_a_long_reading_stops_between_two_calls(tiny_model: Model) -> None:
    polled = iter([False, False, True])
    with pytest.raises(Cancelled):
        tiny_model.read(b"x" * 4 * LONGEST_CALL, tiny_model.start(), lambda: next(polled))
    assert next(polled, None) is None


def test_the_threads_do_not_change_a_state(tiny_model: Model, tiny_model_path: Path) -> None:
    two = Model.load(tiny_model_path, threads=2)
    text = b"public static void main"
    assert_equal(two.read(text, two.start()), tiny_model.read(text, tiny_model.start()))


# Which file is served


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Path]:
    """Return the places a model is looked for, all of them there."""
    monkeypatch.setattr(platformdirs, "user_data_dir", lambda name: str(tmp_path / name))
    monkeypatch.setattr(network, "__file__", str(tmp_path / "package" / "network.py"))
    files = {
        "explicit": tmp_path / "mine.onnx",
        "project": tmp_path / "project" / ".lstm-lsp" / "model.onnx",
        "user": tmp_path / "lstm-lsp" / "model.onnx",
        "bundled": tmp_path / "package" / "models" / f"{network.DEFAULT_MODEL}.onnx",
        "small": tmp_path / "package" / "models" / "small.onnx",
    }
    for file in files.values():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    return files


def test_a_model_is_looked_for_nearest_first(folders: dict[str, Path], tmp_path: Path) -> None:
    project = tmp_path / "project"
    for name in ("project", "user", "bundled"):
        assert find_model(None, project) == folders[name]
        assert find_model(str(folders["explicit"]), project) == folders["explicit"]
        folders[name].unlink()


def test_a_project_without_a_model_uses_the_users(folders: dict[str, Path], tmp_path: Path) -> None:
    assert find_model("", tmp_path / "elsewhere") == folders["user"]
    assert find_model() == folders["user"]


def test_a_bundled_model_is_found_by_its_name(folders: dict[str, Path]) -> None:
    assert find_model("small") == folders["small"]


@pytest.mark.parametrize("name", ["absent", "absent.onnx", "/absent/model.onnx", "."])
def test_an_explicit_model_that_is_not_there_is_an_error(
    folders: dict[str, Path], name: str
) -> None:
    with pytest.raises(ModelError, match="no model"):
        find_model(name)


# Files that are refused


def changed(path: Path, change: Callable[[onnx.ModelProto], None]) -> Path:
    """Write a tiny model file with something changed to `path`."""
    model = onnx.load_from_string(build(seeded_weights(TINY), TINY, CARD, int8=True))
    change(model)
    path.write_bytes(model.SerializeToString())
    return path


def with_property(key: str, value: str | None) -> Callable[[onnx.ModelProto], None]:
    def change(model: onnx.ModelProto) -> None:
        (entry,) = (entry for entry in model.metadata_props if entry.key == key)
        if value is None:
            model.metadata_props.remove(entry)
        else:
            entry.value = value

    return change


def assert_refused(path: Path, why: str) -> None:
    with pytest.raises(ModelError, match=why) as caught:
        Model.load(path)
    message = str(caught.value)
    assert path.name in message
    assert "\n" not in message


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    assert_refused(tmp_path / "absent.onnx", "cannot read")
    assert_refused(tmp_path, "cannot read")


@pytest.mark.parametrize("content", [b"", b"no model", b"\x08\x07" * 50, b"\0" * 1000])
def test_what_is_no_onnx_file_is_refused(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "broken.onnx"
    file.write_bytes(content)
    assert_refused(file, "not a model lstm-lsp can serve")


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.999])
def test_a_truncated_model_is_refused(tiny_model_path: Path, tmp_path: Path, share: float) -> None:
    content = tiny_model_path.read_bytes()
    file = tmp_path / "short.onnx"
    file.write_bytes(content[: int(len(content) * share)])
    assert_refused(file, "not a model lstm-lsp can serve")


def test_an_onnx_file_of_something_else_is_refused(tmp_path: Path) -> None:
    file = changed(tmp_path / "other.onnx", with_property(FORMAT_KEY, None))
    assert_refused(file, "no lstm-lsp model")


def test_another_format_version_is_refused(tmp_path: Path) -> None:
    file = changed(tmp_path / "future.onnx", with_property(FORMAT_KEY, "9"))
    assert_refused(file, "format 9")


SHAPE = {"layers": 2, "units": 16, "embedding": 8, "cell": "lstm"}


@pytest.mark.parametrize(
    "card",
    [
        None,
        "no json",
        "[]",
        json.dumps(CARD),
        json.dumps(CARD | {"architecture": 5}),
        json.dumps(CARD | {"architecture": SHAPE | {"units": 0}}),
        json.dumps(CARD | {"architecture": SHAPE | {"heads": 8}}),
        json.dumps(CARD | {"architecture": SHAPE | {"output": "first"}}),
        json.dumps({"context": 64, "architecture": SHAPE}),
        json.dumps({"name": "m", "architecture": SHAPE}),
        json.dumps({"name": "m", "context": 0, "architecture": SHAPE}),
    ],
)
def test_a_broken_card_is_refused(tmp_path: Path, card: str | None) -> None:
    file = changed(tmp_path / "card.onnx", with_property(CARD_KEY, card))
    assert_refused(file, "broken card")


@pytest.mark.parametrize("lie", [{"layers": 3}, {"units": 17}])
def test_shapes_that_disagree_with_the_card_are_refused(
    tmp_path: Path, lie: dict[str, int]
) -> None:
    card = json.dumps(CARD | {"architecture": SHAPE | lie})
    file = changed(tmp_path / "liar.onnx", with_property(CARD_KEY, card))
    assert_refused(file, "shapes its card promises")


def test_inputs_of_another_name_are_refused(tmp_path: Path) -> None:
    def rename(model: onnx.ModelProto) -> None:
        model.graph.input[0].name = "characters"
        for node in model.graph.node:
            for position, name in enumerate(node.input):
                if name == "symbols":
                    node.input[position] = "characters"

    assert_refused(changed(tmp_path / "renamed.onnx", rename), "shapes its card promises: symbols")


def test_inputs_of_another_type_are_refused(tmp_path: Path) -> None:
    def retype(model: onnx.ModelProto) -> None:
        model.graph.input[0].type.tensor_type.elem_type = onnx.TensorProto.INT32

    assert_refused(changed(tmp_path / "retyped.onnx", retype), "symbols")


def test_external_data_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Even where the other file is there, in the working folder, as ONNX Runtime looks for it."""
    monkeypatch.chdir(tmp_path)
    model = onnx.load_from_string(build(seeded_weights(TINY), TINY, CARD, int8=True))
    onnx.save(
        model,
        "parts.onnx",
        save_as_external_data=True,
        location="parts.bin",
        size_threshold=600,
    )
    assert (tmp_path / "parts.bin").exists()
    assert_refused(tmp_path / "parts.onnx", "another file")
