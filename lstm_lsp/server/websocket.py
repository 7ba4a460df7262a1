"""Reading from the client over WebSocket: a message is a frame, of text or of bytes.

Apart from `transport`, for the library takes 60 ms to import, which nobody else should wait for.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading

from pygls.io_ import WebSocketWriter
from websockets.asyncio.server import ServerConnection
from websockets.asyncio.server import serve as listen
from websockets.exceptions import ConnectionClosed

from lstm_lsp.server.framing import LONGEST, parsed
from lstm_lsp.server.server import Server
from lstm_lsp.server.transport import hand_on


def serve_ws(server: Server, host: str, port: int) -> None:
    """Serve one client at `host` and `port`, until it leaves. Raises OSError."""
    server._stop_event = threading.Event()

    async def connected(client: ServerConnection) -> None:
        server.protocol.set_writer(WebSocketWriter(client), include_headers=False)
        with contextlib.suppress(ConnectionClosed):
            while await hand_on(server, [parsed(await client.recv(decode=False))]):
                pass
        server.leave()

    async def run() -> None:
        # Compression would take longer than the way to a client on the same machine.
        serving = listen(connected, host, port, max_size=LONGEST, compression=None)
        async with serving as listening:
            server._server = listening
            await listening.serve_forever()

    with contextlib.suppress(asyncio.CancelledError, SystemExit):
        asyncio.run(run())
