"""Single faults put into clean files: whether they are found, where, and with which fix.

    python bench/faults.py PROJECT... --clean PROJECT... [--systems S...] [--rows FILE] [--json]

Each fault (`injected.py`) is put by itself into a file of PROJECT, which `lstm_lsp.suspicion` then
reads. What an edit must save to be shown is the model's (`shipped`), and fitted to the untouched
files of the `--clean` projects, which are others, for one false alarm in 200 lines (`fitted`).
False alarms are counted on untouched files of PROJECT.

Systems, each fitted by itself: the model with its project's other files in memory, as the server
has them (`project`), with what the file says before alone (`file`), without memory (`none`), and
a character n-gram of `--corpus` in the network's place with the file's memory (`ngram`). The
parser's own line stands beside. With `--rows` everything that was read is kept in a file, and
a run goes on where one ended. `--usual` prints what `places.usual` returns instead. `--write` puts
what was fitted into the model's card: `usual`, or of each sort the larger `replaces` of the systems
`file` and `project`.
"""

from __future__ import annotations

import argparse
import json
import random
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
from injected import KINDS, Fault, faults_of
from machine import keep
from ngram import ORDERS, NGram, NoNetwork, Under, train
from tqdm import tqdm

from lstm_lsp import places, surprise, suspicion
from lstm_lsp.evaluate.product import Memory, memory_of, view_of
from lstm_lsp.evaluate.sources import File, Project, read_projects
from lstm_lsp.network import Floats, Model, find_model
from lstm_lsp.training.export import write_whole
from lstm_lsp.training.graph import amend

LINES = (20, 90)
"""Files of so many lines are looked at."""
ALARM_LINES = 200
SYSTEMS = ("project", "file", "none", "ngram")
SERVED = ("project", "file")

Row = dict[str, Any]
"""A text as one system read it: part ("validation", "clean" or "fault"), language, file, lines,
the fault's kind and line, and the edits that save bits: sort, line, saved, repairs, fix."""

Reader = Callable[[File, str], surprise.Reading]
"""Reads a text in the place of a file."""


class Remembered:
    """An n-gram that keeps what it said: one file is read many times here."""

    def __init__(self, ngram: NGram) -> None:
        self._ngram = ngram
        self._known: dict[bytes, Floats] = {}

    def mix(self, log_probs: Floats, tails: Sequence[bytes]) -> Floats:
        """Return the n-gram's distributions after `tails`."""
        keys = [tail[-max(ORDERS) :] for tail in tails]
        new = list({key for key in keys if key not in self._known})
        if new:
            self._known.update(zip(new, self._ngram.mix(log_probs, new), strict=True))
        return np.stack([self._known[key] for key in keys])


class System:
    """How one system reads; a project's memory is made once, while that project is asked for."""

    def __init__(self, name: str, model: Model, background: NGram | None = None) -> None:
        self.name, self._model, self._background = name, model, background
        self._last: tuple[str, Reader] | None = None

    def reader(self, project: Project) -> Reader:
        """Return what reads files of `project`."""
        if self._last is None or self._last[0] != project.name:
            self._last = project.name, self._reader(project)
        return self._last[1]

    def _reader(self, project: Project) -> Reader:
        kind = "file" if self.name == "ngram" else self.name
        memory = memory_of(self._model, project, cast(Memory, kind))
        if self._background is None or memory is None:
            return lambda file, text: surprise.read(
                self._model, file.header, text, file.language, view_of(memory, file)
            )
        background, nothing = cast(NGram, Remembered(self._background)), cast(Model, NoNetwork())
        return lambda file, text: surprise.read(
            nothing,
            file.header,
            text,
            file.language,
            lambda before: Under(background, memory.view(file.path, before)),
        )


def files_of(projects: Sequence[Project], count: int, seed: int) -> list[tuple[Project, File]]:
    """Return `count` files of each language that parse, at random from all, project by project."""
    chosen: dict[str, list[tuple[Project, File]]] = defaultdict(list)
    files = [(project, file) for project in projects for file in project.files]
    few, many = LINES
    for project, file in random.Random(seed).sample(files, len(files)):
        if (
            len(chosen[file.language]) < count
            and few <= file.text.count("\n") <= many
            and suspicion.parses(file.text, file.language)[0]
        ):
            chosen[file.language].append((project, file))
    found = [pair for pairs in chosen.values() for pair in pairs]
    return sorted(found, key=lambda pair: (pair[0].name, pair[1].path))


def row_of(part: str, read: Reader, file: File, fault: Fault | None = None) -> Row:
    """Return what a system says of a file, or of a fault in it."""
    text = fault.text if fault else file.text
    parses, parser_line = suspicion.parses(text, file.language)
    edits = [
        {
            "sort": one.sort,
            "line": surprise.line_and_column(text, one.start)[0],
            "saved": one.saved,
            "repairs": one.repairs,
            "fix": suspicion.edited(text, one) == file.text,
        }
        for one in suspicion.suspects(read(file, text), clear=False)
    ]
    return {
        "part": part,
        "language": file.language,
        "file": file.path,
        "kind": fault.kind if fault else "",
        "line": fault.line if fault else 0,
        "lines": file.text.count("\n"),
        "parses": parses,
        "parser_line": parser_line,
        "edits": edits,
    }


def measure(
    system: System,
    clean: Sequence[tuple[Project, File]],
    files: Sequence[tuple[Project, File]],
    rows: Sequence[Row],
    *,
    faults: int,
    seed: int,
) -> Iterator[Row]:
    """Yield a row for everything that is to be read and not among `rows` yet.

    At most `faults` of each kind and language.
    """
    known = {(row["part"], row["file"], row["kind"]) for row in rows}
    for project, file in tqdm(clean, f"{system.name}, clean", disable=None):
        if ("validation", file.path, "") not in known:
            yield row_of("validation", system.reader(project), file)
    left = {(language, kind): faults for language in ("java", "python") for kind in KINDS}
    for project, file in tqdm(files, f"{system.name}, faults", disable=None):
        if ("clean", file.path, "") not in known:
            yield row_of("clean", system.reader(project), file)
        # The same faults for every system, and for a run that goes on.
        for fault in faults_of(file, random.Random(f"{seed} {file.path}")):
            left[file.language, fault.kind] -= 1
            wanted = left[file.language, fault.kind] >= 0
            if wanted and ("fault", file.path, fault.kind) not in known:
                yield row_of("fault", system.reader(project), file, fault)


def fitted(rows: Sequence[Row]) -> dict[str, float]:
    """Return, for each sort of edit, the whole bits that it must save in text that parses.

    On these clean files each sort causes at most an equal part of the alarms that `ALARM_LINES`
    allow; one that hardly occurs in them says nothing and keeps what ships.
    """
    lines = sum(row["lines"] for row in rows)
    allowed = lines // (ALARM_LINES * len(suspicion.REPLACES))
    least = {}
    for sort, shipped in suspicion.REPLACES.items():
        edits = (edit for row in rows for edit in row["edits"])
        saved = sorted((edit["saved"] for edit in edits if edit["sort"] == sort), reverse=True)
        enough = len(saved) > allowed
        least[sort] = max(suspicion.REPAIRS, np.floor(saved[allowed]) + 1.0) if enough else shipped
    return {sort: float(bits) for sort, bits in least.items()}


def judged(rows: Sequence[Row], shipped: dict[str, float]) -> dict[str, Any]:
    """Return what the rows of a system say, by the shipped thresholds and by those fitted."""
    clean = [row for row in rows if row["part"] == "validation"]
    thresholds = {"shipped": shipped} | ({"fitted": fitted(clean)} if clean else {})
    return {
        "validation_lines": sum(row["lines"] for row in clean),
        "by": {
            name: {
                "least": least,
                "validation_alarms": sum(len(_alarms(row, least)) for row in clean),
                "languages": _by_language(rows, least),
            }
            for name, least in thresholds.items()
        },
    }


def _by_language(rows: Sequence[Row], least: dict[str, float]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for language in sorted({row["language"] for row in rows}):
        mine = [row for row in rows if row["language"] == language]
        clean = [row for row in mine if row["part"] == "clean"]
        kinds: dict[str, list[dict[str, bool]]] = defaultdict(list)
        for row in mine:
            if row["part"] == "fault":
                kinds[row["kind"]].append(_judged(row, least))
        found[language] = {
            "false_alarms": sum(len(_alarms(row, least)) for row in clean),
            "lines": sum(row["lines"] for row in clean),
            "faults": {
                kind: {"n": len(some)} | {name: sum(one[name] for one in some) for name in some[0]}
                for kind, some in sorted(kinds.items())
            },
        }
    return found


def _margin(edit: dict[str, Any], least: dict[str, float]) -> float:
    """Return the bits that an edit saves above what it takes to be shown."""
    return float(edit["saved"] - (suspicion.REPAIRS if edit["repairs"] else least[edit["sort"]]))


def _alarms(row: Row, least: dict[str, float]) -> list[dict[str, Any]]:
    return [edit for edit in row["edits"] if _margin(edit, least) >= 0]


def _judged(row: Row, least: dict[str, float]) -> dict[str, bool]:
    best = sorted(row["edits"], key=lambda one: (not one["repairs"], -_margin(one, least)))
    lines = [edit["line"] for edit in best]
    fixes = [edit["fix"] for edit in best]
    return {
        "shown": any(edit["line"] == row["line"] for edit in _alarms(row, least)),
        "line_top1": row["line"] in lines[:1],
        "line_top4": row["line"] in lines[:4],
        "fix_top1": any(fixes[:1]),
        "fix_top2": any(fixes[:2]),
        "does_not_parse": not row["parses"],
        "parser_line": row["parser_line"] == row["line"],
    }


def usual(system: System, files: Sequence[tuple[Project, File]]) -> dict[str, tuple[float, float]]:
    """Return mean and standard deviation of the bits of each class of token."""
    bits: dict[str, list[float]] = defaultdict(list)
    for project, file in tqdm(files, "usual", disable=None):
        for place in places.places(system.reader(project)(file, file.text)):
            bits[place.kind].append(place.bits)
    return {
        kind: (round(float(np.mean(one)), 1), round(float(np.std(one)), 1))
        for kind, one in bits.items()
    }


def write(model: Model, name: str, table: dict[str, Any]) -> None:
    """Put `table` into the model's card, as `name` of what it says about surprise."""
    facts = {"surprise": model.card.get("surprise", {}) | {name: table}}
    write_whole(model.path, amend(model.path.read_bytes(), facts))


def show(result: dict[str, Any]) -> None:
    """Print a result for people."""
    for name, told in result.items():
        for thresholds, one in told["by"].items():
            alarms = f"{one['validation_alarms']} alarms in {told['validation_lines']} lines"
            print(f"{name}, {thresholds}, {alarms} of --clean: {one['least']}")
            for language, found in one["languages"].items():
                print(f"  {language}: {found['false_alarms']} alarms in {found['lines']} lines")
                for kind, counts in found["faults"].items():
                    print(f"    {kind:24}", *(f"{key} {count}" for key, count in counts.items()))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("projects", nargs="+", type=Path, metavar="PROJECT")
    parser.add_argument("--clean", nargs="+", type=Path, default=[], metavar="PROJECT")
    parser.add_argument("--clean-files", type=int, default=24, help="of each language")
    parser.add_argument("--files", type=int, default=20, help="of each language")
    parser.add_argument("--faults", type=int, default=20, help="of each kind and language")
    parser.add_argument("--systems", nargs="+", choices=SYSTEMS, default=["project"])
    parser.add_argument("--corpus", nargs="*", type=Path, default=[])
    parser.add_argument("--megabytes", type=float, default=4.0, help="of each corpus")
    parser.add_argument("--rows", type=Path, help="where everything that was read is kept")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--usual", action="store_true")
    parser.add_argument("--write", action="store_true", help="into the model's card")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--keep", action="store_true", help="write bench/results/faults.json")
    parser.add_argument("--note", default="", help="what else the machine was doing")
    given = parser.parse_args()
    if given.write and not (given.clean and (given.usual or set(SERVED) & set(given.systems))):
        parser.error("--write needs --clean, and --usual or one of the systems that serve")
    model = Model.load(find_model(None))
    clean = files_of(read_projects(given.clean), given.clean_files, given.seed)
    if given.usual:
        table = usual(System("file", model), clean)
        print(json.dumps(table, indent=1))
        if given.write:
            write(model, "usual", table)
        return
    files = files_of(read_projects(given.projects), given.files, given.seed)
    kept: list[Row] = []
    if given.rows and given.rows.exists():
        kept = [json.loads(line) for line in given.rows.read_text().splitlines()]
    result: dict[str, Any] = {}
    for name in given.systems:
        system = System(
            name, model, train(given.corpus, given.megabytes) if name == "ngram" else None
        )
        rows = [row for row in kept if row["system"] == name]
        for row in measure(system, clean, files, rows, faults=given.faults, seed=given.seed):
            rows.append({"system": name} | row)
            if given.rows:
                with given.rows.open("a") as file:
                    file.write(json.dumps(rows[-1]) + "\n")
        result[name] = judged(rows, suspicion.replaces(model))
    if given.write:
        fits = [one["by"]["fitted"]["least"] for name, one in result.items() if name in SERVED]
        write(model, "replaces", {sort: max(fit[sort] for fit in fits) for sort in fits[0]})
    if given.keep:
        keep("faults", result, given.note)
    if given.json:
        print(json.dumps(result, indent=1))
    else:
        show(result)


if __name__ == "__main__":
    main()
