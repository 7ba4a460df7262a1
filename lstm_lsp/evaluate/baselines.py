"""The completer of plain editors, as a baseline: words that are in the text already.

A `Suggester`, so it meets the same places, sees the same text before them and is judged
by the same measures as the product. Knows nothing of models.
"""

from __future__ import annotations

import re
from collections import Counter

from lstm_lsp.evaluate.measures import Suggestion
from lstm_lsp.evaluate.sampling import Spot
from lstm_lsp.evaluate.sources import File, Project

HALF_LIFE = 25
"""Words after which an occurrence counts half: the best of 6, 25 and 100 on four validation
projects, if by little."""

_WORD = re.compile(r"[^\W\d]\w*")
_TYPED = re.compile(r"(?:[^\W\d]\w*)?\Z")


class Words:
    """The words of the open buffer, ranked by recency and frequency.

    A word's rank is the sum over its occurrences of 0.5 ** (words since / HALF_LIFE). With
    `project` the words of its other files follow, by frequency. While typing, the first of
    the list is shown from a word's first letter on.
    """

    def __init__(self, project: Project | None = None, half_life: float = HALF_LIFE) -> None:
        self._half_life = half_life
        self._files = {
            file.path: Counter(_WORD.findall(file.text))
            for file in (project.files if project else ())
        }
        self._all: Counter[str] = Counter()
        for words in self._files.values():
            self._all += words
        self._others: tuple[str, list[str]] = ("", [])

    def tokens(self, spot: Spot, count: int) -> list[str]:
        """Return the rests of the words that go on with what is typed."""
        typed = _TYPED.search(spot.before)
        prefix = typed.group() if typed else ""
        words = _WORD.findall(spot.before[: spot.offset - len(prefix)])
        ranks: dict[str, float] = {}
        for since, word in enumerate(reversed(words)):
            if word.startswith(prefix) and word != prefix:
                ranks[word] = ranks.get(word, 0.0) + 0.5 ** (since / self._half_life)
        best = sorted(ranks, key=lambda word: -ranks[word])[:count]
        if len(best) < count:
            for word in self._other_words(spot.file):
                if word.startswith(prefix) and word != prefix and word not in ranks:
                    best.append(word)
                    if len(best) == count:
                        break
        return [word[len(prefix) :] for word in best]

    def _other_words(self, file: File) -> list[str]:
        """Return the words of the project's other files, most frequent first."""
        if self._others[0] != file.path:
            counts = self._all - self._files.get(file.path, Counter())
            self._others = file.path, [word for word, _ in counts.most_common()]
        return self._others[1]

    def line(self, spot: Spot) -> str:
        """Return "": words complete no lines."""
        return ""

    def prepare(self, spot: Spot) -> None:
        """Need nothing."""

    def shown(self, spot: Spot) -> Suggestion | None:
        """Return the rest of the first word once a letter is typed."""
        if not (spot.offset and is_word(spot.before[-1:])):
            return None
        best = self.tokens(spot, 1)
        return Suggestion(best[0]) if best else None


def is_word(text: str) -> bool:
    """Whether the one character `text` goes on with a word."""
    return text.isalnum() or text == "_"
