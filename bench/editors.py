"""From the last key to ghost text on the screen, beside a server that answers a constant at once.

    python bench/editors.py [--places N] [--only vscode|neovim-0.11|neovim-0.12]
                            [--model FILE] [--note TEXT]

In real editors (VS Code in headless Chromium, two Neovims), those that `make install` puts in
place, at default settings. The text is a file of the standard library with N lines cut short. At
each of them a few keys of the line are typed at a person's pace; the last one brings ghost text and
those before it none, so nothing that was kept can stand in for the model. Which places are such is
asked of the server beforehand, over stdio. The other server answers with the same texts, at the
same places alone, without computing. Both servers' editors are open side by side and get the same
keys in turns, place by place, so that what else the machine does hits both alike. Measured, inside
the editor, is the time from the last key's event to ghost text: in VS Code to its appearance in the
page, in Neovim to the end of the redraw that has it.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple

from keystroke import Server
from machine import keep

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from tests.browser import headless
from tests.editors.neovim.conftest import Neovim, binary
from tests.editors.vscode.workbench import serve, window
from tests.waiting import soon

FAKE: Final = Path(__file__).resolve().parents[1] / "tests" / "editors" / "fake_server.py"
TEXT: Final = Path(shutil.__file__)  # long enough for many places, and ASCII
NAME: Final = "lines.py"
GOAL: Final = 15.0  # milliseconds more than the constant's, in the median
PATIENCE: Final = 5.0  # seconds until a place counts as one where nothing is shown
LEAD: Final = 3  # keys before the last one: the first pays for coming from elsewhere
PACE: Final = 0.2  # seconds between keys
APART: Final = 8  # lines between two that are cut
SERVERS: Final = ("constant", "ours")
VSCODE: Final = "vscode"
EDITORS: Final = (VSCODE, "neovim-0.11", "neovim-0.12")

# Types a key and returns the milliseconds until ghost text, None when there was none.
Typist = Callable[["Place"], float | None]


class Place(NamedTuple):
    """A line that is cut, the keys that go on with it, and the ghost text that follows them."""

    line: int  # 0-based
    before: str
    keys: str
    ghost: str


# -- which places ------------------------------------------------------------------------


class Asked:
    """A document that our server has open over stdio, and keys typed into it as an editor does."""

    def __init__(self, command: list[str], model: str, folder: Path, lines: list[str]) -> None:
        (folder / NAME).write_text("\n".join(lines), "utf-8")
        self.lines = list(lines)
        self._uri = (folder / NAME).as_uri()
        chosen = ["--model", model] if model else []
        self._server = Server([*command, "serve", *chosen], folder)
        self._server.wait_until_ready()
        self._server.open(self._uri, "\n".join(lines))

    def type(self, line: int, keys: str) -> list[str]:
        """Return the ghost text after each of `keys` at the end of `line`, "" for none."""
        shown = []
        for key in keys:
            column = len(self.lines[line])
            self._server.type(self._uri, (line, column), key)
            self.lines[line] += key
            params = {
                "textDocument": {"uri": self._uri},
                "position": {"line": line, "character": column + 1},
                "context": {"triggerKind": 2},
            }
            items = self._server.ask("textDocument/inlineCompletion", params)["items"]
            shown.append(items[0]["insertText"] if items else "")
        return shown

    def end(self) -> None:
        """Shut the server down."""
        self._server.end()


def places(command: list[str], model: str, count: int) -> tuple[list[str], list[Place]]:
    """Return a document, and up to `count` places of it where a last key brings ghost text.

    Lines are begun anew from their first word on until one key brings ghost text and LEAD keys
    before it none. That is seen again in the document as it is then: what counts is the second
    time.
    """
    whole = TEXT.read_text("utf-8").splitlines()
    with tempfile.TemporaryDirectory() as home:
        lines, begun, found, used = list(whole), [], [], set[str]()
        begins = range(0, len(whole), APART)
        cut = [_first_word(line) if i in begins else line for i, line in enumerate(whole)]
        asked = Asked(command, model, Path(home), cut)
        for number in begins:
            start, line = len(cut[number]), whole[number]
            shown = ["", *asked.type(number, line[start:])]  # by what of `line` stands there
            for end in range(start + LEAD + 1, len(line)):
                *quiet, last = shown[end - LEAD - start : end - start + 1]
                prefixes = {line[:length] for length in range(end - LEAD, end + 1)}
                if last.strip() and not any(quiet) and not used & prefixes:
                    used |= prefixes
                    lines[number] = line[: end - LEAD - 1]
                    begun.append((number, line[end - LEAD - 1 : end]))
                    break
            if len(begun) >= count + 1:
                break
        asked.end()
    with tempfile.TemporaryDirectory() as home:
        asked = Asked(command, model, Path(home), lines)
        for number, keys in begun:
            before = asked.lines[number]
            *quiet, ghost = asked.type(number, keys)
            if ghost.strip() and not any(quiet):
                found.append(Place(number, before, keys, ghost))
        asked.end()
    return lines, found


def answer(place: Place) -> tuple[str, list[dict[str, Any]]]:
    """Return what stands before the cursor at a place, and the items that are the answer there."""
    before = place.before + place.keys
    here = {"line": place.line, "character": len(before)}
    return before, [{"insertText": place.ghost, "range": {"start": here, "end": here}}]


def _first_word(line: str) -> str:
    """Return the indentation and the first letter; all of a line that is too short to type."""
    start = len(line) - len(line.lstrip()) + 1
    return line[:start] if len(line) > start + LEAD + 2 else line


# -- VS Code -----------------------------------------------------------------------------

# Notes when a key goes down, and when the page first has ghost text after it.
WATCH = """
() => {
  const ghost = () => [...document.querySelectorAll(
    '.ghost-text-decoration, .ghost-text-decoration-preview, .ghost-text')]
    .some((one) => one.textContent.trim());
  window.watched = {};
  document.addEventListener(
    'keydown', () => { window.watched = { key: performance.now() }; }, true);
  new MutationObserver(() => {
    if (window.watched.shown === undefined && ghost()) window.watched.shown = performance.now();
  }).observe(document.body, { childList: true, subtree: true, characterData: true });
}
"""
TOOK = "() => window.watched.shown ? window.watched.shown - window.watched.key : 0"

# Only what is typed stands there, and nothing but ghost text comes up.
VERBATIM: Final = {
    "editor.autoClosingBrackets": "never",
    "editor.autoClosingQuotes": "never",
    "editor.autoIndent": "none",
    "editor.parameterHints.enabled": False,
    "editor.suggestOnTriggerCharacters": False,
}


@contextmanager
def vscode(
    commands: dict[str, list[str]], model: str, lines: list[str]
) -> Iterator[dict[str, Typist]]:
    """Yield who types in each server's window."""
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as home,
        serve(Path(home) / "home", VERBATIM) as address,
        headless() as browser,
        ExitStack() as windows,
    ):

        def typist(name: str, command: list[str]) -> Typist:
            folder = Path(home) / name
            (folder / ".vscode").mkdir(parents=True)
            settings = {"lstmLsp.serverCommand": command, "lstmLsp.model": model}
            (folder / ".vscode" / "settings.json").write_text(json.dumps(settings), "utf-8")
            code = windows.enter_context(window(browser, address, folder))
            code.open(NAME, "\n".join(lines), 1)
            code.page.evaluate(WATCH)

            def type_at(place: Place) -> float | None:
                code.press("Escape", "Control+g")
                code.page.locator(".quick-input-widget input").fill(f":{place.line + 1}")
                code.press("Enter", "End")
                for key in place.keys:
                    time.sleep(PACE)
                    code.type(key)
                return soon(lambda: code.page.evaluate(TOOK), PATIENCE) or None

            return type_at

        yield {name: typist(name, command) for name, command in commands.items()}


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
vim.bo.indentexpr = ''
"""
NEOVIM_TOOK = "return watched.shown and (watched.shown - watched.typed) / 1e6"


@contextmanager
def neovim(
    version: str, commands: dict[str, list[str]], model: str, lines: list[str]
) -> Iterator[dict[str, Typist]]:
    """Yield who types in each server's Neovim."""
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as home,
        ExitStack() as editors,
    ):

        def typist(name: str, command: list[str]) -> Typist:
            folder = Path(home) / name
            (folder / ".git").mkdir(parents=True)
            editor = Neovim(binary(version), Path(home) / "home" / name)
            editors.callback(editor.close)
            editor.setup(cmd=[*command, "serve"], settings={"model": model})
            editor.open(folder / NAME, "\n".join(lines))
            editor.wait(
                lambda: "ready" in editor.lua("return require('lstm_lsp').statusline()"),
                "the server is ready",
            )
            editor.lua(NEOVIM_WATCH)

            def type_at(place: Place) -> float | None:
                editor.type(f"<Esc>{place.line + 1}GA")
                for key in place.keys:
                    time.sleep(PACE)
                    editor.type("<lt>" if key == "<" else key)
                return soon(lambda: editor.lua(NEOVIM_TOOK), PATIENCE) or None

            return type_at

        yield {name: typist(name, command) for name, command in commands.items()}


# -- both --------------------------------------------------------------------------------


def measure(
    editor: str,
    commands: dict[str, list[str]],
    model: str,
    lines: list[str],
    where: list[Place],
) -> dict[str, Any]:
    """Return the milliseconds of both servers in one editor, and what ours adds."""
    taken: dict[str, list[float | None]] = {name: [] for name in SERVERS}
    opened = (
        vscode(commands, model, lines)
        if editor == VSCODE
        else neovim(editor.removeprefix("neovim-"), commands, model, lines)
    )
    with opened as typists:
        for number, place in enumerate(where):
            for name in SERVERS if number % 2 else reversed(SERVERS):
                taken[name].append(typists[name](place))
    # The first place pays for loading, in the editor and in the server.
    counted = {name: times[1:] for name, times in taken.items()}
    pairs = [
        (constant, ours)
        for constant, ours in zip(counted["constant"], counted["ours"], strict=True)
        if constant is not None and ours is not None
    ]
    result: dict[str, Any] = {
        "n": len(pairs),
        "nothing_shown": {name: times.count(None) for name, times in counted.items()},
    }
    for name, times in zip(SERVERS, zip(*pairs, strict=True), strict=False):
        result[name] = {"p50": _share(times, 0.5), "p95": _share(times, 0.95)}
    if pairs:
        added = [ours - constant for constant, ours in pairs]
        result["added"] = {"p50": _share(added, 0.5), "p95": _share(added, 0.95)}
    return result


def _share(values: list[float] | tuple[float, ...], share: float) -> float:
    if len(values) < 2:
        return round(values[0], 1)
    return round(statistics.quantiles(values, n=100, method="inclusive")[round(100 * share) - 1], 1)


def main() -> None:
    """Measure and keep the result."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--places", type=int, default=40)
    parser.add_argument("--only", choices=EDITORS)
    parser.add_argument("--model", default="")
    parser.add_argument("--note", default="")
    arguments = parser.parse_args()
    wanted = [arguments.only] if arguments.only else EDITORS
    ours = [sys.executable, "-P", "-m", "lstm_lsp"]
    result: dict[str, Any] = {"goal_milliseconds_added": GOAL}
    with tempfile.TemporaryDirectory() as home:
        lines, where = places(ours, arguments.model, arguments.places)
        answers = Path(home) / "answers.json"
        answers.write_text(json.dumps(dict(map(answer, where))), "utf-8")
        fake = [sys.executable, str(FAKE), "--answers", str(answers)]
        for editor in wanted:
            commands = {"constant": fake, "ours": ours}
            result[editor] = measure(editor, commands, arguments.model, lines, where)
            print(editor, json.dumps(result[editor]), flush=True)
    print(keep("editors", result, arguments.note))


if __name__ == "__main__":
    main()
