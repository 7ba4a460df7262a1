r"""Text to symbols and back.

A symbol is one UTF-8 byte (0-255): no character of any language is unknown, and
there is no vocabulary to version. Four control bytes that sources never contain
are markers; text that does contain one reaches the network with U+FFFD in its
place. Line ends are "\n" to the network, whatever the file has.

A document is `START language SEPARATOR path END_OF_HEADER text END`; the first
four parts are its header. Nothing here knows models, files or the protocol.
"""

from __future__ import annotations

import re
from typing import Final

VOCABULARY: Final = 256

START: Final = 0x02
END: Final = 0x03
END_OF_HEADER: Final = 0x1E
SEPARATOR: Final = 0x1F
MARKERS: Final = bytes((START, END, END_OF_HEADER, SEPARATOR))

REPLACEMENT: Final = "\ufffd"

_LINE_END = re.compile(r"\r\n?")
# Markers, and the surrogates that a str can hold but UTF-8 cannot.
_UNREADABLE = re.compile("[\x02\x03\x1e\x1f\ud800-\udfff]")


def normalise(text: str) -> str:
    r"""Return `text` as the network reads it: "\n" line ends, U+FFFD for markers.

    Lone surrogates, which UTF-8 cannot express, become U+FFFD too.
    """
    if "\r" in text:
        text = _LINE_END.sub("\n", text)
    return _UNREADABLE.sub(REPLACEMENT, text)


def encode(text: str) -> bytes:
    """Return the symbols of `text`; never fails (see `normalise`)."""
    return normalise(text).encode("utf-8")


def header(language: str, path: str = "") -> bytes:
    """Return the header of a document.

    `path` starts with the project folder's own name and uses "/"; it is empty for
    untitled and folderless documents.
    """
    return b"".join(
        (
            bytes((START,)),
            encode(language),
            bytes((SEPARATOR,)),
            encode(path),
            bytes((END_OF_HEADER,)),
        )
    )


def is_boundary(symbol: int) -> bool:
    """Whether a character may start at `symbol` (it is no UTF-8 continuation byte)."""
    return symbol & 0xC0 != 0x80
