"""From the last key to ghost text on the screen, beside a server that answers a constant at once.

    python bench/editors.py [--lines N] [--rounds N] [--only vscode|neovim-0.11|neovim-0.12]
                            [--model FILE] [--note TEXT]

In real editors (VS Code in headless Chromium, two Neovims), those that `make install` puts in
place. In each round both servers in turn get the same keys at the same N lines: a blank, which
brings ghost text; what dismisses it; a letter with which that text did not go on. Measured, inside
the editor, is the time from this letter's key event to the frame that shows ghost text again: so
nothing that was kept can stand in for the model. Lines where nothing was shown are counted apart.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple

from machine import keep

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from tests.browser import headless
from tests.editors.neovim.conftest import Neovim, binary
from tests.editors.vscode.workbench import Code, serve, window
from tests.waiting import soon

FAKE: Final = Path(__file__).resolve().parents[1] / "tests" / "editors" / "fake_server.py"
GOAL: Final = 15.0  # milliseconds more than the constant's, in the median
PATIENCE: Final = 5.0  # seconds until a line counts as one where nothing is shown
FUNCTION: Final = """def total_{0}(values, initial):
    result = initial
    for value in values:
        result += value
    result +=
    return result + {0}


"""
LETTERS: Final = "vir"  # a letter of a word that may follow `result +=`
CONSTANT: Final = "= constant"  # begins with none of them
SHOW_ALL: Final = {"minimumProbability": {"line": 0.0, "token": 0.0}, "kinds": ["line"]}
VSCODE: Final = "vscode"
EDITORS: Final = (VSCODE, "neovim-0.11", "neovim-0.12")


class Shown(NamedTuple):
    """What an editor did: milliseconds by line, None where nothing was shown."""

    milliseconds: list[float | None]


def text(lines: int) -> str:
    """Return Python with `lines` lines that stop in the middle, each in a function of its own."""
    return "".join(FUNCTION.format(number) for number in range(lines))


def places(lines: int) -> list[int]:
    """Return the numbers (1-based) of the lines that are gone on with."""
    stops = FUNCTION.splitlines().index("    result +=") + 1
    return [len(FUNCTION.splitlines()) * number + stops for number in range(lines)]


# -- VS Code -----------------------------------------------------------------------------

# Notes when a key goes down, and the first frame after it that has ghost text.
WATCH = """
() => {
  const ghost = () => [...document.querySelectorAll(
    '.ghost-text-decoration, .ghost-text-decoration-preview, .ghost-text')]
    .some((one) => one.textContent.trim());
  window.watched = {};
  document.addEventListener('keydown', () => {
    const watched = window.watched = { key: performance.now() };
    const look = () => {
      if (watched !== window.watched) return;
      if (ghost()) watched.shown = performance.now(); else requestAnimationFrame(look);
    };
    requestAnimationFrame(look);
  }, true);
}
"""

TOOK = "() => window.watched.shown ? window.watched.shown - window.watched.key : 0"


@contextmanager
def vscode(command: list[str], model: str) -> Iterator[Code]:
    """Yield a window of VS Code whose server is `command`."""
    options = {f"lstmLsp.{name}": value for name, value in SHOW_ALL.items()}
    settings = {"lstmLsp.serverCommand": command, "lstmLsp.model": model, **options}
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as home:
        folder = Path(home) / "project"
        folder.mkdir()
        with (
            serve(Path(home), settings) as address,
            headless() as browser,
            window(browser, address, folder) as code,
        ):
            yield code


def in_vscode(command: list[str], model: str, lines: int) -> Shown:
    """Type at every line in VS Code."""
    found: list[float | None] = []
    with vscode(command, model) as code:
        code.open("lines.py", text(lines), 1)
        code.page.evaluate(WATCH)
        for line in places(lines):
            code.press("Control+g")
            code.page.locator(".quick-input-widget input").fill(f":{line}")
            code.press("Enter", "End", "Space")
            offered = _soon(code.ghost)
            code.press("Escape")
            _soon(lambda: not code.ghost())
            code.press(_other_than(offered or ""))
            found.append(_soon(lambda: code.page.evaluate(TOOK)))
    return Shown(found)


# -- Neovim ------------------------------------------------------------------------------

# The same: `typed` is when the key came, `shown` the end of the first redraw with ghost text.
NEOVIM_WATCH = """
watched = {}
vim.on_key(function(_, keys)
  if keys and keys ~= '' then watched = { typed = vim.uv.hrtime() } end
end)
vim.api.nvim_set_decoration_provider(vim.api.nvim_create_namespace('bench'), {
  on_end = function()
    local space = vim.api.nvim_get_namespaces()['lstm_lsp.ghost']
    if not watched.shown and watched.typed and space
      and #vim.api.nvim_buf_get_extmarks(0, space, 0, -1, {}) > 0 then
      watched.shown = vim.uv.hrtime()
    end
  end,
})
"""
NEOVIM_TOOK = "return watched.shown and (watched.shown - watched.typed) / 1e6"


def in_neovim(version: str, command: list[str], model: str, lines: int) -> Shown:
    """Type at every line in a Neovim."""
    found: list[float | None] = []
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as home:
        editor = Neovim(binary(version), Path(home) / "home")
        try:
            settings = SHOW_ALL | ({"model": model} if model else {})
            editor.setup(cmd=[*command, "serve"], settings=settings, keys={"dismiss": "<C-q>"})
            editor.open(Path(home) / "lines.py", text(lines))
            ready = "return require('lstm_lsp').statusline()"
            editor.wait(lambda: "ready" in editor.lua(ready), "the server is ready")
            editor.lua(NEOVIM_WATCH)
            for line in places(lines):
                editor.type(f"<Esc>{line}GA ")
                offered = _soon(editor.ghost)
                editor.type("<C-q>")
                _soon(lambda: editor.ghost() is None)
                editor.type(_other_than(offered or ""))
                found.append(_soon(lambda: editor.lua(NEOVIM_TOOK)))
        finally:
            editor.close()
    return Shown(found)


# -- both --------------------------------------------------------------------------------


def _soon(there: Callable[[], Any]) -> Any:
    """Return what `there` gives as soon as that is true, or None when that takes too long."""
    return soon(there, PATIENCE) or None


def _other_than(offered: str) -> str:
    """Return a letter with which `offered` does not begin."""
    return next(letter for letter in LETTERS if not offered.lstrip().startswith(letter))


def measure(editor: str, model: str, lines: int, rounds: int) -> dict[str, Any]:
    """Return the milliseconds of both servers in one editor, and what ours adds."""
    ours = [sys.executable, "-P", "-m", "lstm_lsp"]
    servers = {"constant": [sys.executable, str(FAKE), "--constant", CONSTANT], "ours": ours}
    times: dict[str, list[float]] = {name: [] for name in servers}
    nothing = dict.fromkeys(servers, 0)
    for number in range(rounds):
        for name in servers if number % 2 else reversed(servers):
            used = model if name == "ours" else ""
            if editor == VSCODE:
                shown = in_vscode(servers[name], used, lines)
            else:
                shown = in_neovim(editor.removeprefix("neovim-"), servers[name], used, lines)
            # The first line pays for loading, in the editor and in the server.
            times[name] += [one for one in shown.milliseconds[1:] if one is not None]
            nothing[name] += shown.milliseconds[1:].count(None)
    result: dict[str, Any] = {
        name: {
            "n": len(found),
            "nothing_shown": nothing[name],
            "p50": _share(found, 0.5),
            "p95": _share(found, 0.95),
        }
        for name, found in times.items()
    }
    result["added"] = {
        share: round(result["ours"][share] - result["constant"][share], 1)
        if times["ours"] and times["constant"]
        else None
        for share in ("p50", "p95")
    }
    return result


def _share(values: list[float], share: float) -> float | None:
    if len(values) < 2:
        return round(values[0], 1) if values else None
    return round(statistics.quantiles(values, n=100, method="inclusive")[round(100 * share) - 1], 1)


def main() -> None:
    """Measure and keep the result."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--lines", type=int, default=25)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--only", choices=EDITORS)
    parser.add_argument("--model", default="")
    parser.add_argument("--note", default="")
    arguments = parser.parse_args()
    wanted = [arguments.only] if arguments.only else EDITORS
    result: dict[str, Any] = {"goal_milliseconds_added": GOAL}
    for editor in wanted:
        result[editor] = measure(editor, arguments.model, arguments.lines, arguments.rounds)
        print(editor, json.dumps(result[editor]), flush=True)
    print(keep("editors", result, arguments.note))


if __name__ == "__main__":
    main()
