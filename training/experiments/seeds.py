"""One experiment with several seeds: the tables of docs/experiments.md, and the seed search.

`python -m lstm_lsp.training.experiments.seeds NAME --seeds 0-4 [--cell C] [--steps N]
[--dropout P] [--activity A]` trains and checks them one after another and prints a table in
Markdown: a claim a row, a seed a column; **binding** claims bold, `!` after what misses its
threshold. Ends with status 1 when a binding claim fails for any seed.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Sequence
from typing import Any

from . import CELLS, EXPERIMENTS, run

_MISSED = {"fail": " !", "does not": " !"}


def table(reports: Sequence[dict[str, Any]]) -> str:
    """Return the reports of several seeds as one table in Markdown.

    A claim about "unit 4" is the same claim for another seed's unit 7; one that a seed's
    network gave no occasion for is a dash.
    """
    claims: dict[str, dict[str, Any]] = {}
    cells: dict[str, dict[int, str]] = {}
    for column, report in enumerate(reports):
        for check in report["checks"]:
            claim = re.sub(r"unit \d+", "a unit", check["claim"])
            claims.setdefault(claim, check)
            value = f"{check['measured']:.3g}{_MISSED.get(check['verdict'], '')}"
            cells.setdefault(claim, {})[column] = value
    lines = [
        "| claim | threshold | " + " | ".join(f"seed {one['seed']}" for one in reports) + " |",
        "|---|---|" + "---|" * len(reports),
    ]
    for claim, check in claims.items():
        binding = check["verdict"] in ("pass", "fail")
        shown = (f"**{claim}**" if binding else claim).replace("|", "\\|")
        values = " | ".join(cells[claim].get(column, "-") for column in range(len(reports)))
        lines.append(f"| {shown} | {check['threshold']} | {values} |")
    return "\n".join(lines)


def main() -> int:
    """Run what the command line asks for; progress goes to stderr."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0], allow_abbrev=False)
    parser.add_argument("name", choices=EXPERIMENTS)
    parser.add_argument("--seeds", type=_seeds, default=range(5), metavar="FIRST-LAST")
    parser.add_argument("--cell", choices=CELLS, default="lstm")
    parser.add_argument("--steps", type=int)
    parser.add_argument("--dropout", type=float, default=0.0)
    parser.add_argument("--activity", type=float)
    given = parser.parse_args()
    reports = []
    for seed in given.seeds:
        report = run(
            given.name,
            seed,
            given.cell,
            steps=given.steps,
            dropout=given.dropout,
            activity=given.activity,
        )
        missed = [check["claim"] for check in report["checks"] if check["verdict"] in _MISSED]
        print(f"seed {seed}: misses {', '.join(missed) or 'nothing'}", file=sys.stderr, flush=True)
        reports.append(report)
    print(table(reports))
    return 0 if all(report["passed"] for report in reports) else 1


def _seeds(text: str) -> range:
    first, _, last = text.partition("-")
    if not (first.isdecimal() and (last or first).isdecimal()):
        raise argparse.ArgumentTypeError(f"{text!r} is not FIRST-LAST")
    return range(int(first), int(last or first) + 1)


if __name__ == "__main__":
    sys.exit(main())
