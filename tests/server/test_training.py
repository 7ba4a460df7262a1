"""`lstmLsp.train`: progress, outcome and cancel, with a stand-in for the child and a real one."""

from __future__ import annotations

import fcntl
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.server.test_life import execute, valid
from tests.server.wire import Client, serve_command

# What `lstm-lsp train` does as seen from outside, by a word in the name of the folder.
CHILD = r"""
import fcntl, signal, sys
path = sys.argv[1]
def stop(*_):
    sys.exit("lstm-lsp: the held-out files did not get more predictable")
signal.signal(signal.SIGTERM, stop)
print("3 files, 0.1 MB to learn from, 4,000 held out", file=sys.stderr, flush=True)
for done in ("  0%|          | 00:00 ", " 50%|█████     | 00:10 2.100 bits/char, 0.1 M, 4,000/s"):
    print("\r" + done, end="", file=sys.stderr, flush=True)
if "endless" in path:
    held = open(path + "/held", "w")
    fcntl.flock(held, fcntl.LOCK_EX)
    print("\rwaiting", end="\r", file=sys.stderr, flush=True)
    signal.pause()
if "broken" in path:
    sys.exit("\nlstm-lsp: too little to learn from")
print("\nwrote model.onnx; bits per character 1.9")
"""
SERVE = """
import sys
from lstm_lsp import cli
from lstm_lsp.server import training
training.COMMAND[:] = [sys.executable, "-X", "utf8", "-c", sys.argv.pop(1)]
sys.exit(cli.main())
"""


@pytest.fixture(scope="module")
def trainer(tiny_model_path: Path) -> Iterator[Client]:
    """Return a server that starts the stand-in."""
    serve = serve_command(tiny_model_path)
    client = Client([serve[0], "-c", SERVE, CHILD, *serve[3:]])
    client.initialize()
    client.status("ready")
    yield client
    client.kill()


def begin(client: Client, folder: Path, token: str) -> int:
    argument = valid({"path": str(folder), "workDoneToken": token}, "train.params")
    return client.request(
        "workspace/executeCommand", {"command": "lstmLsp.train", "arguments": [argument]}
    )


def progress(client: Client, token: str) -> list[dict[str, Any]]:
    return [
        message["params"]["value"]
        for message in client.messages
        if message.get("method") == "$/progress" and message["params"]["token"] == token
    ]


def reported(token: str, words: str) -> Callable[[dict[str, Any]], bool]:
    def wanted(message: dict[str, Any]) -> bool:
        params = message.get("params")
        return (
            isinstance(params, dict)
            and params.get("token") == token
            and words in params["value"].get("message", "")
        )

    return wanted


def test_a_run_is_shown_from_begin_to_outcome(trainer: Client, tmp_path: Path) -> None:
    loaded = sum(one.get("method") == "lstmLsp/status" for one in trainer.messages)
    result = trainer.answer(begin(trainer, tmp_path, "whole"))["result"]
    assert valid(result, "train.result") == {
        "written": True,
        "message": "wrote model.onnx; bits per character 1.9",
    }
    first, *reports, last = progress(trainer, "whole")
    assert (first["kind"], first["cancellable"], first["percentage"]) == ("begin", True, 0)
    assert [one["percentage"] for one in reports] == sorted(one["percentage"] for one in reports)
    assert {"kind": "report", "percentage": 50, "message": reports[-1]["message"]} == reports[-1]
    assert reports[-1]["message"] == "2.100 bits/char, 0.1 M, 4,000/s"
    assert last == {"kind": "end", "message": result["message"]}

    def ready_again(message: dict[str, Any]) -> bool:
        told = [one for one in trainer.messages if one.get("method") == "lstmLsp/status"]
        states = [one["params"]["state"] for one in told[loaded:]]
        return states[:1] == ["loading"] and "ready" in states

    trainer.wait(ready_again)


def test_a_failure_is_said_in_the_child_s_words(trainer: Client, tmp_path: Path) -> None:
    folder = tmp_path / "broken"
    result = trainer.answer(begin(trainer, folder, "broken"))["result"]
    assert result == {"written": False, "message": "training failed: too little to learn from"}
    assert progress(trainer, "broken")[-1]["message"] == result["message"]


def test_one_at_a_time_and_cancelled_in_two_ways(trainer: Client, tmp_path: Path) -> None:
    folder = tmp_path / "endless"
    folder.mkdir()
    for token in ("first", "second"):
        asked = begin(trainer, folder, token)
        trainer.wait(reported(token, "waiting"))
        refused = trainer.answer(begin(trainer, tmp_path, "other"))
        assert "running already" in refused["error"]["message"]
        if token == "first":
            trainer.notify("window/workDoneProgress/cancel", {"token": token})
            answer = trainer.answer(asked)
            assert answer["result"]["written"] is False
            assert "training was stopped: the held-out" in answer["result"]["message"]
        else:
            trainer.notify("$/cancelRequest", {"id": asked})
            assert trainer.answer(asked)["error"]["code"] == -32800
        trainer.wait(reported(token, "training was stopped: the held-out"))
    assert progress(trainer, "other") == []


def test_strange_arguments_are_refused(trainer: Client) -> None:
    nothing = trainer.request("workspace/executeCommand", {"command": "lstmLsp.train"})
    assert "no folder" in trainer.answer(nothing)["error"]["message"]
    wrong = {"command": "lstmLsp.train", "arguments": [{"path": 3}]}
    refused = trainer.answer(trainer.request("workspace/executeCommand", wrong))
    assert refused["error"]["code"] == -32602


def test_shutdown_kills_the_child(trainer: Client, tmp_path: Path) -> None:
    folder = tmp_path / "endless"
    folder.mkdir()
    asked = begin(trainer, folder, "last")
    trainer.wait(reported("last", "waiting"))
    assert trainer.stop() == 0
    assert trainer.answer(asked)
    with (folder / "held").open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)  # comes back when the child is no more


def test_without_torch_it_says_what_to_install(
    tiny_model_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "torch.py").write_text("raise ModuleNotFoundError('no torch', name='torch')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    project = tmp_path / "project"
    project.mkdir()
    # What lies in the folder where the server runs is the user's: never to be imported.
    (project / "lstm_lsp.py").write_text("raise SystemExit('the project was imported')")
    client = Client(serve_command(tiny_model_path, "-P"), cwd=project)
    client.initialize()
    result = execute(client, "train", {"path": str(project)})
    client.kill()
    assert result == {
        "written": False,
        "message": "training failed: this needs torch, which is not installed: "
        "run `pip install 'lstm-lsp[train]'` and try again",
    }


@pytest.mark.slow
def test_a_real_run_can_be_cancelled(start: Any, tmp_path: Path) -> None:
    for number in range(30):
        lines = (f"def function_{line}(value): return value * {line}\n" for line in range(30))
        (tmp_path / f"module{number}.py").write_text("".join(lines))
    client = start()
    asked = begin(client, tmp_path, "real")
    client.wait(reported("real", "to learn from"))
    client.notify("window/workDoneProgress/cancel", {"token": "real"})
    result = client.answer(asked)["result"]
    assert result["written"] or result["message"].startswith("training was stopped")
    assert client.stop() == 0
