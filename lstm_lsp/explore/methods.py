"""The bodies of Java's methods and what each is declared to return, by tokens alone.

Walks the braces and asks of each what stands before it: a class, a method, a lambda or a
plain block (JLS 21, 8.4 and 14.2). Code that does not parse gives what it seems to be; no
error is raised. Knows nothing of networks.
"""

from __future__ import annotations

from typing import Final, Literal, NamedTuple

from lstm_lsp.lexis import tokens

Returns = Literal["void", "boolean", "number", "text", "array", "object"]
RETURN_TYPES: Final[tuple[Returns, ...]] = (
    "void",
    "boolean",
    "number",
    "text",
    "array",
    "object",
)
"""Kinds of return type. Number: the primitive ones and their boxes; text: String and char."""

_KINDS: Final[dict[str, Returns]] = {
    "void": "void",
    "boolean": "boolean",
    "Boolean": "boolean",
    **dict.fromkeys(
        [
            "byte",
            "short",
            "int",
            "long",
            "float",
            "double",
            "Byte",
            "Short",
            "Integer",
            "Long",
            "Float",
            "Double",
        ],
        "number",
    ),
    **dict.fromkeys(["String", "char", "Character", "CharSequence"], "text"),
}
_MODIFIERS: Final = frozenset(
    [
        "public",
        "protected",
        "private",
        "static",
        "final",
        "abstract",
        "synchronized",
        "native",
        "strictfp",
        "default",
    ]
)
_TYPES: Final = frozenset(("class", "interface", "enum", "record"))


Kind = Literal["class", "method", "lambda"]
"""What a body is of: an initialiser counts as a lambda, a constructor as a method."""


class Method(NamedTuple):
    """A body, text[start:end]: from its opening brace to before its closing one."""

    start: int
    end: int
    returns: Returns | None
    """None where nothing is declared: constructors, initialisers, lambdas, class bodies."""
    kind: Kind = "method"
    head: tuple[str, ...] = ()
    """The tokens before the brace since the last statement, without annotations."""


def methods(text: str) -> list[Method]:
    """Return the bodies of `text`, Java, outer ones before those inside them.

    The body of a class inside a method is among them, with nothing to return.
    """
    found: list[Method] = []
    opened: list[
        tuple[Kind | Literal["block"], int]
    ] = []  # kind of each open brace, and its place in `found`
    heads: list[list[str]] = [[]]  # for each depth, the words since the last statement
    for token in tokens(text, "java"):
        if token.kind in ("space", "newline", "comment"):
            continue
        word = text[token.start : token.end]
        if word == "{":
            head = _without_annotations(heads[-1])
            kind, returns = _kind(head, opened[-1][0] if opened else "class")
            number = -1
            if kind != "block":
                number = len(found)
                found.append(Method(token.start, len(text), returns, kind, tuple(head)))
            opened.append((kind, number))
            heads.append([])
        elif word == "}":
            if opened:
                kind, number = opened.pop()
                heads.pop()
                if number >= 0:
                    found[number] = found[number]._replace(end=token.start)
                # An array's values and an anonymous class end no statement; what reads
                # on looks at the last words alone, so forgetting does no harm.
            heads[-1].clear()
        elif word == ";" and heads[-1].count("(") <= heads[-1].count(")"):
            heads[-1].clear()
        else:
            heads[-1].append(word)
    return found


def _kind(plain: list[str], inside: str) -> tuple[Kind | Literal["block"], Returns | None]:
    """Return what the brace after `plain` opens, and what a method returns.

    `plain`, the words of the declaration or statement without annotations.
    """
    if not plain:
        return ("lambda", None) if inside == "class" else ("block", None)
    if plain[-1] == "->":
        return "lambda", None
    named = any(
        word in _TYPES and (n == 0 or plain[n - 1] != ".") and n + 1 < len(plain)
        for n, word in enumerate(plain)
    )
    if inside == "class":
        if named and "=" not in plain:
            return "class", None
        if "(" in plain and "=" not in plain:
            return "method", _declared(plain)
        if plain == ["static"]:
            return "lambda", None
    if named and not {"(", "="} & set(plain):
        return "class", None
    return ("class", None) if _is_anonymous(plain) else ("block", None)


def _without_annotations(head: list[str]) -> list[str]:
    """Return `head` without `@Name.name(...)`."""
    kept: list[str] = []
    n = 0
    while n < len(head):
        if head[n] != "@" or head[n + 1 : n + 2] == ["interface"]:
            kept.append(head[n])
            n += 1
            continue
        n += 2
        while head[n : n + 1] == ["."]:
            n += 2
        if head[n : n + 1] == ["("]:
            n = _closing(head, n) + 1
    return kept


def _closing(words: list[str], start: int) -> int:
    """Return where the bracket at `start` closes, or the last place."""
    depth = 0
    for n in range(start, len(words)):
        depth += (words[n] == "(") - (words[n] == ")")
        if depth == 0:
            return n
    return len(words) - 1


def _declared(plain: list[str]) -> Returns | None:
    """Return what `modifiers <T> Type name(` returns; None for a constructor."""
    before = [word for word in plain[: plain.index("(")] if word not in _MODIFIERS]
    if before[:1] == ["<"]:
        depth = 0
        for n, word in enumerate(before):
            depth += {"<": 1, ">": -1, ">>": -2, ">>>": -3}.get(word, 0)
            if depth <= 0:
                before = before[n + 1 :]
                break
    if len(before) < 2:
        return None
    if before[-2] == "]":
        return "array"
    return _KINDS.get(before[0], "object") if len(before) == 2 else "object"


def _is_anonymous(plain: list[str]) -> bool:
    """Whether the words end with `new Type(...)`."""
    if plain[-1:] != [")"]:
        return False
    depth = 0
    for n in range(len(plain) - 1, -1, -1):
        depth += (plain[n] == ")") - (plain[n] == "(")
        if depth == 0:
            break
    n -= 1
    angles = 0  # a type's arguments have commas of their own
    while n >= 0:
        angles += plain[n].count(">") - plain[n].count("<")
        if plain[n] in ("new", "(", "=", "return", ")") or (plain[n] == "," and not angles):
            break
        n -= 1
    return n >= 0 and plain[n] == "new"
