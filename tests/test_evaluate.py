from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lstm_lsp import evaluate, symbols
from lstm_lsp.context import Contexts
from lstm_lsp.evaluate.baselines import Words
from lstm_lsp.evaluate.bits import bits_of
from lstm_lsp.evaluate.measures import (
    Chance,
    Suggestion,
    fitting,
    measure_lines,
    measure_tokens,
    measure_typing,
)
from lstm_lsp.evaluate.picture import at_minima, by_position, precision_and_coverage
from lstm_lsp.evaluate.product import Product, memory_of, view_of
from lstm_lsp.evaluate.report import build
from lstm_lsp.evaluate.runner import sampled_files
from lstm_lsp.evaluate.sampling import Spot, line_spots, token_spots, typed_lines
from lstm_lsp.evaluate.sources import EvaluationError, File, Project, read_projects
from lstm_lsp.evaluate.tally import Tally
from lstm_lsp.memory import TAIL
from lstm_lsp.network import Floats, Model, State
from lstm_lsp.ranking import EVERYTHING

JAVA = """\
/*
 * Copyright the authors, licensed under the Apache License
 */
package a.b;

class Counter {
    private int count = 0; // how many

    int next() {
        count += 1;
        return count;
    }
}
"""
PYTHON = '"""Count."""\n\n\ndef count(words):\n    return len(words)  # é\n'


def project(*texts: str, name: str = "p") -> Project:
    files = tuple(
        File(f"{name}/{number}.py", "python", symbols.normalise(text))
        for number, text in enumerate(texts)
    )
    return Project(name, files)


def at(text: str, offset: int) -> Spot:
    return Spot(File("p/a.py", "python", text), offset)


# Bits


class KnownModel:
    """A model whose next symbol has probability 1/2 when it repeats the last, else 1/510."""

    name = "known"
    context = 64

    def start(self, batch: int = 1) -> State:
        return self._state(None)

    def read(self, text: bytes, state: State) -> State:
        return self._state(text[-1]) if text else state

    def predictions(self, text: bytes, state: State) -> tuple[Floats, State]:
        states = [self._state(symbol) for symbol in text]
        return np.concatenate([known.log_probs for known in states]), states[-1]

    def _state(self, last: int | None) -> State:
        probabilities = np.full((1, 256), 1 / 256 if last is None else 1 / 510, np.float32)
        if last is not None:
            probabilities[0, last] = 1 / 2
        nothing = np.zeros((1, 1, 1), np.float32)
        return State(nothing, nothing, np.log(probabilities))


def test_a_known_distribution_gives_the_known_bits() -> None:
    bits = bits_of(cast(Model, KnownModel()), b"\x02python\x1f\x1e", b"aab\n")
    assert bits == pytest.approx([np.log2(510), 1, np.log2(510), np.log2(510)], rel=1e-5)


@given(st.lists(st.text("ab é", max_size=90), max_size=8), st.data())
@settings(max_examples=30, deadline=None)
def test_bits_are_those_of_the_states_that_answer_requests(
    tiny_model: Model, lines: list[str], data: st.DataObject
) -> None:
    text = symbols.encode("\n".join([*lines, "x"]))
    header = symbols.header("python", "p/a.py")
    offset = data.draw(st.integers(0, len(text) - 1))
    state = Contexts(tiny_model).state(header, text[:offset])
    bits = bits_of(tiny_model, header, text)
    assert bits[offset] == pytest.approx(-state.log_probs[0, text[offset]] / np.log(2), rel=1e-6)


@given(st.text("ab\n", min_size=1), st.text("ab\n"), st.text("cd\n"))
@settings(max_examples=30, deadline=None)
def test_bits_do_not_see_the_future(tiny_model: Model, before: str, one: str, other: str) -> None:
    seen = symbols.encode(before)
    first, second = (
        bits_of(tiny_model, b"", seen + symbols.encode(future))[: len(seen)]
        for future in (one, other)
    )
    assert (first == second).all()


class Doubled:
    """A memory that halves the probability of everything and records what it was shown."""

    def __init__(self) -> None:
        self.views: list[bytes] = []
        self.tails: list[bytes] = []

    def view(self, before: bytes) -> Doubled:
        self.views.append(before)
        return self

    def mix(self, log_probs: Floats, tails: Any) -> Floats:
        self.tails.extend(tails)
        return log_probs - np.float32(np.log(2))


def test_the_memory_behind_a_line_has_seen_the_file_up_to_the_line() -> None:
    memory, text = Doubled(), b"aa\nbb" + b"b" * 100 + b"\nc"
    model = cast(Model, KnownModel())
    assert bits_of(model, b"", text, memory.view) == pytest.approx(bits_of(model, b"", text) + 1)
    assert dict.fromkeys(memory.views) == dict.fromkeys([b"", b"aa\n", text[:-1]])
    assert memory.tails == [text[max(0, end - TAIL) : end] for end in range(len(text))]


# Places


def test_equal_seeds_draw_equal_places_and_other_seeds_others() -> None:
    both = project(PYTHON * 9, PYTHON.upper() * 9)
    for draw in (line_spots, token_spots, typed_lines):
        assert draw(both, 10, 1) == draw(both, 10, 1)
        assert draw(both, 10, 1) != draw(both, 10, 2)
        assert len(set(draw(both, 10, 1))) == 10


def test_places_are_every_one_of_their_kind_and_no_other() -> None:
    java = Project("p", (File("p/A.java", "java", JAVA),))
    (file,) = java.files
    lines = [spot.rest_of_line for spot in typed_lines(java, 1000, 0)]
    assert lines == [line.strip() for line in JAVA.splitlines()[3:] if line.strip()]
    offsets = {spot.offset for spot in line_spots(java, 1000, 0)}
    first = JAVA.index("package")
    assert offsets == {at for at in range(first, len(JAVA)) if not JAVA[at].isspace()}
    tokens = [spot.token for spot in token_spots(java, 1000, 0)]
    code = re.sub(r"//.*", "", JAVA[first:])
    assert tokens == re.findall(r"\w+|\+=|\S", code)
    assert {spot.kind for spot in token_spots(java, 1000, 0) if spot.token == "count"} == {
        "identifier"
    }
    assert file.licence_characters == first


def test_places_are_uniform() -> None:
    text = "a" * 50 + "\n" + "b" * 150 + "\n"
    drawn = [line_spots(project(text, text), 1, seed)[0] for seed in range(400)]
    in_first_file = sum(spot.file.path == "p/0.py" for spot in drawn)
    in_first_line = sum(spot.offset < 50 for spot in drawn)
    assert in_first_file == pytest.approx(200, abs=50)
    assert in_first_line == pytest.approx(100, abs=45)


def test_a_sample_takes_whole_files_until_a_thousand_characters_a_position() -> None:
    many = project(*("x = 1\n" * 100 for _ in range(20)))
    assert len(sampled_files(many, 2, 0)) == 4
    assert sampled_files(many, 2, 0) == sampled_files(many, 2, 0)
    assert sampled_files(many, 2, 0) != sampled_files(many, 2, 1)
    assert sampled_files(many, None, 0) == list(many.files)


# Measures


@dataclass
class Fake:
    """Suggests what `know` returns for the text before a place."""

    know: Callable[[Spot], str]
    asked: list[int] = field(default_factory=list)

    def tokens(self, spot: Spot, count: int) -> list[str]:
        return [*"?!", self.know(spot)][:count]

    def line(self, spot: Spot) -> str:
        return self.know(spot)

    def prepare(self, spot: Spot) -> None:
        self.asked.clear()

    def shown(self, spot: Spot) -> Suggestion | None:
        self.asked.append(spot.offset)
        text = self.know(spot)
        return Suggestion(text, 0.5) if text else None


def test_who_knows_the_text_gets_exact_lines_for_one_key_each() -> None:
    known = project(PYTHON)
    oracle = Fake(lambda spot: spot.rest_of_line)
    lines = measure_lines(oracle, line_spots(known, 20, 0)).report()["line"]
    assert lines == {"n": 20, "exact_match": 1.0, "edit_similarity": 100.0}
    spots = typed_lines(known, 3, 0)
    typed = measure_typing(oracle, spots)
    assert (typed.keys, typed.shown, typed.accepted) == (3, 3, 3)
    assert typed.typed == sum(len(spot.rest_of_line) for spot in spots)
    saved = typed.report()["typing"]["keystrokes_saved"]
    assert saved == pytest.approx(1 - 3 / typed.typed)


def test_who_knows_nothing_saves_nothing() -> None:
    silent = Fake(lambda spot: "")
    typed = measure_typing(silent, [at("count = 1\n", 0)])
    assert (typed.keys, typed.typed, typed.shown) == (9, 9, 0)
    assert typed.report()["typing"]["precision"] is None
    lines = measure_lines(silent, [at("count = 1\n", 0)])
    assert (lines.lines, lines.lines_right, lines.edit_similarity) == (1, 0, 0)


def test_exact_match_ignores_white_space_and_edit_similarity_does_not() -> None:
    lines = measure_lines(Fake(lambda spot: "x  = 1 "), [at("x = 1\n", 0)])
    assert lines.lines_right == 1
    assert 80 < lines.edit_similarity < 100


def test_ranks() -> None:
    class Ranked(Fake):
        def tokens(self, spot: Spot, count: int) -> list[str]:
            return [f"{number}" for number in range(20)][:count]

    one = project("\n".join(map(str, range(12))))
    ranks = measure_tokens(Ranked(lambda spot: ""), token_spots(one, 12, 0)).report()["next_token"]
    assert (ranks["n"], ranks["top1"], ranks["top5"]) == (12, 1 / 12, 5 / 12)
    assert ranks["mrr10"] == pytest.approx(sum(1 / rank for rank in range(1, 11)) / 12)
    assert ranks["identifiers"] == {"n": None, "top1": None, "top5": None, "mrr10": None}


@pytest.mark.parametrize(
    ("suggested", "following", "taken"),
    [
        ("count", "count = 1", 5),
        ("count", "counter = 1", 0),
        ("count = 2", "count = 1", 5),
        (" = 1", " = 1", 4),
        (" + 1", " = 1", 0),
        ("(words)", "(words).sort()", 7),
        ("s.append(x)", "s.extend(x)", 1),
        ("", "count", 0),
        ("x)\n    return", "x)\n", 1),
    ],
)
def test_what_of_a_suggestion_is_taken(suggested: str, following: str, taken: int) -> None:
    assert fitting(suggested, following) == taken


def test_a_right_block_is_taken_for_one_key() -> None:
    text = "def f():\n    return 1\nx = 2\n"
    whole = "def f():\n    return 1"
    typed = measure_typing(Fake(lambda spot: whole[spot.offset :]), [at(text, 0)])
    assert (typed.keys, typed.typed, typed.accepted) == (1, len("def f():return 1"), 1)


def test_a_suggestion_that_stays_is_shown_once() -> None:
    belief = "alpha beta delta"
    stubborn = Fake(lambda spot: belief.removeprefix(spot.before) if spot.before in belief else "")
    typed = measure_typing(stubborn, [at("alpha beta gamma\n", 0)])
    # "alpha" and " beta" cost a key each, " gamma" six: " delta" is one and the same.
    assert (typed.keys, typed.shown, typed.accepted) == (2 + 6, 1, 1)


@given(st.text("ab ()=\n", min_size=1), st.text("cd\n"), st.integers(0, 30))
@settings(max_examples=50, deadline=None)
def test_measures_show_a_suggester_only_what_stands_before(
    text: str, future: str, offset: int
) -> None:
    offset = min(offset, len(text))
    assert at(text, offset).before == at(text[:offset] + future, offset).before


@pytest.mark.parametrize("memory", ["file", "project"])
def test_a_file_never_informs_its_own_future(tiny_model: Model, memory: Any) -> None:
    now = "alpha = 1\nalpine = 2\nprint(al"
    answers = []
    for future in ("", "ine)\nalpine = alpine\n" * 9):
        known = project(now + future, "alto = 3\n")
        learned = memory_of(tiny_model, known, memory)
        product = Product(tiny_model, learned, settings=EVERYTHING)
        spot = Spot(known.files[0], len(now))
        bits = bits_of(tiny_model, b"", now.encode(), view_of(learned, known.files[0]))
        answers.append((product.tokens(spot, 10), product.line(spot), bits.tolist()))
    assert answers[0] == answers[1]
    assert answers[0][0]


# The baseline


def test_words_are_ranked_by_recency_and_frequency() -> None:
    text = "alpha alpha alto beta al"
    assert Words().tokens(at(text, len(text)), 5) == ["pha", "to"]
    recent = "alto " + "word " * 400 + "alpha al"
    often = "alto " * 9 + "word " * 20 + "alpha al"
    assert Words().tokens(at(recent, len(recent)), 5) == ["pha", "to"]
    assert Words().tokens(at(often, len(often)), 5) == ["to", "pha"]


def test_words_are_shown_from_their_first_letter_on_and_know_no_future() -> None:
    text = "alpha = a + 1; alright"
    assert Words().shown(at(text, text.index("=") + 2)) is None
    assert Words().shown(at(text, text.index("=") + 3)) == Suggestion("lpha")


def test_words_of_the_project_follow_those_of_the_buffer() -> None:
    two = project("alpha = 1\nal", "alto = alto\nalto = alpine")
    spot = Spot(two.files[0], len(two.files[0].text))
    assert Words(two).tokens(spot, 5) == ["pha", "to", "pine"]


# The report


MEASURES = {
    "model": None,
    "memory": None,
    "files": None,
    "characters": None,
    "bits_per_character": None,
    "bits_per_character_without_licence": None,
    "next_token": {
        **dict.fromkeys(("n", "top1", "top5", "mrr10")),
        "identifiers": dict.fromkeys(("n", "top1", "top5", "mrr10")),
    },
    "line": dict.fromkeys(("n", "exact_match", "edit_similarity")),
    "typing": dict.fromkeys(("keystrokes_saved", "shown", "accepted", "precision")),
    "latency_ms": dict.fromkeys(("p50", "p95")),
}


def keys(report: Any) -> Any:
    if not isinstance(report, dict):
        return None
    return {key: keys(value) for key, value in report.items()}


def assert_form(report: dict[str, Any], projects: list[str]) -> None:
    assert keys(report) == MEASURES | {
        "minima": None,
        "languages": {"java": MEASURES, "python": MEASURES},
        "projects": dict.fromkeys(projects, MEASURES),
    }


def test_the_report_has_every_key_when_nothing_was_measured() -> None:
    report = build("m", "none", {("p", "python"): Tally()})
    assert_form(report, ["p"])
    assert report["bits_per_character"] is None
    assert "-" in evaluate.show(report)


def test_the_whole_is_the_sum_of_its_parts() -> None:
    parts = {
        ("p", "java"): Tally(files=1, characters=100, bits=50.0),
        ("p", "python"): Tally(files=2, characters=300, bits=450.0),
        ("q", "python"): Tally(files=1, characters=100, bits=100.0),
    }
    report = build("m", "none", parts)
    assert (report["files"], report["bits_per_character"]) == (4, 600 / 500)
    assert report["languages"]["python"]["bits_per_character"] == 550 / 400
    assert report["projects"]["p"]["bits_per_character"] == 500 / 400


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "shop"
    (root / "src").mkdir(parents=True)
    (root / "src" / "Counter.java").write_text(JAVA)
    (root / "count.py").write_bytes(PYTHON.replace("\n", "\r\n").encode())
    (root / "notes.txt").write_text("not source")
    return root


@pytest.mark.parametrize("memory", ["none", "file", "project"])
def test_a_project_is_evaluated_whole(folder: Path, tiny_model: Model, memory: Any) -> None:
    report = evaluate.run(
        [folder], memory=memory, sample=2, seed=3, model=tiny_model, progress=False
    )
    assert_form(report, ["shop"])
    assert report["files"] == 2
    assert report["characters"] == len(symbols.encode(JAVA)) + len(symbols.encode(PYTHON))
    assert report["memory"] == memory
    assert report["languages"]["java"]["files"] == 1
    assert report["next_token"]["n"] == report["line"]["n"] == 2
    assert report["projects"]["shop"]["bits_per_character"] == report["bits_per_character"]
    json.dumps(report)
    again = evaluate.run(
        [folder], memory=memory, sample=2, seed=3, model=tiny_model, progress=False
    )
    assert _untimed(again) == _untimed(report)


def _untimed(report: Any) -> Any:
    if not isinstance(report, dict):
        return report
    return {key: _untimed(value) for key, value in report.items() if key != "latency_ms"}


def test_one_file_is_a_project_without_path_and_neighbours(folder: Path) -> None:
    (alone,) = read_projects([folder / "count.py"])
    assert (alone.name, [file.path for file in alone.files]) == ("count.py", [""])
    (whole,) = read_projects([folder])
    assert [file.path for file in whole.files] == ["shop/count.py", "shop/src/Counter.java"]
    assert whole.files[0].text == PYTHON


def test_what_cannot_be_evaluated_is_one_clear_error(folder: Path, tiny_model: Model) -> None:
    with pytest.raises(EvaluationError, match="cannot read"):
        read_projects([folder / "missing"])
    with pytest.raises(EvaluationError, match="no Java or Python"):
        read_projects([folder / "notes.txt"])
    with pytest.raises(EvaluationError, match="choose none, file or project"):
        evaluate.run([folder], memory=cast(Any, "all"), model=tiny_model, progress=False)
    with pytest.raises(EvaluationError, match="at least 1"):
        evaluate.run([folder], sample=0, model=tiny_model, progress=False)
    with pytest.raises(EvaluationError, match="there is no folder"):
        evaluate.run([folder], model=tiny_model, progress=False, report=folder / "no" / "a.png")


# The picture


def test_bits_by_position_are_means_of_bins_that_double() -> None:
    files = [np.full(200, 1.0), np.concatenate([np.full(128, 3.0), np.full(272, 2.0)])]
    assert list(by_position(files)) == [
        (64, 2.0),
        (192, pytest.approx((72 * 1 + 128 * 2) / 200)),
        (384, 2.0),
    ]


def test_precision_and_coverage_at_falling_thresholds() -> None:
    offered = [Chance(0.9, True), Chance(0.5, True), Chance(0.5, False), Chance(0.0, False)]
    thresholds, precision, coverage = precision_and_coverage(offered)
    assert thresholds.tolist() == [0.9, 0.5]
    assert precision == pytest.approx([1, 2 / 3])
    assert coverage == pytest.approx([1 / 4, 3 / 4])
    by_minimum = {row["minimum"]: row for row in at_minima(offered)}
    assert by_minimum[0.5] == {"minimum": 0.5, "precision": 2 / 3, "coverage": 3 / 4}
    assert by_minimum[0.95] == {"minimum": 0.95, "precision": None, "coverage": 0}


@pytest.mark.slow
def test_a_picture_is_drawn_when_asked_for(folder: Path, tiny_model: Model) -> None:
    target = folder / "report.png"
    found = evaluate.run([folder], sample=1, model=tiny_model, progress=False, report=target)
    assert set(found["minima"]) == {"token", "line", "block"}
    coverages = [row["coverage"] for row in found["minima"]["token"]]
    assert coverages == sorted(coverages, reverse=True)
    assert target.read_bytes().startswith(b"\x89PNG")
