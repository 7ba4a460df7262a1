"""Edits over the wire: after any of them, answers are those about a fresh document."""

from __future__ import annotations

import itertools
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lstm_lsp.document import Document, Position, PositionError
from lstm_lsp.symbols import header
from tests.server.wire import Client, at, document

PIECES = ["x", "na", "é", "漢", "😀", "\n", "\r", "\r\n", "\f", "\u2028", "    ", "def f(a):\n", ""]
texts = st.lists(st.sampled_from(PIECES), max_size=10).map("".join)
places = st.tuples(st.integers(0, 6), st.integers(0, 8))
edits = st.lists(st.tuples(places, places, texts), min_size=1, max_size=6)
numbers = itertools.count()
NOTHING: dict[str, Any] = {"items": []}


def answers(client: Client, uri: str, place: tuple[int, int]) -> list[Any]:
    popup = client.ask("textDocument/completion", at(*place, uri))
    ghost = client.ask(
        "textDocument/inlineCompletion", {**at(*place, uri), "context": {"triggerKind": 1}}
    )
    for item in popup["items"]:
        del item["data"]
    return [popup, ghost]


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(text=texts, changes=edits, place=places)
def test_answers_after_edits_equal_those_about_a_fresh_document(
    encoded: tuple[Client, Any], text: str, changes: Any, place: tuple[int, int]
) -> None:
    client, encoding = encoded
    edited, fresh = (f"file:///elsewhere/{next(numbers)}/a.py" for _ in range(2))
    client.notify("textDocument/didOpen", document(text, edited))
    expected, lost = Document(text), False
    for version, (first, last, new) in enumerate(changes, 2):
        start, end = sorted((first, last))
        client.change(edited, version, (start, end), new)
        try:
            expected = expected.edited(Position(*start), Position(*end), new, encoding, version)
        except PositionError:  # the editor's text is not known from here on
            lost = True
    if lost:
        assert answers(client, edited, place) == [{"isIncomplete": True, "items": []}, NOTHING]
        whole = {"textDocument": {"uri": edited, "version": 99}}
        full = {"contentChanges": [{"text": expected.text}]}
        client.notify("textDocument/didChange", {**whole, **full})
    found = answers(client, edited, place)
    client.notify("textDocument/didClose", {"textDocument": {"uri": edited}})
    client.notify("textDocument/didOpen", document(expected.text, fresh))
    assert found == answers(client, fresh, place)
    client.notify("textDocument/didClose", {"textDocument": {"uri": fresh}})


def test_a_burst_of_keys_gets_answers_for_the_last_text_only(start: Any, uri: str) -> None:
    line = "for index, value in enumerate(values): total = total + value * index; " * 3
    keys = line[:200]
    client = start()
    client.notify("textDocument/didOpen", document("", uri))
    before = client.ask("lstmLsp/status")["symbolsRead"]
    asked: list[int] = []
    with client.together():
        for column, key in enumerate(keys):
            client.change(uri, column + 2, ((0, column), (0, column)), key)
            if asked and column % 3 == 0:
                client.notify("$/cancelRequest", {"id": asked[-1]})
            asked.append(client.request("textDocument/completion", at(0, column + 1, uri)))
    found = [client.answer(identifier) for identifier in asked]
    read = client.ask("lstmLsp/status")["symbolsRead"] - before

    for column, answer in enumerate(found, 1):
        if "error" in answer:
            assert answer["error"]["code"] == -32800
        else:  # empty, or given before the next key was read
            for item in answer["result"]["items"]:
                assert item["textEdit"]["range"]["end"]["character"] == column
    # Every symbol once, however many of the requests were in time.
    assert read == len(header("python", "")) + len(keys)
    client.notify("textDocument/didClose", {"textDocument": {"uri": uri}})
    other = uri + ".fresh.py"
    client.notify("textDocument/didOpen", document(keys, other))
    whole = client.ask("textDocument/completion", at(0, len(keys), other))
    assert labels(found[-1]["result"]) == labels(whole) != []


def labels(found: dict[str, Any]) -> list[str]:
    return [item["label"] for item in found["items"]]


def test_requests_of_two_methods_do_not_end_each_other(client: Client, uri: str) -> None:
    client.notify("textDocument/didOpen", document("value = ", uri))
    popup = client.request("textDocument/completion", at(0, 8, uri))
    ghost = client.request(
        "textDocument/inlineCompletion", {**at(0, 8, uri), "context": {"triggerKind": 1}}
    )
    assert client.answer(popup)["result"]["items"]
    assert client.answer(ghost)["result"]["items"]


def test_several_changes_of_one_message_are_applied_in_order(client: Client, uri: str) -> None:
    client.notify("textDocument/didOpen", document("", uri))
    client.notify(
        "textDocument/didChange",
        {
            "textDocument": {"uri": uri, "version": 2},
            "contentChanges": [
                {"text": "value = x"},
                {
                    "range": {
                        "start": {"line": 0, "character": 8},
                        "end": {"line": 0, "character": 9},
                    },
                    "text": "va",
                },
            ],
        },
    )
    found = client.ask("textDocument/completion", at(0, 10, uri))
    assert all(item["label"].startswith("va") for item in found["items"])
    assert found["items"]
