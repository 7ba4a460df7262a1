"""The licence and notice files of the projects: kept as evidence, and to go with a model.

Only a project's own: at its top, a folder below, or in a wheel's metadata. What lies
deeper belongs to code that a project carries along, which no corpus takes. Pure
functions; knows nothing of archives.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import PurePosixPath
from typing import Final, NamedTuple

NOTICES: Final = "NOTICES.txt"
"""The file beside a corpus, and beside a model trained on it."""
MAX_BYTES: Final = 200_000
_NAME = re.compile(r"(?i)(?:un)?(?:licen[cs]e|notice|copying|copyright)(?:[._-][\w.-]*)?")
_CODE: Final = (".java", ".py", ".pyi", ".class", ".html")
_FORMAT = re.compile(r"\AFormat: \S+\n")
"""How a Debian copyright file begins: it names its markup and grants nothing."""
_METADATA = re.compile(r"[^/]+\.dist-info/(?:licenses/)?[^/]+")


class Notice(NamedTuple):
    """One licence or notice file of a project."""

    path: str
    text: str


def is_notice(path: str, size: int) -> bool:
    """Whether `path` of `size` bytes is a licence or notice file of the project itself."""
    *folders, name = PurePosixPath(path).parts
    if size > MAX_BYTES or not _NAME.fullmatch(name) or name.lower().endswith(_CODE):
        return False
    return len(folders) <= 1 or _METADATA.fullmatch(path) is not None


def page(projects: Iterable[tuple[str, str, Iterable[Notice]]]) -> str:
    """Return one text of all projects' notices, from (id, SPDX expression, notices) each.

    A text that many projects have, such as a licence without a name in it, stands once,
    under the names of them all.
    """
    listed, texts = [], dict[str, list[str]]()
    for project, licence, notices in projects:
        paths = []
        for path, text in sorted(notices):
            plain = "\n".join(line.rstrip() for line in text.strip().splitlines())
            plain = _FORMAT.sub("", plain)
            texts.setdefault(plain, []).append(f"{project}/{path}")
            paths.append(path)
        listed.append(f"{project} ({licence}): {', '.join(paths) or 'no file in its source'}")
    head = "The projects of this corpus, their licences, and the files that state them.\n\n"
    rule = "=" * 79
    blocks = [
        "\n".join([rule, *places, rule, "", text, ""])
        for text, places in sorted(texts.items(), key=lambda each: each[1])
    ]
    return head + "\n".join([*listed, "", *blocks])
