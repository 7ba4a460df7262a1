"""The command `lstmLsp.train`: `lstm-lsp train PATH` in a process of its own, one at a time.

The child's progress bar becomes work-done progress, its last line the outcome; the model is
loaded anew when the child has written one. Torch lives in the child alone.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import sys
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lstm_lsp.server.convert import Params
from lstm_lsp.server.progress import ShownWork
from lstm_lsp.server.protocol import refused
from lstm_lsp.server.status import short

if TYPE_CHECKING:
    from lstm_lsp.server.server import Server

COMMAND = [sys.executable, "-P", "-m", "lstm_lsp", "train"]
"""What is started, with the path behind it; tests put a stand-in here.

-P: the server runs in the user's project, whose modules are not to be imported for ours.
"""

_BAR = re.compile(r"\s*(\d+)%\|.*\| *(.*?)\s*\Z")
_MOST_LINE = 4_096  # characters of one line of the child's that are kept


@dataclass(frozen=True)
class Outcome:
    """How a run ended: whether it wrote a model, and one sentence for the user."""

    written: bool
    message: str


class Training:
    """One run of the child."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._process: asyncio.subprocess.Process | None = None
        self._stopped = self._killed = False
        self._percentage = 0
        self._last_line = ""

    async def run(self, report: Callable[[str, int], None]) -> Outcome:
        """Run the child to its end, with `report(message, percentage)` of how far it is.

        Raises OSError when it cannot be started.
        """
        if self._stopped:
            return Outcome(False, "training was stopped")
        pipe = asyncio.subprocess.PIPE
        process = self._process = await asyncio.create_subprocess_exec(
            *COMMAND, str(self._path), stdin=asyncio.subprocess.DEVNULL, stdout=pipe, stderr=pipe
        )
        if self._killed:
            self.kill()
        elif self._stopped:
            self._interrupt()
        assert process.stdout is not None
        assert process.stderr is not None
        told, _ = await asyncio.gather(process.stdout.read(), self._follow(process.stderr, report))
        status = await process.wait()
        said = short(" ".join(told.decode(errors="replace").split()))
        if status == 0:
            return Outcome(True, said or "training is done")
        why = short(self._last_line.removeprefix("lstm-lsp: "))
        if self._stopped:
            # A run that is stopped goes on to say what it was good for, unless stopped early.
            return Outcome(
                False,
                f"training was stopped: {why}" if status == 1 and why else "training was stopped",
            )
        return Outcome(False, f"training failed: {why or f'exit status {status}'}")

    def stop(self) -> None:
        """Let the child end cleanly; a second time, at once."""
        self._stopped = True
        self._interrupt()

    def kill(self) -> None:
        """End the child without waiting for it."""
        self._stopped = self._killed = True
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()

    def _interrupt(self) -> None:
        if self._process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            # Not SIGINT: who starts the server in the background has its children ignore that.
            self._process.terminate()

    async def _follow(
        self, errors: asyncio.StreamReader, report: Callable[[str, int], None]
    ) -> None:
        """Report what the child says; a progress bar ends its lines with carriage returns."""
        rest = ""
        while piece := await errors.read(_MOST_LINE):
            *lines, rest = re.split(r"[\r\n]+", rest + piece.decode(errors="replace"))
            rest = rest[-_MOST_LINE:]
            for line in lines:
                self._tell(line, report)
        self._tell(rest, report)

    def _tell(self, line: str, report: Callable[[str, int], None]) -> None:
        if bar := _BAR.match(line):
            self._percentage = min(100, int(bar[1]))
            # Behind the time that has passed stands how good the network is by now.
            report(bar[2].partition(" ")[2] or bar[2], self._percentage)
        elif line.strip():
            self._last_line = line.strip()
            report(short(self._last_line), self._percentage)


def train(server: Server, *arguments: Any) -> Coroutine[Any, Any, dict[str, Any]]:
    """Fine-tune the model on `path`, by default the first workspace folder."""
    read = Params(arguments[0] if arguments else None, "lstmLsp.train")
    named, token = read.string("path"), read.token("workDoneToken")
    if named is None and not server.session.folders:
        raise refused("there is no folder open to train on: name one")
    if server.training is not None:
        raise refused("a training is running already: wait for it, or cancel it")
    path = Path(named).absolute() if named is not None else server.session.folders[0]
    training = server.training = Training(path)
    shown = ShownWork(server, f"Training on {path.name or path}", token, training.stop)
    return _answer(training, server.start(_run(server, training, shown)))


async def _answer(training: Training, run: asyncio.Task[Outcome]) -> dict[str, Any]:
    """Return the outcome; when the request is cancelled, the run is stopped."""
    try:
        outcome = await asyncio.shield(run)
    except asyncio.CancelledError:
        training.stop()
        raise
    return {"written": outcome.written, "message": outcome.message}


async def _run(server: Server, training: Training, shown: ShownWork) -> Outcome:
    outcome = Outcome(False, "training was stopped")
    try:
        outcome = await training.run(shown.report)
    except OSError as error:
        outcome = Outcome(False, f"training cannot be started: {error}")
    finally:
        server.training = None
        shown.end(outcome.message)
    if outcome.written:
        server.background.load()
    return outcome
