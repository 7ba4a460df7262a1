"""The rest of the plugin in real Neovims: options, crashes, preview, commands, health."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pynvim
import pytest

if TYPE_CHECKING:
    from tests.editors.neovim.conftest import Neovim, Scripted

pytestmark = [pytest.mark.editor, pytest.mark.timeout(60)]

LOOP = {"for i in ": ["range(10):"]}
ROOT = Path(__file__).resolve().parents[3]
GENERATE = "lstmLsp/generate"


def keymaps(editor: Neovim) -> set[str]:
    """The keys that are mapped in insert mode."""
    maps = editor.nvim.request("nvim_get_keymap", "i")
    return {str(mapping["lhs"]) for mapping in maps if not mapping["lhs"].startswith("<Plug>")}


def preview(editor: Neovim) -> list[str] | None:
    """The text of the preview's window, and its title as the last item."""
    windows = editor.nvim.windows
    if len(windows) < 2:
        return None
    return [*windows[1].buffer[:], editor.nvim.request("nvim_win_get_option", windows[1], "winbar")]


def messages(editor: Neovim) -> str:
    return str(editor.nvim.command_output("messages"))


def test_no_key_is_taken_without_asking(neovim: Neovim) -> None:
    before = keymaps(neovim)
    neovim.setup(cmd=["nowhere-to-be-found"])
    assert keymaps(neovim) == before
    neovim.setup(cmd=["nowhere-to-be-found"], keys={"accept": "<M-l>", "next": False})
    assert keymaps(neovim) - before == {"<M-l>"}


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"debounc": 1}, "debounc"),
        ({"debounce": -1}, "debounce"),
        ({"cmd": "lstm-lsp"}, "cmd"),
        ({"cmd": [1]}, "cmd"),
        ({"filetypes": []}, "filetypes"),
        ({"automatic": 1}, "automatic"),
        ({"keys": {"acept": "<Tab>"}}, "acept"),
        ({"keys": {"accept": True}}, "keys.accept"),
        ({"preview": {"max_characters": 0.5}}, "max_characters"),
    ],
)
def test_a_wrong_option_is_named(neovim: Neovim, options: dict[str, object], named: str) -> None:
    with pytest.raises(pynvim.NvimError, match=named):
        neovim.setup(**options)


def test_a_missing_server_is_said_once_where_it_would_serve(neovim: Neovim, tmp_path: Path) -> None:
    neovim.setup(cmd=["nowhere-to-be-found"])
    (tmp_path / "a.txt").touch()
    neovim.nvim.command(f"edit {tmp_path}/a.txt")
    assert "not found" not in messages(neovim)
    for name in ("a.py", "B.java"):
        neovim.nvim.command(f"edit {tmp_path}/{name}")
    assert messages(neovim).count("pip install lstm-lsp") == 1


def test_the_server_of_the_active_environment_comes_first(neovim: Neovim, tmp_path: Path) -> None:
    find = "return require('lstm_lsp.client').command()"
    for folder in ("venv/bin", "path"):
        executable = tmp_path / folder / "lstm-lsp"
        executable.parent.mkdir(parents=True)
        executable.write_text("#!/bin/sh\n")
        executable.chmod(0o755)
    neovim.lua("vim.env.PATH = ...", str(tmp_path / "path"))
    assert neovim.lua(find) == [str(tmp_path / "path" / "lstm-lsp"), "serve"]
    neovim.lua("vim.env.VIRTUAL_ENV = ...", str(tmp_path / "venv"))
    assert neovim.lua(find) == [str(tmp_path / "venv" / "bin" / "lstm-lsp"), "serve"]


def test_settings_reach_the_server(fake: Scripted) -> None:
    fake.setup(cmd=fake.command, settings={"minimumProbability": {"line": 0.5}})
    fake.lua("require('lstm_lsp.client').restart()")
    fake.wait(lambda: not fake.attached(), "the server is gone")
    fake.wait(fake.attached, "the server is back")
    wanted = {"lstmLsp": {"enabled": True, "minimumProbability": {"line": 0.5}}}
    (initialize,) = fake.received("initialize")
    assert initialize["initializationOptions"] == wanted
    assert "inlineCompletion" in initialize["capabilities"]["textDocument"]
    assert fake.received("workspace/didChangeConfiguration")[0] == {"settings": wanted}


def test_a_server_that_crashes_comes_back_but_not_for_ever(fake: Scripted) -> None:
    for _ in range(3):
        fake.script("answers", LOOP)
        fake.type("<Esc>ofor i in ")
        fake.expect_ghost("range(10):")
        fake.script("crash", {})
        fake.wait(lambda: not fake.attached(), "the server is gone")
        fake.expect_ghost(None)
        fake.wait(fake.attached, "the server is back")
    assert "stays down" not in messages(fake)
    fake.script("crash", {})
    fake.wait(lambda: "stays down" in messages(fake), "it gives up")
    fake.type("x")  # typing goes on undisturbed
    fake.expect_line("for i in x")
    fake.nvim.command("LstmLsp restart")
    fake.wait(fake.attached, "the server is back")


def test_a_server_that_the_user_stops_by_force_stays_down(fake: Scripted) -> None:
    listed = "return #vim.lsp.get_clients({ _uninitialized = true })"
    fake.lua("vim.lsp.get_clients({ name = 'lstm_lsp' })[1]:stop(true)")
    fake.wait(lambda: fake.lua(listed) == 0, "it is gone")
    fake.lua("vim.schedule(function() vim.g.settled = true end)")  # behind all that waits
    fake.wait(lambda: fake.lua("return vim.g.settled"), "nothing is under way")
    assert fake.lua(listed) == 0
    fake.nvim.command("LstmLsp restart")
    fake.wait(fake.attached, "it is back")


def test_the_preview_fills_as_text_comes(fake: Scripted) -> None:
    fake.type("ix = 1<CR>print('é<Esc>")
    fake.expect_line("print('é")
    fake.script("chunks", ["x", ")\r\n", "", "\n漢"])
    fake.script("hold", {"held": True})
    fake.nvim.command("normal! $")
    fake.nvim.command("startinsert!")
    fake.nvim.command("LstmLsp preview max_characters=20 seed=7")
    fake.wait(lambda: (preview(fake) or [""])[:-1] == ["print('éx)", "", "漢"], "it filled")
    assert "writing" in (preview(fake) or [])[-1]
    fake.script("hold", {"held": False})
    fake.wait(lambda: (preview(fake) or [""])[-1].endswith("length"), "it ended")
    (params,) = fake.received(GENERATE)
    assert params["position"]["line"] == 1
    assert (params["maxCharacters"], params["seed"], params["temperature"]) == (20, 7, 0.6)
    assert fake.lines() == ["x = 1", "print('é"]  # the file is untouched


def test_the_preview_takes_a_line_end_that_comes_in_two_pieces(fake: Scripted) -> None:
    fake.script("chunks", ["a\r", "\nb\r", "c\r", "", "\n", "d"])
    fake.nvim.command("LstmLsp preview")
    fake.wait(lambda: (preview(fake) or [""])[-1].endswith("length"), "it ended")
    assert (preview(fake) or [])[:-1] == ["a", "b", "c", "d"]


@pytest.mark.parametrize("end", ["LstmLsp stop", "only"])
def test_the_preview_can_be_stopped(fake: Scripted, end: str) -> None:
    fake.script("chunks", ["some text"])
    fake.script("hold", {"held": True})
    fake.nvim.command("LstmLsp preview")
    fake.wait(lambda: (preview(fake) or [""])[0] == "some text", "it began")
    fake.nvim.command(end)
    (cancelled,) = fake.received("$/cancelRequest")
    assert cancelled["id"] in [m["id"] for m in fake.log() if m.get("method") == GENERATE]
    fake.script("hold", {"held": False})
    fake.log()
    if end == "only":
        assert preview(fake) is None
    else:
        assert (preview(fake) or [""])[-1].endswith("stopped")


def test_the_preview_ends_with_its_server(fake: Scripted) -> None:
    fake.script("chunks", ["some text"])
    fake.script("hold", {"held": True})
    fake.nvim.command("LstmLsp preview")
    fake.wait(lambda: (preview(fake) or [""])[0] == "some text", "it began")
    fake.script("crash", {})
    fake.wait(lambda: (preview(fake) or [""])[-1].endswith("stopped"), "it ended")


def test_status_line_follows_the_server(fake: Scripted) -> None:
    line = "return require('lstm_lsp').statusline()"
    fake.wait(lambda: fake.lua(line) == "lstm ready", "it is shown")
    fake.script("status", {"state": "busy", "reason": "reading the project"})
    fake.wait(lambda: fake.lua(line) == "lstm busy: reading the project", "it is shown")
    fake.nvim.command("enew")
    assert fake.lua(line) == ""


def test_status_and_explain_say_what_the_server_says(fake: Scripted) -> None:
    fake.nvim.command("LstmLsp status")
    fake.wait(lambda: "ready, model fake, 1 MB" in messages(fake), "the status is shown")
    fake.nvim.command("LstmLsp explain")  # before anything was asked for: about the cursor
    asked = "workspace/executeCommand"
    (params,) = fake.wait(lambda: fake.received(asked), "an explanation is asked for")
    assert params["arguments"][0]["position"] == {"line": 0, "character": 0}
    fake.type("ix = ")
    fake.wait(lambda: fake.received("textDocument/inlineCompletion"), "it was asked")
    fake.type("<Esc>0")
    fake.nvim.command("LstmLsp explain")
    fake.wait(lambda: any("Because it is a fake." in line for line in fake.screen()), "explained")
    params = fake.received(asked)[-1]
    place = params["arguments"][0]  # where it was asked for, not where the cursor is
    assert place["position"] == {"line": 0, "character": 4}


def test_training_shows_its_progress_and_can_be_cancelled(fake: Scripted, tmp_path: Path) -> None:
    fake.nvim.command(f"LstmLsp train {tmp_path}")
    fake.wait(lambda: any("training 50%" in line for line in fake.screen()), "progress is shown")
    (params,) = fake.received("workspace/executeCommand")
    assert params["arguments"][0]["path"].rstrip("/") == str(tmp_path)
    fake.nvim.command("LstmLsp stop")
    token = params["arguments"][0]["workDoneToken"]
    assert fake.received("window/workDoneProgress/cancel") == [{"token": token}]


def test_commands_complete_and_refuse_nonsense(fake: Scripted) -> None:
    complete = fake.nvim.funcs.getcompletion
    assert complete("LstmLsp t", "cmdline") == ["toggle", "train"]
    assert "explain" in complete("LstmLsp ", "cmdline")
    assert complete("LstmLsp preview se", "cmdline") == ["seed="]
    fake.nvim.command("LstmLsp nonsense")
    assert "no such command: nonsense" in messages(fake)
    with pytest.raises(pynvim.NvimError, match="seed=x: expected"):
        fake.nvim.command("LstmLsp preview seed=x")


def test_health_names_the_server_and_what_is_missing(fake: Scripted) -> None:
    fake.nvim.command("checkhealth lstm_lsp")
    report = "\n".join(fake.lines())
    assert "running" in report
    assert "utf-16" in report
    assert "ERROR" not in report
    fake.lua("require('lstm_lsp.config').options.cmd = { 'nowhere-to-be-found' }")
    fake.nvim.command("checkhealth lstm_lsp")
    assert "pip install lstm-lsp" in "\n".join(fake.lines())


def test_the_help_file_has_its_tags(neovim: Neovim, tmp_path: Path) -> None:
    shutil.copytree(ROOT / "editors" / "neovim" / "doc", tmp_path / "doc")
    neovim.nvim.command(f"helptags {tmp_path}/doc")
    neovim.nvim.command(f"set runtimepath^={tmp_path}")
    for name in ("lstm-lsp-options", ":LstmLsp", "<Plug>(lstm-lsp-accept)", "lstm_lsp.accept()"):
        neovim.nvim.command(f"help {name}")
        assert f"*{name}*" in neovim.line()
