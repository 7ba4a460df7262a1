"""The recorder against torch, against the cells' own equations and against what is served."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file

from lstm_lsp.card import Architecture
from lstm_lsp.explore.distance import bits_per_symbol, distance
from lstm_lsp.explore.recorder import (
    QUANTITIES,
    Held,
    States,
    fold,
    record,
    residual,
)
from lstm_lsp.explore.weights import Weights, WeightsError, from_arrays, read
from lstm_lsp.network import Model
from lstm_lsp.training.cells import CELLS, CharacterCell, network_of
from lstm_lsp.training.graph import build, weights_of
from lstm_lsp.training.network import CharacterLSTM
from tests.conftest import SHAPES, TINY, seeded_weights

TEXT = b"public static void main(String[] arguments) {\n    return counter;\n}\n" * 3
SETTINGS = settings(max_examples=20, deadline=None)


def seeded(cell: str, seed: int = 0, output: str = "last") -> CharacterLSTM | CharacterCell:
    torch.manual_seed(seed)
    network = network_of(Architecture(2, 12, 7, cell, output))
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, 0, 0.3)
    return network


def weights(network: CharacterLSTM | CharacterCell) -> Weights:
    arrays = {name: value.numpy() for name, value in network.state_dict().items()}
    return from_arrays(network.architecture, arrays)


@pytest.mark.parametrize(("cell", "output"), [*((cell, "last") for cell in CELLS), ("lstm", "all")])
def test_the_recorder_computes_what_torch_computes(cell: str, output: str) -> None:
    network = seeded(cell, output=output)
    symbols = torch.tensor(list(TEXT))[:, None]
    with torch.no_grad():
        logits, (h, c) = network(symbols, network.zero_state(1))
    trace = record(weights(network), TEXT)
    expected = torch.log_softmax(logits[:, 0], -1).numpy()
    np.testing.assert_allclose(trace.log_probs, expected, atol=1e-5)
    for layer, quantities in enumerate(trace.layers):
        assert tuple(quantities) == QUANTITIES[cell]
        np.testing.assert_allclose(quantities["hidden"][-1], h[layer, 0], atol=1e-5)
        if "cell" in quantities:
            np.testing.assert_allclose(quantities["cell"][-1], c[layer, 0], atol=1e-5)


def test_every_step_is_torchs_step() -> None:
    network = seeded("lstm")
    trace = record(weights(network), TEXT)
    state = network.zero_state(1)
    for t, symbol in enumerate(TEXT):
        with torch.no_grad():
            _, state = network(torch.tensor([[symbol]]), state)
        for layer in (0, 1):
            for name, tensor in zip(("hidden", "cell"), state, strict=True):
                np.testing.assert_allclose(
                    trace.layers[layer][name][t], tensor[layer, 0], atol=1e-5
                )


@SETTINGS
@given(st.binary(min_size=1, max_size=60), st.integers(0, 1000), st.sampled_from(CELLS))
def test_the_cells_equations_hold_on_any_text(text: bytes, seed: int, cell: str) -> None:
    trace = record(weights(seeded(cell, seed)), text)
    assert residual(trace) < 1e-5
    for quantities in trace.layers:
        for gate in {"forget", "input", "output", "reset"} & set(quantities):
            assert ((quantities[gate] >= 0) & (quantities[gate] <= 1)).all()
        if "cell" in quantities:
            assert (np.abs(quantities["hidden"]) <= np.abs(np.tanh(quantities["cell"]))).all()


def test_gates_one_step_late_would_be_noticed() -> None:
    trace = record(weights(seeded("lstm")), TEXT)
    for name in ("forget", "input", "output"):
        trace.layers[0][name][:-1] = trace.layers[0][name][1:]
    assert residual(trace) > 0.01


def test_a_peephole_lstm_without_peepholes_is_an_lstm() -> None:
    network = seeded("peephole")
    arrays = {name: value.numpy() for name, value in network.state_dict().items()}
    blind = arrays | {f"recurrence.peephole_l{n}": np.zeros((3, 12), np.float32) for n in (0, 1)}
    plain = record(from_arrays(Architecture(2, 12, 7, "lstm"), arrays), TEXT)
    peepholes = Architecture(2, 12, 7, "peephole")
    np.testing.assert_array_equal(
        record(from_arrays(peepholes, blind), TEXT).log_probs, plain.log_probs
    )
    seeing = record(from_arrays(peepholes, arrays), TEXT)
    assert np.abs(seeing.log_probs - plain.log_probs).max() > 0.1


def test_what_follows_a_position_does_not_change_it() -> None:
    of = weights(seeded("gru"))
    whole, part = record(of, TEXT), record(of, TEXT[:20])
    np.testing.assert_allclose(whole.layers[1]["reset"][:20], part.layers[1]["reset"], atol=1e-6)


@SETTINGS
@given(st.integers(1, 199), st.sampled_from(CELLS))
def test_reading_on_from_a_state_is_reading_the_whole(cut: int, cell: str) -> None:
    of = weights(seeded(cell))
    whole, first = fold(of, TEXT), fold(of, TEXT[:cut])
    between = States(*(tuple(layer[-1] for layer in part) for part in first))
    second = fold(of, TEXT[cut:], between)
    for name in ("hidden", "cell"):
        for layer in (0, 1):
            parts = (getattr(first, name)[layer], getattr(second, name)[layer])
            np.testing.assert_allclose(
                np.concatenate(parts), getattr(whole, name)[layer], atol=1e-5
            )


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("quantity", ["cell", "hidden"])
def test_a_held_unit_stays_and_the_others_hear_of_it(cell: str, quantity: str) -> None:
    of = weights(seeded(cell))
    free, held = fold(of, TEXT), fold(of, TEXT, held=[Held(0, 3, quantity, 0.7)])
    if quantity == "cell" and cell in ("gru", "rnn"):  # they have none: nothing is held
        np.testing.assert_array_equal(held.hidden[1], free.hidden[1])
        return
    np.testing.assert_array_equal(getattr(held, quantity)[0][:, 3], np.float32(0.7))
    assert np.abs(held.hidden[0][:, 4] - free.hidden[0][:, 4]).max() > 1e-3
    assert np.abs(held.hidden[1] - free.hidden[1]).max() > 1e-3
    if quantity == "hidden" and cell in ("lstm", "peephole"):
        np.testing.assert_array_equal(held.cell[0][0], free.cell[0][0])


@pytest.mark.parametrize("int8", [False, True])
@pytest.mark.parametrize("shape", SHAPES)
def test_a_model_files_weights_are_those_a_fine_tuning_starts_from(
    tmp_path: Path, shape: Architecture, int8: bool
) -> None:
    path = tmp_path / "m.onnx"
    card = {"name": "m", "context": 256}
    path.write_bytes(build(seeded_weights(shape), shape, card, int8=int8))
    expected = from_arrays(*reversed(weights_of(path.read_bytes())[:2]))
    found = read(path)
    np.testing.assert_allclose(found.output, expected.output, rtol=1e-6)
    for layer, wanted in zip(found.layers, expected.layers, strict=True):
        for array, other in zip(layer[:4], wanted[:4], strict=True):
            np.testing.assert_array_equal(array, other)


@pytest.mark.parametrize("shape", SHAPES)
def test_an_fp32_file_is_recorded_as_it_is_served(tmp_path: Path, shape: Architecture) -> None:
    path = tmp_path / "m.onnx"
    path.write_bytes(build(seeded_weights(shape), shape, {"name": "m", "context": 256}, int8=False))
    found = distance(read(path), Model.load(path), TEXT)
    assert found.hidden_worst < 1e-4
    assert found.agreement == 1


def test_the_distance_to_the_int8_session_is_reported(
    tiny_model_path: Path, tiny_model: Model
) -> None:
    found = distance(read(tiny_model_path), tiny_model, TEXT)
    assert found.symbols == len(TEXT)
    assert 0 < found.hidden < 0.05
    assert 0 < found.cell < 0.2
    assert abs(found.bits) < 0.2
    assert found.agreement > 0.8


def test_the_distance_tells_other_weights_apart(tiny_model: Model, tmp_path: Path) -> None:
    path = tmp_path / "other.onnx"
    path.write_bytes(build(seeded_weights(TINY, 1), TINY, {"name": "o", "context": 9}, int8=True))
    assert distance(read(path), tiny_model, TEXT).hidden > 0.2


@pytest.mark.parametrize("cell", CELLS)
def test_a_checkpoint_is_read_without_torch(tmp_path: Path, cell: str) -> None:
    network = seeded(cell)
    path = tmp_path / "checkpoint.safetensors"
    a = network.architecture
    shape = {"layers": a.layers, "units": a.units, "embedding": a.embedding, "cell": cell}
    tensors = {f"network.{name}": value for name, value in network.state_dict().items()}
    tensors["optimizer.0.step"] = torch.zeros(())
    facts = {"recipe": {"architecture": shape}}
    save_file(tensors, path, metadata={"lstm_lsp": json.dumps(facts)})
    trace, expected = record(read(path), TEXT), record(weights(network), TEXT)
    np.testing.assert_array_equal(trace.log_probs, expected.log_probs)


@pytest.mark.parametrize("name", ["broken.onnx", "broken.safetensors", "absent.onnx"])
def test_what_cannot_be_read_is_said_in_one_sentence(tmp_path: Path, name: str) -> None:
    if name.startswith("broken"):
        (tmp_path / name).write_bytes(b"\x12\x34 not a model")
    with pytest.raises(WeightsError, match=name):
        read(tmp_path / name)


def test_a_missing_extra_is_named(tiny_model_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "onnx", None)
    with pytest.raises(WeightsError, match=r"onnx.*lstm-lsp\[explore\]"):
        read(tiny_model_path)


def test_weights_of_another_shape_are_refused() -> None:
    arrays = {name: value.numpy() for name, value in seeded("lstm").state_dict().items()}
    with pytest.raises(WeightsError, match="weight_ih_l0"):
        from_arrays(Architecture(2, 12, 7, "gru"), arrays)


def test_bits_count_what_was_predicted() -> None:
    uniform = np.full((3, 256), -np.log(256), np.float32)
    assert bits_per_symbol(uniform, b"abc") == pytest.approx(8)
