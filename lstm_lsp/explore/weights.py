"""The weights of a network in plain float32 arrays, from wherever they are kept.

A served model file (int8 weights are dequantised; needs onnx), a training checkpoint
(needs safetensors), or arrays that one has. Both packages come with the extra `explore`
and neither needs torch. Knows how weights are stored and nothing of what they compute.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from lstm_lsp.card import CARD_KEY, Architecture

Floats = npt.NDArray[np.float32]

_PREFIXES = ("network.", "lstm.", "recurrence.")
"""What checkpoints and torch modules put before a recurrent layer's own names."""


class WeightsError(Exception):
    """Weights that cannot be had; the message is one sentence for the user."""


class Layer(NamedTuple):
    """One recurrent layer of H units over I inputs, gates stacked as torch orders them.

    LSTM and peephole LSTM i, f, g, o; GRU r, z, n; plain RNN one block: G = 4, 3 or 1.
    """

    input: Floats
    """(G H, I)"""
    recurrent: Floats
    """(G H, H)"""
    input_bias: Floats
    """(G H,)"""
    recurrent_bias: Floats
    """(G H,)"""
    peephole: Floats | None = None
    """(3, H): what the gates i, f and o see of the cell; for the peephole LSTM alone."""


@dataclass(frozen=True)
class Weights:
    """A whole network: embedding (256, E), recurrent layers, output (256, R) and its bias.

    R is `Architecture.output_units`: H, or the H of each layer side by side.
    """

    architecture: Architecture
    embedding: Floats
    layers: tuple[Layer, ...]
    output: Floats
    output_bias: Floats

    def read_by_output(self, hidden: Sequence[Floats]) -> Floats:
        """Return what the output reads, (..., R), of all layers' hidden states (..., H)."""
        if self.architecture.output == "all":
            return np.concatenate(hidden, axis=-1)
        return hidden[-1]

    def output_of(self, layer: int) -> Floats | None:
        """Return the columns (256, H) of the output that read a layer, None where none do."""
        units = self.architecture.units
        if self.architecture.output == "all":
            return self.output[:, layer * units : (layer + 1) * units]
        return self.output if layer == len(self.layers) - 1 else None


def from_arrays(architecture: Architecture, arrays: Mapping[str, npt.NDArray[Any]]) -> Weights:
    """Return the weights of arrays by torch's names (`weight_ih_l0`, ...), prefixes allowed.

    Raises WeightsError when one is missing or has the wrong shape.
    """
    a = architecture
    named = {_bare(name): value for name, value in arrays.items()}
    gates = {"lstm": 4, "peephole": 4, "gru": 3, "rnn": 1}
    if a.cell not in gates:
        raise WeightsError(f"there is no cell {a.cell}, only {', '.join(gates)}")
    rows = gates[a.cell] * a.units

    def get(name: str, *shape: int) -> Floats:
        found = named.get(name)
        if found is None or found.shape != shape:
            actual = "nothing" if found is None else found.shape
            raise WeightsError(f"the weights {name} should be {shape}, found {actual}")
        return np.ascontiguousarray(found, np.float32)

    layers = tuple(
        Layer(
            get(f"weight_ih_l{n}", rows, a.units if n else a.embedding),
            get(f"weight_hh_l{n}", rows, a.units),
            get(f"bias_ih_l{n}", rows),
            get(f"bias_hh_l{n}", rows),
            get(f"peephole_l{n}", 3, a.units) if a.cell == "peephole" else None,
        )
        for n in range(a.layers)
    )
    return Weights(
        a,
        get("embedding.weight", 256, a.embedding),
        layers,
        get("output.weight", 256, a.output_units),
        get("output.bias", 256),
    )


def untrained(architecture: Architecture, seed: int) -> Weights:
    """Return a network of this shape that has learned nothing, to compare a trained one with.

    Drawn as `lstm_lsp.training` begins: embedding uniform in +-0.5, inputs by Glorot & Bengio
    2010, orthogonal recurrences, the forget gates of LSTMs open by 1.
    """
    a, random = architecture, np.random.default_rng(seed)
    gates = {"lstm": 4, "peephole": 4, "gru": 3, "rnn": 1}[a.cell]
    arrays: dict[str, npt.NDArray[Any]] = {
        "embedding.weight": random.uniform(-0.5, 0.5, (256, a.embedding)),
        "output.weight": random.uniform(-0.05, 0.05, (256, a.output_units)),
        "output.bias": np.zeros(256),
    }
    for n in range(a.layers):
        width, rows = a.units if n else a.embedding, gates * a.units
        reach = np.sqrt(6 / (width + rows))
        blocks = [np.linalg.qr(random.normal(size=(a.units, a.units)))[0] for _ in range(gates)]
        bias = np.zeros(rows)
        if gates == 4:
            bias[a.units : 2 * a.units] = 1
        arrays |= {
            f"weight_ih_l{n}": random.uniform(-reach, reach, (rows, width)),
            f"weight_hh_l{n}": np.concatenate(blocks),
            f"bias_ih_l{n}": bias,
            f"bias_hh_l{n}": np.zeros(rows),
        }
        if a.cell == "peephole":
            arrays[f"peephole_l{n}"] = np.zeros((3, a.units))
    return from_arrays(a, arrays)


def read(path: Path) -> Weights:
    """Return the weights in `path`, a model file (.onnx) or a checkpoint (.safetensors).

    Raises WeightsError when it is neither, or when the package that reads it is missing.
    """
    if path.suffix == ".safetensors":
        return _from_checkpoint(path)
    try:
        return _from_model(path.read_bytes())
    except OSError as error:
        raise WeightsError(f"cannot read {path}: {error.strerror}") from None
    except ValueError as error:
        raise WeightsError(f"{path} is no model file that can be looked into: {error}") from None


def _from_checkpoint(path: Path) -> Weights:
    """Read what `lstm_lsp.training` saves: `network.*` tensors, facts with the architecture."""
    try:
        from safetensors import SafetensorError, safe_open  # noqa: PLC0415 - an extra
    except ModuleNotFoundError as error:
        raise _missing(error) from None
    try:
        with safe_open(path, "np") as stored:
            facts = json.loads((stored.metadata() or {}).get("lstm_lsp", "{}"))
            names = [name for name in stored.keys() if name.startswith("network.")]  # noqa: SIM118
            arrays = {name: stored.get_tensor(name) for name in names}
        architecture = Architecture.from_json(facts["recipe"]["architecture"])
    except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
        raise WeightsError(f"{path} is no checkpoint of lstm-lsp: {error}") from None
    return from_arrays(architecture, arrays)


def _from_model(content: bytes) -> Weights:
    arrays, architecture, _ = model_arrays(content)
    return from_arrays(architecture, arrays)


def model_arrays(content: bytes) -> tuple[dict[str, Floats], Architecture, dict[str, Any]]:
    """Return a model file's weights by torch's names, its architecture and its card.

    Reads the initialisers that `lstm_lsp.training.graph` writes: ONNX orders an LSTM's gates
    i, o, f, g and keeps both biases in one array; the int8 file is dequantised, and its
    constant columns and units are left out. Raises ValueError when `content` is something
    else, WeightsError without onnx.
    """
    try:
        import onnx  # noqa: PLC0415 - an extra
    except ModuleNotFoundError as error:
        raise _missing(error) from None
    try:
        model = onnx.load_from_string(content)
        card = json.loads({p.key: p.value for p in model.metadata_props}[CARD_KEY])
        architecture = Architecture.from_json(card["architecture"])
        stored = {c.name: onnx.numpy_helper.to_array(c) for c in model.graph.initializer}
        units = architecture.units
        arrays = {
            "embedding.weight": stored["embedding"][:, : architecture.embedding],
            "output.weight": _output(stored, architecture),
            "output.bias": stored["output_bias"],
        }
        for n in range(architecture.layers):
            width = units if n else architecture.embedding
            input_bias, recurrent_bias = np.split(stored[f"bias{n}"][0], 2)
            for kind, gates in (
                ("weight_ih", _matrix(stored, f"w{n}")[:, :width]),
                ("weight_hh", _matrix(stored, f"r{n}")[:, :units]),
                ("bias_ih", input_bias),
                ("bias_hh", recurrent_bias),
            ):
                arrays[f"lstm.{kind}_l{n}"] = _torch_gates(gates, units)
    except (KeyError, TypeError, struct.error) as error:
        raise ValueError(f"{type(error).__name__} {error}") from None
    except Exception as error:  # protobuf's own types, which vary with its version
        raise ValueError(str(error)) from None
    whole = {name: np.array(value, np.float32, order="C") for name, value in arrays.items()}
    return whole, architecture, card


def _output(stored: dict[str, npt.NDArray[Any]], architecture: Architecture) -> Floats:
    """Return the output's weights (256, R), without the constant units of each layer."""
    blocks = architecture.output_units // architecture.units
    layers = _matrix(stored, "output").reshape(256, blocks, -1)
    return layers[:, :, : architecture.units].reshape(256, -1)


def _matrix(stored: dict[str, npt.NDArray[Any]], name: str) -> Floats:
    """Return a weight matrix as rows of outputs, from its int8 form if there is one."""
    if f"{name}_values" not in stored:
        return stored["output_weight"].T if name == "output" else stored[name][0]
    values, scale = stored[f"{name}_values"], stored[f"{name}_scale"]
    if name == "output":  # its scale holds that of the hidden state's 127 levels as well
        values, scale = values[None], scale[None] * 127
    return np.asarray((values[0] * scale[0]).T, np.float32)


def _torch_gates(matrix: Floats, units: int) -> Floats:
    """Reorder the rows of ONNX's gates i, o, f, g to torch's i, f, g, o."""
    i, o, f, g = (gate[:units] for gate in np.split(matrix, 4))
    return np.concatenate((i, f, g, o))


def _bare(name: str) -> str:
    for prefix in _PREFIXES:
        name = name.removeprefix(prefix)
    return name


def _missing(error: ModuleNotFoundError) -> WeightsError:
    return WeightsError(
        f"looking into this file needs {error.name}, which is not installed: "
        "run `pip install 'lstm-lsp[explore]'` and try again"
    )
