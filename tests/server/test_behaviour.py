"""What a user meets while typing in a project that says the same again and again.

The network is the tiny one, which knows nothing; what is suggested comes from the project's
own text, with the shipped settings.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.server.conftest import Start
from tests.server.wire import Client, at, document

CASE = """\
def case_{}(first, second):
    total = add_values(first, second)
    # the sum is what counts here
    note = "no answer is known"
    if wrap_total(total, note):
        first.append(total)
    return find_total(first, total)


"""
PROJECT = "".join(CASE.format("abcdefghijklmnopqrstuvwxyz"[n] * 3) for n in range(26))
HEAD = "def start(first, second):\n"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("project")
    (folder / "cases.py").write_text(PROJECT)
    return folder


@pytest.fixture(scope="module")
def client(start: Start, folder: Path) -> Client:
    client = start(folder=folder, options=None)
    client.wait(lambda one: one.get("method") == "lstmLsp/status" and one["params"]["indexed"] == 1)
    return client


class Editor:
    """One document with a cursor, which asks after every key."""

    def __init__(self, client: Client, uri: str, text: str) -> None:
        self.client, self.uri = client, uri
        self.before, _, self.after = text.partition("|")
        self.version = 1
        client.notify("textDocument/didOpen", document(self.before + self.after, uri))

    @property
    def place(self) -> dict[str, Any]:
        line = self.before.count("\n")
        return at(line, len(self.before) - self.before.rfind("\n") - 1, self.uri)

    def ghost(self, *, asked: bool = False, selected: Any = None) -> str | None:
        """Return the ghost text; `asked`, by hand; `selected` (text, characters replaced)."""
        context: dict[str, Any] = {"triggerKind": 1 if asked else 2}
        if selected:
            text, replaced = selected
            end = self.place["position"]
            begin = {**end, "character": end["character"] - replaced}
            context["selectedCompletionInfo"] = {
                "range": {"start": begin, "end": end},
                "text": text,
            }
        params = {**self.place, "context": context}
        items = self.client.ask("textDocument/inlineCompletion", params)["items"]
        return items[0]["insertText"] if items else None

    def popup(self) -> list[dict[str, Any]]:
        items = self.client.ask("textDocument/completion", self.place)["items"]
        return list(items)

    def texts(self) -> list[str]:
        return [item["data"]["text"] for item in self.popup()]

    def type(self, text: str, deleted: int = 0) -> None:
        """Put `text` for the last `deleted` characters before the cursor."""
        end = self.place["position"]
        begin = {**end, "character": end["character"] - deleted}
        self.version += 1
        self.client.change(
            self.uri,
            self.version,
            ((begin["line"], begin["character"]), (end["line"], end["character"])),
            text,
        )
        self.before = self.before[: len(self.before) - deleted] + text

    def reasons(self) -> dict[str, str | None]:
        """Return why each text is not offered here, None for those that are."""
        told = self.client.ask(
            "workspace/executeCommand", {"command": "lstmLsp.explain", "arguments": [self.place]}
        )
        return {one["text"]: one["reason"] for one in told["candidates"]}


@pytest.fixture
def edit(client: Client, folder: Path, request: pytest.FixtureRequest) -> Any:
    """Return a function that opens a text, its cursor written as `|`."""
    name = abs(hash(request.node.nodeid))
    return lambda text: Editor(client, (folder / f"own{name}.py").as_uri(), text)


@pytest.mark.parametrize(
    ("text", "ghost"),
    [
        ("    total = add_v|\n", "alues(first, second)"),  # in a word begun
        ("    total = add_v|alues(first, second)\n", None),  # inside a word
        ("    total = add_values(|)\n", "first, second"),  # the bracket is there already
        ("    total = add_values(first, |)\n", "second"),
        ('    note = "no answer |"\n', "is known"),  # so is the quote
        ("    # the sum is |\n", "what counts here"),
        ("    return find_total(|first, total)\n", None),  # nothing is missing there
        # The next line says it already.
        ("    total = add_values(first, second)|\n    # the sum is what counts here\n", None),
        ("    |\n    total = add_values(first, second)\n", None),
    ],
)
def test_ghost_text_fits_between_what_stands_around_it(
    edit: Any, text: str, ghost: str | None
) -> None:
    assert edit(HEAD + text).ghost() == ghost


def test_the_popup_repeats_neither_itself_nor_what_follows(edit: Any) -> None:
    for text in ("    total = add_values(first, second|)\n", "    total = add_v|\n"):
        editor = edit(HEAD + text)
        found = editor.texts()
        assert len(set(found)) == len(found)
        assert not any(one.startswith(")") for one in found) or not editor.after.startswith(")")


def test_nothing_is_offered_inside_a_word_and_explain_says_so(edit: Any) -> None:
    editor = edit(HEAD + "    total = add_v|alues(first, second)\n")
    assert editor.popup() == []
    assert set(editor.reasons().values()) == {"the cursor is inside a word"}


def test_strings_and_comments_can_be_left_alone(start: Start, folder: Path) -> None:
    client = start(folder=folder, options={"inComments": False, "inStrings": False})
    client.wait(lambda one: one.get("method") == "lstmLsp/status" and one["params"]["indexed"] == 1)
    uri = (folder / "own.py").as_uri()
    for text in ('    note = "no answer |\n', "    # the sum is |\n"):
        editor = Editor(client, uri, HEAD + text)
        assert (editor.ghost(asked=True), editor.popup()) == (None, [])
    assert Editor(client, uri, HEAD + "    total = add_v|\n").ghost() == "alues(first, second)"


def test_a_deletion_is_followed_by_nothing_until_more_is_typed(edit: Any) -> None:
    editor = edit(HEAD + "    total = add_va|\n")
    assert editor.ghost() == "lues(first, second)"
    editor.type("", deleted=1)
    assert editor.ghost() is None
    assert editor.ghost(asked=True) == "alues(first, second)"
    editor.type("a")
    assert editor.ghost() == "lues(first, second)"


def test_ghost_text_goes_on_from_the_selected_item_or_is_none(edit: Any) -> None:
    editor = edit(HEAD + "    total = add|\n")
    chosen = ("add_values", 3)
    assert editor.ghost(selected=chosen) == "add_values(first, second)"
    assert editor.ghost(selected=("address", 3)) in (None, "address")


def test_what_is_typed_along_costs_no_search(edit: Any) -> None:
    editor = edit(HEAD + "    total = a|\n")
    first = editor.popup()[0]["data"]["lstmLsp"]  # answers are numbered as they are begun
    shown = editor.ghost()
    assert shown == "dd_values(first, second)"
    for at_, character in enumerate(shown[:-1], 1):
        editor.type(character)
        assert editor.ghost() == shown[at_:]
    editor.type("", deleted=1)
    assert editor.popup()[0]["data"]["lstmLsp"] == first + 2  # that one, and the first ghost


def test_typing_something_else_ends_what_was_shown(edit: Any) -> None:
    editor = edit(HEAD + "    total = a|\n")
    assert editor.ghost() == "dd_values(first, second)"
    editor.type("x")
    assert editor.ghost() != "d_values(first, second)"


def test_a_block_fills_an_empty_line_and_ends_whole(edit: Any) -> None:
    editor = edit(HEAD + "    total = add_values(first, second)\n    |\n")
    block = editor.ghost()
    assert block is not None
    lines = block.split("\n")
    known = PROJECT.split("\n")
    assert ["    " + lines[0], *lines[1:]] == known[2 : 2 + len(lines)]
    assert len(lines) > 1
