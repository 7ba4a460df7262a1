"""The article's opening argument: what a plain RNN forgets over many steps, an LSTM keeps.

`python -m lstm_lsp.training.experiments.distance --x 1-10 41-50 --cells rnn lstm` trains the state
memoriser on strings of so many x and prints the share of them that each cell answers right.
"""

from __future__ import annotations

import argparse

from . import CELLS, state
from .fit import fit, read


def share_right(cell: str, few: int, many: int, seed: int, steps: int) -> float:
    """Return the share, 0-1, of the strings of `few` to `many` x answered right after training."""
    strings = [state.string_of(a, n) for n in range(few, many + 1) for a in (b"A", b"B")]
    weights = fit(
        lambda _: strings, layers=state.LAYERS, units=state.UNITS, cell=cell, steps=steps, seed=seed
    )
    return state.share_right(read(weights, strings))


def main() -> None:
    """Train and print what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0], allow_abbrev=False)
    parser.add_argument("--x", nargs="+", default=["1-10", "41-50"], metavar="FEW-MANY")
    parser.add_argument("--cells", nargs="+", choices=CELLS, default=["rnn", "lstm"])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--steps", type=int, default=state.STEPS)
    given = parser.parse_args()
    for text in given.x:
        few, _, many = text.partition("-")
        for cell in given.cells:
            right = share_right(cell, int(few), int(many), given.seed, given.steps)
            print(f"{text} x, {cell}, {given.steps} steps: {right:.2f} right", flush=True)


if __name__ == "__main__":
    main()
