"""The project memory: exact, a function of content, the kernel equal to its reference."""

from __future__ import annotations

import math
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lstm_lsp import memory, memory_reference
from lstm_lsp.memory import LogProbs, NetworkAlone, Parameters, ProjectMemory

# Plain Python takes its time where others share the machine.
no_deadline = settings(deadline=None)

Array = npt.NDArray[np.floating]

needs_kernel = pytest.mark.skipif(not memory.compiled, reason="no compiled kernel here")

# Few symbols and repeated pieces, so that long contexts recur.
pieces = st.sampled_from(
    [b"a", b"b", b"\n", b"\x00", b"\xff", b"if x:\n    ", b"return value + 1\n"]
)
texts = st.lists(pieces, max_size=40).map(b"".join)
paths = st.sampled_from(["p/a.py", "p/b.py", "p/c.py", "q/d.py"])
projects = st.dictionaries(paths, texts)
distributions = st.integers(0, 2**32 - 1).map(
    lambda seed: np.random.default_rng(seed).dirichlet(np.full(256, 0.1)).clip(1e-12)
)


def remember(files: dict[str, bytes]) -> ProjectMemory:
    project = ProjectMemory()
    for path, text in files.items():
        assert project.set_file(path, text)
    return project


def log_probs(*rows: Array) -> LogProbs:
    return np.log(np.stack(rows)).astype(np.float32)


def know_the_same(one: ProjectMemory, other: ProjectMemory, path: str, text: bytes) -> None:
    for cut in range(0, len(text) + 1, max(1, len(text) // 8)):
        tail = text[max(0, cut - memory.TAIL) : cut]
        found = one.levels(path, text[:cut], tail)
        assert found == other.levels(path, text[:cut], tail)


@needs_kernel
@no_deadline
@given(projects, texts, distributions)
def test_the_kernel_gives_the_reference_s_counts_and_probabilities(
    files: dict[str, bytes], current: bytes, distribution: Array
) -> None:
    answers = []
    for implementation in (memory.kernel, memory_reference):
        project, own = implementation.Counts(), implementation.Counts()
        counts, folder = implementation.Counts(), implementation.Counts(of_folder=True)
        for path, text in sorted(files.items()):
            project.add(text, 0, len(text))
            if path == "p/a.py":
                own.add(text, 0, len(text))
            elif path == "p/b.py":
                folder.add(text, 0, len(text))
        counts.add(current, 0, len(current))
        tails = [current[:cut] for cut in range(0, len(current) + 1, 5)]
        given_ = log_probs(*[distribution] * len(tails))
        mixed = np.empty_like(given_)
        weights = np.linspace(0.01, 1, memory_reference.LEVELS * memory_reference.BUCKETS)
        weights = weights.reshape(memory_reference.LEVELS, -1)
        implementation.mix(project, own, folder, counts, weights, given_, tails, mixed)
        levels = [implementation.levels(project, own, folder, counts, tail) for tail in tails]
        answers.append((levels, np.exp(mixed)))
    (levels, mixed), (expected_levels, expected) = answers
    assert levels == expected_levels
    np.testing.assert_allclose(mixed, expected, atol=1e-6)


@pytest.mark.parametrize("implementation", ["kernel", "reference"])
@no_deadline
@given(st.lists(st.tuples(texts, st.booleans()), max_size=8), texts)
def test_added_and_removed_equals_never_added(
    implementation: str, history: list[tuple[bytes, bool]], probe: bytes
) -> None:
    module = memory.kernel if implementation == "kernel" else memory_reference
    lived, fresh, empty = module.Counts(), module.Counts(), module.Counts()
    for text, _ in history:
        lived.add(text, 0, len(text))
    for text, stays in history:
        if stays:
            fresh.add(text, 0, len(text))
        else:
            lived.remove(text, 0, len(text))
    for text in [probe, *(text for text, _ in history)]:
        for cut in range(len(text) + 1):
            tail = text[max(0, cut - memory.TAIL) : cut]
            found = module.levels(empty, empty, empty, lived, tail)
            assert found == module.levels(empty, empty, empty, fresh, tail)
    assert lived.symbols == fresh.symbols


@needs_kernel
def test_a_table_survives_growing_and_shrinking() -> None:
    random = np.random.default_rng(1)
    text = random.integers(0, 40, 60_000).astype(np.uint8).tobytes()
    counts, small, empty = (memory.kernel.Counts() for _ in range(3))
    counts.add(text, 0, len(text))
    grown = counts.size
    counts.remove(text, 500, len(text))
    small.add(text, 0, 500)
    assert counts.size < grown / 10
    for cut in range(0, 500):
        tail = text[max(0, cut - memory.TAIL) : cut]
        found = memory.kernel.levels(counts, empty, empty, empty, tail)
        assert found == memory.kernel.levels(small, empty, empty, empty, tail)


def merged(found: Iterable[list[memory_reference.Level]]) -> dict[int, Counter[int]]:
    total: dict[int, Counter[int]] = {}
    for levels in found:
        for level, counts in levels:
            total.setdefault(level, Counter()).update(counts)
    return total


@needs_kernel
def test_a_large_table_of_narrow_slots_knows_what_its_parts_know() -> None:
    """Large enough for narrow slots, with large counts and contexts that many symbols follow."""
    random = np.random.default_rng(3)
    piece = 25_000
    common = b"    for item in the_items:\n" * 8 + b"\n" * 2_000
    texts = [
        common + random.integers(30 * (n % 4), 30 * (n % 4) + 40, piece).astype(np.uint8).tobytes()
        for n in range(16)
    ]
    whole, empty = memory.kernel.Counts(), memory.kernel.Counts()
    parts = [memory.kernel.Counts() for _ in texts]
    for text, part in zip(texts, parts, strict=True):
        whole.add(text, 0, len(text))
        part.add(text, 0, len(text))

    def check(left: Sequence[int]) -> None:
        for text in texts[:3]:
            for cut in [*range(0, 300, 3), *range(2_200, len(text), 211)]:
                tail = text[max(0, cut - memory.TAIL) : cut]
                known = [memory.kernel.levels(parts[n], empty, empty, empty, tail) for n in left]
                assert merged([memory.kernel.levels(whole, empty, empty, empty, tail)]) == merged(
                    known
                )

    check(range(len(texts)))
    assert whole.size < sum(part.size for part in parts) * 0.7
    for n in range(1, len(texts)):
        whole.remove(texts[n], 0, len(texts[n]))
        if n in {5, 15}:
            check([0, *range(n + 1, len(texts))])
    assert whole.size < 2 * parts[0].size


@no_deadline
@given(st.lists(st.tuples(paths, st.none() | texts), max_size=10), paths, texts)
def test_answers_depend_on_content_and_not_on_history(
    history: list[tuple[str, bytes | None]], path: str, text: bytes
) -> None:
    lived = ProjectMemory()
    files: dict[str, bytes] = {}
    for at, new in history:
        lived.view(path, text[: len(text) // 2])  # someone is typing meanwhile
        lived.set_file(at, new)
        files.pop(at, None)
        if new is not None:
            files[at] = new
    fresh = remember(dict(sorted(files.items())))
    assert sorted(lived.files) == sorted(fresh.files)
    know_the_same(lived, fresh, path, text)
    for other, its_text in files.items():
        know_the_same(lived, fresh, other, its_text)


@no_deadline
@given(projects, texts, st.lists(st.tuples(st.integers(0, 400), texts, st.integers(0, 20))))
def test_a_view_moves_with_the_text_exactly(
    files: dict[str, bytes], text: bytes, edits: list[tuple[int, bytes, int]]
) -> None:
    lived = remember(files)
    for at, inserted, gone in edits:
        text = text[:at] + inserted + text[at + gone :]
        lived.view("p/a.py", text)
    know_the_same(lived, remember(files), "p/a.py", text)


class Counting:
    """Counts that tell how many symbols were counted."""

    symbols_counted = 0

    def __init__(self, of_folder: bool = False) -> None:
        self.symbols = Counter[int]()

    def add(self, text: bytes, start: int, stop: int, room: int = 0) -> int:
        assert 0 <= start <= stop <= len(text)
        self.symbols.update(text[start:stop])
        Counting.symbols_counted += stop - start
        return stop

    def remove(self, text: bytes, start: int, stop: int) -> int:
        assert 0 <= start <= stop <= len(text)
        self.symbols.subtract(text[start:stop])
        Counting.symbols_counted += stop - start
        return stop


@no_deadline
@given(texts, st.lists(st.tuples(st.integers(0, 900), texts, st.integers(0, 300)), max_size=12))
def test_of_a_long_text_the_last_part_counts_whatever_was_there_before(
    text: bytes, edits: list[tuple[int, bytes, int]]
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(memory, "_WINDOW", 300)
        patch.setattr(memory, "_WINDOW_STEP", 40)
        lived = ProjectMemory()
        for at, inserted, gone in edits:
            text = text[:at] + inserted + text[at + gone :]
            lived.view("p/a.py", text)
        know_the_same_here(lived, ProjectMemory(), text)
        assert lived._current["p/a.py"].counts.symbols <= 340


def know_the_same_here(one: ProjectMemory, other: ProjectMemory, text: bytes) -> None:
    for cut in range(0, len(text) + 1, max(1, len(text) // 8)):
        tail = text[max(0, cut - memory.TAIL) : cut]
        assert one.levels("p/a.py", text, tail) == other.levels("p/a.py", text, tail)


@pytest.mark.parametrize("size", [1 << 10, 1 << 20])
def test_a_key_counts_as_little_in_a_large_document_as_in_a_small_one(
    size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = b"    return value[index] + 1  # one\n"
    text = (line * (size // len(line) + 1))[: size - 1] + b"\n"
    monkeypatch.setattr(memory.kernel, "Counts", Counting)
    project = ProjectMemory()
    project.view("p/a.py", text)
    for _ in range(2_000):  # past several steps of the window
        text += line
        counted = Counting.symbols_counted
        project.view("p/a.py", text)
        assert Counting.symbols_counted - counted <= len(line) + memory._WINDOW_STEP
    held = project._current["p/a.py"].counts.symbols
    assert held.total() <= memory._WINDOW + memory._WINDOW_STEP
    assert held == Counter(text[len(text) - held.total() :])


@no_deadline
@given(projects, texts)
def test_a_file_never_informs_its_own_future(files: dict[str, bytes], before: bytes) -> None:
    """Whatever the project holds of the current file leaves no trace in its view."""
    others = {path: text for path, text in files.items() if path != "p/a.py"}
    with_it = remember({**others, "p/a.py": before + b"and the future"})
    know_the_same(with_it, remember(others), "p/a.py", before)


@no_deadline
@given(st.lists(st.tuples(paths, st.none() | texts), max_size=10), texts, st.integers(0, 3))
def test_a_folder_s_levels_are_those_of_its_other_files_as_they_are(
    history: list[tuple[str, bytes | None]], text: bytes, steps: int
) -> None:
    project = ProjectMemory()
    files: dict[str, bytes] = {}
    for path, new in history:
        project.set_file(path, new)
        files.pop(path, None)
        if new is not None:
            files[path] = new
        for _ in range(steps):  # an answer counts what is left
            project.step_folder("p/a.py", 65)
        project.view("p/a.py", text)
    here = remember({path: files[path] for path in ("p/b.py", "p/c.py") if path in files})
    for cut in range(0, len(text) + 1, 5):
        tail = text[:cut]
        found = {level: n for level, n in project.levels("p/a.py", text, tail) if level % 3 == 1}
        known = dict(here.levels("p/a.py", text, tail))
        beside = {level // 3 for level, _ in here.levels("q/d.py", b"", tail)}
        orders = map(memory_reference.CONTEXTS.index, memory_reference.IN_FOLDER)
        assert found == {3 * n + 1: known[3 * n] for n in orders if n in beside}


def test_of_a_large_folder_the_first_files_that_fit_count() -> None:
    project = ProjectMemory(max_bytes=1 << 20)  # a folder's limit is 1,024 symbols
    six = 3 * memory_reference.CONTEXTS.index(6) + 1
    project.set_file("p/b.py", b"beta = 1\n" * 200)
    project.set_file("p/c.py", b"gamma = 1\n")

    def known(tail: bytes) -> bool:
        return six in dict(project.levels("p/a.py", b"", tail))

    assert known(b"gamma = ")
    assert not known(b"beta = ")
    project.set_file("p/b.py", b"beta = 1\n")
    assert known(b"beta = ")
    project.set_file("p/a.py", b"alpha = 1\n" * 200)  # its own text takes nobody's room
    assert known(b"gamma = ")


def test_a_folder_counted_in_steps_leaves_nothing_to_an_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    project = ProjectMemory()
    lines = b"".join(b"name_%d = %d\n" % (n, n) for n in range(500))
    project.set_file("p/b.py", lines)
    project.set_file("p/c.py", lines[::-1])
    steps = 1
    while not project.step_folder("p/a.py", 1000):
        steps += 1
    assert steps >= 2 * len(lines) // 2000
    folder = project._current["p/a.py"].folder
    counted = folder.symbols
    assert counted == 2 * len(lines)
    project.view("p/a.py", b"x = 1\n")
    assert project._current["p/a.py"].folder is folder
    assert folder.symbols == counted


def test_all_counts_together_keep_to_the_limit() -> None:
    project = ProjectMemory(max_bytes=(most := 64 << 20))
    source = np.random.default_rng(1)
    for folder in "pqrst":
        for name in "abcdefgh":
            text = source.integers(32, 127, 10_000).astype(np.uint8).tobytes()
            project.set_file(f"{folder}/{name}.py", text)
    for folder in "pqrst":
        for name in "ab":
            project.view(f"{folder}/{name}.py", b"x = 1\n" * 5000)
            assert project.memory_bytes <= most


@no_deadline
@given(projects, texts, distributions)
def test_weights_without_a_folder_give_the_answers_they_gave(
    files: dict[str, bytes], before: bytes, distribution: Array
) -> None:
    contexts = len(memory_reference.CONTEXTS)
    table = np.random.default_rng(4).uniform(0.1, 1, (2 * contexts, memory_reference.BUCKETS))
    older = Parameters.from_json({"format": 3, "interpolation": table.tolist()})
    project = ProjectMemory(older)
    for path, text in files.items():
        project.set_file(path, text)
    tail = before[-memory.TAIL :]
    expected = distribution.copy()
    for level, counts in project.levels("p/a.py", before, tail):
        context, place = divmod(level, 3)
        assert place != 1
        back = table[2 * context + place // 2, memory_reference.bucket(counts)]
        expected *= back
        for symbol, n in counts.items():
            expected[symbol] += (1 - back) * n / sum(counts.values())
    mixed = project.view("p/a.py", before).mix(log_probs(distribution), [tail])
    np.testing.assert_allclose(np.exp(mixed[0]), expected, atol=1e-6)


@no_deadline
@given(projects, texts, distributions)
def test_what_is_mixed_is_a_distribution(
    files: dict[str, bytes], before: bytes, distribution: Array
) -> None:
    view = remember(files).view("p/a.py", before)
    mixed = view.mix(log_probs(distribution, distribution), [before[-memory.TAIL :], b""])
    assert mixed.dtype == np.float32
    np.testing.assert_allclose(np.exp(mixed.astype(np.float64)).sum(axis=1), 1, atol=1e-5)


def test_two_views_of_one_file_stay_apart() -> None:
    project = ProjectMemory()
    flat = log_probs(np.full(256, 1 / 256))
    past = project.view("p/a.py", b"widget\nwidget\n")
    first = past.mix(flat, [b"widge"])
    project.view("p/a.py", b"").mix(flat, [b"widge"])
    np.testing.assert_array_equal(past.mix(flat, [b"widge"]), first)
    assert first[0].argmax() == ord("t")


def test_the_project_s_names_are_known_and_forgotten() -> None:
    project = remember({"p/names.py": b"frobnicate(quux)\n" * 3})
    flat = log_probs(np.full(256, 1 / 256))
    likely = project.view("p/a.py", b"").mix(flat, [b"frobni"])
    assert likely[0].argmax() == ord("c")
    assert math.exp(likely[0, ord("c")]) > 0.5
    project.set_file("p/names.py", None)
    np.testing.assert_array_equal(project.view("p/a.py", b"").mix(flat, [b"frobni"]), flat)


def test_without_memory_the_network_is_alone() -> None:
    flat = log_probs(np.full(256, 1 / 256))
    assert NetworkAlone().mix(flat, [b"a"]) is flat


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(60_000, 400_000))
def test_memory_stays_within_its_bound(seed: int, bound: int) -> None:
    """What does not fit stays out whole, and leaves the rest as it was."""
    random = np.random.default_rng(seed)
    project = ProjectMemory(max_bytes=bound)
    kept = {}
    for number in range(6):
        text = random.integers(0, 60, 3_000).astype(np.uint8).tobytes()
        if project.set_file(f"p/{number}.py", text):
            kept[f"p/{number}.py"] = text
    assert project.memory_bytes <= bound
    assert len(kept) < 6
    assert sorted(project.files) == sorted(kept)
    know_the_same(project, remember(kept), "q/x.py", b"".join(kept.values())[:600])


def test_a_replacement_that_does_not_fit_takes_the_file_out() -> None:
    random = np.random.default_rng(0)
    project = ProjectMemory(max_bytes=300_000)
    text = random.integers(0, 60, 1_000).astype(np.uint8).tobytes()
    assert project.set_file("p/a.py", text)
    more = text[:500] + random.integers(0, 60, 50_000).astype(np.uint8).tobytes() + text[500:]
    assert not project.set_file("p/a.py", more)
    assert project.files == ()
    know_the_same(project, ProjectMemory(), "p/b.py", text)


def test_parameters_survive_json_and_bad_ones_are_refused() -> None:
    parameters = memory.default_parameters()
    again = Parameters.from_json(parameters.to_json())
    np.testing.assert_allclose(again.interpolation, parameters.interpolation, atol=1e-5)
    good = parameters.to_json()
    for bad in ({}, {**good, "format": 5}, {**good, "interpolation": [[0.5]]}):
        with pytest.raises(ValueError, match=r"memory|interpolation"):
            Parameters.from_json(bad)


@pytest.mark.parametrize(("form", "levels"), [(1, 17), (2, 20)])
def test_an_older_model_s_weights_give_way_to_the_package_s(
    form: int, levels: int, caplog: pytest.LogCaptureFixture
) -> None:
    memory._tell_older.cache_clear()
    default = memory.default_parameters()
    older = {"format": form, "interpolation": [[0.5] * 36] * levels}
    assert Parameters.from_json(older) is default
    assert [record.message for record in caplog.records if "older" in record.message]


def test_without_the_kernel_it_works_and_says_so_once() -> None:
    program = """
import logging, sys
sys.modules["lstm_lsp._memory"] = None
logging.basicConfig(format="%(message)s")
import numpy as np
from lstm_lsp import memory
for _ in range(2):
    project = memory.ProjectMemory()
project.set_file("p/a.py", b"frobnicate()\\n" * 3)
mixed = project.view("p/b.py", b"").mix(np.full((1, 256), -5.545, np.float32), [b"frobn"])
print(memory.compiled, chr(mixed[0].argmax()))
"""
    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert run.stdout.split() == ["False", "i"]
    assert run.stderr.count("slower") == 1


def test_asking_while_indexing_harms_neither() -> None:
    random = np.random.default_rng(2)
    files = {f"p/{n}.py": random.integers(97, 110, 9_000).astype(np.uint8).tobytes() for n in "abc"}
    project = ProjectMemory()
    flat = log_probs(np.full(256, 1 / 256))

    def index() -> None:
        for path, text in files.items():
            project.set_file(path, text)

    indexing = threading.Thread(target=index)
    indexing.start()
    while indexing.is_alive():
        mixed = project.view("p/b.py", files["p/b.py"][:500]).mix(flat, [b"abc"])
        assert np.isfinite(mixed).all()
    indexing.join()
    for path, text in files.items():
        know_the_same(project, remember(files), path, text[:800])
