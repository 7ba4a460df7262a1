"""Hover: how surprising a character was to the network, and what else it expected there.

Only where the setting `hover` asks for it. Of the network alone, as `lstmLsp/surprise`.
"""

from __future__ import annotations

import math
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any, Final

from lsprotocol import types

from lstm_lsp import symbols
from lstm_lsp.server import convert
from lstm_lsp.server.session import Where
from lstm_lsp.server.worker import Job, Priority

if TYPE_CHECKING:
    from lstm_lsp.network import Floats
    from lstm_lsp.server.server import Server

_MOST: Final = 5  # expected characters that are told
_NAMES: Final = {
    "\n": "line end",
    "\t": "tab",
    " ": "space",
    chr(symbols.END): "end of the file",
}
_BEYOND: Final = "any beyond ASCII"


def hover(server: Server, params: types.HoverParams) -> Coroutine[Any, Any, types.Hover | None]:
    """Bits of the character at a position, and the likeliest ones there."""
    return _hover(server, server.session.where(params.text_document.uri, params.position))


async def _hover(server: Server, where: Where) -> types.Hover | None:
    session, snapshot, engine = server.session, where.snapshot, server.session.engine
    if snapshot is None or where.reason or engine is None:
        return None
    if not session.settings_for(snapshot).hover:
        return None
    document, offset = snapshot.document, where.offset
    if offset >= len(document.text):
        return None

    def work(job: Job) -> tuple[float, list[tuple[str, float]]]:
        before = document.symbols[: document.symbol_offset(offset)]
        state = engine.contexts.state(snapshot.header, before, job.is_cancelled)
        (bits,) = engine.surprise(snapshot, offset, offset + 1, job.is_cancelled)
        return bits, expected(state.log_probs[0])

    method = types.TEXT_DOCUMENT_HOVER
    found = await session.ask(snapshot, method, Priority.STREAM, work)
    if found is None:
        return None
    bits, likeliest = found
    return types.Hover(
        contents=types.MarkupContent(types.MarkupKind.Markdown, _told(bits, likeliest)),
        range=types.Range(
            start=convert.lsp_position(document, offset, session.encoding),
            end=convert.lsp_position(document, offset + 1, session.encoding),
        ),
    )


def expected(log_probs: Floats) -> list[tuple[str, float]]:
    """Return the likeliest next characters and their probabilities, likeliest first.

    `log_probs` (256,) are of symbols; those of characters beyond ASCII count together.
    """
    chances: dict[str, float] = {}
    for symbol, log_prob in enumerate(log_probs.tolist()):
        name = chr(symbol) if symbol < 0x80 else _BEYOND
        chances[name] = chances.get(name, 0.0) + math.exp(log_prob)
    return sorted(chances.items(), key=lambda one: -one[1])[:_MOST]


def _told(bits: float, likeliest: list[tuple[str, float]]) -> str:
    rows = [f"| {_name(one)} | {chance:.1%} |" for one, chance in likeliest]
    table = ["| expected | probability |", "| :-- | --: |", *rows]
    return "\n".join([f"**{bits:.1f} bits** of surprise", "", *table])


def _name(character: str) -> str:
    if len(character) > 1 or character in _NAMES:
        return _NAMES.get(character, character)
    if character in "`|":  # would end the code span, or the table's cell
        return {"`": "backtick", "|": "bar"}[character]
    return f"`{character}`" if character.isprintable() else f"U+{ord(character):04X}"
