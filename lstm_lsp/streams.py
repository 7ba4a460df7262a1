"""Text from files and pipes, and text to terminals, pipes and full disks.

Knows nothing of what the text is for.
"""

from __future__ import annotations

import contextlib
import io
import os
import sys

# A terminal never gets a control sequence that a network came up with.
VISIBLE = {code: 0x2400 + code for code in range(32) if chr(code) not in "\t\n"} | {0x7F: 0x2421}


# What Python makes of bytes that are no UTF-8 when told to keep them.
_UNDECODABLE = "".join(map(chr, range(0xDC80, 0xDD00)))


class Unreadable(Exception):  # noqa: N818 - it is read by people, not by handlers
    """What was given is no text; the message is one line: why, and what to do."""


def decoded(content: bytes, name: str, *, cut: bool = False, empty: bool = False) -> str:
    """Return the text in `content`; with `cut`, undecodable bytes at its end are dropped.

    Raises Unreadable when it is no text, or has none and may not be `empty`.
    """
    text = content.decode("utf-8-sig", "surrogateescape")
    if cut:
        text = text.rstrip(_UNDECODABLE)
    if not (text or empty):
        raise Unreadable(f"{name} is empty: there is nothing to go on from")
    if "\0" in text:
        raise Unreadable(f"{name} is a binary file: give one with text")
    if not text.isascii() and any(character in _UNDECODABLE for character in text):
        raise Unreadable(f"{name} is not UTF-8: convert it first")
    return text


def prepare_streams() -> None:
    """Make stdout take any text: UTF-8 in a pipe or a file, what it can show on a terminal.

    A standard stream that the caller has closed is an empty one.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115
    if isinstance(sys.stdout, io.TextIOWrapper):
        if sys.stdout.isatty():
            sys.stdout.reconfigure(errors="replace")
        else:
            sys.stdout.reconfigure(encoding="utf-8", errors="surrogateescape")


def abandon_stdout() -> None:
    """Let nothing more reach stdout, so that the interpreter's own flush cannot fail."""
    with contextlib.suppress(OSError, ValueError):
        sys.stdout.flush()
        return
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
