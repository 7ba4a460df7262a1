"""Work that takes a while, as the client shows it: `$/progress`, begun, reported, ended.

Over a token of the client's, or over one of the server's that the client has agreed to.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import TYPE_CHECKING

from lsprotocol import types

if TYPE_CHECKING:
    from lstm_lsp.server.server import Server


class ShownWork:
    """Work that the client shows, if it can show such."""

    def __init__(
        self,
        server: Server,
        title: str,
        token: str | int | None = None,
        cancel: Callable[[], object] | None = None,
        *,
        measured: bool = True,
    ) -> None:
        """`token` is the client's; `cancel` is called when the user wants the work to end.

        `measured`: whether percentages will be reported.
        """
        self.percentage = 0
        """Last reported."""
        self._measured = measured
        self._server = server
        self._title = title
        self._cancel = cancel
        self._token = token if token is not None else str(uuid.uuid4())
        self._begun = self._ended = False
        window = server.client_capabilities.window
        if token is not None:
            self._begin()
        elif window is not None and window.work_done_progress:
            server.start(self._create())

    def report(self, message: str, percentage: int) -> None:
        """Say how far it is."""
        self.percentage = percentage
        if self._begun and not self._ended:
            value = types.WorkDoneProgressReport(message=message, percentage=percentage)
            self._server.send_progress(self._token, value)

    def end(self, message: str | None = None) -> None:
        """Say that it is over, and how it went."""
        if self._begun and not self._ended:
            self._server.protocol.progress.tokens.pop(self._token, None)
            self._server.send_progress(self._token, types.WorkDoneProgressEnd(message=message))
        self._ended = True

    async def _create(self) -> None:
        # The token may be used only after the client has agreed to it, and it may never.
        create = types.WorkDoneProgressCreateParams(token=self._token)
        await self._server.window_work_done_progress_create_async(create)
        if not self._ended:
            self._begin()

    def _begin(self) -> None:
        self._begun = True
        if self._cancel is not None:
            cancels = _Cancels(self._cancel)
            self._server.protocol.progress.tokens[self._token] = cancels  # type: ignore[assignment]
        begin = types.WorkDoneProgressBegin(
            title=self._title,
            cancellable=self._cancel is not None,
            percentage=self.percentage if self._measured else None,
        )
        self._server.send_progress(self._token, begin)


class _Cancels:
    """What pygls calls when the client cancels work-done progress."""

    def __init__(self, cancel: Callable[[], object]) -> None:
        self.cancel = cancel
