"""Hints: published when switched on, for the text as it is, and taken back."""

from pathlib import Path
from typing import Any

import pytest

from tests.server.conftest import Start
from tests.server.wire import Client, document, serve_command
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


FIXES = {"codeActionLiteralSupport": {"codeActionKind": {"valueSet": ["quickfix"]}}}


def fixes(client: Client, uri: str, marked: Any, **context: Any) -> list[dict[str, Any]]:
    asked = {"textDocument": {"uri": uri}, "range": marked, "context": {"diagnostics": []}}
    asked["context"] |= context
    return list(client.ask("textDocument/codeAction", asked))


@pytest.mark.parametrize("versioned", [False, True])
def test_a_hint_is_mended_by_its_quick_fix(start: Start, project: Path, versioned: bool) -> None:
    client = start(
        folder=project,
        options=ON,
        capabilities={
            "textDocument": TAKES["textDocument"] | {"codeAction": FIXES},
            "workspace": {"workspaceEdit": {"documentChanges": versioned}},
        },
    )
    uri = (project / "new.py").as_uri()
    text = "# 😀\n" + FAULTY
    client.notify("textDocument/didOpen", document(text, uri))
    hint = published(client, uri)["diagnostics"][0]
    (fix,) = fixes(client, uri, hint["range"], only=["quickfix"])
    assert fix["title"] == "Put in ')'"
    assert fix["diagnostics"] == [hint]
    if versioned:
        (change,) = fix["edit"]["documentChanges"]
        assert change["textDocument"] == {"uri": uri, "version": 1}
        (edit,) = change["edits"]
    else:
        (edit,) = fix["edit"]["changes"][uri]
    start_, end = (edit["range"][name] for name in ("start", "end"))
    assert start_ == end
    lines = text.split("\n")
    line, column = start_["line"], start_["character"]
    lines[line] = lines[line][:column] + edit["newText"] + lines[line][column:]
    assert "\n".join(lines) == "# 😀\n" + PYTHON

    assert fixes(client, uri, hint["range"], only=["refactor"]) == []
    top = {"start": {"line": 0, "character": 0}, "end": {"line": 0, "character": 1}}
    assert fixes(client, uri, top) == []
    client.change(uri, 2, ((0, 0), (0, 0)), "#")  # the hint is of another text now
    assert fixes(client, uri, hint["range"]) == []
    assert fixes(client, "file:///nowhere.py", hint["range"]) == []


@pytest.mark.parametrize("known", [False, True])
def test_quick_fixes_are_announced_to_who_knows_them(tiny_model_path: Path, known: bool) -> None:
    client = Client(serve_command(tiny_model_path))
    try:
        takes = {"textDocument": {"codeAction": FIXES if known else {}}}
        able = client.initialize(capabilities=takes)["capabilities"]
    finally:
        client.kill()
    assert able.get("codeActionProvider") == ({"codeActionKinds": ["quickfix"]} if known else None)


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
