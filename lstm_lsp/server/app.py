"""The server: its life from start to exit, the model's loading, the project's indexing.

Loading and indexing run on the inference thread after `initialized`, so that `initialize`
is answered at once. What the client did not offer is neither registered nor sent. stdout
belongs to the protocol alone.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import logging
import os
import sys
import uuid
from collections.abc import Callable, Generator, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lsprotocol import types
from pygls.exceptions import JsonRpcException
from pygls.lsp.server import LanguageServer

from lstm_lsp import __version__
from lstm_lsp.server import convert, features, settings, status
from lstm_lsp.server.protocol import OwnProtocol, parse_error
from lstm_lsp.server.session import Session
from lstm_lsp.server.snapshot import Snapshot, Spot
from lstm_lsp.server.worker import Job, Priority

if TYPE_CHECKING:
    from lstm_lsp.server.engine import Engine

logger = logging.getLogger(__name__)

_WATCHED = "**/*.{java,py,pyi}"


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
        self._background: list[Job] = []  # loading and indexing
        self._warm_up: Job | None = None
        self._tasks: set[asyncio.Task[Any]] = set()
        self.protocol.texts = self.session
        self.session.listening = self._documents_changed
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
        self.send_progress(token, types.WorkDoneProgressBegin(title=title, cancellable=True))
        self.protocol.progress.tokens[token] = _Cancels(task)  # type: ignore[assignment]
        try:
            yield
        finally:
            self.protocol.progress.tokens.pop(token, None)
            self.send_progress(token, types.WorkDoneProgressEnd())

    def warm_up(self, snapshot: Snapshot, offset: int) -> None:
        """Read ahead for typing on at a place, when nothing else is to be done."""
        engine = self.session.engine
        if self._warm_up is not None:
            self._warm_up.cancel()
        if engine is not None:

            def work(job: Job) -> Generator[None, None, None]:
                while not engine.warm(Spot(snapshot, offset), job.is_interrupted):
                    yield

            self._warm_up = self.session.worker.submit(Priority.WARM_UP, work)

    def report_server_error(self, error: Exception, source: Any) -> None:
        """Log an error; never a pop-up. Answers what is no JSON."""
        if source is JsonRpcException and isinstance(error, ValueError):
            parse_error(self.protocol, error)
        if not isinstance(error, JsonRpcException):
            logger.error("%s: %s", type(error).__name__, status.short(str(error)))

    # -- settings --------------------------------------------------------------------

    def change_options(self, options: Any) -> None:
        """Go by what the client sent; say once what is wrong with it."""
        found, problems = settings.read(options)
        for problem in problems:
            logger.warning("%s", problem)
            if problem not in self._told:
                self._told.add(problem)
                self.window_show_message(
                    types.ShowMessageParams(types.MessageType.Warning, problem)
                )
        self.change_settings(found)

    def change_settings(self, found: settings.Settings) -> None:
        """Go by `found` from now on, with another model if it says so."""
        reload = self.session.change_settings(found)
        status.log_to(self._log, found.log_level)
        if reload and self._background:
            self.load()
        self.tell_status()

    def enable(self, enabled: bool) -> dict[str, Any]:
        """Switch suggestions on or off, until settings say otherwise."""
        self.change_settings(replace(self.session.settings, enabled=enabled))
        return self.status()

    async def pull_options(self) -> None:
        """Ask the client for its settings, if it keeps any."""
        item = types.ConfigurationItem(section=settings.SECTION)
        answer = await self.workspace_configuration_async(types.ConfigurationParams([item]))
        if answer and answer[0] is not None:
            self.change_options(_plain(answer[0]))

    def start(self, coroutine: Any) -> None:
        """Run a coroutine beside the handlers; log what goes wrong."""
        task = asyncio.ensure_future(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        task.add_done_callback(_log_failure)

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
        async with self._reported("Loading the model"):
            try:
                engine = await asyncio.wrap_future(job.result)
            except Exception as error:
                if job.is_cancelled():
                    return
                self.session.engine_problem = str(error)
                logger.error("%s", error)
                self.window_show_message(
                    types.ShowMessageParams(types.MessageType.Error, str(error))
                )
                self.tell_status()
                return
        if job.is_cancelled() or engine is None:
            return
        self.session.engine = engine
        self.tell_status()
        if engine.memory is not None:
            await self._index()

    async def _index(self) -> None:
        engine, folders = self.session.engine, list(self.session.folders)
        if engine is None or not folders:
            return
        near = convert.path_of(next(reversed(self.session.open), ""))
        loop = asyncio.get_running_loop()

        def work(job: Job) -> Generator[None, None, None]:
            indexed, total = 0, 0
            for folder in folders:
                here = (0, 0)
                for step in engine.index(folder, near):
                    here = (indexed + step.indexed, total + step.total)
                    loop.call_soon_threadsafe(tell, here)
                    yield
                indexed, total = here

        def tell(done: tuple[int, int]) -> None:
            if not job.is_cancelled():
                self._indexed = done
                report(done)

        job = self.session.worker.submit(Priority.INDEXING, work)
        self._background.append(job)
        async with self._reported("Reading the project") as report:
            self.tell_status()
            await asyncio.wrap_future(job.result)
        if not job.is_cancelled():
            self._background.remove(job)
            self.tell_status()

    def _documents_changed(self) -> None:
        """Bring the project memory up to date before a request has to wait for it."""
        engine, opened = self.session.engine, self.session.opened(None)
        if engine is not None:
            self.session.worker.submit(Priority.INDEXING, lambda job: engine.follow(opened))

    def files_changed(self, uris: list[str]) -> None:
        """Let the project memory know of files changed on disk; open ones keep their text."""
        engine = self.session.engine
        for uri in uris:
            file = convert.path_of(uri)
            folder = self.session.folder_of(file)
            if engine and file and folder:
                self.session.worker.submit(Priority.INDEXING, partial(_read, engine, folder, file))

    @contextlib.asynccontextmanager
    async def _reported(self, title: str) -> Any:
        """Show work by progress, if the client can; gives a function for (done, total)."""
        window = self.client_capabilities.window
        if window is None or not window.work_done_progress:
            yield lambda done: None
            return
        token = str(uuid.uuid4())
        create = types.WorkDoneProgressCreateParams(token=token)
        with contextlib.suppress(JsonRpcException):
            await self.window_work_done_progress_create_async(create)
        self.send_progress(token, types.WorkDoneProgressBegin(title=title, percentage=0))
        last = 0

        def report(done: tuple[int, int]) -> None:
            nonlocal last
            percentage = 100 * done[0] // max(done[1], 1)
            if percentage >= last + 5:
                last = percentage
                message = f"{done[0]} of {done[1]} files"
                value = types.WorkDoneProgressReport(message=message, percentage=percentage)
                self.send_progress(token, value)

        try:
            yield report
        finally:
            self.send_progress(token, types.WorkDoneProgressEnd())

    # -- status ----------------------------------------------------------------------

    def status(self) -> dict[str, Any]:
        """Return what `lstmLsp/status` says."""
        session, engine = self.session, self.session.engine
        state, reason = "ready", ""
        if not session.settings.enabled:
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
        }

    def tell_status(self) -> None:
        """Send `lstmLsp/status` if anything but numbers has changed."""
        new = self.status()
        if any(new[key] != self._status.get(key) for key in ("state", "reason", "model")):
            self._status = new
            self.protocol.notify(features.STATUS, new)

    def stop(self) -> None:
        """End all work at once."""
        self.session.worker.stop()


def _read(engine: Engine, folder: Path, file: Path, job: Job) -> None:
    engine.read_file(folder, file)


class _Cancels:
    """What pygls cancels when the client cancels work-done progress: a task."""

    def __init__(self, task: asyncio.Task[Any] | None) -> None:
        self._task = task

    def cancel(self) -> None:
        if self._task is not None:
            self._task.cancel()


def _log_failure(task: asyncio.Task[Any]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        logger.error("%s: %s", type(error).__name__, error)


def _plain(value: Any) -> Any:
    """Return what pygls may have made an object of as JSON again."""
    if hasattr(value, "_asdict"):
        return {key: _plain(inner) for key, inner in value._asdict().items()}
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    return value


def build(model: str | None = None, log: list[logging.Handler] | None = None) -> Server:
    """Return a server with all its handlers."""
    server = Server(model, log)
    _register_life(server)
    completion = types.CompletionOptions(
        resolve_provider=True, trigger_characters=features.TRIGGERS
    )
    server.feature(types.TEXT_DOCUMENT_COMPLETION, completion)(partial(features.completion, server))
    server.feature(types.COMPLETION_ITEM_RESOLVE)(partial(features.resolve, server))
    inline = types.InlineCompletionOptions()  # without it pygls does not advertise the method
    server.feature(types.TEXT_DOCUMENT_INLINE_COMPLETION, inline)(
        partial(features.inline_completion, server)
    )
    server.feature(features.GENERATE)(partial(features.generate, server))
    server.feature(features.SURPRISE)(partial(features.surprise, server))
    server.feature(features.STATUS)(lambda *_: server.status())
    commands: dict[str, Callable[..., Any]] = {
        "lstmLsp.enable": lambda *_: server.enable(True),
        "lstmLsp.disable": lambda *_: server.enable(False),
        "lstmLsp.toggle": lambda *_: server.enable(not server.session.settings.enabled),
        "lstmLsp.status": lambda *_: server.status(),
        "lstmLsp.explain": lambda *arguments: features.explain(server, *arguments),
        "lstmLsp.reloadModel": lambda *_: server.load(),
    }
    for name, command in commands.items():
        server.command(name)(command)
    return server


def _register_life(server: Server) -> None:
    @server.feature(types.INITIALIZE)
    def initialize(params: types.InitializeParams) -> None:
        server._client_log.loop = asyncio.get_running_loop()
        session = server.session
        session.encoding = convert.encoding(server.workspace.position_encoding)
        server.client_name = params.client_info.name if params.client_info else ""
        folders = params.workspace_folders or []
        uris = [one.uri for one in folders] or ([params.root_uri] if params.root_uri else [])
        session.folders = [path for uri in uris if (path := convert.path_of(uri)) is not None]
        options = params.initialization_options
        if isinstance(options, dict) and settings.SECTION in options:
            server.early_options = options[settings.SECTION]

    @server.feature(types.INITIALIZED)
    async def initialized(params: types.InitializedParams) -> None:
        server.change_options(server.early_options)
        workspace = server.client_capabilities.workspace
        if workspace and workspace.configuration:
            with contextlib.suppress(JsonRpcException):
                await server.pull_options()
        server.load()
        await _register_dynamically(server)

    @server.feature(types.WORKSPACE_DID_CHANGE_CONFIGURATION)
    async def did_change_configuration(params: types.DidChangeConfigurationParams) -> None:
        pushed = _plain(params.settings)
        if isinstance(pushed, dict) and settings.SECTION in pushed:
            server.change_options(pushed[settings.SECTION])
        elif (workspace := server.client_capabilities.workspace) and workspace.configuration:
            await server.pull_options()

    @server.feature(types.WORKSPACE_DID_CHANGE_WATCHED_FILES)
    def did_change_watched_files(params: types.DidChangeWatchedFilesParams) -> None:
        server.files_changed([change.uri for change in params.changes])

    @server.feature(types.SHUTDOWN)
    def shutdown(*_: Any) -> None:
        server.stop()

    @server.feature(types.EXIT)
    def leave(*_: Any) -> None:
        server.exit_status = 0 if server.protocol._shutdown else 1
        server.stop()


async def _register_dynamically(server: Server) -> None:
    """Ask for what can only be asked for later, if the client can be asked."""
    workspace = server.client_capabilities.workspace
    wanted: list[types.Registration] = []
    if workspace and (one := workspace.did_change_configuration) and one.dynamic_registration:
        options = types.DidChangeConfigurationRegistrationOptions(section=settings.SECTION)
        method = types.WORKSPACE_DID_CHANGE_CONFIGURATION
        wanted.append(types.Registration("settings", method, options))
    if workspace and (two := workspace.did_change_watched_files) and two.dynamic_registration:
        watcher = types.FileSystemWatcher(glob_pattern=_WATCHED)
        method = types.WORKSPACE_DID_CHANGE_WATCHED_FILES
        watched = types.DidChangeWatchedFilesRegistrationOptions([watcher])
        wanted.append(types.Registration("files", method, watched))
    if wanted:
        await server.client_register_capability_async(types.RegistrationParams(wanted))


def serve(
    model: str | None = None,
    tcp: str | None = None,
    ws: str | None = None,
    log_file: str | None = None,
) -> int:
    """Serve one client over stdio, or at `tcp` or `ws` ("HOST:PORT"), until it leaves.

    Returns the exit status: 0, or 1 when the client did not shut down first. Raises OSError
    when `log_file` cannot be written, ValueError when an address is none.
    """
    server = build(model, [status.file_log(log_file)] if log_file else [])
    try:
        if tcp is not None:
            server.start_tcp(*_address(tcp))
        elif ws is not None:
            server.start_ws(*_address(ws))
        else:
            server.start_io(stdout=_own_stdout())
    finally:
        server.stop()
    return server.exit_status


def _own_stdout() -> io.BufferedWriter:
    """Return stdout for the protocol; what anything else prints goes to stderr from now on."""
    sys.stdout.flush()
    own = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    sys.stdout = sys.stderr
    return own


def _address(value: str) -> tuple[str, int]:
    host, _, port = value.rpartition(":")
    if not port.isdecimal() or int(port) > 65_535:
        raise ValueError(f"{value} is no HOST:PORT")
    return host.strip("[]") or "127.0.0.1", int(port)
