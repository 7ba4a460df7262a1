"""The article's experiments: their languages, their scores, and claims that really hold."""

import json
import re
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lstm_lsp.arguments import CELLS as OFFERED_CELLS
from lstm_lsp.arguments import EXPERIMENTS as OFFERED
from lstm_lsp.cli import main
from lstm_lsp.explore.recorder import Trace, record, residual
from lstm_lsp.explore.scores import (
    auc,
    correlation,
    probe_r2,
    rank_correlation,
    ranks,
    threshold_accuracy,
)
from lstm_lsp.training import experiments
from lstm_lsp.training.experiments import (
    CELLS,
    EXPERIMENTS,
    copying,
    counter,
    run,
    selective,
    show,
    state,
)
from lstm_lsp.training.experiments.fit import Reading
from lstm_lsp.training.experiments.report import Check

RANDOM = np.random.default_rng(0)


def test_the_command_line_offers_what_there_is() -> None:
    assert tuple(EXPERIMENTS) == OFFERED
    assert CELLS == OFFERED_CELLS


def test_the_languages_are_those_of_the_article() -> None:
    assert b"aaaXbbb" in counter.draw(RANDOM)
    assert max(map(len, counter.draw(RANDOM))) == 21
    assert {b"AxxYa", b"BxxYb"} <= set(state.draw(RANDOM))
    assert len(set(copying.draw(RANDOM))) == 27
    assert all(s[:3] == s[4:] and s[3:4] == b"X" for s in copying.draw(RANDOM))
    for string in selective.draw(RANDOM):
        read, written = string.split(b"Y")
        assert re.fullmatch(rb"[aX]*", read)
        assert written == b"b" * read.count(b"a") != b""


def test_no_string_is_both_learned_and_tested() -> None:
    tested = set(selective._strings(RANDOM, 200, held_out=True))
    learned = {s for _ in range(50) for s in selective.draw(RANDOM)}
    assert len(tested) == 200
    assert not tested & learned


@given(st.lists(st.integers(-5, 5), min_size=2, max_size=12), st.data())
def test_auc_is_the_chance_that_a_positive_place_is_larger(
    values: list[int], data: st.DataObject
) -> None:
    size = len(values)
    positive = data.draw(st.lists(st.booleans(), min_size=size, max_size=size))
    if len(set(positive)) < 2:
        with pytest.raises(ValueError, match="no places"):
            auc(np.array(values)[:, None], positive)
        return
    pairs = [
        (values[i] > values[j]) + 0.5 * (values[i] == values[j])
        for i in range(size)
        for j in range(size)
        if positive[i] and not positive[j]
    ]
    assert auc(np.array(values)[:, None], positive)[0] == pytest.approx(np.mean(pairs))


@given(st.lists(st.integers(-5, 5), min_size=1, max_size=12), st.data())
def test_the_best_threshold_is_the_best_of_all(values: list[int], data: st.DataObject) -> None:
    size = len(values)
    positive = np.array(data.draw(st.lists(st.booleans(), min_size=size, max_size=size)))
    a = np.array(values)
    tried = [((a >= cut) == positive).mean() for cut in range(-6, 8)]
    best = max(*tried, 1 - min(tried))
    assert threshold_accuracy(a[:, None], positive)[0] == pytest.approx(best)


def test_correlations_find_the_unit_that_counts() -> None:
    count = np.arange(20.0)
    units = np.stack([-3 * count + 1, np.exp(count), np.ones(20)], axis=1)
    np.testing.assert_allclose(correlation(units, count)[[0, 2]], [-1, 0])
    assert abs(correlation(units, count)[1]) < 0.9
    np.testing.assert_allclose(rank_correlation(units, count), [-1, 1, 0])
    np.testing.assert_array_equal(ranks(np.array([4, 2, 4, 1])), [3.5, 2, 3.5, 1])


def test_the_probe_is_judged_on_places_it_did_not_see() -> None:
    count = np.arange(30.0)
    odd = count % 2 == 1
    assert probe_r2(np.stack([count + 5, count * 0], 1), count, odd) == pytest.approx(1)
    noise = np.random.default_rng(1).normal(size=(30, 15))
    assert probe_r2(noise, count, odd) < 0.5  # 15 noisy units fit the 15 places they saw


@pytest.mark.parametrize(("likeliest", "right"), [(b"aaXb\n", True), (b"aaXbb", False)])
def test_right_means_that_the_greedy_continuation_is_the_rest(
    likeliest: bytes, right: bool
) -> None:
    string = b"aXbX"[:3]
    log_probs = np.zeros((4, 256), np.float32)
    log_probs[np.arange(4), list(likeliest[1:])] = 1
    reading = Reading(string, Trace("rnn", b"\n" + string, (), log_probs))
    assert reading.right(2) is right


def test_a_verdict_follows_from_the_measurement() -> None:
    assert Check("c", 0.99, least=0.99, binding=True).verdict == "pass"
    assert Check("c", 0.98, least=0.99, binding=True).verdict == "fail"
    assert Check("c", 0.2, most=0.1).verdict == "does not"
    assert Check("c", 0.1, most=0.1).verdict == "holds"
    assert Check("c", 0.1).verdict == "reported"


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("name", EXPERIMENTS)
def test_an_untrained_network_meets_no_claim(name: str, cell: str) -> None:
    report = run(name, cell=cell, steps=1)
    verdicts = {check["claim"]: check["verdict"] for check in report["checks"]}
    assert verdicts["traces obey the cell's own equations"] in {"pass", "holds"}
    promised = cell in {"lstm", "peephole"}
    assert ("fail" in verdicts.values()) == promised
    assert report["passed"] != promised
    assert ("FAILED" in show(report)) == promised
    json.dumps(report)


def test_without_an_input_gate_everything_is_written() -> None:
    weights = experiments.train("copy", cell="no-input-gate", steps=3)
    trained = experiments.train("copy", cell="no-input-gate", steps=0)
    trace = record(weights, b"\nabcXabc")
    for quantities in trace.layers:
        np.testing.assert_array_equal(quantities["input"], 1)
    assert residual(trace) < 1e-5
    assert not np.array_equal(weights.layers[1].recurrent, trained.layers[1].recurrent)


def test_the_same_seed_gives_the_same_measurements() -> None:
    first, again, other = (run("state", seed, steps=20)["checks"] for seed in (3, 3, 4))
    assert first == again != other


def test_a_failed_claim_is_exit_status_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def brief(name: str, seed: int, cell: str) -> dict[str, Any]:
        report: dict[str, Any] = run(name, seed, cell, steps=1)
        return report

    monkeypatch.setattr(experiments, "run", brief)
    assert main(["experiment", "counter", "--json"]) == 1
    output = capsys.readouterr()
    assert json.loads(output.out)["passed"] is False
    assert len(output.err.splitlines()) == 1


@pytest.mark.slow
def test_the_state_memoriser_holds_every_binding_claim(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["experiment", "state"]) == 0
    printed = capsys.readouterr().out
    assert "every binding claim holds" in printed
    assert len(re.findall(r"\bpass$", printed, re.MULTILINE)) >= 5
