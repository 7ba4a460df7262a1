"""The one ruler: what a model with a memory is worth on projects it never saw.

`run` measures and returns the report of `lstm-lsp evaluate --json`; `show` prints it for
people. docs/evaluation.md defines every measure. Knows nothing of the protocol.
"""

from lstm_lsp.evaluate.report import show
from lstm_lsp.evaluate.runner import run
from lstm_lsp.evaluate.sources import EvaluationError

__all__ = ["EvaluationError", "run", "show"]
