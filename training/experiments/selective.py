"""The selective counter: N times a with X's strewn in, Y, then N times b.

The article: one unit counts the a's and leaves the X's out, its input gate shut for them;
another lights up at Y alone and still knows the count.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import numpy as np

from lstm_lsp.explore.scores import correlation, rank_correlation
from lstm_lsp.explore.weights import Floats, Weights

from .fit import Reading, read
from .report import Check, equations

LAYERS, UNITS, STEPS, ACTIVITY = 1, 20, 3000, 0.0
LARGEST, STREWN = 10, 4
BATCH = 32
UNSEEN = 200


def draw(random: np.random.Generator) -> Sequence[bytes]:
    """Return a batch of strings, none of those held out."""
    return _strings(random, BATCH, held_out=False)


def examine(weights: Weights) -> list[Check]:
    """Return the checks of a trained selective counter, on strings it never saw."""
    readings = read(weights, _strings(np.random.default_rng(0), UNSEEN, held_out=True))
    right = [reading.right(reading.string.index(b"Y") + 1) for reading in readings]

    up = np.abs(correlation(_before_y(readings), _counts(readings, before=True)))
    down = np.abs(correlation(_after_y(readings), _counts(readings, before=False)))
    both = np.minimum(up, down)
    at_x, at_a = (np.concatenate([_at(r, s) for r in readings]) for s in b"Xa")
    leak = np.abs(at_x).mean(axis=0) / np.maximum(np.abs(at_a).mean(axis=0), 1e-9)
    counters = both >= 0.98
    unit = int(np.where(counters, leak, np.inf).argmin()) if counters.any() else int(both.argmax())

    name = f"unit {unit + 1}"
    checks = [
        Check(
            f"{UNSEEN} unseen strings: share without a fault",
            float(np.mean(right)),
            0.99,
            binding=True,
        ),
        Check(f"{name} counts up and down: smaller |r|", both[unit], 0.98, binding=True),
        Check(
            "X leaves it alone: its change at X / its change at a",
            leak[unit],
            most=0.2,
            binding=True,
        ),
    ]
    return checks + _gates(readings, counters) + [_only_at_y(readings)] + equations(readings)


def _gates(readings: Sequence[Reading], counters: np.ndarray) -> list[Check]:
    """Look for the article's picture: the input gate alone keeps X out, the candidate is on."""
    if "input" not in readings[0].trace.layers[0] or not counters.any():
        return []
    gate, candidate = (
        np.concatenate([np.abs(r.quantity(name))[_is(r, b"X")] for r in readings]).mean(axis=0)
        for name in ("input", "candidate")
    )
    unit = int(np.where(counters, gate - candidate, np.inf).argmin())
    name = f"counting unit {unit + 1}"
    return [
        Check(f"{name}: its input gate is shut at X", gate[unit], most=0.05),
        Check(f"{name}: its candidate is on at X all the same", candidate[unit], least=0.9),
    ]


def _only_at_y(readings: Sequence[Reading]) -> Check:
    """Look for a unit at rest but at Y, where it tells the count."""
    at_y = np.concatenate([r.memory()[_is(r, b"Y")] for r in readings])
    elsewhere = np.concatenate([r.memory()[~_is(r, b"Y")] for r in readings])
    order = np.abs(rank_correlation(at_y, [r.string.count(b"a") for r in readings]))
    fires = np.abs(elsewhere).mean(axis=0) <= 0.25 * np.abs(at_y).mean(axis=0)
    best = float(np.where(fires, order, 0).max())
    return Check("a unit that fires at Y alone and orders the counts: |rank r|", best, least=0.99)


def _strings(random: np.random.Generator, many: int, *, held_out: bool) -> list[bytes]:
    """Return different strings; a fifth of the language, by a checksum, is held out."""
    strings: list[bytes] = []
    while len(strings) < many:
        n, x = int(random.integers(1, LARGEST + 1)), int(random.integers(0, STREWN + 1))
        letters = random.permutation(np.frombuffer(b"a" * n + b"X" * x, np.uint8))
        string = letters.tobytes() + b"Y" + b"b" * n
        if (zlib.crc32(string) % 5 == 0) == held_out and not (held_out and string in strings):
            strings.append(string)
    return strings


def _is(reading: Reading, symbol: bytes) -> np.ndarray:
    return np.asarray(np.frombuffer(reading.string, np.uint8) == symbol[0])


def _at(reading: Reading, symbol: int) -> Floats:
    return np.asarray(reading.change()[_is(reading, bytes([symbol]))])


def _before_y(readings: Sequence[Reading]) -> Floats:
    return np.concatenate([r.memory()[: r.string.index(b"Y")] for r in readings])


def _after_y(readings: Sequence[Reading]) -> Floats:
    return np.concatenate([r.memory()[r.string.index(b"Y") :] for r in readings])


def _counts(readings: Sequence[Reading], *, before: bool) -> np.ndarray:
    """Return a's read at each symbol before Y, or b's left at Y and each b."""
    counts = []
    for r in readings:
        y, n = r.string.index(b"Y"), r.string.count(b"a")
        counts.append(np.cumsum(_is(r, b"a"))[:y] if before else np.arange(n, -1, -1))
    return np.concatenate(counts)
