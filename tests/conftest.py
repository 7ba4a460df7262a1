"""What every test may use: a tiny model file, built with seeded weights."""

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, settings

from lstm_lsp.card import Architecture
from lstm_lsp.network import Model
from lstm_lsp.training.graph import Weights, build

# Nothing here asserts on time, and CI tries the same examples every time: a property that
# fails on a fresh one is found by whoever runs the tests at home, with the example in hand.
settings.register_profile("home", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("ci", settings.get_profile("home"), derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "home")

TINY = Architecture(layers=2, units=16, embedding=8)
SHAPES = [TINY, replace(TINY, output="all")]
"""What a served network may be: the output reads the last layer, or all."""


def seeded_weights(architecture: Architecture, seed: int = 0) -> Weights:
    """Return weights by the names `training.graph` reads, large enough to be opinionated."""
    random = np.random.default_rng(seed)
    a = architecture
    shapes = {
        "embedding.weight": (256, a.embedding),
        "output.weight": (256, a.output_units),
        "output.bias": (256,),
    }
    for layer in range(a.layers):
        shapes |= {
            f"lstm.weight_ih_l{layer}": (4 * a.units, a.units if layer else a.embedding),
            f"lstm.weight_hh_l{layer}": (4 * a.units, a.units),
            f"lstm.bias_ih_l{layer}": (4 * a.units,),
            f"lstm.bias_hh_l{layer}": (4 * a.units,),
        }
    return {name: random.normal(0, 0.8, shape).astype(np.float32) for name, shape in shapes.items()}


@pytest.fixture(scope="session")
def tiny_model_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return an int8 model file of 2 x 16 units with a context of 256 symbols."""
    path = tmp_path_factory.mktemp("models") / "tiny.onnx"
    card = {"name": "tiny", "context": 256, "languages": ["java", "python"]}
    path.write_bytes(build(seeded_weights(TINY), TINY, card, int8=True))
    return path


@pytest.fixture(scope="session")
def tiny_model(tiny_model_path: Path) -> Model:
    return Model.load(tiny_model_path)
