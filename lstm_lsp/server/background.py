"""What the server does beside answering: loads the model, indexes the project, reads ahead.

All of it on the inference thread, behind what anybody waits for, so that everything is
answered meanwhile; the client sees status and progress.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Generator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from lsprotocol import types

from lstm_lsp.server import convert
from lstm_lsp.server.progress import ShownWork
from lstm_lsp.server.snapshot import Snapshot, Spot
from lstm_lsp.server.worker import Job, Priority

if TYPE_CHECKING:
    from lstm_lsp.server.engine import Engine
    from lstm_lsp.server.server import Server

logger = logging.getLogger(__name__)

_PATIENCE: Final = 0.5  # seconds that reading the project may take before it is told
_PAUSE: Final = 0.2  # seconds without an answer after which the server reads ahead

Slices = Generator[None, None, None]


class Background:
    """The work of one client's server that nobody waits for."""

    def __init__(self, server: Server, explicit: str | None) -> None:
        """`explicit` is the command line's model, which goes before the settings'."""
        self._server = server
        self._session = server.session
        self._explicit = explicit
        self._loading: list[Job] = []  # loading and indexing, from the first `load` on
        self._reading: list[Job | asyncio.TimerHandle] = []
        self._opened: list[Snapshot] = []
        self.indexed = (0, 0)
        """Files of the project that have been read, and all of them."""
        self._session.listening = self._documents_changed

    @property
    def is_indexing(self) -> bool:
        """Whether the project is being read."""
        return any(job.priority is Priority.INDEXING for job in self._loading)

    # -- the model and the project ---------------------------------------------------

    def load(self) -> None:
        """Load the model and index the project."""
        for job in self._loading:
            job.cancel()
        self._loading.clear()
        session = self._session
        session.engine, session.engine_problem = None, None
        self.indexed = (0, 0)
        explicit, settings = self._explicit, session.settings
        folder = session.folders[0] if session.folders else None

        def work(job: Job) -> Engine:
            from lstm_lsp.server.engine import Engine  # noqa: PLC0415 - 0.3 s, not now

            return Engine.load(explicit, folder, settings)

        job = session.worker.submit(Priority.REQUEST, work)
        self._loading.append(job)
        self._server.tell_status()
        self._server.start(self._loaded(job))

    def load_again(self) -> None:
        """Load the model that the settings say by now, if one was loaded before."""
        if self._loading:
            self.load()

    async def _loaded(self, job: Job) -> None:
        server, session = self._server, self._session
        shown = ShownWork(server, "Loading the model")
        try:
            engine = await asyncio.wrap_future(job.result)
        except Exception as error:
            if not job.is_cancelled():
                session.engine_problem = str(error)
                logger.error("%s", error)
                message = types.ShowMessageParams(types.MessageType.Error, str(error))
                server.window_show_message(message)
                server.tell_status()
            return
        finally:
            shown.end()
        if engine is not None and not job.is_cancelled():
            session.engine = engine
            server.hints.settings_changed()
            if engine.memory is not None and session.folders:
                await self._index(engine)
            else:
                server.tell_status()

    async def _index(self, engine: Engine) -> None:
        folders = list(self._session.folders)
        near = convert.path_of(next(reversed(self._session.open), ""))
        loop = asyncio.get_running_loop()
        shown = ShownWork(self._server, "Reading the project")

        def work(job: Job) -> Slices:
            indexed, total = 0, 0
            for folder in folders:
                here = (indexed, total)
                for step in engine.texts.index(folder, near):
                    here = (indexed + step.indexed, total + step.total)
                    loop.call_soon_threadsafe(tell, *here)
                    yield
                indexed, total = here

        def tell(indexed: int, total: int) -> None:
            if not job.is_cancelled():
                self.indexed = (indexed, total)
                percentage = 100 * indexed // max(total, 1)
                if percentage >= shown.percentage + 5:
                    shown.report(f"{indexed} of {total} files", percentage)

        job = self._session.worker.submit(Priority.INDEXING, work)
        self._loading.append(job)
        # A small project is read before anybody needs to know that it is being read.
        telling = loop.call_later(_PATIENCE, self._server.tell_status)
        try:
            await asyncio.wrap_future(job.result)
        finally:
            telling.cancel()
            shown.end()
            if job in self._loading:  # another load has not begun
                self._loading.remove(job)
                self._server.tell_status()

    # -- the documents ---------------------------------------------------------------

    def files_changed(self, uris: list[str]) -> None:
        """Let the project memory know of files changed on disk; open ones keep their text."""
        engine = self._session.engine
        for uri in uris:
            file = convert.path_of(uri)
            folder = self._session.folder_of(file)
            if engine and file and folder:
                work = partial(_read_file, engine, folder, file)
                self._session.worker.submit(Priority.INDEXING, work)

    def _documents_changed(self) -> None:
        """Bring the project memory up to date before a request has to wait for it."""
        engine = self._session.engine
        self._opened = self._session.opened(None)
        if engine is not None:
            self._session.worker.submit(Priority.INDEXING, partial(self._follow, engine))

    def _follow(self, engine: Engine, job: Job) -> Slices:
        # What is open when the job is done, not what was when it was queued.
        yield from engine.texts.follow(self._opened)
        yield from engine.texts.prepare(self._opened)

    def warm_up(self, snapshot: Snapshot, offset: int) -> None:
        """Read up to a place where typing goes on, and ahead of it after a moment's pause."""
        engine, worker, spot = self._session.engine, self._session.worker, Spot(snapshot, offset)
        for older in self._reading:
            older.cancel()
        if engine is None:
            return

        def read(step: Callable[[Spot, Callable[[], bool]], bool], job: Job) -> Slices:
            while not step(spot, job.is_interrupted):
                yield

        def ahead() -> None:
            self._reading = [worker.submit(Priority.WARM_UP, partial(read, engine.read_ahead))]

        # Where nothing is offered, such as inside a word, nothing has been read yet.
        job = worker.submit(Priority.WARM_UP, partial(read, engine.read))
        self._reading = [job, asyncio.get_running_loop().call_later(_PAUSE, ahead)]


def _read_file(engine: Engine, folder: Path, file: Path, job: Job) -> None:
    engine.texts.read_file(folder, file)
