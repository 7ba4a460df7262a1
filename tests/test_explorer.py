"""The explorer without a browser: what it answers equals the recorder, and who may ask."""

import http.client
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lstm_lsp import symbols
from lstm_lsp.cli import main
from lstm_lsp.explore import answers, gallery
from lstm_lsp.explore.explorer import Explorer, experiment_subjects, model_subject
from lstm_lsp.explore.reading import AskError, Reading, Subject
from lstm_lsp.explore.recorder import Held, Trace, record
from lstm_lsp.explore.recording import Recording
from lstm_lsp.explore.server import HOST, Server, listen
from lstm_lsp.explore.toys import toy_attributes
from lstm_lsp.explore.weights import Weights, from_arrays, untrained
from tests.conftest import TINY, seeded_weights
from tests.serving import serving

TEXT = 'class A {\n    int n = 3; // é ☃\n    String s = "x";\n}\n' * 4
HEADER = symbols.header("java")


@pytest.fixture(scope="module")
def weights() -> Weights:
    return from_arrays(TINY, seeded_weights(TINY))


@pytest.fixture(scope="module")
def explorer(weights: Weights) -> Explorer:
    return Explorer([model_subject("tiny", weights), *experiment_subjects()])


@pytest.fixture(scope="module")
def name(explorer: Explorer) -> str:
    return explorer.read("model", TEXT, "java", wait=True)


@pytest.fixture(scope="module")
def reading(explorer: Explorer, name: str) -> Reading:
    return explorer.reading(name)


@pytest.fixture(scope="module")
def trace(weights: Weights) -> Trace:
    return record(weights, HEADER + TEXT.encode())


@pytest.fixture(scope="module")
def server(explorer: Explorer) -> Iterator[Server]:
    with serving(explorer) as listening:
        yield listening


Answer = tuple[int, bytes, dict[str, str]]


def ask(
    server: Server,
    path: str,
    body: object = None,
    headers: dict[str, str] | None = None,
    token: str | None = None,
) -> Answer:
    connection = http.client.HTTPConnection(HOST, server.server_port, timeout=60)
    content = None if body is None else json.dumps(body).encode()
    given = server.token if token is None else token
    connection.request("POST" if content else "GET", f"/{given}/{path}", content, headers or {})
    answer = connection.getresponse()
    found = answer.status, answer.read(), dict(answer.getheaders())
    connection.close()
    return found


# What is recorded


def test_every_quantity_of_a_unit_is_the_recorders(
    server: Server, name: str, reading: Reading, trace: Trace
) -> None:
    for layer in range(TINY.layers):
        for unit in (0, 9):
            status, content, _ = ask(server, f"api/unit?id={name}&layer={layer}&unit={unit}")
            assert status == 200
            values = np.frombuffer(content, "<f4").reshape(6, len(TEXT.encode()))
            for row, quantity in zip(values, reading.recording.quantities, strict=True):
                expected = trace.layers[layer][quantity][len(HEADER) :, unit]
                np.testing.assert_allclose(row, expected, atol=1e-5)


@pytest.mark.parametrize("quantity", ["cell", "hidden", "forget", "candidate"])
def test_a_tile_is_the_recorders_in_127ths(
    server: Server, name: str, trace: Trace, quantity: str
) -> None:
    query = f"api/tile?id={name}&layer=1&quantity={quantity}&units=3,0&start=10&end=40"
    _, content, _ = ask(server, query)
    scale, values = np.frombuffer(content[:8], "<f4"), np.frombuffer(content[8:], "i1")
    found = values.reshape(2, 30) / 127 * scale[:, None]
    at = slice(len(HEADER) + 10, len(HEADER) + 40)
    expected = trace.layers[1][quantity][at][:, [3, 0]].T
    np.testing.assert_allclose(found, expected, atol=float(scale.max()) / 127)


def test_predictions_are_the_recorders(server: Server, name: str, trace: Trace) -> None:
    content = ask(server, f"api/predictions?id={name}")[1]
    size = len(TEXT.encode())
    bits = np.frombuffer(content[: 4 * size], "<f4")
    likely = np.frombuffer(content[4 * size : 24 * size], "<f4").reshape(size, 5)
    which = np.frombuffer(content[24 * size :], "u1").reshape(size, 5)
    read = np.frombuffer(trace.text, np.uint8)
    said = trace.log_probs[np.arange(len(read) - 1), read[1:]]
    np.testing.assert_allclose(bits, -said[len(HEADER) - 1 :] / np.log(2), atol=1e-4)
    last = trace.log_probs[len(HEADER) :]
    assert (which[:, 0] == last.argmax(axis=1)).all()
    np.testing.assert_allclose(likely, np.sort(np.exp(last), axis=1)[:, :-6:-1], atol=1e-5)


@settings(max_examples=15)
@given(st.lists(st.integers(1, 900), min_size=1, max_size=4))
def test_pieces_are_read_each_from_nothing(lengths: list[int]) -> None:
    of = from_arrays(TINY, seeded_weights(TINY))
    pieces = [(HEADER, (TEXT * 6).encode()[:length]) for length in lengths]
    recording = Recording(of, pieces)
    recording.read()
    start = 0
    for _, shown in pieces:
        alone = record(of, HEADER + shown)
        found = recording.unit(1, 5, start, start + len(shown))
        for name, values in found.items():
            expected = alone.layers[1][name][len(HEADER) :, 5]
            np.testing.assert_allclose(values, expected, atol=1e-4)
        start += len(shown)
    assert recording.done == start


def test_half_precision_is_near(
    weights: Weights, reading: Reading, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lstm_lsp.explore.recording._FULL_PRECISION", 0)
    half = Recording(weights, [(HEADER, TEXT.encode())])
    half.read()
    assert half.nbytes == reading.recording.nbytes // 2
    for name, values in half.unit(1, 2, 0, half.done).items():
        exact = reading.recording.unit(1, 2, 0, half.done)[name]
        np.testing.assert_allclose(values, exact, atol=5e-3)


def test_what_is_too_long_is_refused(explorer: Explorer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lstm_lsp.explore.recording.MOST_VALUES", 1000)
    with pytest.raises(AskError, match="too long"):
        explorer.read("model", TEXT, "java")


def test_older_readings_give_way(weights: Weights, monkeypatch: pytest.MonkeyPatch) -> None:
    explorer = Explorer([model_subject("tiny", weights)])
    monkeypatch.setattr("lstm_lsp.explore.explorer.KEPT", 2)
    names = [explorer.read("model", "x" * n, "text", wait=True) for n in (1, 2, 3)]
    explorer.reading(names[1])
    with pytest.raises(AskError, match="gone"):
        explorer.reading(names[0])


# What is answered


def test_a_held_unit_is_held_where_it_is_asked_for(server: Server, reading: Reading) -> None:
    held = [{"layer": 0, "unit": 4, "quantity": "hidden", "value": 0.5}]
    asked = {"subject": "model", "text": TEXT, "language": "java", "held": held}
    status, content, _ = ask(server, "api/read", asked)
    assert status == 200
    other = json.loads(content)["id"]
    while (progress := json.loads(ask(server, f"api/progress?id={other}")[1]))["done"] < (
        progress["total"]
    ):
        pass
    values = np.frombuffer(ask(server, f"api/unit?id={other}&layer=0&unit=4")[1], "<f4")
    assert (values.reshape(6, -1)[1] == np.float32(0.5)).all()
    assert progress["bits"] != reading.progress()["bits"]


def test_a_planted_unit_is_found(weights: Weights, monkeypatch: pytest.MonkeyPatch) -> None:
    explorer = Explorer([model_subject("tiny", weights)])
    reading = explorer.reading(explorer.read("model", TEXT * 4, "java", wait=True))
    column = reading.attributes["column"][0]
    real = reading.recording.values

    def planted(layer: int, quantity: str, at: Any, units: Any = slice(None)) -> Any:
        values = real(layer, quantity, at, units)
        if (layer, quantity) == (1, "cell"):
            values[:, 7] = -column[at]
        return values

    monkeypatch.setattr(reading.recording, "values", planted)
    found = answers.find(reading, "column")
    best = found["units"][0]
    assert (best["layer"], best["unit"], best["quantity"]) == (1, 7, "cell")
    assert found["measure"] == "r"
    assert best["score"] == pytest.approx(-1)


def test_a_shipped_counter_is_found_to_count(explorer: Explorer) -> None:
    subject = explorer.subject("counter-lstm")
    name = explorer.read(subject.id, subject.samples[0][2], "text", wait=True)
    reading = explorer.reading(name)
    best = answers.find(reading, "a's read")["units"][0]
    assert abs(best["score"]) > 0.99
    said = answers.unit_attributes(reading, best["layer"], best["unit"])
    assert {"a's read", "b's left"} == {one["attribute"] for one in said}


def test_a_marked_range_is_found_where_it_is_repeated(reading: Reading) -> None:
    start = TEXT.encode().index(b"String")
    found = answers.match(reading, start, start + 2, 0.2)
    period = len(TEXT.encode()) // 4
    assert found["on"] >= len(found["units"]) > 0
    starts = {one["start"] for one in found["places"][:3]}  # the text is four times the same
    assert starts & {start + n * period for n in (1, 2, 3)}


def test_what_moved_most_is_what_the_traces_say(reading: Reading, trace: Trace) -> None:
    at = len(HEADER) + 30
    moved = np.stack([q["hidden"][at] - q["hidden"][at - 1] for q in trace.layers])
    best = answers.changed(reading, 30)[0]
    assert abs(best["change"]) == pytest.approx(np.abs(moved).max(), abs=1e-3)
    assert best["change"] == pytest.approx(moved[best["layer"], best["unit"]], abs=1e-3)


def test_raised_characters_are_the_output_weights(reading: Reading, weights: Weights) -> None:
    raised = answers.raises(reading.subject, TINY.layers - 1, 3)["raised"]
    printable = [9, 10, *range(32, 127)]
    assert raised[0][0] == printable[int(weights.output[printable, 3].argmax())]
    assert answers.raises(reading.subject, 0, 3)["direct"] is False


def test_where_the_output_reads_all_layers_each_raises_characters() -> None:
    weights = untrained(replace(TINY, output="all"), 0)
    subject = Subject("all", "all", "", weights, ())
    for layer in range(TINY.layers):
        raised = answers.raises(subject, layer, 3)["raised"]
        column = weights.output[:, layer * TINY.units + 3]
        printable = [9, 10, *range(32, 127)]
        assert raised[0][0] == printable[int(column[printable].argmax())]


def test_a_counter_writes_on_what_it_learned(explorer: Explorer) -> None:
    name = explorer.read("counter-lstm", "aaaaX", "text", wait=True)
    written = answers.write(explorer.reading(name), 4, 20, 0, 0)
    assert written == {"text": "bbbb", "ended": True}


def test_the_attributes_of_the_experiments_say_what_they_name() -> None:
    found = toy_attributes("selective-counter", "aXaYbb\nno string\n")
    np.testing.assert_array_equal(found["a's read"][:4], [1, 1, 2, np.nan])
    np.testing.assert_array_equal(found["b's left"][:6], [np.nan] * 3 + [2, 1, 0])
    np.testing.assert_array_equal(found["X is read"][:3], [0, 1, 0])
    assert np.isnan(found["a's read"][6:]).all()
    copied = toy_attributes("copy", "abcXabc\n")
    np.testing.assert_array_equal(copied["next is b"], [np.nan] * 3 + [0, 1, 0, 0, np.nan])
    assert toy_attributes("state", "AxxYa\n")["it began with A"][1] == 1


@pytest.mark.parametrize("one", gallery.examples(), ids=lambda one: one.name)
def test_every_experiment_has_attributes_of_its_strings(one: gallery.Example) -> None:
    found = toy_attributes(one.experiment, one.text)
    assert found
    assert all(np.isfinite(values).any() for values in found.values())


# Who may ask, and what is not there


def test_the_token_is_needed_everywhere(server: Server) -> None:
    for token in ("", "x", server.token + "x"):
        assert ask(server, "", token=token)[0] == 403
        assert ask(server, "api/meta", token=token)[0] == 403
    assert ask(server, "")[0] == 200


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Host": "evil.example"}, 403),
        ({"Host": "evil.example:{port}"}, 403),
        ({"Host": "localhost.evil.example"}, 403),
        ({"Host": ""}, 403),
        ({"Host": "localhost:{port}"}, 200),
        ({"Host": "localhost:1234", "Origin": "http://localhost:1234"}, 200),
        ({"Origin": "http://localhost:1"}, 403),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://127.0.0.1:{port}"}, 200),
    ],
)
def test_another_host_or_page_is_refused(
    server: Server, headers: dict[str, str], status: int
) -> None:
    filled = {k: v.format(port=server.server_port) for k, v in headers.items()}
    assert ask(server, "api/meta", headers=filled)[0] == status


def test_it_listens_on_this_machine_alone(server: Server) -> None:
    assert server.server_address[0] == "127.0.0.1"
    assert urlsplit(server.address).hostname == "127.0.0.1"


@pytest.mark.parametrize(
    "path",
    ["nothing.js", "../server.py", "..%2fserver.py", "api/nothing", "__init__.py", "api"],
)
def test_what_is_not_there_is_404(server: Server, path: str) -> None:
    status, content, _ = ask(server, path)
    assert status == 404
    assert json.loads(content)["error"]


@pytest.mark.parametrize(
    "path",
    [
        "api/unit?id={id}&layer=0&unit=99",
        "api/unit?id={id}&layer=-1&unit=0",
        "api/unit?id={id}&layer=x&unit=0",
        "api/unit?id=none&layer=0&unit=0",
        "api/unit",
        "api/tile?id={id}&layer=0&quantity=nothing&units=1&start=0&end=5",
        "api/tile?id={id}&layer=0&quantity=cell&units=&start=0&end=5",
        "api/find?id={id}&attribute=nothing",
        "api/changed?id={id}&at=100000",
        "api/match?id={id}&start=5&end=5&threshold=0.3",
        "api/match?id={id}&start=1&end=5&threshold=2",
        "api/raises?subject=nothing&layer=0&unit=0",
    ],
)
def test_what_cannot_be_answered_is_one_sentence(server: Server, name: str, path: str) -> None:
    status, content, _ = ask(server, path.format(id=name))
    assert status == 400
    assert "\n" not in json.loads(content)["error"]


@pytest.mark.parametrize(
    "body",
    [
        {},
        [],
        {"subject": "none", "text": "x", "language": "java"},
        {"subject": "model", "text": "", "language": "java"},
        {"subject": "model", "text": "x", "language": "cobol"},
        {"subject": "model", "text": "x", "language": "java", "held": [{"layer": 0}]},
        {
            "subject": "counter-rnn",
            "text": "aX",
            "language": "text",
            "held": [{"layer": 0, "unit": 0, "quantity": "cell", "value": 1}],
        },
        {
            "subject": "model",
            "text": "x",
            "language": "java",
            "held": [{"layer": 0, "unit": 0, "quantity": "cell", "value": float("nan")}],
        },
    ],
)
def test_a_text_that_cannot_be_read_is_one_sentence(server: Server, body: object) -> None:
    status, content, _ = ask(server, "api/read", body)
    assert status == 400
    assert json.loads(content)["error"]


def test_a_body_that_is_too_long_is_refused_unread(server: Server) -> None:
    status, _, _ = ask(server, "api/read", {}, {"Content-Length": "99999999"})
    assert status == 413


def test_nothing_may_load_from_elsewhere(server: Server) -> None:
    headers = ask(server, "")[2]
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert headers["Referrer-Policy"] == "no-referrer"
    for one in Path("lstm_lsp/explore/page").resolve().glob("*"):
        status, content, found = ask(server, one.name)
        assert (status, found["X-Content-Type-Options"]) == (200, "nosniff")
        assert b"http" not in content.replace(b"http://www.w3.org/", b""), one.name


def test_a_text_with_any_characters_comes_back(server: Server) -> None:
    text = "a\r\n\té☃\U0001f600\x02<script>"
    body = {"subject": "model", "text": text, "language": "text"}
    made = json.loads(ask(server, "api/read", body)[1])["id"]
    about = json.loads(ask(server, f"api/about?id={quote(made)}")[1])
    assert about["text"].encode("latin-1") == symbols.encode(text)


# The command


@contextmanager
def busy_port() -> Iterator[int]:
    with listen(Explorer([])) as other:
        yield other.server_port


def test_a_port_in_use_is_one_line(
    tiny_model_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with busy_port() as port:
        assert main(["explore", "--model", str(tiny_model_path), "--port", str(port)]) == 1
    assert len(capsys.readouterr().err.strip().splitlines()) == 1


def test_ctrl_c_ends_it_and_its_address_was_printed(
    tiny_model_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(_: Server) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Server, "serve_forever", interrupted)
    assert main(["explore", "--model", str(tiny_model_path)]) == 0
    assert "http://127.0.0.1:" in capsys.readouterr().out


def test_without_a_reader_the_experiments_are_still_shown(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    from lstm_lsp.explore.explorer import open_explorer  # noqa: PLC0415

    monkeypatch.setitem(__import__("sys").modules, "onnx", None)
    explorer = open_explorer(None, tmp_path)
    assert set(explorer.subjects) == {one.name for one in gallery.examples()}
    assert "pip install" in capsys.readouterr().err


def test_held_units_change_what_is_written(explorer: Explorer) -> None:
    held = [Held(0, unit, "hidden", 0.0) for unit in range(10)]
    name = explorer.read("counter-lstm", "aaaaX", "text", held, wait=True)
    assert answers.write(explorer.reading(name), 4, 20, 0, 0)["text"] != "bbbb"


def test_what_all_characters_have_in_common_raises_none() -> None:
    weights = from_arrays(TINY, seeded_weights(TINY))
    top = TINY.layers - 1
    plain = answers.raises(model_subject("tiny", weights), top, 3)
    shifted = replace(weights, output=weights.output + 3)
    other = answers.raises(model_subject("tiny", shifted), top, 3)
    assert [one[0] for one in plain["raised"]] == [one[0] for one in other["raised"]]
    for name in ("raised", "lowered"):
        ours, theirs = ([one[1] for one in found[name]] for found in (plain, other))
        assert ours == pytest.approx(theirs, abs=1e-3)
    assert plain["raised"][0][1] > 0 > plain["lowered"][0][1]


def test_the_reading_asked_for_longest_ago_goes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lstm_lsp.explore.explorer.KEPT", 2)
    known = Explorer([model_subject("tiny", from_arrays(TINY, seeded_weights(TINY)))])
    first, second = (known.read("model", text, "text", wait=True) for text in ("a", "b"))
    known.reading(first)
    third = known.read("model", "c", "text", wait=True)
    assert [known.reading(one).recording.text for one in (first, third)] == [b"a", b"c"]
    with pytest.raises(AskError, match="gone"):
        known.reading(second)
