"""Real Neovims with the real server and the bundled model, at default settings.

LSTM_LSP_TEST_MODEL names another model file.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.editors.neovim.conftest import Neovim

pytestmark = [pytest.mark.editor, pytest.mark.timeout(120)]

MODEL = os.environ.get("LSTM_LSP_TEST_MODEL")
SERVER = [sys.executable, "-m", "lstm_lsp", "serve", *(["--model", MODEL] if MODEL else [])]

PYTHON = '''"""Readings of a sensor."""


def total(readings):
    result = 0
    for i in range(len(readings)):
        result += readings[i]
    return result


def largest(readings):
    result = 0
    for i in range(len(readings)):
        result = max(result, readings[i])
    return result


def smallest(readings):
    result = 0
'''

JAVA = """package org.example;

public class Readings {
    private final double[] values;

    public double total() {
        double result = 0;
        for (int i = 0; i < values.length; i++) {
            result += values[i];
        }
        return result;
    }

    public double largest() {
        double result = 0;
        for (int i = 0; i < values.length; i++) {
            result = Math.max(result, values[i]);
        }
        return result;
    }

    public double smallest() {
        double result = 0;
    }
}
"""


@pytest.fixture
def real(neovim: Neovim, tmp_path: Path) -> Callable[[str, str], Neovim]:
    """Opens a project's file with the real server, ready to answer; `neovim` with keys mapped."""
    project = tmp_path / "sensors"
    (project / ".git").mkdir(parents=True)
    keys = {"accept": "<C-l>", "accept_word": "<C-f>", "toggle": "<C-t>", "trigger": "<C-s>"}

    def open_file(name: str, text: str) -> Neovim:
        neovim.setup(cmd=SERVER, keys=keys)
        neovim.open(project / name, text)
        ready(neovim)
        return neovim

    return open_file


def ready(editor: Neovim) -> None:
    """Waits until the model is loaded and the project is read."""
    line = "return require('lstm_lsp').statusline()"
    editor.wait(lambda: editor.lua(line) == "lstm ready", "the server is ready")


def ghost(editor: Neovim, typed: str = "for i in ") -> str:
    """Waits for ghost text behind what was typed last."""
    editor.wait(lambda: editor.line().endswith(typed), "all keys are read")
    editor.settle()
    return str(editor.wait(editor.ghost, "there is ghost text"))


def server_pid(editor: Neovim) -> int:
    """The process id of the server, asked of the system."""
    (children,) = {
        (task / "children").read_text()
        for task in Path(f"/proc/{editor.nvim.funcs.getpid()}/task").iterdir()
        if (task / "children").read_text()
    }
    return int(children.split()[0])


def test_a_loop_is_typed_seen_accepted_and_in_the_buffer(
    real: Callable[[str, str], Neovim],
) -> None:
    editor = real("sensor.py", PYTHON)
    editor.type("Gofor i in ")
    text = ghost(editor)
    assert text.startswith("range(")
    row = len(PYTHON.splitlines())
    assert editor.screen()[row].startswith("    for i in " + text.split("\n", maxsplit=1)[0])
    assert editor.lines()[row] == "    for i in "
    editor.type("<C-f>")
    editor.expect_line("    for i in range")
    editor.type("<C-l>")
    editor.wait(lambda: text in "\n".join(editor.lines()[row:]), "the text is accepted")
    assert ("    for i in " + text).split("\n") == editor.lines()[row:]
    editor.type("<Esc>u")
    editor.expect_line("    for i in range")


def test_java_too(real: Callable[[str, str], Neovim]) -> None:
    editor = real("Readings.java", JAVA)
    editor.type("/smallest<CR>jofor (int i = 0; i <lt>")
    text = ghost(editor, "i <")
    assert "values.length" in text
    editor.type("<C-l>")
    whole = "for (int i = 0; i <" + text
    editor.wait(lambda: whole in "\n".join(editor.lines()), "it is accepted")


def test_what_is_typed_is_what_the_server_completes_behind_any_character(
    real: Callable[[str, str], Neovim],
) -> None:
    text = PYTHON.replace("readings", "größen").replace("sensor", "漢😀\f\u2028 sensor")
    editor = real("sensor.py", text)
    editor.type("Go# é漢😀👨‍👩‍👧<CR>")
    editor.type("<Esc>Sfor i in ")
    assert ghost(editor).startswith("range(")


def test_no_frame_shows_stale_text_while_typing_fast(real: Callable[[str, str], Neovim]) -> None:
    editor = real("sensor.py", PYTHON)
    line = "    for i in range(len(readings)):"
    editor.type("Gofor i in ")
    ghost(editor)
    for key in line.removeprefix("    for i in "):
        editor.type(key)
        editor.lua("vim.cmd.redraw()")
    editor.expect_line(line)
    editor.settle()
    editor.type("<BS>")
    editor.expect_line(line[:-1])
    editor.settle()
    assert editor.ghost() is None
    drawn = [frame for frame in editor.frames() if frame.get("ghost")]
    assert len(drawn) > 3
    for frame in drawn:
        assert frame["at_cursor"]
        # Never a letter twice, "for i in rrange(": all that is typed along agrees.
        assert line.startswith(frame["before"])
        assert (frame["before"] + frame["ghost"]).startswith(line)


def test_off_is_off(real: Callable[[str, str], Neovim]) -> None:
    editor = real("sensor.py", PYTHON)
    editor.type("Gofor i in ")
    ghost(editor)
    editor.type("<C-t>")
    editor.expect_ghost(None)
    editor.expect_no_ghost_after("<Esc>ofor j in ", "    for j in ")
    editor.type("<C-t><Esc>ofor i in ")
    ghost(editor)


def test_a_killed_server_comes_back(real: Callable[[str, str], Neovim]) -> None:
    editor = real("sensor.py", PYTHON)
    editor.type("Gofor i in ")
    ghost(editor)
    os.kill(server_pid(editor), signal.SIGKILL)
    editor.wait(lambda: not editor.attached(), "the server is gone")
    editor.wait(editor.attached, "the server is back")
    ready(editor)
    editor.type("<Esc>ofor i in ")
    ghost(editor)


def preview_text(editor: Neovim) -> tuple[str, str]:
    """The preview's text and title."""
    window = editor.nvim.windows[1]
    title = editor.nvim.request("nvim_win_get_option", window, "winbar")
    return "\n".join(window.buffer[:]), str(title)


def test_the_preview_streams_repeats_and_stops(real: Callable[[str, str], Neovim]) -> None:
    editor = real("sensor.py", PYTHON)
    editor.nvim.command("normal! G$")
    texts = []
    for _ in range(2):
        editor.nvim.command("LstmLsp preview max_characters=40 seed=3")
        editor.wait(lambda: "length" in preview_text(editor)[1], "the preview is full")
        texts.append(preview_text(editor)[0])
        editor.nvim.command("only")
    assert texts[0] == texts[1]
    assert len(texts[0]) == len("    result = 0") + 40
    editor.nvim.command("LstmLsp preview max_characters=1000000")
    editor.wait(lambda: len(preview_text(editor)[0]) > 60, "text streams in")
    assert "writing" in preview_text(editor)[1]
    editor.nvim.command("LstmLsp stop")
    assert "stopped" in preview_text(editor)[1]
    editor.settle()
    assert editor.lines() == PYTHON.splitlines()


def test_the_popup_menu_and_the_explanation(real: Callable[[str, str], Neovim]) -> None:
    editor = real("sensor.py", PYTHON)
    editor.type("Goreturn res<C-x><C-o>")
    words = "return vim.tbl_map(function(item) return item.word end, vim.fn.complete_info().items)"
    offered = editor.wait(lambda: editor.lua(words), "the menu is open")
    assert "result" in [word.strip() for word in offered]
    editor.type("<C-e><Esc>")
    editor.nvim.command("LstmLsp explain")
    editor.wait(lambda: any("`ult" in line for line in floating(editor)), "it is explained")


def floating(editor: Neovim) -> Iterator[str]:
    """The lines of floating windows."""
    for window in editor.nvim.windows:
        if editor.nvim.request("nvim_win_get_config", window)["relative"]:
            yield from window.buffer[:]


@pytest.mark.parametrize("version", ["0.12"], indirect=True)
def test_neovims_own_inline_completion(real: Callable[[str, str], Neovim]) -> None:
    editor = real("sensor.py", PYTHON)
    editor.lua("require('lstm_lsp.config').options.automatic = false")
    editor.lua("vim.lsp.inline_completion.enable()")
    editor.lua("vim.keymap.set('i', '<C-g>', vim.lsp.inline_completion.get)")
    editor.type("Gofor i in ")
    row = len(PYTHON.splitlines())
    own = "    for i in range("
    editor.wait(lambda: editor.screen()[row].startswith(own), "its ghost text is drawn")
    assert editor.line() == "    for i in "
    editor.type("<C-g>")
    editor.wait(lambda: editor.lines()[row].startswith(own), "it is accepted")
