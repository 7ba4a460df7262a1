"""The commands of `lstm-lsp`: arguments in, text or one JSON object out, exit status.

Every command imports what it runs when it runs, so that none pays for another. Exit
status 0 done, 1 failed (one line on stderr says why and what to do), 2 wrong usage.
With LSTM_LSP_DEBUG set a failure shows its traceback instead. Nothing here computes.
"""

from __future__ import annotations

import argparse
import json
import os
import secrets
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lstm_lsp import __version__
from lstm_lsp.arguments import parser
from lstm_lsp.streams import VISIBLE, abandon_stdout, decoded, prepare_streams

if TYPE_CHECKING:
    from lstm_lsp.network import Model

INTERRUPTED = 130


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line `argv` (`sys.argv` by default) and return its exit status."""
    prepare_streams()
    arguments = parser().parse_args(argv)
    try:
        status = COMMANDS[arguments.command](arguments)
        sys.stdout.flush()
        return status
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:  # who read has read enough
        abandon_stdout()
        return 0
    except Exception as error:
        if os.environ.get("LSTM_LSP_DEBUG"):
            raise
        if isinstance(error, OSError):
            abandon_stdout()  # what failed may be stdout itself
        print(f"lstm-lsp: {explain(error)}", file=sys.stderr)
        return 1


def explain(error: Exception) -> str:
    """Return one line that tells a user why `error` happened and what to do."""
    if isinstance(error, ModuleNotFoundError) and not str(error.name).startswith("lstm_lsp"):
        text = (
            f"this needs {error.name}, which is not installed: "
            "run `pip install 'lstm-lsp[train]'` and try again"
        )
    elif isinstance(error, OSError):
        reason = (error.strerror or str(error)).lower()
        text = reason if error.filename is None else f"{error.filename}: {reason}"
    elif type(error).__module__.startswith("lstm_lsp."):
        text = str(error)  # our own are written for users
    else:
        text = f"{type(error).__name__}: {error} (LSTM_LSP_DEBUG=1 shows where)"
    return " ".join(text.split())


def _serve(arguments: argparse.Namespace) -> int:
    from lstm_lsp.server.app import serve

    return serve(arguments.model, arguments.tcp, arguments.ws, arguments.log_file)


def _generate(arguments: argparse.Namespace) -> int:
    from lstm_lsp import symbols
    from lstm_lsp.context import Contexts
    from lstm_lsp.generate import generate, likeliest_language
    from lstm_lsp.memory import NetworkAlone
    from lstm_lsp.predictor import Predictor

    text, language, path = _primer(arguments)
    model = _model(arguments.model)
    language = language or likeliest_language(model, text)
    header, before = symbols.header(language, path), symbols.encode(text)
    predictor = Predictor(model, NetworkAlone())
    hypotheses = predictor.start(Contexts(model).state(header, before), before)
    seed = secrets.randbelow(2**32) if arguments.seed is None else arguments.seed
    chosen = {"temperature": arguments.temperature, "top_p": arguments.top_p}
    characters = generate(
        predictor,
        hypotheses,
        max_characters=arguments.max_chars,
        seed=seed,
        stop=arguments.stop,
        **{name: value for name, value in chosen.items() if value is not None},
    )
    if arguments.json:
        text = "".join(characters)
        finish = "length" if len(text) == arguments.max_chars else "end"
        report = {"text": text, "finish": finish, "seed": seed, "language": language}
        _print_json(report | {"model": model.name})
        return 0
    terminal = sys.stdout.isatty()
    last = "\n"
    try:
        for last in characters:
            sys.stdout.write(last.translate(VISIBLE) if terminal else last)
            sys.stdout.flush()
    finally:
        if terminal and last != "\n":
            sys.stdout.write("\n")
    return 0


def _primer(arguments: argparse.Namespace) -> tuple[str, str | None, str]:
    """Return the text to go on from, its language if that is known, and its header path."""
    if arguments.file is None:
        return arguments.prompt or "", arguments.language, ""
    if arguments.file == "-":
        text = decoded(sys.stdin.buffer.read(), "standard input", cut=True)
        return text, arguments.language, ""
    from lstm_lsp.on_disk import OnDisk

    seen = OnDisk.at(Path(arguments.file))
    return seen.text(), arguments.language or seen.language, seen.path


def _complete(arguments: argparse.Namespace) -> int:
    from lstm_lsp.completer import Completer, Place
    from lstm_lsp.context import Contexts
    from lstm_lsp.document import Document, Position
    from lstm_lsp.on_disk import OnDisk
    from lstm_lsp.search import KINDS

    seen = OnDisk.at(arguments.file, arguments.project)
    document = Document(seen.text(empty=True))
    line, column = arguments.at
    offset = document.offset(Position(line - 1, column - 1), "utf-32")
    position = document.position(offset, "utf-32")
    before = document.symbols[: document.symbol_offset(offset)]
    place = Place(seen.header, before, document.text[offset:], seen.language)
    model = _model(None, seen.project)
    mixer = seen.view(seen.learned(model), before[: before.rfind(b"\n") + 1])
    kinds = KINDS if arguments.kind is None else (arguments.kind,)
    candidates = Completer(model, Contexts(model)).candidates(place, mixer, kinds)
    if arguments.json:
        _print_json(
            {
                "position": {"line": position.line + 1, "column": position.character + 1},
                "candidates": [
                    {"kind": c.kind, "text": c.text, "probability": c.probability}
                    for c in candidates
                ],
            }
        )
        return 0
    for candidate in candidates:
        text = json.dumps(candidate.text, ensure_ascii=False)
        print(f"{candidate.probability:4.0%}  {candidate.kind:5}  {text}")
    if not candidates:
        print("nothing is likely enough here to be worth showing", file=sys.stderr)
    return 0


def _surprise(arguments: argparse.Namespace) -> int:
    from lstm_lsp import places, surprise, suspicion, symbols
    from lstm_lsp.on_disk import OnDisk

    files = [OnDisk.at(file, arguments.project) for file in dict.fromkeys(arguments.files)]
    model = _model(arguments.model, files[0].project)
    memory = files[0].learned(model)
    found, suspects, read = [], [], []
    for seen in files:
        text = symbols.normalise(seen.text())
        view = partial(seen.view, memory)
        reading = surprise.read(model, seen.header, text, seen.language, view)
        read.append(
            {"file": seen.name, "characters": len(text), "bits": round(reading.bits.sum(), 1)}
        )
        found += [
            (seen.name, reading, place) for place in places.places(reading)[: arguments.count]
        ]
        suspects += [(seen.name, text, one) for one in suspicion.suspects(reading)]
    found.sort(key=lambda one: -one[2].score)
    report = {
        "model": model.name,
        "files": read,
        "places": [
            places.as_json(name, reading, place)
            for name, reading, place in found[: arguments.count]
        ],
        "suspects": [suspicion.as_json(name, text, one) for name, text, one in suspects],
    }
    if arguments.json:
        _print_json(report)
    else:
        print(places.show(report))
    return 0


def _evaluate(arguments: argparse.Namespace) -> int:
    from lstm_lsp import evaluate

    report = evaluate.run(
        arguments.paths,
        memory=arguments.memory,
        sample=arguments.sample,
        seed=arguments.seed,
        model=_model(arguments.model),
        progress=sys.stderr.isatty(),
        report=arguments.report,
    )
    if arguments.json:
        _print_json(report)
    else:
        print(evaluate.show(report))
    return 0


def _train(arguments: argparse.Namespace) -> int:
    from lstm_lsp.training import tune

    report = tune.run(
        arguments.paths,
        base=arguments.base,
        recipe=arguments.recipe,
        device=arguments.device,
        minutes=arguments.minutes,
        epochs=arguments.epochs,
        output=arguments.output,
        resume=arguments.resume,
    )
    before = report["before"] or {}
    bits = ", ".join(
        f"{name} {before[name]:.3f} to {value:.3f}" if name in before else f"{name} {value:.3f}"
        for name, value in report["after"].items()
    )
    print(f"wrote {report['model']}; bits per character on files held out: {bits}")
    return 0


def _corpus_build(arguments: argparse.Namespace) -> int:
    from lstm_lsp.training.corpus.build import Share, build, default_cache, filter_share
    from lstm_lsp.training.corpus.report import show

    cache = arguments.cache or default_cache()
    how = {
        "allow_missing": arguments.allow_missing,
        "cache": cache,
        "jobs": arguments.jobs,
        "progress": sys.stderr.isatty(),
    }
    if arguments.shard:
        done = filter_share(arguments.manifest, Share(*arguments.shard), **how)
        number, of = arguments.shard
        print(f"share {number} of {of}: {done} projects and shards filtered into {cache}")
        return 0
    report = build(arguments.manifest, arguments.output, compress=arguments.compress, **how)
    print(show(report))
    print(f"written to {arguments.output}; report.json tells the rest")
    return 0


def _experiment(arguments: argparse.Namespace) -> int:
    from lstm_lsp.training import experiments

    report = experiments.run(arguments.name, arguments.seed, arguments.cell)
    if arguments.json:
        _print_json(report)
    else:
        print(experiments.show(report))
    if not report["passed"]:
        print("lstm-lsp: a claim fails with this seed; --seed tries another", file=sys.stderr)
        return 1
    return 0


def _neurons(arguments: argparse.Namespace) -> int:
    from lstm_lsp.explore import command

    report = command.run(
        arguments.files,
        _model(arguments.model),
        attribute=arguments.attribute,
        unit=arguments.unit,
        progress=sys.stderr.isatty(),
    )
    if arguments.json:
        _print_json(report)
    else:
        colour = command.wants_colour(os.environ)
        print(command.show(report, colour=colour))
    return 0


def _explore(arguments: argparse.Namespace) -> int:
    from lstm_lsp.explore import server
    from lstm_lsp.explore.explorer import open_explorer
    from lstm_lsp.explore.export import export
    from lstm_lsp.on_disk import writable

    if arguments.export is not None:  # better now than after a minute
        writable(arguments.export)
    explorer = open_explorer(arguments.model, Path.cwd())
    if arguments.export is None:
        return server.serve(explorer, arguments.port)
    size = export(explorer, arguments.export)
    print(f"wrote {arguments.export}, {size / 1e6:.1f} MB")
    return 0


def _info(arguments: argparse.Namespace) -> int:
    from lstm_lsp.doctor import card_lines

    model = _model(arguments.model)
    if arguments.json:
        _print_json({"version": __version__, "path": str(model.path), "card": model.card})
    else:
        print("\n".join(card_lines(model)))
    return 0


def _doctor(_: argparse.Namespace) -> int:
    from lstm_lsp.doctor import examine

    findings = examine()
    for finding in findings:
        print(f"{finding.verdict:5}  {finding.text}")
    return 1 if any(finding.verdict == "wrong" for finding in findings) else 0


def _model(explicit: str | None, project: Path | None = None) -> Model:
    """Load the model to use; without a project folder the current one may have its own."""
    from lstm_lsp.network import Model, find_model

    return Model.load(find_model(explicit, project or Path.cwd()))


def _print_json(report: dict[str, Any]) -> None:
    print(json.dumps(report))


COMMANDS: dict[str, Callable[[argparse.Namespace], int]] = {
    "serve": _serve,
    "generate": _generate,
    "complete": _complete,
    "evaluate": _evaluate,
    "train": _train,
    "corpus": _corpus_build,
    "experiment": _experiment,
    "neurons": _neurons,
    "surprise": _surprise,
    "explore": _explore,
    "info": _info,
    "doctor": _doctor,
}
