"""`lstm-lsp train`: from folders to a served model file.

Paths are folders of Java and Python sources, or folders of packed corpora
(`LANGUAGE.train.symbols[.xz]`, and `LANGUAGE.validation.symbols[.xz]` if there is one), or
files of short messages (`messages`).
Whole files are held out; the network starts from a model file, or from nothing; its bits
per character on the held-out files are shown before and after; the model is written only
when it is better than what it started from.
"""

from __future__ import annotations

import hashlib
import shutil
import sys
import tempfile
import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import torch

from lstm_lsp import symbols
from lstm_lsp.network import PROJECT_MODEL, find_model
from lstm_lsp.project import header_path, language_of, source_files

from . import curve, messages
from . import export as exporting
from .checkpoint import BEFORE_DECAY, CHECKPOINT
from .corpus.packed import Corpus, Document
from .graph import dither, weights_of
from .loop import bits_per_symbol, device_named, train, validation_symbols
from .network import CharacterLSTM
from .pretrain import RECIPES, packed
from .recipe import Budget, Recipe

LEAST = 20_000
"""Symbols below which fine-tuning only memorises."""
HELD_OUT_SHARE = 10
"""One file of so many is held out."""
HELD_OUT_SYMBOLS = 60_000
"""Held-out symbols of each language, at most, that a model is judged on."""
EXPORT_SYMBOLS = 40_000
"""Held-out symbols that an export is checked on."""


class TrainingError(ValueError):
    """Training that cannot start or did not help; the message is one line for the user."""


@dataclass(frozen=True)
class Data:
    """What one run learns from and is judged by."""

    train: Corpus
    held_out: dict[str, Corpus]
    """By language."""
    names: tuple[str, ...]
    """The projects' names."""


def run(
    paths: Sequence[Path],
    *,
    base: str | None = None,
    recipe: str | None = None,
    device: str = "auto",
    minutes: float | None = None,
    epochs: float | None = None,
    output: Path | None = None,
    resume: bool = False,
    quiet: bool = False,
) -> dict[str, Any]:
    """Train, check, and write one model file; return what was measured.

    `base` is a model file or a bundled model's name, "none" to start from nothing, or None
    for the bundled default. Without a budget it is ten minutes. A run that is stopped ends
    as one whose budget is spent, and `resume` goes on with it. Raises TrainingError,
    `export.ExportError`, ModelError or OSError; no half-written file is left.
    """
    output = output or _project_of(paths) / PROJECT_MODEL
    folder = output.with_suffix(".run")
    data = gather(paths)
    _prepare(output)
    from_nothing = base == "none"
    chosen = load_recipe(recipe or ("cpu" if from_nothing else "fine-tune"))
    before: dict[str, float] | None = None
    card: dict[str, Any] = {}
    if from_nothing:
        torch.manual_seed(chosen.seed)
        network = CharacterLSTM(chosen.architecture)
    else:
        network, card = _network_of(find_model(base))
        chosen = replace(chosen, architecture=network.architecture)
        before = _score(network, data)
    start = {name: value.clone() for name, value in network.state_dict().items()}
    total = int(epochs * len(data.train.symbols)) if epochs else None
    budget = Budget(minutes=minutes or (None if epochs else 10.0), symbols=total)
    if not quiet:
        megabytes = len(data.train.symbols) / 1e6
        print(
            f"{len(data.train):,} files, {megabytes:.1f} MB to learn from, "
            f"{sum(map(len, data.held_out.values())):,} held out",
            file=sys.stderr,
        )
    progress = train(
        network,
        data.train,
        chosen,
        budget,
        folder,
        validation=data.held_out if from_nothing else None,
        device=device_named(device),
        resume=resume,
        quiet=quiet,
    )
    network.to("cpu")
    if not from_nothing:
        _move(network, start, chosen.towards)
    most = HELD_OUT_SYMBOLS
    if before is None:  # nothing to compare with on the same symbols
        most = min(most, validation_symbols(progress.symbols, len(data.held_out)))
    after = _score(network, data, most)
    curve.compare(folder, before, after, progress.symbols)
    if before is not None and _mean(after) >= _mean(before):
        _forget(folder)
        raise TrainingError(
            f"the held-out files did not get more predictable ({_mean(before):.3f} to "
            f"{_mean(after):.3f} bits per character), so no model was written: "
            "train longer, or on more code"
        )
    kept = {
        key: card[key] for key in ("context", "memory", "calibration", "surprise") if key in card
    }
    facts = kept | {
        "name": output.stem if from_nothing else f"{'-'.join(data.names)[:60]} on {card['name']}",
        "languages": sorted(data.held_out),
        "training": {
            "base": card.get("name"),
            "projects": list(data.names),
            "files": len(data.train),
            "symbols_seen": progress.symbols,
            "minutes": round(progress.seconds / 60, 1),
            "recipe": recipe or ("cpu" if from_nothing else "fine-tune"),
            "device": device_named(device).type,
            "date": date.today().isoformat(),
            "bits_per_character": {"before": before, "after": after},
        },
    }
    exporting.export(
        network, facts, output, _some(data.held_out, EXPORT_SYMBOLS), context=card.get("context")
    )
    if not from_nothing and budget.spent(progress.seconds, progress.symbols) >= 1:
        _forget(folder)
    return {"model": str(output), "before": before, "after": after, "symbols": progress.symbols}


def load_recipe(name: str) -> Recipe:
    """Return the recipe in the file `name`, or the one of that name in the package."""
    file = Path(name) if name.endswith(".toml") else RECIPES / f"{name}.toml"
    try:
        return Recipe.from_json(tomllib.loads(file.read_text(encoding="utf-8")))
    except FileNotFoundError:
        known = ", ".join(sorted(path.stem for path in RECIPES.glob("*.toml")))
        raise TrainingError(f"there is no recipe {name}; there are {known}") from None
    except (tomllib.TOMLDecodeError, TypeError, ValueError) as error:
        raise TrainingError(f"{file} is not a recipe: {error}") from None


def gather(paths: Sequence[Path]) -> Data:
    """Read packed corpora or sources below `paths`, whole files held out."""
    for path in paths:
        if not path.exists():
            raise FileNotFoundError(2, "no such file or directory", str(path))
    files = [file for path in paths for file in packed(path, "train")]
    if files:
        corpus = Corpus(files)
        held_out = {
            file.name.split(".")[0]: Corpus([file])
            for path in paths
            for file in packed(path, "validation")
        }
        names = tuple(sorted({file.name.split(".")[0] for file in files}))
        if held_out:
            return Data(corpus, held_out, names)
        return _hold_out([corpus[index] for index in range(len(corpus))], names)
    documents = [document for path in paths for document in _documents(path)]
    return _hold_out(documents, tuple(path.resolve().name for path in paths))


def _documents(path: Path) -> Iterable[Document]:
    if messages.are_in(path):
        yield from messages.read(path)
        return
    root = path if path.is_dir() else path.parent
    for file in source_files(root) if path.is_dir() else [path]:
        language = language_of(file)
        if language is None:
            continue
        text = symbols.encode(file.read_text(encoding="utf-8", errors="replace"))
        if text.strip():
            yield Document(language, header_path(root, file), text)


def _hold_out(documents: Sequence[Document], names: tuple[str, ...]) -> Data:
    """Split by file: the tenth with the smallest digests of their paths is held out."""
    total = sum(len(document.text) for document in documents)
    if total < LEAST or len(documents) < 2:
        kind = f"Java and Python in {len(documents)} files"
        if any(document.language == "text" for document in documents):
            kind = f"text in {len(documents)} messages"
        raise TrainingError(
            f"{total:,} characters of {kind} are too little to learn from: give at least {LEAST:,}"
        )
    ordered = sorted(documents, key=lambda d: hashlib.sha1(d.path.encode() or d.text).digest())
    count = max(1, len(ordered) // HELD_OUT_SHARE)
    by_language: dict[str, list[Document]] = {}
    for document in ordered[:count]:
        by_language.setdefault(document.language, []).append(document)
    held_out = {name: Corpus.of(held) for name, held in by_language.items()}
    return Data(Corpus.of(ordered[count:]), held_out, names)


def _some(held_out: dict[str, Corpus], most: int) -> list[Document]:
    """Return held-out documents, a seeded choice of about `most` symbols over the languages."""
    chosen: list[Document] = []
    for corpus in held_out.values():
        left = most // len(held_out)
        for index in np.random.default_rng(0).permutation(len(corpus)):
            document = corpus[int(index)]
            if left > 0 and len(document.text) <= max(left, 2_000):
                chosen.append(document)
                left -= len(document.text)
    return chosen or [corpus[0] for corpus in held_out.values()]


def _forget(folder: Path) -> None:
    """Drop what a fine-tuning would resume from: it is large, and the run is over."""
    for name in (CHECKPOINT, BEFORE_DECAY):
        (folder / name).unlink(missing_ok=True)


def _network_of(file: Path) -> tuple[CharacterLSTM, dict[str, Any]]:
    weights, architecture, card = weights_of(file.read_bytes())
    network = CharacterLSTM(architecture)
    network.load_state_dict({n: torch.from_numpy(w) for n, w in dither(weights).items()})
    return network, card


@torch.no_grad()
def _move(network: CharacterLSTM, start: dict[str, torch.Tensor], towards: float) -> None:
    """Put the weights between where they started (0) and where they are (1).

    Nearer the base a model forgets less of other code than it gains on the user's
    (Wortsman 2022, "Robust fine-tuning of zero-shot models").
    """
    for name, value in network.state_dict().items():
        value.lerp_(start[name], 1 - towards)


def _project_of(paths: Sequence[Path]) -> Path:
    return paths[0] if paths[0].is_dir() else paths[0].parent


def _prepare(output: Path) -> None:
    """Make the output's folder; raise OSError now rather than after the training."""
    if not output.parent.exists():
        output.parent.mkdir(parents=True)
        if output.parent.name == PROJECT_MODEL.parent.name:
            (output.parent / ".gitignore").write_text("*\n", encoding="utf-8")
    with tempfile.TemporaryFile(dir=output.parent):
        pass
    if shutil.disk_usage(output.parent).free < 200_000_000:
        raise TrainingError(f"less than 200 MB are free in {output.parent}: make room first")


def _score(network: CharacterLSTM, data: Data, most: int = HELD_OUT_SYMBOLS) -> dict[str, float]:
    """Return bits per symbol on about `most` symbols of the held-out files, by language."""
    return {
        name: bits_per_symbol(network, held, symbols=most) for name, held in data.held_out.items()
    }


def _mean(bits: dict[str, float]) -> float:
    return sum(bits.values()) / len(bits)
