"""What the server keeps between messages: documents, settings, model, what was answered.

Lives on the event loop; only jobs given to the worker run elsewhere, and they see nothing
but snapshots. A newer request for the same document and method supersedes an older one,
and an edit ends every request for the text that it replaced. Knows documents and the
engine; of the protocol only the parameters of text synchronisation.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from lsprotocol import types

from lstm_lsp.document import Document, Encoding, PositionError
from lstm_lsp.server import convert
from lstm_lsp.server.settings import Settings
from lstm_lsp.server.snapshot import Snapshot, language_of
from lstm_lsp.server.worker import Job, Priority, Worker

if TYPE_CHECKING:
    from lstm_lsp.search import Candidate
    from lstm_lsp.server.engine import Engine

logger = logging.getLogger(__name__)

_LOST: Final = "its text is not known until the document is opened again"


@dataclass
class Answer:
    """What was last answered about a document."""

    key: int
    snapshot: Snapshot
    offset: int
    reason: str | None = None
    """Why nothing was searched for."""
    candidates: list[Candidate] = field(default_factory=list)
    shown: str = ""
    """The ghost text."""


@dataclass(frozen=True)
class Where:
    """A position in an open document, or the reason why nothing is to be offered there."""

    snapshot: Snapshot | None
    offset: int
    reason: str | None


class Session:
    """One client's open documents and the engine that serves them."""

    def __init__(self) -> None:
        self.worker = Worker()
        self.settings = Settings()
        """Of the global scope: the whole server's, and those of documents in no folder."""
        self.folder_settings: dict[Path, Settings] = {}
        self.encoding: Encoding = "utf-16"
        self.folders: list[Path] = []
        self.open: dict[str, Snapshot] = {}
        self.engine: Engine | None = None
        self.engine_problem: str | None = None  # why there is no model
        self.answers: dict[tuple[str, str], Answer] = {}  # by URI and method
        self.asked: Where | None = None
        """Where something was last asked for, answered or not; for `explain`."""
        self._jobs: dict[tuple[str, str], Job] = {}
        self._answered = 0
        self.listening: Callable[[], None] = lambda: None
        """Called after a document was opened or closed."""
        self.changed: Callable[[str], None] = lambda uri: None
        """Called after a document was opened, edited or closed."""

    # -- documents -------------------------------------------------------------------

    def did_open(self, params: types.DidOpenTextDocumentParams) -> None:
        """Keep a document; opening it again replaces it."""
        item = params.text_document
        file = convert.path_of(item.uri)
        self.open[item.uri] = Snapshot(
            uri=item.uri,
            file=file,
            folder=self.folder_of(file),
            language=language_of(item.language_id, item.uri),
            document=Document(item.text, item.version),
        )
        self._cancel_jobs(item.uri)
        self.listening()
        self.changed(item.uri)

    def did_change(self, params: types.DidChangeTextDocumentParams) -> None:
        """Edit a document; after a change that cannot be, its text is lost.

        A guess might be another text than the editor's, so nothing is offered in a document
        until a change or an opening brings all of its text again.
        """
        uri, version = params.text_document.uri, params.text_document.version
        snapshot = self.open.get(uri)
        if snapshot is None:
            logger.warning("a change to a document that is not open: %s", uri)
            return
        self._cancel_jobs(uri)
        document, lost, fault = snapshot.document, snapshot.lost, ""
        for change in params.content_changes:
            if not isinstance(change, types.TextDocumentContentChangePartial):
                document, lost = Document(change.text, version), False
            elif not lost:
                start = convert.position(change.range.start)
                end = convert.position(change.range.end)
                try:
                    document = document.edited(start, end, change.text, self.encoding, version)
                except PositionError as error:
                    lost, fault = True, f"version {version} cannot be: {error}"
        self.open[uri] = snapshot.changed(document)
        if lost:
            self.lose(uri, fault)
        else:
            self.changed(uri)

    def lose(self, uri: str, reason: str) -> None:
        """Take a document's text for lost; `reason`, told when there is one, says why."""
        snapshot = self.open.get(uri)
        if snapshot is None:
            return
        self._cancel_jobs(uri)
        self.open[uri] = snapshot.changed(snapshot.document, lost=True)
        if reason:
            logger.error("%s: %s; %s", uri, reason, _LOST)
        self.changed(uri)

    def did_close(self, params: types.DidCloseTextDocumentParams) -> None:
        """Forget a document."""
        uri = params.text_document.uri
        self._cancel_jobs(uri)
        if self.open.pop(uri, None) is not None:
            for key in [key for key in self.answers if key[0] == uri]:
                del self.answers[key]
            if self.asked is not None and self.asked.snapshot and self.asked.snapshot.uri == uri:
                self.asked = None
            self.listening()
            self.changed(uri)

    def change_folders(self, folders: list[Path]) -> None:
        """Go by other workspace folders; open documents lie in them from now on."""
        self.folders = folders
        for uri, snapshot in self.open.items():
            if (folder := self.folder_of(snapshot.file)) != snapshot.folder:
                self.open[uri] = replace(snapshot, folder=folder)

    def folder_of(self, file: Path | None) -> Path | None:
        """Return the workspace folder that `file` lies in, the innermost one."""
        around = [one for one in self.folders if file is not None and file.is_relative_to(one)]
        return max(around, key=lambda one: len(one.parts), default=None)

    def opened(self, snapshot: Snapshot | None) -> list[Snapshot]:
        """Return `snapshot` and all open documents in served languages whose text is known."""
        return [
            one for one in self.open.values() if (one.language and not one.lost) or one is snapshot
        ]

    # -- positions and reasons -------------------------------------------------------

    def where(self, uri: str, position: types.Position) -> Where:
        """Return the place of `position` in the document as it is now."""
        snapshot = self.open.get(uri)
        if snapshot is None:
            return Where(None, 0, "the document is not open")
        try:
            offset = snapshot.document.offset(convert.position(position), self.encoding)
        except PositionError as error:
            return Where(snapshot, 0, str(error))
        return Where(snapshot, offset, self.off_here(snapshot, offset))

    def off_here(self, snapshot: Snapshot, offset: int) -> str | None:
        """Return why nothing is offered at a place in a document, or None."""
        settings = self.settings_for(snapshot)
        if not settings.enabled:
            return "suggestions are switched off"
        if snapshot.language is None:
            return "this language is not served"
        if snapshot.lost:
            return _LOST
        if snapshot.language not in settings.languages:
            return f"suggestions are switched off for {snapshot.language}"
        if self.engine is None:
            return self.engine_problem or "the model is being loaded"
        if snapshot.looks_binary(offset):
            return "this looks like a binary file"
        return None

    # -- work ------------------------------------------------------------------------

    async def ask(
        self,
        snapshot: Snapshot,
        method: str,
        priority: Priority,
        work: Callable[[Job], Any],
        *,
        past: bool = False,
    ) -> Any:
        """Return what `work` gives, or None when its text is no longer the document's.

        With `past` it need not be: the question is about text as it was.
        Cancels the last request of the same method for the document, and its own job when
        the request is cancelled.
        """
        key = ("" if past else snapshot.uri, method)  # an edit does not end it then
        if (older := self._jobs.get(key)) is not None:
            older.cancel()
        job = self._jobs[key] = self.worker.submit(priority, work)
        try:
            result = await asyncio.wrap_future(job.result)
        except asyncio.CancelledError:
            job.cancel()
            raise
        finally:
            if self._jobs.get(key) is job:
                del self._jobs[key]
        return result if past or self.open.get(snapshot.uri) is snapshot else None

    def begin_answer(self, where: Where) -> Answer:
        """Return an answer with a new key; `keep` it when it is complete."""
        assert where.snapshot is not None
        self._answered += 1
        self.asked = where
        return Answer(self._answered, where.snapshot, where.offset, where.reason)

    def keep(self, method: str, answer: Answer) -> None:
        """Keep what was answered last, for resolve and for typing along."""
        self.answers[answer.snapshot.uri, method] = answer

    def answer(self, key: int) -> Answer | None:
        """Return what was answered with `key`, if it is still kept."""
        return next((one for one in self.answers.values() if one.key == key), None)

    # -- settings --------------------------------------------------------------------

    def settings_for(self, snapshot: Snapshot) -> Settings:
        """Return what a document goes by: its folder's settings, or else the global ones.

        Of the model, the project memory and the log there is one in the whole server: for
        these `settings` counts alone.
        """
        return self._of_folder(snapshot.folder)

    @property
    def enabled(self) -> bool:
        """Whether suggestions are switched on in any of the folders."""
        scopes: list[Path | None] = [*self.folders] or [None]
        return any(self._of_folder(folder).enabled for folder in scopes)

    def _of_folder(self, folder: Path | None) -> Settings:
        own = self.folder_settings.get(folder) if folder is not None else None
        return own or self.settings

    def change_settings(self, settings: Settings) -> bool:
        """Go by `settings` from now on; return whether the engine has to be loaded again."""
        old, self.settings = self.settings, settings
        same = replace(
            settings,
            model=old.model,
            threads=old.threads,
            memory_enabled=old.memory_enabled,
            memory_megabytes=old.memory_megabytes,
            memory_exclude=old.memory_exclude,
        )
        return same != settings

    def _cancel_jobs(self, uri: str) -> None:
        for key, job in self._jobs.items():
            if key[0] == uri:
                job.cancel()
