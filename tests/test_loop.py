"""The loop: it learns, resumes exactly, averages, and is the same in several processes."""

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from lstm_lsp.card import Architecture
from lstm_lsp.training import checkpoint, curve, loop
from lstm_lsp.training.cells import Network, network_of
from lstm_lsp.training.corpus.packed import Corpus, pack
from lstm_lsp.training.network import CharacterLSTM
from lstm_lsp.training.processes import Processes
from lstm_lsp.training.recipe import Budget, Recipe, learning_rate
from tests.conftest import TINY
from tests.test_lanes import documents

RECIPE = Recipe(architecture=TINY, lanes=4, length=16, learning_rate=1e-2, warm_up=2)
STEP = RECIPE.lanes * RECIPE.length


@pytest.fixture(scope="module")
def corpus() -> Corpus:
    return Corpus.of(documents())


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def trained(
    corpus: Corpus,
    folder: Path,
    recipe: Recipe = RECIPE,
    *,
    steps: int = 60,
    stop_after: int = 10**9,
    resume: bool = False,
) -> Network:
    torch.manual_seed(1)
    network = network_of(recipe.architecture)
    asked = iter(range(10**9))
    loop.train(
        network,
        corpus,
        recipe,
        Budget(symbols=steps * STEP),
        folder,
        resume=resume,
        quiet=True,
        stopped=lambda: next(asked) >= stop_after,
    )
    return network


@pytest.mark.parametrize(
    "recipe",
    [
        RECIPE,
        replace(RECIPE, average=0.9, dropout=0.2, decay=0.8),
        replace(RECIPE, architecture=Architecture(1, 8, 4, cell="gru")),
        replace(RECIPE, architecture=Architecture(1, 8, 4, cell="peephole")),
        replace(RECIPE, architecture=Architecture(2, 8, 4, output="all")),
    ],
    ids=["plain", "averaged, dropped", "gru", "peephole", "all layers"],
)
def test_an_interrupted_run_ends_with_the_weights_of_an_uninterrupted_one(
    corpus: Corpus, tmp_path: Path, recipe: Recipe
) -> None:
    corpus = Corpus.of(documents(4)) if recipe.dropout else corpus  # four epochs and more
    steps = 60
    whole = trained(corpus, tmp_path / "whole", recipe, steps=steps)
    trained(corpus, tmp_path / "parts", recipe, steps=steps, stop_after=steps - 30)
    resumed = trained(corpus, tmp_path / "parts", recipe, steps=steps, resume=True)
    for name, value in whole.state_dict().items():
        assert torch.equal(value, resumed.state_dict()[name]), name


def test_training_learns(corpus: Corpus, tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = CharacterLSTM(TINY)
    before = loop.bits_per_symbol(network, corpus)
    loop.train(network, corpus, RECIPE, Budget(symbols=20_000), tmp_path, quiet=True)
    assert loop.bits_per_symbol(network, corpus) < before - 2


def test_the_average_lies_between_and_is_what_a_run_gives(corpus: Corpus, tmp_path: Path) -> None:
    """With the rate constant and all steps averaged the average is computed by hand."""
    recipe = replace(RECIPE, average=0.5, decay=1.0)
    network = trained(corpus, tmp_path, recipe, steps=3)
    stored = load_file(tmp_path / checkpoint.CHECKPOINT)
    one, two, three = (
        trained(corpus, tmp_path / f"{n}", replace(recipe, average=0.0), steps=3, stop_after=n)
        for n in (1, 2, 3)
    )
    for name, value in network.state_dict().items():
        first, second, third = (each.state_dict()[name] for each in (one, two, three))
        expected = ((first + second) / 2 + third) / 2
        np.testing.assert_allclose(value, expected, atol=1e-6)
        assert torch.equal(stored[f"average.{name}"], value)
        assert torch.equal(stored[f"network.{name}"], third)
    loaded, _ = checkpoint.load_network(tmp_path / checkpoint.CHECKPOINT)
    assert torch.equal(loaded.output.weight, network.output.weight)


def test_dropout_waits_for_the_fourth_epoch(corpus: Corpus, tmp_path: Path) -> None:
    recipe = replace(RECIPE, dropout=0.5)
    few = Corpus.of(documents(4))
    assert not trained(corpus, tmp_path / "short", recipe).dropout
    assert trained(few, tmp_path / "long", recipe).dropout == 0.5


def test_the_plateau_is_kept_for_a_longer_run(corpus: Corpus, tmp_path: Path) -> None:
    trained(corpus, tmp_path, steps=80)
    _, facts = checkpoint.load_network(tmp_path / checkpoint.BEFORE_DECAY)
    assert 0.6 < facts["progress"]["step"] / 80 < 0.8


@pytest.mark.parametrize(("step", "spent", "share"), [(0, 0.0, 0.5), (5, 0.5, 1.0), (5, 1.0, 0.0)])
def test_the_learning_rate_warms_up_stays_and_falls_to_zero(
    step: int, spent: float, share: float
) -> None:
    assert learning_rate(RECIPE, step, spent) == pytest.approx(share * RECIPE.learning_rate)


def test_a_run_cannot_go_on_with_another_recipe(corpus: Corpus, tmp_path: Path) -> None:
    trained(corpus, tmp_path, steps=2)
    wider = replace(RECIPE, architecture=replace(TINY, units=24))
    with pytest.raises(checkpoint.CheckpointError, match="another recipe"):
        trained(corpus, tmp_path, wider, resume=True)
    with pytest.raises(checkpoint.CheckpointError, match=r"no run to go on with in .*none"):
        trained(corpus, tmp_path / "none", resume=True)


def test_a_full_disk_loses_no_earlier_checkpoint(
    corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained(corpus, tmp_path, steps=2)
    before = (tmp_path / checkpoint.CHECKPOINT).read_bytes()

    def half(_tensors: object, file: Path, **_: object) -> None:
        file.write_bytes(before[:100])
        raise SafetensorError("no space left on device")

    monkeypatch.setattr(checkpoint, "save_file", half)
    with pytest.raises(checkpoint.CheckpointError, match="cannot be written: no space left"):
        trained(corpus, tmp_path, steps=4, resume=True)
    assert (tmp_path / checkpoint.CHECKPOINT).read_bytes() == before
    assert not list(tmp_path.glob("*.unfinished"))


def test_a_run_leaves_its_curve_and_a_picture(corpus: Corpus, tmp_path: Path) -> None:
    loop.train(
        CharacterLSTM(TINY),
        corpus,
        RECIPE,
        Budget(symbols=20 * STEP),
        tmp_path,
        validation={"java": corpus},
        report_every=0.0,
        quiet=True,
    )
    rows = curve.read(tmp_path)
    assert [row["step"] for row in rows if "bits" in row] == list(range(21))
    assert set(rows[-1]["validation"]) == {"java"}
    assert (tmp_path / curve.PICTURE).read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("steps", [2, 400])
def test_validation_reads_a_small_share_of_what_was_learned_from(
    corpus: Corpus, tmp_path: Path, steps: int
) -> None:
    torch.manual_seed(1)
    network = network_of(TINY)
    scored = 0

    def count(module: torch.nn.Module, arguments: tuple[torch.Tensor, ...]) -> None:
        nonlocal scored
        if not module.training:
            scored += arguments[0].numel()

    network.register_forward_pre_hook(count)
    held = Corpus.of(documents() * 20)
    budget = Budget(symbols=steps * STEP)
    languages = {"java": held, "python": held}
    loop.train(network, corpus, RECIPE, budget, tmp_path, validation=languages, quiet=True)
    one_chunk = 32 * 128
    assert 0 < scored <= loop.VALIDATION_SHARE * steps * STEP + len(languages) * one_chunk
    assert loop.validation_symbols(10**9, 2) == loop.VALIDATION_SYMBOLS


def test_scalars_reach_tensorboard(corpus: Corpus, tmp_path: Path) -> None:
    events = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    trained(corpus, tmp_path, steps=3)
    found = events.EventAccumulator(str(tmp_path / "tensorboard"))
    found.Reload()
    assert found.Scalars("bits")[-1].step == 3 * STEP
    assert found.Scalars("learning_rate")


# Several processes.


def test_lanes_that_cannot_be_shared_are_refused() -> None:
    assert [Processes(rank, 2).own(6) for rank in (0, 1)] == [slice(0, 3), slice(3, 6)]
    with pytest.raises(ValueError, match="7 lanes cannot be shared by 2"):
        Processes(0, 2).own(7)


TWO = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_two_processes_train_as_one(tmp_path: Path) -> None:
    """The command of docs/training.md: the same losses, and one checkpoint for both."""
    (tmp_path / "java.train.symbols").write_bytes(b"".join(map(pack, documents(40))))
    recipe = tmp_path / "small.toml"
    recipe.write_text(
        "lanes = 4\nlength = 16\nlearning_rate = 1e-2\nwarm_up = 2\ndecay = 0.0\n"
        "[architecture]\nlayers = 2\nunits = 16\nembedding = 8\n"
    )

    def run(folder: str, launcher: list[str], steps: int, *more: str) -> list[float]:
        pretrain = ["-m", "lstm_lsp.training.pretrain", str(tmp_path), "--device", "cpu"]
        pretrain += ["--recipe", str(recipe), "--folder", str(tmp_path / folder)]
        pretrain += ["--symbols", str(steps * STEP), "--report-every", "0", *more]
        done = subprocess.run(
            [sys.executable, *launcher, *pretrain],
            env=os.environ | {"OMP_NUM_THREADS": "1"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return [row["bits"] for row in curve.read(tmp_path / folder) if row["step"]]

    one = run("one", [], 30)
    assert len(one) == 30
    np.testing.assert_allclose(run("two", TWO, 20), one[:20], atol=1e-4)
    resumed = run("two", TWO, 30, "--resume")
    np.testing.assert_allclose(resumed[-10:], one[-10:], atol=1e-4)
    single, pair = (
        load_file(tmp_path / name / checkpoint.CHECKPOINT)["network.output.weight"]
        for name in ("one", "two")
    )
    np.testing.assert_allclose(pair, single, atol=1e-4)
