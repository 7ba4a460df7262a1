"""A network's weights as an ONNX graph, fp32 or int8.

numpy and onnx alone: what trained the weights does not matter. Inputs and outputs are
the model file's (`lstm_lsp.card`).

The int8 graph quantises weights symmetrically, one scale an output channel, to seven
bits: on CPUs without VNNI the 8-bit product of ONNX Runtime adds pairs in 16 bits and
would saturate with eight. `DynamicQuantizeLSTM` takes the scale of its input from all
T x B rows of a call and that of its hidden state from all B rows of a step, so a state would
depend on how the text was cut and on what is beside it in the batch. Two more units in each
layer, whose hidden states are always +1 and -1, and two more columns of the embedding, at
plus and minus its largest value, all without weights, make those scales constants. The
graph puts the added units' states beside `h` and `c` and takes them away again. Hidden states
lie in [-1, 1], so the output layer's input has a fixed scale as well. Integer products are the
same however many rows a call has: rows of a batch are equal to rows alone, bit for bit.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

from lstm_lsp import symbols
from lstm_lsp.card import CARD_KEY, FORMAT, FORMAT_KEY, Architecture
from lstm_lsp.explore.weights import model_arrays

Floats = npt.NDArray[np.float32]
Weights = dict[str, Floats]
"""Arrays by the names of torch's `nn.LSTM`: `embedding.weight`,
`lstm.weight_ih_l0` (4 H, I), `lstm.weight_hh_l0` (4 H, H), `lstm.bias_ih_l0`,
`lstm.bias_hh_l0` (4 H), ..., `output.weight` (256, `Architecture.output_units`), `output.bias`;
gates i, f, g, o."""

LARGEST_WEIGHT = 63
"""Quantised weights are -63..63."""

HIDDEN_LEVELS = 127
"""Quantised hidden states, of values in [-1, 1], are -127..127 around their zero."""

RAILS = 2
"""Units added to each int8 layer, whose hidden states are always +1 and -1."""

_SATURATED = 100.0
"""A gate's bias from which its sigmoid is 0 or 1."""

_RAIL_CELLS = 20.0
"""A cell state of which the hyperbolic tangent is 1."""

_OPSET = [helper.make_opsetid("", 17), helper.make_opsetid("com.microsoft", 1)]


def build(
    weights: Weights, architecture: Architecture, card: dict[str, Any], *, int8: bool
) -> bytes:
    """Return the model file of `weights`.

    `card` is stored with the architecture filled in; it must have `name` and `context`
    (symbols). Raises ValueError for a cell that has no served graph.
    """
    if architecture.cell != "lstm":
        raise ValueError(f"a {architecture.cell} has no served graph, only the LSTM has one")
    graph = _Graph(weights, architecture, int8=int8)
    model = helper.make_model(
        graph.finish(), opset_imports=_OPSET, ir_version=9, producer_name="lstm-lsp"
    )
    card = card | {"architecture": asdict(architecture)}
    helper.set_model_props(
        model, {FORMAT_KEY: FORMAT, CARD_KEY: json.dumps(card, ensure_ascii=False, sort_keys=True)}
    )
    onnx.checker.check_model(model)
    content: bytes = model.SerializeToString()
    return content


def amend(content: bytes, facts: dict[str, Any]) -> bytes:
    """Return the model file `content` with `facts` put into its card.

    For what can only be measured on the finished file: memory and calibration tables,
    evaluation. The graph is untouched.
    """
    model = onnx.load_from_string(content)
    entry = next(p for p in model.metadata_props if p.key == CARD_KEY)
    card = json.loads(entry.value) | facts
    entry.value = json.dumps(card, ensure_ascii=False, sort_keys=True)
    amended: bytes = model.SerializeToString()
    return amended


def quantise(matrix: Floats) -> tuple[npt.NDArray[np.int8], Floats]:
    """Return int8 (rows, columns) and one scale a column, float32 (columns,)."""
    scale = np.maximum(np.abs(matrix).max(axis=0), 1e-8) / LARGEST_WEIGHT
    return np.rint(matrix / scale).astype(np.int8), scale.astype(np.float32)


def _gates(matrix: Floats) -> Floats:
    """Reorder the rows of torch's gates i, f, g, o to ONNX's i, o, f, g."""
    i, f, g, o = np.split(matrix, 4)
    return np.concatenate((i, o, f, g))


def _railed(matrix: Floats, added: tuple[float, ...] = (0.0, 0.0, 0.0, 0.0)) -> Floats:
    """Return a matrix (4 H, columns) or bias (4 H,) with RAILS rows for each gate.

    `added` are the values in them, in ONNX's order of gates: i, o, f, g.
    """
    rows = [
        np.concatenate((gate, np.full((RAILS, *gate.shape[1:]), value, np.float32)))
        for gate, value in zip(np.split(matrix, 4), added, strict=True)
    ]
    return np.concatenate(rows)


class _Graph:
    """The nodes and constants of one graph while it is built."""

    def __init__(self, weights: Weights, architecture: Architecture, *, int8: bool) -> None:
        self.weights = weights
        self.architecture = architecture
        self.int8 = int8
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def finish(self) -> onnx.GraphProto:
        a = self.architecture
        h, c = self._with_rails() if self.int8 else ("h", "c")
        self._node("Split", [h], [f"h{n}" for n in range(a.layers)], axis=0)
        self._node("Split", [c], [f"c{n}" for n in range(a.layers)], axis=0)
        hidden = [self._embed()]
        for layer in range(a.layers):
            hidden.append(self._layer(layer, hidden[-1]))
        if a.output == "all":
            self._node("Concat", hidden[1:], ["all_layers"], axis=2)
            hidden.append("all_layers")
        self._output(hidden[-1])
        for name in ("h", "c"):
            parts = [f"{name}{layer}_after" for layer in range(a.layers)]
            if self.int8:
                self._node("Concat", parts, [f"{name}_railed"], axis=0)
                self._node("Slice", [f"{name}_railed", "first", "units", "axis"], [f"{name}_after"])
            else:
                self._node("Concat", parts, [f"{name}_after"], axis=0)
        # Inputs and outputs share their names in the contract, ONNX needs distinct ones.
        state: list[str | int | None] = [a.layers, "B", a.units]
        floats = TensorProto.FLOAT
        return helper.make_graph(
            self.nodes,
            "lstm-lsp",
            [
                helper.make_tensor_value_info("symbols", TensorProto.INT64, ("T", "B")),
                helper.make_tensor_value_info("h", floats, state),
                helper.make_tensor_value_info("c", floats, state),
            ],
            [
                helper.make_tensor_value_info("log_probs", floats, ("T", "B", symbols.VOCABULARY)),
                helper.make_tensor_value_info("h_after", floats, state),
                helper.make_tensor_value_info("c_after", floats, state),
            ],
            self.constants,
        )

    def _with_rails(self) -> tuple[str, str]:
        """Put the added units' states beside `h` and `c`; return the names of the results."""
        for name, value in (("first", 0), ("second", 1), ("units", self.architecture.units)):
            self._constant(name, np.array([value], np.int64))
        self._constant("axis", np.array([2], np.int64))
        self._node("Slice", ["h", "first", "second", "axis"], ["any"])
        cells = _RAIL_CELLS
        rails = self._constant("rails", np.array([[[1, -1, cells, -cells]]], np.float32))
        # `Where` for the shape alone: the constants once for each row of the batch.
        yes = self._constant("yes", np.array(True))
        self._node("Where", [yes, rails, "any"], ["rails_of_rows"])
        self._node("Split", ["rails_of_rows"], ["h_rails", "c_rails"], axis=2)
        for name in ("h", "c"):
            self._node("Concat", [name, f"{name}_rails"], [f"{name}_with_rails"], axis=2)
        return "h_with_rails", "c_with_rails"

    def _embed(self) -> str:
        table = self.weights["embedding.weight"]
        if self.int8:
            limit = np.abs(table).max()
            ends = np.tile(np.array([limit, -limit], np.float32), (symbols.VOCABULARY, 1))
            table = np.concatenate((table, ends), axis=1)
        self._node("Gather", [self._constant("embedding", table), "symbols"], ["embedded"])
        return "embedded"

    def _layer(self, layer: int, current: str) -> str:
        w = _gates(self.weights[f"lstm.weight_ih_l{layer}"])
        r = _gates(self.weights[f"lstm.weight_hh_l{layer}"])
        biases = [_gates(self.weights[f"lstm.bias_{kind}_l{layer}"]) for kind in ("ih", "hh")]
        units = self.architecture.units
        outputs = [f"y{layer}_directions", f"h{layer}_after", f"c{layer}_after"]
        before = [f"h{layer}", f"c{layer}"]
        if self.int8:
            units += RAILS
            w, r = _railed(w), _railed(r)
            # Columns for the constant inputs, which the layer before or the embedding has.
            zeros = np.zeros((4 * units, RAILS), np.float32)
            padded, r = np.concatenate((w, zeros), axis=1), np.concatenate((r, zeros), axis=1)
            # i = 0 and f = o = 1: the cell keeps what it is given.
            gates = (-_SATURATED, _SATURATED, _SATURATED, 0.0)
            biases = [_railed(biases[0], gates), _railed(biases[1])]
            bias = self._constant(f"bias{layer}", np.concatenate(biases)[None])
            wq = self._quantised(f"w{layer}", padded.T)
            rq = self._quantised(f"r{layer}", r.T)
            self._node(
                "DynamicQuantizeLSTM",
                [current, wq[0], rq[0], bias, "", *before, "", *wq[1:], *rq[1:]],
                outputs,
                domain="com.microsoft",
                hidden_size=units,
            )
        else:
            bias = self._constant(f"bias{layer}", np.concatenate(biases)[None])
            inputs = [
                current,
                self._constant(f"w{layer}", w[None]),
                self._constant(f"r{layer}", r[None]),
            ]
            self._node("LSTM", [*inputs, bias, "", *before], outputs, hidden_size=units)
        axis = self._constant(f"direction{layer}", np.array([1], np.int64))
        self._node("Squeeze", [f"y{layer}_directions", axis], [f"y{layer}"])
        return f"y{layer}"

    def _quantised(self, name: str, matrix: Floats) -> tuple[str, str, str]:
        values, scale = quantise(matrix)
        zeros = np.zeros((1, len(scale)), np.int8)
        return (
            self._constant(f"{name}_values", values[None]),
            self._constant(f"{name}_scale", scale[None]),
            self._constant(f"{name}_zero", zeros),
        )

    def _output(self, current: str) -> None:
        weight = self.weights["output.weight"].T.copy()
        bias = self._constant("output_bias", self.weights["output.bias"])
        if self.int8:
            # Each layer that is read brings its constant units.
            layers = weight.reshape(-1, self.architecture.units, symbols.VOCABULARY)
            padded = np.pad(layers, ((0, 0), (0, RAILS), (0, 0)))
            values, scale = quantise(padded.reshape(-1, symbols.VOCABULARY))
            unit = np.float32(1 / HIDDEN_LEVELS)
            zero = self._constant("hidden_zero", np.array(128, np.uint8))
            hidden = [current, self._constant("hidden_scale", np.array(unit)), zero]
            self._node("QuantizeLinear", hidden, ["hidden"])
            product = ["hidden", self._constant("output_values", values), zero]
            self._node("MatMulInteger", product, ["product"])
            self._node("Cast", ["product"], ["product_float"], to=TensorProto.FLOAT)
            scales = self._constant("output_scale", scale * unit)
            self._node("Mul", ["product_float", scales], ["scaled"])
        else:
            self._node("MatMul", [current, self._constant("output_weight", weight)], ["scaled"])
        self._node("Add", ["scaled", bias], ["logits"])
        self._node("LogSoftmax", ["logits"], ["log_probs"], axis=-1)

    def _node(self, kind: str, inputs: list[str], outputs: list[str], **attributes: Any) -> None:
        self.nodes.append(helper.make_node(kind, inputs, outputs, **attributes))

    def _constant(self, name: str, value: npt.NDArray[Any]) -> str:
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name


def weights_of(content: bytes) -> tuple[Weights, Architecture, dict[str, Any]]:
    """Return the weights, architecture and card of a model file that `build` made.

    int8 weights are dequantised: what a fine-tuning starts from. Raises ValueError when
    `content` is not such a file.
    """
    try:
        return model_arrays(content)
    except ValueError as error:
        raise ValueError(f"not a model file that can be trained on: {error}") from None


def dither(weights: Weights, seed: int = 0) -> Weights:
    """Return dequantised weights spread evenly over the values that quantise to them.

    A fine-tuning moves most weights by less than half a quantisation step, so weights that
    start on the grid would all be rounded back to where they were: measured, an export then
    loses everything that was learned. Between the steps the small moves survive on average.
    """
    random = np.random.default_rng(seed)
    spread = dict(weights)
    for name, matrix in weights.items():
        if name.startswith("lstm.weight") or name == "output.weight":
            step = np.abs(matrix).max(axis=1, keepdims=True) / LARGEST_WEIGHT
            noise = random.uniform(-0.5, 0.5, matrix.shape).astype(np.float32)
            spread[name] = matrix + step * noise
    return spread
