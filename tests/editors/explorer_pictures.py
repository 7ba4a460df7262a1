"""Draws the pictures of docs/explorer.md: `python -m tests.editors.explorer_pictures`.

With the bundled model, in headless Chromium. Units are those that the page itself finds, so
that a new model needs no change here.
"""

import io
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page

from lstm_lsp.explore.explorer import open_explorer
from tests.browser import headless
from tests.serving import serving

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "explorer"
COLOURS = 255  # a palette keeps each picture below 150 KB


def shoot(page: Page, address: str, name: str) -> None:
    """Open a view by the part of its address after #, and write its picture."""
    page.evaluate("(to) => { delete document.querySelector('main').dataset.view; }")
    page.evaluate("(to) => { location.hash = to; }", address)
    page.wait_for_selector("main[data-view]:not([aria-busy])")
    save(page, name)


def save(page: Page, name: str) -> None:
    page.wait_for_load_state("networkidle")
    picture = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    small = picture.quantize(COLOURS, dither=Image.Dither.NONE)
    small.save(FOLDER / f"{name}.png", optimize=True)


def main() -> None:
    """Write every picture."""
    FOLDER.mkdir(exist_ok=True)
    explorer = open_explorer("base", Path.cwd())
    with serving(explorer) as server, headless() as browser:
        for theme in ("light", "dark"):
            page = browser.new_page(viewport={"width": 1280, "height": 800}, color_scheme=theme)
            page.set_default_timeout(300_000)
            page.goto(server.address)
            page.wait_for_selector("main[data-view]:not([aria-busy])")
            if theme == "light":
                save(page, "gallery-light")
                shoot(page, "#/find?subject=model&attribute=column", "find-light")
                page.click("main tbody tr:first-child td:first-child button")
                page.wait_for_selector('main[data-view="neuron"]:not([aria-busy])')
                page.hover(".text canvas", position={"x": 150, "y": 130})
                page.wait_for_selector("#position-panel [data-quantity]")
                save(page, "neuron-light")
                shoot(page, "#/compare?experiment=counter", "compare-light")
            else:
                page.select_option("#palette", "orange-purple")
                shoot(page, "#/network?subject=model&sort=change", "network-dark")
                shoot(page, "#/text?subject=model", "text-dark")
            page.close()


if __name__ == "__main__":
    main()
