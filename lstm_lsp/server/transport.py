"""Reading from the client over stdio and TCP; `websocket` is the third way.

pygls has these three as well. Its reader ends, or is deaf from then on, when a header is not as it
expects, and takes three hops between threads for a message; so all three read through `framing`,
in one hop for all that the pipe holds. Writing is pygls'.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from typing import Any, BinaryIO, Final

from pygls.io_ import StdoutWriter

from lstm_lsp.server.framing import Frames
from lstm_lsp.server.server import Server

_PIECE: Final = 1 << 16  # bytes read at once

_TURNS: Final = 4
"""Turns of the event loop between two messages: who awaits an answer of the client's has gone on
after three, so that the next message finds what it changed, settings for example."""


def serve_stdio(server: Server, stdin: BinaryIO, stdout: BinaryIO) -> None:
    """Serve one client over two pipes, until it leaves or they close."""
    server._stop_event = threading.Event()
    server.protocol.set_writer(StdoutWriter(stdout))

    async def run() -> None:
        loop = asyncio.get_running_loop()
        # A BufferedReader; its `read1` returns what is there, without waiting for more.
        read: Callable[[int], bytes] = stdin.read1  # type: ignore[attr-defined]
        await _receive(server, lambda: loop.run_in_executor(server.thread_pool, read, _PIECE))

    try:
        with contextlib.suppress(KeyboardInterrupt, SystemExit, BrokenPipeError):
            asyncio.run(run())
    finally:
        server.leave()


def serve_tcp(server: Server, host: str, port: int) -> None:
    """Serve one client at `host` and `port`, until it leaves. Raises OSError."""
    server._stop_event = threading.Event()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server.protocol.set_writer(writer)
        with contextlib.suppress(ConnectionError):
            await _receive(server, partial(reader.read, _PIECE))
        server.leave()

    async def run() -> None:
        listening = server._server = await asyncio.start_server(connected, host, port)
        async with listening:
            await listening.serve_forever()

    with contextlib.suppress(asyncio.CancelledError, SystemExit):
        asyncio.run(run())


async def _receive(server: Server, read: Callable[[], Awaitable[bytes]]) -> None:
    """Hand every message on until the stream ends or the server stops."""
    frames = Frames()
    while (piece := await read()) and await hand_on(server, frames.feed(piece)):
        pass


async def hand_on(server: Server, messages: Iterable[Any]) -> bool:
    """Hand messages on, in their order; return whether the server goes on."""
    stop = server._stop_event
    for message in messages:
        server.receive(message)
        if stop is not None and stop.is_set():
            return False
        for _ in range(_TURNS):
            await asyncio.sleep(0)
    return True
