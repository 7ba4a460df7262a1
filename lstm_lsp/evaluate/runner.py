"""Runs an evaluation: projects in, the report out."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, get_args

from tqdm import tqdm

from lstm_lsp.evaluate.bits import Bits, bits_of
from lstm_lsp.evaluate.measures import (
    Chance,
    Suggester,
    chances_of,
    measure_lines,
    measure_tokens,
    measure_typing,
)
from lstm_lsp.evaluate.product import Memory, Product, memory_of, view_of
from lstm_lsp.evaluate.report import LANGUAGES, build
from lstm_lsp.evaluate.sampling import (
    Spot,
    file_order,
    line_spots,
    token_spots,
    typed_lines,
)
from lstm_lsp.evaluate.sources import EvaluationError, File, Project, read_projects
from lstm_lsp.evaluate.tally import Tally
from lstm_lsp.network import Model, find_model
from lstm_lsp.ranking import Presentation
from lstm_lsp.search import Kind

T = TypeVar("T")

POSITIONS = 200
"""Token positions, line positions and typed lines of each project when no sample is asked."""

CHARACTERS_A_POSITION = 1000
"""Characters of whole files read for bits, for each position of a sample."""


def run(
    paths: Sequence[Path | str],
    *,
    memory: Memory = "none",
    sample: int | None = None,
    seed: int = 0,
    model: Model | Path | str | None = None,
    progress: bool = True,
    report: Path | None = None,
) -> dict[str, Any]:
    """Evaluate a model on projects and return the report (docs/evaluation.md).

    Each of `paths` is one project's folder, or one file. Without `sample` every file is
    read for bits, and 200 places of each kind are drawn from each project; `sample=N`
    draws N, and reads whole files until 1,000 N characters. `report` names a PNG file to
    draw; it costs the bits under each memory, and the typed lines twice more. Progress
    goes to stderr.

    Raises EvaluationError for what cannot be evaluated and ModelError for the model.
    """
    if memory not in get_args(Memory):
        raise EvaluationError(f"there is no memory {memory}: choose none, file or project")
    if sample is not None and sample < 1:
        raise EvaluationError(f"a sample needs at least 1 position, not {sample}")
    if not paths:
        raise EvaluationError("there is nothing to evaluate")
    if report is not None:  # better now than after an hour
        importlib.import_module("matplotlib")
        if report.suffix.lower() != ".png":
            raise EvaluationError(f"{report} is no PNG: name a file that ends in .png")
        if not report.parent.is_dir():
            raise EvaluationError(f"there is no folder {report.parent} to draw {report.name} in")
    projects = read_projects([Path(path) for path in paths])
    if not isinstance(model, Model):
        first = Path(paths[0])
        explicit = None if model is None else str(model)
        model = Model.load(find_model(explicit, first if first.is_dir() else first.parent))
    plan = Plan(model, memory, sample, seed, progress)
    parts: dict[tuple[str, str], Tally] = {}
    for project in projects:
        for language, tally in _measure(plan, project):
            key = (project.name, language)
            parts[key] = parts.get(key, Tally()) + tally
    minima = None if report is None else _draw(plan, projects, report)
    return build(model.name, memory, parts, minima)


@dataclass(frozen=True)
class Plan:
    """What every measure of one evaluation shares."""

    model: Model
    memory: Memory
    sample: int | None
    seed: int
    progress: bool

    @property
    def positions(self) -> int:
        """Places of each kind to draw from each project."""
        return self.sample or POSITIONS

    def follow(self, pieces: Sequence[T], what: str) -> Iterable[T]:
        """Yield `pieces` behind a progress bar."""
        bar: Iterable[T] = tqdm(pieces, what, leave=False, disable=not self.progress)
        return bar


def sampled_files(project: Project, sample: int | None, seed: int) -> list[File]:
    """Return the files read for bits: all, or whole ones in seeded order until 1,000 N."""
    if sample is None:
        return list(project.files)
    chosen: list[File] = []
    left = CHARACTERS_A_POSITION * sample
    for file in file_order(project, seed):
        if left <= 0:
            break
        chosen.append(file)
        left -= len(file.symbols)
    return chosen


def _measure(plan: Plan, project: Project) -> Iterator[tuple[str, Tally]]:
    """Yield the counts of a project piece by piece, each with its language."""
    learned = memory_of(plan.model, project, plan.memory)
    files = sampled_files(project, plan.sample, plan.seed)
    for file in plan.follow(files, f"{project.name}: bits"):
        bits = bits_of(plan.model, file.header, file.symbols, view_of(learned, file))
        own = bits[file.licence_symbols :]
        yield file.language, Tally(1, len(bits), float(bits.sum()), len(own), float(own.sum()))
    suggester = Product(plan.model, learned)
    drawn: tuple[tuple[str, Sequence[Spot], Callable[[Suggester, Any], Tally]], ...] = (
        ("tokens", token_spots(project, plan.positions, plan.seed), measure_tokens),
        ("lines", line_spots(project, plan.positions, plan.seed), measure_lines),
        ("typing", typed_lines(project, plan.positions, plan.seed), measure_typing),
    )
    for what, spots, measure in drawn:
        for spot in plan.follow(spots, f"{project.name}: {what}"):
            yield spot.file.language, measure(suggester, [spot])


def _draw(plan: Plan, projects: Sequence[Project], target: Path) -> dict[Kind, Any]:
    """Measure what the picture shows beyond the report and draw it; return the curves."""
    picture = importlib.import_module("lstm_lsp.evaluate.picture")
    bits: dict[str, dict[Memory, list[Bits]]] = {
        language: {memory: [] for memory in get_args(Memory)} for language in LANGUAGES
    }
    offered: dict[Kind, list[Chance]] = {"token": [], "line": [], "block": []}
    all_minima = Presentation(minimum_probability=dict.fromkeys(offered, picture.MINIMA[0]))
    for project in projects:
        for memory in get_args(Memory):
            learned = memory_of(plan.model, project, memory)
            files = sampled_files(project, plan.sample, plan.seed)
            for file in plan.follow(files, f"{project.name}: picture, memory {memory}"):
                view = view_of(learned, file)
                found = bits_of(plan.model, file.header, file.symbols, view)
                bits[file.language][memory].append(found)
        learned = memory_of(plan.model, project, plan.memory)
        lines = typed_lines(project, plan.positions, plan.seed)
        for kind in offered:
            suggester = Product(plan.model, learned, (kind,), all_minima)
            for line in plan.follow(lines, f"{project.name}: picture, {kind}"):
                offered[kind] += chances_of(suggester, [line])
    picture.draw(target, f"{plan.model.name}, memory {plan.memory}", bits, offered)
    return {kind: picture.at_minima(chances) for kind, chances in offered.items()}
