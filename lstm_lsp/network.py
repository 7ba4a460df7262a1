"""The network as it is served: a model file, its states, and one step.

`Model.step` reads one symbol for each hypothesis of a batch, `Model.read` a known text
in long calls; both are pure functions of (symbols, state). The one place that runs the network, on
ONNX Runtime; knows nothing of documents, searches or the protocol.

Rows of a batch are equal to rows alone, and a long call to single steps, bit for bit
(docs/ARCHITECTURE.md, Invariants).
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import onnxruntime as ort
import platformdirs

from lstm_lsp import symbols
from lstm_lsp.card import CARD_KEY, FORMAT, FORMAT_KEY, Architecture

Floats = npt.NDArray[np.float32]
Integers = npt.NDArray[np.int64]

LONGEST_CALL = 1024
"""Symbols of known text a call reads: a longer one gains nothing and cancels later."""

PROJECT_MODEL = Path(".lstm-lsp") / "model.onnx"
"""Where, in a project's folder, `train` writes its model and the server looks for it."""

DEFAULT_MODEL = "base"
"""The name of the bundled model that serves when no other was chosen."""

_EXTERNAL_DATA = b"\x0a\x08location"
"""How protobuf writes the key that names a tensor's other file; JSON has no such bytes."""


class ModelError(Exception):
    """A model file that cannot be served; the message is one sentence for the user."""


class Cancelled(Exception):  # noqa: N818 - it is no error
    """The work was asked to stop; nothing was changed."""


def never() -> bool:
    """Return False: the `cancelled` of work that is never asked to stop."""
    return False


class State(NamedTuple):
    """What the network keeps after reading: never changed in place.

    `h` and `c`, the hidden and cell state, float32 (layers, B, units); `log_probs`,
    the natural-log distribution of the next symbol, float32 (B, 256).
    """

    h: Floats
    c: Floats
    log_probs: Floats

    def take(self, rows: Integers) -> State:
        """Return the states of `rows` (B',), in that order."""
        return State(
            self.h.take(rows, axis=1), self.c.take(rows, axis=1), self.log_probs.take(rows, axis=0)
        )

    @property
    def nbytes(self) -> int:
        """Bytes that the arrays hold."""
        return self.h.nbytes + self.c.nbytes + self.log_probs.nbytes


class Model:
    """One model file, loaded. Threads may share it: nothing in it changes."""

    def __init__(self, path: Path, session: ort.InferenceSession, card: dict[str, Any]) -> None:
        self.path = path
        self.card = card
        self.architecture = Architecture.from_json(card["architecture"])
        self.name: str = card["name"]
        self.context: int = card["context"]
        self._run = session.run
        self._outputs = ["log_probs", "h_after", "c_after"]

    @classmethod
    def load(cls, path: str | os.PathLike[str], *, threads: int = 1) -> Model:
        """Return the model in the file `path`, run on `threads` threads.

        Raises ModelError when the file is missing, broken, of another format version,
        not whole in itself, or does not have the shapes its card claims.
        """
        path = Path(path)
        try:
            content = path.read_bytes()
        except OSError as error:
            raise ModelError(f"cannot read the model {path}: {error.strerror}") from None
        # ONNX Runtime would look for the other file in the working folder.
        if _EXTERNAL_DATA in content:
            raise ModelError(f"{path} keeps its weights in another file; a model is one file")
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 4
        # An idle server is idle: no thread spins while it waits for work.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        try:
            session = ort.InferenceSession(content, options, ["CPUExecutionProvider"])
            metadata = session.get_modelmeta().custom_metadata_map
        except Exception as error:  # ONNX Runtime raises a family of unrelated types
            # "[ONNXRuntimeError] : 7 : INVALID_PROTOBUF : what is wrong"
            reason = (str(error).strip() or "unreadable").splitlines()[0].rpartition(" : ")[2]
            raise ModelError(
                f"{path} is not a model lstm-lsp can serve, or was cut short; copy it again, "
                f"or give another: {reason}"
            ) from None
        card = _card(path, metadata)
        model = cls(path, session, card)
        _check_shapes(path, session, model.architecture)
        return model

    def start(self, batch: int = 1) -> State:
        """Return the state before anything was read: zeros, and a uniform distribution."""
        a = self.architecture
        zeros = np.zeros((a.layers, batch, a.units), np.float32)
        uniform = np.full((batch, symbols.VOCABULARY), -np.log(symbols.VOCABULARY), np.float32)
        return State(zeros, zeros, uniform)

    def step(self, read: Integers, state: State) -> State:
        """Return the states after one symbol for each hypothesis; `read` is (B,)."""
        log_probs, h, c = self._run(
            self._outputs, {"symbols": read[None, :], "h": state.h, "c": state.c}
        )
        return State(h, c, log_probs[0])

    def predictions(self, text: bytes, state: State) -> tuple[Floats, State]:
        """Read `text` in one call from a state of B = 1.

        Return (T, 256), whose row i is the natural-log distribution after `text[: i + 1]`,
        and the state after all of it. Long texts belong to `read` or to a loop.
        """
        if not text:
            return np.zeros((0, symbols.VOCABULARY), np.float32), state
        read = np.frombuffer(text, np.uint8).astype(np.int64)[:, None]
        log_probs, h, c = self._run(self._outputs, {"symbols": read, "h": state.h, "c": state.c})
        return log_probs[:, 0], State(h, c, log_probs[-1])

    def read(self, text: bytes, state: State, cancelled: Callable[[], bool] = never) -> State:
        """Return the state after `text`, read from a state of B = 1 in long calls.

        Raises Cancelled when `cancelled()` between two of them.
        """
        for start in range(0, len(text), LONGEST_CALL):
            if cancelled():
                raise Cancelled
            state = self.predictions(text[start : start + LONGEST_CALL], state)[1]
        return state


def find_model(explicit: str | None = None, project: Path | None = None) -> Path:
    """Return the model file to serve: explicit, the project's, the user's, the bundled.

    `explicit` is a path, or the name of a bundled model. Raises ModelError when it is
    neither.
    """
    bundled = Path(__file__).parent / "models"
    if explicit:
        for path in (Path(explicit).expanduser(), bundled / f"{explicit}.onnx"):
            if path.is_file():
                return path
        raise ModelError(f"there is no model {explicit}; give a .onnx file that `train` wrote")
    candidates = [Path(platformdirs.user_data_dir("lstm-lsp")) / "model.onnx"]
    if project is not None:
        candidates.insert(0, project / PROJECT_MODEL)
    for path in candidates:
        if path.is_file():
            return path
    return bundled / f"{DEFAULT_MODEL}.onnx"


def _card(path: Path, metadata: dict[str, str]) -> dict[str, Any]:
    version = metadata.get(FORMAT_KEY)
    if version is None:
        raise ModelError(f"{path} is an ONNX file but no lstm-lsp model")
    if version != FORMAT:
        raise ModelError(
            f"{path} has model format {version}, and this lstm-lsp reads format {FORMAT}"
        )
    try:
        card: dict[str, Any] = json.loads(metadata[CARD_KEY])
        Architecture.from_json(card["architecture"])
        if not isinstance(card["name"], str):
            raise ValueError("the name is no string")
        if not isinstance(card["context"], int) or card["context"] < 1:
            raise ValueError("the context is no positive number")
    except (KeyError, TypeError, ValueError) as error:
        raise ModelError(f"{path} has a broken card: {error}") from None
    return card


def _check_shapes(path: Path, session: ort.InferenceSession, architecture: Architecture) -> None:
    """Raise ModelError unless the graph has the inputs and outputs its card promises."""
    integers, floats = "tensor(int64)", "tensor(float)"
    state = (floats, [architecture.layers, None, architecture.units])
    promised = {
        "symbols": (integers, [None, None]),
        "h": state,
        "c": state,
        "h_after": state,
        "c_after": state,
        "log_probs": (floats, [None, None, symbols.VOCABULARY]),
    }
    found = {
        node.name: (node.type, [size if isinstance(size, int) else None for size in node.shape])
        for node in (*session.get_outputs(), *session.get_inputs())
    }
    for name, shape in promised.items():
        if found.get(name) != shape:
            actual = found.get(name, "is missing")
            raise ModelError(f"{path} does not have the shapes its card promises: {name} {actual}")
