"""The explorer's page in a real browser: every view, keys, own text, holding a unit, the export.

Each page must end without an error in its console, and must have asked nobody but its own
server: for the exported file, nobody at all.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pytest
from playwright.sync_api import Browser, FilePayload, Page

from lstm_lsp.explore.explorer import Explorer, experiment_subjects, model_subject
from lstm_lsp.explore.export import export
from lstm_lsp.explore.recorder import record
from lstm_lsp.explore.recording import Recording
from lstm_lsp.explore.server import Server
from lstm_lsp.explore.weights import from_arrays
from tests.browser import headless
from tests.conftest import TINY, seeded_weights
from tests.serving import serving

pytestmark = pytest.mark.editor

PATIENCE = 60_000  # milliseconds; how long to wait for what must come, not a measure of anything
VIEWS = ("gallery", "network", "neuron", "text", "find", "range", "what-if", "compare", "equations")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with headless() as chromium:
        yield chromium


@pytest.fixture(scope="module")
def explorer() -> Explorer:
    some = [one for one in experiment_subjects() if one.experiment in ("counter", "copy")]
    return Explorer([model_subject("tiny", from_arrays(TINY, seeded_weights(TINY))), *some])


@pytest.fixture(scope="module")
def server(explorer: Explorer) -> Iterator[Server]:
    with serving(explorer) as listening:
        yield listening


@contextmanager
def opened(browser: Browser, address: str, **options: Any) -> Iterator[Page]:
    """Yield a page; check at its end that nothing went wrong and nobody else was asked."""
    context = browser.new_context(viewport={"width": 1280, "height": 860}, **options)
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    wrong: list[str] = []
    asked: list[str] = []
    page.on("console", lambda message: wrong.append(f"{message.type}: {message.text}"))
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(address)
    settled(page)
    yield page
    assert wrong == []
    home = urlsplit(address)
    for url in asked:
        parts = urlsplit(url)
        assert parts.scheme in ("data", "blob") or parts[:2] == home[:2], url
    if home.scheme == "file":
        assert [url for url in asked if not url.startswith(("data:", "blob:"))] == [address]
    context.close()


@pytest.fixture
def page(browser: Browser, server: Server) -> Iterator[Page]:
    with opened(browser, server.address) as page:
        yield page


def settled(page: Page, view: str = "") -> None:
    """Wait until a view is drawn and nothing is being read."""
    chosen = f'[data-view="{view}"]' if view else "[data-view]"
    page.wait_for_selector(f"main{chosen}:not([aria-busy])")
    assert page.inner_text("#message") == ""


def go(page: Page, address: str) -> None:
    page.evaluate(
        "(to) => { document.querySelector('main').dataset.view = ''; location.hash = to; }", address
    )
    settled(page, address.removeprefix("#/").partition("?")[0])


def colours(page: Page, canvas: str) -> int:
    """How many different colours a canvas shows."""
    page.wait_for_function("(s) => document.querySelector(s).width > 50", arg=canvas)
    return int(
        page.evaluate(
            """async (selector) => {
                const frame = () => new Promise((done) => requestAnimationFrame(done));
                await frame().then(frame);
                const canvas = document.querySelector(selector);
                const context = canvas.getContext("2d");
                const { data } = context.getImageData(0, 0, canvas.width, canvas.height);
                return new Set(new Uint32Array(data.buffer)).size;
            }""",
            canvas,
        )
    )


def test_every_view_opens_from_its_link(page: Page) -> None:
    for view in VIEWS:
        page.click(f'#views a[data-view="{view}"]')
        settled(page, view)
        assert page.inner_text("main").strip(), view
    assert "σ" in page.inner_text("main")
    assert "long-term memory" in page.inner_text("main")


def test_a_unit_of_the_network_opens_by_keys(page: Page) -> None:
    go(page, "#/network?subject=counter-lstm&sort=spread")
    page.wait_for_function("() => document.querySelector('.matrix canvas').width > 50")
    assert colours(page, ".matrix canvas") > 20
    page.focus(".matrix")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowRight")
    page.wait_for_selector("#bits")
    page.keyboard.press("Enter")
    settled(page, "neuron")
    assert "counter" in page.inner_text("main h2")


def test_the_numbers_at_a_character_are_the_recorders(page: Page, explorer: Explorer) -> None:
    subject = explorer.subject("counter-lstm")
    header, shown = subject.pieces(subject.samples[0][2], "text")[0]
    trace = record(subject.weights, header + shown)
    at = 3
    go(page, f"#/neuron?subject=counter-lstm&layer=0&unit=4&at={at}")
    page.wait_for_selector("#position-panel [data-quantity]")
    for quantity, values in trace.layers[0].items():
        cell = page.inner_text(f'[data-quantity="{quantity}"] .number')
        assert float(cell) == pytest.approx(values[at + 1, 4], abs=1e-3)
    expected = np.exp(trace.log_probs[at + 1].max()) * 100
    first = page.inner_text("#position-panel .bar span:last-child >> nth=0")
    assert float(first.removesuffix("%")) == pytest.approx(expected, abs=1)


def test_a_text_typed_here_is_read(page: Page) -> None:
    go(page, "#/text?subject=model")
    page.click("text=Your text…")
    page.fill("#own-text", "def f(x):\n    return x  # ☃\n")
    page.select_option("dialog select", "python")
    page.click("#read-own")
    page.wait_for_function(
        "() => document.querySelector('main').innerText.includes('30 characters')"
    )
    assert colours(page, ".text canvas") > 20
    assert "#" in page.url


def test_a_held_unit_changes_what_is_expected(page: Page) -> None:
    go(page, "#/what-if?subject=counter-lstm&layer=0&unit=3")
    page.select_option("main select", "cell")
    page.fill("#held-value", "3")
    page.click("#hold")
    page.wait_for_function(
        "() => document.querySelector('#held-bits')?.innerText.includes('held at 3.000')"
    )
    page.click("#write")
    page.wait_for_selector(".written-held")


def test_units_are_found_by_an_attribute(page: Page) -> None:
    go(page, "#/find?subject=counter-lstm")
    assert "unit" in page.inner_text("main table")
    page.click("main tbody tr:first-child button.link")
    settled(page, "neuron")
    assert "r" in page.inner_text("#attributes")


def test_a_range_is_matched(page: Page) -> None:
    go(page, "#/range?subject=model")
    page.focus(".text")
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    page.keyboard.press("Shift+ArrowRight")
    page.wait_for_function(
        "() => /units are on/.test(document.querySelector('#matches').innerText)"
    )


def test_cells_stand_side_by_side(page: Page) -> None:
    go(page, "#/compare?experiment=counter&given=aaaaX")
    cells = page.eval_on_selector_all("[data-cell]", "(all) => all.map((one) => one.dataset.cell)")
    assert {"lstm", "gru", "rnn"} <= set(cells)
    assert page.get_attribute('[data-cell="lstm"] [data-written]', "data-written") == "bbbb"


def test_a_long_text_has_no_element_for_each_character(page: Page) -> None:
    go(page, "#/text?subject=counter-rnn")
    page.click("text=Your text…")
    text = (("a" * 240 + "X" + "b" * 158 + "\n") * 250).encode()
    file = FilePayload(name="long.txt", mimeType="text/plain", buffer=text)
    page.set_input_files("dialog input[type=file]", file)
    page.wait_for_function("() => document.querySelector('#own-text').value.length === 100_000")
    page.click("#read-own")
    page.wait_for_function("() => document.querySelector('main').innerText.includes('100,000')")
    assert page.evaluate("document.querySelectorAll('*').length") < 400
    page.evaluate("document.querySelector('.text').scrollTop = 15000")
    assert colours(page, ".text canvas") > 5
    assert page.evaluate("document.querySelector('.text').scrollTop") == 15000


def test_a_long_text_is_shown_while_it_is_read(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    read, go_on = Recording.read, threading.Event()

    def halting(self: Recording, stop: Callable[[], bool]) -> None:
        def stopped() -> bool:
            if self.done >= 3000:
                go_on.wait()
            return stop()

        read(self, stopped)

    monkeypatch.setattr(Recording, "read", halting)
    go(page, "#/text?subject=counter-rnn")
    page.click("text=Your text…")
    text = b"aaaXbbb\n" * 5000
    file = FilePayload(name="long.txt", mimeType="text/plain", buffer=text)
    page.set_input_files("dialog input[type=file]", file)
    page.wait_for_function("() => document.querySelector('#own-text').value.length === 40_000")
    page.click("#read-own")
    page.wait_for_function("() => document.querySelector('#notice').innerText.includes('40,000')")
    settled(page, "text")
    assert page.is_visible("#progress")
    page.focus(".text")
    for _ in range(3):
        page.keyboard.press("ArrowRight")  # the caret goes from nowhere to 1:1, then 1:3
    assert page.inner_text("#position-panel h2").endswith("at 1:3")
    page.evaluate("document.querySelector('.text').scrollTop = 400")
    go_on.set()
    page.wait_for_selector("#notice:empty", state="attached")
    page.wait_for_function("() => document.querySelector('main').innerText.includes('40,000')")
    settled(page, "text")
    page.wait_for_function("() => document.querySelector('.text').scrollTop === 400")
    assert page.evaluate("document.activeElement.classList.contains('text')")
    assert page.is_hidden("#progress")
    page.keyboard.press("ArrowRight")
    assert page.inner_text("#position-panel h2").endswith("at 1:4")


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("palette", ["red-blue", "orange-purple"])
def test_zero_is_the_pages_own_colour_and_the_ends_are_two(
    browser: Browser, server: Server, theme: str, palette: str
) -> None:
    with opened(browser, server.address + "#/equations", color_scheme=theme) as page:
        page.select_option("#palette", palette)
        settled(page, "equations")
        low, zero, high, paper = page.evaluate(
            """async () => {
                const module = new URL("colour.js", location.href.split("#")[0]);
                const { fill, paper } = await import(module);
                return [fill(-1), fill(0), fill(1), paper()];
            }"""
        )
        body = page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
    assert zero == paper
    numbers = [int(n) for n in zero.removeprefix("rgb(").removesuffix(")").split()]
    assert [int(n) for n in body.removeprefix("rgb(").removesuffix(")").split(", ")] == numbers
    red, _, blue = (int(n) for n in low.removeprefix("rgb(").removesuffix(")").split())
    assert red > blue
    red, _, blue = (int(n) for n in high.removeprefix("rgb(").removesuffix(")").split())
    assert blue > red


def test_an_exported_file_needs_nobody(
    browser: Browser, explorer: Explorer, tmp_path: Path
) -> None:
    file = tmp_path / "explorer.html"
    small = Explorer([one for one in explorer.subjects.values() if one.id != "counter-peephole"])
    export(small, file)
    with opened(browser, file.as_uri()) as page:
        for view in VIEWS:
            page.click(f'#views a[data-view="{view}"]')
            settled(page, view)
        go(page, "#/neuron?subject=model&layer=1&unit=3&at=20")
        page.wait_for_selector("#position-panel [data-quantity]")
        assert colours(page, ".matrix canvas") > 20
        subject = explorer.subject("model")
        _, language, text = subject.samples[0]
        header, shown = subject.pieces(text, language)[0]
        trace = record(subject.weights, header + shown)
        for quantity, values in trace.layers[1].items():
            shown_value = float(page.inner_text(f'[data-quantity="{quantity}"] .number'))
            reach = float(np.abs(values[len(header) :, 3]).max())
            expected = float(values[len(header) + 20, 3])
            assert shown_value == pytest.approx(expected, abs=1e-3 + max(1, reach) / 127)
