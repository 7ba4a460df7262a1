"""Files that a run leaves: what it resumes from, and its weights in half precision.

safetensors with JSON (`facts`: recipe, progress, the lanes' places) in the header, each
file replaced whole. A checkpoint of a run that averages its weights holds both.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from .cells import Network, network_of
from .lanes import Lanes
from .network import State, reading_all
from .recipe import Recipe

CHECKPOINT: Final = "checkpoint.safetensors"
BEFORE_DECAY: Final = "before-decay.safetensors"
WEIGHTS: Final = "weights.safetensors"

Weights = dict[str, Tensor]


class CheckpointError(ValueError):
    """A run that cannot go on, or be kept; the message is one line for the user."""


@dataclass
class Progress:
    """Where a run stands."""

    step: int = 0
    symbols: int = 0
    seconds: float = 0.0
    bits: float = math.nan
    """Running bits per symbol on the training stream."""


def save_checkpoint(
    file: Path,
    network: Network,
    optimizer: torch.optim.Optimizer,
    state: State,
    facts: dict[str, Any],
    *,
    average: Weights | None = None,
) -> None:
    """Write weights, moments, the lanes' state, the average and `facts` (JSON) into one file."""
    tensors = {f"network.{name}": value for name, value in network.state_dict().items()}
    for index, values in optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{index}.{name}": value for name, value in values.items()}
    tensors |= {f"average.{name}": value for name, value in (average or {}).items()}
    tensors |= {"state.h": state[0].detach(), "state.c": state[1].detach()}
    _replace(file, tensors, facts)


def load_checkpoint(
    file: Path, network: Network, optimizer: torch.optim.Optimizer, lanes: Lanes
) -> tuple[Progress, State, Weights | None]:
    """Restore what `save_checkpoint` wrote; return the progress, all lanes' state, the average.

    Raises CheckpointError when there is no such file or the run was of another shape.
    """
    if not file.exists():
        raise CheckpointError(f"there is no run to go on with in {file.parent}")
    device = next(network.parameters()).device
    tensors, facts = _read(file, device)
    stored = Recipe.from_json(facts["recipe"])
    if stored.architecture != network.architecture or stored.lanes != lanes.count:
        raise CheckpointError(f"{file} is of another recipe, so the run cannot go on from it")
    network.load_state_dict(_under("network.", tensors))
    moments: dict[int, dict[str, Tensor]] = {}
    for name, value in _under("optimizer.", tensors).items():
        index, _, key = name.partition(".")
        moments.setdefault(int(index), {})[key] = value
    groups = optimizer.state_dict()["param_groups"]
    optimizer.load_state_dict({"state": moments, "param_groups": groups})
    lanes.restore(facts["lanes"])
    state = (tensors["state.h"], tensors["state.c"])
    return Progress(**facts["progress"]), state, _under("average.", tensors) or None


def save_half(file: Path, network: Network, facts: dict[str, Any]) -> None:
    """Write the weights alone, in half precision, for `load_network`."""
    tensors = {
        f"network.{name}": value.detach().half() for name, value in network.state_dict().items()
    }
    _replace(file, tensors, facts)


def load_network(file: Path) -> tuple[Network, dict[str, Any]]:
    """Return the network of a checkpoint or of `save_half` on the CPU, and its facts.

    Of a run that averages its weights it is the average.
    """
    tensors, facts = _read(file, torch.device("cpu"))
    network = network_of(Recipe.from_json(facts["recipe"]).architecture)
    network.load_state_dict(_under("average.", tensors) or _under("network.", tensors))
    return network.eval(), facts


@torch.no_grad()
def average(network: Network, others: Sequence[Network]) -> None:
    """Give `network` the mean of its weights and those of `others`.

    For runs that went on from one another: near each other, their mean is often better than
    the last (Wortsman et al. 2022, "Model soups"). Raises KeyError or RuntimeError where
    shapes differ, but for an output that reads the last layer beside one that reads all.
    """
    for number, other in enumerate(others, 1):
        weights = reading_all(other.state_dict(), network.architecture)
        for name, value in network.state_dict().items():
            value.lerp_(weights[name], 1 / (number + 1))


def _replace(file: Path, tensors: Weights, facts: dict[str, Any]) -> None:
    unfinished = file.with_suffix(".unfinished")
    try:
        save_file(
            {name: value.cpu().contiguous() for name, value in tensors.items()},
            unfinished,
            metadata={"lstm_lsp": json.dumps(facts)},
        )
        os.replace(unfinished, file)
    except SafetensorError as error:
        raise CheckpointError(f"{file} cannot be written: {error}") from error
    finally:
        unfinished.unlink(missing_ok=True)


def _read(file: Path, device: torch.device) -> tuple[Weights, dict[str, Any]]:
    with safe_open(file, "pt", device=str(device)) as stored:
        facts: dict[str, Any] = json.loads(stored.metadata()["lstm_lsp"])
        return {name: stored.get_tensor(name) for name in stored.keys()}, facts  # noqa: SIM118


def _under(prefix: str, tensors: Weights) -> Weights:
    return {
        name[len(prefix) :]: value for name, value in tensors.items() if name.startswith(prefix)
    }
