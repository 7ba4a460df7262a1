"""The best unit for every attribute of code: the tables and pictures of docs/neurons.md.

    python bench/neurons.py DIR [--language L] [--files N] [--symbols N] [--model M] [--write]

DIR has a folder for each language, `java` and `python`, with projects in it that the model has
not seen. Files of 4 to 30 KB are taken evenly from each project. `--write` keeps what was
measured as bench/results/neurons-LANGUAGE.json, puts the tables into docs/neurons.md and draws
the pictures there; without it the tables are printed.
"""

from __future__ import annotations

import argparse
import re
import sys
import time
from pathlib import Path
from typing import Any, Final

from machine import keep

from lstm_lsp.explore import command, view
from lstm_lsp.explore.attributes import ATTRIBUTES
from lstm_lsp.explore.neurons import MOST_SYMBOLS
from lstm_lsp.network import Model, find_model
from lstm_lsp.project import source_files

HERE: Final = Path(__file__).parent
DOCUMENT: Final = HERE.parent / "docs" / "neurons.md"
PICTURES: Final = HERE.parent / "docs" / "neurons"

# Our own text, so that pictures show nobody else's.
SHOWN: Final = {
    "java": HERE.parent / "examples" / "project" / "InvoiceReader.java",
    "python": HERE.parent / "examples" / "project" / "readings.py",
}
DRAWN: Final = ("indentation", "spaces-left", "column", "string")
LINES: Final = 26

# What docs/neurons.md sets as targets.
TARGETS: Final = {"indentation": 0.6, "column": 0.8, "string": 0.9, "comment": 0.9}


def main() -> None:
    """Measure, and print or write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, metavar="DIR")
    parser.add_argument("--language", choices=("java", "python"), help="default: both")
    parser.add_argument("--files", type=int, default=6, help="of each project")
    parser.add_argument("--symbols", type=int, default=MOST_SYMBOLS, help="read of each half")
    parser.add_argument("--model")
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--note", default="", help="what else the machine was doing")
    given = parser.parse_args()
    model = Model.load(find_model(given.model))
    for language in [given.language] if given.language else ["java", "python"]:
        began = time.process_time()
        projects = sorted(path for path in (given.folder / language).iterdir() if path.is_dir())
        files = [file for project in projects for file in chosen(project, given.files)]
        report = command.run(files, model, most=given.symbols, progress=sys.stderr.isatty())
        seconds = time.process_time() - began
        shown = table(report, [project.name for project in projects], seconds)
        if not given.write:
            print(f"{language}\n\n{shown}\n")
            continue
        result = {
            "model": report["model"],
            "projects": {project.name: given.files for project in projects},
            "processor_seconds": round(seconds, 1),
            "attributes": report["attributes"],
        }
        keep(f"neurons-{language}", result, given.note)
        PICTURES.mkdir(exist_ok=True)
        pictures = draw(language, model, report["attributes"])
        replace(language, f"{shown}\n\n{pictures}")


def chosen(project: Path, count: int) -> list[Path]:
    """Return up to `count` files of middling size, evenly from all in order of path."""
    fitting = [file for file in source_files(project) if 4_000 <= file.stat().st_size <= 30_000]
    return fitting[:: max(1, len(fitting) // count)][:count]


def table(report: dict[str, Any], projects: list[str], seconds: float) -> str:
    """Return the Markdown table of one language."""
    lines = [
        f"Model `{report['model']}`; {', '.join(projects)}: units chosen on "
        f"{len(report['chosen_on'])} files, measured on {len(report['scored_on'])} others; "
        f"{seconds:.0f} s of processor time.",
        "",
        "| attribute | unit | score | target | partial r | bits | chance | probes of 1, 4, 16 "
        "| untrained | lost here | elsewhere | |",
        "|---|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for name, answer in report["attributes"].items():
        best = answer["units"][0]
        unit, ablation, curve = best["unit"], best["ablation"], answer["probes"]
        sign = "" if best["rises"] else "falls, "
        score = f"{answer['measure']} {best['score']:.3f}"
        target = TARGETS.get(name)
        met = "" if target is None else f"{target}: {'met' if best['score'] >= target else 'no'}"
        probe = ", ".join(f"{curve[size]:.2f}" for size in ("1", "4", "16"))
        lost = ["", "", "too few places"]
        if ablation is not None:
            word = "used" if ablation["used"] else "correlated"
            lost = [f"{ablation['concerned']:+.4f}", f"{ablation['elsewhere']:+.4f}", word]
        lines.append(
            f"| {name} | {unit['layer']}:{unit['unit']} {unit['state']} | {sign}{score} | {met} "
            f"| {best['partial']:.2f} | {best['information']:.2f} | {best['chance']:.3f} "
            f"| {probe} | {answer['untrained']:.3f} | {' | '.join(lost)} |"
        )
    return "\n".join(lines)


def draw(language: str, model: Model, found: dict[str, Any]) -> str:
    """Write a picture for each of DRAWN that was found; return the Markdown that shows them."""
    shown = []
    for name in DRAWN:
        if name not in found:
            continue
        best = found[name]["units"][0]["unit"]
        layer, unit, state = best["layer"], best["unit"], best["state"]
        report = command.run([SHOWN[language]], model, unit=(layer, unit, state))
        (file,) = report["files"]
        first = file["text"].index("{" if language == "java" else "def ")
        start = file["text"].rfind("\n", 0, first) + 1
        text = "".join(file["text"][start:].splitlines(keepends=True)[:LINES])
        values = file["states"][state][start : start + len(text)]
        title = f"{name}: unit {layer}:{unit}, {state} state"
        picture = PICTURES / f"{language}-{name}.svg"
        picture.write_text(view.svg(title, text, values, max(map(abs, values))))
        shown.append(f"![{ATTRIBUTES[name].meaning}](neurons/{picture.name})")
    return "\n\n".join(shown)


def replace(language: str, text: str) -> None:
    """Put `text` between the language's marks in the document."""
    begin, end = f"<!-- {language} -->", f"<!-- end of {language} -->"
    pattern = re.compile(f"{begin}.*?{end}", re.DOTALL)
    whole = DOCUMENT.read_text()
    DOCUMENT.write_text(pattern.sub(lambda _: f"{begin}\n{text}\n{end}", whole))


if __name__ == "__main__":
    main()
