"""The command line as a user meets it: exit statuses, one line for a failure, JSON."""

import json
import os
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import onnx
import pytest

from lstm_lsp import card
from lstm_lsp.cli import main

JAVA = """package org.example;

public class Counter {
    private int counter;

    public int next() {
        return counter;
    }
}
"""


@pytest.fixture
def java(tmp_path: Path) -> Path:
    path = tmp_path / "Counter.java"
    path.write_text(JAVA)
    return path


@pytest.fixture
def project(tmp_path: Path, tiny_model_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder, now the current one, that has its own (tiny) model."""
    folder = tmp_path / "project"
    (folder / ".lstm-lsp").mkdir(parents=True)
    (folder / ".lstm-lsp" / "model.onnx").write_bytes(tiny_model_path.read_bytes())
    (folder / "Counter.java").write_text(JAVA)
    monkeypatch.chdir(folder)
    return folder


def failure(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    """Run a command that must fail, and return its one line on stderr."""
    assert main([str(argument) for argument in arguments]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("lstm-lsp: ")
    assert err.count("\n") == 1
    assert err.endswith("\n")
    return err


def answer(capsys: pytest.CaptureFixture[str], *arguments: object) -> Any:
    """Run a command with --json and return what it printed, which must be all."""
    assert main([*(str(argument) for argument in arguments), "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def usage(*arguments: str) -> int | str | None:
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    return stopped.value.code


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("no-such-command",),
        ("complete", "File.java"),
        ("complete", "File.java", "--at", "0:1"),
        ("complete", "File.java", "--at", "3"),
        ("complete", "File.java", "--at", "1:1", "--kind", "word"),
        ("generate", "File.java", "--prompt", "and text"),
        ("generate", "--max-chars", "0"),
        ("generate", "--temperature", "-1"),
        ("generate", "--temperature", "nan"),
        ("generate", "--top-p", "0"),
        ("generate", "--seed", "-1"),
        ("generate", "--language", "cobol"),
        ("serve", "--tcp", "localhost"),
        ("serve", "--tcp", "localhost:99999"),
        ("serve", "--tcp", "localhost:1", "--ws", "localhost:2"),
        ("train", ".", "--minutes", "1", "--epochs", "1"),
        ("corpus", "build", "manifest.toml"),
    ],
)
def test_wrong_usage_exits_with_2(arguments: tuple[str, ...]) -> None:
    assert usage(*arguments) == 2


@pytest.mark.parametrize("command", ["generate", "complete", "train", "evaluate", "serve"])
def test_every_command_explains_itself(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert usage(command, "--help") == 0
    assert capsys.readouterr().out.startswith(f"usage: lstm-lsp {command}")


def test_unknown_file(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "None.java"
    assert "no such file" in failure(capsys, "complete", path, "--at", "1:1")
    assert str(path) in failure(capsys, "generate", path)
    failure(capsys, "evaluate", path)


def test_empty_file(capsys: pytest.CaptureFixture[str], java: Path, project: Path) -> None:
    java.write_bytes(b"")
    assert "empty" in failure(capsys, "generate", java)
    assert "empty" in failure(capsys, "surprise", java)
    # An editor opens new files too.
    found = answer(capsys, "complete", java, "--at", "1:1")
    assert found["position"] == {"line": 1, "column": 1}


def test_a_place_that_cannot_be_written_is_refused_before_the_work(
    capsys: pytest.CaptureFixture[str], project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def works(*_: object) -> None:
        raise AssertionError("the work has begun")

    monkeypatch.setattr("lstm_lsp.explore.explorer.open_explorer", works)
    assert "folder" in failure(capsys, "explore", "--export", project / "none" / "x.html")
    assert "directory" in failure(capsys, "explore", "--export", project)
    monkeypatch.setattr("lstm_lsp.evaluate.runner.read_projects", works)
    for name in ("picture.txt", "picture"):
        assert "PNG" in failure(capsys, "evaluate", project, "--report", name)


def test_a_file_named_twice_counts_once(capsys: pytest.CaptureFixture[str], project: Path) -> None:
    report = answer(capsys, "surprise", "Counter.java", "Counter.java")
    assert len(report["files"]) == 1


def test_any_text_in_any_locale(project: Path) -> None:
    """A pipe gets UTF-8, where Python would say that it cannot encode."""
    (project / "größe").mkdir()
    (project / "größe" / "A.java").write_text(JAVA)
    ascii_only = os.environ | {"LC_ALL": "C", "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    done = subprocess.run(
        [sys.executable, "-m", "lstm_lsp", "evaluate", "größe", "--sample", "1"],
        check=False,
        capture_output=True,
        env=ascii_only,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert "größe" in done.stdout.decode("utf-8")


@pytest.mark.skipif(os.name == "nt", reason="closes streams with a shell")
def test_a_closed_stream_is_an_empty_one(project: Path) -> None:
    def run(command: str) -> subprocess.CompletedProcess[str]:
        line = f"exec '{sys.executable}' -m lstm_lsp {command}"
        return subprocess.run(["sh", "-c", line], check=False, capture_output=True, text=True)

    done = run("info >&-")
    assert (done.returncode, done.stderr) == (0, "")
    assert "standard input is empty" in run("generate - <&-").stderr
    assert run("complete none.java --at 1:1 --json 2>&-").stdout == ""


def test_binary_file(capsys: pytest.CaptureFixture[str], java: Path) -> None:
    java.write_bytes(b"\xca\xfe\xba\xbe\x00\x00\x00\x41")
    assert "binary" in failure(capsys, "complete", java, "--at", "1:1")
    assert "binary" in failure(capsys, "generate", java)


def test_file_in_another_encoding(capsys: pytest.CaptureFixture[str], java: Path) -> None:
    java.write_bytes("// größer\n".encode("latin-1"))
    assert "UTF-8" in failure(capsys, "complete", java, "--at", "1:1")
    assert "UTF-8" in failure(capsys, "evaluate", java)


def test_folder_in_place_of_a_file(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert "directory" in failure(capsys, "generate", tmp_path)


def test_corrupt_model(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, tiny_model_path: Path
) -> None:
    content = tiny_model_path.read_bytes()
    broken = tmp_path / "broken.onnx"
    for wrong in (b"", b"not a model", content[: len(content) // 2], content[:-1]):
        broken.write_bytes(wrong)
        assert str(broken) in failure(capsys, "generate", "--model", broken)
        assert broken.read_bytes() == wrong


def test_model_of_another_format(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, tiny_model_path: Path
) -> None:
    model = onnx.load(tiny_model_path)
    for entry in model.metadata_props:
        if entry.key == card.FORMAT_KEY:
            entry.value = "99"
    path = tmp_path / "future.onnx"
    onnx.save(model, path)
    assert "format 99" in failure(capsys, "generate", "--model", path)


def test_missing_model(capsys: pytest.CaptureFixture[str]) -> None:
    assert "no-such-model" in failure(capsys, "generate", "--model", "no-such-model")


def test_unwritable_output(
    capsys: pytest.CaptureFixture[str], project: Path, tmp_path: Path
) -> None:
    blocked = tmp_path / "a-file"
    blocked.write_text("kept")
    failure(capsys, "train", project, "--output", blocked / "model.onnx")
    failure(capsys, "corpus", "build", project / "Counter.java", "--output", blocked)
    assert blocked.read_text() == "kept"


def test_what_is_not_installed_is_named(
    capsys: pytest.CaptureFixture[str], project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr("lstm_lsp.training.tune", raising=False)
    monkeypatch.delitem(sys.modules, "lstm_lsp.training.tune", raising=False)
    monkeypatch.setitem(sys.modules, "torch", None)
    line = failure(capsys, "train", project)
    assert "torch" in line
    assert "lstm-lsp[train]" in line


def test_a_bug_shows_its_traceback_only_when_asked(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("lstm_lsp.generate.generate", None)
    assert "LSTM_LSP_DEBUG" in failure(capsys, "generate")
    monkeypatch.setenv("LSTM_LSP_DEBUG", "1")
    with pytest.raises(TypeError):
        main(["generate"])


def test_generate_is_reproducible(capsys: pytest.CaptureFixture[str], project: Path) -> None:
    def text(*arguments: str) -> str:
        assert main(["generate", "--max-chars", "50", *arguments]) == 0
        return capsys.readouterr().out

    assert text("--seed", "1") == text("--seed", "1")
    assert text("--seed", "1") != text("--seed", "2")
    assert len(text("Counter.java")) == 50
    assert text("--prompt", "class", "--seed", "1") != text("--seed", "1")


def test_generate_tells_the_seed_that_repeats_it(
    capsys: pytest.CaptureFixture[str], project: Path
) -> None:
    first = answer(capsys, "generate", "--max-chars", "30")
    again = answer(capsys, "generate", "--max-chars", "30", "--seed", first["seed"])
    assert again == first
    assert first["finish"] == "length"
    assert first["model"] == "tiny"


def test_complete(capsys: pytest.CaptureFixture[str], project: Path) -> None:
    report = answer(capsys, "complete", "Counter.java", "--at", "7:20")
    assert report["position"] == {"line": 7, "column": 20}
    for candidate in report["candidates"]:
        assert candidate.keys() == {"kind", "text", "probability"}
    assert main(["complete", "Counter.java", "--at", "7:20"]) == 0


def test_complete_past_the_end(capsys: pytest.CaptureFixture[str], project: Path) -> None:
    line = answer(capsys, "complete", "Counter.java", "--at", "7:999")
    assert line["position"] == {"line": 7, "column": len("        return counter;") + 1}
    end = answer(capsys, "complete", "Counter.java", "--at", "999:1")
    assert end["position"] == {"line": 10, "column": 1}


def test_complete_offers_one_kind(capsys: pytest.CaptureFixture[str], project: Path) -> None:
    report = answer(capsys, "complete", "Counter.java", "--at", "7:16", "--kind", "char")
    assert {candidate["kind"] for candidate in report["candidates"]} <= {"char"}


def test_columns_count_characters(capsys: pytest.CaptureFixture[str], project: Path) -> None:
    (project / "A.java").write_bytes("// 🦊🦊\r\nint a;".encode())
    report = answer(capsys, "complete", "A.java", "--at", "1:99")
    assert report["position"] == {"line": 1, "column": 6}


def test_info(capsys: pytest.CaptureFixture[str], project: Path) -> None:
    report = answer(capsys, "info")
    assert report["card"]["name"] == "tiny"
    assert main(["info"]) == 0
    assert "tiny" in capsys.readouterr().out


def test_doctor(capsys: pytest.CaptureFixture[str], project: Path) -> None:
    assert main(["doctor"]) == 0
    assert "model tiny" in capsys.readouterr().out
    (project / ".lstm-lsp" / "model.onnx").write_bytes(b"broken")
    assert main(["doctor"]) == 1
    assert "wrong" in capsys.readouterr().out


def started(*arguments: str, **options: Any) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-m", "lstm_lsp", *arguments], **options)


def generated(content: bytes) -> subprocess.CompletedProcess[bytes]:
    """Run `generate -` with `content` on standard input."""
    return subprocess.run(
        [sys.executable, "-m", "lstm_lsp", "generate", "-", "--max-chars", "5", "--seed", "1"],
        input=content,
        capture_output=True,
        check=False,
    )


@pytest.mark.slow
def test_standard_input_may_be_cut_anywhere(project: Path) -> None:
    text = "int größe"
    whole = generated(text[:-2].encode()[:-1])  # cut within the ö's second byte
    assert whole.returncode == 0
    assert whole.stdout == generated(b"int gr").stdout
    assert generated(b"").returncode == 1
    assert generated(b"\xff\xfe\xfd").returncode == 1


@pytest.mark.slow
def test_a_reader_that_leaves_ends_generation_quietly(project: Path) -> None:
    process = started(
        "generate", "--max-chars", "1000000", stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stdout.read(1)
    process.stdout.close()
    assert process.stderr is not None
    assert process.stderr.read() == b""
    assert process.wait() == 0


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_ctrl_c_ends_generation(project: Path) -> None:
    process = started(
        *("generate", "--max-chars", "1000000"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        # Tests that run in the background are started with Ctrl-C ignored, and so would this be.
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
    )
    assert process.stdout is not None
    assert process.stdout.read(1)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate()
    assert err == b""
    assert process.returncode == 130


@pytest.mark.slow
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_disk_is_one_line(project: Path) -> None:
    with open("/dev/full", "wb") as full:
        process = started("info", stdout=full, stderr=subprocess.PIPE)
        _, err = process.communicate()
    assert process.returncode == 1
    assert err == b"lstm-lsp: no space left on device\n"
