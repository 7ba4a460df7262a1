"""Settings of one workspace folder differ from another's, as the client tells when asked."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.server.conftest import EVERYTHING, Start
from tests.server.wire import Client, at, document, workspace_folder

CAN = {"workspace": {"configuration": True, "workspaceFolders": True}}
WRONG = "lstmLsp.debounce: expected a whole number from 0 to 10000, found 'long'"


class Pulled:
    """The client's side: answers what the server pulls, once each time it asks."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self._answered = 0

    def answer(self, options: Callable[[str | None], Any]) -> list[str | None]:
        """Answer the next pull by `options` of a scope's URI; return the scopes asked for."""
        asked = self.client.wait(self._is_next)
        self._answered += 1
        scopes = [one.get("scopeUri") for one in asked["params"]["items"]]
        assert {one["section"] for one in asked["params"]["items"]} == {"lstmLsp"}
        self.client.send({"id": asked["id"], "result": [options(scope) for scope in scopes]})
        return scopes

    def _is_next(self, message: dict[str, Any]) -> bool:
        pulls = [
            one for one in self.client.messages if one.get("method") == "workspace/configuration"
        ]
        return message in pulls[self._answered :]

    def change(self, options: Callable[[str | None], Any], pushed: Any = None) -> None:
        """Tell that settings have changed, and answer when asked which."""
        self.client.notify("workspace/didChangeConfiguration", {"settings": pushed})
        self.answer(options)


@pytest.fixture
def a(tmp_path: Path) -> Path:
    (tmp_path / "a").mkdir()
    return tmp_path / "a"


@pytest.fixture
def b(tmp_path: Path) -> Path:
    (tmp_path / "b").mkdir()
    return tmp_path / "b"


def opened(client: Client, folder: Path) -> str:
    uri = (folder / "x.py").as_uri()
    client.notify("textDocument/didOpen", document("value = ", uri))
    return uri


def reason(client: Client, uri: str) -> Any:
    """Return why nothing is offered in a document, and see that this is so."""
    found = client.ask(
        "workspace/executeCommand", {"command": "lstmLsp.explain", "arguments": [at(0, 8, uri)]}
    )
    items = client.ask("textDocument/completion", at(0, 8, uri))["items"]
    assert bool(items) == (found["reason"] is None)
    return found["reason"]


OFF = "suggestions are switched off"


def test_each_folder_goes_by_its_own_settings_live(start: Start, a: Path, b: Path) -> None:
    client = start(folders=[a, b], capabilities=CAN)
    pulled = Pulled(client)
    off = {**EVERYTHING, "enabled": False}
    scopes = pulled.answer(lambda scope: off if scope == a.as_uri() else EVERYTHING)
    assert scopes == [None, a.as_uri(), b.as_uri()]
    in_a, in_b, outside = (opened(client, one) for one in (a, b, a.parent))
    assert [reason(client, one) for one in (in_a, in_b, outside)] == [OFF, None, None]
    assert client.ask("lstmLsp/status")["state"] == "ready"

    java = {**EVERYTHING, "languages": ["java"]}
    pulled.change(lambda scope: java if scope == b.as_uri() else EVERYTHING)
    expected = [None, f"{OFF} for python", None]
    assert [reason(client, one) for one in (in_a, in_b, outside)] == expected

    pulled.change(lambda scope: off if scope is None else EVERYTHING)
    assert [reason(client, one) for one in (in_a, in_b, outside)] == [None, None, OFF]

    pulled.change(lambda scope: off)
    assert client.ask("lstmLsp/status")["state"] == "off"


def test_what_a_folder_asks_of_candidates_holds_there_alone(start: Start, a: Path, b: Path) -> None:
    client = start(folders=[a, b], capabilities=CAN)
    sure = {"minimumProbability": dict.fromkeys(("char", "token", "line"), 1)}
    Pulled(client).answer(lambda scope: sure if scope == a.as_uri() else EVERYTHING)
    in_a, in_b = opened(client, a), opened(client, b)
    assert client.ask("textDocument/completion", at(0, 8, in_a))["items"] == []
    assert client.ask("textDocument/completion", at(0, 8, in_b))["items"]


def test_a_folder_of_which_nothing_is_told_goes_by_what_is_pushed(
    start: Start, a: Path, b: Path
) -> None:
    client = start(folders=[a, b], capabilities=CAN)
    pulled = Pulled(client)
    pulled.answer(lambda scope: EVERYTHING if scope == b.as_uri() else None)
    in_a, in_b = opened(client, a), opened(client, b)
    assert [reason(client, in_a), reason(client, in_b)] == [None, None]
    off = {"lstmLsp": {**EVERYTHING, "enabled": False}}
    pulled.change(lambda scope: EVERYTHING if scope == b.as_uri() else None, pushed=off)
    assert [reason(client, in_a), reason(client, in_b)] == [OFF, None]


def test_a_wrong_value_is_told_once_and_the_default_there(start: Start, a: Path, b: Path) -> None:
    client = start(folders=[a, b], capabilities=CAN)
    pulled = Pulled(client)
    wrong = {**EVERYTHING, "debounce": "long", "enabled": False}
    options = {a.as_uri(): wrong}
    pulled.answer(lambda scope: options.get(str(scope), EVERYTHING))
    pulled.change(lambda scope: options.get(str(scope), EVERYTHING))
    assert [reason(client, opened(client, one)) for one in (a, b)] == [OFF, None]
    told = [one["params"] for one in client.messages if "window/" in one.get("method", "")]
    assert [one["message"] for one in told] == [WRONG, WRONG]  # in the log, and shown


def test_a_folder_that_comes_later_has_its_own_settings_too(start: Start, a: Path, b: Path) -> None:
    client = start(folders=[a], capabilities=CAN)
    pulled = Pulled(client)
    pulled.answer(lambda scope: EVERYTHING)
    in_b = opened(client, b)
    assert reason(client, in_b) is None
    change = {"event": {"added": [workspace_folder(b)], "removed": [workspace_folder(a)]}}
    client.notify("workspace/didChangeWorkspaceFolders", change)
    off = {**EVERYTHING, "enabled": False}
    scopes = pulled.answer(lambda scope: off if scope == b.as_uri() else EVERYTHING)
    assert scopes == [None, b.as_uri()]
    assert reason(client, in_b) == OFF


def test_commands_switch_every_folder(start: Start, a: Path, b: Path) -> None:
    client = start(folders=[a, b], capabilities=CAN)
    off = {**EVERYTHING, "enabled": False}
    Pulled(client).answer(lambda scope: off if scope == a.as_uri() else EVERYTHING)
    documents = [opened(client, a), opened(client, b)]
    for command, expected in (("toggle", OFF), ("toggle", None), ("disable", OFF)):
        client.ask("workspace/executeCommand", {"command": f"lstmLsp.{command}"})
        assert [reason(client, uri) for uri in documents] == [expected, expected]


def test_a_client_that_keeps_no_settings_is_not_asked(start: Start, a: Path, b: Path) -> None:
    client = start(folders=[a, b], capabilities={"workspace": {"workspaceFolders": True}})
    documents = [opened(client, a), opened(client, b)]
    assert [reason(client, uri) for uri in documents] == [None, None]
    off = {"settings": {"lstmLsp": {"enabled": False}}}
    client.notify("workspace/didChangeConfiguration", off)
    assert [reason(client, uri) for uri in documents] == [OFF, OFF]
    assert not [one for one in client.messages if one.get("method") == "workspace/configuration"]
