"""Fits the calibration of candidates to a finished model file, on validation projects.

    python -m lstm_lsp.training.calibrate MODEL.onnx CORPUS... [--check] [--positions N]

At seeded places of each project, with the rest of the project in the memory, the best
candidate of every kind is compared with what follows; tables of (raw probability, share
right) go into the model's card (`lstm_lsp.calibration`). Printed beside them is the expected
calibration error, raw and when each project's table is fitted on the others. `--check` writes
nothing and prints that of the card's tables: for projects that no table was fitted on. Fit
after the memory's parameters, which change the probabilities.
"""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

from tqdm import tqdm

from lstm_lsp import lexis, symbols
from lstm_lsp.calibration import Calibration
from lstm_lsp.completer import Completer, Place
from lstm_lsp.context import Contexts
from lstm_lsp.evaluate.measures import fitting
from lstm_lsp.evaluate.product import memory_of
from lstm_lsp.evaluate.sampling import Spot, line_spots, typed_lines
from lstm_lsp.evaluate.sources import File, Project
from lstm_lsp.network import Model
from lstm_lsp.ranking import EVERYTHING
from lstm_lsp.search import KINDS, Candidate, Kind

from .corpus.packed import Corpus
from .export import write_whole
from .graph import amend
from .reliability import calibration_error, chance_error, fit_calibration

STRETCH = 8
"""Lines that are asked for blocks one after the other."""

Pairs = dict[Kind, list[tuple[float, bool]]]
Tables = dict[str, list[tuple[float, float]]]

WORTH_SEARCHING = 0.15
"""Raw probability below which a line's or block's beginning is not looked for: none so
improbable is ever shown, and the tables say how probable those above are."""


def observe(model: Model, project: Project, positions: int, seed: int = 0) -> Pairs:
    """Return (raw probability, was it right) of the best candidate of each kind.

    Half of `positions` are uniform over non-blank characters, half the first characters of
    lines. For blocks, of which few are probable, as many more first characters of lines that
    follow each other. The model's own calibration is left out.
    """
    memory = memory_of(model, project, "project")
    assert memory is not None
    completer = Completer(_uncalibrated(model), Contexts(model))
    floor = replace(
        EVERYTHING, minimum_probability={"line": WORTH_SEARCHING, "block": WORTH_SEARCHING}
    )
    pairs: Pairs = {kind: [] for kind in KINDS}
    spots = [
        *line_spots(project, positions - positions // 2, seed),
        *typed_lines(project, positions // 2, seed),
    ]
    asked: list[tuple[Spot, Sequence[Kind]]] = [(spot, ("char", "token", "line")) for spot in spots]
    asked += [(spot, ("block",)) for spot in _following_lines(project, positions, seed + 1)]
    for spot, kinds in asked:
        file = spot.file
        mixer = memory.view(file.path, symbols.encode(file.text[: spot.line_start]))
        place = Place(file.header, symbols.encode(spot.before), "", file.language)
        best: dict[Kind, Candidate] = {}
        for candidate in completer.candidates(place, mixer, kinds, settings=floor):
            best.setdefault(candidate.kind, candidate)
        for kind, candidate in best.items():
            pairs[kind].append((candidate.probability, is_right(candidate, spot)))
    return pairs


def _following_lines(project: Project, count: int, seed: int) -> Iterator[Spot]:
    """Yield the starts of about `count` lines, STRETCH on end: what stands before is read once."""
    for spot in typed_lines(project, -(-count // STRETCH), seed):
        starts = re.finditer(r"^[ \t]*(?=\S)", spot.file.text[spot.line_start :], re.MULTILINE)
        for start in islice(starts, STRETCH):
            yield Spot(spot.file, spot.line_start + start.end())


def is_right(candidate: Candidate, spot: Spot) -> bool:
    """Whether a user who typed what follows `spot` would have kept the whole candidate."""
    following = spot.file.text[spot.offset :]
    text = candidate.text
    if candidate.kind == "char":
        return following.startswith(text)
    if candidate.kind == "token":
        line = spot.file.text[spot.line_start : spot.offset] + spot.rest_of_line
        column = spot.offset - spot.line_start
        ends = {token.end for token in lexis.tokens(line, spot.file.language)}
        return following.startswith(text) and column + len(text) in ends
    return fitting(text, following) == len(text.rstrip())


def projects_of(corpus: Corpus) -> Iterator[Project]:
    """Yield the projects whose documents are in `corpus`."""
    files: dict[str, list[File]] = {}
    for index in range(len(corpus)):
        document = corpus[index]
        file = File(document.path, document.language, document.text.decode("utf-8"))
        files.setdefault(document.path.partition("/")[0], []).append(file)
    for name, members in files.items():
        yield Project(name, tuple(members))


def collect(file: Path, projects: Sequence[Project], positions: int, jobs: int = 1) -> list[Pairs]:
    """Return what `observe` finds in each project, `positions` in each, in `jobs` processes."""
    with ProcessPoolExecutor(jobs) as pool:
        found = pool.map(_observe, [(file, project, positions) for project in projects])
        return list(tqdm(found, "projects", len(projects), disable=None))


def together(parts: Sequence[Pairs]) -> Pairs:
    """Return the pairs of all `parts`."""
    return {kind: [pair for part in parts for pair in part[kind]] for kind in KINDS}


def errors(raw: Pairs, calibrated: Pairs) -> dict[str, dict[str, float]]:
    """Return the expected calibration error of each kind, raw and calibrated.

    `ece_by_chance` is what true probabilities would show with so many pairs.
    """
    return {
        kind: {
            "n": len(found),
            "ece_raw": round(calibration_error(found), 4),
            "ece": round(calibration_error(calibrated[kind]), 4),
            "ece_by_chance": round(chance_error(calibrated[kind]), 4),
        }
        for kind, found in raw.items()
    }


def apply(calibration: Calibration, pairs: Pairs) -> Pairs:
    """Return `pairs` with calibrated probabilities."""
    return {
        kind: [(calibration.probability(kind, raw), right) for raw, right in found]
        for kind, found in pairs.items()
    }


def fit(pairs: Pairs) -> Tables:
    """Return the tables of a card; a kind of too few pairs has none."""
    tables = {kind: fit_calibration(found) for kind, found in pairs.items()}
    return {kind: points for kind, points in tables.items() if points}


def held_out(parts: Sequence[Pairs]) -> Pairs:
    """Return all pairs, those of each part calibrated by what the others say."""
    return together(
        [
            apply(Calibration(fit(together([*parts[:at], *parts[at + 1 :]]))), part)
            for at, part in enumerate(parts)
        ]
    )


def _observe(work: tuple[Path, Project, int]) -> Pairs:
    file, project, positions = work
    return observe(Model.load(file), project, positions)


def _uncalibrated(model: Model) -> Model:
    """Return `model` as it is without the calibration in its card."""
    card = {key: value for key, value in model.card.items() if key != "calibration"}
    plain = object.__new__(type(model))
    plain.__dict__.update(model.__dict__ | {"card": card})
    return plain


def main() -> None:
    """Fit or check the calibration of one model file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", type=Path)
    parser.add_argument("corpus", type=Path, nargs="+", help="packed projects")
    parser.add_argument("--positions", type=int, default=400, help="in each project")
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    parser.add_argument("--check", action="store_true", help="print the error; write nothing")
    given = parser.parse_args()
    model = Model.load(given.model)
    projects = list(projects_of(Corpus(given.corpus)))
    parts = collect(given.model, projects, given.positions, given.jobs)
    pairs = together(parts)
    report: dict[str, Any]
    if given.check:
        report = errors(pairs, apply(Calibration.from_card(model.card), pairs))
    else:
        tables = fit(pairs)
        write_whole(given.model, amend(given.model.read_bytes(), {"calibration": tables}))
        report = {"calibration": tables, "held_out": errors(pairs, held_out(parts))}
    print(json.dumps(report))


if __name__ == "__main__":
    main()
