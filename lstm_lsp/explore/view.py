r"""A text in the terminal or as an SVG, each character coloured by what one unit holds.

Red is negative, blue positive, white zero; colours reach their full strength at the largest
value shown. Where there are no colours, a row of marks stands below every line: a digit for
a positive value, a letter for a negative one, both in tenths of the largest, a dot for less
than one. What ends a line has a value too and is drawn as an arrow. Pure text.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Final

import numpy as np
import numpy.typing as npt

from lstm_lsp.streams import VISIBLE

STEPS: Final = 5
"""Shades of each colour between white and the full one."""

# Of the 256 colours that terminals have had for long, white first.
_RED: Final = (231, 224, 217, 210, 203, 196)
_BLUE: Final = (231, 189, 147, 111, 69, 27)
_RESET: Final = "\x1b[0m"

_FULL_RED: Final = (214, 96, 77)  # light enough for black letters
_FULL_BLUE: Final = (67, 147, 195)

_END: Final = "\u21b5"
_TAB: Final = "\u2192   "

Values = Sequence[float] | npt.NDArray[np.float32]


def paint(text: str, values: Values, largest: float, *, colour: bool) -> str:
    """Return `text` for a terminal; `values` has one a character, `largest` is full strength."""
    lines = []
    for shown, levels in _lines(text, values, largest):
        if colour:
            lines.append(_painted(shown, levels))
        else:
            marks = "".join(
                _mark(level) * len(character)
                for character, level in zip(shown, levels, strict=True)
            )
            lines += ["".join(shown), marks]
    return "\n".join(lines)


def legend(largest: float, *, colour: bool) -> str:
    """Return a line that says what colours, or marks, mean."""
    if not colour:
        return f"1-9 positive, a-i negative, . near zero; 9 and i: {largest:.3g} and {-largest:.3g}"
    shades = range(-STEPS, STEPS + 1)
    scale = _painted([" "] * len(shades), [level / STEPS for level in shades])
    return f"{-largest:.3g} {scale} {largest:.3g}"


def svg(title: str, text: str, values: Values, largest: float) -> str:
    """Return the same as a picture, a self-contained SVG in the light of any page."""
    rows = list(_lines(text, values, largest))
    wide, high, top = 7.3, 17, 30
    columns = max((sum(map(len, shown)) for shown, _ in rows), default=0)
    drawn = []
    for row, (shown, levels) in enumerate(rows):
        x, y = 8.0, top + row * high
        for character, level in zip(shown, levels, strict=True):
            width = wide * len(character)
            if fill := _rgb(level):
                drawn.append(
                    f'<rect x="{x:.1f}" y="{y}" width="{width:.1f}" height="{high}" {fill}/>'
                )
            x += width
        line = escape("".join(shown))
        drawn.append(f'<text x="8" y="{y + 12.5}" textLength="{x - 8:.1f}">{line}</text>')
    width, height = columns * wide + 16, top + len(rows) * high + 8
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height}" '
            f'width="{width:.0f}" height="{height}" xml:space="preserve" '
            'font-family="ui-monospace, Menlo, Consolas, monospace" font-size="12">',
            '<rect width="100%" height="100%" fill="white"/>',
            f'<text x="8" y="18" font-weight="bold">{escape(title)}</text>',
            *drawn,
            "</svg>\n",
        ]
    )


def _lines(text: str, values: Values, largest: float) -> list[tuple[list[str], list[float]]]:
    """Return each line's characters as they are drawn, and their levels from -1 to 1."""
    lines: list[tuple[list[str], list[float]]] = [([], [])]
    for character, value in zip(text, values, strict=True):
        shown = {"\n": _END, "\t": _TAB}.get(character, character.translate(VISIBLE))
        lines[-1][0].append(shown)
        lines[-1][1].append(float(value) / largest if largest else 0.0)
        if character == "\n":
            lines.append(([], []))
    return lines if lines[-1][0] else lines[:-1]


def _painted(shown: Sequence[str], levels: Sequence[float]) -> str:
    """Return one line with a colour's code wherever the colour changes."""
    parts, last = [], -1
    for character, level in zip(shown, levels, strict=True):
        step = min(round(abs(level) * STEPS), STEPS)
        code = (_BLUE if level > 0 else _RED)[step]
        if code != last:
            parts.append(f"\x1b[38;5;16;48;5;{code}m")
            last = code
        parts.append(character)
    return "".join(parts) + _RESET


def _mark(level: float) -> str:
    tenth = min(int(abs(level) * 10), 9)
    if tenth == 0:
        return "."
    return str(tenth) if level > 0 else "abcdefghi"[tenth - 1]


def _rgb(level: float) -> str:
    """Return the fill of a level, nothing for what is as good as white."""
    share = min(abs(level), 1.0)
    if share < 0.02:
        return ""
    full = _FULL_BLUE if level > 0 else _FULL_RED
    red, green, blue = (round(255 + (part - 255) * share) for part in full)
    return f'fill="#{red:02x}{green:02x}{blue:02x}"'
