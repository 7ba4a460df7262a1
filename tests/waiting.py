"""Waiting for what an editor shows."""

import time
from collections.abc import Callable
from typing import Any

BETWEEN = 0.02  # seconds between two looks


def soon(there: Callable[[], Any], seconds: float) -> Any:
    """Return what `there` gives as soon as that is true, or what it gave when time was up.

    It looks again and again, because there is no one event to wait for: what is awaited is drawn
    by a page, told by a Neovim over its own protocol, or is a process in /proc. Nothing goes by
    how long it took.
    """
    end = time.monotonic() + seconds
    while not (found := there()) and time.monotonic() < end:
        time.sleep(BETWEEN)
    return found
