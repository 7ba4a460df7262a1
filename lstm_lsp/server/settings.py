"""What a client sent (options, untyped) to what the server goes by (settings, frozen).

Options are never trusted: an unknown name or a wrong value becomes one sentence in the
list of problems, the default stands in for it, and the server goes on. Defaults live here
and nowhere else. Nothing here knows the protocol or the engine.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Final

SECTION: Final = "lstmLsp"
KINDS: Final = ("char", "token", "line", "block")
LANGUAGES: Final = ("java", "python")
LOG_LEVELS: Final = ("error", "warning", "info", "debug")


class _WrongError(ValueError):
    """A value is not what the setting takes; the message says what it takes."""


def _boolean(value: object) -> bool:
    if not isinstance(value, bool):
        raise _WrongError("true or false")
    return value


def _integer(low: int, high: int) -> Callable[[object], int]:
    def read(value: object) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise _WrongError(f"a whole number from {low} to {high}")
        return value

    return read


def _string(value: object) -> str:
    if not isinstance(value, str):
        raise _WrongError("a string")
    return value


def _one_of(*names: str) -> Callable[[object], str]:
    def read(value: object) -> str:
        if value not in names:
            raise _WrongError("one of " + ", ".join(names))
        return str(value)

    return read


def _some_of(*names: str) -> Callable[[object], tuple[str, ...]]:
    def read(value: object) -> tuple[str, ...]:
        if not isinstance(value, list) or any(item not in names for item in value):
            raise _WrongError("a list of " + ", ".join(names))
        return tuple(name for name in names if name in value)

    return read


def _probabilities(value: object) -> dict[str, float]:
    if not isinstance(value, Mapping) or not all(
        kind in KINDS
        and isinstance(number, int | float)
        and not isinstance(number, bool)
        and 0 <= number <= 1
        for kind, number in value.items()
    ):
        raise _WrongError("numbers from 0 to 1 for " + ", ".join(KINDS))
    return {kind: float(number) for kind, number in value.items()}


def _patterns(value: object) -> tuple[str, ...]:
    from pathspec import GitIgnoreSpec  # noqa: PLC0415 - nearly nobody has any

    wrong = _WrongError("a list of patterns as in .gitignore")
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise wrong
    try:
        GitIgnoreSpec.from_lines(value)
    except ValueError:
        raise wrong from None
    return tuple(value)


def _setting(name: str, read: Callable[[object], Any], default: Any) -> Any:
    return field(default=default, metadata={"name": name, "read": read})


@dataclass(frozen=True)
class Settings:
    """The settings of design section 8; each field carries its name on the wire."""

    enabled: bool = _setting("enabled", _boolean, True)
    languages: tuple[str, ...] = _setting("languages", _some_of(*LANGUAGES), LANGUAGES)
    in_comments: bool = _setting("inComments", _boolean, True)
    in_strings: bool = _setting("inStrings", _boolean, True)
    kinds: tuple[str, ...] = _setting("kinds", _some_of(*KINDS), KINDS)
    minimum_probability: Mapping[str, float] | None = _setting(
        "minimumProbability", _probabilities, None
    )
    """By kind; kinds left out, and None, mean the values chosen on the validation projects."""
    debounce: int = _setting("debounce", _integer(0, 10_000), 0)
    """Milliseconds to wait before answering what nobody asked for by hand."""
    threads: int = _setting("threads", _integer(1, 16), 1)
    model: str = _setting("model", _string, "")
    """Path of a model file; empty for the first that is found."""
    memory_enabled: bool = _setting("projectMemory.enabled", _boolean, True)
    memory_megabytes: int = _setting("projectMemory.maxMegabytes", _integer(1, 65_536), 256)
    memory_exclude: tuple[str, ...] = _setting("projectMemory.exclude", _patterns, ())
    """Files that the project memory does not read, as patterns of a `.gitignore`."""
    surprise_diagnostics: bool = _setting("surprise.diagnostics", _boolean, False)
    """Whether places are marked where a single edit would be clearly likelier."""
    hover: bool = _setting("hover", _boolean, False)
    """Whether a hover tells how surprising a character is."""
    log_level: str = _setting("logLevel", _one_of(*LOG_LEVELS), "warning")


_FIELDS: Final = {item.metadata["name"]: item for item in fields(Settings)}
_GROUPS: Final = {name.partition(".")[0] for name in _FIELDS if "." in name}


def read(options: object) -> tuple[Settings, list[str]]:
    """Return the settings that `options` mean, and what is wrong with them.

    `options` is the object under "lstmLsp"; None and {} are all defaults. Members of
    groups may be nested or dotted (`{"projectMemory": {"enabled": false}}` or
    `{"projectMemory.enabled": false}`); null means the default.
    """
    values: dict[str, Any] = {}
    problems: list[str] = []
    if options is None:
        return Settings(), problems
    if not isinstance(options, Mapping):
        return Settings(), [f"{SECTION}: expected an object, found {_shown(options)}"]
    for name, value in _flat(options):
        known = _FIELDS.get(name)
        if known is None:
            problems.append(f"{SECTION}: there is no setting {_shown(name)}")
        elif value is not None:
            try:
                values[known.name] = known.metadata["read"](value)
            except _WrongError as wrong:
                problems.append(f"{SECTION}.{name}: expected {wrong}, found {_shown(value)}")
    return Settings(**values), problems


def _flat(options: Mapping[Any, Any]) -> list[tuple[str, Any]]:
    """Return (dotted name, value) of every option."""
    found: list[tuple[str, Any]] = []
    for key, value in options.items():
        if key in _GROUPS and isinstance(value, Mapping):
            found += [(f"{key}.{inner}", value[inner]) for inner in value]
        else:
            found.append((str(key), value))
    return found


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
