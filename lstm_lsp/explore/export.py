"""The explorer as one HTML file that needs no server and no network: page, code and recordings.

The same page, its modules as data URLs behind an import map, under a policy that lets nothing
load from anywhere. What the page would ask of a server stands in the element #data, JSON:

    arrays     base64 of deflated bytes: answers as JSON, then arrays
    answers    [start, end] of the answers: {"QUESTION PARAMETERS...": answer}
    readings   {id: {total, begins, predictions: [start, end],
                     layers: [{quantity: {scale: [start, end], at: [start, end]}}]}}

Quantities are int8 (units, T) in 127ths of each unit's scale, float32 (units,).
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import zlib
from pathlib import Path
from typing import Any, Final

import numpy as np

from lstm_lsp.explore import answers
from lstm_lsp.explore.explorer import Explorer
from lstm_lsp.explore.reading import AskError, Reading
from lstm_lsp.explore.server import PAGE, predictions

_SHOWN_ATTRIBUTES: Final = 9
"""Rows of the page's table of what one unit says."""


def export(explorer: Explorer, file: Path) -> int:
    """Read every network's samples, write `file` and return its size in bytes.

    Raises OSError when the file cannot be written.
    """
    arrays, readings = bytearray(), {}
    known: dict[str, Any] = {"meta": explorer.meta()}

    def put(content: bytes) -> list[int]:
        start = len(arrays)
        arrays.extend(content)
        arrays.extend(bytes(-len(arrays) % 4))  # arrays of float32 begin at multiples of 4
        return [start, start + len(content)]

    for subject in explorer.subjects.values():
        for _, language, text in subject.samples:
            name = explorer.read(subject.id, text, language, wait=True)
            reading = explorer.reading(name)
            known[f"read {subject.id} {text}"] = {"id": name}
            known |= _answers(name, reading)
            readings[name] = {
                "total": len(reading.recording.text),
                "begins": np.flatnonzero(np.diff(reading.recording.piece, prepend=-1)).tolist(),
                "predictions": put(predictions(reading)),
                "layers": [
                    {
                        quantity: dict(
                            zip(
                                ("scale", "at"),
                                map(put, _tile(reading, layer, quantity)),
                                strict=True,
                            )
                        )
                        for quantity in reading.recording.quantities
                    }
                    for layer in range(subject.weights.architecture.layers)
                ],
            }
    content = put(json.dumps(known, separators=(",", ":")).encode())
    packed = base64.b64encode(zlib.compress(bytes(arrays), 9)).decode()
    data = json.dumps({"answers": content, "readings": readings, "arrays": packed})
    return file.write_bytes(_page(data).encode())


def _tile(reading: Reading, layer: int, quantity: str) -> tuple[bytes, bytes]:
    units = range(reading.subject.weights.architecture.units)
    scale, values = reading.tile(layer, quantity, units, 0, reading.recording.done)
    return scale.astype("<f4").tobytes(), values.tobytes()


def _answers(name: str, reading: Reading) -> dict[str, Any]:
    """Return what the page may ask of one reading, by its question."""
    a = reading.subject.weights.architecture
    known: dict[str, Any] = {
        f"progress {name}": reading.progress(),
        f"about {name}": reading.about(),
    }
    for attribute in reading.attributes:
        try:
            known[f"find {name} {attribute}"] = answers.find(reading, attribute)
        except AskError:
            continue  # the page says that this file does not hold it
    for layer in range(a.layers):
        for quantity in reading.recording.quantities:
            known[f"scores {name} {layer} {quantity} "] = answers.scores(reading, layer, quantity)
        said = answers.layer_attributes(reading, layer, range(a.units))
        for unit, rows in enumerate(said):
            known[f"unit-attributes {name} {layer} {unit}"] = rows[:_SHOWN_ATTRIBUTES]
            raised = answers.raises(reading.subject, layer, unit)
            known[f"raises {reading.subject.id} {layer} {unit}"] = raised
    return known


def _page(data: str) -> str:
    """Return the page with everything it needs in it."""
    style = (PAGE / "style.css").read_text("utf-8")
    modules = {
        one.name: _module(one.read_text("utf-8"))
        for one in sorted(PAGE.iterdir(), key=lambda one: one.name)
        if one.name.endswith(".js")
    }
    imports = json.dumps({"imports": modules})
    main = 'import "main.js";'
    policy = (
        f"default-src 'none'; script-src data: {_hash(imports)} {_hash(main)}; "
        f"style-src {_hash(style)}; img-src data:; base-uri 'none'; form-action 'none'"
    )
    stored = data.replace("<", "\\u003c")  # nothing may end the element early
    page = (PAGE / "index.html").read_text("utf-8")
    for old, new in (
        (
            "<title>",
            f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n<title>',
        ),
        ('<link rel="stylesheet" href="style.css">', f"<style>{style}</style>"),
        (
            '<script type="module" src="main.js"></script>',
            f'<script type="application/json" id="data">{stored}</script>\n'
            f'<script type="importmap">{imports}</script>\n<script type="module">{main}</script>',
        ),
    ):
        if page.count(old) != 1:
            raise AssertionError(f"the page has no single {old}")
        page = page.replace(old, new)
    return page


def _module(code: str) -> str:
    """Return a module as a data URL; its imports name modules of the import map."""
    code = re.sub(r'from "\./([\w-]+\.js)"', r'from "\1"', code)
    return "data:text/javascript;base64," + base64.b64encode(code.encode()).decode()


def _hash(inline: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(inline.encode()).digest()).decode()}'"
