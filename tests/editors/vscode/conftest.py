"""One window of VS Code for all tests of a module: loading it is what takes long."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.browser import headless
from tests.editors.vscode.workbench import Code, serve, window

SERVED = Path(__file__).with_name("served.py")
SETTINGS = {
    "lstmLsp.serverCommand": [sys.executable, "-P", str(SERVED)],
    "lstmLsp.minimumProbability": {"line": 0.02, "token": 0.02},
    "lstmLsp.kinds": ["char", "token", "line"],
    "lstmLsp.preview.maxCharacters": 20_000,
}


@pytest.fixture(scope="module")
def shared_window(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Code]:
    """A window on an empty folder."""
    home = tmp_path_factory.mktemp("vscode")
    folder = home / "project"
    folder.mkdir()
    with (
        serve(home, SETTINGS) as address,
        headless() as browser,
        window(browser, address, folder) as code,
    ):
        yield code


@pytest.fixture
def code(
    shared_window: Code, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Code]:
    """The window without editors; a screenshot of how each test ended is kept."""
    yield shared_window
    pictures = Path(tmp_path_factory.getbasetemp()) / "screenshots"
    pictures.mkdir(exist_ok=True)
    shared_window.page.screenshot(path=pictures / f"{request.node.name}.png")
    shared_window.close_all()
