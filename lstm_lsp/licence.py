"""Where the licence notice that opens a source file ends.

Notices repeat word for word over thousands of files: training thins them and
measurements leave them out. Pure text; knows no models and no files.
"""

from __future__ import annotations

import re

# One comment: a block of Java, or a run of line comments (a "#!" line too), with the blank before.
_COMMENT = re.compile(rb"\s*(?:/\*(?:[^*]|\*(?!/)){0,8000}?\*/|(?:[ \t]*(?:#|//)[^\n]*\n)+)")
_NOTICE = re.compile(rb"(?i)licen[cs]e|copyright|all rights reserved")
_BLANK_LINES = re.compile(rb"(?:[ \t]*\n)*")


def licence_end(text: bytes) -> int:
    """Return where the licence notice that opens `text` ends; 0 when there is none.

    The notice is the comments at the very start up to the last that speaks of a
    licence or copyright, and the blank lines after it.
    """
    at, end = 0, 0
    while comment := _COMMENT.match(text, at):
        at = comment.end()
        if _NOTICE.search(comment.group()):
            end = at
    blank = _BLANK_LINES.match(text, end) if end else None
    return blank.end() if blank else end
