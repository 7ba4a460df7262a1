"""One flat training loop: truncated backpropagation with carried state.

`train` reads packed documents in lanes, keeps each lane's hidden and cell state from
chunk to chunk (zeroed where a document starts), and stops when its budget is spent
or when asked to. Everything it needs to go on stands in one file (`checkpoint`); what it
tells of itself in `curve`. With a budget in symbols a resumed run ends with the same
weights as an uninterrupted one (same device, same thread count); with one in minutes the
learning rate follows the clock, so it does not. Under torchrun every process reads its
part of the lanes (`processes`), and the run is that of one process up to rounding.
"""

from __future__ import annotations

import math
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import torch
from torch.nn import functional
from torch.nn.parallel import DistributedDataParallel
from tqdm import tqdm

from .cells import Network
from .checkpoint import (
    BEFORE_DECAY,
    CHECKPOINT,
    Progress,
    Weights,
    load_checkpoint,
    save_checkpoint,
)
from .corpus.packed import Corpus
from .curve import Curve
from .lanes import Lanes
from .processes import ALONE, Processes
from .recipe import Budget, Recipe, learning_rate

EPOCHS_WITHOUT_DROPOUT: Final = 3
VALIDATION_SYMBOLS: Final = 200_000
"""Held-out symbols of each language that one validation reads, where the run has read enough."""
VALIDATION_SHARE: Final = 0.1
"""Held-out symbols of one validation, all languages together, to those learned from so far."""


def device_named(name: str) -> torch.device:
    """Return the torch device for "auto", "cpu" or "cuda"."""
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    return torch.device(name)


@contextmanager
def _denormals_flushed() -> Iterator[None]:
    """Within it denormals are 0: those of a decayed gate cost a tenth of the speed."""
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(False)  # the rest of the process may count on them


@_denormals_flushed()
def train(
    network: Network,
    corpus: Corpus,
    recipe: Recipe,
    budget: Budget,
    folder: Path,
    *,
    validation: dict[str, Corpus] | None = None,
    validate_every: float = 900.0,
    save_every: float = 120.0,
    report_every: float = 10.0,
    device: torch.device | None = None,
    processes: Processes = ALONE,
    resume: bool = False,
    stopped: Callable[[], bool] = lambda: False,
    on_save: Callable[[Network, dict[str, Any]], None] = lambda network, facts: None,
    quiet: bool = False,
) -> Progress:
    """Train `network` in place until the budget is spent, Ctrl-C, or `stopped()`.

    `validation` maps a language to its held-out documents; a sample (`validation_symbols`) is
    scored every `validate_every` seconds and at the end, and recorded in the curve. Where the
    recipe averages weights, the average is what is validated, handed to `on_save`, and left in
    `network`. Raises CheckpointError when `resume` finds no checkpoint or one of another
    recipe, or when none can be written.
    """
    device = device or device_named("auto")
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(recipe.seed)
    network.to(device).train()
    cuda = device.type == "cuda"
    optimizer = torch.optim.Adam(
        network.parameters(), lr=recipe.learning_rate, betas=(0.9, 0.99), fused=cuda
    )
    own = processes.own(recipe.lanes)
    lanes = Lanes(
        corpus,
        recipe.lanes,
        recipe.length,
        recipe.seed,
        recipe.presentation,
        own=own,
        device=device,
    )
    state = network.zero_state(own.stop - own.start)
    progress, average = Progress(), None
    if resume:
        progress, whole, average = load_checkpoint(folder / CHECKPOINT, network, optimizer, lanes)
        state = (whole[0][:, own].contiguous(), whole[1][:, own].contiguous())
    forward: Callable[..., Any] = network
    if processes.size > 1:
        forward = DistributedDataParallel(network, device_ids=[device] if cuda else None)

    started = time.monotonic() - progress.seconds
    saved = validated = reported = time.monotonic()
    tail = 1 - recipe.decay
    plateau_kept = tail <= 0 or budget.spent(progress.seconds, progress.symbols) > tail
    recent = None if math.isnan(progress.bits) else torch.tensor(progress.bits, device=device)
    half = torch.autocast("cuda", torch.bfloat16, enabled=cuda)
    curve = Curve(folder, progress.step) if processes.first else None
    bar = tqdm(
        total=100,
        unit="%",
        bar_format="{l_bar}{bar}| {elapsed} {postfix}",
        disable=quiet or not processes.first,
    )

    def save(name: str) -> None:
        facts = {"recipe": asdict(recipe), "progress": asdict(progress), "lanes": lanes.state()}
        everything = (processes.together(state[0]), processes.together(state[1]))
        if processes.first:
            save_checkpoint(folder / name, network, optimizer, everything, facts, average=average)
            with _holding(network, average):
                on_save(network, facts)

    def report(spent: float) -> None:
        if recent is not None:
            progress.bits = float(processes.mean(recent))
        if curve is not None:
            rate = optimizer.param_groups[0]["lr"]
            curve.record(asdict(progress) | {"spent": spent, "learning_rate": rate})
        speed = progress.symbols / max(progress.seconds, 1e-9)
        read = f"{progress.symbols / 1e6:.1f} M, {speed:,.0f}/s"
        bar.set_postfix_str(f"{progress.bits:.3f} bits/char, {read}", refresh=False)
        bar.update(100 * spent - bar.n)

    def validate() -> None:
        if curve is None or not validation:
            return
        most = validation_symbols(progress.symbols, len(validation))
        with _holding(network, average):
            scores = {
                name: bits_per_symbol(network, held, symbols=most)
                for name, held in validation.items()
            }
        curve.record({"step": progress.step, "symbols": progress.symbols, "validation": scores})
        shown = ", ".join(f"{name} {bits:.3f}" for name, bits in scores.items())
        bar.write(f"{progress.symbols / 1e6:.1f} M symbols, validation {shown} bits/char")

    with _interruptible() as interrupted:
        while True:
            progress.seconds = time.monotonic() - started
            # The first process's clock decides for all; anyone may ask for a stop.
            now = time.monotonic()
            spent, to_report, to_save, to_validate, stop = processes.agree(
                budget.spent(progress.seconds, progress.symbols) * processes.first,
                processes.first and now - reported > report_every,
                processes.first and now - saved > save_every,
                processes.first and now - validated > validate_every,
                interrupted() or stopped(),
            )
            if spent >= 1.0 or stop:
                break
            if to_report:
                reported = now
                report(spent)
            if to_validate:
                validate()
                started += time.monotonic() - now  # the budget is for training
                validated = time.monotonic()
            if not plateau_kept and spent > tail:
                # What a longer run would go on from: weights that have not been annealed.
                save(BEFORE_DECAY)
                plateau_kept = True
            elif to_save:
                saved = now
                save(CHECKPOINT)

            chunk = lanes.chunk()
            keep = (~chunk.fresh).to(torch.float32)[None, :, None]
            state = (state[0].detach() * keep, state[1].detach() * keep)
            if recipe.dropout and lanes.epoch >= EPOCHS_WITHOUT_DROPOUT:
                network.dropout = recipe.dropout
                # Drawn from the step alone, so that a resumed run drops the same.
                torch.manual_seed((recipe.seed << 40) + (progress.step << 8) + processes.rank)
            with half:
                logits, state = forward(chunk.symbols[:-1], state)
            losses = functional.cross_entropy(
                logits.float().flatten(0, 1), chunk.symbols[1:].flatten(), reduction="none"
            )
            # Over the whole batch: gradients of the processes are averaged, hence the size.
            loss = (losses * chunk.known.flatten()).sum() * (processes.size / chunk.predicted)
            loss.backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_(network.parameters(), recipe.clip)
            for group in optimizer.param_groups:
                group["lr"] = learning_rate(recipe, progress.step, spent)
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
            if recipe.average and spent >= tail:
                average = _averaged(average, network, recipe.average)

            bits = loss.detach() / math.log(2)
            recent = bits if recent is None else recent + 0.02 * (bits - recent)
            progress.step += 1
            progress.symbols += recipe.lanes * recipe.length

    report(spent)
    save(CHECKPOINT)
    validate()
    bar.close()
    if curve is not None:
        curve.close()
    if average is not None:
        network.load_state_dict(average)
    return progress


def validation_symbols(read: int, languages: int) -> int:
    """Return how many held-out symbols of each language to score after `read` symbols.

    In symbols, for both run on the same machine: a validation then costs a small share of the
    training before it, on a slow CPU after one minute too. At least 1, which scores one chunk.
    """
    return max(1, min(VALIDATION_SYMBOLS, int(VALIDATION_SHARE * read / languages)))


@torch.no_grad()
def bits_per_symbol(
    network: Network,
    corpus: Corpus,
    *,
    symbols: int = VALIDATION_SYMBOLS,
    lanes: int = 32,
    length: int = 128,
) -> float:
    """Return bits per symbol over about `symbols` symbols of held-out texts, headers given."""
    device = next(network.parameters()).device
    network.eval()
    reader = Lanes(corpus, lanes, length, seed=1, once=True, device=device)
    state = network.zero_state(lanes)
    total = count = 0.0
    while count < symbols and not reader.done:
        chunk = reader.chunk()
        keep = (~chunk.fresh).to(torch.float32)[None, :, None]
        logits, state = network(chunk.symbols[:-1], (state[0] * keep, state[1] * keep))
        losses = functional.cross_entropy(
            logits.flatten(0, 1), chunk.symbols[1:].flatten(), reduction="none"
        )
        total += float((losses * chunk.known.flatten()).sum())
        count += float(chunk.known.sum())
    network.train()
    return total / max(count, 1.0) / math.log(2)


@torch.no_grad()
def _averaged(average: Weights | None, network: Network, kept: float) -> Weights:
    """Return the running average after one more step; it starts as the weights themselves."""
    weights = network.state_dict()
    if average is None:
        return {name: value.clone() for name, value in weights.items()}
    torch._foreach_lerp_([average[name] for name in weights], list(weights.values()), 1 - kept)
    return average


@contextmanager
def _holding(network: Network, weights: Weights | None) -> Iterator[None]:
    """Within the block `network` has these weights, if any are given."""
    if weights is None:
        yield
        return
    own = {name: value.clone() for name, value in network.state_dict().items()}
    network.load_state_dict(weights)
    try:
        yield
    finally:
        network.load_state_dict(own)


@contextmanager
def _interruptible() -> Iterator[Callable[[], bool]]:
    """Within the block the first Ctrl-C (or SIGTERM) asks for a stop instead of raising."""
    asked = False
    before: dict[int, Any] = {}

    def restore() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    def ask(*_: object) -> None:
        nonlocal asked
        asked = True
        restore()  # a second Ctrl-C interrupts at once

    try:
        for number in (signal.SIGINT, signal.SIGTERM):
            before[number] = signal.signal(number, ask)
    except ValueError:  # not the main thread: the caller has `stopped`
        pass
    try:
        yield lambda: asked
    finally:
        restore()
