"""From spawn to exit: initialize, settings, commands, status, the project, and what is sent."""

from __future__ import annotations

import contextlib
import json
import socket
import subprocess
from collections.abc import Callable
from dataclasses import fields
from functools import partial
from importlib import resources
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from websockets.sync.client import ClientConnection
from websockets.sync.client import connect as websocket

from lstm_lsp.server import app, status, transport
from lstm_lsp.server.server import Server
from lstm_lsp.server.settings import Settings
from lstm_lsp.server.worker import Job, Priority
from tests.server.wire import PATIENCE, Client, at, document, serve_command
from tests.waiting import soon

ENDLESS = {"maxCharacters": 1_000_000, "temperature": 0}
"""Options of a generation that goes on: the most probable symbol is never the end."""


def valid(value: Any, name: str) -> Any:
    """Return `value`, which the schema `name` describes."""
    text = resources.files("lstm_lsp.server").joinpath("schemas", f"{name}.json").read_text("utf-8")
    jsonschema.Draft202012Validator(json.loads(text)).validate(value)
    return value


def is_about(token: str, message: dict[str, Any]) -> bool:
    return bool(message.get("params", {}).get("token") == token)


def execute(client: Client, command: str, *arguments: Any) -> Any:
    return client.ask(
        "workspace/executeCommand", {"command": f"lstmLsp.{command}", "arguments": [*arguments]}
    )


# -- beginning and end ---------------------------------------------------------------------


def test_before_initialize_and_after_shutdown_requests_are_refused(tiny_model_path: Path) -> None:
    client = Client(serve_command(tiny_model_path))
    early = client.answer(client.request("textDocument/completion", at(0, 0)))
    assert early["error"]["code"] == -32002
    client.notify("textDocument/didOpen", document("x"))
    can = client.initialize()["capabilities"]
    assert can["textDocumentSync"]["change"] == 2
    assert can["completionProvider"]["resolveProvider"] is True
    assert can["inlineCompletionProvider"] == {}
    again = client.answer(client.request("initialize", {"processId": None, "capabilities": {}}))
    assert again["error"]["code"] == -32600
    client.ask("shutdown")
    late = client.answer(client.request("textDocument/completion", at(0, 0)))
    assert late["error"]["code"] == -32600
    client.notify("exit")
    assert client.process.wait(PATIENCE) == 0
    client.kill()


def test_exit_without_shutdown_is_a_failure_and_a_closed_pipe_is_not(tiny_model_path: Path) -> None:
    statuses = []
    ways: list[Callable[[Client], Any]] = [
        lambda one: one.notify("exit"),
        lambda one: one.process.stdin and one.process.stdin.close(),
    ]
    for leave in ways:
        client = Client(serve_command(tiny_model_path))
        client.initialize()
        leave(client)
        statuses.append(client.process.wait(PATIENCE))
        client.kill()
    assert statuses == [1, 0]


def test_shutdown_stops_work_at_once(start: Any, uri: str) -> None:
    client = start()
    client.notify("textDocument/didOpen", document("x = ", uri))
    endless = {**at(0, 4, uri), **ENDLESS, "partialResultToken": "endless"}
    asked = client.request("lstmLsp/generate", endless)
    client.wait(lambda one: one.get("method") == "$/progress")
    assert client.stop() == 0
    assert "error" in client.answer(asked)


def test_the_inference_thread_ends_before_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    # The runtime aborts the process when the interpreter ends under one of its calls.
    left = []

    def compute(job: Job) -> None:
        while not job.is_cancelled():
            pass

    def leave(server: Server, *_: Any) -> None:
        server.session.worker.submit(Priority.REQUEST, compute)
        left.append(server)

    monkeypatch.setattr(transport, "serve_tcp", leave)
    monkeypatch.setattr(status, "log_to", lambda *_: None)  # the tests' own process
    app.serve(tcp=("127.0.0.1", 0))
    assert not left[0].session.worker._thread.is_alive()


def test_what_cannot_be_started_says_so_in_one_line(tiny_model_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        taken_address = f"127.0.0.1:{port}"
        for flags in (
            ["--tcp", taken_address],
            ["--ws", taken_address],
            ["--log-file", "/no/such/folder/log"],
        ):
            command = [*serve_command(tiny_model_path), *flags]
            done = subprocess.run(
                command, input=b"", capture_output=True, timeout=PATIENCE, check=False
            )
            assert (done.returncode, done.stdout) == (1, b"")
            assert done.stderr.count(b"\n") == 1


def test_over_tcp_a_client_is_served_and_garbage_survived(tiny_model_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [*serve_command(tiny_model_path), "--tcp", f"127.0.0.1:{port}"]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL)

    def connect() -> socket.socket | None:
        assert process.poll() is None
        with contextlib.suppress(ConnectionRefusedError):
            return socket.create_connection(("127.0.0.1", port), PATIENCE)
        return None

    connected = soon(connect, PATIENCE)
    with connected, connected.makefile("rwb") as stream:
        stream.write(b"Content-Length: 99999999999\r\n\r\n")
        for message in (
            {"id": 1, "method": "initialize", "params": {"processId": None, "capabilities": {}}},
            {"id": 2, "method": "shutdown"},
            {"method": "exit"},
        ):
            body = json.dumps({"jsonrpc": "2.0", **message}).encode()
            stream.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        stream.flush()
        answers = stream.read()
    assert process.wait(PATIENCE) == 0
    assert [answers.count(b'"id": %s' % number) for number in (b"null", b"1", b"2")] == [1, 1, 1]


def test_over_websocket_a_client_is_served_and_garbage_survived(tiny_model_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [*serve_command(tiny_model_path), "--ws", f"127.0.0.1:{port}"]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL)

    def connect() -> ClientConnection | None:
        assert process.poll() is None
        with contextlib.suppress(ConnectionRefusedError):
            return websocket(f"ws://127.0.0.1:{port}", open_timeout=PATIENCE, max_size=None)
        return None

    garbage: list[bytes | str] = ["no JSON", b"\xff\xfe", "", "NaN", "[" * 100_000]
    uri, text = "file:///a.py", "x = '\ud800'  # " + "long " * 400_000
    with soon(connect, PATIENCE) as connected:
        for piece in garbage:
            connected.send(piece)
            assert json.loads(connected.recv(PATIENCE))["error"]["code"] == -32700
        for message in (
            {"id": 1, "method": "initialize", "params": {"processId": None, "capabilities": {}}},
            {"method": "textDocument/didOpen", "params": document(text, uri)},
            {"id": 2, "method": "shutdown"},
            {"method": "exit"},
        ):
            connected.send(json.dumps({"jsonrpc": "2.0", **message}))
        answered = [json.loads(one).get("id") for one in connected]
    assert process.wait(PATIENCE) == 0
    assert [number for number in answered if number is not None] == [1, 2]


def test_serving_imports_no_torch(tiny_model_path: Path, uri: str) -> None:
    client = Client(serve_command(tiny_model_path, "-X", "importtime"))
    client.initialize()
    client.status("ready")
    client.notify("textDocument/didOpen", document("x = ", uri))
    client.ask("textDocument/completion", at(0, 4, uri))
    assert client.stop() == 0
    client.kill()
    imported = {line.rpartition(b"|")[2].strip() for line in b"".join(client.errors).splitlines()}
    assert b"onnxruntime" in imported
    assert not [name for name in imported if name.partition(b".")[0] in (b"torch", b"onnx")]


def test_a_broken_model_is_said_and_the_server_lives(start: Any, tmp_path: Path, uri: str) -> None:
    broken = tmp_path / "broken.onnx"
    broken.write_bytes(b"no model")
    client = start(model=broken, ready=False)
    assert "broken.onnx" in client.status("off")["reason"]
    shown = client.wait(lambda one: one.get("method") == "window/showMessage")
    assert "broken.onnx" in shown["params"]["message"]
    client.notify("textDocument/didOpen", document("x = ", uri))
    assert client.ask("textDocument/completion", at(0, 4, uri))["items"] == []
    assert client.stop() == 0


# -- settings and commands -----------------------------------------------------------------


def test_settings_are_live(start: Any, uri: str) -> None:
    client = start()
    place = at(0, 8, uri)
    client.notify("textDocument/didOpen", document("value = ", uri))
    for sent, expected in (
        ({"enabled": False}, "suggestions are switched off"),
        ({"languages": ["java"]}, "suggestions are switched off for python"),
        ({"kinds": []}, None),
    ):
        client.notify("workspace/didChangeConfiguration", {"settings": {"lstmLsp": sent}})
        assert client.ask("textDocument/completion", place)["items"] == []
        assert execute(client, "explain", place)["reason"] == expected
    everything = {"minimumProbability": {"char": 0, "token": 0}}
    client.notify("workspace/didChangeConfiguration", {"settings": {"lstmLsp": everything}})
    assert client.ask("textDocument/completion", place)["items"]


def test_settings_are_pulled_from_a_client_that_keeps_them(start: Any, uri: str) -> None:
    client = start(capabilities={"workspace": {"configuration": True}})
    pulled = client.wait(lambda one: one.get("method") == "workspace/configuration")
    assert pulled["params"]["items"] == [{"section": "lstmLsp"}]
    client.send({"id": pulled["id"], "result": [{"enabled": False}]})
    assert client.status("off")["reason"] == "suggestions are switched off"


def test_wrong_settings_are_shown_once_and_the_rest_is_heeded(start: Any, uri: str) -> None:
    client = start(options={"threads": "many", "enabled": False}, ready=False)
    client.status("off")
    again = {"settings": {"lstmLsp": {"threads": "many", "enabled": True}}}
    client.notify("workspace/didChangeConfiguration", again)
    client.status("ready")
    shown = [one for one in client.messages if one.get("method") == "window/showMessage"]
    assert [one["params"]["message"] for one in shown] == [
        "lstmLsp.threads: expected a whole number from 1 to 16, found 'many'"
    ]


def test_commands_switch_suggestions(client: Client, uri: str) -> None:
    client.notify("textDocument/didOpen", document("value = ", uri))
    for command, state in (
        ("disable", "off"),
        ("enable", "ready"),
        ("toggle", "off"),
        ("toggle", "ready"),
    ):
        assert valid(execute(client, command), "status")["state"] == state
        items = client.ask("textDocument/completion", at(0, 8, uri))["items"]
        assert bool(items) == (state == "ready")


def test_explain_tells_of_every_candidate(client: Client, uri: str) -> None:
    client.notify("textDocument/didOpen", document("value = ", uri))
    found = valid(execute(client, "explain", at(0, 8, uri)), "explain.result")
    assert found["reason"] is None
    assert any(one["reason"] is None for one in found["candidates"])
    client.ask("textDocument/completion", at(0, 8, uri))
    assert valid(execute(client, "explain"), "explain.result") == found


def test_explain_without_a_place_is_about_the_last_one_asked_for(client: Client, uri: str) -> None:
    client.notify("textDocument/didOpen", document("value = ", uri))
    before = execute(client, "explain", at(0, 8, uri))
    client.ask("textDocument/completion", at(0, 8, uri))
    client.change(uri, 2, ((0, 0), (0, 8)), "while something_else(")
    client.notify("textDocument/didOpen", document("x", f"{uri}.py"))
    assert execute(client, "explain") == before
    assert execute(client, "explain", at(0, 8, uri)) != before
    client.notify("textDocument/didClose", {"textDocument": {"uri": uri}})
    assert execute(client, "explain")["reason"] == "nothing was asked for yet"


# -- our own methods, and the schemas of what is sent --------------------------------------


def test_status_is_what_its_schema_says(client: Client) -> None:
    status = valid(client.ask("lstmLsp/status", {}), "status")
    assert status["state"] == "ready"
    assert 10 < status["memoryMegabytes"] < 2_000
    for message in client.messages:
        if message.get("method") == "lstmLsp/status":
            valid(message["params"], "status")


def test_generation_streams_and_repeats_itself(client: Client, uri: str) -> None:
    client.notify("textDocument/didOpen", document("value = ", uri))
    asked = valid({**at(0, 8, uri), "maxCharacters": 40, "seed": 7}, "generate.params")
    whole = valid(client.ask("lstmLsp/generate", asked), "generate.result")
    assert whole["finish"] == "end" or len(whole["text"]) == 40
    token = f"stream {uri}"
    done = client.ask(
        "lstmLsp/generate", {**asked, "partialResultToken": token, "workDoneToken": f"work {uri}"}
    )
    assert valid(done, "generate.result") == {**whole, "text": ""}
    progress = [one["params"] for one in client.messages if one.get("method") == "$/progress"]
    pieces = [one["value"] for one in progress if one["token"] == token]
    assert "".join(valid(one, "generate.partial")["text"] for one in pieces) == whole["text"]
    work = [one["value"]["kind"] for one in progress if one["token"] == f"work {uri}"]
    assert work == ["begin", "end"]


def test_generation_can_be_cancelled_in_two_ways(client: Client, uri: str) -> None:
    client.notify("textDocument/didOpen", document("value = ", uri))
    for number in range(2):
        token = f"{number} {uri}"
        tokens = {"partialResultToken": token, "workDoneToken": f"work {token}"}
        asked = client.request("lstmLsp/generate", {**at(0, 8, uri), **ENDLESS, **tokens})
        client.wait(partial(is_about, token))
        if number:
            client.notify("window/workDoneProgress/cancel", {"token": f"work {token}"})
        else:
            client.notify("$/cancelRequest", {"id": asked})
        assert client.answer(asked)["error"]["code"] == -32800


def test_generation_gives_way_to_a_completion(client: Client, uri: str) -> None:
    client.notify("textDocument/didOpen", document("value = ", uri))
    long = {**at(0, 8, uri), **ENDLESS, "partialResultToken": f"long {uri}"}
    asked = client.request("lstmLsp/generate", long)
    client.wait(lambda one: one.get("params", {}).get("token") == f"long {uri}")
    assert client.ask("textDocument/completion", at(0, 8, uri))["items"]
    client.notify("$/cancelRequest", {"id": asked})
    assert "error" in client.answer(asked)


def test_surprise_has_bits_for_each_character(client: Client, uri: str) -> None:
    text = "é = '😀'\r\nx"
    client.notify("textDocument/didOpen", document(text, uri))
    whole = {"start": {"line": 0, "character": 0}, "end": {"line": 9, "character": 0}}
    asked = valid({"textDocument": {"uri": uri}, "range": whole}, "surprise.params")
    found = valid(client.ask("lstmLsp/surprise", asked), "surprise.result")
    assert found["version"] == 1
    assert len(found["bits"]) == len(text)
    assert found["bits"][text.index("\r")] == 0
    assert all(bits > 0 for bits in found["bits"][:5])
    reversed_range = {"start": {"line": 1, "character": 0}, "end": {"line": 0, "character": 0}}
    refused = client.answer(client.request("lstmLsp/surprise", {**asked, "range": reversed_range}))
    assert refused["error"]["code"] == -32803


def test_the_settings_schema_has_the_settings_and_their_defaults() -> None:
    path = resources.files("lstm_lsp.server").joinpath("schemas", "settings.json")
    described = json.loads(path.read_text("utf-8"))["properties"]
    for field in fields(Settings):
        group, _, name = field.metadata["name"].rpartition(".")
        entry = described[group]["properties"][name] if group else described[name]
        default = list(field.default) if isinstance(field.default, tuple) else field.default
        assert entry["default"] == default
    assert valid({"projectMemory": {"enabled": False}, "kinds": ["line"]}, "settings")


# -- the project ---------------------------------------------------------------------------


def test_the_project_is_read_and_reported(start: Any, tmp_path: Path) -> None:
    for number in range(30):
        (tmp_path / f"module{number}.py").write_text(f"value_{number} = {number}\n" * 50)
    client = start(
        folder=tmp_path, capabilities={"window": {"workDoneProgress": True}}, ready=False
    )
    created = client.wait(lambda one: one.get("method") == "window/workDoneProgress/create")
    client.send({"id": created["id"], "result": None})
    client.wait(
        lambda one: (
            one.get("method") == "lstmLsp/status"
            and one["params"]["state"] == "ready"
            and one["params"]["indexed"] == 30
        )
    )
    assert valid(client.ask("lstmLsp/status", {}), "status")["total"] == 30
    told = [one["params"] for one in client.messages if one.get("method") == "lstmLsp/status"]
    states = [one["state"] for one in told]
    # Busy only where reading took long enough to be worth telling, and ready once.
    assert states in (["loading", "ready"], ["loading", "busy", "ready"])
    assert client.stop() == 0


def test_what_is_excluded_is_not_read_into_the_project_memory(start: Any, tmp_path: Path) -> None:
    (tmp_path / "generated").mkdir()
    for name in ("generated/a.py", "generated/b.py", "kept.py"):
        (tmp_path / name).write_text("value = 1\n")
    client = start(folder=tmp_path, options={"projectMemory": {"exclude": ["generated/"]}})
    client.wait(lambda one: one.get("method") == "lstmLsp/status" and one["params"]["indexed"] == 1)
    assert client.ask("lstmLsp/status", {})["total"] == 1


def test_loading_waits_for_no_answer_of_the_client(start: Any) -> None:
    workspace = {
        "configuration": True,
        "didChangeConfiguration": {"dynamicRegistration": True},
        "didChangeWatchedFiles": {"dynamicRegistration": True},
    }
    client = start(capabilities={"workspace": workspace, "window": {"workDoneProgress": True}})
    registered = client.wait(lambda one: one.get("method") == "client/registerCapability")
    assert {one["method"] for one in registered["params"]["registrations"]} == {
        "workspace/didChangeConfiguration",
        "workspace/didChangeWatchedFiles",
    }
