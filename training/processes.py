"""More than one process on one training: a GPU each, or cores of CPUs, started by torchrun.

`torch.distributed` with NCCL between GPUs and gloo between CPUs. Every process reads its
own lanes of the same global batch, and the first one decides, saves and reports. Alone,
nothing here does anything.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, distributed


@dataclass(frozen=True)
class Processes:
    """One of `size` processes that train one network."""

    rank: int = 0
    size: int = 1

    @property
    def first(self) -> bool:
        """Whether this is the process that decides, saves and reports."""
        return self.rank == 0

    def own(self, lanes: int) -> slice:
        """Return this process's part of `lanes`. Raises ValueError if they cannot be shared."""
        if lanes % self.size:
            raise ValueError(f"{lanes} lanes cannot be shared by {self.size} processes")
        each = lanes // self.size
        return slice(self.rank * each, (self.rank + 1) * each)

    def agree(self, *values: float) -> list[float]:
        """Return the largest of every process's values, each place apart."""
        if self.size == 1:
            return list(values)
        agreed = torch.tensor(values, dtype=torch.float64)  # on the CPU: no GPU waits for it
        distributed.all_reduce(agreed, distributed.ReduceOp.MAX)
        return [float(value) for value in agreed]

    def mean(self, value: Tensor) -> Tensor:
        """Return the mean over all processes."""
        if self.size == 1:
            return value
        value = value.clone()
        distributed.all_reduce(value)
        return value / self.size

    def together(self, lanes: Tensor) -> Tensor:
        """Return (layers, B, units) of all lanes from every process's own."""
        if self.size == 1:
            return lanes
        parts = [torch.empty_like(lanes) for _ in range(self.size)]
        distributed.all_gather(parts, lanes.contiguous())
        return torch.cat(parts, 1)


ALONE = Processes()


@contextmanager
def joined(device: torch.device) -> Iterator[tuple[Processes, torch.device]]:
    """Join the processes that torchrun started; yield this one and its own device."""
    if "WORLD_SIZE" not in os.environ:
        yield ALONE, device
        return
    if device.type == "cuda":
        device = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
        torch.cuda.set_device(device)
    distributed.init_process_group("cpu:gloo,cuda:nccl" if device.type == "cuda" else "gloo")
    processes = Processes(distributed.get_rank(), distributed.get_world_size())
    try:
        yield processes, device
        processes.agree(0.0)  # the first one saves last, and nobody leaves before it has
    finally:
        distributed.destroy_process_group()
