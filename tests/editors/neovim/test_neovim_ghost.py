"""Ghost text in real Neovims against a scripted server: exactly what is shown, and when."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.editors.neovim.conftest import Scripted

pytestmark = [pytest.mark.editor, pytest.mark.timeout(60)]

METHOD = "textDocument/inlineCompletion"
INVOKED, AUTOMATIC = 1, 2
LOOP = {"for i in ": ["range(10):"]}
BLOCK = {"for i in ": ["range(10):\n    print(i)\n    total += i"]}


def triggers(fake: Scripted) -> list[int]:
    """The trigger kinds of all requests so far."""
    return [params["context"]["triggerKind"] for params in fake.received(METHOD)]


def item(text: str, line: int, start: int, end: int) -> dict[str, Any]:
    """An item that replaces a range."""
    ends = ({"line": line, "character": start}, {"line": line, "character": end})
    return {"insertText": text, "range": {"start": ends[0], "end": ends[1]}}


def test_typed_text_gets_a_suggestion_that_a_key_accepts(fake: Scripted) -> None:
    fake.script("answers", LOOP)
    fake.type("ifor i in ")
    fake.expect_ghost("range(10):")
    assert fake.screen()[0].rstrip() == "for i in range(10):"
    assert fake.lines() == ["for i in "]
    fake.type("<C-l>x")
    fake.expect_line("for i in range(10):x")
    assert fake.ghost() is None


def test_words_are_accepted_one_by_one_without_asking_again(fake: Scripted) -> None:
    fake.script("answers", {"for i in ": ["range(größe_1 + 2):"]})
    fake.type("ifor i in ")
    fake.expect_ghost("range(größe_1 + 2):")
    asked = len(triggers(fake))
    for line, rest in (
        ("for i in range", "(größe_1 + 2):"),
        ("for i in range(", "größe_1 + 2):"),
        ("for i in range(größe_1", " + 2):"),
        ("for i in range(größe_1 +", " 2):"),
        ("for i in range(größe_1 + 2", "):"),
    ):
        fake.type("<C-f>")
        fake.expect_line(line)
        fake.expect_ghost(rest)
    assert len(triggers(fake)) == asked
    fake.type("<C-f>")
    fake.expect_line("for i in range(größe_1 + 2):")
    fake.expect_ghost(None)


def test_several_lines_are_drawn_below_and_accepted_line_by_line(fake: Scripted) -> None:
    fake.script("answers", BLOCK)
    fake.type("ifor i in ")
    fake.expect_ghost(BLOCK["for i in "][0])
    shown = [line.rstrip() for line in fake.screen()[:3]]
    assert shown == ["for i in range(10):", "    print(i)", "    total += i"]
    fake.type("<C-e>")
    fake.expect_line("for i in range(10):")
    fake.expect_ghost("\n    print(i)\n    total += i")
    fake.type("<C-e>")
    fake.expect_line("    print(i)")
    fake.type("<C-l>")
    fake.expect_line("    total += i")
    assert fake.lines() == ["for i in range(10):", "    print(i)", "    total += i"]
    assert list(fake.nvim.current.window.cursor) == [3, len("    total += i")]


def test_it_stays_while_typed_text_agrees_and_goes_when_it_does_not(fake: Scripted) -> None:
    fake.script("answers", BLOCK)
    fake.type("ifor i in ")
    fake.expect_ghost(BLOCK["for i in "][0])
    asked = len(triggers(fake))
    fake.type("ran")
    fake.expect_ghost("ge(10):\n    print(i)\n    total += i")
    fake.type("ge(10):<CR>")  # with the indentation that Neovim adds
    fake.wait(lambda: len(fake.lines()) == 2, "a line was added")
    rest = "    print(i)\n    total += i".removeprefix(fake.line())
    fake.expect_ghost(rest)
    assert len(triggers(fake)) == asked
    fake.expect_no_ghost_after("#", fake.line() + "#")


def test_no_frame_shows_text_that_does_not_continue_the_line(fake: Scripted) -> None:
    text = "for i in range(10):"
    fake.script("answers", {text[:end]: [text[end:] + "  # x"] for end in range(len(text))})
    fake.type("i")
    for end, key in enumerate(text, 1):
        fake.type(key)
        if end % 5 == 0:  # else the next key comes while it is being asked or drawn
            fake.expect_ghost(text[end:] + "  # x")
    fake.type("<BS><BS>!<Left>?")
    fake.wait(lambda: "?" in fake.line(), "the last key was read")
    fake.settle()
    drawn = [frame for frame in fake.frames() if frame.get("ghost")]
    assert drawn
    for frame in drawn:
        assert frame["at_cursor"]
        assert frame["before"] + frame["ghost"] == text + "  # x"


def test_nothing_is_asked_or_shown_after_a_deletion(fake: Scripted) -> None:
    fake.script("answers", {"for i in ": ["range(10):"], "for i in": [" range(10):"]})
    fake.type("ifor i in ")
    fake.expect_ghost("range(10):")
    asked = len(triggers(fake))
    for keys, line in (("<BS>", "for i in"), ("<C-w>", "for i "), ("<C-u>", "")):
        fake.expect_no_ghost_after(keys, line)
    fake.type("<Esc>")
    fake.expect_no_ghost_after("Scc", "cc")
    assert len(triggers(fake)) == asked + 1  # for the two letters typed last, read at once


def test_moving_the_cursor_takes_it_away(fake: Scripted) -> None:
    fake.script("answers", LOOP)
    fake.type("ifor i in ")
    fake.expect_ghost("range(10):")
    asked = len(triggers(fake))
    fake.type("<Left>")
    fake.expect_ghost(None)
    fake.type("<Right>")
    fake.settle()
    assert fake.ghost() is None
    assert len(triggers(fake)) == asked


def test_an_answer_that_comes_too_late_is_cancelled_and_never_shown(fake: Scripted) -> None:
    fake.script("answers", {**LOOP, "for i in x": ["s:"]})
    fake.script("hold", {"held": True})
    fake.type("ifor i in ")
    fake.expect_line("for i in ")
    fake.wait(lambda: triggers(fake), "it was asked")
    fake.type("x")
    fake.expect_line("for i in x")
    fake.wait(lambda: len(triggers(fake)) == 2, "it was asked again")
    first = next(message for message in fake.log() if message.get("method") == METHOD)
    assert fake.received("$/cancelRequest") == [{"id": first["id"]}]
    fake.script("hold", {"held": False})
    fake.expect_ghost("s:")
    shown = {frame["ghost"] for frame in fake.frames() if frame.get("ghost")}
    assert shown <= {"s:"}


def test_leaving_insert_mode_takes_it_away_and_drops_the_question(fake: Scripted) -> None:
    fake.script("answers", LOOP)
    fake.type("ifor i in ")
    fake.expect_ghost("range(10):")
    fake.type("<Esc>")
    fake.expect_ghost(None)
    fake.script("hold", {"held": True})
    fake.type("cc<Esc>ifor i in ")
    fake.wait(lambda: len(triggers(fake)) == 2, "it was asked again")
    fake.type("<Esc>")
    fake.wait(lambda: fake.received("$/cancelRequest"), "the question was cancelled")
    fake.script("hold", {"held": False})
    fake.settle()
    assert fake.ghost() is None


def test_ctrl_c_takes_it_away_too(fake: Scripted) -> None:
    fake.script("answers", LOOP)
    fake.type("ifor i in ")
    fake.expect_ghost("range(10):")
    fake.type("<C-c>")  # leaves insert mode without InsertLeave
    fake.wait(lambda: fake.nvim.request("nvim_get_mode")["mode"] == "n", "normal mode")
    fake.expect_ghost(None)
    fake.type("A")  # and what was there before is not gone on with
    fake.wait(lambda: fake.nvim.request("nvim_get_mode")["mode"] == "i", "insert mode")
    fake.settle()
    assert fake.ghost() is None


def test_an_opened_line_is_asked_about_and_a_line_entered_again_is_not(fake: Scripted) -> None:
    fake.script("answers", {"    ": ["return 1\n"], "def f():": ["\n    return 1"]})
    fake.type("idef f():")
    fake.expect_ghost("\n    return 1")
    fake.type("<Esc>o")
    fake.expect_ghost("return 1\n")
    fake.type("<Esc>")
    fake.expect_ghost(None)
    asked = len(triggers(fake))
    fake.type("ggA")
    fake.wait(lambda: fake.nvim.request("nvim_get_mode")["mode"] == "i", "insert mode")
    fake.settle()
    assert fake.ghost() is None
    assert len(triggers(fake)) == asked


def test_undo_takes_back_what_was_accepted_and_shows_nothing(fake: Scripted) -> None:
    fake.script("answers", BLOCK)
    fake.type("ifor i in ")
    fake.expect_ghost(BLOCK["for i in "][0])
    fake.type("<C-l>")
    fake.expect_line("    total += i")
    fake.type("<Esc>u")
    fake.expect_line("for i in ")
    fake.settle()
    assert fake.lines() == ["for i in "]
    assert fake.ghost() is None
    fake.type("<C-r>")
    fake.wait(lambda: len(fake.lines()) == 3, "it is there again")


def test_off_is_off_at_once_and_the_server_knows(fake: Scripted) -> None:
    fake.script("answers", LOOP)
    fake.type("ifor i in ")
    fake.expect_ghost("range(10):")
    asked = len(triggers(fake))
    fake.type("<C-t>")
    fake.expect_ghost(None)
    assert fake.lua("return require('lstm_lsp').statusline()") == "lstm off"
    fake.expect_no_ghost_after("<CR>for i in ", "for i in ")
    assert len(triggers(fake)) == asked
    told = fake.received("workspace/didChangeConfiguration")
    assert told[-1] == {"settings": {"lstmLsp": {"enabled": False}}}
    fake.type("<C-t><CR>for i in ")
    fake.expect_ghost("range(10):")
    told = fake.received("workspace/didChangeConfiguration")
    assert told[-1] == {"settings": {"lstmLsp": {"enabled": True}}}


def test_off_for_one_buffer(fake: Scripted) -> None:
    fake.script("answers", LOOP)
    fake.nvim.command("let b:lstm_lsp_enabled = v:false")
    fake.expect_no_ghost_after("ifor i in ", "for i in ")
    fake.nvim.command("let b:lstm_lsp_enabled = v:true")
    fake.type("<CR>for i in ")
    fake.expect_ghost("range(10):")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-32"])
def test_positions_are_right_behind_any_character(fake: Scripted) -> None:
    before = "s = 'é漢😀👨‍👩‍👧' + "
    fake.script("answers", {before: ["'𝒳é'"], before + "'𝒳é'": [" + 'ü'"]})
    fake.type("i" + before)
    fake.expect_ghost("'𝒳é'")
    fake.type("<C-l>")
    fake.expect_line(before + "'𝒳é'")
    fake.expect_ghost(" + 'ü'")
    fake.type("<C-l>")
    fake.expect_line(before + "'𝒳é' + 'ü'")


def test_null_an_empty_list_and_an_odd_item_show_nothing(fake: Scripted) -> None:
    answers: dict[str, Any] = {
        "a": None,
        "ab": [],
        "abc": [""],
        "abcd": [{"insertText": {"kind": "snippet", "value": "$1"}}],
        "abcde": [item("other", 0, 0, 5)],  # rewrites what was typed
        "abcdef": [item("g", 3, 0, 0)],  # another line
        "abcdefg": ["fine"],
    }
    fake.script("answers", answers)
    fake.type("i")
    for key, line in zip("abcdef", answers, strict=False):
        fake.expect_no_ghost_after(key, line)
    fake.type("g")
    fake.expect_ghost("fine")


def test_a_range_from_the_word_on_is_what_it_means(fake: Scripted) -> None:
    fake.script("answers", {"é😀 ret": [item("return", 0, 4, 7)]})  # 😀 is two units
    fake.type("ié😀 ret")
    fake.expect_ghost("urn")
    fake.type("<C-l>")
    fake.expect_line("é😀 return")


def test_brackets_that_the_editor_closed_are_walked_over(fake: Scripted) -> None:
    fake.script("answers", {"f(": [item("a, b)", 0, 2, 3)], "g(": [item("a]", 0, 2, 3)]})
    fake.type("i)<Left>f(")
    fake.expect_ghost("a, b")
    fake.type("<C-l>!")
    fake.expect_line("f(a, b)!")
    fake.type("<Esc>cc)<Left>g(")  # its end is not what follows: it would rewrite it
    fake.expect_line("g()")
    fake.settle()
    assert fake.ghost() is None


def test_in_the_middle_of_a_line_only_its_first_line_is_offered(fake: Scripted) -> None:
    fake.script("answers", {"x = f(": ["1,\n2"]})
    fake.type("i)<Left>x = f(")
    fake.expect_ghost("1,")
    assert fake.screen()[0].rstrip() == "x = f(1,)"


def test_tabs_take_the_room_that_they_will_take(fake: Scripted) -> None:
    fake.nvim.command("setlocal tabstop=8 noexpandtab")
    fake.script("answers", {"if x:": ["\tpass\n\tab\tc"]})
    fake.type("iif x:")
    fake.expect_ghost("   pass\n        ab      c")
    fake.type("<C-l>")
    fake.expect_line("\tab\tc")


def test_tab_stops_of_their_own_count(fake: Scripted) -> None:
    fake.nvim.command("setlocal vartabstop=4,12 noexpandtab")
    fake.script("answers", {"if x:": ["\tpass\n\tab\tc"]})
    fake.type("iif x:")
    fake.expect_ghost("           pass\n    ab          c")


def test_others_for_the_same_place(fake: Scripted) -> None:
    fake.script("answers", {"for i in ": ["range(10):", "items:", "range(3):"]})
    fake.type("ifor i in ")
    fake.expect_ghost("range(10):")
    for key, text in (("<C-j>", "items:"), ("<C-j>", "range(3):"), ("<C-j>", "range(10):")):
        fake.type(key)
        fake.expect_ghost(text)
    assert "range(10): 1/3" in fake.screen()[0]
    assert triggers(fake)[-1] == INVOKED
    assert triggers(fake).count(INVOKED) == 1
    fake.type("ra<C-k>")  # "items:" disagrees by now
    fake.expect_ghost("nge(3):")
    fake.type("<C-l>")
    fake.expect_line("for i in range(3):")


def test_dismissed_it_is_gone_until_the_next_key(fake: Scripted) -> None:
    fake.script("answers", LOOP)
    fake.type("ifor i in ")
    fake.expect_ghost("range(10):")
    fake.type("<C-q>")
    fake.expect_ghost(None)
    fake.type("<CR>for i in ")
    fake.expect_ghost("range(10):")


def test_when_asked_for_only(fake: Scripted) -> None:
    fake.script("answers", LOOP)
    fake.lua("require('lstm_lsp.config').options.automatic = false")
    fake.expect_no_ghost_after("ifor i in ", "for i in ")
    assert triggers(fake) == []
    fake.type("<C-s>")
    fake.expect_ghost("range(10):")
    assert triggers(fake) == [INVOKED]


def test_after_the_pause_that_the_user_wants(fake: Scripted) -> None:
    fake.script("answers", LOOP)
    fake.lua("require('lstm_lsp.config').options.debounce = 3600000")
    fake.expect_no_ghost_after("ifor i in ", "for i in ")
    assert triggers(fake) == []
    fake.lua("require('lstm_lsp.config').options.debounce = 1")
    fake.type("<CR>for i in ")
    fake.expect_ghost("range(10):")


def test_the_popup_menu_has_the_place_to_itself(fake: Scripted) -> None:
    fake.script("answers", {**LOOP, "format": ["ted"]})
    fake.type("iformat<CR>for i in ")
    fake.expect_ghost("range(10):")
    fake.type("<CR>fo<C-n>")
    fake.wait(fake.nvim.funcs.pumvisible, "the menu is open")
    fake.settle()
    assert fake.ghost() is None


def test_a_mapping_of_tab_that_falls_back(fake: Scripted) -> None:
    fake.lua(
        """vim.keymap.set('i', '<Tab>', function()
             return require('lstm_lsp').accept() and '' or '<Tab>'
           end, { expr = true })"""
    )
    fake.script("answers", LOOP)
    fake.type("ifor i in ")
    fake.expect_ghost("range(10):")
    fake.type("<Tab>")
    fake.expect_line("for i in range(10):")
    fake.settle()
    fake.type("<Tab>x")
    fake.wait(lambda: fake.line().endswith("x"), "a letter came")
    assert fake.line().removeprefix("for i in range(10):").strip() == "x"
    assert len(fake.line()) > len("for i in range(10):x")


@pytest.mark.parametrize("version", ["0.12"], indirect=True)
def test_neovims_own_does_not_draw_it_a_second_time(fake: Scripted) -> None:
    fake.lua("vim.lsp.inline_completion.enable()")
    fake.lua("require('lstm_lsp.client').restart()")
    fake.wait(lambda: not fake.attached(), "the server is gone")
    fake.wait(fake.attached, "the server is back")
    fake.script("answers", LOOP)
    fake.type("ifor i in ")
    fake.expect_ghost("range(10):")
    # The events that its own would ask after have come.
    watching = "return #vim.api.nvim_get_autocmds({ event = 'CursorMovedI', buffer = 0 })"
    assert fake.lua(watching) == 1
