"""A trained network as the one file that is served, checked before it is written.

`export` builds the fp32 and the int8 graph, compares the fp32 graph with torch, the int8
graph with the fp32 one, and the int8 graph with itself read symbol by symbol; chooses the
context size; and writes the file only when every check holds. What was measured stands in
the card under `export`.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from lstm_lsp import symbols
from lstm_lsp.evaluate.bits import bits_of
from lstm_lsp.network import Model

from .cells import Network
from .corpus.packed import Document
from .graph import build
from .network import CharacterLSTM

LOG_PROB_DIFFERENCE = 1e-4
"""Largest difference of a natural-log probability between torch and the fp32 graph."""
GREEDY_SYMBOLS = 200
INT8_LOSS = 0.005
"""Largest share of bits that quantisation may cost."""
CONTEXT_LOSS = 0.005
"""Largest share of bits that a bounded context may cost against the longest."""
CONTEXTS = (1024, 2048, 4096, 8192)
UNBOUNDED = 1 << 40


class ExportError(Exception):
    """A network that may not be served; the message says which check failed."""


@dataclass(frozen=True)
class Checks:
    """What an export measured; the fields stand in the card."""

    log_prob_difference: float
    int8_loss: float
    context_losses: dict[int, float]


def export(
    network: Network,
    card: dict[str, Any],
    output: Path,
    held_out: Sequence[Document],
    *,
    context: int | None = None,
) -> Model:
    """Write `network` to `output` as an int8 model file, and return it as it is served.

    `card` needs `name`; `held_out` are documents to compare bits on, long ones among them
    if `context` (symbols) is to be chosen here. Raises ExportError when a check fails or
    the cell is another than the LSTM, which alone is served,
    OSError when the file cannot be written; `output` is replaced whole or not at all.
    """
    if not isinstance(network, CharacterLSTM):
        cell = network.architecture.cell
        raise ExportError(f"a served model is an LSTM; a {cell} network is for comparison only")
    if not held_out:
        raise ExportError("an export needs held-out documents to be checked on")
    network = network.to("cpu").eval()
    weights = {name: tensor.numpy() for name, tensor in network.state_dict().items()}
    facts = card | {"context": context or UNBOUNDED}
    with tempfile.TemporaryDirectory() as folder:
        exact = _served(build(weights, network.architecture, facts, int8=False), folder, "fp32")
        small = _served(build(weights, network.architecture, facts, int8=True), folder, "int8")
    difference = check_torch(network, exact, held_out[0])
    check_chunking(small, held_out[0])
    fp32_bits = _bits(exact, held_out)
    int8_bits = _bits(small, held_out)
    loss = int8_bits / fp32_bits - 1
    if loss > INT8_LOSS:
        raise ExportError(f"int8 weights cost {loss:.2%} more bits, more than {INT8_LOSS:.1%}")
    losses: dict[int, float] = {}
    if context is None:
        context, losses = choose_context(small, held_out)
    checks = Checks(difference, loss, losses)
    measured = {
        "log_prob_difference": checks.log_prob_difference,
        "int8_loss": round(checks.int8_loss, 6),
        "context_losses": {str(size): round(cost, 6) for size, cost in losses.items()},
        "bits_per_character": {"fp32": round(fp32_bits, 4), "int8": round(int8_bits, 4)},
    }
    content = build(
        weights, network.architecture, card | {"context": context, "export": measured}, int8=True
    )
    write_whole(output, content)
    return Model.load(output)


def write_whole(file: Path, content: bytes) -> None:
    """Replace `file` by `content`, or leave it as it was and raise OSError."""
    file.parent.mkdir(parents=True, exist_ok=True)
    unfinished = file.with_name(file.name + ".unfinished")
    try:
        unfinished.write_bytes(content)
        os.replace(unfinished, file)
    finally:
        unfinished.unlink(missing_ok=True)


def check_torch(network: CharacterLSTM, model: Model, document: Document) -> float:
    """Compare the fp32 graph with torch; return the largest log-probability difference.

    Raises ExportError when it is over LOG_PROB_DIFFERENCE, or when greedy decoding from
    the document's header gives another symbol where the two best are not within it.
    """
    text = _header(document) + document.text[:1000]
    read = torch.tensor(list(text))[:, None]
    with torch.no_grad():
        logits, _ = network(read, network.zero_state(1))
    expected = torch.log_softmax(logits[:, 0], dim=-1).numpy()
    difference = float(np.abs(model.predictions(text, model.start())[0] - expected).max())
    if difference > LOG_PROB_DIFFERENCE:
        raise ExportError(f"the graph differs from torch by {difference:.2g} in log probability")

    state = model.read(_header(document), model.start())
    with torch.no_grad():
        logits, hidden = network(
            torch.tensor(list(_header(document)))[:, None], network.zero_state(1)
        )
        for position in range(GREEDY_SYMBOLS):
            ours = int(state.log_probs.argmax())
            theirs = int(logits[-1, 0].argmax())
            if ours != theirs:
                gap = float(logits[-1, 0, theirs] - logits[-1, 0, ours])
                if gap > LOG_PROB_DIFFERENCE:
                    raise ExportError(f"greedy text differs from torch at symbol {position}")
                break
            state = model.step(np.array([ours], np.int64), state)
            logits, hidden = network(torch.tensor([[theirs]]), hidden)
    return difference


def check_chunking(model: Model, document: Document, length: int = 1500) -> None:
    """Raise ExportError unless calls equal single steps, and rows rows alone, bit for bit."""
    text = (_header(document) + document.text)[:length]
    log_probs, after = model.predictions(text, model.start())
    state = model.start()
    for position, symbol in enumerate(text):
        state = model.step(np.array([symbol], np.int64), state)
        if not np.array_equal(state.log_probs[0], log_probs[position]):
            raise ExportError(f"a long call and single steps differ at symbol {position}")
    if not (np.array_equal(state.h, after.h) and np.array_equal(state.c, after.c)):
        raise ExportError("a long call and single steps end in different states")
    pair = model.start(2)
    for symbol, other in zip(text[:200], reversed(text[:200]), strict=True):
        pair = model.step(np.array([symbol, other], np.int64), pair)
    alone = model.read(text[:200], model.start())
    if not all(map(np.array_equal, pair.take(np.array([0])), alone)):
        raise ExportError("a row of a batch and the row alone end in different states")


def choose_context(model: Model, documents: Sequence[Document]) -> tuple[int, dict[int, float]]:
    """Return the smallest context within CONTEXT_LOSS of an unbounded one, and every loss.

    The largest of CONTEXTS when none is. Only documents longer than the smallest say
    anything; without one the smallest is returned.
    """
    long = [document for document in documents if len(document.text) > CONTEXTS[0]]
    if not long:
        return CONTEXTS[0], {}
    unbounded = _bits(model, long)
    losses: dict[int, float] = {}
    try:
        for size in CONTEXTS:
            model.context = size
            losses[size] = _bits(model, long) / unbounded - 1
            if losses[size] <= CONTEXT_LOSS:
                break
    finally:
        model.context = UNBOUNDED
    return min(losses, key=lambda size: (losses[size] > CONTEXT_LOSS, losses[size], size)), losses


def _served(content: bytes, folder: str, name: str) -> Model:
    file = Path(folder) / f"{name}.onnx"
    file.write_bytes(content)
    return Model.load(file)


def _bits(model: Model, documents: Sequence[Document]) -> float:
    """Return bits per symbol of the documents' texts, their headers given."""
    total = sum(float(bits_of(model, _header(d), d.text).sum()) for d in documents)
    return total / max(1, sum(len(d.text) for d in documents))


def _header(document: Document) -> bytes:
    return symbols.header(document.language, document.path)
