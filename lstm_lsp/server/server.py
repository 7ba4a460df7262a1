"""What one client talks to: its messages' first step, settings, status.

What the client did not offer is not sent. Handlers are in `features`, wiring in `app`, work
that nobody waits for in `background`.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Coroutine, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from lsprotocol import types
from pygls.exceptions import JsonRpcException
from pygls.lsp.server import LanguageServer

from lstm_lsp import __version__
from lstm_lsp.server import convert, settings, status
from lstm_lsp.server.background import Background
from lstm_lsp.server.diagnostics import Hints
from lstm_lsp.server.framing import Malformed
from lstm_lsp.server.progress import ShownWork
from lstm_lsp.server.protocol import STATUS, OwnProtocol, converter, parse_error
from lstm_lsp.server.session import Session

if TYPE_CHECKING:
    from lstm_lsp.server.training import Training

logger = logging.getLogger(__name__)

T = TypeVar("T")


class Server(LanguageServer):
    """One client's server."""

    protocol: OwnProtocol

    def __init__(self, model: str | None = None, log: list[logging.Handler] | None = None) -> None:
        """`model` is the command line's, which goes before the settings'."""
        super().__init__(
            "lstm-lsp",
            __version__,
            protocol_cls=OwnProtocol,
            converter_factory=converter,
            max_workers=2,
        )
        self.session = Session()
        self.client_name = ""
        self.exit_status = 0
        self.early_options: Any = None  # from initialize; heeded once the client is ready
        self._client_log = status.ClientLog(self.window_log_message)
        self._log = [self._client_log, *(log or [])]
        self._told: set[str] = set()  # problems shown to the user
        self._status: dict[str, Any] = {}
        self._tasks: set[asyncio.Task[Any]] = set()
        self.training: Training | None = None
        """The run that is going on."""
        self.protocol.texts = self.session
        self.background = Background(self, model)
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

    def receive(self, message: Any) -> None:
        """Handle what came from the client: parsed JSON, or Malformed, which is answered."""
        if isinstance(message, Malformed):
            parse_error(self.protocol, message.reason)
            return
        try:
            self.protocol.handle_message(message)
        except Exception as error:  # a handler's fault ends no connection
            self.report_server_error(error, JsonRpcException)

    def report_server_error(self, error: Exception, source: Any) -> None:
        """Log an error in a line; never a pop-up."""
        if not isinstance(error, JsonRpcException):
            logger.error("%s: %s", type(error).__name__, status.short(str(error)))

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
        if reload:
            self.background.load_again()
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
        elif self.background.is_indexing:
            state, reason = "busy", "the project is being read"
        return {
            "state": state,
            "reason": reason,
            "model": engine.model.name if engine is not None else None,
            "memoryMegabytes": status.resident_megabytes(),
            "indexed": self.background.indexed[0],
            "total": self.background.indexed[1],
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

    def leave(self) -> None:
        """Stop reading: the client is gone."""
        super().shutdown()  # type: ignore[no-untyped-call]


def _log_failure(task: asyncio.Task[Any]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        logger.error("%s: %s", type(error).__name__, error)
