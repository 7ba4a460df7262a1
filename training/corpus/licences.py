"""Licence notices inside source files: which of them restrict.

Works on text alone; knows nothing of projects' manifests but their SPDX expression.
"""

from __future__ import annotations

import re
from typing import Final

# Comment decoration, so that a notice wrapped over comment lines reads as one line.
_DECORATION = re.compile(r"[\s*#/;|-]+")
# Every pattern below needs one of these words: most files are done with at a glance.
_HINTS = (
    *("gnu", "gpl", "spdx", "mozilla", "eclipse", "cddl", "common ", "common\n", "european"),
    *("server side", "server-side", "business source", "cc-by", "cc by", "commons clause"),
    *("commercial", "share-alike", "sharealike", "noderiv", "confidential", "proprietary"),
)

_PUBLIC = "public licen[cs]e"
_SPDX = "spdx license identifier:"
RESTRICTIVE: Final = {
    "AGPL": rf"gnu affero general {_PUBLIC}|\bAGPL",
    "LGPL": rf"gnu (?:lesser|library) general {_PUBLIC}|\bLGPL",
    "GPL": rf"gnu general {_PUBLIC}|{_SPDX} GPL|\b(?:under|terms of) (?:the )?GPL",
    "MPL": rf"mozilla {_PUBLIC}|{_SPDX} MPL",
    "EPL": rf"eclipse {_PUBLIC}|{_SPDX} EPL",
    "CDDL": r"common development and distribution licen[cs]e|\bCDDL\b",
    "CPL": rf"\bcommon {_PUBLIC}",
    "EUPL": rf"european union {_PUBLIC}",
    "SSPL": rf"server side {_PUBLIC}",
    "BUSL": r"business source licen[cs]e",
    "CC": r"commons[^.]{0,60}(?:non ?commercial|share ?alike|no ?deriv)|\bCC BY (?:NC|SA|ND)",
    "Commons-Clause": r"commons clause",
    "proprietary": r"proprietary and confidential"
    r"|(?:confidential|proprietary) (?:and proprietary )?information of",
}
_FAMILIES = {family: re.compile(f"(?i){pattern}") for family, pattern in RESTRICTIVE.items()}


def restriction(text: str, licence: str) -> str | None:
    """Return the family of a restrictive licence that `text` names, or None.

    A family that `licence`, the project's SPDX expression, names itself does not
    count: a project under "Apache-2.0 OR EPL-2.0" gives what its files say.
    """
    lower = text.lower()
    if not any(hint in lower for hint in _HINTS):
        return None
    flat = _DECORATION.sub(" ", text)
    for family, pattern in _FAMILIES.items():
        if not re.search(rf"(?<![A-Z]){family}", licence) and pattern.search(flat):
            return family
    return None
