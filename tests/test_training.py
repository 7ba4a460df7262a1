"""From packed documents to a served model file, on networks of a few units."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from lstm_lsp import symbols
from lstm_lsp.network import Model, ModelError
from lstm_lsp.training import export, loop, tune
from lstm_lsp.training.corpus.packed import Corpus, Document, Lanes, Presentation
from lstm_lsp.training.graph import build, dither, quantise, weights_of
from lstm_lsp.training.network import CharacterLSTM
from tests.conftest import TINY, seeded_weights

RECIPE = loop.Recipe(architecture=TINY, lanes=4, length=16, learning_rate=1e-2, warm_up=2)


def documents(count: int = 12) -> list[Document]:
    text = b"/* Licence: none */\npackage a;\nclass Name%d {\n    int value() { return %d; }\n}\n"
    return [Document("java", f"p/Name{n}.java", text % (n, n) * (1 + n % 3)) for n in range(count)]


@pytest.fixture(scope="module")
def corpus() -> Corpus:
    return Corpus.of(documents())


def torch_network(seed: int = 0) -> CharacterLSTM:
    network = CharacterLSTM(TINY)
    weights = {name: torch.from_numpy(w) for name, w in seeded_weights(TINY, seed).items()}
    network.load_state_dict(weights)
    return network


def test_lanes_hand_out_every_symbol_of_every_document_once(corpus: Corpus) -> None:
    lanes = Lanes(corpus, lanes=3, length=16)
    predicted = []
    while True:
        read, known, _ = lanes.chunk()
        if lanes.epoch > 1:
            break
        predicted.append(read[1:][known])
    handed = np.bincount(np.concatenate(predicted), minlength=256)
    expected = np.bincount(corpus.symbols, minlength=256)
    assert handed[symbols.START] == 0  # a document's first symbol is given, never predicted
    # Lanes still hold a last document when the epoch ends; all others are complete.
    assert 0 <= (expected - handed)[symbols.END] <= 3
    assert handed.sum() >= expected.sum() - 3 * max(corpus.ends - corpus.starts) - len(corpus)


@pytest.mark.parametrize("lanes", [1, 5, 40])
def test_measuring_counts_every_symbol_of_every_text_once(corpus: Corpus, lanes: int) -> None:
    reader = Lanes(corpus, lanes, length=16, once=True)
    counted = []
    while not reader.done:
        read, known, _ = reader.chunk()
        counted.append(read[1:][known])
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


def test_a_document_starts_from_a_zero_state_with_its_header(corpus: Corpus) -> None:
    lanes = Lanes(corpus, lanes=3, length=16)
    for _ in range(30):
        read, _, fresh = lanes.chunk()
        assert (read[0, fresh] == symbols.START).all()


def test_presentations_drop_paths_licences_and_first_lines() -> None:
    document = documents(1)[0]
    random = np.random.default_rng(0)

    def shown(**shares: float) -> bytes:
        nothing = Presentation(0.0, 0.0, 1.0)
        return bytes(replace(nothing, **shares).present(document, random))

    assert shown() == symbols.header("java", document.path) + document.text + b"\x03"
    assert shown(without_path=1.0).startswith(symbols.header("java") + document.text)
    assert b"Licence" not in shown(with_licence=0.0)
    later = shown(from_a_later_line=1.0)
    body = later.removeprefix(symbols.header("java", document.path)).removesuffix(b"\x03")
    assert document.text.endswith(body)
    assert body != document.text


def test_an_interrupted_run_ends_with_the_weights_of_an_uninterrupted_one(
    corpus: Corpus, tmp_path: Path
) -> None:
    torch.set_num_threads(1)
    budget = loop.Budget(symbols=60 * 64)

    def run(
        folder: str, *, resume: bool = False, stop_after: int = 10**9
    ) -> dict[str, torch.Tensor]:
        torch.manual_seed(1)
        network = CharacterLSTM(TINY)
        steps = iter(range(10**9))
        loop.train(
            network,
            corpus,
            RECIPE,
            budget,
            tmp_path / folder,
            resume=resume,
            quiet=True,
            stopped=lambda: next(steps) >= stop_after,
        )
        return dict(network.state_dict())

    whole = run("whole")
    run("parts", stop_after=23)
    resumed = run("parts", resume=True)
    for name, value in whole.items():
        assert torch.equal(value, resumed[name]), name


def test_training_learns(corpus: Corpus, tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = CharacterLSTM(TINY)
    before = loop.bits_per_symbol(network, corpus)
    loop.train(network, corpus, RECIPE, loop.Budget(symbols=20_000), tmp_path, quiet=True)
    assert loop.bits_per_symbol(network, corpus) < before - 2


def test_the_plateau_is_kept_for_a_longer_run(corpus: Corpus, tmp_path: Path) -> None:
    loop.train(
        CharacterLSTM(TINY), corpus, RECIPE, loop.Budget(symbols=5_000), tmp_path, quiet=True
    )
    _, facts = loop.load_network(tmp_path / loop.BEFORE_DECAY)
    assert 0.6 < facts["progress"]["symbols"] / 5_000 < 0.8


@pytest.mark.parametrize(("step", "spent", "share"), [(0, 0.0, 0.5), (5, 0.5, 1.0), (5, 1.0, 0.0)])
def test_the_learning_rate_warms_up_stays_and_falls_to_zero(
    step: int, spent: float, share: float
) -> None:
    assert loop.learning_rate(RECIPE, step, spent) == pytest.approx(share * RECIPE.learning_rate)


def test_an_export_is_checked_and_served(tmp_path: Path) -> None:
    model = export.export(torch_network(), {"name": "m"}, tmp_path / "m.onnx", documents())
    assert model.card["export"]["int8_loss"] <= export.INT8_LOSS
    assert model.context in export.CONTEXTS
    assert [file.name for file in tmp_path.iterdir()] == ["m.onnx"]


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
