"""A real VS Code for the tests: its server from npm's code-server, driven in headless Chromium.

Nothing is collected unless LSTM_LSP_VSCODE names the folder of a VS Code server (the one that
holds out/server-main.js). Needs playwright, Chromium (LSTM_LSP_CHROMIUM, by default
/usr/bin/chromium), Node (LSTM_LSP_NODE, by default the PATH's: 20 for VS Code 1.100, 24 for 1.139)
and the packaged extension (`npm run package` in editors/vscode). LSTM_LSP_MODEL chooses another
model file.
"""

import importlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[3]
PACKAGE = ROOT / "editors" / "vscode" / "dist" / "lstm-lsp.vsix"
DEADLINE = 60.0  # seconds; how long to wait for what must come, not a measure of anything

if "LSTM_LSP_VSCODE" not in os.environ:
    collect_ignore = ["test_vscode.py"]

SETTINGS: dict[str, Any] = {
    "lstmLsp.serverCommand": [sys.executable, "-P", "-m", "lstm_lsp"],
    "lstmLsp.minimumProbability": {"line": 0.02, "token": 0.02},
    "lstmLsp.kinds": ["char", "token", "line"],
    "lstmLsp.preview.maxCharacters": 20_000,
    "chat.disableAIFeatures": True,
    "editor.quickSuggestions": {"other": "off", "comments": "off", "strings": "off"},
    "extensions.autoCheckUpdates": False,
    "extensions.autoUpdate": False,
    "extensions.ignoreRecommendations": True,
    "files.autoSave": "off",
    "security.workspace.trust.enabled": False,
    "telemetry.telemetryLevel": "off",
    "workbench.secondarySideBar.defaultVisibility": "hidden",
    "workbench.startupEditor": "none",
}

FILES = {
    "Sums.java": "public class Sums {\n    public static int sum(int[] values) {\n"
    "        int sum = 0;\n        \n        return sum;\n    }\n}\n",
    "sums.py": "def total(values):\n    result = 0\n    for value in values:\n"
    "        result += value\n    return result\n\n\ndef mean(values):\n    result = 0\n    \n",
}

# The lines of the editor in front, from the top; read at once, for they come and go.
DRAWN = """
() => [...document.querySelectorAll('.editor-group-container.active .view-line')]
  .sort((one, two) => one.getBoundingClientRect().top - two.getBoundingClientRect().top)
  .map((line) => line.innerText)
  .join('\\n')
"""


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "vscode: drives a real VS Code in a browser")


def wait_for(there: Callable[[], Any], what: str) -> Any:
    """Return what `there` gives as soon as that is true; fail, naming `what`, if it never is."""
    end = time.monotonic() + DEADLINE
    while not (found := there()):
        if time.monotonic() > end:
            pytest.fail(f"waited in vain for {what}")
        time.sleep(0.05)
    return found


@dataclass
class Code:
    """VS Code in a browser, as a person sees and uses it."""

    page: Any
    address: str
    folder: Path

    def open(self, name: str, line: int) -> None:
        """Open a file of the folder with the cursor at the end of `line` (1-based)."""
        host = self.address.removeprefix("http://")
        file = f"vscode-remote://{host}{self.folder / name}"
        payload = urllib.parse.quote(json.dumps([["openFile", file]]))
        self.page.goto(f"{self.address}/?folder={self.folder}&payload={payload}")
        self.page.wait_for_selector(f'.tab[data-resource-name="{name}"]')
        self.page.wait_for_selector(".monaco-editor .view-line")
        wait_for(lambda: "ready" in self.status(), "a server that is ready")
        self.press("Control+g")
        self.page.keyboard.type(f":{line}")
        self.press("Enter", "End")

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def type(self, text: str) -> None:
        self.page.keyboard.type(text, delay=60)

    def run(self, command: str) -> None:
        """Run a command by its title, from the palette."""
        self.press("F1")
        box = self.page.wait_for_selector(".quick-input-widget input")
        box.fill(f">{command}")
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
        return [tab.inner_text().strip() for tab in self.page.query_selector_all(".tab")]

    def last_line(self, title: str) -> int:
        """The largest line number drawn in the editor whose tab begins with `title`."""
        for group in self.page.query_selector_all(".editor-group-container"):
            tab = group.query_selector(".tab.active")
            if tab and (tab.get_attribute("data-resource-name") or "").startswith(title):
                numbers = group.query_selector_all(".line-numbers")
                return max((int(one.inner_text() or 0) for one in numbers), default=0)
        return 0

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
                if {b"lstm_lsp", b"serve"} <= set(words) and (process / "cwd").samefile(
                    self.folder
                ):
                    found.add(int(process.name))
            except OSError:
                pass  # it has just ended
        return found


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """A headless Chromium."""
    with importlib.import_module("playwright.sync_api").sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=os.environ.get("LSTM_LSP_CHROMIUM", "/usr/bin/chromium"),
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
        )
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def workbench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a VS Code server that has the extension."""
    home = tmp_path_factory.mktemp("vscode")
    settings = home / "data" / "User" / "settings.json"
    settings.parent.mkdir(parents=True)
    model = os.environ.get("LSTM_LSP_MODEL")
    own = {"lstmLsp.model": model} if model else {}
    settings.write_text(json.dumps(SETTINGS | own), "utf-8")

    node = os.environ.get("LSTM_LSP_NODE") or shutil.which("node") or "node"
    command = [node, str(Path(os.environ["LSTM_LSP_VSCODE"]) / "out" / "server-main.js")]
    command += ["--accept-server-license-terms", "--telemetry-level", "off"]
    command += ["--server-data-dir", str(home / "data"), "--user-data-dir", str(home / "data")]
    command += ["--extensions-dir", str(home / "extensions")]
    subprocess.run([*command, "--install-extension", str(PACKAGE)], check=True, timeout=120)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    command += ["--host", "127.0.0.1", "--port", str(port), "--without-connection-token"]
    command += ["--reconnection-grace-time", "5"]
    with (home / "server.log").open("wb") as log:
        server = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
    try:
        wait_for(lambda: _answers(address), "VS Code's server")
        yield address
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait(30)


@pytest.fixture
def code(browser: Any, workbench: str, tmp_path: Path) -> Iterator[Code]:
    """A window of its own, for a folder of its own with two files."""
    folder = tmp_path / "project"
    folder.mkdir()
    for name, text in FILES.items():
        (folder / name).write_text(text, "utf-8")
    context = browser.new_context(viewport={"width": 1200, "height": 700})
    page = context.new_page()
    page.set_default_timeout(DEADLINE * 1e3)
    yield Code(page, workbench, folder)
    context.close()


def _answers(address: str) -> bool:
    try:
        return bool(urllib.request.urlopen(address, timeout=5).status)
    except OSError:
        return False
