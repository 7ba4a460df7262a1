"""The comparison of networks with compressors and n-grams, and the pictures of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from baselines import compressed_bits, shown, table_of
from pictures import draw_bits, draw_curves, read_curve

from lstm_lsp.evaluate.sources import File, Project

NOTICE = "# Copyright, all rights reserved\n"
CODE = "".join(f"value_{n} = compute(value_{n * 7 % 31})\n" for n in range(60))
PROJECT = Project(
    "shop",
    (
        File("shop/a.py", "python", NOTICE + CODE),
        File("shop/tests/test_a.py", "python", CODE),
        File("shop/B.java", "java", CODE),
    ),
)


def test_bits_are_by_character_without_licences_with_and_without_tests() -> None:
    sizes = {file.path: len(file.text) for file in PROJECT.files}
    table = table_of(lambda _, file: 2.0 * sizes[file.path], [PROJECT], None, 0, "twice")
    with_notice = 2.0 * sizes["shop/a.py"] / len(CODE)
    assert table["python"]["no tests"] == pytest.approx(with_notice, abs=1e-4)
    assert table["python"]["all files"] == pytest.approx((with_notice + 2.0) / 2, abs=1e-4)
    assert table["java"] == {"all files": 2.0, "no tests": 2.0}
    assert table["shop"]["all files"] == pytest.approx((with_notice + 4.0) / 3, abs=1e-4)


@pytest.mark.parametrize("name", ["xz", "ppmd"])
def test_a_compressor_that_has_read_the_project_needs_fewer_bits(name: str) -> None:
    file = PROJECT.files[0]
    cold = compressed_bits(name, False, PROJECT, file)
    assert 0 < compressed_bits(name, True, PROJECT, file) < cold / 2


def test_the_table_has_a_row_a_place_and_a_column_a_system() -> None:
    both = {"all files": 1.0, "no tests": 0.5}
    table = shown({"network base": {"shop": both, "java": both}, "xz": {"python": both}})
    assert table.splitlines() == [
        "| | network base | xz |",
        "|---|---|---|",
        "| java | 1.000 / 0.500 |  |",
        "| python |  | 1.000 / 0.500 |",
        "| shop | 1.000 / 0.500 |  |",
    ]


def test_runs_in_a_row_are_one_curve(tmp_path: Path) -> None:
    rows = [
        {"symbols": 1_000_000, "bits": 3.0},
        {"symbols": 2_000_000, "validation": {"java": 2.0}},
    ]
    file = tmp_path / "curve.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    curve = read_curve([file, file])
    assert curve.training == [(1.0, 3.0), (3.0, 3.0)]
    assert curve.validation == {"java": [(2.0, 2.0), (4.0, 2.0)]}
    draw_curves({"twice": curve}, tmp_path / "curve.svg")
    assert "twice, validation, java" in (tmp_path / "curve.svg").read_text(encoding="utf-8")


def test_shapes_without_a_network_are_in_the_picture_too(tmp_path: Path) -> None:
    times = {"milliseconds": {"step, batch 1": 0.2, "known symbol": 0.1}}
    shapes = {"2x512": times, "2x1024": times}
    system = {"java": {"all files": 1.5, "no tests": 1.4}}
    baselines = {"shapes": {"network base": "2x512"}, "systems": {"network base": system}}
    draw_bits(baselines, shapes, tmp_path / "bits.svg")
    picture = (tmp_path / "bits.svg").read_text(encoding="utf-8")
    assert "base (2x512), java" in picture
    assert "2x1024, no bits yet" in picture
    assert "2x512, no bits yet" not in picture
