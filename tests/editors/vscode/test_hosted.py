"""The tests of hosted/, which run inside VS Code's extension host, on a workspace of two folders.

One of the folders has settings of its own: nothing is suggested in it. Ghost text is not among
them but in test_vscode.py: VS Code tells extensions neither that ghost text is on screen nor which,
and accepting it by command does nothing, in silence, until it is drawn in the editor with focus.
"""

import json
import socket
from pathlib import Path

import pytest

from tests.browser import headless
from tests.editors.vscode.conftest import SETTINGS
from tests.editors.vscode.workbench import DEADLINE, serve, window

pytestmark = [pytest.mark.editor, pytest.mark.slow]

CODE = "\n\ndef total(values):\n    result = 0\n    for value in values:\n        result "
ALONE = {
    "editor.wordBasedSuggestions": "off",
    "lstmLsp.minimumProbability": {"char": 0, "token": 0, "line": 0},
}
OWN = {"lstmLsp.enabled": False}


def test_inside_the_extension_host(tmp_path: Path) -> None:
    for name in ("on", "off"):
        (tmp_path / name / ".vscode").mkdir(parents=True)
        (tmp_path / name / "sums.py").write_text(CODE, "utf-8")
    (tmp_path / "off" / ".vscode" / "settings.json").write_text(json.dumps(OWN), "utf-8")
    both = tmp_path / "both.code-workspace"
    both.write_text(json.dumps({"folders": [{"path": "on"}, {"path": "off"}]}), "utf-8")
    settings = SETTINGS | ALONE
    with (
        socket.create_server(("127.0.0.1", 0)) as reports,
        serve(tmp_path / "home", settings, report=reports.getsockname()[1]) as address,
        headless() as browser,
        window(browser, address, both, tests=True) as code,
    ):
        reports.settimeout(2 * DEADLINE)
        connection, _ = reports.accept()
        with connection, connection.makefile() as report:
            ended = json.load(report)
        shown = [code.status(), code.notifications()]
    assert ended
    failed = [f"{name}: {why}" for name, why in ended.items() if why]
    assert not failed, "\n\n".join([*failed, *shown])
