"""The extension in a real VS Code: what a person sees when they type and run its commands."""

import os
import signal

import pytest

from tests.editors.vscode.workbench import Code, wait_for

pytestmark = [pytest.mark.editor, pytest.mark.slow]

JAVA = """public class Sums {
    public static int sum(int[] values) {
        int sum = 0;
        
        return sum;
    }
}
"""  # noqa: W293 - the cursor goes there
PYTHON = """def total(values):
    result = 0
    for value in values:
        result += value
    return result


def mean(values):
    result = 0
    
"""  # noqa: W293


def test_ghost_text_in_java_is_accepted(code: Code) -> None:
    code.open("Sums.java", JAVA, 4)
    code.type("for (int value : ")
    ghost = wait_for(code.ghost, "ghost text")
    code.press("Tab")
    wait_for(lambda: f"for (int value : {ghost.splitlines()[0]}" in code.text(), "its text")


def test_ghost_text_in_python_is_accepted_word_by_word(code: Code) -> None:
    code.open("words.py", PYTHON, 10)
    code.type("for value in")
    ghost = wait_for(code.ghost, "ghost text")
    code.press("Control+ArrowRight")
    word = ghost.split()[0]
    wait_for(lambda: f"for value in {word}" in code.text(), "its first word")


def test_switched_off_it_shows_nothing(code: Code) -> None:
    code.open("switch.py", PYTHON, 10)
    code.type("for value in")
    wait_for(code.ghost, "ghost text")
    code.run("LSTM: Disable")
    wait_for(lambda: "switched off" in code.status(), "the status bar to say so")
    wait_for(lambda: not code.ghost(), "the ghost text to go")
    code.type(" val")
    assert not code.ghost()
    code.run("LSTM: Enable")
    wait_for(lambda: "ready" in code.status(), "a server that is ready")
    code.type("ue")
    wait_for(code.ghost, "ghost text")


def test_the_preview_streams_until_it_is_stopped(code: Code) -> None:
    code.open("written.py", PYTHON, 9)
    code.run("LSTM: Preview What Would Be Written From Here")
    first = wait_for(lambda: code.last_line("preview of"), "text")
    wait_for(lambda: code.last_line("preview of") > first, "more of it")
    code.press("Control+Alt+s")
    wait_for(lambda: "LSTM is writing" not in code.status_bar(), "its end")


def test_a_killed_server_comes_back(code: Code) -> None:
    code.open("killed.py", PYTHON, 10)
    killed = code.servers()
    assert killed
    for number in killed:
        os.kill(number, signal.SIGKILL)
    wait_for(lambda: code.servers() - killed, "another server")
    wait_for(lambda: "ready" in code.status(), "a server that is ready")
    code.type("for value in")
    code.run("Trigger Inline Suggestion")
    wait_for(code.ghost, "ghost text")


def test_an_explanation_opens_beside_the_code(code: Code) -> None:
    code.open("explained.py", PYTHON, 9)
    code.run("LSTM: Explain Last Suggestion")
    wait_for(lambda: any("why.md" in tab for tab in code.tabs()), "the explanation")


def test_training_is_shown_and_can_be_cancelled(code: Code) -> None:
    code.open("trained.py", PYTHON, 9)
    code.run("LSTM: Train on This Project")
    wait_for(lambda: "2.100 bits/char" in code.notifications(), "how far it is")
    code.page.locator(".notifications-toasts .monaco-button", has_text="Cancel").click()
    wait_for(lambda: "training was stopped: it did not" in code.notifications(), "how it ended")


def test_surprising_characters_are_shaded_and_explained(code: Code) -> None:
    code.open("shaded.py", PYTHON + "zebra = 17\n", 9)
    code.run("LSTM: Shade Surprising Characters")
    wait_for(code.shaded, "shades")
    told = code.hover(code.shaded()[0])
    assert "bits of surprise" in told
    assert "expected" in told
    code.run("LSTM: Shade Surprising Characters")
    wait_for(lambda: not code.shaded(), "no shades")


def test_the_explorer_opens_in_the_browser(code: Code) -> None:
    code.open("explored.py", PYTHON, 9)
    with code.page.context.expect_page() as opened:
        code.run("LSTM: Open Explorer")
    assert opened.value.url.startswith("http://127.0.0.1:")
    opened.value.close()


def test_a_server_that_crashes_too_often_stays_down_until_it_is_wanted(code: Code) -> None:
    code.open("crashing.py", PYTHON, 9)
    killed: set[int] = set()

    def is_given_up() -> bool:
        if "ready" in code.status():  # one that never started would be another matter
            for number in code.servers() - killed:
                os.kill(number, signal.SIGKILL)
                killed.add(number)
        return "crashed too often" in code.notifications()

    wait_for(is_given_up, "the message that it crashed too often")
    assert len(killed) <= 4  # once more than it is started again
    assert not code.servers() - killed
    code.page.locator(".notifications-toasts .monaco-button", has_text="Restart Server").click()
    wait_for(lambda: "ready" in code.status(), "a server that is ready")
