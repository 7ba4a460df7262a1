"""What the project memory costs: microseconds a query, a byte indexed, megabytes.

    python bench/memory.py [FOLDER] [--rounds N] [--indexing] [--note TEXT]

Reads the sources of FOLDER (this repository, unless told otherwise) as `project` would,
then asks at positions of one of its files; and indexes FOLDER as the server does, nearest
files first, to tell how much of it is known after a second, and when all of it is
(`--indexing`: nothing else, for a large FOLDER). Times are processor time of the one thread
that works, medians over rounds; the reference in plain Python does a fiftieth of the work
beside it.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from machine import keep

from lstm_lsp import memory, memory_reference
from lstm_lsp.memory import TAIL, Mixer, ProjectMemory, default_parameters
from lstm_lsp.project import header_path, index, read_symbols, source_files

HYPOTHESES = (1, 4, 8)
QUERIES = 400
SLOWER = 50


def measure(texts: dict[str, bytes], rounds: int) -> dict[str, Any]:
    """Return what it costs to know `texts`, of the kernel and of the reference."""
    size = sum(map(len, texts.values()))
    known = ProjectMemory(max_bytes=4 << 30)
    indexing = _microseconds(lambda: _index(known, texts)) / size
    megabytes = known.memory_bytes / size
    path = sorted(texts, key=lambda name: len(texts[name]))[len(texts) * 3 // 4]
    text = texts[path]
    line = text.rfind(b"\n", 0, len(text) * 3 // 4) + 1
    opening = _microseconds(lambda: known.view(path, text[:line]))
    view = known.view(path, text[:line])
    asked = {beam: [_ask(view, text[:line], beam) for _ in range(rounds)] for beam in HYPOTHESES}
    queries = {str(beam): statistics.median(times) for beam, times in asked.items()}
    moves = [text.rfind(b"\n", 0, line - step * 40) + 1 for step in (0, 1)] * 50
    moving = _microseconds(lambda: [known.view(path, text[:to]) for to in moves]) / len(moves)
    removing = _microseconds(lambda: [known.set_file(name, None) for name in texts]) / size
    return {
        "files": len(texts),
        "bytes": size,
        "microseconds_a_byte_added": indexing,
        "microseconds_a_byte_removed": removing,
        "bytes_held_a_byte": megabytes,
        "microseconds_a_query": queries,
        "microseconds_to_open_a_file": {"bytes": len(text), "first_view": opening},
        "microseconds_to_move_a_line_or_two": moving,
    }


def indexing(folder: Path, near: Path) -> dict[str, Any]:
    """Return how far indexing `folder` is after a second, and how long it takes in all."""
    found = source_files(folder)
    known = ProjectMemory(max_bytes=4 << 30)
    start, early = time.thread_time(), dict[str, int]()
    for progress in index(known, folder, near=near):
        passed = time.thread_time() - start
        if passed <= 1.0:
            early = {"files": progress.indexed, "bytes": known.memory_bytes}
    return {
        "after_a_second": early,
        "files_beside_the_nearest": sum(file.parent == near.parent for file in found),
        "seconds": passed,
        "source_bytes": sum(len(read_symbols(file) or b"") for file in found),
        "files": progress.indexed,
        "bytes": known.memory_bytes,
    }


def reference(texts: dict[str, bytes]) -> dict[str, Any]:
    """Return how many times slower plain Python is, on a part of `texts`."""
    part = dict(list(texts.items())[: max(1, len(texts) // SLOWER)])
    text = next(iter(part.values()))
    tails = [text[max(0, at - TAIL) : at] for at in range(0, len(text), len(text) // 50 + 1)]
    times: dict[str, list[float]] = {"add": [], "query": []}
    for module in (memory.kernel, memory_reference):
        counts = module.Counts()
        times["add"].append(sum(_added(module, counts, text) for text in part.values()))
        times["query"].append(_asked(module, counts, tails))
    return {f"{name}_times_slower": slow / fast for name, (fast, slow) in times.items()}


def _added(module: ModuleType, counts: Any, text: bytes) -> float:
    return _microseconds(lambda: counts.add(text, 0, len(text)))


def _index(known: ProjectMemory, texts: dict[str, bytes]) -> None:
    for path, text in texts.items():
        known.set_file(path, text)


def _ask(view: Mixer, text: bytes, beam: int) -> float:
    flat = np.full((beam, 256), -np.log(256), np.float32)
    places = np.random.default_rng(0).integers(TAIL, len(text) - beam, QUERIES).tolist()
    tails = [[text[at + row - TAIL : at + row] for row in range(beam)] for at in places]
    return _microseconds(lambda: [view.mix(flat, rows) for rows in tails]) / QUERIES


def _asked(module: ModuleType, counts: Any, tails: list[bytes]) -> float:
    flat = np.full((1, 256), -np.log(256), np.float32)
    weights = default_parameters().interpolation
    none, out = module.Counts(), np.empty_like(flat)
    return _microseconds(
        lambda: [module.mix(counts, none, none, none, weights, flat, [tail], out) for tail in tails]
    )


def _microseconds(work: Callable[[], object]) -> float:
    start = time.thread_time()
    work()
    return (time.thread_time() - start) * 1e6


def main() -> None:
    """Measure, print and keep."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    here = Path(__file__).resolve().parent.parent
    parser.add_argument("folder", type=Path, nargs="?", default=here)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--indexing", action="store_true", help="measure nothing else")
    parser.add_argument("--note", default="")
    given = parser.parse_args()
    near = sorted(source_files(given.folder))[-1]
    if given.indexing:
        result = indexing(given.folder, near)
        print(result)
        print(keep("memory-indexing", result, given.note))
        return
    read = {
        header_path(given.folder, file): read_symbols(file) for file in source_files(given.folder)
    }
    texts = {path: text for path, text in read.items() if text}
    result = {
        "compiled": memory.compiled,
        **measure(texts, given.rounds),
        "indexing": indexing(given.folder, near),
    }
    if memory.compiled:
        result["plain_python"] = reference(texts)
    for name, value in result.items():
        print(f"{name}: {value}")
    print(keep("memory", result, given.note))


if __name__ == "__main__":
    main()
