"""Hover: bits of a character and what was expected, where the setting asks for it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from lstm_lsp.server.hover import expected
from tests.server.wire import Client, at, document

TEXT = "import os\nname = 'é😀x'\n"
URI = "file:///project/a.py"


@pytest.fixture
def hovering(start: Any) -> Client:
    client: Client = start(options={"hover": True})
    client.notify("textDocument/didOpen", document(TEXT, URI))
    return client


def test_off_unless_asked_for(client: Client) -> None:
    client.notify("textDocument/didOpen", document(TEXT, URI))
    assert client.ask("textDocument/hover", at(0, 3)) is None


def test_it_tells_the_bits_that_surprise_tells(hovering: Client) -> None:
    place = at(1, 8)  # the é, before an emoji of two units
    line = {"start": at(1, 8)["position"], "end": at(1, 9)["position"]}
    bits = hovering.ask("lstmLsp/surprise", {**at(0, 0), "range": line})["bits"][0]
    found = hovering.ask("textDocument/hover", place)
    assert found["range"] == line
    assert f"**{bits:.1f} bits**" in found["contents"]["value"]
    emoji = hovering.ask("textDocument/hover", at(1, 9))
    assert emoji["range"]["end"]["character"] == 11


def test_behind_the_text_there_is_nothing(hovering: Client) -> None:
    assert hovering.ask("textDocument/hover", at(2, 0)) is None
    assert hovering.ask("textDocument/hover", at(99, 0)) is None


def test_what_is_beyond_ascii_counts_together() -> None:
    log_probs = np.full(256, math.log(0.2 / 127), np.float32)
    log_probs[0x80:] = math.log(0.5 / 128)
    log_probs[ord("\n")] = math.log(0.3)
    told = expected(log_probs)
    assert [name for name, _ in told[:2]] == ["any beyond ASCII", "\n"]
    assert told[0][1] == pytest.approx(0.5)
