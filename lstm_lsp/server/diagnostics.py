"""Opt-in hints: where a single edit would be clearly likelier and still parse; and that edit.

With the setting `surprise.diagnostics`, an open document is looked at when nobody has typed
in it for a moment, behind everything else on the inference thread, and what
`lstm_lsp.suspicion` finds is published as diagnostics of severity Hint: for the version that
was looked at, and only while that is the document's. Switched off, what was published is
taken back. Nothing is sent to a client that takes no diagnostics. Clients that know quick fixes
(code actions with edits in them) are offered each hint's edit, while the text is the one
that was looked at.
"""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from lsprotocol import types

from lstm_lsp.document import Document, Position
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
        self._published: dict[str, tuple[Snapshot, list[tuple[Hint, types.Diagnostic]]]] = {}

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
            if not found:
                self._clear(snapshot.uri)
                return
            marked = [(hint, self._diagnostic(snapshot, hint)) for hint in found]
            self._published[snapshot.uri] = snapshot, marked
            self._publish(snapshot.uri, [diagnostic for _, diagnostic in marked])

    def _diagnostic(self, snapshot: Snapshot, hint: Hint) -> types.Diagnostic:
        return types.Diagnostic(
            range=self._range(snapshot, hint.start, hint.marked),
            message=hint.message,
            severity=types.DiagnosticSeverity.Hint,
            source=SOURCE,
            data={"instead": hint.instead},
        )

    def _range(
        self, snapshot: Snapshot, start: tuple[int, int], end: tuple[int, int]
    ) -> types.Range:
        document, units = snapshot.document, self._server.session.encoding
        return types.Range(
            *(
                convert.lsp_position(document, document.offset(Position(*place), "utf-32"), units)
                for place in (start, end)
            )
        )

    def _clear(self, uri: str) -> None:
        if self._published.pop(uri, None) is not None:
            self._publish(uri, [])

    def _publish(self, uri: str, diagnostics: list[types.Diagnostic]) -> None:
        snapshot = self._server.session.open.get(uri)
        version: Any = snapshot.document.version if snapshot is not None else None
        params = types.PublishDiagnosticsParams(uri, diagnostics, version)
        self._server.text_document_publish_diagnostics(params)

    def fixes(self, uri: str, where: types.Range) -> list[types.CodeAction]:
        """Return the edits of the hints that touch a range, if they are of the text as it is."""
        snapshot, marked = self._published.get(uri, (None, []))
        if snapshot is None or self._server.session.open.get(uri) is not snapshot:
            return []
        document = snapshot.document
        return [
            types.CodeAction(
                title=_title(_between(document, hint.start, hint.end), hint.instead),
                kind=types.CodeActionKind.QuickFix,
                diagnostics=[diagnostic],
                edit=self._edit(snapshot, hint),
            )
            for hint, diagnostic in marked
            if diagnostic.range.start <= where.end and where.start <= diagnostic.range.end
        ]

    def _edit(self, snapshot: Snapshot, hint: Hint) -> types.WorkspaceEdit:
        edit = types.TextEdit(self._range(snapshot, hint.start, hint.end), hint.instead)
        workspace = self._server.client_capabilities.workspace
        known = workspace.workspace_edit if workspace else None
        if not (known and known.document_changes):
            return types.WorkspaceEdit(changes={snapshot.uri: [edit]})
        document = types.OptionalVersionedTextDocumentIdentifier(
            snapshot.uri, snapshot.document.version
        )
        return types.WorkspaceEdit(document_changes=[types.TextDocumentEdit(document, [edit])])


def offer_fixes(server: Server, client: types.ClientCapabilities) -> None:
    """Announce quick fixes to a client that takes actions with edits in them."""
    offered = client.text_document and client.text_document.code_action
    if offered and offered.code_action_literal_support:
        options = types.CodeActionOptions([types.CodeActionKind.QuickFix])
        server.feature(types.TEXT_DOCUMENT_CODE_ACTION, options)(partial(_fixes, server))


def _fixes(server: Server, params: types.CodeActionParams) -> list[types.CodeAction]:
    wanted = params.context.only
    if wanted and not {types.CodeActionKind.QuickFix, types.CodeActionKind.Empty} & set(wanted):
        return []
    return server.hints.fixes(params.text_document.uri, params.range)


def _between(document: Document, start: tuple[int, int], end: tuple[int, int]) -> str:
    first, last = (document.offset(Position(*place), "utf-32") for place in (start, end))
    return document.text[first:last]


def _title(written: str, instead: str) -> str:
    if (written + instead).isspace():
        return "Change the indentation"
    if not written:
        return f"Put in {instead!r}"
    return f"Change {written!r} to {instead!r}" if instead else f"Remove {written.strip()!r}"
