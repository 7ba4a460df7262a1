"""Opt-in hints: where a single edit would be clearly likelier and still parse.

With the setting `surprise.diagnostics`, an open document is looked at when nobody has typed
in it for a moment, behind everything else on the inference thread, and what
`lstm_lsp.suspicion` finds is published as diagnostics of severity Hint: for the version that
was looked at, and only while that is the document's. Switched off, what was published is
taken back. Nothing is sent to a client that takes no diagnostics.
"""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from typing import TYPE_CHECKING, Any, Final

from lsprotocol import types

from lstm_lsp.document import Position
from lstm_lsp.server import convert
from lstm_lsp.server.snapshot import Snapshot
from lstm_lsp.server.worker import Job, Priority

if TYPE_CHECKING:
    from lstm_lsp.server.engine import Hint
    from lstm_lsp.server.server import Server

_PAUSE: Final = 1.0  # seconds without an edit after which a document is looked at
_LONGEST: Final = 50_000  # characters; a longer document is left alone

SOURCE: Final = "lstm-lsp"


class Hints:
    """The hints of one client's open documents."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._waiting: dict[str, asyncio.TimerHandle] = {}
        self._jobs: dict[str, Job] = {}
        self._published: set[str] = set()

    def changed(self, uri: str) -> None:
        """Look at a document that was opened, edited or closed, after a pause."""
        self._forget(uri)
        if uri not in self._server.session.open:
            self._clear(uri)
        elif self._wanted(uri):
            loop = asyncio.get_running_loop()
            self._waiting[uri] = loop.call_later(_PAUSE, self._look, uri)

    def settings_changed(self) -> None:
        """Look at every open document, or take back what was published."""
        for uri in list(self._server.session.open):
            self._forget(uri)
            if self._wanted(uri):
                self._look(uri)
            else:
                self._clear(uri)

    def _wanted(self, uri: str) -> bool:
        session = self._server.session
        settings = session.settings_for(session.open[uri])
        return settings.enabled and settings.surprise_diagnostics

    def _forget(self, uri: str) -> None:
        if (timer := self._waiting.pop(uri, None)) is not None:
            timer.cancel()
        if (job := self._jobs.pop(uri, None)) is not None:
            job.cancel()

    def _look(self, uri: str) -> None:
        self._waiting.pop(uri, None)
        session = self._server.session
        snapshot, engine = session.open.get(uri), session.engine
        offered = self._server.client_capabilities.text_document
        if snapshot is None or engine is None or not (offered and offered.publish_diagnostics):
            return
        if session.off_here(snapshot, 0) or len(snapshot.document.text) > _LONGEST:
            self._clear(uri)
            return
        opened = session.opened(snapshot)

        def work(job: Job) -> Generator[None, None, list[Hint]]:
            return engine.hints(snapshot, opened, job.is_interrupted)

        job = self._jobs[uri] = session.worker.submit(Priority.WARM_UP, work)
        self._server.start(self._publish_when_done(snapshot, job))

    async def _publish_when_done(self, snapshot: Snapshot, job: Job) -> None:
        found = await asyncio.wrap_future(job.result)
        current = self._server.session.open.get(snapshot.uri) is snapshot
        if found is not None and current and not job.is_cancelled() and self._wanted(snapshot.uri):
            self._publish(snapshot.uri, [self._diagnostic(snapshot, hint) for hint in found])

    def _diagnostic(self, snapshot: Snapshot, hint: Hint) -> types.Diagnostic:
        document, units = snapshot.document, self._server.session.encoding
        start, end = (
            convert.lsp_position(document, document.offset(Position(*place), "utf-32"), units)
            for place in (hint.start, hint.end)
        )
        return types.Diagnostic(
            range=types.Range(start=start, end=end),
            message=hint.message,
            severity=types.DiagnosticSeverity.Hint,
            source=SOURCE,
            data={"instead": hint.instead},
        )

    def _clear(self, uri: str) -> None:
        if uri in self._published:
            self._publish(uri, [])

    def _publish(self, uri: str, diagnostics: list[types.Diagnostic]) -> None:
        if diagnostics or uri in self._published:
            snapshot = self._server.session.open.get(uri)
            version: Any = snapshot.document.version if snapshot is not None else None
            params = types.PublishDiagnosticsParams(uri, diagnostics, version)
            self._server.text_document_publish_diagnostics(params)
        (self._published.add if diagnostics else self._published.discard)(uri)
