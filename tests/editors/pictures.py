"""Draws the pictures of the editors: `python -m tests.editors.pictures [vscode|neovim]`.

Real editors, the real server with the bundled model at default settings, typed keys. Writes
docs/editors/*.png, .gif and .svg, and editors/vscode/media/typing.gif for the extension's page.
"""

import io
import shutil
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from html import escape
from pathlib import Path
from typing import NamedTuple

from PIL import Image

from tests.browser import headless
from tests.editors.neovim.conftest import Neovim, binary
from tests.editors.neovim.test_neovim_server import JAVA, PYTHON, SERVER, ready
from tests.editors.vscode.workbench import Code, serve, wait_for, window
from tests.waiting import soon

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "docs" / "editors"
COLOURS = 48  # a palette keeps pictures small
KEY, PAUSE = 110, 1300  # milliseconds that a frame stays: after a key; to be read
# What is written, one below the other: by hand until ghost text goes on with it, then accepted.
LINES = ("for i in range(len(readings)):", "result = min(result, readings[i])")
WORTH = 4  # characters that are accepted rather than typed
SETTLED = 1.0  # seconds until ghost text is there, if there is any

Frames = list[tuple[Image.Image, int]]


# -- VS Code -----------------------------------------------------------------------------

LOOK = {
    "editor.stickyScroll.enabled": False,
    "breadcrumbs.enabled": False,
    "editor.fontSize": 15,
    "editor.hover.above": False,
    "editor.scrollbar.vertical": "hidden",
    "editor.cursorBlinking": "solid",
    "workbench.activityBar.location": "hidden",
    "workbench.layoutControl.enabled": False,
}
DARK = "Dark Modern"


def shot(code: Code) -> Image.Image:
    return Image.open(io.BytesIO(code.page.screenshot())).convert("RGB")


def save(image: Image.Image, name: str) -> None:
    small = image.quantize(COLOURS * 2, dither=Image.Dither.NONE)
    small.save(FOLDER / name, optimize=True)


def typing(code: Code) -> Frames:
    """Write LINES: what ghost text has right is accepted, a word of it and then what is left."""
    frames: Frames = []
    for line in LINES:
        code.press("Enter")
        rest, accepted = line, False
        while rest:
            code.type(rest[0])
            rest = rest[1:]
            frames.append((shot(code), KEY))
            while rest and (ghost := soon(partial(offered, code, rest), SETTLED)):
                frames.append((shot(code), PAUSE))
                for key in by_word_and_whole(ghost, "Control+ArrowRight", "Tab"):
                    shown = code.ghost()
                    code.press(key)
                    wait_for(partial(differs, code, shown), "what is accepted")
                    frames.append((shot(code), PAUSE // 2))
                rest, accepted = rest.removeprefix(ghost), True
        assert accepted, f"no ghost text went on with {line!r}: choose another line"
    frames.append((shot(code), PAUSE))
    return frames


def offered(code: Code, rest: str) -> str:
    """Return the ghost text if it is worth accepting, else ""."""
    ghost = code.ghost()
    return ghost if continues(ghost, rest) else ""


def differs(code: Code, ghost: str) -> bool:
    return code.ghost() != ghost


def by_word_and_whole(ghost: str, word: str, whole: str) -> tuple[str, ...]:
    """Return the keys that accept a word of ghost text, unless that is all, and what is left."""
    return (word, whole) if " " in ghost.strip() else (whole,)


def continues(ghost: str, rest: str) -> bool:
    """Return whether ghost text is worth accepting where `rest` is meant."""
    return len(ghost) >= WORTH and rest.startswith(ghost)


def keep(frames: Frames, box: tuple[int, int, int, int], file: Path) -> None:
    """Write an animation of what is in `box`, with one palette for all."""
    images = [image.crop(box) for image, _ in frames]
    palette = images[-1].quantize(COLOURS, dither=Image.Dither.NONE)
    small = [image.quantize(palette=palette, dither=Image.Dither.NONE) for image in images]
    durations = [duration for _, duration in frames]
    small[0].save(
        file, save_all=True, append_images=small[1:], duration=durations, loop=0, optimize=True
    )


# The middle of the deepest shade.
DEEPEST = """
() => {
  const colour = (one) => getComputedStyle(one).backgroundColor;
  const depth = (one) => Number(/rgba\\(.*, ([\\d.]+)\\)/.exec(colour(one))?.[1] ?? 0);
  const shades = [...document.querySelectorAll('.view-overlays .cdr')].filter(depth);
  const box = shades.sort((one, two) => depth(two) - depth(one))[0].getBoundingClientRect();
  return [box.left + Math.min(4, box.width / 2), box.top + box.height / 2];
}
"""


def overlay(code: Code, name: str) -> None:
    """Shade what surprises, point at what does most, and write the picture."""
    text = PYTHON.replace("max(result", "max(readings")
    code.open("sensor.py", text, text.splitlines().index("def largest(readings):"))
    code.press("Control+Home")
    code.run("LSTM: Shade Surprising Characters")
    wait_for(code.shaded, "shades")
    code.hover(code.page.evaluate(DEEPEST))
    save(shot(code), name)


def vscode() -> None:
    """Write the pictures of VS Code, light ones and a dark one."""
    size = (760, 560)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as home, headless() as browser:
        folder = Path(home) / "sensors"
        folder.mkdir()
        with serve(Path(home), LOOK) as address, window(browser, address, folder, size) as code:
            code.press("Control+b")
            last = len(PYTHON.splitlines())
            code.open("sensor.py", PYTHON, last)
            box = (0, 110, size[0], 460)
            keep(typing(code), box, FOLDER / "vscode-typing.gif")
            shutil.copy(FOLDER / "vscode-typing.gif", ROOT / "editors/vscode/media/typing.gif")
            code.close_all()

            code.open(
                "Readings.java", JAVA, JAVA.splitlines().index("    public double smallest() {") + 2
            )
            code.press("Enter")
            code.type("for (int i = 0; i <")
            wait_for(code.ghost, "ghost text")
            save(shot(code), "vscode-java.png")
            code.close_all()

            code.open("sensor.py", PYTHON, last)
            code.run("LSTM: Preview What Would Be Written From Here")
            wait_for(lambda: code.last_line("preview of") > 12, "the preview")
            save(shot(code), "vscode-preview.png")
            wait_for(lambda: "LSTM is writing" not in code.status_bar(), "its end")
            code.close_all()

            overlay(code, "vscode-overlay.png")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as home, headless() as browser:
        folder = Path(home) / "sensors"
        folder.mkdir()
        dark = LOOK | {"workbench.colorTheme": DARK}
        with serve(Path(home), dark) as address, window(browser, address, folder, size) as code:
            code.press("Control+b")
            overlay(code, "vscode-overlay-dark.png")


# -- Neovim ------------------------------------------------------------------------------

WIDTH, HEIGHT, COLUMNS, ROWS = 8.4, 18, 62, 14
TEXT = 'font-family="monospace" font-size="14" textLength="{:.1f}" fill="{}"'
CODE, GHOST, CURSOR = "#1f2328", "#8c959f", "#0969da"


class Frame(NamedTuple):
    """Some lines of the screen; what is behind the cursor's cell is ghost text."""

    lines: list[str]
    row: int
    column: int
    ghost: str
    milliseconds: int


def frame(editor: Neovim, milliseconds: int) -> Frame:
    row, column = editor.lua("return {vim.fn.screenrow(), vim.fn.screencol()}")
    first = max(0, row - ROWS + 2)
    lines = [line.rstrip() for line in editor.screen()[first : first + ROWS]]
    return Frame(lines, row - 1 - first, column - 1, editor.ghost() or "", milliseconds)


def drawn(one: Frame) -> str:
    """Return a frame as SVG."""
    parts = []

    def draw(line: int, start: int, cells: str, colour: str) -> None:
        start += len(cells) - len(cells.lstrip())
        if cells := cells.strip():
            at = f'x="{WIDTH * (start + 1):.1f}" y="{HEIGHT * (line + 1)}"'
            style = TEXT.format(WIDTH * len(cells), colour)
            parts.append(f"<text {at} {style}>{escape(cells, quote=False)}</text>")

    for number, line in enumerate(one.lines):
        if line.strip("~"):  # Neovim's mark of what is no line
            end = len(line)
            if one.ghost and one.row <= number <= one.row + one.ghost.count("\n"):
                end = one.column if number == one.row else 0
            draw(number, 0, line[:end], CODE)
            draw(number, end, line[end:], GHOST)
    at = f'x="{WIDTH * (one.column + 1):.1f}" y="{HEIGHT * one.row + 5}"'
    parts.append(f'<rect {at} width="2" height="{HEIGHT}" fill="{CURSOR}"/>')
    return "\n".join(parts)


def animation(frames: list[Frame]) -> str:
    """Return SVG that shows one frame after the other, for ever."""
    whole = sum(one.milliseconds for one in frames)
    size = f'width="{WIDTH * (COLUMNS + 2):.0f}" height="{HEIGHT * (ROWS + 1)}"'
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" {size}>', f'<rect {size} fill="#ffffff"/>']
    start = 0
    for one in frames:
        end = start + one.milliseconds
        times = ";".join(f"{time / whole:.4f}" for time in (0, start, end))
        parts += [
            '<g visibility="hidden"><animate attributeName="visibility" calcMode="discrete"',
            f'values="hidden;visible;hidden" keyTimes="{times}" dur="{whole}ms"',
            f'repeatCount="indefinite"/>\n{drawn(one)}\n</g>',
        ]
        start = end
    return "\n".join([*parts, "</svg>\n"])


def neovim() -> None:
    """Write the picture of Neovim."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as home:
        project = Path(home) / "sensors"
        (project / ".git").mkdir(parents=True)
        editor = Neovim(binary("0.12"), Path(home) / "home")
        try:
            editor.setup(cmd=SERVER, keys={"accept": "<C-l>", "accept_word": "<C-f>"})
            editor.open(project / "sensor.py", PYTHON)
            ready(editor)
            frames = []
            editor.type("GA")
            for line in LINES:
                editor.type("<CR>")
                rest, accepted = line, False
                while rest:
                    editor.type(rest[0])
                    rest = rest[1:]
                    editor.wait(lambda: editor.lua("return vim.fn.getchar(1)") == 0, "it is read")
                    editor.settle()
                    frames.append(frame(editor, KEY))
                    ghost = editor.ghost() or ""
                    if continues(ghost, rest):
                        frames.append(frame(editor, PAUSE))
                        for keys in by_word_and_whole(ghost, "<C-f>", "<C-l>"):
                            editor.type(keys)
                            editor.settle()
                            frames.append(frame(editor, PAUSE // 2))
                        rest, accepted = rest.removeprefix(ghost), True
                assert accepted, f"no ghost text went on with {line!r}: choose another line"
            frames.append(frame(editor, PAUSE))
        finally:
            editor.close()
    (FOLDER / "neovim-typing.svg").write_text(animation(frames), "utf-8")


DRAWN: dict[str, Callable[[], None]] = {"vscode": vscode, "neovim": neovim}


def main() -> None:
    """Write the pictures of the editors that are named, or of both."""
    FOLDER.mkdir(exist_ok=True)
    for name in sys.argv[1:] or DRAWN:
        DRAWN[name]()


if __name__ == "__main__":
    main()
