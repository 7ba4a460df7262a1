"""What is true of the strings of the article's experiments, symbol by symbol.

Like `attributes`, for the made-up languages: the value at a symbol is the one just after it
was read, NaN where the attribute means nothing. Lines that are no string of the language are
NaN throughout.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Values = dict[str, list[float]]

_NAN: Final = float("nan")


def toy_attributes(experiment: str, text: str) -> dict[str, Floats]:
    """Return every attribute of `experiment` over `text`, a string a line, float32 (T,)."""
    if experiment not in _EXPERIMENTS:
        return {}
    language, of = _EXPERIMENTS[experiment]
    found: dict[str, list[float]] = {name: [] for name in of(_EXAMPLES[experiment])}
    for line in text.splitlines(keepends=True):
        string = line.rstrip("\n")
        values = of(string) if language.fullmatch(string) else {}
        for name, column in found.items():
            known = values.get(name, [])
            column.extend(known + [_NAN] * (len(line.encode()) - len(known)))
    return {name: np.array(column, np.float32) for name, column in found.items()}


def is_flag(values: Floats) -> bool:
    """Whether an attribute is yes or no wherever it means something."""
    return set(np.unique(values[np.isfinite(values)]).tolist()) <= {0.0, 1.0}


def _counter(string: str) -> Values:
    return _counts(string, "X")


def _selective(string: str) -> Values:
    here = [float(symbol == "X") for symbol in string]
    return {**_counts(string, "Y"), "X is read": here}


def _counts(string: str, turn: str) -> Values:
    at = string.rindex(turn)
    read = [float(string[: n + 1].count("a")) for n in range(at)]
    left = [
        float(string.count("a") - string[at : n + 1].count("b")) for n in range(at, len(string))
    ]
    return {"a's read": read, "b's left": [_NAN] * at + left}


def _state(string: str) -> Values:
    at = string.index("Y")
    is_a = float(string[0] == "A")
    return {
        "it began with A": [_NAN] + [is_a] * (at - 1),
        "x's read": [_NAN] + [float(n) for n in range(1, at)],
    }


def _copy(string: str) -> Values:
    found: Values = {}
    for letter in "abc":
        found[f"next is {letter}"] = [_NAN] * 3 + [float(s == letter) for s in string[4:7]] + [0.0]
        found[f"it begins with {letter}"] = [_NAN] * 3 + [float(string[0] == letter)]
    return found


_EXPERIMENTS: Final[dict[str, tuple[re.Pattern[str], Callable[[str], Values]]]] = {
    "counter": (re.compile(r"a+Xb+"), _counter),
    "selective-counter": (re.compile(r"[aX]*Yb+"), _selective),
    "state": (re.compile(r"[AB]x+Y[ab]"), _state),
    "copy": (re.compile(r"[abc]{3}X[abc]{3}"), _copy),
}
_EXAMPLES: Final = {
    "counter": "aXb",
    "selective-counter": "aXYb",
    "state": "AxYa",
    "copy": "abcXabc",
}
