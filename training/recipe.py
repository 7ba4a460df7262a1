"""What a run does, how long, and the learning rate that follows from both."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from lstm_lsp.card import Architecture

from .lanes import Presentation


@dataclass(frozen=True)
class Recipe:
    """What one run does. Learning rates are Adam's; shares are 0-1."""

    architecture: Architecture = field(default_factory=Architecture)
    lanes: int = 32
    """Documents read side by side, over all processes."""
    length: int = 96
    """Symbols a chunk, the reach of truncated backpropagation."""
    learning_rate: float = 2.5e-3
    warm_up: int = 200
    """Steps from nothing to the full learning rate."""
    decay: float = 0.35
    """Share of the budget, at its end, in which the learning rate falls to zero."""
    clip: float = 1.0
    """Largest norm of a step's gradient."""
    average: float = 0.0
    """What the running average of the weights, kept while the rate falls, keeps a step; 0: none."""
    dropout: float = 0.0
    """Share of the last layer's outputs dropped from the fourth epoch on; before, none."""
    towards: float = 1.0
    """Of a fine-tuning: how far from the base towards the trained weights its result lies."""
    seed: int = 0
    presentation: Presentation = field(default_factory=Presentation)

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Recipe:
        """Read what `dataclasses.asdict` wrote. Raises TypeError or ValueError on anything else."""
        value = dict(value)
        value["architecture"] = Architecture.from_json(value.get("architecture", {}))
        value["presentation"] = Presentation(**value.get("presentation", {}))
        return cls(**value)


@dataclass(frozen=True)
class Budget:
    """When a run is done: after `minutes` of training, or after `symbols` read."""

    minutes: float | None = None
    symbols: int | None = None

    def spent(self, seconds: float, symbols: int) -> float:
        """Return the share of the budget that is spent, 0-1."""
        shares = [0.0]
        if self.minutes is not None:
            shares.append(seconds / (60 * self.minutes))
        if self.symbols is not None:
            shares.append(symbols / self.symbols)
        return min(1.0, max(shares))


def learning_rate(recipe: Recipe, step: int, spent: float) -> float:
    """Return the learning rate: warm-up, plateau, linear decay to zero at the budget's end."""
    warm = min(1.0, (step + 1) / recipe.warm_up)
    left = 1.0 if recipe.decay <= 0 else min(1.0, (1.0 - spent) / recipe.decay)
    return recipe.learning_rate * warm * left
