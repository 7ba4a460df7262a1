"""What one client talks to: settings, the model's loading, the project's indexing, status.

Loading and indexing run on the inference thread, so that everything is answered meanwhile.
What the client did not offer is not sent. Handlers are in `features`, wiring in `app`.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Coroutine, Generator, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from lsprotocol import types
from pygls.exceptions import JsonRpcException
from pygls.lsp.server import LanguageServer

from lstm_lsp import __version__
from lstm_lsp.server import convert, settings, status
from lstm_lsp.server.diagnostics import Hints
from lstm_lsp.server.progress import ShownWork
from lstm_lsp.server.protocol import STATUS, OwnProtocol, parse_error
from lstm_lsp.server.session import Session
from lstm_lsp.server.snapshot import Snapshot, Spot
from lstm_lsp.server.worker import Job, Priority

if TYPE_CHECKING:
    from lstm_lsp.server.engine import Engine
    from lstm_lsp.server.training import Training

logger = logging.getLogger(__name__)
_PATIENCE = 0.5  # seconds that reading the project may take before it is told

Reading = Generator[None, None, None]
T = TypeVar("T")

_PAUSE = 0.2  # seconds without an answer after which the server reads ahead


class Server(LanguageServer):
    """One client's server."""

    protocol: OwnProtocol

    def __init__(self, model: str | None = None, log: list[logging.Handler] | None = None) -> None:
        """`model` is the command line's, which goes before the settings'."""
        super().__init__("lstm-lsp", __version__, protocol_cls=OwnProtocol, max_workers=2)
        self.session = Session()
        self.client_name = ""
        self.exit_status = 0
        self.early_options: Any = None  # from initialize; heeded once the client is ready
        self._explicit = model
        self._client_log = status.ClientLog(self.window_log_message)
        self._log = [self._client_log, *(log or [])]
        self._told: set[str] = set()  # problems shown to the user
        self._status: dict[str, Any] = {}
        self._indexed = (0, 0)
        self._background: list[Job] = []  # loading and indexing, from the first `load` on
        self._warm_up: list[Job | asyncio.TimerHandle] = []
        self._opened: list[Snapshot] = []
        self._tasks: set[asyncio.Task[Any]] = set()
        self.training: Training | None = None
        """The run that is going on."""
        self.protocol.texts = self.session
        self.session.listening = self._documents_changed
        self.hints = Hints(self)
        self.session.changed = self.hints.changed
        status.log_to(self._log, self.session.settings.log_level)

    # -- what handlers use -----------------------------------------------------------

    def send_progress(self, token: str | int | None, value: Any) -> None:
        """Send one value of a partial result or of work that takes a while."""
        if token is not None:
            self.protocol.notify(types.PROGRESS, types.ProgressParams(token=token, value=value))

    @contextlib.contextmanager
    def work_done(self, token: str | int | None, title: str) -> Iterator[None]:
        """Report the work inside by progress on `token`; cancel it when the client asks."""
        if token is None:
            yield
            return
        task = asyncio.current_task()
        assert task is not None
        shown = ShownWork(self, title, token, task.cancel, measured=False)
        try:
            yield
        finally:
            shown.end()

    def warm_up(self, snapshot: Snapshot, offset: int) -> None:
        """Read up to a place where typing goes on, and ahead of it after a moment's pause."""
        engine, worker, spot = self.session.engine, self.session.worker, Spot(snapshot, offset)
        for older in self._warm_up:
            older.cancel()
        if engine is None:
            return

        def read(step: Callable[[Spot, Callable[[], bool]], bool], job: Job) -> Reading:
            while not step(spot, job.is_interrupted):
                yield

        def ahead() -> None:
            self._warm_up = [worker.submit(Priority.WARM_UP, partial(read, engine.read_ahead))]

        # Where nothing is offered, such as inside a word, nothing has been read yet.
        job = worker.submit(Priority.WARM_UP, partial(read, engine.read))
        self._warm_up = [job, asyncio.get_running_loop().call_later(_PAUSE, ahead)]

    def report_server_error(self, error: Exception, source: Any) -> None:
        """Log an error in a line; never a pop-up. Answers what is no JSON."""
        said = status.short(str(error))
        if source is JsonRpcException and isinstance(error, ValueError | RecursionError):
            parse_error(self.protocol, error)
            logger.warning("a message that is no JSON: %s", said)
        elif not isinstance(error, JsonRpcException):
            logger.error("%s: %s", type(error).__name__, said)

    # -- settings --------------------------------------------------------------------

    def change_options(self, options: Any) -> None:
        """Go by what the client sent for the global scope.

        Everywhere, until the folders' own are pulled again: those that are known are older,
        and who has just switched suggestions on types on at once.
        """
        self.change_settings(self._settings(options), {})

    def _settings(self, options: Any) -> settings.Settings:
        """Return the settings that `options` mean; say once what is wrong with them."""
        found, problems = settings.read(options)
        for problem in problems:
            if problem not in self._told:
                self._told.add(problem)
                logger.warning("%s", problem)
                self.window_show_message(
                    types.ShowMessageParams(types.MessageType.Warning, problem)
                )
        return found

    def change_settings(
        self, found: settings.Settings, by_folder: dict[Path, settings.Settings]
    ) -> None:
        """Go by these from now on, with another model if `found` says so."""
        self.session.folder_settings = by_folder
        reload = self.session.change_settings(found)
        status.log_to(self._log, found.log_level)
        if reload and self._background:
            self.load()
        self.hints.settings_changed()
        self.tell_status()

    def enable(self, enabled: bool) -> dict[str, Any]:
        """Switch suggestions on or off everywhere, until settings say otherwise."""
        session = self.session
        by_folder = session.folder_settings.items()
        self.change_settings(
            replace(session.settings, enabled=enabled),
            {folder: replace(one, enabled=enabled) for folder, one in by_folder},
        )
        return self.status()

    async def pull_options(self) -> None:
        """Ask the client for its settings, those of each folder too, if it keeps any.

        Where it has none (null), the global ones count, and for these what was sent before.
        """
        workspace = self.client_capabilities.workspace
        if workspace is None or not workspace.configuration:
            return
        folders = self.session.folders
        scopes = [None, *(folder.as_uri() for folder in folders)]
        items = [types.ConfigurationItem(scope, settings.SECTION) for scope in scopes]
        answer = await self.workspace_configuration_async(types.ConfigurationParams(items))
        if not answer or folders is not self.session.folders:  # then it is asked again
            return
        common, *own = [
            None if options is None else self._settings(convert.plain(options))
            for options in answer
        ]
        by_folder = {
            folder: found for folder, found in zip(folders, own, strict=False) if found is not None
        }
        self.change_settings(common or self.session.settings, by_folder)

    def start(self, coroutine: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Run a coroutine beside the handlers; log what goes wrong."""
        task = asyncio.ensure_future(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        task.add_done_callback(_log_failure)
        return task

    # -- the model and the project ---------------------------------------------------

    def load(self) -> None:
        """Load the model and index the project, in the background."""
        for job in self._background:
            job.cancel()
        self._background.clear()
        self.session.engine, self.session.engine_problem = None, None
        self._indexed = (0, 0)
        explicit, found = self._explicit, self.session.settings
        folder = self.session.folders[0] if self.session.folders else None

        def work(job: Job) -> Any:
            from lstm_lsp.server.engine import Engine  # noqa: PLC0415 - 0.3 s, not now

            return Engine.load(explicit, folder, found)

        job = self.session.worker.submit(Priority.REQUEST, work)
        self._background.append(job)
        self.tell_status()
        self.start(self._loaded(job))

    async def _loaded(self, job: Job) -> None:
        session, shown = self.session, ShownWork(self, "Loading the model")
        try:
            engine = await asyncio.wrap_future(job.result)
        except Exception as error:
            if not job.is_cancelled():
                session.engine_problem = str(error)
                logger.error("%s", error)
                message = types.ShowMessageParams(types.MessageType.Error, str(error))
                self.window_show_message(message)
                self.tell_status()
            return
        finally:
            shown.end()
        if engine is not None and not job.is_cancelled():
            session.engine = engine
            self.hints.settings_changed()
            if engine.memory is not None and session.folders:
                await self._index(engine)
            else:
                self.tell_status()

    async def _index(self, engine: Engine) -> None:
        folders = list(self.session.folders)
        near = convert.path_of(next(reversed(self.session.open), ""))
        loop = asyncio.get_running_loop()
        shown = ShownWork(self, "Reading the project")

        def work(job: Job) -> Generator[None, None, None]:
            indexed, total = 0, 0
            for folder in folders:
                here = (indexed, total)
                for step in engine.index(folder, near):
                    here = (indexed + step.indexed, total + step.total)
                    loop.call_soon_threadsafe(tell, *here)
                    yield
                indexed, total = here

        def tell(indexed: int, total: int) -> None:
            if not job.is_cancelled():
                self._indexed = (indexed, total)
                percentage = 100 * indexed // max(total, 1)
                if percentage >= shown.percentage + 5:
                    shown.report(f"{indexed} of {total} files", percentage)

        job = self.session.worker.submit(Priority.INDEXING, work)
        self._background.append(job)
        # A small project is read before anybody needs to know that it is being read.
        telling = loop.call_later(_PATIENCE, self.tell_status)
        try:
            await asyncio.wrap_future(job.result)
        finally:
            telling.cancel()
            shown.end()
            if job in self._background:  # another load has not begun
                self._background.remove(job)
                self.tell_status()

    def _documents_changed(self) -> None:
        """Bring the project memory up to date before a request has to wait for it."""
        engine = self.session.engine
        self._opened = self.session.opened(None)
        if engine is not None:
            # What is open when the job is done, not what was when it was queued.
            work = partial(_follow, self, engine)
            self.session.worker.submit(Priority.INDEXING, work)

    def files_changed(self, uris: list[str]) -> None:
        """Let the project memory know of files changed on disk; open ones keep their text."""
        engine = self.session.engine
        for uri in uris:
            file = convert.path_of(uri)
            folder = self.session.folder_of(file)
            if engine and file and folder:
                self.session.worker.submit(Priority.INDEXING, partial(_read, engine, folder, file))

    # -- status ----------------------------------------------------------------------

    def status(self) -> dict[str, Any]:
        """Return what `lstmLsp/status` says."""
        session, engine = self.session, self.session.engine
        state, reason = "ready", ""
        if not session.enabled:
            state, reason = "off", "suggestions are switched off"
        elif session.engine_problem is not None:
            state, reason = "off", session.engine_problem
        elif engine is None:
            state, reason = "loading", "the model is being loaded"
        elif any(job.priority is Priority.INDEXING for job in self._background):
            state, reason = "busy", "the project is being read"
        return {
            "state": state,
            "reason": reason,
            "model": engine.model.name if engine is not None else None,
            "memoryMegabytes": status.resident_megabytes(),
            "indexed": self._indexed[0],
            "total": self._indexed[1],
            "symbolsRead": engine.contexts.symbols_read if engine is not None else 0,
        }

    def tell_status(self) -> None:
        """Send `lstmLsp/status` if anything but numbers has changed."""
        new = self.status()
        if any(new[key] != self._status.get(key) for key in ("state", "reason", "model")):
            self._status = new
            self.protocol.notify(STATUS, new)

    def stop(self) -> None:
        """End all work at once."""
        if self.training is not None:
            self.training.kill()
        self.session.worker.stop()


def _follow(server: Server, engine: Engine, job: Job) -> Generator[None, None, None]:
    yield from engine.follow(server._opened)


def _read(engine: Engine, folder: Path, file: Path, job: Job) -> None:
    engine.read_file(folder, file)


def _log_failure(task: asyncio.Task[Any]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        logger.error("%s: %s", type(error).__name__, error)
