"""The browser of the tests: a headless Chromium, through playwright.

tests/editors/chromium.sh installs it; LSTM_LSP_CHROMIUM names another binary than the PATH's.
Without one the tests that need it fail. A module closes the browser that it opens, for
playwright keeps the event loop of its thread while it runs, which asynchronous tests need.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, sync_playwright

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync"]


@contextmanager
def headless() -> Iterator[Browser]:
    """Yield a headless Chromium. Raises RuntimeError when there is none."""
    named = os.environ.get("LSTM_LSP_CHROMIUM", "chromium")
    program = shutil.which(named) or shutil.which("chromium-browser")
    if program is None:
        raise RuntimeError("no Chromium: run tests/editors/chromium.sh or set LSTM_LSP_CHROMIUM")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=FLAGS)
        try:
            yield browser
        finally:
            browser.close()
