"""`python -m lstm_lsp` is `lstm-lsp`."""

import sys

from lstm_lsp.cli import main

sys.exit(main())
