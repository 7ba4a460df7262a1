"""Hints: published when switched on, for the text as it is, and taken back."""

from pathlib import Path
from typing import Any

import pytest

from tests.server.conftest import Start
from tests.server.wire import Client, document
from tests.test_surprise import PYTHON

FAULTY = PYTHON.replace("int(value)", "int(value")
ON = {"surprise": {"diagnostics": True}}
TAKES = {"textDocument": {"publishDiagnostics": {"versionSupport": True}}}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Return a folder from whose files the memory knows what is usual."""
    for copy in range(8):
        (tmp_path / f"known{copy}.py").write_text(PYTHON)
    return tmp_path


def published(client: Client, uri: str) -> dict[str, Any]:
    found = client.wait(
        lambda one: (
            one.get("method") == "textDocument/publishDiagnostics" and one["params"]["uri"] == uri
        )
    )
    client.messages.remove(found)
    return dict(found["params"])


def test_hints_follow_the_text_and_the_setting(start: Start, project: Path) -> None:
    client = start(folder=project, capabilities=TAKES, options=ON)
    uri = (project / "new.py").as_uri()
    client.notify("textDocument/didOpen", document("# 😀\n" + FAULTY, uri))
    told = published(client, uri)
    assert told["version"] == 1
    hint = told["diagnostics"][0]
    assert hint["severity"] == 4
    assert hint["message"] == "is ')' missing here?"
    assert hint["data"] == {"instead": ")"}
    line = FAULTY.splitlines()[hint["range"]["start"]["line"] - 1]
    assert line[hint["range"]["start"]["character"] :] == ""

    end = (6, len(line))
    client.change(uri, 2, (end, end), ")")
    told = published(client, uri)
    assert (told["version"], told["diagnostics"]) == (2, [])

    client.change(uri, 3, ((6, len(line)), (6, len(line) + 1)), "")
    assert published(client, uri)["diagnostics"]
    off: dict[str, Any] = {"settings": {"lstmLsp": {}}}
    client.notify("workspace/didChangeConfiguration", off)
    assert published(client, uri)["diagnostics"] == []
    client.notify("workspace/didChangeConfiguration", {"settings": {"lstmLsp": ON}})
    assert published(client, uri)["diagnostics"]
    client.notify("textDocument/didClose", {"textDocument": {"uri": uri}})
    assert published(client, uri)["diagnostics"] == []


@pytest.mark.parametrize("given", [{"capabilities": TAKES}, {"options": ON}])
def test_nothing_is_published_unasked(start: Start, project: Path, given: Any) -> None:
    client = start(folder=project, **{"options": {}, **given})
    uri = (project / "new.py").as_uri()
    client.notify("textDocument/didOpen", document(FAULTY, uri))
    client.ask("lstmLsp/status")
    client.ask("shutdown")
    client.notify("exit")
    client.process.wait()
    assert "textDocument/publishDiagnostics" not in {one.get("method") for one in client.messages}
