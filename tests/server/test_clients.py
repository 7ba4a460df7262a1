"""The server under what real editors say they can do, through pytest-lsp's client."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from lsprotocol import types
from pytest_lsp import client_capabilities, make_test_lsp_client

from tests.server.conftest import EVERYTHING
from tests.server.wire import PATIENCE, serve_command

TEXT = "import os\n\n\ndef walk(top):\n    na"
HERE = types.Position(4, 6)


@pytest.mark.parametrize("editor", ["neovim", "visual_studio_code"])
@pytest.mark.filterwarnings("error::pytest_lsp.LspSpecificationWarning")
async def test_an_editor_is_served_from_initialize_to_exit(
    editor: str, tiny_model_path: Path, tmp_path: Path
) -> None:
    client = make_test_lsp_client()
    ready = asyncio.Event()

    @client.feature("lstmLsp/status")  # type: ignore[untyped-decorator]
    def told(status: Any) -> None:
        if status.state == "ready":
            ready.set()

    await client.start_io(*serve_command(tiny_model_path))
    params = types.InitializeParams(
        capabilities=client_capabilities(editor),
        initialization_options={"lstmLsp": EVERYTHING},
        workspace_folders=[types.WorkspaceFolder(tmp_path.as_uri(), tmp_path.name)],
    )
    client.set_configuration({"lstmLsp": EVERYTHING})
    can = (await client.initialize_session(params)).capabilities
    assert isinstance(can.completion_provider, types.CompletionOptions)
    assert can.inline_completion_provider is not None
    await asyncio.wait_for(ready.wait(), PATIENCE)

    uri = (tmp_path / "a.py").as_uri()
    item = types.TextDocumentItem(uri, "python", 1, TEXT)
    client.text_document_did_open(types.DidOpenTextDocumentParams(item))
    place = types.TextDocumentIdentifier(uri)
    popup = await client.text_document_completion_async(types.CompletionParams(place, HERE))
    assert isinstance(popup, types.CompletionList)
    assert popup.items
    asked = types.InlineCompletionContext(types.InlineCompletionTriggerKind.Invoked)
    ghost = await client.text_document_inline_completion_async(
        types.InlineCompletionParams(asked, place, HERE)
    )
    assert isinstance(ghost, types.InlineCompletionList)
    assert ghost.items

    await client.shutdown_session()
    await client.stop()  # type: ignore[no-untyped-call]
    assert client._server is not None
    assert client._server.returncode == 0
