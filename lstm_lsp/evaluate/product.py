"""The product as an evaluation sees it: the completer, with or without a project memory."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from lstm_lsp import symbols
from lstm_lsp.completer import Completer, Place
from lstm_lsp.context import Contexts
from lstm_lsp.evaluate.bits import View
from lstm_lsp.evaluate.measures import Suggestion
from lstm_lsp.evaluate.sampling import Spot
from lstm_lsp.evaluate.sources import File, Project
from lstm_lsp.memory import Mixer, NetworkAlone, Parameters, ProjectMemory
from lstm_lsp.network import Model
from lstm_lsp.ranking import DEFAULT, EVERYTHING, Presentation
from lstm_lsp.search import Candidate, Kind

Memory = Literal["none", "file", "project"]

TYPING: tuple[Kind, ...] = ("token", "line", "block")
"""What may be shown while typing; a next character saves no key."""

_FIRST = ("block", "line", "token", "char")


def memory_of(model: Model, project: Project, memory: Memory) -> ProjectMemory | None:
    """Return what the server would have learned from `project`: nothing, or all its files.

    With "file" nothing is known beforehand, and a view adds what stands before a line.
    """
    if memory == "none":
        return None
    learned = ProjectMemory(Parameters.of_card(model.card))
    if memory == "project":
        for file in project.files:
            learned.set_file(file.path, file.symbols)
    return learned


def view_of(memory: ProjectMemory | None, file: File) -> View | None:
    """Return what gives the memory behind each line of `file`."""
    if memory is None:
        return None
    known = memory
    return lambda before: known.view(file.path, before)


class Product:
    """The completer as a `Suggester`."""

    def __init__(
        self,
        model: Model,
        memory: ProjectMemory | None,
        kinds: Sequence[Kind] = TYPING,
        settings: Presentation = DEFAULT,
    ) -> None:
        """`kinds` and `settings` are those of typing; positions are asked for everything."""
        self._completer = Completer(model, Contexts(model))
        self._memory = memory
        self._kinds = kinds
        self._settings = settings

    def tokens(self, spot: Spot, count: int) -> list[str]:
        """Return the next tokens, best first, however improbable."""
        return [found.text for found in self._candidates(spot, ("token",), EVERYTHING)][:count]

    def line(self, spot: Spot) -> str:
        """Return the likeliest rest of the line, however improbable."""
        found = self._candidates(spot, ("line",), EVERYTHING)
        return found[0].text if found else ""

    def prepare(self, spot: Spot) -> None:
        """Read what stands before `spot`."""
        self._candidates(spot, ("char",), EVERYTHING)

    def shown(self, spot: Spot) -> Suggestion | None:
        """Return the ghost text, or where there is none the popup's first item."""
        found = self._candidates(spot, self._kinds, self._settings)
        for kind in _FIRST:
            for candidate in found:
                if candidate.kind == kind:
                    return Suggestion(candidate.text, candidate.probability)
        return None

    def _candidates(
        self, spot: Spot, kinds: Sequence[Kind], settings: Presentation
    ) -> list[Candidate]:
        file = spot.file
        place = Place(file.header, symbols.encode(spot.before), "", file.language)
        return self._completer.candidates(place, self._mixer(spot), kinds, settings=settings)

    def _mixer(self, spot: Spot) -> Mixer:
        if self._memory is None:
            return NetworkAlone()
        line = symbols.encode(spot.file.text[: spot.line_start])
        return self._memory.view(spot.file.path, line)
