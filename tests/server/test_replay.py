"""Real text edited as it is in life, replayed over the wire in three encodings.

The versions are those of modules of this package under seeded edits: lines written and taken
back, names changed everywhere, blocks indented, moved and copied, words of other scripts. What
editors send is the difference of two versions, in one message or in one for every piece.
"""

from __future__ import annotations

import difflib
import itertools
import random
import re
from collections.abc import Iterator
from importlib import resources
from typing import Any

import pytest

from tests.server.test_completion import units
from tests.server.test_sync import answers
from tests.server.wire import Client, document

MODULES = ("document.py", "symbols.py")
WORDS = ("größe", "値段", "😀_total", "naïve", "x")
VERSIONS = 12
LINES = 80
numbers = itertools.count()


def versions(text: str, seed: int) -> Iterator[str]:
    """Yield one text after the other, each one edit further."""
    chance = random.Random(seed)
    lines = text.splitlines(keepends=True)[:LINES]
    for _ in range(VERSIONS):
        at = chance.randrange(len(lines))
        some = lines[at : at + chance.randrange(1, 6)]
        match chance.randrange(7):
            case 0:
                del lines[at : at + len(some)]
            case 1:
                lines[at:at] = some
            case 2:
                lines[at : at + len(some)] = ["    " + line for line in some]
            case 3:
                target = chance.randrange(len(lines))
                del lines[at : at + len(some)]
                lines[target:target] = some
            case 4:
                name = chance.choice(re.findall(r"[a-z_]{4,}", text))
                lines = [re.sub(rf"\b{name}\b", chance.choice(WORDS), line) for line in lines]
            case 5:
                lines[at] = lines[at].rstrip("\r\n") + f"  # {chance.choice(WORDS)}\r\n"
            case _:
                lines[at : at + 1] = list("".join(some).rstrip() + "; pass\n")
        lines = "".join(lines).splitlines(keepends=True) or ["\n"]
        yield "".join(lines)


def position(text: str, offset: int, encoding: str) -> dict[str, int]:
    """Return the protocol's position: lines end with LF, CR LF or CR alone."""
    before = re.split("\r\n|\n|\r", text[:offset])
    return {"line": len(before) - 1, "character": units(before[-1], encoding)}


def edits(old: str, new: str, encoding: str) -> list[dict[str, Any]]:
    """Return the changes from `old` to `new`, last first, so that none moves another."""
    # By words, and CR LF as one: between the two is no position in the protocol.
    before, after = (re.findall(r"\r\n|\w+|(?s:.)", text) for text in (old, new))
    starts = [0, *itertools.accumulate(map(len, before))]
    matcher = difflib.SequenceMatcher(None, before, after, autojunk=False)
    return [
        {
            "range": {
                "start": position(old, starts[first], encoding),
                "end": position(old, starts[last], encoding),
            },
            "text": "".join(after[start:end]),
        }
        for kind, first, last, start, end in reversed(matcher.get_opcodes())
        if kind != "equal"
    ]


def bits(client: Client, uri: str) -> list[float]:
    """Return the surprise of every character of a document: two texts do not have the same."""
    whole = {"start": {"line": 0, "character": 0}, "end": {"line": 10**6, "character": 0}}
    asked = {"textDocument": {"uri": uri}, "range": whole}
    found: list[float] = client.ask("lstmLsp/surprise", asked)["bits"]
    return found


@pytest.mark.parametrize("module", MODULES)
def test_a_replayed_document_is_answered_as_a_fresh_one(
    encoded: tuple[Client, str], module: str
) -> None:
    client, encoding = encoded
    text = resources.files("lstm_lsp").joinpath(module).read_text("utf-8")
    text = text.replace("text", "größe_😀")  # so that columns differ by encoding on many lines
    seed = MODULES.index(module)
    chance = random.Random(seed)
    edited, fresh = (f"file:///elsewhere/{next(numbers)}/{module}" for _ in range(2))
    old = "".join(text.splitlines(keepends=True)[:LINES])
    client.notify("textDocument/didOpen", document(old, edited))
    version = 1
    for new in versions(text, seed):
        changes = edits(old, new, encoding)
        messages = [changes] if chance.random() < 0.5 else [[one] for one in changes]
        for message in messages:
            version += 1
            named = {"uri": edited, "version": version}
            client.notify(
                "textDocument/didChange", {"textDocument": named, "contentChanges": message}
            )
        place = position(new, chance.randrange(len(new) + 1), encoding)
        if chance.random() < 0.3:  # some states are kept on the way
            client.request("textDocument/completion", {"textDocument": named, "position": place})
        old = new
    places = [position(old, chance.randrange(len(old) + 1), encoding) for _ in range(4)]
    at = [(place["line"], place["character"]) for place in places]
    found = (bits(client, edited), [answers(client, edited, place) for place in at])
    client.notify("textDocument/didClose", {"textDocument": {"uri": edited}})
    client.notify("textDocument/didOpen", document(old, fresh))
    assert found == (bits(client, fresh), [answers(client, fresh, place) for place in at])
    assert len(found[0]) == len(old)
    client.notify("textDocument/didClose", {"textDocument": {"uri": fresh}})
