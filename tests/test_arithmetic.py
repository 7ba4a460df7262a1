"""The arithmetic of a step: compiled and in numpy the same."""

import shutil
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lstm_lsp import arithmetic, memory
from lstm_lsp.arithmetic import Floats, Integers

SYMBOLS = 256
compiled = pytest.mark.skipif(arithmetic.kernel is None, reason="no kernel was compiled")


def drawn(seed: int, batch: int, levels: int) -> tuple[Floats, Floats, Integers]:
    """Return distributions of few different values (B, 256), a table and rows of it."""
    random = np.random.default_rng(seed)
    logits = random.integers(0, levels, (batch, SYMBOLS)).astype(np.float32)
    log_probs = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    allowed = random.random((3, SYMBOLS)) < 0.7
    table = np.where(allowed, 0, -np.inf).astype(np.float32)
    return log_probs, table, random.integers(0, 3, batch)


@pytest.mark.skipif(shutil.which("cc") is None, reason="no compiler here")
def test_where_there_is_a_compiler_the_kernels_are_compiled() -> None:
    """Or the tests that need them would be left out unseen."""
    assert arithmetic.kernel is not None
    assert memory.compiled


@compiled
@given(seed=st.integers(0, 999), batch=st.integers(1, 8))
def test_normalising_equals_numpy(seed: int, batch: int) -> None:
    log_probs, table, rows = drawn(seed, batch, 9)
    before = log_probs.copy()
    for found, expected in zip(
        arithmetic.normalise(log_probs, table, rows),
        arithmetic._normalise(log_probs, table, rows),
        strict=True,
    ):
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-7)
    np.testing.assert_array_equal(log_probs, before)


def test_what_is_forbidden_leaves_its_share_to_the_rest() -> None:
    log_probs = np.log(np.full((2, SYMBOLS), 1 / SYMBOLS, np.float32))
    table = np.zeros((2, SYMBOLS), np.float32)
    table[1, 4:] = -np.inf
    logs, shares = arithmetic.normalise(log_probs, table, np.array([0, 1]))
    np.testing.assert_allclose(shares.sum(axis=1), 1, rtol=1e-5)
    np.testing.assert_allclose(shares[1, :4], 0.25, rtol=1e-5)
    assert not shares[1, 4:].any()
    np.testing.assert_allclose(np.exp(logs), shares, rtol=1e-5)


@compiled
@given(
    seed=st.integers(0, 999),
    batch=st.integers(1, 8),
    levels=st.integers(1, 9),
    count=st.integers(1, 10),
    floor=st.sampled_from([-1e9, -8.0, -4.0, 0.0]),
)
def test_the_best_are_numpys_ties_too(
    seed: int, batch: int, levels: int, count: int, floor: float
) -> None:
    log_probs, table, rows = drawn(seed, batch, levels)
    scores = -np.arange(batch, dtype=np.float64) // 2
    arguments = scores, log_probs, table, rows
    for found, expected in zip(
        arithmetic.best(*arguments, count=count, floor=floor),
        arithmetic._best(*arguments, count=count, floor=floor),
        strict=True,
    ):
        np.testing.assert_array_equal(found, expected)


@compiled
def test_a_row_that_no_table_has_is_refused() -> None:
    log_probs, table, _ = drawn(0, 2, 9)
    for rows in (np.array([0, 3]), np.array([0, -1]), np.array([0])):
        with pytest.raises(ValueError, match="shapes"):
            arithmetic.normalise(log_probs, table, rows)
        with pytest.raises(ValueError, match="shapes"):
            arithmetic.best(np.zeros(2), log_probs, table, rows, count=3, floor=-9.0)


def test_without_a_kernel_numpy_takes_its_place() -> None:
    code = (
        "import sys; sys.modules['lstm_lsp._arithmetic'] = None\n"
        "import numpy as np\n"
        "from lstm_lsp import arithmetic\n"
        "log_probs, rows = np.log(np.full((1, 256), 1 / 256, np.float32)), np.zeros(1, int)\n"
        "found = arithmetic.best(np.zeros(1), log_probs, 0 * log_probs, rows, count=3, floor=-9)\n"
        "print(arithmetic.kernel, found[1].tolist())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split(maxsplit=1) == ["None", "[0, 1, 2]\n"]
