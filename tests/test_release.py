"""What a released model says of where it comes from."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, replace
from pathlib import Path

import pytest
import torch

from lstm_lsp.card import Architecture
from lstm_lsp.network import Model, find_model
from lstm_lsp.training import provenance, release
from lstm_lsp.training.checkpoint import CHECKPOINT, average, save_half
from lstm_lsp.training.corpus.build import build
from lstm_lsp.training.corpus.manifest import load
from lstm_lsp.training.corpus.packed import Corpus, Document
from lstm_lsp.training.curve import CURVE
from lstm_lsp.training.network import CharacterLSTM
from lstm_lsp.training.recipe import Recipe

MANIFEST = """\
schema = 1
[held_out]
validation = 0.3
[[project]]
id = "shop"
lang = "python"
split = "train"
licence = "MIT"
[[project.source]]
type = "directory"
path = "shop"
"""


def test_the_curve_of_runs_in_a_row_is_one_and_keeps_its_ends() -> None:
    first = [{"symbols": n, "validation": {"java": 3 - n / 100}} for n in range(1, 101)]
    second = [{"symbols": 5, "bits": 1.0}, {"symbols": 10, "validation": {"java": 1.23456}}]
    points = provenance.curve([first, second])
    assert len(points) == provenance.POINTS
    assert points[0] == {"symbols": 1, "java": 2.99}
    assert points[-1] == {"symbols": 110, "java": 1.2346}
    assert [point["symbols"] for point in points] == sorted(point["symbols"] for point in points)
    assert provenance.curve([second]) == [{"symbols": 10, "java": 1.2346}]


def test_what_was_not_redacted_is_counted_and_placeholders_are_not() -> None:
    texts = [
        "# ask joe@shop.org or name@example.com\n",
        'API_KEY = "AKIAQ2W3E4R5T6Y7U8I9"\n',
        "x\n",
    ]
    corpus = Corpus.of([Document("python", "a.py", text.encode()) for text in texts])
    assert provenance.unredacted(corpus) == {"e-mail addresses": 1, "secrets": 1}


def test_an_average_with_a_network_that_reads_one_layer_halves_the_others() -> None:
    shape = Architecture(layers=2, units=4, embedding=3)
    last, every = CharacterLSTM(shape), CharacterLSTM(replace(shape, output="all"))
    before = every.output.weight.detach().clone()
    average(every, [last])
    torch.testing.assert_close(every.output.weight[:, :4], before[:, :4] / 2)
    torch.testing.assert_close(every.output.weight[:, 4:], (before[:, 4:] + last.output.weight) / 2)


def test_the_average_of_runs_weighs_each_alike() -> None:
    networks = [CharacterLSTM(Architecture(layers=1, units=4, embedding=3)) for _ in range(3)]
    weights = [network.output.weight.detach().clone() for network in networks]
    average(networks[0], networks[1:])
    torch.testing.assert_close(networks[0].output.weight, torch.stack(weights).mean(0))
    torch.testing.assert_close(networks[1].output.weight, weights[1], rtol=0, atol=0)


@pytest.fixture
def corpora(tmp_path: Path) -> Path:
    """Return a manifest's folder, with its corpus in `built`."""
    (tmp_path / "shop").mkdir()
    for number in range(30):
        words = "\n".join(f"def item_{number}_{n}(price_{n}):\n    pass\n" for n in range(40))
        (tmp_path / "shop" / f"file_{number}.py").write_text(words, encoding="utf-8")
    (tmp_path / "manifest.toml").write_text(MANIFEST, encoding="utf-8")
    build(tmp_path / "manifest.toml", tmp_path / "built", cache=tmp_path / "cache", progress=False)
    return tmp_path


def test_filters_are_those_of_the_manifest_only_where_the_build_says_so(corpora: Path) -> None:
    described = load(corpora / "manifest.toml")
    known = provenance.filters(described, corpora / "built")
    assert isinstance(known, dict)
    assert known["held_out"] == {"validation": 0.3, "test": 0.0}
    assert isinstance(provenance.filters(described, corpora / "elsewhere"), str)


@pytest.mark.slow
def test_a_released_model_says_where_it_comes_from(
    corpora: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    torch.manual_seed(0)
    architecture = Architecture(layers=2, units=16, embedding=8)
    runs = [corpora / "first", corpora / "second"]
    for run, symbols in zip(runs, (1000, 500), strict=True):
        run.mkdir()
        facts = {
            "recipe": asdict(Recipe(architecture=architecture)),
            "progress": {"step": 1, "symbols": symbols, "seconds": 60.0, "bits": 2.0},
        }
        save_half(run / CHECKPOINT, CharacterLSTM(architecture), facts)
        row = {"symbols": symbols, "validation": {"python": 2.5}}
        (run / CURVE).write_text(json.dumps(row) + "\n", encoding="utf-8")
    output = corpora / "model.onnx"
    arguments = [str(runs[1]), str(corpora / "built"), "--before", str(runs[0]), "--name", "shop"]
    arguments += ["--manifest", str(corpora / "manifest.toml"), "--hardware", "a test"]
    monkeypatch.setattr(sys, "argv", ["release", *arguments, "--output", str(output)])
    release.main()
    assert json.loads(capsys.readouterr().out)["int8_loss"] < 0.005
    card = Model.load(output).card
    training = card["training"]
    assert (card["name"], card["languages"]) == ("shop", ["python"])
    assert "python and no other language" in card["limits"]
    assert "trained on" in card["limits"]
    assert [row["project"] for row in training["sources"]] == ["shop"]
    assert training["sources"][0]["licence"] == "MIT"
    assert training["left_unredacted"] == {"e-mail addresses": 0, "secrets": 0}
    assert (training["symbols_seen"], training["minutes"]) == (1500, 2)
    assert [point["symbols"] for point in training["curve"]] == [1000, 1500]
    assert training["validation_bits_per_character"] == {"python": 2.5}
    assert "manifests/manifest.toml" in training["reproduce"]["corpus"]


def test_bundled_models_are_small_and_found_by_their_names() -> None:
    files = list(find_model("base").parent.glob("*.onnx"))
    assert {file.stem for file in files} >= {"base", "commons-java", "tensorflow-python"}
    assert sum(file.stat().st_size for file in files) < 25e6
    for file in files:
        model = Model.load(find_model(file.stem))
        assert model.name == file.stem
        assert set(model.card["languages"]) <= {"java", "python"}
        assert model.card["training"]["sources"]
