"""What the server says of itself: `lstmLsp/status`, logs and progress. No engine, no text."""

from __future__ import annotations

import asyncio
import logging
import logging.handlers
import os
import sys
from collections.abc import Callable
from pathlib import Path

from lsprotocol import types

_LEVELS = {
    logging.ERROR: types.MessageType.Error,
    logging.WARNING: types.MessageType.Warning,
    logging.INFO: types.MessageType.Info,
}
_LONGEST = 500  # characters of one message
_LOG_BYTES = 1 << 20


def resident_megabytes() -> float:
    """Return the memory that this process has resident, in MB: its peak where no more is known.

    0 where not even that is.
    """
    try:
        pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
        return round(pages * os.sysconf("SC_PAGESIZE") / 1e6, 1)
    except (OSError, IndexError, ValueError):
        pass
    try:
        import resource  # noqa: PLC0415 - Windows has none
    except ImportError:
        return 0.0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak / (1e6 if sys.platform == "darwin" else 1e3), 1)


class ClientLog(logging.Handler):
    """Sends log records to the client by `window/logMessage`, from any thread."""

    def __init__(self, send: Callable[[types.LogMessageParams], None]) -> None:
        super().__init__()
        self._send = send
        self.loop: asyncio.AbstractEventLoop | None = None

    def emit(self, record: logging.LogRecord) -> None:
        """Queue `record` for the client; without one it is lost."""
        if self.loop is None or self.loop.is_closed():
            return
        level = _LEVELS.get(record.levelno, types.MessageType.Log)
        params = types.LogMessageParams(type=level, message=short(record.getMessage()))
        self.loop.call_soon_threadsafe(self._send, params)


def short(message: str) -> str:
    """Return `message` at a length that no log minds."""
    return message if len(message) <= _LONGEST else message[: _LONGEST - 1] + "…"


def log_to(handlers: list[logging.Handler], level: str) -> None:
    """Send our records from `level` on, and pygls' warnings, to `handlers` and nowhere else."""
    for name, lowest in (("lstm_lsp", level.upper()), ("pygls", "WARNING")):
        logger = logging.getLogger(name)
        logger.handlers = list(handlers)
        logger.propagate = False
        logger.setLevel(lowest)
    logging.getLogger("pygls.server").addFilter(_is_told_by_pygls_alone)


def _is_told_by_pygls_alone(record: logging.LogRecord) -> bool:
    # A traceback, after which our `report_server_error` says the same in a line.
    return record.msg != "Unable to handle message"


def file_log(path: str) -> logging.Handler:
    """Return a handler that writes `path`, at most 3 x 1 MB. Raises OSError."""
    handler = logging.handlers.RotatingFileHandler(
        path, maxBytes=_LOG_BYTES, backupCount=2, encoding="utf-8"
    )
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    return handler
