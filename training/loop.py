"""One flat training loop: truncated backpropagation with carried state.

`train` reads packed documents in lanes, keeps each lane's hidden and cell state from
chunk to chunk (zeroed where a document starts), and stops when its budget is spent
or when asked to. Everything it needs to go on stands in one file,
`FOLDER/checkpoint.safetensors`, replaced whole; `FOLDER/curve.jsonl` keeps one JSON
object a report. With a budget in symbols a resumed run ends with the same weights as
an uninterrupted one (same device, same thread count); with one in minutes the learning
rate follows the clock, so it does not.
"""

from __future__ import annotations

import json
import math
import os
import signal
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch.nn import functional
from tqdm import tqdm

from lstm_lsp.card import Architecture

from .corpus.packed import Corpus, Lanes, Presentation
from .network import CharacterLSTM, State

CHECKPOINT = "checkpoint.safetensors"
BEFORE_DECAY = "before-decay.safetensors"
CURVE = "curve.jsonl"


@dataclass(frozen=True)
class Recipe:
    """What one run does. Learning rates are Adam's; shares are 0-1."""

    architecture: Architecture = field(default_factory=Architecture)
    lanes: int = 32
    """Documents read side by side."""
    length: int = 96
    """Symbols a chunk, the reach of truncated backpropagation."""
    learning_rate: float = 2.5e-3
    warm_up: int = 200
    """Steps from nothing to the full learning rate."""
    decay: float = 0.35
    """Share of the budget, at its end, in which the learning rate falls to zero."""
    clip: float = 1.0
    """Largest norm of a step's gradient."""
    seed: int = 0
    presentation: Presentation = field(default_factory=Presentation)

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Recipe:
        """Read what `dataclasses.asdict` wrote."""
        value = dict(value)
        value["architecture"] = Architecture.from_json(value.get("architecture", {}))
        value["presentation"] = Presentation(**value.get("presentation", {}))
        return cls(**value)


@dataclass(frozen=True)
class Budget:
    """When a run is done: after `minutes` of training, or after `symbols` read."""

    minutes: float | None = None
    symbols: int | None = None

    def spent(self, seconds: float, symbols: int) -> float:
        """Return the share of the budget that is spent, 0-1."""
        shares = [0.0]
        if self.minutes is not None:
            shares.append(seconds / (60 * self.minutes))
        if self.symbols is not None:
            shares.append(symbols / self.symbols)
        return min(1.0, max(shares))


@dataclass
class Progress:
    """Where a run stands."""

    step: int = 0
    symbols: int = 0
    seconds: float = 0.0
    bits: float = math.nan
    """Running bits per symbol on the training stream."""


def learning_rate(recipe: Recipe, step: int, spent: float) -> float:
    """Return the learning rate: warm-up, plateau, linear decay to zero at the budget's end."""
    warm = min(1.0, (step + 1) / recipe.warm_up)
    left = 1.0 if recipe.decay <= 0 else min(1.0, (1.0 - spent) / recipe.decay)
    return recipe.learning_rate * warm * left


def device_named(name: str) -> torch.device:
    """Return the torch device for "auto", "cpu" or "cuda"."""
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    return torch.device(name)


def train(
    network: CharacterLSTM,
    corpus: Corpus,
    recipe: Recipe,
    budget: Budget,
    folder: Path,
    *,
    validation: dict[str, Corpus] | None = None,
    validate_every: float = 900.0,
    save_every: float = 120.0,
    device: torch.device | None = None,
    resume: bool = False,
    stopped: Callable[[], bool] = lambda: False,
    on_save: Callable[[CharacterLSTM, dict[str, Any]], None] = lambda network, facts: None,
    quiet: bool = False,
) -> Progress:
    """Train `network` in place until the budget is spent, Ctrl-C, or `stopped()`.

    `validation` maps a language to its held-out documents; a sample is scored every
    `validate_every` seconds and at the end, and recorded in the curve. Raises
    FileNotFoundError when `resume` finds no checkpoint.
    """
    device = device or device_named("auto")
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(recipe.seed)
    torch.set_flush_denormal(True)  # a decayed gate's denormals cost a tenth of the speed
    network.to(device).train()
    optimizer = torch.optim.Adam(network.parameters(), lr=recipe.learning_rate, betas=(0.9, 0.99))
    lanes = Lanes(corpus, recipe.lanes, recipe.length, recipe.seed, recipe.presentation)
    state = network.zero_state(recipe.lanes)
    progress = Progress()
    if resume:
        progress, state = load_checkpoint(folder / CHECKPOINT, network, optimizer, lanes)

    started = time.monotonic() - progress.seconds
    saved = validated = reported = time.monotonic()
    already = budget.spent(progress.seconds, progress.symbols)
    plateau_kept = recipe.decay >= 1 or already > 1 - recipe.decay
    recent = None if math.isnan(progress.bits) else torch.tensor(progress.bits, device=device)
    half = torch.autocast("cuda", torch.bfloat16, enabled=device.type == "cuda")

    def save(name: str) -> None:
        facts = {"recipe": asdict(recipe), "progress": asdict(progress), "lanes": lanes.state()}
        save_checkpoint(folder / name, network, optimizer, state, facts)
        on_save(network, facts)

    bar = tqdm(total=100, unit="%", bar_format="{l_bar}{bar}| {elapsed} {postfix}", disable=quiet)

    with _Interruptible() as interrupted:
        while True:
            progress.seconds = time.monotonic() - started
            spent = budget.spent(progress.seconds, progress.symbols)
            if spent >= 1.0 or interrupted() or stopped():
                break
            if not plateau_kept and spent > 1 - recipe.decay:
                # What a longer run would go on from: weights that have not been annealed.
                save(BEFORE_DECAY)
                plateau_kept = True

            symbols, known, fresh = (torch.from_numpy(array).to(device) for array in lanes.chunk())
            keep = (~fresh).to(torch.float32)[None, :, None]
            state = (state[0].detach() * keep, state[1].detach() * keep)
            with half:
                logits, state = network(symbols[:-1].long(), state)
            losses = functional.cross_entropy(
                logits.float().flatten(0, 1), symbols[1:].long().flatten(), reduction="none"
            )
            loss = (losses * known.flatten()).sum() / known.sum().clamp(min=1)
            loss.backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_(network.parameters(), recipe.clip)
            for group in optimizer.param_groups:
                group["lr"] = learning_rate(recipe, progress.step, spent)
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)

            bits = loss.detach() / math.log(2)
            recent = bits if recent is None else recent + 0.02 * (bits - recent)
            progress.step += 1
            progress.symbols += recipe.lanes * recipe.length

            now = time.monotonic()
            if now - reported > 10:
                reported = now
                progress.bits = float(recent)
                _record(folder, progress, spent, optimizer)
                speed = progress.symbols / max(progress.seconds, 1e-9)
                bar.set_postfix_str(
                    f"{progress.bits:.3f} bits/char, {progress.symbols / 1e6:.1f} M, {speed:,.0f}/s"
                )
                bar.update(100 * spent - bar.n)
            if now - saved > save_every:
                saved = now
                save(CHECKPOINT)
            if validation and now - validated > validate_every:
                scores = {name: bits_per_symbol(network, held) for name, held in validation.items()}
                _record(folder, progress, spent, optimizer, validation=scores)
                tqdm.write(f"{progress.symbols / 1e6:.1f} M symbols, validation {_shown(scores)}")
                started += time.monotonic() - now  # the budget is for training
                validated = time.monotonic()

    progress.bits = progress.bits if recent is None else float(recent)
    save(CHECKPOINT)
    if validation:
        scores = {name: bits_per_symbol(network, held) for name, held in validation.items()}
        _record(folder, progress, spent, optimizer, validation=scores)
        tqdm.write(f"{progress.symbols / 1e6:.1f} M symbols, validation {_shown(scores)}")
    bar.close()
    return progress


@torch.no_grad()
def bits_per_symbol(
    network: CharacterLSTM,
    corpus: Corpus,
    *,
    symbols: int = 200_000,
    lanes: int = 32,
    length: int = 128,
) -> float:
    """Return bits per symbol over about `symbols` symbols of held-out texts, headers given."""
    device = next(network.parameters()).device
    network.eval()
    reader = Lanes(corpus, lanes, length, seed=1, once=True)
    state = network.zero_state(lanes)
    total = count = 0.0
    while count < symbols and not reader.done:
        read, known, fresh = (torch.from_numpy(array).to(device) for array in reader.chunk())
        keep = (~fresh).to(torch.float32)[None, :, None]
        logits, state = network(read[:-1].long(), (state[0] * keep, state[1] * keep))
        losses = functional.cross_entropy(
            logits.flatten(0, 1), read[1:].long().flatten(), reduction="none"
        )
        total += float((losses * known.flatten()).sum())
        count += float(known.sum())
    network.train()
    return total / max(count, 1.0) / math.log(2)


def save_checkpoint(
    file: Path,
    network: CharacterLSTM,
    optimizer: torch.optim.Optimizer,
    state: State,
    facts: dict[str, Any],
) -> None:
    """Write weights, moments, the lanes' state and `facts` (JSON) into one file, replaced whole."""
    tensors = {f"network.{name}": value for name, value in network.state_dict().items()}
    for index, values in optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{index}.{name}": value for name, value in values.items()}
    tensors |= {"state.h": state[0].detach(), "state.c": state[1].detach()}
    unfinished = file.with_suffix(".unfinished")
    save_file(
        {name: value.contiguous() for name, value in tensors.items()},
        unfinished,
        metadata={"lstm_lsp": json.dumps(facts)},
    )
    os.replace(unfinished, file)


def load_checkpoint(
    file: Path, network: CharacterLSTM, optimizer: torch.optim.Optimizer, lanes: Lanes
) -> tuple[Progress, State]:
    """Restore everything `save_checkpoint` wrote; return the progress and the lanes' state."""
    device = next(network.parameters()).device
    with safe_open(file, "pt", device=str(device)) as stored:
        facts = json.loads(stored.metadata()["lstm_lsp"])
        tensors = {name: stored.get_tensor(name) for name in stored.keys()}  # noqa: SIM118
    network.load_state_dict(_under("network.", tensors))
    moments: dict[int, dict[str, torch.Tensor]] = {}
    for name, value in _under("optimizer.", tensors).items():
        index, _, key = name.partition(".")
        moments.setdefault(int(index), {})[key] = value
    groups = optimizer.state_dict()["param_groups"]
    optimizer.load_state_dict({"state": moments, "param_groups": groups})
    lanes.restore(facts["lanes"])
    return Progress(**facts["progress"]), (tensors["state.h"], tensors["state.c"])


def save_half(file: Path, network: CharacterLSTM, facts: dict[str, Any]) -> None:
    """Write the weights alone, in half precision, for `load_network`; replaced whole."""
    tensors = {
        f"network.{name}": value.detach().half().cpu().contiguous()
        for name, value in network.state_dict().items()
    }
    unfinished = file.with_suffix(".unfinished")
    save_file(tensors, unfinished, metadata={"lstm_lsp": json.dumps(facts)})
    os.replace(unfinished, file)


def load_network(file: Path) -> tuple[CharacterLSTM, dict[str, Any]]:
    """Return the network of a checkpoint or of `save_half` on the CPU, and its facts."""
    with safe_open(file, "pt") as stored:
        facts = json.loads(stored.metadata()["lstm_lsp"])
        tensors = {name: stored.get_tensor(name) for name in stored.keys()}  # noqa: SIM118
    network = CharacterLSTM(Recipe.from_json(facts["recipe"]).architecture)
    network.load_state_dict(_under("network.", tensors))
    return network.eval(), facts


def _under(prefix: str, tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {
        name[len(prefix) :]: value for name, value in tensors.items() if name.startswith(prefix)
    }


def _record(
    folder: Path, progress: Progress, spent: float, optimizer: torch.optim.Optimizer, **more: Any
) -> None:
    row = (
        asdict(progress) | {"spent": spent, "learning_rate": optimizer.param_groups[0]["lr"]} | more
    )
    with (folder / CURVE).open("a", encoding="utf-8") as curve:
        curve.write(json.dumps(row) + "\n")


def _shown(scores: dict[str, float]) -> str:
    return ", ".join(f"{name} {bits:.3f}" for name, bits in scores.items()) + " bits/char"


class _Interruptible:
    """Within the block the first Ctrl-C (or SIGTERM) asks for a stop instead of raising."""

    def __enter__(self) -> Callable[[], bool]:
        self.asked = False
        self.before = {}
        try:
            for number in (signal.SIGINT, signal.SIGTERM):
                self.before[number] = signal.signal(number, self._ask)
        except ValueError:  # not the main thread: the caller has `stopped`
            pass
        return lambda: self.asked

    def _ask(self, *_: object) -> None:
        self.asked = True
        self._restore()  # a second Ctrl-C interrupts at once

    def _restore(self) -> None:
        for number, handler in self.before.items():
            signal.signal(number, handler)

    def __exit__(self, *_: object) -> None:
        self._restore()
