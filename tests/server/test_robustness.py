"""What no well-behaved client sends: every request is answered, and the server lives on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.server.wire import Client, at, document, serve_command


@pytest.fixture(autouse=True)
def alive_after(client: Client, uri: str) -> Any:
    yield
    client.notify("textDocument/didOpen", document("value = va", uri))
    assert client.ask("textDocument/completion", at(0, 10, uri))["items"]
    assert client.process.poll() is None


PLACE = at(0, 0)
MALFORMED: list[tuple[str, Any]] = [
    ("textDocument/completion", None),
    ("textDocument/completion", {}),
    ("textDocument/completion", []),
    ("textDocument/completion", {"textDocument": None, "position": {"line": 0, "character": 0}}),
    ("textDocument/completion", {**PLACE, "position": {"line": "x", "character": {}}}),
    ("textDocument/completion", {**PLACE, "position": [0, 0]}),
    ("textDocument/completion", {**PLACE, "position": {"line": 0, "character": 0.5}}),
    ("textDocument/completion", {**PLACE, "position": {"line": "0", "character": 0}}),
    ("textDocument/completion", {**PLACE, "position": {"line": False, "character": 0}}),
    ("textDocument/inlineCompletion", PLACE),
    ("textDocument/inlineCompletion", {**PLACE, "context": 7}),
    ("completionItem/resolve", {}),
    ("workspace/executeCommand", {"command": "lstmLsp.nothing"}),
    ("workspace/executeCommand", {"arguments": []}),
    ("workspace/executeCommand", {"command": "lstmLsp.explain", "arguments": [3]}),
    ("lstmLsp/generate", None),
    ("lstmLsp/generate", "text"),
    ("lstmLsp/generate", {"textDocument": {"uri": 3}, "position": PLACE["position"]}),
    ("lstmLsp/generate", {**PLACE, "position": {"line": True, "character": 0}}),
    ("lstmLsp/generate", {**PLACE, "maxCharacters": -1}),
    ("lstmLsp/generate", {**PLACE, "temperature": "hot"}),
    ("lstmLsp/generate", {**PLACE, "seed": 0.5}),
    ("lstmLsp/generate", {**PLACE, "partialResultToken": {}}),
    ("lstmLsp/surprise", {"textDocument": PLACE["textDocument"]}),
    ("lstmLsp/surprise", {"textDocument": PLACE["textDocument"], "range": {"start": 1, "end": 2}}),
]


@pytest.mark.parametrize(("method", "params"), MALFORMED)
def test_malformed_parameters_are_answered(client: Client, method: str, params: Any) -> None:
    error = client.answer(client.request(method, params))["error"]
    assert error["code"] == -32602
    assert error["message"]
    assert "data" not in error
    assert "Traceback" not in error["message"]


def test_unknown_methods_are_answered(client: Client) -> None:
    assert client.answer(client.request("no/such", {}))["error"]["code"] == -32601
    assert client.answer(client.request("$/optional"))["error"]["code"] == -32601


@pytest.mark.parametrize("position", [{"line": -1, "character": 0}, {"line": 0, "character": -5}])
def test_negative_positions_are_answered(client: Client, uri: str, position: Any) -> None:
    client.notify("textDocument/didOpen", document("x", uri))
    answer = client.answer(
        client.request(
            "textDocument/completion", {"textDocument": {"uri": uri}, "position": position}
        )
    )
    assert "error" in answer or answer["result"]["items"] == []


STRANGE = [
    b"{",
    b"\xff\xfe\x00",
    b'"\\ud800"',
    b"[]",
    b"3",
    b"{}",
    b'{"jsonrpc": "1.0", "id": 1, "method": "shutdown"}',
    b'{"jsonrpc": "2.0", "id": {}, "method": "shutdown"}',
    b'{"jsonrpc": "2.0", "id": null, "method": "shutdown"}',
    b'{"jsonrpc": "2.0", "id": 5000, "method": 3}',
    b'{"jsonrpc": "2.0", "method": 3}',
    b'{"jsonrpc": "2.0", "id": 77777, "result": {}}',
    b'{"jsonrpc": "2.0", "id": [], "result": {}}',
    b'{"jsonrpc": "2.0", "id": 77777, "error": 3}',
    b'{"jsonrpc": "2.0", "method": "textDocument/didOpen", "params": {"textDocument": 3}}',
    b'{"jsonrpc": "2.0", "method": "textDocument/didChange", "params": null}',
    b'{"jsonrpc": "2.0", "method": "$/cancelRequest", "params": {"id": 77777}}',
    b'{"jsonrpc": "2.0", "method": "$/cancelRequest", "params": []}',
    b'[{"jsonrpc": "2.0", "id": 5001, "method": "shutdown"}]',
    b'{"jsonrpc": "2.0", "id": NaN, "method": "shutdown"}',
    b'{"jsonrpc": "2.0", "id": ' + b"9" * 5000 + b', "method": "shutdown"}',
    b'{"jsonrpc": "2.0", "method": "textDocument/didOpen", "params": {"textDocument":'
    b' {"uri": "file:///a.py", "languageId": "python", "version": 1, "text": null}}}',
    b'{"jsonrpc": "2.0", "method": "window/workDoneProgress/cancel", "params": {"token": 1}}',
    b'{"jsonrpc": "2.0", "method": "workspace/didChangeConfiguration", "params": {}}',
    b"[" * 100_000,
]


@pytest.mark.parametrize("body", STRANGE)
def test_strange_messages_are_survived(client: Client, body: bytes) -> None:
    client.write(body)


def test_what_is_no_json_is_answered_with_a_null_id(client: Client) -> None:
    before = len(client.messages)
    client.write(b"{nonsense")
    answer = client.wait(
        lambda one: one in client.messages[before:] and one.get("error", {}).get("code") == -32700
    )
    assert answer["id"] is None


@pytest.mark.parametrize(
    "bare",
    [
        b"Content-Length: abc\r\n\r\n{}",
        b"Content-Length: 0\r\n\r\n",
        b"Content-Length: 999999999999\r\n\r\n{}",
        b"Content-Length: 1\r\n\r\n{}",
        b"Content-Length: 1000\r\n\r\n{}",
        b"\xff\0" * 10_000,
    ],
)
def test_what_is_no_message_is_answered_once(client: Client, bare: bytes) -> None:
    before = len(client.messages)
    client.write_bare(bare)
    assert client.ask("lstmLsp/status")["state"] == "ready"
    answers = [one for one in client.messages[before:] if "method" not in one]
    assert [one["error"]["code"] for one in answers if one["id"] is None] == [-32700]


def test_ids_of_any_length_are_given_back(client: Client) -> None:
    for identifier in (10**40, -1, "", "x" * 100_000, "\ud800"):
        client.send({"id": identifier, "method": "lstmLsp/status"})
        assert client.answer(identifier)["result"]["state"] == "ready"


@pytest.mark.parametrize("identifier", [None, [1], {}, 1.5, 10**40, "never"])
def test_cancelling_what_was_never_asked_is_survived(client: Client, identifier: Any) -> None:
    before = len(client.messages)
    client.notify("$/cancelRequest", {"id": identifier})
    client.ask("lstmLsp/status")
    told = [one for one in client.messages[before:] if one.get("method") == "window/logMessage"]
    assert told == []


def test_a_change_to_an_unopened_document_and_closing_it_are_survived(
    client: Client, uri: str
) -> None:
    client.change(uri, 2, ((0, 0), (0, 0)), "x")
    client.notify("textDocument/didClose", {"textDocument": {"uri": uri}})


@pytest.mark.parametrize(
    "place",
    [((1, 0), (0, 0)), ((0, 9), (0, 8)), ((0, 9), (0, 9)), ((-1, 0), (0, 0)), ((0, 0), (0, 0.5))],
)
def test_after_an_impossible_range_nothing_is_offered_until_the_text_comes_whole(
    client: Client, uri: str, place: Any
) -> None:
    text = "value = 😀\nva"
    client.notify("textDocument/didOpen", document(text, uri))
    client.change(uri, 2, place, "spoilt")
    assert client.ask("textDocument/completion", at(1, 2, uri))["items"] == []
    whole = {"textDocument": {"uri": uri, "version": 3}, "contentChanges": [{"text": text}]}
    client.notify("textDocument/didChange", whole)
    found = client.ask("textDocument/completion", at(1, 2, uri))
    assert all(item["label"].startswith("va") for item in found["items"])
    assert found["items"]


def test_a_text_that_is_no_string_is_no_text(client: Client, uri: str) -> None:
    client.notify("textDocument/didOpen", document("value = va", uri))
    changes = {"textDocument": {"uri": uri, "version": 2}, "contentChanges": [{"text": None}]}
    client.notify("textDocument/didChange", changes)
    assert client.ask("textDocument/completion", at(0, 2, uri))["items"] == []
    explained = {"command": "lstmLsp.explain", "arguments": [at(0, 2, uri)]}
    assert "not known" in str(client.ask("workspace/executeCommand", explained))


def test_lone_surrogates_are_survived(client: Client, uri: str) -> None:
    client.notify("textDocument/didOpen", document("x = '\ud83d'; va", uri))
    client.change(uri, 2, ((0, 6), (0, 6)), "\ude00\ud800")
    found = client.ask("textDocument/completion", at(0, 13, uri))
    assert all(item["label"].startswith("va") for item in found["items"])
    assert found["items"]


def test_odd_text_is_survived(client: Client, uri: str) -> None:
    for version, text in enumerate(("", "\0" * 1000, "\r" * 1000, "\u2028\f\x85", "\ufeffva"), 1):
        client.notify("textDocument/didOpen", document(text, uri, version=version))
        client.ask("textDocument/completion", at(0, 1, uri))


def test_a_line_of_5_megabytes_is_served(client: Client, uri: str) -> None:
    text = "x = 1;" * 833_333
    client.notify("textDocument/didOpen", document(text, uri))
    client.change(uri, 2, ((0, 4_900_000), (0, 4_900_000)), "; va")
    found = client.ask("textDocument/completion", at(0, 4_900_004, uri))
    assert all(item["label"].startswith("va") for item in found["items"])
    end = client.ask("textDocument/completion", at(0, 99_999_999, uri))
    assert end["isIncomplete"] is True
    client.notify("textDocument/didClose", {"textDocument": {"uri": uri}})


def test_what_is_malformed_is_one_warning_in_the_log(tiny_model_path: Path, tmp_path: Path) -> None:
    log = tmp_path / "log"
    client = Client([*serve_command(tiny_model_path), "--log-file", str(log)])
    client.initialize()
    client.status("ready")
    for body in STRANGE:
        client.write(body)
    for method, params in MALFORMED:
        client.answer(client.request(method, params))
    cancelled = client.request("lstmLsp/generate", at(0, 0))
    client.notify("$/cancelRequest", {"id": cancelled})
    client.answer(cancelled)
    assert client.stop() == 0
    client.kill()
    assert b"".join(client.errors) == b""
    lines = log.read_text("utf-8").splitlines()
    assert {line.split()[2] for line in lines} == {"WARNING"}
    assert not [line for line in lines if "Traceback" in line]
    # A cancellation that comes late is nothing to tell of.
    assert len(lines) == len(STRANGE) + len(MALFORMED) - 1
