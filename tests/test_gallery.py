"""The experiments that ship: read without torch, equal to what was trained, claims that hold."""

import re
import subprocess
import sys

import numpy as np
import pytest

from lstm_lsp.explore import gallery
from lstm_lsp.explore.recorder import record, residual
from lstm_lsp.explore.weights import WeightsError
from lstm_lsp.training.experiments import CELLS, EXPERIMENTS, train
from lstm_lsp.training.experiments.ship import SHIPPED, Chosen, pack


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("name", ["counter", "copy"])
def test_what_ships_is_what_was_trained(name: str, cell: str) -> None:
    highlights = (gallery.Highlight(0, 3, "counts"),)
    weights = train(name, 3, cell, steps=2)
    example = gallery.parse("it", pack(Chosen(name, cell, 3, 2, highlights), weights))
    assert (example.experiment, example.cell, example.seed, example.steps) == (name, cell, 3, 2)
    assert example.highlights == highlights
    known = np.frombuffer(example.alphabet.encode(), np.uint8)
    for string, trace in zip(example.strings, example.traces(), strict=True):
        assert string.encode() in EXPERIMENTS[name].draw(np.random.default_rng(0))
        trained = record(weights, gallery.END + string.encode())
        for mine, its in zip(trace.layers, trained.layers, strict=True):
            assert mine.keys() == its.keys()
            for quantity, values in mine.items():
                np.testing.assert_allclose(values, its[quantity], atol=1e-5)
        # Probabilities over the alphabet alone, in the same proportions.
        ours = trace.log_probs[:, known]
        theirs = trained.log_probs[:, known]
        theirs = theirs - np.log(np.exp(theirs).sum(axis=1, keepdims=True))
        np.testing.assert_allclose(ours, theirs, atol=1e-4)


def test_what_ships_is_what_the_list_says() -> None:
    shipped = {example.name: example for example in gallery.examples()}
    assert set(shipped) == {chosen.name for chosen in SHIPPED}
    for chosen in SHIPPED:
        example = shipped[chosen.name]
        assert example.name == f"{example.experiment}-{example.cell}"
        trained = (example.seed, example.dropout, example.activity)
        assert trained == (chosen.seed, chosen.dropout, EXPERIMENTS[chosen.experiment].ACTIVITY)
        assert example.highlights == chosen.highlights
        assert set(example.text) == set(example.alphabet)
        assert max(residual(trace) for trace in example.traces()) < 1e-5


@pytest.mark.parametrize("example", gallery.examples(), ids=lambda example: example.name)
def test_what_ships_holds_what_the_article_says_of_it(example: gallery.Example) -> None:
    checks = EXPERIMENTS[example.experiment].examine(example.weights)
    verdicts = {check.claim: check.verdict for check in checks}
    if example.cell in ("lstm", "peephole"):
        assert "fail" not in verdicts.values()
    if example.name == "counter-lstm":
        assert verdicts["... beyond 15, as the article's"] == "holds"
    if example.name == "selective-counter-lstm":
        gates = {claim.partition(": ")[2]: verdict for claim, verdict in verdicts.items()}
        assert gates["its input gate is shut at X"] == "holds"
        assert gates["its candidate is on at X all the same"] == "holds"
    if example.name == "copy-lstm":
        said = {
            re.sub(r"unit \d+ says that ", "", claim): verdict
            for claim, verdict in verdicts.items()
        }
        for letter in "abc":
            assert said[f"{letter} is next: AUC"] == "holds"
            assert said[f"{letter} is next, silent before X: mean |hidden|"] == "holds"
        assert len({(unit.layer, unit.unit) for unit in example.highlights}) == 3
    if example.name == "state-lstm":
        assert verdicts["its input gate is shut on x: mean"] == "holds"
        assert verdicts["units whose hidden state fires for A"] == "holds"
        assert verdicts["units whose hidden state fires for B"] == "holds"


def test_a_symbol_outside_the_alphabet_is_read_as_nothing() -> None:
    weights = gallery.examples()[0].weights
    first, other = record(weights, b"\n?"), record(weights, b"\n!")
    np.testing.assert_array_equal(first.layers[0]["hidden"], other.layers[0]["hidden"])
    assert np.exp(first.log_probs[:, ord("?")]).max() < 1e-12


def test_the_gallery_needs_nothing_that_trains() -> None:
    code = (
        "import sys\nfrom lstm_lsp.explore import gallery\ngallery.examples()[0].traces()\n"
        "assert not {'torch', 'safetensors', 'onnx'} & set(sys.modules), sys.modules.keys()"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize(
    "content",
    [b"", b"\x02\0\0\0\0\0\0\0{}", b"\xff" * 40, bytes(8) + b"{", b"\x04\0\0\0\0\0\0\0null"],
)
def test_another_file_is_refused_with_a_sentence(content: bytes) -> None:
    with pytest.raises(WeightsError, match="broken is no experiment"):
        gallery.parse("broken", content)
