from __future__ import annotations

from typing import Any

import pytest

from tests.server.wire import Client, at, document

TEXT = "import os\n\n\ndef walk(top):\n    é😀 = 1; na"


def units(text: str, encoding: str) -> int:
    if encoding == "utf-32":
        return len(text)
    return len(text.encode(encoding + ("-le" if encoding == "utf-16" else ""))) // (
        2 if encoding == "utf-16" else 1
    )


def inline(uri: str, line: int, character: int, *, kind: int = 1, selected: Any = None) -> Any:
    context = {"triggerKind": kind}
    if selected:
        context["selectedCompletionInfo"] = selected
    return {**at(line, character, uri), "context": context}


def test_the_client_s_position_encoding_is_used(encoded: tuple[Client, str], uri: str) -> None:
    client, encoding = encoded
    client.notify("textDocument/didOpen", document(TEXT, uri))
    line = TEXT.rpartition("\n")[2]
    end, start = units(line, encoding), units(line[:-2], encoding)
    found = client.ask("textDocument/completion", at(4, end, uri))
    assert found["items"]
    for item in found["items"]:
        assert item["textEdit"]["range"] == {
            "start": {"line": 4, "character": start},
            "end": {"line": 4, "character": end},
        }
        assert item["textEdit"]["newText"].startswith("na")
    past_the_end = client.ask("textDocument/completion", at(4, end + 50, uri))
    assert labels(past_the_end) == labels(found)


def labels(found: dict[str, Any]) -> list[str]:
    return [item["label"] for item in found["items"]]


def test_items_are_what_editors_need(client: Client, uri: str) -> None:
    client.notify("textDocument/didOpen", document("x = va", uri))
    found = client.ask("textDocument/completion", at(0, 6, uri))
    assert found["isIncomplete"] is True
    assert found["items"]
    assert [item["sortText"] for item in found["items"]] == sorted(
        item["sortText"] for item in found["items"]
    )
    for item in found["items"]:
        assert item["filterText"].startswith("va")
        assert "\n" not in item["textEdit"]["newText"]
        assert "%" in item["detail"]


def test_resolving_says_why(client: Client, uri: str) -> None:
    client.notify("textDocument/didOpen", document("x = va", uri))
    item = client.ask("textDocument/completion", at(0, 6, uri))["items"][0]
    resolved = client.ask("completionItem/resolve", item)
    assert "probability" in resolved["documentation"]["value"]
    assert {**resolved, "documentation": None} == {**item, "documentation": None}
    strange = {"label": "x", "data": {"other": []}}
    assert client.ask("completionItem/resolve", strange) == strange


def test_with_a_token_batches_come_by_progress(client: Client, uri: str) -> None:
    client.notify("textDocument/didOpen", document("x = va", uri))
    whole = client.ask("textDocument/completion", at(0, 6, uri))
    token = f"partial {uri}"
    final = client.ask("textDocument/completion", {**at(0, 6, uri), "partialResultToken": token})
    batches = [
        message["params"]["value"]
        for message in client.messages
        if message.get("method") == "$/progress" and message["params"]["token"] == token
    ]
    assert final["items"] == []
    assert batches[0]["isIncomplete"] is True
    assert len(batches) > 1
    streamed = batches[0]["items"] + [item for batch in batches[1:] for item in batch]
    assert sorted(item["label"] for item in streamed) == sorted(labels(whole))


def test_inline_completion_is_put_at_the_cursor(client: Client, uri: str) -> None:
    client.notify("textDocument/didOpen", document("value = ", uri))
    here = {"line": 0, "character": 8}
    for kind in (1, 2):
        found = client.ask("textDocument/inlineCompletion", inline(uri, 0, 8, kind=kind))
        for item in found["items"]:
            assert item["range"] == {"start": here, "end": here}
            assert item["insertText"]


def test_who_asks_by_hand_gets_several_to_look_through(client: Client, uri: str) -> None:
    client.notify("textDocument/didOpen", document("value = ", uri))
    automatic = client.ask("textDocument/inlineCompletion", inline(uri, 0, 8, kind=2))
    invoked = client.ask("textDocument/inlineCompletion", inline(uri, 0, 8, kind=1))
    assert len(invoked["items"]) > 1
    assert automatic["items"] == invoked["items"][:1]
    explained = client.ask(
        "workspace/executeCommand",
        {"command": "lstmLsp.explain", "arguments": [at(0, 8, uri)]},
    )
    chances = {one["text"]: one["probability"] for one in explained["candidates"]}
    shown = [chances[item["insertText"]] for item in invoked["items"]]
    assert shown == sorted(shown, reverse=True)


def test_inline_completion_goes_on_from_what_the_popup_has_selected(
    client: Client, uri: str
) -> None:
    client.notify("textDocument/didOpen", document("value = va", uri))
    replaced = {"start": {"line": 0, "character": 8}, "end": {"line": 0, "character": 10}}
    selected = {"range": replaced, "text": "value"}
    found = client.ask("textDocument/inlineCompletion", inline(uri, 0, 10, selected=selected))
    for item in found["items"]:
        assert item["insertText"].startswith("value")
        assert len(item["insertText"]) > len("value")
        assert item["range"] == replaced


def test_nothing_by_itself_after_a_deletion(client: Client, uri: str) -> None:
    client.notify("textDocument/didOpen", document("value = xx", uri))
    client.change(uri, 2, ((0, 9), (0, 10)), "")
    automatic = client.ask("textDocument/inlineCompletion", inline(uri, 0, 9, kind=2))
    invoked = client.ask("textDocument/inlineCompletion", inline(uri, 0, 9, kind=1))
    assert automatic == {"items": []}
    assert invoked["items"]


def test_ghost_text_stays_while_it_is_typed(client: Client, uri: str) -> None:
    client.notify("textDocument/didOpen", document("value = ", uri))
    first = client.ask("textDocument/inlineCompletion", inline(uri, 0, 8, kind=2))
    text = first["items"][0]["insertText"]
    column = 8
    for version, character in enumerate(text[:-1], 2):
        client.change(uri, version, ((0, column), (0, column)), character)
        column += len(character.encode("utf-16-le")) // 2
        again = client.ask("textDocument/inlineCompletion", inline(uri, 0, column, kind=2))
        assert again["items"][0]["insertText"] == text[version - 1 :]


def test_neovim_gets_no_range(start: Any, uri: str) -> None:
    neovim = start(name="Neovim")
    neovim.notify("textDocument/didOpen", document("value = ", uri))
    found = neovim.ask("textDocument/inlineCompletion", inline(uri, 0, 8))
    assert "range" not in found["items"][0]


@pytest.mark.parametrize(
    ("text", "language"),
    [("a = ", "ruby"), ("\0\1\2\3" * 40, "python"), ("\x02\x03\x1e\x1f" * 40, "python")],
)
def test_what_is_not_served_gets_empty_answers_and_a_reason(
    client: Client, uri: str, text: str, language: str
) -> None:
    client.notify("textDocument/didOpen", document(text, uri, language))
    place = at(0, len(text), uri)
    assert client.ask("textDocument/completion", place)["items"] == []
    assert client.ask("textDocument/inlineCompletion", inline(uri, 0, 4)) == {"items": []}
    told = client.ask(
        "workspace/executeCommand", {"command": "lstmLsp.explain", "arguments": [place]}
    )
    assert told["reason"]


def test_a_document_that_is_not_open_gets_empty_answers(client: Client, uri: str) -> None:
    assert client.ask("textDocument/completion", at(0, 0, uri))["items"] == []
    assert client.ask("textDocument/inlineCompletion", inline(uri, 0, 0)) == {"items": []}
    refused = client.answer(client.request("lstmLsp/generate", at(0, 0, uri)))
    assert refused["error"]["message"] == "the document is not open"
