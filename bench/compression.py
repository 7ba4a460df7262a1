"""xz, PPMd and the product on the same bytes: bits per character, cold and primed.

    python bench/compression.py PROJECT... [--sample N] [--seed S] [--model M] [--json]

The files are those that `evaluate --sample N --seed S` reads for bits. Bits are those that
a file adds to what the compressor has read before: nothing (cold), or all other files of
the project (primed); without licence, the notice that opens the file counts as read.
The product's are those of `evaluate --memory file` and `--memory project`.
Needs pyppmd (`pip install 'lstm-lsp[dev]'`).
"""

from __future__ import annotations

import argparse
import json
import lzma
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np
import pyppmd
from machine import command, keep, machine
from tqdm import tqdm

from lstm_lsp.evaluate.bits import bits_of
from lstm_lsp.evaluate.product import memory_of, view_of
from lstm_lsp.evaluate.runner import sampled_files
from lstm_lsp.evaluate.sources import File, Project, read_projects
from lstm_lsp.network import Model, find_model

MEGABYTE = 1 << 20


def xz_bits(prime: bytes, text: bytes) -> float:
    """Return the bits that `text` adds to `prime` under xz, without the container."""
    size = 1 << max(12, (len(prime) + len(text)).bit_length())
    filters = [{"id": lzma.FILTER_LZMA2, "preset": 9 | lzma.PRESET_EXTREME, "dict_size": size}]

    def compressed(data: bytes) -> int:
        return len(lzma.compress(data, lzma.FORMAT_RAW, filters=filters)) if data else 0

    return 8.0 * (compressed(prime + text) - compressed(prime))


def ppmd_bits(order: int) -> Callable[[bytes, bytes], float]:
    """Return what measures PPMd (variant H) of `order`, with memory for all it reads."""

    def bits(prime: bytes, text: bytes) -> float:
        memory = max(16 * MEGABYTE, 40 * (len(prime) + len(text)))
        encoder = pyppmd.Ppmd7Encoder(order, min(memory, 2000 * MEGABYTE))
        # The coder holds a few bytes back, before and after alike.
        encoder.encode(prime)
        coded = len(encoder.encode(text)) + len(encoder.flush())
        return 8.0 * coded

    return bits


COMPRESSORS: dict[str, Callable[[bytes, bytes], float]] = {
    "xz": xz_bits,
    "ppmd6": ppmd_bits(6),
    "ppmd16": ppmd_bits(16),
}


def measure(project: Project, files: Iterable[File], name: str, primed: bool) -> dict[str, float]:
    """Return one compressor's bits per character on `files`."""
    bits_of = COMPRESSORS[name]
    whole = own = whole_bits = own_bits = 0.0
    for file in files:
        others = [other.symbols for other in project.files if other is not file]
        prime = b"".join(others) if primed else b""
        notice, text = (
            file.symbols[: file.licence_symbols],
            file.symbols[file.licence_symbols :],
        )
        bits = bits_of(prime + notice, text) if text else 0.0
        own_bits += bits
        own += len(text)
        whole_bits += bits_of(prime, file.symbols) if notice else bits
        whole += len(file.symbols)
    return {
        "bits_per_character": whole_bits / whole,
        "bits_per_character_without_licence": own_bits / own,
    }


def product(
    model: Model, project: Project, files: Sequence[File], primed: bool
) -> dict[str, float]:
    """Return the product's bits per character on `files`."""
    memory = memory_of(model, project, "project" if primed else "file")
    whole = [bits_of(model, f.header, f.symbols, view_of(memory, f)) for f in files]
    own = [bits[f.licence_symbols :] for bits, f in zip(whole, files, strict=True)]
    return {
        "bits_per_character": float(np.concatenate(whole).mean()),
        "bits_per_character_without_licence": float(np.concatenate(own).mean()),
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("projects", nargs="+", type=Path, metavar="PROJECT")
    parser.add_argument("--sample", type=int, default=None)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--model")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--keep", action="store_true", help="write bench/results/compression.json")
    parser.add_argument("--note", default="", help="what else the machine was doing")
    arguments = parser.parse_args()
    model = Model.load(find_model(arguments.model))
    report: dict[str, dict[str, dict[str, float]]] = {}
    for project in read_projects(arguments.projects):
        files = sampled_files(project, arguments.sample, arguments.seed)
        tasks = [(name, primed) for name in COMPRESSORS for primed in (False, True)]
        report[project.name] = {
            f"{name} {'primed' if primed else 'cold'}": measure(project, files, name, primed)
            for name, primed in tqdm(tasks, project.name, leave=False, file=sys.stderr)
        }
        for primed in (False, True):
            row = f"lstm-lsp {'primed' if primed else 'cold'}"
            report[project.name][row] = product(model, project, list(files), primed)
    if arguments.keep:
        keep("compression", report, arguments.note)
    if arguments.json:
        print(
            json.dumps({"command": command(), "machine": machine(), "projects": report}, indent=1)
        )
        return
    for name, rows in report.items():
        print(f"{name:24} bits/char   no licence")
        for row, bits in rows.items():
            print(f"  {row:22} {bits['bits_per_character']:9.3f}", end="")
            print(f" {bits['bits_per_character_without_licence']:12.3f}")


if __name__ == "__main__":
    main()
