"""What a run tells of itself: `curve.jsonl`, TensorBoard scalars, and a picture at the end.

A row is one JSON object: step, symbols, seconds, bits (running, on the training stream),
spent, learning_rate, and now and then validation (bits by language). TensorBoard's files
are written where the package `tensorboard` is installed, the picture where matplotlib is.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

CURVE: Final = "curve.jsonl"
PICTURE: Final = "curves.png"


class Curve:
    """The curve of the run in `folder`, from `step` on."""

    def __init__(self, folder: Path, step: int = 0) -> None:
        self._folder = folder
        self._file = folder / CURVE
        if not step:
            self._file.unlink(missing_ok=True)
        self._board: Any = None
        try:
            from torch.utils.tensorboard import SummaryWriter  # noqa: PLC0415 - optional
        except ImportError:
            return
        self._board = SummaryWriter(str(folder / "tensorboard"), purge_step=step)

    def record(self, row: dict[str, Any]) -> None:
        """Add one row."""
        _add(self._file, row)
        if self._board is not None:
            scalars: dict[str, float] = {
                name: row[name] for name in ("bits", "learning_rate") if name in row
            }
            for language, bits in row.get("validation", {}).items():
                scalars[f"validation/{language}"] = bits
            for name, value in scalars.items():
                self._board.add_scalar(name, value, row["symbols"])

    def close(self) -> None:
        """Draw the picture and let go of the files."""
        if self._board is not None:
            self._board.close()
        draw(self._folder)


def compare(
    folder: Path, before: dict[str, float] | None, after: dict[str, float], symbols: int
) -> None:
    """Add bits of held-out files before a run, if there were any, and after it; draw anew."""
    if before is not None:
        _add(folder / CURVE, {"step": 0, "symbols": 0, "validation": before})
    _add(folder / CURVE, {"symbols": symbols, "validation": after})
    draw(folder)


def _add(file: Path, row: dict[str, Any]) -> None:
    with file.open("a", encoding="utf-8") as opened:
        opened.write(json.dumps(row) + "\n")


def read(folder: Path) -> list[dict[str, Any]]:
    """Return the rows of the run in `folder`, in order."""
    lines = (folder / CURVE).read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def draw(folder: Path) -> Path | None:
    """Draw bits per character and the learning rate over symbols; None without matplotlib."""
    try:
        from matplotlib.figure import Figure  # noqa: PLC0415 - optional
    except ImportError:
        return None
    rows = sorted(read(folder), key=lambda row: int(row["symbols"]))
    figure = Figure(figsize=(8, 4.5), layout="constrained")
    bits, rate = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    known = [row for row in rows if row.get("bits") is not None]
    bits.plot([row["symbols"] / 1e6 for row in known], [row["bits"] for row in known], lw=1)
    bits.annotate("training stream", (0.01, 0.03), xycoords="axes fraction", color="C0")
    scored = [row for row in rows if "validation" in row]
    languages = sorted({name for row in scored for name in row["validation"]})
    for number, language in enumerate(languages, 1):
        points = [row for row in scored if language in row["validation"]]
        places = [row["symbols"] / 1e6 for row in points]
        values = [row["validation"][language] for row in points]
        bits.plot(
            places, values, "o-", color=f"C{number}", lw=1, ms=3, label=f"held out: {language}"
        )
    if languages:
        bits.legend(frameon=False)
    bits.set_ylabel("bits per character")
    rated = [row for row in rows if "learning_rate" in row]
    rate.plot(
        [row["symbols"] / 1e6 for row in rated], [row["learning_rate"] for row in rated], lw=1
    )
    rate.set_ylabel("learning rate")
    rate.set_xlabel("symbols read, millions")
    for axes in (bits, rate):
        axes.spines[["top", "right"]].set_visible(False)
        axes.set_ylim(bottom=0 if axes is rate else None)
    file = folder / PICTURE
    figure.savefig(file, dpi=120)
    return file
