"""What every bench shares: who measured, on what, and where the result is kept.

A result is one JSON file under `bench/results/`: the command, the machine, the load it
was under, and what was measured. Nothing here knows what is measured.
"""

from __future__ import annotations

import json
import os
import platform
import sys
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final

RESULTS: Final = Path(__file__).parent / "results"

# What decides how fast 8-bit products are, and whether they can saturate.
_FLAGS: Final = ("avx2", "avx512f", "avx512_vnni", "avx_vnni", "amx_int8", "asimddp", "i8mm")
_PACKAGES: Final = ("lstm-lsp", "numpy", "onnxruntime", "torch")


def machine() -> dict[str, Any]:
    """Return the machine as far as timings depend on it; what is unknown is null or empty."""
    cpu = _cpu()
    affinity = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set[int]()
    return {
        "cpu": cpu.get("model name") or platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "pinned_to": sorted(affinity) if len(affinity) < (os.cpu_count() or 0) else None,
        "flags": [flag for flag in _FLAGS if flag in cpu.get("flags", "").split()],
        "caches": _caches(),
        "system": f"{platform.system()} {platform.release().split('-')[0]}",
        "python": platform.python_version(),
        "packages": {name: _version(name) for name in _PACKAGES},
        "load_average": list(os.getloadavg()) if hasattr(os, "getloadavg") else None,
    }


def command() -> str:
    """Return the command that runs, with files by their name alone."""
    arguments = [Path(word).name if os.path.isabs(word) else word for word in sys.argv[1:]]
    return " ".join(["python", f"bench/{Path(sys.argv[0]).name}", *arguments])


def keep(name: str, result: dict[str, Any], note: str = "") -> Path:
    """Write `result` to `bench/results/NAME.json` and return the file.

    `note` says what else the machine was doing, if a reader has to know.
    """
    RESULTS.mkdir(exist_ok=True)
    file = RESULTS / f"{name}.json"
    whole = {
        "command": command(),
        "date": time.strftime("%Y-%m-%d"),
        "machine": machine(),
        "note": note,
        "result": result,
    }
    file.write_text(json.dumps(whole, indent=1, ensure_ascii=False) + "\n")
    return file


def _cpu() -> dict[str, str]:
    """Return the first processor's lines of /proc/cpuinfo; empty where there is none."""
    try:
        first = Path("/proc/cpuinfo").read_text().split("\n\n")[0]
    except OSError:
        return {}
    pairs = (line.partition(":") for line in first.splitlines())
    return {key.strip(): value.strip() for key, _, value in pairs}


def _caches() -> dict[str, str]:
    """Return the sizes of one core's caches by level, such as {"L2": "512K"}."""
    sizes = {}
    for index in sorted(Path("/sys/devices/system/cpu/cpu0/cache").glob("index*")):
        level, kind, size = ((index / name).read_text().strip() for name in _CACHE_FILES)
        if kind != "Instruction":
            sizes[f"L{level}"] = size
    return sizes


_CACHE_FILES: Final = ("level", "type", "size")


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
