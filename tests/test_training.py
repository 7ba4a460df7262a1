"""From a network to a served model file, and fine-tuning, on networks of a few units."""

from pathlib import Path

import numpy as np
import pytest
import torch

from lstm_lsp.card import Architecture
from lstm_lsp.network import Model, ModelError
from lstm_lsp.training import export, tune
from lstm_lsp.training.cells import network_of
from lstm_lsp.training.graph import build, dither, quantise, weights_of
from lstm_lsp.training.network import CharacterLSTM
from tests.conftest import TINY, seeded_weights
from tests.test_lanes import documents


def torch_network(seed: int = 0) -> CharacterLSTM:
    network = CharacterLSTM(TINY)
    weights = {name: torch.from_numpy(w) for name, w in seeded_weights(TINY, seed).items()}
    network.load_state_dict(weights)
    return network


def test_an_export_is_checked_and_served(tmp_path: Path) -> None:
    model = export.export(torch_network(), {"name": "m"}, tmp_path / "m.onnx", documents())
    assert model.card["export"]["int8_loss"] <= export.INT8_LOSS
    assert model.context in export.CONTEXTS
    assert [file.name for file in tmp_path.iterdir()] == ["m.onnx"]


@pytest.mark.parametrize("cell", ["gru", "peephole"])
def test_only_an_lstm_is_exported(cell: str, tmp_path: Path) -> None:
    network = network_of(Architecture(layers=1, units=8, embedding=4, cell=cell))
    with pytest.raises(export.ExportError, match=f"a served model is an LSTM; a {cell} network"):
        export.export(network, {"name": "m"}, tmp_path / "m.onnx", documents())
    assert not list(tmp_path.iterdir())


def test_an_export_that_differs_from_torch_writes_nothing(tmp_path: Path) -> None:
    network = torch_network()
    file = tmp_path / "m.onnx"
    weights = seeded_weights(TINY, seed=1)
    card = {"name": "m", "context": 1024}
    file.write_bytes(build(weights, TINY, card, int8=False))
    with pytest.raises(export.ExportError, match="differs from torch"):
        export.check_torch(network, Model.load(file), documents()[0])


def test_chunking_is_exact_and_the_check_can_fail(
    tiny_model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    export.check_chunking(tiny_model, documents()[2])
    whole = tiny_model.predictions
    monkeypatch.setattr(tiny_model, "predictions", lambda text, s: (whole(text, s)[0] + 1e-6, s))
    with pytest.raises(export.ExportError, match="single steps"):
        export.check_chunking(tiny_model, documents()[2])


@pytest.mark.parametrize("int8", [False, True])
def test_weights_come_back_from_a_model_file(*, int8: bool) -> None:
    weights = seeded_weights(TINY)
    back, architecture, card = weights_of(
        build(weights, TINY, {"name": "m", "context": 1}, int8=int8)
    )
    assert architecture == TINY
    assert card["name"] == "m"
    assert back.keys() == weights.keys()
    for name, value in weights.items():
        step = np.abs(value).max() / 63 if int8 else 0
        np.testing.assert_allclose(back[name], value, atol=step / 2 + 1e-6, err_msg=name)


def test_small_moves_survive_quantisation_after_dither() -> None:
    """What a fine-tuning moves by a tenth of a step is lost from the grid, kept from between."""
    name = "lstm.weight_hh_l0"
    base, _, _ = weights_of(
        build(seeded_weights(TINY), TINY, {"name": "m", "context": 1}, int8=True)
    )
    step = np.abs(base[name]).max(axis=1, keepdims=True) / 63
    inner = np.abs(base[name]) < 60 * step  # a row's largest weight sets its scale

    def kept(start: np.ndarray) -> float:
        values, scale = quantise((start + 0.1 * step * inner).T)
        return float((((values * scale).T - base[name]) / step)[inner].mean())

    assert kept(base[name]) == pytest.approx(0, abs=0.01)
    assert kept(dither(base)[name]) == pytest.approx(0.1, abs=0.03)


@pytest.mark.parametrize("content", [b"", b"no model", b"\x08\x07" * 50])
def test_what_is_no_model_file_is_refused(content: bytes, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not a model file"):
        weights_of(content)
    file = tmp_path / "broken.onnx"
    file.write_bytes(content)
    with pytest.raises(ModelError, match=r"broken\.onnx"):
        Model.load(file)


def test_a_model_of_another_format_is_refused(tmp_path: Path) -> None:
    content = build(seeded_weights(TINY), TINY, {"name": "m", "context": 1}, int8=True)
    file = tmp_path / "future.onnx"
    file.write_bytes(content.replace(b"lstm_lsp.format\x12\x011", b"lstm_lsp.format\x12\x019"))
    with pytest.raises(ModelError, match="format 9"):
        Model.load(file)


def test_a_truncated_model_is_refused(tiny_model_path: Path, tmp_path: Path) -> None:
    file = tmp_path / "short.onnx"
    file.write_bytes(tiny_model_path.read_bytes()[:-500])
    with pytest.raises(ModelError):
        Model.load(file)


def test_shapes_that_disagree_with_the_card_are_refused(tmp_path: Path) -> None:
    content = build(seeded_weights(TINY), TINY, {"name": "m", "context": 1}, int8=True)
    file = tmp_path / "liar.onnx"
    file.write_bytes(content.replace(b'"units": 16', b'"units": 17'))
    with pytest.raises(ModelError, match="shapes"):
        Model.load(file)


def test_fine_tuning_writes_a_better_model_or_nothing(
    tiny_model_path: Path, tmp_path: Path
) -> None:
    project = tmp_path / "project"
    project.mkdir()
    for document in documents(40):
        (project / Path(document.path).name).write_bytes(document.text * 8)
    report = tune.run([project], base=str(tiny_model_path), epochs=3, quiet=True)
    model = Model.load(project / ".lstm-lsp" / "model.onnx")
    assert report["after"]["java"] < report["before"]["java"]
    assert model.card["training"]["base"] == "tiny"
    assert model.context == 256
    assert (project / ".lstm-lsp" / ".gitignore").read_text() == "*\n"


def test_too_little_data_is_said_before_anything_is_written(tmp_path: Path) -> None:
    (tmp_path / "one.py").write_text("x = 1\n")
    with pytest.raises(tune.TrainingError, match="too little"):
        tune.run([tmp_path], quiet=True)
    assert [file.name for file in tmp_path.iterdir()] == ["one.py"]
