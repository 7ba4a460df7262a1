"""Which files make a corpus, and what is changed in them.

Two functions in a stated order, cheap before dear: `by_name` from path and size
alone, `by_content` from the bytes. Each gives one reason for a file left out, from
`REASONS`, whose order is the order of the checks. Pure functions of a file and the
manifest: nothing here knows other files (`duplicates`) or where they come from.
"""

from __future__ import annotations

import ast
import re
import warnings
from collections import Counter
from dataclasses import dataclass
from fnmatch import fnmatchcase
from hashlib import sha256
from pathlib import PurePosixPath
from typing import Final

from lstm_lsp import symbols
from lstm_lsp.licence import licence_end

from .licences import restriction
from .manifest import ENDINGS, Filters, Manifest, Project

VERSION: Final = 1
"""Raised when the checks change, so that projects kept in a cache are read anew."""

REASONS: Final = (
    "denied",
    "ending",
    "unsafe path",
    "excluded",
    "vendored or generated path",
    "too large",
    "cap",
    "encoding",
    "too small",
    "long lines",
    "generated",
    "number table",
    "restrictive licence",
    "does not parse",
    "exact duplicate",
    "near duplicate",
)

# Folders whose files are another project's, a program's, or data: none is an example
# of how this project is written. Test data and resources hold deliberately odd code.
_FOLDERS: Final = frozenset(
    {
        *("vendor", "vendored", "_vendor", "_vendored", "third_party", "third-party", "thirdparty"),
        *("3rdparty", "external", "extern", "externals", "node_modules", "site-packages"),
        *("generated", "generated-src", "generated-sources", "src-gen", "autogen", "__generated__"),
        *("testdata", "test-data", "test_data", "resources", "fixtures", "migrations"),
        *("target", "dist"),
    }
)
_GENERATED_NAMES = re.compile(
    r"_pb2(?:_grpc)?\.py$|Grpc\.java$|OuterClass\.java$|(?:^|/)_version\.py$"
)
_TEST_FOLDERS: Final = frozenset({"test", "tests", "testing", "androidtest", "integrationtest"})
_TEST_NAMES = re.compile(
    r"^(?:test_.*|.*_test|conftest)\.py$|^Test[A-Z].*\.java$|.*(?:Tests?|IT)\.java$"
)


@dataclass(frozen=True)
class Kept:
    """One file of a corpus: normalised and redacted text, UTF-8."""

    path: str
    text: bytes
    licence_bytes: int
    """Length of the licence notice that opens the text."""
    test: bool

    @property
    def size(self) -> int:
        """Bytes."""
        return len(self.text)

    @property
    def sha256(self) -> str:
        """Digest of the text, hexadecimal."""
        return sha256(self.text).hexdigest()


def by_name(manifest: Manifest, project: Project, path: str, size: int) -> str | None:
    """Return the reason to leave out the file at `path` of `size` bytes, or None."""
    if _denied(manifest, f"{project.id}/{path}"):
        return "denied"
    if not path.endswith(ENDINGS[project.lang]):
        return "ending"
    parts = PurePosixPath(path).parts
    if path.startswith("/") or ".." in parts or "\\" in path:
        return "unsafe path"
    if not project.holds(path):
        return "excluded"
    folders = {part.lower() for part in parts[:-1]}
    hidden = any(folder.startswith(".") for folder in folders)  # tools' own, such as .venv
    if hidden or _FOLDERS & folders or _GENERATED_NAMES.search(path):
        return "vendored or generated path"
    return "too large" if size > manifest.filters.max_bytes else None


def by_content(
    manifest: Manifest, project: Project, path: str, data: bytes, redacted: Counter[str]
) -> Kept | str:
    """Return the file as a corpus holds it, or the reason to leave it out.

    `redacted` counts what was taken out of files that are kept.
    """
    text = _decode(data)
    if text is None:
        return "encoding"
    if manifest.normalise.final_newline:
        text = text.rstrip("\n") + "\n"
    if sha256(text.encode()).hexdigest() in manifest.deny:
        return "denied"
    licence_bytes = licence_end(text.encode())
    body = text.encode()[licence_bytes:].decode()
    limits = manifest.filters
    if len(body.encode()) < limits.min_bytes:
        return "too small"
    if _long_lines(text, limits):
        return "long lines"
    if generated(text):
        return "generated"
    if _number_table(body, limits):
        return "number table"
    if restriction(text, project.licence):
        return "restrictive licence"
    if project.lang == "python" and not _parses(text):
        return "does not parse"
    text = redact(text, redacted)
    return Kept(path, text.encode(), licence_end(text.encode()), is_test(path))


def is_test(path: str) -> bool:
    """Whether `path` is test code, by its folders and name."""
    *folders, name = PurePosixPath(path).parts
    return bool(_TEST_FOLDERS & {each.lower() for each in folders} or _TEST_NAMES.match(name))


def _denied(manifest: Manifest, path: str) -> bool:
    return any(fnmatchcase(path, pattern) for pattern in manifest.deny)


def _decode(data: bytes) -> str | None:
    """Return normalised text: no byte order mark, line ends LF; None if not text."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return None
    if "\0" in text or any(chr(marker) in text for marker in symbols.MARKERS):
        return None
    return symbols.normalise(text)


def _long_lines(text: str, limits: Filters) -> bool:
    lines = text.splitlines()
    longest = max(map(len, lines), default=0)
    return longest > limits.max_line or len(text) > limits.max_mean_line * max(len(lines), 1)


def _number_table(text: str, limits: Filters) -> bool:
    dense = re.sub(r"\s+", "", text)
    digits = len(re.findall("[0-9]", dense))
    words = len(re.findall(r"[^\W_]", text))
    return digits > limits.max_digits * len(dense) or words < limits.min_alphanumeric * len(text)


# What programs write at the top of what they generate. "Do not edit" alone is also
# said by people, so it counts only near "generated".
_GENERATED = re.compile(
    r"""(?ix) @generated\b | @(?:javax?\.annotation\.(?:processing\.)?)?Generated\(
    | \b(?:auto(?:matically)?|machine)[ ]?generated\b
    | \bgenerated[ ](?:automatically|file[ ]from)\b
    | (?:^[ ]?|[.:][ ])generated[ ](?:by|from|with|using)\b
    | \bthis[ ](?:\w+[ ]){0,2}(?:file|code|class|module)[ ](?:is|was|has[ ]been)[ ]generated\b
    | \bgenerated\b.{0,200}\bdo[ ]not[ ](?:edit|modify|change)\b
    | \bdo[ ]not[ ](?:edit|modify|change)\b.{0,200}\bgenerated\b"""
)
_COMMENT_MARKS = re.compile(r"[\s*#/;-]+")


def generated(text: str) -> bool:
    """Whether the top of `text` says that a program wrote it."""
    return bool(_GENERATED.search(_COMMENT_MARKS.sub(" ", text[:2000])))


def _parses(text: str) -> bool:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            ast.parse(text)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return False
    return True


EMAIL: Final = "name@example.com"
SECRET: Final = "REDACTED"

# From the "@" on, so that a text is searched by that one character. The top-level
# domain keeps `a@b.to(x)`, a matrix product, out.
_DOMAIN = re.compile(
    r"@(?!example\.)(?:[A-Za-z0-9-]+\.)+(?:com|org|net|edu|gov|info|io|dev|name|[a-z]{2})\b(?![(.\w-])"
)
_LOCAL_PART = re.compile(r"[A-Za-z0-9][\w.+-]{0,63}\Z")
# Forms that say themselves what they are; each is looked for when its first letters are there.
_SECRETS: Final = {
    "AKIA": re.compile(r"\bAKIA[0-9A-Z]{16}\b"),
    "ASIA": re.compile(r"\bASIA[0-9A-Z]{16}\b"),
    "gh": re.compile(r"\bgh[opsur]_[A-Za-z0-9]{36,}"),
    "github_pat_": re.compile(r"\bgithub_pat_\w{40,}"),
    "glpat-": re.compile(r"\bglpat-[\w-]{20,}"),
    "xox": re.compile(r"\bxox[abprs]-[A-Za-z0-9-]{10,}"),
    "AIza": re.compile(r"\bAIza[\w-]{35}"),
    "sk_live_": re.compile(r"\bsk_live_[A-Za-z0-9]{20,}"),
    "eyJ": re.compile(r"\beyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{10,}"),
    "PRIVATE KEY": re.compile(r"(?<=PRIVATE KEY-----)[^-]{64,}(?=-----END)"),
}
# A long string of letters and digits, and a name before it that says what it is.
_GIVEN = re.compile(
    r"""(?<=["'])(?=[A-Za-z+/=_-]*[0-9])(?=[0-9+/=_-]*[A-Za-z])[\w+/=-]{20,}(?=["'])"""
)
_NAMED = re.compile(
    r"""(?i)(?:passw(?:or)?d|secret|token|api_?key|access_?key|auth_?key)\w*["']?\s*[:=]\s*["']\Z"""
)


def redact(text: str, counts: Counter[str]) -> str:
    """Replace e-mail addresses and secrets in `text`, adding to `counts`."""
    text = _redact(text, _emails(text), EMAIL, "e-mail addresses", counts)
    spans = [
        match.span()
        for start, pattern in _SECRETS.items()
        if start in text
        for match in pattern.finditer(text)
    ]
    text = _redact(text, spans, SECRET, "secrets", counts)
    given = [
        match.span()
        for match in _GIVEN.finditer(text)
        if _NAMED.search(text, max(match.start() - 60, 0), match.start())
    ]
    return _redact(text, given, SECRET, "secrets", counts)


def _emails(text: str) -> list[tuple[int, int]]:
    spans = []
    for match in _DOMAIN.finditer(text):
        local = _LOCAL_PART.search(text, max(match.start() - 64, 0), match.start())
        if local and local.group() != "git":  # git@host opens a repository's address
            spans.append((local.start(), match.end()))
    return spans


def _redact(
    text: str, spans: list[tuple[int, int]], by: str, what: str, counts: Counter[str]
) -> str:
    at, parts = 0, []
    for start, end in sorted(spans):
        if start >= at:
            parts += [text[at:start], by]
            at = end
            counts[what] += 1
    return "".join(parts) + text[at:] if parts else text
