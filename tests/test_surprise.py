"""Surprise: the evaluator's bits, places by class, alternatives that parse; the command."""

import json
from functools import partial
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lstm_lsp import edits, lexis, places, surprise, suspicion, symbols
from lstm_lsp.cli import main
from lstm_lsp.evaluate.bits import bits_of
from lstm_lsp.memory import ProjectMemory
from lstm_lsp.network import Model
from lstm_lsp.surprise import Reading

PYTHON = '''\
def total(values, limit):
    """Add up."""
    result = 0
    for value in values:
        if value < limit:
            result += int(value)
    return result
'''
JAVA = """\
int total(int[] values, int limit) {
    int result = 0; // so far
    for (int value : values) {
        if (value < limit) { result += value; }
    }
    return result;
}
"""
HEADER = symbols.header("python", "p/a.py")


@pytest.fixture(scope="module")
def memory() -> ProjectMemory:
    """Return a memory that has seen both texts often enough to expect them."""
    known = ProjectMemory()
    for copy in range(8):
        known.set_file(f"p/{copy}.py", PYTHON.encode())
        known.set_file(f"p/{copy}.java", JAVA.encode())
    return known


def reading(model: Model, memory: ProjectMemory, text: str, language: str = "python") -> Reading:
    view = partial(memory.view, "p/new")
    return surprise.read(model, HEADER, text, language, view=view)


@pytest.mark.parametrize("text", ["", PYTHON, PYTHON * 4 + "é = 'ü'\n", "x" * 700])
def test_bits_are_those_of_the_evaluation(
    tiny_model: Model, memory: ProjectMemory, text: str
) -> None:
    alone = surprise.read(tiny_model, HEADER, text, "python")
    np.testing.assert_array_equal(alone.bits, bits_of(tiny_model, HEADER, text.encode()))
    view = partial(memory.view, "p/new")
    mixed = surprise.read(tiny_model, HEADER, text, "python", view=view)
    np.testing.assert_allclose(mixed.bits, bits_of(tiny_model, HEADER, text.encode(), view))


@settings(max_examples=10)
@given(at=st.integers(0, len(PYTHON) * 4 - 1), length=st.integers(1, 30))
def test_a_place_read_again_costs_what_it_cost(tiny_model: Model, at: int, length: int) -> None:
    read = surprise.read(tiny_model, HEADER, PYTHON * 4, "python")
    end = min(at + length, len(PYTHON) * 4)
    if (at // 256) != (end - 1) // 256:  # the window's start moves there
        return
    texts = [read.text[at:end].encode(), b"?", b""]
    costs = read.costs(at, texts)
    assert costs[0] == pytest.approx(read.bits_of(at, end), rel=1e-6)
    assert costs[2] == 0


def test_a_hopeless_alternative_is_given_up(tiny_model: Model, memory: ProjectMemory) -> None:
    read = reading(tiny_model, memory, PYTHON)
    at = PYTHON.index("value in values")
    right, wrong = read.costs(at, [PYTHON[at : at + 20].encode(), b"@@@@@@@@@@@@@@@"])
    assert right < 20
    assert wrong == np.inf


def test_every_character_of_code_is_in_one_place(tiny_model: Model) -> None:
    text = PYTHON + "if x:\n\n\ty = 'two words'  # and a comment\n   \n"
    found = sorted(
        places.places(surprise.read(tiny_model, HEADER, text, "python")),
        key=lambda one: (one.start, one.end),
    )
    for before, after in pairwise(found):
        assert before.end <= after.start
    covered = "".join(text[place.start : place.end] for place in found)
    left_out = "".join(
        text[token.start : token.end]
        for token in lexis.tokens(text, "python")
        if token.kind in ("string", "comment")
    )
    assert len(covered) >= len(text) - len(left_out)
    kinds = {text[place.start : place.end]: place.kind for place in found}
    assert kinds["two"] == "string"
    assert kinds["comment"] == "comment"
    assert kinds["return"] == "keyword"
    assert kinds["\t"] == "indentation"


def test_the_most_surprising_is_first_and_what_was_expected_is_told(
    tiny_model: Model, memory: ProjectMemory
) -> None:
    read = reading(tiny_model, memory, PYTHON.replace("return result", "return valueless"))
    found = places.places(read)
    scores = [place.score for place in found]
    assert scores == sorted(scores, reverse=True)
    # The name itself, and the line end after it, which never followed it.
    name = next(at for at in found[:2] if read.text[at.start : at.end] == "valueless")
    assert places.expected(read, name)[0].text == "result"


def test_an_interrupted_search_finds_the_same(tiny_model: Model, memory: ProjectMemory) -> None:
    read = reading(tiny_model, memory, PYTHON.replace("int(value)", "int(value"))
    polled = 0

    def interrupted() -> bool:
        nonlocal polled
        polled += 1
        return polled % 97 == 0

    steps = suspicion.slices(read, interrupted)
    assert surprise.finished(steps) == suspicion.suspects(read) != []
    assert polled > 97


@pytest.mark.parametrize(
    ("language", "fault", "right"),
    [
        ("python", "int(value\n", "int(value)\n"),
        ("python", "if value > limit", "if value < limit"),
        ("python", "    return limit", "    return result"),
        ("python", "            return result", "    return result"),
        ("java", "if (value < limit {", "if (value < limit) {"),
        ("java", "int result + 0", "int result = 0"),
        ("java", "return limit;", "return result;"),
    ],
)
def test_the_fix_of_a_single_fault_is_found(
    tiny_model: Model, memory: ProjectMemory, language: str, fault: str, right: str
) -> None:
    clean = PYTHON if language == "python" else JAVA
    assert right in clean
    faulty = clean.replace(right, fault)
    best = suspicion.suspects(reading(tiny_model, memory, faulty, language))[0]
    assert suspicion.edited(faulty, best) == clean
    assert best.clear
    assert best.repairs is not suspicion.parses(faulty, language)[0]


@pytest.mark.parametrize(("language", "clean"), [("python", PYTHON), ("java", JAVA)])
def test_text_as_usual_is_not_suspected(
    tiny_model: Model, memory: ProjectMemory, language: str, clean: str
) -> None:
    read = reading(tiny_model, memory, clean, language)
    assert suspicion.suspects(read) == []
    assert not any(one.clear for one in suspicion.suspects(read, clear=False))


def test_no_edit_is_proposed_that_does_not_parse(tiny_model: Model, memory: ProjectMemory) -> None:
    twice_broken = PYTHON.replace("limit):", "limit:").replace("values:", "values")
    assert suspicion.suspects(reading(tiny_model, memory, twice_broken)) == []


@pytest.mark.parametrize(
    ("language", "text", "verdict"),
    [
        ("python", "x = (1)\n", (True, None)),
        ("python", "x = 1\ny = (1\n", (False, 2)),
        ("python", "x = '\\d'\n", (True, None)),
        ("python", "\0", (False, None)),
        ("java", "f(a[0]) { '(' \"[\" /* { */ }", (True, None)),
        ("java", "f(a[0)]", (False, 1)),
        ("java", "{\n{\n}\n", (False, None)),
        ("java", "}\n", (False, 1)),
    ],
)
def test_what_parses(language: str, text: str, verdict: tuple[bool, int | None]) -> None:
    assert suspicion.parses(text, language) == verdict


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (suspicion.Suspect("put in", 3, 3, ")", 9, 3, True), "is ')' missing here?"),
        (suspicion.Suspect("operator", 2, 3, "<", 9, 7, False), "'<' rather than '='?"),
        (suspicion.Suspect("removed", 2, 3, "", 9, 7, False), "is '=' too much here?"),
        (
            suspicion.Suspect("indentation", 0, 0, "    ", 9, 7, False),
            "indented by 4 rather than 0?",
        ),
    ],
)
def test_a_suspect_says_what_it_means(edit: suspicion.Suspect, message: str) -> None:
    assert suspicion.message("x = 1", edit) == message


def test_the_command_lists_places_and_suspects(
    tiny_model_path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for copy in range(8):
        (tmp_path / f"known{copy}.py").write_text(PYTHON)
    file = tmp_path / "faulty.py"
    file.write_text(PYTHON.replace("int(value)", "int(value"))
    arguments = ["surprise", str(file), "--model", str(tiny_model_path), "--count", "3"]
    arguments += ["--project", str(tmp_path)]
    assert main([*arguments, "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert len(report["places"]) == 3
    assert [place["score"] for place in report["places"]] == sorted(
        (place["score"] for place in report["places"]), reverse=True
    )
    assert (report["suspects"][0]["line"], report["suspects"][0]["instead"]) == (6, ")")
    assert main(arguments) == 0
    shown = capsys.readouterr().out.splitlines()
    assert len(shown) == 3 + len(report["suspects"])
    assert shown[-1].startswith(f"{file}:6:")


def test_what_is_usual_is_the_models_own(
    tiny_model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    reading = surprise.read(tiny_model, HEADER, "x = 1\n", "python")
    before = {place.kind: place for place in places.places(reading)}
    for kind, place in before.items():
        mean, deviation = places.USUAL[kind]
        assert place.score == pytest.approx((place.bits - mean) / deviation)
    card = tiny_model.card | {"surprise": {"usual": {"operator": [1.0, 0.5]}}}
    monkeypatch.setattr(tiny_model, "card", card)
    after = {place.kind: place for place in places.places(reading)}
    operator = after.pop("operator")
    assert operator.score == pytest.approx((operator.bits - 1.0) / 0.5)
    assert after == {kind: place for kind, place in before.items() if kind != "operator"}


def test_what_an_edit_must_save_is_the_models_own(
    tiny_model: Model, memory: ProjectMemory, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = reading(tiny_model, memory, PYTHON.replace("value < limit", "value > limit"))
    (found,) = suspicion.suspects(wrong)
    assert (found.sort, found.instead) == ("operator", "<")
    assert found.least == suspicion.REPLACES["operator"] <= found.saved
    for asked, shown in ((0.1, True), (found.saved, True), (found.saved + 0.1, False)):
        card = tiny_model.card | {"surprise": {"replaces": {"operator": asked}}}
        monkeypatch.setattr(tiny_model, "card", card)
        assert (found.start in {one.start for one in suspicion.suspects(wrong)}) is shown


def test_an_indentations_bits_include_that_it_ends(
    tiny_model: Model, memory: ProjectMemory
) -> None:
    read = reading(tiny_model, memory, PYTHON)
    found = [place for place in places.places(read) if place.kind == "indentation"]
    assert len(found) == PYTHON.count("\n")
    for place in found:
        assert place.bits == pytest.approx(read.bits_of(place.start, place.end + 1))


def test_nothing_is_tried_beside_a_comment(tiny_model: Model, memory: ProjectMemory) -> None:
    read = reading(tiny_model, memory, JAVA, "java")
    comments = {at for one in read.tokens if one.kind == "comment" for at in one[1:]}
    beside = [one for one in places.places(read) if {one.start, one.end} & comments]
    assert {one.kind for one in beside} >= {"space", "line end"}
    assert not any(suspicion._may_be_wrong(read, one, comments) for one in beside)


@pytest.mark.parametrize(
    ("before", "tried"),
    [
        ("if x:\n  y\n", ["  ", "", "    "]),
        ("if x:\n    y\n", ["    ", "", "        "]),
        ("if x:\n\ty\n", ["\t", "", "\t\t"]),
    ],
)
def test_indentations_are_those_before_and_a_step_either_way(before: str, tried: list[str]) -> None:
    assert edits._indentations(before, len(before)) == tried
