"""A private apt configuration that finds source packages, the machine's own left alone.

The machine's `deb` entries of its own release become `deb-src` entries of the suite
asked for, in a folder of ours: same mirrors, same keys, nothing named here.
"""

from __future__ import annotations

import functools
import os
import platform
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

from .manifest import CorpusError

_PLACES = (Path("/etc/apt/sources.list"), Path("/etc/apt/sources.list.d"))
_STATUS = Path("/var/lib/dpkg/status")


@functools.cache
def environment(suite: str, folder: Path) -> dict[str, str]:
    """Return the environment in which apt-get knows the sources of `suite`.

    Lists are brought up to date in `folder` once a process. Raises CorpusError.
    """
    entries = source_entries(_machine_entries(), _codename(), suite)
    if not entries:
        raise CorpusError("this machine's apt has no Debian repository to ask for sources")
    folder = folder.absolute()
    for each in ("lists/partial", "cache/archives/partial", "parts"):
        (folder / each).mkdir(parents=True, exist_ok=True)
    (folder / "parts" / "source.sources").write_text("\n".join(entries), encoding="utf-8")
    configuration = folder / "apt.conf"
    configuration.write_text(
        f'Dir::State "{folder}";\nDir::State::lists "{folder}/lists";\n'
        f'Dir::State::status "{_STATUS}";\nDir::Cache "{folder}/cache";\n'
        f'Dir::Etc::sourcelist "/dev/null";\nDir::Etc::sourceparts "{folder}/parts";\n'
        'Acquire::Languages "none";\n',
        encoding="utf-8",
    )
    variables = os.environ | {"APT_CONFIG": str(configuration), "LC_ALL": "C.UTF-8"}
    try:
        done = subprocess.run(
            ["apt-get", "update", "-q"],
            check=False, capture_output=True, text=True, env=variables,
        )  # fmt: skip
    except FileNotFoundError as error:
        raise CorpusError("apt-get is not installed") from error
    if done.returncode:
        lines = done.stderr.strip().splitlines() or ["no word of why"]
        raise CorpusError(f"apt-get update failed: {lines[-1]}")
    return variables


def source_entries(machine: str, codename: str, suite: str) -> list[str]:
    """Return deb822 paragraphs for sources of `suite`, from the `machine`'s own entries.

    Only entries of the machine's own release (`codename`) with the component "main"
    count: they are the distribution's.
    """
    entries: list[str] = []
    for fields in _paragraphs(machine):
        own = re.compile(rf"{re.escape(codename)}(?=-|$)")
        suites = [each for each in fields.get("suites", "").split() if own.match(each)]
        suites = [each for each in suites if not each.endswith(("-backports", "-proposed"))]
        if "deb" not in fields.get("types", "").split() or not suites:
            continue
        if "main" not in fields.get("components", "").split():
            continue
        signed = fields.get("signed-by")
        entries.append(
            f"Types: deb-src\nURIs: {fields.get('uris', '')}\n"
            f"Suites: {' '.join(own.sub(suite, each) for each in suites)}\nComponents: main\n"
            + (f"Signed-By: {signed}\n" if signed else "")
        )
    return entries


_ONE_LINE = re.compile(
    r"^\s*(?P<types>deb)\s+(?:\[(?P<options>[^\]]*)\]\s*)?(?P<uris>\S+)\s+(?P<suites>\S+)"
    r"\s+(?P<components>[^#\n]+)"
)


def _paragraphs(text: str) -> Iterator[dict[str, str]]:
    """Read apt's two forms of entries, deb822 paragraphs and one-line entries."""
    fields: dict[str, str] = {}
    name = ""
    for line in [*text.splitlines(), ""]:
        if line.startswith("#"):
            continue
        if one := _ONE_LINE.match(line):
            signed = re.search(r"signed-by=(\S+)", one["options"] or "")
            yield one.groupdict() | ({"signed-by": signed[1]} if signed else {})
        elif not line.strip():
            if fields:
                yield fields
            fields = {}
        elif line[0].isspace() and name:
            fields[name] = fields.get(name, "") + "\n" + line
        elif ":" in line:
            name, _, value = line.partition(":")
            name = name.strip().lower()
            fields[name] = value.strip()


def _machine_entries() -> str:
    listing, folder = _PLACES
    files = [listing] if listing.exists() else []
    files += sorted(folder.glob("*.list")) + sorted(folder.glob("*.sources"))
    return "\n\n".join(file.read_text(encoding="utf-8", errors="replace") for file in files)


def _codename() -> str:
    try:
        return platform.freedesktop_os_release().get("VERSION_CODENAME", "")
    except OSError as error:
        raise CorpusError("this machine has no apt to ask for Debian sources") from error
