"""The server's life: its handlers, its start over stdio, TCP or WebSocket, and its exit.

Nothing is loaded before `initialized`, so that `initialize` is answered at once. What the
client did not offer is not registered. stdout belongs to the protocol alone.
"""

from __future__ import annotations

import asyncio
import io
import logging
import os
import sys
from collections.abc import Callable
from functools import partial
from typing import Any

from lsprotocol import types

from lstm_lsp.server import (
    convert,
    diagnostics,
    features,
    hover,
    protocol,
    settings,
    status,
    training,
    transport,
)
from lstm_lsp.server.server import Server

_WATCHED = "**/*.{java,py,pyi}"
_LAST_CALL = 5  # seconds to wait for the network's last call, which takes a tenth of one


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
    server.feature(protocol.GENERATE)(partial(features.generate, server))
    server.feature(protocol.SURPRISE)(partial(features.surprise, server))
    server.feature(types.TEXT_DOCUMENT_HOVER)(partial(hover.hover, server))
    server.feature(protocol.STATUS)(lambda *_: server.status())
    commands: dict[str, Callable[..., Any]] = {
        "lstmLsp.enable": lambda *_: server.enable(True),
        "lstmLsp.disable": lambda *_: server.enable(False),
        "lstmLsp.toggle": lambda *_: server.enable(not server.session.enabled),
        "lstmLsp.status": lambda *_: server.status(),
        "lstmLsp.explain": lambda *arguments: features.explain(server, *arguments),
        "lstmLsp.train": lambda *arguments: training.train(server, *arguments),
        "lstmLsp.reloadModel": lambda *_: server.background.load(),
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
        diagnostics.offer_fixes(server, params.capabilities)
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
        server.background.load()
        server.start(server.pull_options())
        await _register_dynamically(server)

    @server.feature(types.WORKSPACE_DID_CHANGE_CONFIGURATION)
    def did_change_configuration(params: types.DidChangeConfigurationParams) -> None:
        pushed = convert.plain(params.settings)
        if isinstance(pushed, dict) and settings.SECTION in pushed:
            server.change_options(pushed[settings.SECTION])
        server.start(server.pull_options())  # what is pushed says nothing of folders

    @server.feature(types.WORKSPACE_DID_CHANGE_WATCHED_FILES)
    def did_change_watched_files(params: types.DidChangeWatchedFilesParams) -> None:
        server.background.files_changed([change.uri for change in params.changes])

    @server.feature(types.WORKSPACE_DID_CHANGE_WORKSPACE_FOLDERS)
    def did_change_workspace_folders(params: types.DidChangeWorkspaceFoldersParams) -> None:
        folders = [convert.path_of(uri) for uri in server.workspace.folders]
        server.session.change_folders([folder for folder in folders if folder is not None])
        server.background.load()
        server.start(server.pull_options())

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
    tcp: tuple[str, int] | None = None,
    ws: tuple[str, int] | None = None,
    log_file: str | None = None,
) -> int:
    """Serve one client over stdio, or at `tcp` or `ws` (host, port), until it leaves.

    Returns the exit status: 0, or 1 when the client did not shut down first. Raises OSError
    when `log_file` cannot be written.
    """
    server = build(model, [status.file_log(log_file)] if log_file else [])
    try:
        if tcp is not None:
            transport.serve_tcp(server, *tcp)
        elif ws is not None:
            from lstm_lsp.server.websocket import serve_ws  # noqa: PLC0415 - 60 ms

            serve_ws(server, *ws)
        else:
            transport.serve_stdio(server, sys.stdin.buffer, _own_stdout())
    finally:
        server.stop()
        # A thread that is inside the runtime when the interpreter ends aborts the process.
        server.session.worker.join(_LAST_CALL)
    return server.exit_status


def _own_stdout() -> io.BufferedWriter:
    """Return stdout for the protocol; what anything else prints goes to stderr from now on."""
    sys.stdout.flush()
    own = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    sys.stdout = sys.stderr
    return own
