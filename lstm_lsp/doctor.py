"""What this machine can do, and what is wrong with the set-up.

`examine` looks and changes nothing: every finding is one line, with what to do when
something is wrong. `card_lines` shows a model's card to people.
"""

from __future__ import annotations

import os
import platform
import re
import shutil
import statistics
import sys
import time
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np

from lstm_lsp import __version__, memory, symbols
from lstm_lsp.network import Model, ModelError, find_model

OLDEST_PYTHON = (3, 11)
STEPS = 200
"""Steps timed for the figure of one symbol."""


class Finding(NamedTuple):
    """One line of the examination; only `wrong` keeps lstm-lsp from working."""

    verdict: Literal["good", "note", "wrong"]
    text: str


def examine() -> list[Finding]:
    """Return everything worth knowing about this machine and set-up, worst news included."""
    return [*_python(), *_packages(), *_machine(), *_model(), *_command()]


def _python() -> Iterator[Finding]:
    version = platform.python_version()
    verdict: Literal["good", "wrong"] = "good" if sys.version_info >= OLDEST_PYTHON else "wrong"
    needed = ".".join(map(str, OLDEST_PYTHON))
    yield Finding(verdict, f"lstm-lsp {__version__} on Python {version} ({needed} or later needed)")


def _packages() -> Iterator[Finding]:
    """Look for what the installed distribution says it requires."""
    try:
        requirements = metadata.requires("lstm-lsp") or []
    except metadata.PackageNotFoundError:
        yield Finding("wrong", "lstm-lsp is not installed: run `pip install lstm-lsp`")
        return
    missing: dict[str, list[str]] = {"": [], "train": []}
    for requirement in requirements:
        name = re.split(r"[^\w.-]", requirement, maxsplit=1)[0]
        extra = re.search(r"extra == [\"'](\w+)", requirement)
        group = extra.group(1) if extra else ""
        if group in missing and not _installed(name):
            missing[group].append(name)
    if missing[""]:
        what = ", ".join(missing[""])
        yield Finding("wrong", f"not installed: {what}; run `pip install --upgrade lstm-lsp`")
    else:
        yield Finding("good", "everything that serves is installed")
    if missing["train"]:
        what = ", ".join(missing["train"])
        yield Finding("note", f"`train` needs {what}: run `pip install 'lstm-lsp[train]'`")
    else:
        yield Finding("good", "everything that trains is installed")
    if memory.compiled:
        yield Finding("good", "the project memory's kernel is compiled")
    else:
        what = "install a C compiler and run `pip install --force-reinstall lstm-lsp`"
        yield Finding("note", f"the project memory runs uncompiled, much slower: {what}")


def _installed(name: str) -> bool:
    try:
        metadata.version(name)
    except metadata.PackageNotFoundError:
        return False
    return True


def _machine() -> Iterator[Finding]:
    cores = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count()
    processor, flags = _processor()
    what = "core" if cores == 1 else "cores"
    yield Finding("good", f"{processor}, {cores} {what} for this process")
    if flags:
        if any("vnni" in flag for flag in flags):
            yield Finding("good", "the CPU multiplies 8-bit integers natively (VNNI)")
        elif "avx2" in flags:
            yield Finding("note", "the CPU has AVX2 but no VNNI: a symbol takes longer")
        else:
            yield Finding("note", "the CPU has no AVX2: a symbol takes several times longer")
    if shutil.which("nvidia-smi"):
        yield Finding("note", "there is an NVIDIA GPU: `train` uses it when torch can")


def _processor() -> tuple[str, set[str]]:
    """Return the CPU's name and its flags, which only Linux tells."""
    name, flags = platform.processor() or platform.machine(), set[str]()
    information = Path("/proc/cpuinfo")
    if information.exists():
        text = information.read_text(encoding="utf-8", errors="replace")
        if found := re.search(r"^model name\s*: (.+)$", text, re.MULTILINE):
            name = found.group(1)
        if found := re.search(r"^(?:flags|Features)\s*: (.+)$", text, re.MULTILINE):
            flags = set(found.group(1).split())
    return name, flags


def _model() -> Iterator[Finding]:
    try:
        model = Model.load(find_model(project=Path.cwd()))
    except ModelError as error:
        yield Finding("wrong", str(error))
        return
    yield Finding("good", f"model {model.name}, {model.path}")
    yield Finding("good", f"a symbol takes {_milliseconds(model):.2f} ms on one thread, right now")


def _milliseconds(model: Model) -> float:
    """Return the median time of one step."""
    state = model.read(symbols.header("java"), model.start())
    times = []
    for _ in range(STEPS):
        symbol = state.log_probs.argmax(axis=1)
        started = time.perf_counter()
        state = model.step(symbol.astype(np.int64), state)
        times.append(time.perf_counter() - started)
    return 1000 * statistics.median(times)


def _command() -> Iterator[Finding]:
    found = shutil.which("lstm-lsp")
    if found:
        yield Finding("good", f"editors find {found}")
    else:
        folder = Path(sys.executable).parent
        yield Finding("note", f"no lstm-lsp on the PATH: editors need {folder / 'lstm-lsp'}")


def card_lines(model: Model) -> list[str]:
    """Return a model's card as lines of text, nested values indented.

    Fitted tables are numbers by the hundred: only that they are there is said.
    """
    size = model.path.stat().st_size
    tables = dict.fromkeys(model.card.keys() & {"memory", "calibration"}, "fitted to this network")
    return [f"file: {model.path} ({size / 1e6:.1f} MB)", *_lines(model.card | tables)]


def _lines(value: dict[str, Any], indent: str = "") -> Iterator[str]:
    for key, item in value.items():
        label = f"{indent}{key.replace('_', ' ')}:"
        if isinstance(item, dict):
            yield label
            yield from _lines(item, indent + "  ")
        elif isinstance(item, list) and item and isinstance(item[0], dict):
            yield f"{label} {len(item)}"
            for row in item:
                yield f"{indent}  " + ", ".join(str(part) for part in row.values())
        elif isinstance(item, list):
            yield f"{label} {', '.join(map(str, item))}"
        else:
            yield f"{label} {item}"
