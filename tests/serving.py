"""The explorer's server in a thread of its own, for tests and pictures that are its clients."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from lstm_lsp.explore.explorer import Explorer
from lstm_lsp.explore.server import Server, listen


@contextmanager
def serving(explorer: Explorer) -> Iterator[Server]:
    """Yield a server that answers for `explorer` until the block ends."""
    with listen(explorer) as listening:
        thread = threading.Thread(target=listening.serve_forever)
        thread.start()
        try:
            yield listening
        finally:
            listening.shutdown()
            thread.join()
