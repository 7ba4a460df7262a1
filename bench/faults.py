"""Single faults put into clean files: whether they are found, where, and with which fix.

    python bench/faults.py PROJECT... [--clean PROJECT...] [--files N] [--faults N] [--json]

Faults: a bracket dropped, an operator swapped for one of its kind, another variable returned,
a line indented a step more or less. Each is put by itself into a file of PROJECT, which
`lstm_lsp.suspicion` then reads as the server would. What an edit must save to be shown is
`suspicion.REPLACES`, or taken from files of the `--clean` projects: one false alarm in 200
lines, in equal parts for each sort of edit. False alarms are counted on the untouched files of
PROJECT.
Systems: the model with what the file says before in memory (`file`), alone (`none`), and,
given `--corpus`, a character n-gram in its place with the same memory (`ngram`). The
parser's own line is reported for Python. `--usual` prints `surprise.USUAL` instead.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple, cast

import numpy as np
from machine import keep
from ngram import ORDERS, NGram, NoNetwork, Under, train
from tqdm import tqdm

from lstm_lsp import lexis, surprise, suspicion
from lstm_lsp.evaluate.sources import File, read_projects
from lstm_lsp.memory import Parameters, ProjectMemory
from lstm_lsp.network import Floats, Model, find_model
from lstm_lsp.suspicion import Suspect

LINES = (20, 90)
"""Files of so many lines are looked at."""
ALARM_LINES = 200

_SWAPS = (
    ("<", "<=", ">", ">=", "==", "!="),
    ("+", "-", "*", "/"),
    ("&&", "||"),
    ("and", "or"),
    ("+=", "-="),
)


class Fault(NamedTuple):
    """One fault: the text with it, and the line, from 1, that it is in."""

    kind: str
    text: str
    line: int


@dataclass(frozen=True)
class System:
    """A name, and what reads a file."""

    name: str
    read: Callable[[File, str], surprise.Reading]


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


def dropped(text: str, tokens: Sequence[lexis.Token], random_: random.Random) -> Iterator[str]:
    """Yield `text` without one of its brackets."""
    for token in _shuffled(tokens, random_):
        if token.kind == "operator" and text[token.start : token.end] in "()[]{}":
            yield text[: token.start] + text[token.end :]


def swapped(text: str, tokens: Sequence[lexis.Token], random_: random.Random) -> Iterator[str]:
    """Yield `text` with one binary operator replaced by another of its kind."""
    for token in _shuffled(tokens, random_):
        written = text[token.start : token.end]
        before = text[: token.start].rstrip(" ")[-1:]
        for group in _SWAPS:
            if written in group and (before.isalnum() or before in ")]_"):
                other = random_.choice([one for one in group if one != written])
                yield text[: token.start] + other + text[token.end :]


def returned(text: str, tokens: Sequence[lexis.Token], random_: random.Random) -> Iterator[str]:
    """Yield `text` with another variable returned, one named in the fifteen lines before."""
    dense = [token for token in tokens if token.kind != "space"]
    places = [
        n
        for n in range(1, len(dense) - 1)
        if text[dense[n - 1].start : dense[n - 1].end] == "return"
        and dense[n].kind == "identifier"
        and text[dense[n + 1].start : dense[n + 1].end] in (";", "\n")
    ]
    for n in _shuffled(places, random_):
        token, name = dense[n], text[dense[n].start : dense[n].end]
        near = text[: token.start].count("\n") - 15
        others = {
            text[one.start : one.end]
            for one, after in pairwise(dense[:n])
            if one.kind == "identifier"
            and text[: one.start].count("\n") >= near
            and text[one.start - 1 : one.start] not in (".", "@")
            and text[after.start : after.end] not in ("(", ".")
            and text[one.start : one.start + 1].islower()
        }
        if others := others - {name}:
            yield text[: token.start] + random_.choice(sorted(others)) + text[token.end :]


def misindented(text: str, tokens: Sequence[lexis.Token], random_: random.Random) -> Iterator[str]:
    """Yield `text` with one line of code a step too far in or out."""
    starts = {token.start for token in tokens if token.kind in ("identifier", "keyword")}
    for token in _shuffled(tokens, random_):
        if token.kind == "space" and token.end in starts and text[token.start - 1] == "\n":
            indentation = text[token.start : token.end]
            step = "\t" if "\t" in indentation else "    "
            changed = [indentation + step]
            if len(indentation) >= len(step):
                changed.append(indentation[len(step) :])
            yield text[: token.start] + random_.choice(changed) + text[token.end :]


KINDS = {
    "bracket dropped": dropped,
    "operator swapped": swapped,
    "wrong variable returned": returned,
    "wrong indentation": misindented,
}


def faults_of(file: File, random_: random.Random) -> Iterator[Fault]:
    """Yield a fault of each kind that the file has a place for."""
    tokens = lexis.tokens(file.text, file.language)
    for kind, make in KINDS.items():
        for text in make(file.text, tokens, random_):
            pairs = zip(file.text, text, strict=False)
            same = next(n for n, (a, b) in enumerate(pairs) if a != b)
            yield Fault(kind, text, surprise.line_and_column(file.text, same)[0])
            break


def _shuffled(items: Sequence[Any], random_: random.Random) -> list[Any]:
    return random_.sample(items, len(items))


def files_of(projects: Sequence[Path], count: int, seed: int) -> list[File]:
    """Return `count` files of each language that parse, drawn at random from all projects."""
    chosen: dict[str, list[File]] = defaultdict(list)
    files = [file for project in read_projects(projects) for file in project.files]
    for file in random.Random(seed).sample(files, len(files)):
        few, many = LINES
        if (
            len(chosen[file.language]) < count
            and few <= file.text.count("\n") <= many
            and suspicion.parses(file.text, file.language)[0]
        ):
            chosen[file.language].append(file)
    return [file for language in sorted(chosen) for file in chosen[language]]


def thresholds(found: Sequence[Suspect], lines: int) -> dict[str, float]:
    """Return for each sort of edit the bits that on clean lines few enough edits save."""
    allowed = lines // ALARM_LINES // len(suspicion.REPLACES)
    chosen = {}
    for sort in suspicion.REPLACES:
        saved = sorted((one.saved for one in found if one.sort == sort), reverse=True)
        chosen[sort] = round(max(3.0, *saved[allowed : allowed + 1], 3.0) + 0.1, 1)
    return chosen


def shown(found: Sequence[Suspect], least: dict[str, float]) -> list[Suspect]:
    """Return the edits that are shown, most telling first."""
    above = [
        (one.saved - (suspicion.REPAIRS if one.repairs else least[one.sort]), one) for one in found
    ]
    above.sort(key=lambda pair: (not pair[1].repairs, -pair[0]))
    return [one for margin, one in above if margin >= 0]


def ranked(found: Sequence[Suspect], least: dict[str, float]) -> list[Suspect]:
    """Return all edits, most telling first."""
    return sorted(
        found,
        key=lambda one: (not one.repairs, (0 if one.repairs else least[one.sort]) - one.saved),
    )


def measure(
    system: System, clean: Sequence[File], files: Sequence[File], faults: int, seed: int
) -> dict[str, Any]:
    """Return what `system` finds of the faults, language by language."""
    calm: list[Suspect] = []
    lines = sum(file.text.count("\n") for file in clean)
    for file in tqdm(clean, f"{system.name}, clean", disable=None):
        calm += suspicion.suspects(system.read(file, file.text), clear=False)
    least = thresholds(calm, lines) if clean else suspicion.REPLACES
    print(f"{system.name}: {least} from {lines} clean lines", file=sys.stderr, flush=True)
    rows: dict[str, dict[str, list[dict[str, bool]]]] = defaultdict(lambda: defaultdict(list))
    alarms: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    random_ = random.Random(seed)
    for file in tqdm(files, f"{system.name}, faults", disable=None):
        before = suspicion.suspects(system.read(file, file.text), clear=False)
        alarms[file.language][0] += len(shown(before, least))
        alarms[file.language][1] += file.text.count("\n")
        for fault in faults_of(file, random_):
            row = rows[file.language][fault.kind]
            if len(row) < faults:
                found = suspicion.suspects(system.read(file, fault.text), clear=False)
                row.append(_judged(file, fault, found, least))
    return {
        "thresholds": least,
        "clean_lines": lines,
        "languages": {
            language: {
                "false_alarms": alarms[language][0],
                "lines": alarms[language][1],
                "faults": {kind: _shares(row) for kind, row in rows[language].items()},
            }
            for language in rows
        },
    }


def _judged(
    file: File, fault: Fault, found: Sequence[Suspect], least: dict[str, float]
) -> dict[str, bool]:
    parsed, parser_line = suspicion.parses(fault.text, file.language)
    best = ranked(found, least)
    lines = [surprise.line_and_column(fault.text, one.start)[0] for one in best]
    fixes = [suspicion.edited(fault.text, one) == file.text for one in best]
    alarms = shown(found, least)
    return {
        "recall": any(
            surprise.line_and_column(fault.text, one.start)[0] == fault.line for one in alarms
        ),
        "line_top1": fault.line in lines[:1],
        "line_top4": fault.line in lines[:4],
        "fix_top1": any(fixes[:1]),
        "fix_top2": any(fixes[:2]),
        "does_not_parse": not parsed,
        "parser_line": parser_line == fault.line,
    }


def _shares(rows: Sequence[dict[str, bool]]) -> dict[str, float]:
    return {"n": len(rows)} | {
        name: round(sum(row[name] for row in rows) / len(rows), 3) for name in rows[0]
    }


def systems(names: Sequence[str], corpora: Sequence[Path], megabytes: float) -> list[System]:
    """Return the systems of these names."""
    found = []
    model = Model.load(find_model(None))
    for name in names:
        fitted = model.card.get("memory")
        memory = ProjectMemory(Parameters.from_json(fitted) if fitted else None)
        if name == "ngram":
            background = cast(NGram, Remembered(train(corpora, megabytes)))
            stub = cast(Model, NoNetwork())
            found.append(
                System(
                    name,
                    lambda file, text, m=memory, b=background, s=stub: surprise.read(  # type: ignore[misc]
                        s,
                        file.header,
                        text,
                        file.language,
                        view=lambda before: Under(b, m.view(file.path, before)),
                    ),
                )
            )
        else:
            found.append(
                System(
                    name,
                    lambda file, text, m=memory, n=name: surprise.read(  # type: ignore[misc]
                        model,
                        file.header,
                        text,
                        file.language,
                        view=None if n == "none" else lambda before: m.view(file.path, before),
                    ),
                )
            )
    return found


def usual(system: System, files: Sequence[File]) -> dict[str, tuple[float, float]]:
    """Return mean and standard deviation of the bits of each class of token."""
    bits: dict[str, list[float]] = defaultdict(list)
    for file in tqdm(files, "usual", disable=None):
        for place in surprise.places(system.read(file, file.text)):
            bits[place.kind].append(place.bits)
    return {
        kind: (round(float(np.mean(one)), 1), round(float(np.std(one)), 1))
        for kind, one in bits.items()
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("projects", nargs="+", type=Path, metavar="PROJECT")
    parser.add_argument("--clean", nargs="+", type=Path, default=[], metavar="PROJECT")
    parser.add_argument("--clean-files", type=int, default=40, help="of each language")
    parser.add_argument("--files", type=int, default=20, help="of each language")
    parser.add_argument("--faults", type=int, default=20, help="of each kind and language")
    parser.add_argument("--systems", nargs="+", choices=("file", "none", "ngram"), default=["file"])
    parser.add_argument("--corpus", nargs="*", type=Path, default=[])
    parser.add_argument("--megabytes", type=float, default=4.0, help="of each corpus")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--usual", action="store_true")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--keep", action="store_true", help="write bench/results/faults.json")
    parser.add_argument("--note", default="", help="what else the machine was doing")
    given = parser.parse_args()
    clean = files_of(given.clean, given.clean_files, given.seed)
    tried = systems(given.systems, given.corpus, given.megabytes)
    if given.usual:
        print(json.dumps(usual(tried[0], clean), indent=1))
        return
    files = files_of(given.projects, given.files, given.seed)
    report = {
        system.name: measure(system, clean, files, given.faults, given.seed) for system in tried
    }
    if given.keep:
        keep("faults", report, given.note)
    if given.json:
        print(json.dumps(report, indent=1))
        return
    for name, result in report.items():
        for language, one in result["languages"].items():
            print(f"{name}, {language}: {one['false_alarms']} alarms in {one['lines']} clean lines")
            for kind, shares in one["faults"].items():
                print(f"  {kind:24}", *(f"{key} {value:g}" for key, value in shares.items()))


if __name__ == "__main__":
    main()
