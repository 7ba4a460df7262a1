"""Probabilities that can be believed: tables, their fit and their error."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lstm_lsp.calibration import Calibration
from lstm_lsp.evaluate.sampling import Spot
from lstm_lsp.evaluate.sources import File, Project
from lstm_lsp.network import Model
from lstm_lsp.search import KINDS, Candidate, Kind
from lstm_lsp.training.calibrate import Pairs, errors, held_out, is_right, observe, together
from lstm_lsp.training.reliability import calibration_error, chance_error, fit_calibration


def test_a_calibration_is_looked_up_between_its_points() -> None:
    table = Calibration({"line": [(0.2, 0.1), (0.8, 0.6)]})
    assert table.probability("line", 0.5) == pytest.approx(0.35)
    assert table.probability("line", 0.0) == 0.0
    assert table.probability("line", 1.0) == 1.0
    assert table.probability("token", 0.5) == 0.5


def test_lines_share_what_the_best_leaves_and_blocks_do_not() -> None:
    # A block may begin as the best one does, so both may be right.
    table = Calibration({kind: [(0.6, 0.9)] for kind in ("line", "block")})
    assert table.probability("line", 0.4, best=0.6) == pytest.approx(0.1)
    assert table.probability("block", 0.4, best=0.6) == pytest.approx(0.6)
    assert table.probability("line", 0.0, best=1.0) == 0.0
    overconfident = Calibration({"line": [(0.6, 0.2)]})
    assert overconfident.probability("line", 0.1, best=0.6) == pytest.approx(0.2 / 6)


def test_few_pairs_show_an_error_by_chance_alone() -> None:
    few, many = ([(0.5, True)] * n for n in (60, 3000))
    # Four fair coins are 0.19 from a half on average, two hundred 0.028.
    assert chance_error(few) == pytest.approx(0.19, abs=0.02)
    assert chance_error(many) == pytest.approx(0.028, abs=0.005)
    assert chance_error([(1.0, False)] * 60) == 0


SHARES = st.integers(0, 1000).map(lambda n: n / 1000)  # steps that a float can tell apart


@given(points=st.lists(st.tuples(SHARES, SHARES), min_size=1, max_size=6), wanted=SHARES)
def test_the_least_raw_probability_reaches_the_calibrated_one(
    points: list[tuple[float, float]], wanted: float
) -> None:
    raw, calibrated = (sorted(values) for values in zip(*points, strict=True))
    table = Calibration({"line": list(zip(raw, calibrated, strict=True))})
    least = table.raw("line", wanted)
    assert table.probability("line", least) >= wanted - 1e-6
    if least > 1e-3:
        assert table.probability("line", least - 1e-3) <= wanted + 1e-6


@given(
    raw=st.lists(st.floats(0.01, 1), min_size=2, max_size=5),
    points=st.lists(st.floats(0.01, 0.99), min_size=1, max_size=4, unique=True),
)
def test_what_excludes_each_other_is_never_likelier_than_certainty(
    raw: list[float], points: list[float]
) -> None:
    calibration = Calibration({"char": [(x, min(1.0, x + 0.3)) for x in sorted(points)]})
    first, *others = sorted((x / sum(raw) for x in raw), reverse=True)
    best = calibration.probability("char", first)
    shares = [calibration.probability("char", other, first) for other in others]
    assert best + sum(shares) <= 1 + 1e-9
    assert shares == sorted(shares, reverse=True)


@pytest.mark.parametrize(
    "broken",
    [5, {"line": 3}, {"line": [[0.5, 0.2], [0.4, 0.9]]}, {"x": [[0.1, 0.2]]}, {"line": [[2, 3]]}],
)
def test_a_broken_calibration_is_refused(broken: object) -> None:
    with pytest.raises(ValueError, match="calibration"):
        Calibration.from_card({"calibration": broken})


def test_a_fitted_calibration_says_how_often_candidates_are_right() -> None:
    random = np.random.default_rng(0)
    raw = random.random(6000)
    right = random.random(6000) < raw**2  # overconfident
    pairs = [(float(p), bool(r)) for p, r in zip(raw, right, strict=True)]
    table = Calibration({"line": fit_calibration(pairs[:3000])})
    rest = [(table.probability("line", p), r) for p, r in pairs[3000:]]
    assert calibration_error(pairs[3000:]) > 0.1
    assert calibration_error(rest) < 0.04
    assert table.probability("line", 0.5) == pytest.approx(0.25, abs=0.03)


def curve(pairs: list[tuple[float, bool]]) -> dict[float, float]:
    return dict(fit_calibration(pairs))


def test_a_few_pairs_say_little_and_no_certainty() -> None:
    always = curve([(0.1 + at / 100, True) for at in range(60)])
    assert 0.9 < always[0.5] < 0.995
    few = curve([(0.5, at % 2 == 0) for at in range(20)])
    assert few[0.2] == pytest.approx(0.2, abs=0.1)
    assert few[0.5] == pytest.approx(0.5, abs=0.02)


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=15, max_size=60))
def test_whatever_it_is_fitted_on_a_calibration_rises(pairs: list[tuple[float, bool]]) -> None:
    points = fit_calibration(pairs)
    Calibration({"token": points})
    assert all(0 < right < 1 for _, right in points)


def test_what_is_wrong_the_surer_it_seems_is_one_share_for_all() -> None:
    points = fit_calibration([(at / 100, at < 50) for at in range(100)])
    assert len({right for _, right in points}) == 1


def test_too_few_pairs_calibrate_nothing() -> None:
    assert fit_calibration([(0.5, True)] * 14) == []
    assert calibration_error([]) == 0.0


# --- what is observed ----------------------------------------------------------------

LINES = "def f{}(first):\n    total = add(first)\n    return total\n\n\n"


def test_blocks_lines_and_tokens_of_a_project_are_observed(tiny_model: Model) -> None:
    text = "".join(LINES.format(number) for number in range(12))
    project = Project("p", tuple(File(f"p/{name}.py", "python", text) for name in "ab"))
    pairs = observe(tiny_model, project, 24)
    assert {kind for kind, found in pairs.items() if found} == set(KINDS)
    for kind, found in pairs.items():
        assert all(0 < raw <= 1 + 1e-9 for raw, _ in found), kind
    # The other file says all of it; lines below WORTH_SEARCHING were not looked for.
    assert sum(right for _, right in pairs["line"]) > len(pairs["line"]) / 2
    assert sum(right for _, right in pairs["block"]) > len(pairs["block"]) / 2
    assert pairs == observe(tiny_model, project, 24)


def test_what_is_held_out_is_judged_by_the_others() -> None:
    sure: Pairs = {kind: [(0.5, True)] * 40 for kind in KINDS}
    unsure: Pairs = {kind: [(0.5, False)] * 40 for kind in KINDS}
    judged = held_out([sure, unsure])["line"]
    assert all((probability < 0.5) == right for probability, right in judged)
    assert errors(together([sure, unsure]), held_out([sure, unsure]))["line"]["ece"] > 0.8


@pytest.mark.parametrize(
    ("kind", "text", "right"),
    [
        ("char", "f", True),
        ("token", "foo", True),
        ("token", "foo_b", False),  # not the whole token
        ("line", "foo_bar(1)", False),
        ("line", "foo_bar(2)", True),
        ("line", "foo", False),
        ("block", "foo_bar(2)\n    retur", False),
        ("block", "foo_bar(2)\n    return 3", True),
    ],
)
def test_what_a_user_would_have_kept(kind: Kind, text: str, right: bool) -> None:
    shape = "foo(2)" if kind == "token" else "foo_bar(2)"
    file = File("a.py", "python", f"    x = {shape}\n    return 3\n")
    assert is_right(Candidate(kind, text, 0.5), Spot(file, 8)) == right
