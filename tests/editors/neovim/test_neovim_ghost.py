"""Ghost text in real Neovims against a scripted server: exactly what is shown, and when."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.editors.neovim.conftest import Scripted

pytestmark = pytest.mark.editor

METHOD = "textDocument/inlineCompletion"
LOOP = {"for i in ": ["range(10):"]}


def test_typed_text_gets_a_suggestion_that_a_key_accepts(fake: Scripted) -> None:
    fake.script("answers", LOOP)
    fake.type("ifor i in ")
    fake.expect_ghost("range(10):")
    assert fake.screen()[0].rstrip() == "for i in range(10):"
    assert fake.lines() == ["for i in "]
    fake.type("<C-l>x")
    fake.expect_line("for i in range(10):x")
    assert fake.ghost() is None
