"""Windows of VS Code that are not as most are: no server to be found, a folder not trusted."""

import json
import shutil
from pathlib import Path

import pytest

from tests.browser import headless
from tests.editors.vscode.conftest import SETTINGS
from tests.editors.vscode.test_vscode import PYTHON
from tests.editors.vscode.workbench import DEADLINE, serve, wait_for, window

pytestmark = [pytest.mark.editor, pytest.mark.slow, pytest.mark.timeout(5 * DEADLINE)]

BARE = "/usr/bin:/bin"


def test_a_missing_server_is_offered_once_and_looked_for_when_it_may_be_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", BARE)
    assert shutil.which("lstm-lsp") is None, f"an lstm-lsp of this machine is in {BARE}"
    command = SETTINGS["lstmLsp.serverCommand"]
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "sums.py").write_text(PYTHON, "utf-8")
    with (
        headless() as browser,
        serve(tmp_path / "home", SETTINGS | {"lstmLsp.serverCommand": []}) as address,
        window(browser, address, folder) as code,
    ):
        code.show("sums.py", 10)
        wait_for(lambda: "pipx install lstm-lsp" in code.notifications(), "the offer")
        wait_for(lambda: "server is not installed" in code.status(), "the status bar to say so")
        assert code.notifications().count("was not found") == 1
        machine = tmp_path / "home" / "data" / "Machine" / "settings.json"
        machine.write_text(json.dumps({"lstmLsp.serverCommand": command}), "utf-8")
        wait_for(lambda: "ready" in code.status(), "a server that is ready")


def test_an_untrusted_folder_chooses_neither_server_nor_model(tmp_path: Path) -> None:
    folder, ran = tmp_path / "project", tmp_path / "ran"
    (folder / ".vscode").mkdir(parents=True)
    (folder / ".lstm-lsp").mkdir()
    (folder / ".lstm-lsp" / "model.onnx").write_text("not a model", "utf-8")
    planted = {"lstmLsp.serverCommand": ["touch", str(ran)], "lstmLsp.model": "planted.onnx"}
    (folder / ".vscode" / "settings.json").write_text(json.dumps(planted), "utf-8")
    trust = {
        "security.workspace.trust.enabled": True,
        "security.workspace.trust.startupPrompt": "never",
    }
    with (
        headless() as browser,
        serve(tmp_path / "home", SETTINGS | trust) as address,
        window(browser, address, folder) as code,
    ):
        code.open("sums.py", PYTHON, 10)
        assert not code.servers()  # the one that is ready works elsewhere than in the folder
        code.type("for value in")
        wait_for(code.ghost, "ghost text")
        assert not ran.exists()
