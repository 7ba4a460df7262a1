"""The product and baselines in one run, on the same places of the same files.

    python bench/completion.py PROJECT... [--sample N] [--seed S] [--memory M] [--json]

Systems: `product`, the model with the memory asked for; `ghost`, the same but only its
rest of line is shown while typing; `words`, the words of the open buffer by recency and
frequency; `project-words`, then those of the project's other files; `jedi`, what
jedi-language-server lists (Python only); `ngram`, with `--corpus`, a character 12-gram of
training text in the network's place, under the product's search, without a memory.
Measures as in docs/evaluation.md, and one beside: identifiers after their first letter is
typed, among the first 1 and 5.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import jedi  # type: ignore[import-untyped]
from machine import command, keep, machine
from ngram import Background, NoNetwork, train
from tqdm import tqdm

from lstm_lsp.evaluate.baselines import Words, is_word
from lstm_lsp.evaluate.measures import (
    Suggester,
    Suggestion,
    measure_lines,
    measure_tokens,
    measure_typing,
)
from lstm_lsp.evaluate.product import Memory, Product, memory_of
from lstm_lsp.evaluate.report import build
from lstm_lsp.evaluate.sampling import Spot, TokenSpot, line_spots, token_spots, typed_lines
from lstm_lsp.evaluate.sources import Project, read_projects
from lstm_lsp.evaluate.tally import RANKS, Ranks, Tally
from lstm_lsp.memory import ProjectMemory
from lstm_lsp.network import Model, find_model

SYSTEMS = ("product", "ghost", "words", "project-words", "jedi", "ngram")


class Jedi:
    """What jedi-language-server lists: the completions of jedi, in its order; Python only."""

    def tokens(self, spot: Spot, count: int) -> list[str]:
        """Return the rests of the names that jedi lists."""
        before = spot.before
        line = before.count("\n") + 1
        column = len(before) - (before.rfind("\n") + 1)
        try:
            found = jedi.Script(before).complete(line, column)
        except Exception:  # jedi raises what its parser meets in text that is being typed
            return []
        rests = [name.complete for name in found if name.complete]
        return list(dict.fromkeys(rests))[:count]

    def line(self, spot: Spot) -> str:
        """Return "": jedi completes no lines."""
        return ""

    def prepare(self, spot: Spot) -> None:
        """Need nothing."""

    def shown(self, spot: Spot) -> Suggestion | None:
        """Return the first of the list, where an editor asks: in a word or after a dot."""
        if not (is_word(spot.before[-1:]) or spot.before.endswith(".")):
            return None
        best = self.tokens(spot, 1)
        return Suggestion(best[0]) if best else None


def systems(
    names: list[str], model: Model, memory: Memory, project: Project, ngram: Any
) -> dict[str, Suggester]:
    """Return the systems of these names, ready for `project`."""
    learned = memory_of(model, project, memory)
    make: dict[str, Callable[[], Suggester]] = {
        "product": lambda: Product(model, learned),
        "ghost": lambda: Product(model, learned, ("line", "block")),
        "words": Words,
        "project-words": lambda: Words(project),
        "jedi": Jedi,
        "ngram": lambda: Product(
            cast(Model, NoNetwork()), cast(ProjectMemory, Background(ngram, None))
        ),
    }
    return {name: make[name]() for name in names}


def first_letter(suggester: Suggester, spot: TokenSpot) -> Ranks:
    """Return the rank of an identifier once its first letter is typed."""
    ranks = Ranks()
    if spot.kind == "identifier" and len(spot.token) > 1:
        ranks.add(suggester.tokens(replace(spot, offset=spot.offset + 1), RANKS), spot.token[1:])
    return ranks


class Results:
    """Counts by (project, language) for each system."""

    def __init__(self, names: list[str]) -> None:
        self.tallies: dict[str, dict[tuple[str, str], Tally]] = {name: {} for name in names}
        self.first_letter: dict[str, dict[str, Ranks]] = {name: {} for name in names}

    def add(self, system: str, project: str, language: str, tally: Tally) -> None:
        """Count `tally`."""
        parts = self.tallies[system]
        parts[project, language] = parts.get((project, language), Tally()) + tally

    def measure(self, name: str, suggester: Suggester, project: Project, places: Places) -> None:
        """Measure one system on one project."""
        tasks: list[tuple[list[Any], Callable[[Suggester, Any], Tally]]] = [
            (places.tokens, measure_tokens),
            (places.lines if isinstance(suggester, Product) else [], measure_lines),
            (places.typed, measure_typing),
        ]
        for spots, measure in tasks:
            for spot in tqdm(spots, f"{project.name}: {name}", leave=False):
                if name == "jedi" and spot.file.language != "python":
                    continue
                language = spot.file.language
                self.add(name, project.name, language, measure(suggester, [spot]))
                if measure is measure_tokens:
                    known = self.first_letter[name].get(language, Ranks())
                    self.first_letter[name][language] = known + first_letter(suggester, spot)

    def report(self, model: str, memory: Memory) -> dict[str, Any]:
        """Return every system's report."""
        return {
            name: build(model, memory, parts)
            | {
                "identifiers_after_first_letter": {
                    language: ranks.report() for language, ranks in self.first_letter[name].items()
                }
            }
            for name, parts in self.tallies.items()
        }


class Places:
    """The places of one project, the same for every system."""

    def __init__(self, project: Project, count: int, seed: int) -> None:
        self.tokens: list[TokenSpot] = token_spots(project, count, seed)
        self.lines: list[Spot] = line_spots(project, count, seed)
        self.typed: list[Spot] = typed_lines(project, count, seed)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("projects", nargs="+", type=Path, metavar="PROJECT")
    parser.add_argument("--sample", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--memory", choices=("none", "file", "project"), default="project")
    parser.add_argument("--model")
    parser.add_argument("--systems", nargs="+", choices=SYSTEMS, default=list(SYSTEMS[:-1]))
    parser.add_argument("--corpus", nargs="+", type=Path, help="packed, for ngram")
    parser.add_argument("--megabytes", type=float, default=8.0, help="of each, for ngram")
    parser.add_argument("--json", action="store_true")
    parser.add_argument(
        "--keep",
        nargs="?",
        const="completion",
        metavar="NAME",
        help="write bench/results/NAME.json",
    )
    parser.add_argument("--note", default="", help="what else the machine was doing")
    arguments = parser.parse_args()
    model = Model.load(find_model(arguments.model))
    if "ngram" in arguments.systems and not arguments.corpus:
        parser.error("ngram needs --corpus")
    ngram = train(arguments.corpus, arguments.megabytes) if arguments.corpus else None
    results = Results(arguments.systems)
    for project in read_projects(arguments.projects):
        places = Places(project, arguments.sample, arguments.seed)
        ready = systems(arguments.systems, model, arguments.memory, project, ngram)
        for name, suggester in ready.items():
            results.measure(name, suggester, project, places)
    report = results.report(model.name, arguments.memory)
    if arguments.keep:
        keep(arguments.keep, report, arguments.note)
    if arguments.json:
        print(json.dumps({"command": command(), "machine": machine(), "systems": report}, indent=1))
    else:
        print(table(report))


def table(report: dict[str, Any]) -> str:
    """Return one line for each language and system."""
    names: tuple[str, ...] = ("top-1", "top-5", "id. 1", "id. 5", "letter, 5", "line", "edit")
    names += ("saved", "precision", "p50 ms", "p95 ms")
    lines = [" " * 24 + "".join(f"{name:>10}" for name in names)]
    for language in ("java", "python"):
        for name, measures in report.items():
            one = measures["languages"][language]
            token, line, typing = one["next_token"], one["line"], one["typing"]
            if token["n"] is None:
                continue
            letter = measures["identifiers_after_first_letter"].get(language, {"top5": None})
            shares = (
                token["top1"],
                token["top5"],
                token["identifiers"]["top1"],
                token["identifiers"]["top5"],
                letter["top5"],
                line["exact_match"],
            )
            cells = [_cell(share, ".1%") for share in shares]
            cells.append(_cell(line["edit_similarity"], ".1f"))
            cells += [_cell(typing[key], ".1%") for key in ("keystrokes_saved", "precision")]
            cells += [_cell(one["latency_ms"][key], ".1f") for key in ("p50", "p95")]
            lines.append(f"{language + ' ' + name:24}" + "".join(cells))
    return "\n".join(lines)


def _cell(value: float | None, form: str) -> str:
    return f"{'-' if value is None else format(value, form):>10}"


if __name__ == "__main__":
    main()
