"""Whether suggestions return what the method declares: `python bench/returns.py PROJECT...`.

The article says that such a network could suggest which variable to return. At `return ` in
Java methods the likeliest rest of the line is judged by its type alone: does the expression
have the type that the method declares? Types are read from the file: literals, constructors,
and names the method or file declares; where that does not tell, the place counts as unknown.
Three figures stand beside each other, for each declared type:

- `fits`: the share of suggestions whose type is known and is the declared one;
- `elsewhere`: the same when the suggestions are dealt out to the places at random, which is
  what frequency alone would give;
- `in_scope`: the share of the typed variables declared in the method that have the declared
  type, which is what a blind choice among them would give.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
from machine import command, keep, machine
from tqdm import tqdm

from lstm_lsp import lexis
from lstm_lsp.evaluate.product import Memory, Product, memory_of
from lstm_lsp.evaluate.sampling import Spot
from lstm_lsp.evaluate.sources import File, read_projects
from lstm_lsp.explore.methods import Method as Body
from lstm_lsp.explore.methods import methods
from lstm_lsp.network import Model, find_model

NUMBERS: Final = frozenset({"byte", "short", "int", "long", "float", "double"})
PRIMITIVES: Final = NUMBERS | {"boolean", "char"}
MODIFIERS: Final = frozenset(
    {
        *("public", "protected", "private", "static", "final", "abstract", "synchronized"),
        *("native", "strictfp", "default", "transient", "volatile"),
    }
)
LISTED: Final = 10
"""Declared types in the table; the others are counted together."""

Words = Sequence[str]


@dataclass
class Method:
    """One method: its declared type without type arguments, its names, where it returns."""

    type: str
    names: dict[str, str] = field(default_factory=dict)
    """Parameters and local variables to their types."""
    returns: list[tuple[int, dict[str, str]]] = field(default_factory=list)
    """Offsets right after `return `, each with the names declared by then."""


@dataclass
class Class:
    """What one file declares: methods in order, fields and methods by name to their types."""

    methods: list[Method] = field(default_factory=list)
    fields: dict[str, str] = field(default_factory=dict)
    results: dict[str, str] = field(default_factory=dict)


def read_class(text: str) -> Class:
    """Read the declarations of a Java file; what it cannot make out it leaves out."""
    found = Class()
    tokens = [
        token
        for token in lexis.tokens(text, "java")
        if token.kind not in ("space", "newline", "comment")
    ]
    words = [text[token.start : token.end] for token in tokens]
    bodies = {body.start: body for body in methods(text)}
    scopes: list[Method | None] = []
    start = 0
    for at, word in enumerate(words):
        inside = scopes[-1] if scopes else None
        if word in (";", "{", "}"):
            statement, start = words[start:at], at + 1
            declared = declaration(statement)
            # Before a brace: an array's values, or a resource.
            if declared and (word == ";" or (word == "{" and (inside or "=" in statement))):
                (inside.names if inside else found.fields).update([declared])
            if word == "{":
                body = bodies.get(tokens[at].start)
                if body is not None:
                    scopes.append(_opened(body, found))
                else:
                    scopes.append(inside)
                    if inside and statement and statement[0] in ("for", "try", "catch"):
                        inside.names.update(_parameters(_within(_plain(statement))))
            elif word == "}" and scopes:
                scopes.pop()
        elif word == "return" and inside is not None:
            end = tokens[at].end
            if text[end : end + 1] == " " and words[at + 1 : at + 2] != [";"]:
                inside.returns.append((end + 1, dict(inside.names)))
    return found


def _opened(body: Body, found: Class) -> Method | None:
    """Return the method that `body` is of, None for a class; what has no type is not in `found`."""
    if body.kind == "class":
        return None
    words = _plain(body.head)
    head = words[: words.index("(")] if "(" in words else []
    method = Method(_type(head[:-1]), dict(_parameters(_within(words))))
    if body.kind == "method" and len(head) > 1:  # a constructor has no type
        found.methods.append(method)
        found.results[head[-1]] = method.type
    return method


def declaration(statement: Words) -> tuple[str, str] | None:
    """Return the name and type that `TYPE NAME [= ...]` declares, or None."""
    words = _plain(statement)
    if "=" in words:
        words = words[: words.index("=")]
    if len(words) < 2 or "(" in words or not all(_is_typeish(word) for word in words):
        return None
    if not words[-1].isidentifier() or words[0] in ("return", "throw", "import", "package"):
        return None
    return words[-1], _type(words[:-1])


def _parameters(words: Words) -> Iterator[tuple[str, str]]:
    part: list[str] = []
    for word in [*words, ","]:
        if word in (",", ";", ":", "="):
            if len(part) > 1 and part[-1].isidentifier() and part[0] != "new":
                yield part[-1], _type(part[:-1])
            part = []
        else:
            part.append(word)


def _within(words: Words) -> Words:
    """Return what stands within the first parentheses."""
    if "(" not in words:
        return ()
    depth = 0
    start = words.index("(")
    for at in range(start, len(words)):
        depth += (words[at] == "(") - (words[at] == ")")
        if depth == 0:
            return words[start + 1 : at]
    return words[start + 1 :]


def _plain(words: Words) -> list[str]:
    """Return `words` without annotations, modifiers, type arguments and array brackets."""
    plain: list[str] = []
    angles = round_after_annotation = 0
    skip = ""
    for word in words:
        if round_after_annotation or (skip == "name" and word == "("):
            round_after_annotation += (word == "(") - (word == ")")
            skip = ""
        elif word == "@":
            skip = "@"
        elif skip == "@":
            skip = "name"
        elif word == "<" and plain and (plain[-1][0].isupper() or not plain[-1].isidentifier()):
            angles += 1
        elif angles:
            angles -= word.count(">")
        elif word not in MODIFIERS:
            skip = ""
            plain.append(word)
    return plain


def _is_typeish(word: str) -> bool:
    return word.isidentifier() or word in (".", "[", "]", "...")


def _type(words: Words) -> str:
    """Return a type's simple name, arrays told by brackets."""
    names = [word for word in words if word.isidentifier()]
    array = "[]" if "[" in words or "..." in words else ""
    return (names[-1] if names else "") + array


def type_of(expression: str, names: dict[str, str], declared: Class) -> str | None:
    """Return the type of what a return statement returns, or None where that is not plain.

    "null" for null, "number" for a number's literal.
    """
    tokens = [
        expression[token.start : token.end]
        for token in lexis.tokens(expression, "java")
        if token.kind not in ("space", "newline", "comment")
    ]
    words = _plain(tokens)
    if ";" not in words:
        return None
    words = words[: words.index(";")]
    if words[:2] == ["this", "."]:
        words = words[2:]
    if not words:
        return None
    if words[0] == "!" or set(words) & {"==", "!=", "&&", "||", "instanceof"}:
        return None if "?" in words else "boolean"
    if words[0] == "new":
        return words[1] if len(words) > 3 and _within(words) == words[3:-1] else None
    if "+" in words and any(word[0] == '"' for word in words):
        return None if "?" in words else "String"
    if len(words) > 1 and words[1] == "(" and _within(words) == words[2:-1]:
        return declared.results.get(words[0])
    if len(words) > 1:
        return None
    return _type_of_word(words[0]) or names.get(words[0]) or declared.fields.get(words[0])


def _type_of_word(word: str) -> str | None:
    if word in ("true", "false"):
        return "boolean"
    if word == "null":
        return "null"
    if word[0] == '"':
        return "String"
    if word[0] == "'":
        return "char"
    return "number" if word[0].isdigit() else None


def fits(found: str, declared: str) -> bool:
    """Whether an expression of the type `found` is what `declared` wants, erasure aside."""
    if found == "null":
        return declared not in PRIMITIVES
    return found == declared or (found == "number" and declared in NUMBERS)


@dataclass(frozen=True)
class Place:
    """One return: what is declared, the type of what was suggested, of the variables there."""

    declared: str
    found: str | None
    in_scope: tuple[str, ...]


def look(product: Product, file: File, most: int, random: np.random.Generator) -> list[Place]:
    """Return at most `most` of the file's returns with what is suggested there."""
    declared = read_class(file.text)
    spots = [
        (method, offset, names) for method in declared.methods for offset, names in method.returns
    ]
    chosen = sorted(random.permutation(len(spots))[:most])
    places = []
    for method, offset, names in (spots[index] for index in chosen):
        found = type_of(product.line(Spot(file, offset)), names, declared)
        places.append(Place(method.type, found, tuple(names.values())))
    return places


def measure(places: Sequence[Place], random: np.random.Generator) -> dict[str, Any]:
    """Return the three shares over `places`, and how many were told."""
    known = [place for place in places if place.found is not None]
    dealt = [known[index].found or "" for index in random.permutation(len(known))]
    choices = [place for place in known if place.in_scope]

    def share(values: list[bool] | list[float]) -> float | None:
        return round(float(np.mean(values)), 4) if values else None

    return {
        "n": len(places),
        "known": len(known),
        "fits": share([fits(place.found or "", place.declared) for place in known]),
        "elsewhere": share(
            [fits(found, place.declared) for place, found in zip(known, dealt, strict=True)]
        ),
        "in_scope": share(
            [
                float(np.mean([fits(one, place.declared) for one in place.in_scope]))
                for place in choices
            ]
        ),
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("projects", nargs="+", type=Path, metavar="PROJECT")
    parser.add_argument("--sample", type=int, default=60, help="returns of each project")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--memory", nargs="+", default=["none", "project"], metavar="M")
    parser.add_argument("--model")
    parser.add_argument("--keep", action="store_true", help="write bench/results/returns.json")
    arguments = parser.parse_args()
    model = Model.load(find_model(arguments.model))
    report: dict[str, Any] = {}
    projects = read_projects(arguments.projects)
    for memory in arguments.memory:
        report[memory] = by_type(model, memory, projects, arguments.sample, arguments.seed)
    if arguments.keep:
        keep("returns", report)
    print(json.dumps({"command": command(), "machine": machine(), "memory": report}, indent=1))


def by_type(
    model: Model, memory: Memory, projects: Sequence[Any], sample: int, seed: int
) -> dict[str, Any]:
    """Return the measures over all declared types, the commonest ones, and the rest."""
    random = np.random.default_rng(seed)
    places: list[Place] = []
    for project in projects:
        product = Product(model, memory_of(model, project, memory))
        files = [file for file in project.files if file.language == "java"]
        left = sample
        for index in tqdm(random.permutation(len(files)), f"{project.name}, {memory}", leave=False):
            if left > 0:
                found = look(product, files[index], min(left, 5), random)
                places += found
                left -= len(found)
    types = [place.declared for place in places]
    common = sorted(set(types), key=lambda name: (-types.count(name), name))[:LISTED]
    parts = {name: [place for place in places if place.declared == name] for name in common}
    parts["others"] = [place for place in places if place.declared not in common]
    return {"all": measure(places, random)} | {
        # Dealt out over all places: within one type chance would be certainty.
        name: {key: value for key, value in measure(part, random).items() if key != "elsewhere"}
        | {"elsewhere": _expected(name, part, places)}
        for name, part in parts.items()
    }


def _expected(name: str, part: Sequence[Place], places: Sequence[Place]) -> float | None:
    """Return the share of all suggestions that would fit the declared types of `part`."""
    known = [place.found for place in places if place.found is not None]
    wanted = [place.declared for place in part if place.found is not None]
    if not known or not wanted:
        return None
    return round(float(np.mean([[fits(one, want) for one in known] for want in wanted])), 4)


if __name__ == "__main__":
    main()
