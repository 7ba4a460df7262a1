"""Amounts of money, kept in cents."""

from __future__ import annotations

import logging
from pathlib import Path

logger = logging.getLogger(__name__)


class Ledger:
    """A list of amounts."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.amounts: list[int] = []

    def add(self, cents: int) -> int:
        """Add an amount and return how many there are."""
        if cents < 0:
            raise ValueError(f"negative: {cents}")
        self.amounts.append(cents)
        return len(self.amounts)

    def save(self, path: Path) -> None:
        # one amount a line
        with path.open("w", encoding="utf-8") as file:
            for amount in self.amounts:
                file.write(f"{amount}\n")
        logger.info("saved %s", self.name)
