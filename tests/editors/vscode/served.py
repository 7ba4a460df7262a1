"""lstm-lsp, with a stand-in for what trains: it goes on until it is interrupted."""

import sys

from lstm_lsp import cli
from lstm_lsp.server import training

CHILD = r"""
import signal, sys
signal.signal(signal.SIGTERM, lambda *_: sys.exit("lstm-lsp: it did not get more predictable"))
print("\r 50%|#####     | 00:10 2.100 bits/char, 0.1 M", end="\r", file=sys.stderr, flush=True)
signal.pause()
"""

if __name__ == "__main__":
    training.COMMAND[:] = [sys.executable, "-c", CHILD]
    sys.exit(cli.main())
