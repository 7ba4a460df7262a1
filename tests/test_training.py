"""From a network to a served model file, and fine-tuning, on networks of a few units."""

import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from lstm_lsp.card import Architecture
from lstm_lsp.cli import main
from lstm_lsp.network import Model, ModelError
from lstm_lsp.training import curve, export, tune
from lstm_lsp.training.cells import network_of
from lstm_lsp.training.checkpoint import CHECKPOINT
from lstm_lsp.training.graph import build, dither, quantise, weights_of
from lstm_lsp.training.network import CharacterLSTM, reading_all
from tests.conftest import SHAPES, TINY, seeded_weights
from tests.test_lanes import documents


def torch_network(seed: int = 0, shape: Architecture = TINY) -> CharacterLSTM:
    network = CharacterLSTM(shape)
    weights = {name: torch.from_numpy(w) for name, w in seeded_weights(shape, seed).items()}
    network.load_state_dict(weights)
    return network


@pytest.mark.parametrize("shape", SHAPES)
def test_an_export_is_checked_and_served(tmp_path: Path, shape: Architecture) -> None:
    model = export.export(
        torch_network(shape=shape), {"name": "m"}, tmp_path / "m.onnx", documents()
    )
    assert model.card["export"]["int8_loss"] <= export.INT8_LOSS
    assert model.context in export.CONTEXTS
    assert [file.name for file in tmp_path.iterdir()] == ["m.onnx"]


@pytest.mark.parametrize("cell", ["gru", "peephole"])
def test_only_an_lstm_is_exported(cell: str, tmp_path: Path) -> None:
    network = network_of(Architecture(layers=1, units=8, embedding=4, cell=cell))
    with pytest.raises(export.ExportError, match=f"a served model is an LSTM; a {cell} network"):
        export.export(network, {"name": "m"}, tmp_path / "m.onnx", documents())
    assert not list(tmp_path.iterdir())


def test_a_network_that_learns_to_read_all_layers_begins_as_it_was() -> None:
    last, every = torch_network(), CharacterLSTM(SHAPES[1])
    every.load_state_dict(reading_all(last.state_dict(), every.architecture))
    text = torch.tensor(list(documents()[0].text))[:, None]
    for ours, theirs in zip(
        every(text, every.zero_state(1)), last(text, last.zero_state(1)), strict=True
    ):
        torch.testing.assert_close(ours, theirs)
    every(text, every.zero_state(1))[0].square().sum().backward()
    assert every.output.weight.grad is not None
    assert every.output.weight.grad[:, : TINY.units].abs().max() > 0  # and what is new can learn


def test_only_an_lstm_reads_all_layers() -> None:
    with pytest.raises(ValueError, match="only an LSTM's output reads all layers, not a gru's"):
        network_of(Architecture(layers=2, units=8, embedding=4, cell="gru", output="all"))


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
@pytest.mark.parametrize("shape", SHAPES)
def test_weights_come_back_from_a_model_file(shape: Architecture, *, int8: bool) -> None:
    weights = seeded_weights(shape)
    back, architecture, card = weights_of(
        build(weights, shape, {"name": "m", "context": 1}, int8=int8)
    )
    assert architecture == shape
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


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Return a folder with enough to learn from."""
    folder = tmp_path / "project"
    folder.mkdir()
    for document in documents(40):
        (folder / Path(document.path).name).write_bytes(document.text * 8)
    return folder


def test_fine_tuning_writes_a_better_model(tiny_model_path: Path, project: Path) -> None:
    report = tune.run([project], base=str(tiny_model_path), epochs=3, quiet=True)
    model = Model.load(project / ".lstm-lsp" / "model.onnx")
    assert report["after"]["java"] < report["before"]["java"]
    assert model.card["training"]["base"] == "tiny"
    assert model.context == 256
    assert (project / ".lstm-lsp" / ".gitignore").read_text() == "*\n"
    run = project / ".lstm-lsp" / "model.run"
    scores = [row["validation"] for row in curve.read(run) if "validation" in row]
    assert scores == [report["before"], report["after"]]
    assert (run / curve.PICTURE).exists()
    assert not list(run.glob("*.safetensors"))  # large, and there is nothing to go on with


def test_a_result_can_lie_between_the_base_and_the_trained_weights() -> None:
    network, start = torch_network(1), dict(torch_network(0).state_dict())
    trained = {name: value.clone() for name, value in network.state_dict().items()}
    tune._move(network, start, 0.75)
    for name, value in network.state_dict().items():
        assert torch.allclose(value, 0.25 * start[name] + 0.75 * trained[name], atol=1e-6)


def test_a_fine_tuning_that_did_not_help_writes_no_model(
    tiny_model_path: Path, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tune, "_score", lambda *_: {"java": 2.0})
    with pytest.raises(tune.TrainingError, match=r"\(2.000 to 2.000 .*no model was written"):
        tune.run([project], base=str(tiny_model_path), epochs=0.01, quiet=True)
    assert not (project / ".lstm-lsp" / "model.onnx").exists()
    assert not list(project.glob("**/*.safetensors"))


def test_a_stopped_fine_tuning_keeps_what_it_can_go_on_from(
    tiny_model_path: Path, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train = tune.train
    asked = iter(range(10**9))
    monkeypatch.setattr(
        tune, "train", lambda *a, **k: train(*a, stopped=lambda: next(asked) > 40, **k)
    )
    base = str(tiny_model_path)
    first = tune.run([project], base=base, epochs=3, quiet=True)
    run = project / ".lstm-lsp" / "model.run"
    assert (run / CHECKPOINT).exists()
    monkeypatch.setattr(tune, "train", train)
    second = tune.run([project], base=base, epochs=3, resume=True, quiet=True)
    assert second["symbols"] > first["symbols"] > 0
    assert second["after"]["java"] < first["after"]["java"]
    assert not (run / CHECKPOINT).exists()


def said(argv: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """Return the one line that the failing command says."""
    assert main(argv) == 1
    out, err = capsys.readouterr()
    assert not out
    (line,) = (each for each in err.splitlines() if each.startswith("lstm-lsp: "))
    return line


def test_what_cannot_be_trained_is_said_before_anything_is_written(
    tmp_path: Path,
    project: Path,
    tiny_model_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    small = tmp_path / "small"
    small.mkdir()
    assert "0 characters of Java and Python in 0 files" in said(["train", str(small)], capsys)
    (small / "one.py").write_text("x = 1\n")
    assert "too little to learn from" in said(["train", str(small)], capsys)
    assert "no such file" in said(["train", str(small / "none")], capsys)
    assert "there is no recipe x" in said(["train", str(project), "--recipe", "x"], capsys)
    (small / "java.train.symbols").write_bytes(b"no")
    assert "is not a packed corpus" in said(["train", str(small)], capsys)
    assert sorted(file.name for file in small.iterdir()) == ["java.train.symbols", "one.py"]

    resume = ["train", str(project), "--base", str(tiny_model_path), "--resume"]
    assert "there is no run to go on with" in said(resume, capsys)
    full = shutil.disk_usage(project)._replace(free=10**8)
    monkeypatch.setattr(tune.shutil, "disk_usage", lambda _: full)
    assert "less than 200 MB are free" in said(["train", str(project)], capsys)
    assert not (project / ".lstm-lsp" / "model.onnx").exists()


def test_without_torch_it_says_what_to_install(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in [name for name in sys.modules if name.startswith("lstm_lsp.training")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.delattr("lstm_lsp.training", raising=False)
    monkeypatch.setitem(sys.modules, "torch", None)
    assert "needs torch" in said(["train", str(project)], capsys)
    assert not (project / ".lstm-lsp").exists()
