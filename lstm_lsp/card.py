"""What a model file says about itself: format, architecture and card.

The one contract between what trains and what serves. A model is one `.onnx` file;
its metadata hold `lstm_lsp.format` and `lstm_lsp.card` (JSON). Inputs are
`symbols (T, B) int64`, `h (L, B, H)`, `c (L, B, H)` float32; outputs
`log_probs (T, B, 256)`, `h`, `c`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

FORMAT: Final = "1"
FORMAT_KEY: Final = "lstm_lsp.format"
CARD_KEY: Final = "lstm_lsp.card"


@dataclass(frozen=True)
class Architecture:
    """The shape of a network."""

    layers: int = 2
    units: int = 512
    embedding: int = 64
    cell: str = "lstm"
    output: str = "last"
    """What the output reads: the hidden states of the "last" layer, or of "all", side by side
    from the first on (Graves 2013, "Generating sequences with recurrent neural networks")."""

    @property
    def output_units(self) -> int:
        """Hidden units that the output reads."""
        return self.units * (self.layers if self.output == "all" else 1)

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Architecture:
        """Read what `dataclasses.asdict` wrote. Raises ValueError on anything else."""
        try:
            architecture = cls(**value)
        except TypeError as error:
            raise ValueError(f"not an architecture: {error}") from None
        sizes = (architecture.layers, architecture.units, architecture.embedding)
        known = architecture.output in ("last", "all")
        if not known or not all(isinstance(size, int) and size > 0 for size in sizes):
            raise ValueError(f"not an architecture: {value}")
        return architecture
