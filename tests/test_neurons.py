"""Attributes by hand and by property; units that were planted are found, and what they are for."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lstm_lsp import symbols
from lstm_lsp.card import Architecture
from lstm_lsp.cli import main
from lstm_lsp.explore import ablation, command, lanes, probes, scores, view
from lstm_lsp.explore.attributes import ATTRIBUTES, attributes, concerned
from lstm_lsp.explore.distance import bits_per_symbol
from lstm_lsp.explore.methods import methods
from lstm_lsp.explore.neurons import NeuronsError, find
from lstm_lsp.explore.recorder import Held, fold, log_probs, record
from lstm_lsp.explore.sample import Source, halves
from lstm_lsp.explore.weights import Weights, untrained

JAVA = """\
/* Copyright me. */
package a;

import java.util.List;

class A {
    /** Says. */
    @Test(expected = X.class)
    static <T extends B> String say(int[] a) {
        if (a[0] > 1) {
            return "a\\"b" + f(g('c'));  // why
        }
        Runnable r = new Runnable() {
            public void run() {
                go();
            }
        };
        return null;
    }

    A() { go(); }

    int[] all() { return x; }
}
"""

PYTHON = '''\
#!/bin/sh
# Licence: mine
"""Docs."""

from a import (b,
               c)

def some_name(x):
    """More."""
    Camel = {'k': MAX_SIZE,
        "l": camelCase}
    return (x,
        y)
'''


def where(text: str, language: str, name: str) -> str:
    """Return the characters of a text at which a flag is up, runs parted by a bar."""
    up = np.nan_to_num(attributes(text, language)[name]) > 0
    shown = (c if flag else "|" for c, flag in zip(text, up, strict=True))
    return "|".join(part for part in "".join(shown).split("|") if part)


def value(text: str, language: str, name: str, after: str) -> float:
    """Return an attribute right after the first `after` was read."""
    return float(attributes(text, language)[name][text.index(after) + len(after) - 1])


def test_strings_and_comments_are_inside_from_their_opening_to_before_their_end() -> None:
    assert where(JAVA, "java", "string") == '"a\\"b|\'c'
    assert where(JAVA, "java", "comment") == "* Copyright me. *|** Says. *|/ why"
    assert where(JAVA, "java", "documentation") == "** Says. *"
    assert where(PYTHON, "python", "string") == "'k|\"l"
    assert where(PYTHON, "python", "documentation") == '"Docs.""|"More.""'
    assert where(PYTHON, "python", "comment") == "#!/bin/sh|# Licence: mine"


def test_licences_imports_returns_and_assignments() -> None:
    assert where(JAVA, "java", "licence") == "/* Copyright me. */"
    assert where(JAVA, "java", "import") == "import java.util.List"
    assert where(JAVA, "java", "return").split("|")[1:] == ["return null", "return x"]
    assert where(JAVA, "java", "assignment").startswith("= X.class|= new Runnable() {\n")
    assert where(JAVA, "java", "assignment").endswith("        }")
    assert where(PYTHON, "python", "import") == "from a import (b,\n               c)"
    assert where(PYTHON, "python", "return") == "return (x,\n        y)"
    assert where(PYTHON, "python", "assignment") == "= {'k': MAX_SIZE,\n        \"l\": camelCase}"


def test_depths_and_indentation() -> None:
    assert value(JAVA, "java", "curly", "class A {") == 1
    assert value(JAVA, "java", "curly", "public void run() {") == 4
    assert value(JAVA, "java", "round", "f(g('c'") == 2
    assert value(JAVA, "java", "square", "a[0") == 1
    assert value(JAVA, "java", "brackets", "a[0") == 4
    assert value(JAVA, "java", "indentation", "go()") == 4
    assert value(JAVA, "java", "indentation", "return x") == 1
    assert value(JAVA, "java", "column", "    return") == 18
    assert value("a\n\tb\n\t\tc", "text", "indentation", "c") == 2
    left = attributes(JAVA, "java")["spaces-left"]
    at = JAVA.index("\n        return null")
    assert left[at : at + 9].tolist() == [8, 7, 6, 5, 4, 3, 2, 1, 0]
    assert np.isnan(left[at + 9])
    assert np.isnan(left[JAVA.index("\n\n")])


def test_the_case_of_names() -> None:
    assert where(PYTHON, "python", "snake-case") == "some_name"
    assert where(PYTHON, "python", "constant-case") == "MAX_SIZE"
    assert where(PYTHON, "python", "camel-case") == "camelCase"
    assert where(PYTHON, "python", "capitalised") == "Camel"
    assert value(PYTHON, "python", "name-length", "some_n") == 6
    assert np.isnan(value(PYTHON, "python", "snake-case", "def "))


def test_methods_and_what_they_return() -> None:
    found = [(body.returns, JAVA[body.start : body.end].split()[1]) for body in methods(JAVA)]
    assert found == [
        (None, "/**"),  # the class
        ("text", "if"),
        (None, "public"),  # the anonymous class
        ("void", "go();"),
        (None, "go();"),  # the constructor
        ("array", "return"),
    ]
    assert value(JAVA, "java", "returns-text", "return null") == 1
    assert value(JAVA, "java", "returns-void", "go(") == 1
    assert np.isnan(value(JAVA, "java", "returns-void", "A() { go"))
    assert np.isnan(value(JAVA, "java", "returns-void", "package"))


def test_the_next_character_is_that() -> None:
    found = attributes("ab\nC d", "text")
    assert found["newline-next"].tolist() == [0, 1, 0, 0, 0, 0]
    assert found["capital-next"].tolist() == [0, 0, 1, 0, 0, 0]
    assert found["space-next"].tolist() == [0, 0, 0, 1, 0, 0]


@given(
    st.text("ab_C \n\t(){}[];'\"#/*=é\U0001f600@", max_size=80)
    | st.lists(st.sampled_from(JAVA.split(" ") + PYTHON.split("\n"))).map(" ".join),
    st.sampled_from(["java", "python", "text"]),
)
def test_every_symbol_of_any_text_has_every_attribute(text: str, language: str) -> None:
    read = symbols.encode(text)
    found = attributes(text, language)
    assert list(found) == [n for n, a in ATTRIBUTES.items() if language in a.languages]
    for name, values in found.items():
        assert values.shape == (len(read),)
        if ATTRIBUTES[name].kind == "flag":
            assert set(values[~np.isnan(values)].tolist()) <= {0, 1}
        else:
            assert not (values < 0).any()
        assert not concerned(name, values, read)[-1:].any()
    assert all((c == 0) == (s == ord("\n")) for c, s in zip(found["column"], read, strict=True))
    both = found["spaces"] + found["spaces-left"]  # constant within an indentation
    inside = ~np.isnan(both[1:]) & (found["spaces"][1:] > 0) & ~np.isnan(both[:-1])
    assert (both[1:] == both[:-1])[inside].all()


def test_what_an_attribute_concerns() -> None:
    def next_ones(name: str) -> str:
        values = attributes(JAVA, "java")[name]
        read = JAVA.encode()
        return "".join(JAVA[at + 1] for at in np.flatnonzero(concerned(name, values, read)))

    assert next_ones("square") == "]]]"
    assert set(next_ones("column")) == {"\n"}
    assert next_ones("import") == "mport java.util.List;"
    assert next_ones("indentation").startswith("p\ni\nc    /    @    s        i")


def test_partial_correlation_takes_the_characters_away() -> None:
    random = np.random.default_rng(0)
    character = random.integers(0, 5, 4000)
    beyond = random.normal(size=4000)
    attribute = character * 10 + beyond
    units = np.stack([character + random.normal(size=4000), beyond], axis=1)
    plain = scores.correlation(units, attribute)
    partial = scores.partial_correlation(units, attribute, character)
    assert plain[0] > 0.7
    assert plain[1] < 0.2
    assert abs(partial[0]) < 0.1
    assert partial[1] > 0.99


def test_information_sees_what_correlation_does_not() -> None:
    random = np.random.default_rng(0)
    unit = random.normal(size=5000)
    bent = (np.abs(unit) > np.median(np.abs(unit))).astype(float)
    assert abs(scores.correlation(unit[:, None], bent)[0]) < 0.1
    assert scores.mutual_information(unit[:, None], bent)[0] > 0.8
    assert scores.mutual_information(random.normal(size=(5000, 1)), bent)[0] < 0.01


@pytest.mark.parametrize("flag", [False, True])
def test_chance_is_what_the_tracks_of_other_files_give(flag: bool) -> None:
    random = np.random.default_rng(1)
    files = np.repeat(np.arange(8), 250)
    # Long runs: shuffling single places would make a score of any size significant.
    track = np.repeat(random.integers(0, 2, 40), 50).astype(float)
    unrelated = np.repeat(random.integers(0, 2, 40), 50).astype(float)
    unrelated += random.normal(0, 0.1, 2000)
    assert abs(scores.correlation(unrelated[:, None], track)[0]) > 0.1
    assert scores.chance(unrelated[:, None], track, files, flag=flag, times=200)[0] > 0.05
    related = track + random.normal(0, 0.5, 2000)
    assert scores.chance(related[:, None], track, files, flag=flag, times=200)[0] == 1 / 201


@given(st.lists(st.integers(1, 9), min_size=1, max_size=6), st.integers(0, 99))
def test_a_rearrangement_gives_every_file_the_track_of_one_file(
    sizes: list[int], seed: int
) -> None:
    files = np.repeat(np.arange(len(sizes)), sizes)
    for track in scores.rearrangements(files * 100.0, files, 3, seed):
        dealt = [set(track[files == n]) for n in range(len(sizes))]
        assert all(len(of) == 1 for of in dealt)
        assert set.union(*dealt) == {n * 100.0 for n in range(len(sizes))}


def test_a_probe_finds_what_several_units_hold_together() -> None:
    random = np.random.default_rng(2)
    units = random.normal(size=(3000, 12)).astype(np.float32)
    number = (units[:, 3] + units[:, 7] - units[:, 9]).astype(np.float64)
    half = np.arange(3000) < 1500

    def curve(answers: np.ndarray, *, flag: bool) -> dict[int, float]:
        return probes.curve(
            units[half], answers[half], units[~half], answers[~half], flag=flag, sizes=(1, 2, 3)
        )

    found = curve(number, flag=False)
    assert found[1] < 0.5 < found[2] < 0.8
    assert found[3] > 0.999
    found = curve((number > 0).astype(np.float64), flag=True)
    assert found[1] < found[2] < 0.99 < found[3]
    assert set(probes.pursue(units, number, 3)) == {3, 7, 9}


@pytest.mark.parametrize(
    ("cell", "output"),
    [("lstm", "last"), ("peephole", "last"), ("gru", "last"), ("rnn", "last"), ("lstm", "all")],
)
def test_lanes_are_what_the_recorder_says(cell: str, output: str) -> None:
    weights = untrained(Architecture(2, 6, 5, cell, output), 0)
    texts = [JAVA.encode()[:90], PYTHON.encode()[:70]]
    cut = [lanes.Lane(n, 3, text, 3) for n, text in enumerate(texts)]
    places = [np.array([0, 5, 40]), np.array([1, 66])]
    held = Held(1, 4, "hidden", 0.7)
    bits = list(lanes.bits(weights, cut, [None, held]))
    found = list(lanes.states(weights, cut, places))
    for text, at, states, n in zip(texts, places, found, (0, 1), strict=True):
        trace = record(weights, text)
        for layer in (0, 1):
            for kind, values in states.items():
                expected = trace.layers[layer][kind][3 + at]
                np.testing.assert_allclose(
                    values[:, layer * 6 : layer * 6 + 6], expected, atol=1e-5
                )
        start = sum(len(other) - 3 for other in texts[:n])
        alone = bits[0][start : start + len(text) - 3]
        without = bits[1][start : start + len(text) - 3]
        assert alone.mean() == pytest.approx(bits_per_symbol(trace.log_probs[2:], text[2:]), 1e-4)
        states_held = fold(weights, text, held=[held])
        predicted = log_probs(weights, states_held.hidden)
        assert without.mean() == pytest.approx(bits_per_symbol(predicted[2:], text[2:]), 1e-4)
    assert ("cell" in found[0]) == (cell in ("lstm", "peephole"))


@given(st.integers(0, 2000), st.integers(1, 300), st.integers(1, 300))
def test_lanes_count_every_symbol_once(size: int, length: int, context: int) -> None:
    text = (JAVA.encode() * 5)[:size]
    cut = lanes.cut(0, b"\x02java\x1f\x1e", text, length, context)
    assert b"".join(lane.symbols[lane.skip :] for lane in cut) == text
    assert all(lane.symbols.startswith(b"\x02java\x1f\x1e") for lane in cut)


def test_each_language_is_halved_by_files() -> None:
    sources = [
        Source(f"{n}", language, b"", "") for n in range(4) for language in ("java", "python")
    ]
    first, second = halves(sources)
    assert sorted(first + second) == list(range(8))
    assert not set(first) & set(second)
    assert [sum(sources[n].language == "java" for n in half) for half in (first, second)] == [2, 2]


def planted() -> Weights:
    """Return an untrained network with two units that count open round brackets.

    Unit 1:4 says that one may close; the output hears nothing of unit 1:9.
    """
    weights = untrained(Architecture(layers=1, units=16, embedding=8), 0)
    layer, embedding, output = weights.layers[0], weights.embedding, weights.output
    embedding[:, 0] = 0
    embedding[ord("("), 0], embedding[ord(")"), 0] = 1, -1
    for unit in (3, 8):
        rows = [gate * 16 + unit for gate in range(4)]
        layer.input[rows] = layer.recurrent[rows] = 0
        layer.input_bias[rows] = [20, 20, 0, 20]  # i, f and o open; g from the symbol alone
        layer.input[2 * 16 + unit, 0] = 0.3
        layer.recurrent[:, unit] = 0
        output[:, unit] = 0
    layer.input[2 * 16 + 8] += 0.004  # so that 1:4 counts better
    output[ord(")"), 3] = 8
    return replace(weights, output_bias=weights.output_bias)


def nested(seed: int) -> str:
    """Return lines of calls in calls."""
    random = np.random.default_rng(seed)
    lines = []
    for _ in range(25):
        depth, line = 0, "    "
        while len(line) < 40:
            draw = random.random()
            if draw < 0.25:
                depth, line = depth + 1, line + "("
            elif draw < 0.5 and depth:
                depth, line = depth - 1, line + ")"
            else:
                line += "abcdef"[random.integers(6)]
        lines.append(line + ")" * depth + ";")
    return "\n".join(lines) + "\n"


@pytest.fixture(scope="module")
def nests() -> list[Source]:
    return [Source(f"{n}.java", "java", symbols.header("java"), nested(n)) for n in range(4)]


def test_a_planted_unit_is_found_and_its_use_is_told_from_correlation(
    nests: list[Source],
) -> None:
    (answer,) = find(planted(), nests, 1024, attribute="round", best=3, ablated=2)
    first, second = answer.findings[:2]
    assert answer.measure == "r"
    assert str(first.unit) == "1:4 cell"
    assert first.rises
    assert min(first.score, first.chosen) > 0.999
    assert first.partial > 0.99
    assert first.chance == 1 / 1001
    assert first.information > 1
    assert answer.untrained < 0.9
    assert answer.probes[1] > 0.99
    assert (second.unit.layer, second.unit.unit) == (1, 9)
    assert second.score > 0.9
    assert first.ablation is not None
    assert first.ablation.used
    assert first.ablation.concerned > max(0.1, first.ablation.elsewhere)
    assert second.ablation is not None
    assert second.ablation.concerned == pytest.approx(0, abs=1e-6)
    assert not second.ablation.used


def test_a_table_has_the_attributes_that_vary(nests: list[Source]) -> None:
    answers = {answer.attribute: answer for answer in find(planted(), nests, 1024)}
    assert {"round", "brackets", "column", "newline-next"} <= set(answers)
    assert not {"square", "string", "returns-void", "documentation"} & set(answers)
    assert answers["newline-next"].measure == "auc"
    assert 0.5 <= answers["newline-next"].findings[0].chosen <= 1
    assert json.loads(json.dumps(answers["round"].to_json()))["units"][0]["unit"]["unit"] == 4


def test_too_few_places_are_no_evidence() -> None:
    loss = np.ones(100, np.float32)
    few = np.arange(100) < ablation.FEWEST - 1
    assert ablation.judge(loss, [loss], few) is None
    judged = ablation.judge(np.where(few, 3, 1).astype(np.float32), [loss], np.arange(100) < 50)
    assert judged is not None
    assert judged.concerned > judged.elsewhere == 1


def test_one_file_is_too_few(nests: list[Source]) -> None:
    with pytest.raises(NeuronsError, match="two files"):
        find(planted(), nests[:1], 1024)


def test_colours_are_red_below_and_blue_above_zero() -> None:
    painted = view.paint("abc\n", [-1, 0, 1, 0.5], 1, colour=True)
    assert painted == (
        "\x1b[38;5;16;48;5;196ma\x1b[38;5;16;48;5;231mb\x1b[38;5;16;48;5;27mc"
        "\x1b[38;5;16;48;5;147m\u21b5\x1b[0m"
    )
    assert "196" in view.legend(1, colour=True)


def test_without_colours_marks_stand_below() -> None:
    assert view.paint("ab\tc\nd", [-1, 0.05, 0.5, 1, 0, -0.3], 1, colour=False).split("\n") == [
        "ab\u2192   c\u21b5",
        "i.55559.",
        "d",
        "c",
    ]


def test_a_terminal_never_gets_control_characters_of_the_text() -> None:
    assert "\x1b" not in view.paint("a\x1b[31m", [0] * 6, 1, colour=False)


def test_a_picture_is_xml_and_colours_what_is_not_white() -> None:
    from xml.etree import ElementTree  # noqa: PLC0415

    root = ElementTree.fromstring(view.svg("<t>", "a<b\n", [1, 0, -1, 0], 1))
    fills = [rect.get("fill") for rect in root.iter("{http://www.w3.org/2000/svg}rect")]
    assert fills == ["white", "#4393c3", "#d6604d"]
    assert [text.text for text in root.iter("{http://www.w3.org/2000/svg}text")] == [
        "<t>",
        "a<b\u21b5",
    ]


def test_colours_are_for_terminals_that_want_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    assert command.wants_colour({"TERM": "xterm"})
    assert not command.wants_colour({"TERM": "xterm", "NO_COLOR": "1"})
    assert not command.wants_colour({"TERM": "dumb"})
    monkeypatch.setattr("sys.stdout.isatty", lambda: False)
    assert not command.wants_colour({"TERM": "xterm"})


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    paths = [tmp_path / f"N{n}.java" for n in range(2)]
    for n, path in enumerate(paths):
        path.write_text(nested(n))
    return [str(path) for path in paths]


def test_the_command_ranks_units(
    files: list[str], tiny_model_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = ["--model", str(tiny_model_path)]
    assert main(["neurons", *files, *files, *model, "--attribute", "round", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert list(report["attributes"]) == ["round"]
    assert len(report["chosen_on"]) == len(report["scored_on"]) == 1  # each file counts once
    units = report["attributes"]["round"]["units"]
    assert len(units) == command.RANKED
    assert [unit["ablation"] is not None for unit in units].count(True) == command.ABLATED
    assert main(["neurons", *files, *model, "--attribute", "round"]) == 0
    shown = capsys.readouterr().out
    assert "round: open (" in shown
    assert f"{units[0]['score']:.3f}" in shown


def test_the_command_prints_a_table(
    files: list[str], tiny_model_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["neurons", *files, "--model", str(tiny_model_path)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("units chosen on 1 files, measured on 1 others")
    assert {"column", "round", "space-next"} & {line.split()[0] for line in lines[2:]}


def test_the_command_shows_one_unit(
    files: list[str], tiny_model_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = ["--model", str(tiny_model_path)]
    Path(files[1]).write_text("h\u00e9\r\n")
    assert main(["neurons", *files, *model, "--unit", "2:16:hidden", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["unit"] == {"layer": 2, "unit": 16, "state": "hidden"}
    first, second = report["files"]
    assert second["text"] == "h\u00e9\n"
    assert len(second["states"]["cell"]) == 3
    read = symbols.header("java") + first["text"].encode()[:100]
    from lstm_lsp.explore.weights import read as weights_in  # noqa: PLC0415

    trace = record(weights_in(tiny_model_path), read)
    np.testing.assert_allclose(
        first["states"]["hidden"][:100], trace.layers[1]["hidden"][-100:, 15], atol=1e-5
    )
    assert main(["neurons", files[1], *model, "--unit", "1:1"]) == 0
    shown = capsys.readouterr().out.splitlines()
    assert shown[0].startswith("unit 1:1, cell state: 1-9 positive")
    assert shown[1] == "h\u00e9\u21b5"
    assert len(shown[2]) == 3


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--attribute", "colour"], "there is no attribute colour, only indentation"),
        (["--attribute", "square"], "square hardly varies"),
        (["--unit", "3:1"], "there is no unit 3:1: this model has 2 layers of 16"),
    ],
)
def test_what_cannot_be_answered_is_said_in_one_line(
    arguments: list[str],
    said: str,
    files: list[str],
    tiny_model_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["neurons", *files, "--model", str(tiny_model_path), *arguments]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert said in err


def test_files_that_cannot_be_read_are_named(
    tmp_path: Path, tiny_model_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = ["--model", str(tiny_model_path)]
    (tmp_path / "b.py").write_bytes(b"\0\1")
    (tmp_path / "e.py").write_bytes(b"\n")
    for name, said in (
        ("a.py", "no such file"),
        ("b.py", "binary"),
        ("e.py", "no text"),
        (".", "directory"),
    ):
        assert main(["neurons", str(tmp_path / name), *model]) == 1
        err = capsys.readouterr().err
        assert said in err
        assert err.count("\n") == 1


@pytest.mark.parametrize("unit", ["1", "0:1", "1:0", "a:b", "1:2:input"])
def test_wrong_units_are_wrong_usage(unit: str) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["neurons", "x.py", "--unit", unit])
    assert ended.value.code == 2
