"""The command line as it may be written: commands, options, their types and defaults.

Only argparse; running a command is `cli`'s. Wrong usage ends the process with status 2.
"""

from __future__ import annotations

import argparse
import contextlib
import math
from collections.abc import Callable
from pathlib import Path

from lstm_lsp import __version__

KINDS = ("char", "token", "line", "block")
EXPERIMENTS = ("counter", "selective-counter", "state", "copy")
CELLS = ("lstm", "gru", "peephole", "rnn", "no-input-gate")

_LANGUAGES = {
    "java": "java",
    "python": "python",
    "py": "python",
    "pyi": "python",
    "text": "text",
    "txt": "text",
}


def parser() -> argparse.ArgumentParser:
    """Return the parser of the whole command line; `command` names what to run."""
    top = argparse.ArgumentParser(
        prog="lstm-lsp",
        description="Code completion for Java and Python by a character-level LSTM, all on "
        "your own machine.",
    )
    top.add_argument("--version", action="version", version=f"lstm-lsp {__version__}")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")

    serve = commands.add_parser("serve", help="the language server; stdio by default")
    transport = serve.add_mutually_exclusive_group()
    transport.add_argument("--tcp", type=_address, metavar="HOST:PORT", help="listen on TCP")
    transport.add_argument("--ws", type=_address, metavar="HOST:PORT", help="listen on WebSocket")
    _add_model(serve)
    serve.add_argument("--log-file", metavar="FILE", help="log here too, rotating")

    generate = commands.add_parser(
        "generate", help="stream new text, character by character as it is drawn"
    )
    prime = generate.add_mutually_exclusive_group()
    prime.add_argument("file", nargs="?", metavar="FILE|-", help="go on from this text")
    prime.add_argument("--prompt", metavar="TEXT", help="go on from TEXT")
    generate.add_argument(
        "--language", type=_language, metavar="L", help="java, python, text or a file ending"
    )
    generate.add_argument(
        "--max-chars", type=_whole(1), default=400, metavar="N", help="characters (default 400)"
    )
    generate.add_argument("--stop", action="store_true", help="end where the document ends")
    generate.add_argument(
        "--temperature", type=_temperature, metavar="T", help="default 0.7; 0: the likeliest"
    )
    generate.add_argument("--top-p", type=_share, metavar="P", help="default 0.95; 1: off")
    generate.add_argument("--seed", type=_whole(0), metavar="S", help="same seed, same text")
    _add_model(generate)
    _add_json(generate)

    complete = commands.add_parser("complete", help="what the server would offer at a position")
    complete.add_argument("file", type=Path, metavar="FILE")
    complete.add_argument(
        "--at",
        type=_at,
        required=True,
        metavar="LINE:COLUMN",
        help="from 1:1 on, columns in characters; past an end means that end",
    )
    complete.add_argument("--kind", choices=KINDS, help="only these (default: all)")
    complete.add_argument(
        "--project", type=Path, metavar="DIR", help="learn from the files here too"
    )
    _add_json(complete)

    evaluate = commands.add_parser("evaluate", help="measure a model on projects it never saw")
    evaluate.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="one project each")
    evaluate.add_argument(
        "--memory",
        choices=("none", "file", "project"),
        default="project",
        help="what it may learn from besides its training (default project)",
    )
    evaluate.add_argument(
        "--sample",
        type=_whole(1),
        metavar="N",
        help="positions a project (default: 200, and bits over every file)",
    )
    evaluate.add_argument("--seed", type=_whole(0), default=0, metavar="S")
    evaluate.add_argument("--report", type=Path, metavar="FILE.png", help="draw a picture too")
    _add_model(evaluate)
    _add_json(evaluate)

    train = commands.add_parser("train", help="fine-tune a model on your own code")
    train.add_argument("paths", nargs="+", type=Path, metavar="PATH")
    train.add_argument("--base", metavar="MODEL|none", help="start from this model")
    train.add_argument("--recipe", metavar="R", help="a recipe's name or file")
    train.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    budget = train.add_mutually_exclusive_group()
    budget.add_argument("--minutes", type=_amount, metavar="N")
    budget.add_argument("--epochs", type=_amount, metavar="N")
    train.add_argument("--output", type=Path, metavar="FILE", help="the model file to write")
    train.add_argument("--resume", action="store_true", help="go on with an interrupted run")

    corpus = commands.add_parser("corpus", help="the corpora of the released models")
    actions = corpus.add_subparsers(dest="action", required=True, metavar="ACTION")
    build = actions.add_parser("build", help="collect, filter, split and pack sources")
    build.add_argument("manifest", type=Path, metavar="MANIFEST")
    build.add_argument("--output", type=Path, required=True, metavar="DIR")
    build.add_argument(
        "--allow-missing", action="store_true", help="go on without sources that cannot be had"
    )
    build.add_argument(
        "--cache", type=Path, metavar="DIR", help="keeps archives, filtered projects"
    )
    build.add_argument(
        "--jobs", type=_whole(1), default=1, metavar="N", help="processes that filter"
    )
    build.add_argument("--compress", action="store_true", help="write .symbols.xz")
    build.add_argument(
        "--shard",
        type=_shard,
        metavar="I/N",
        help="only filter, this machine's share, into the cache",
    )

    experiment = commands.add_parser(
        "experiment", help="train and check an experiment of the article 'Exploring LSTMs'"
    )
    experiment.add_argument("name", choices=EXPERIMENTS, metavar="|".join(EXPERIMENTS))
    experiment.add_argument("--seed", type=_whole(0), default=0, metavar="S")
    experiment.add_argument("--cell", choices=CELLS, default="lstm")
    _add_json(experiment)

    surprise = commands.add_parser(
        "surprise", help="the most surprising places of files, and what was expected there"
    )
    surprise.add_argument("files", nargs="+", type=Path, metavar="FILE")
    surprise.add_argument(
        "--count", type=_whole(1), default=20, metavar="N", help="places (default 20)"
    )
    surprise.add_argument(
        "--project", type=Path, metavar="DIR", help="learn from the files here too"
    )
    _add_model(surprise)
    _add_json(surprise)

    explore = commands.add_parser("explore", help="look inside a network, in the browser")
    _add_model(explore)
    explore.add_argument(
        "--port", type=_port, default=0, metavar="P", help="listen here on 127.0.0.1 (default: any)"
    )
    explore.add_argument(
        "--export", type=Path, metavar="FILE.html", help="write one file that needs no server"
    )

    neurons = commands.add_parser("neurons", help="which units of a model know what about code")
    neurons.add_argument("files", nargs="+", type=Path, metavar="FILE")
    about = neurons.add_mutually_exclusive_group()
    about.add_argument(
        "--attribute", metavar="A", help="rank units for this one (default: a table of all)"
    )
    about.add_argument(
        "--unit",
        type=_unit,
        metavar="LAYER:N",
        help="show the text by what this unit holds; from 1:1 on, :hidden or :cell may follow",
    )
    _add_model(neurons)
    _add_json(neurons)

    info = commands.add_parser("info", help="the model's card")
    _add_model(info)
    _add_json(info)

    commands.add_parser("doctor", help="what this machine can do, what is wrong with the set-up")
    return top


def _add_model(command: argparse.ArgumentParser) -> None:
    command.add_argument("--model", metavar="M", help="a model file, or a bundled one's name")


def _add_json(command: argparse.ArgumentParser) -> None:
    command.add_argument("--json", action="store_true", help="print one JSON object instead")


def _address(text: str) -> tuple[str, int]:
    """Return host and port; the host may be left out and means this machine alone."""
    host, _, port = text.rpartition(":")
    if not port.isdecimal() or int(port) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is not HOST:PORT")
    return host.strip("[]") or "127.0.0.1", int(port)


def _port(text: str) -> int:
    """Return a port; 0 is any that is free."""
    if not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port")
    return int(text)


def _language(text: str) -> str:
    """Return the language named or that has this file ending."""
    try:
        return _LANGUAGES[text.lower().lstrip(".")]
    except KeyError:
        raise argparse.ArgumentTypeError(f"{text!r} is not java, python or text") from None


def _at(text: str) -> tuple[int, int]:
    """Return line and column, both from 1 on."""
    line, _, column = text.partition(":")
    if not (line.isdecimal() and column.isdecimal() and int(line) and int(column)):
        raise argparse.ArgumentTypeError(f"{text!r} is not LINE:COLUMN, both from 1 on")
    return int(line), int(column)


def _shard(text: str) -> tuple[int, int]:
    """Return which share, from 1 on, of how many."""
    number, _, of = text.partition("/")
    if not (number.isdecimal() and of.isdecimal() and 1 <= int(number) <= int(of)):
        raise argparse.ArgumentTypeError(f"{text!r} is not I/N, 1/4 to 4/4")
    return int(number), int(of)


def _unit(text: str) -> tuple[int, int, str | None]:
    """Return layer and unit, both from 1 on, and which of its states, if that is said."""
    layer, _, rest = text.partition(":")
    unit, colon, state = rest.partition(":")
    if not (layer.isdecimal() and unit.isdecimal() and int(layer) and int(unit)):
        raise argparse.ArgumentTypeError(f"{text!r} is not LAYER:N, both from 1 on")
    if colon and state not in ("cell", "hidden"):
        raise argparse.ArgumentTypeError(f"{state!r} is no state of a unit, only cell and hidden")
    return int(layer), int(unit), state or None


def _whole(least: int) -> Callable[[str], int]:
    """Return the type of whole numbers of at least `least`."""

    def read(text: str) -> int:
        if not text.isdecimal() or int(text) < least:
            raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from {least} on")
        return int(text)

    return read


def _real(fits: Callable[[float], bool], wanted: str) -> Callable[[str], float]:
    """Return the type of numbers for which `fits`; `wanted` says which those are."""

    def read(text: str) -> float:
        with contextlib.suppress(ValueError):
            if math.isfinite(number := float(text)) and fits(number):
                return number
        raise argparse.ArgumentTypeError(f"{text!r} is not a number {wanted}")

    return read


_amount = _real(lambda number: number > 0, "above 0")
_temperature = _real(lambda number: number >= 0, "from 0 on")
_share = _real(lambda number: 0 < number <= 1, "above 0 and at most 1")
