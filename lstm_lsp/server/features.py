"""The handlers: parameters to a place, the engine's candidates to the protocol's shapes.

Each reads the documents at once, when its message is read, and leaves waiting to a
coroutine, which the client can cancel. An answer to text that has changed since is empty.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Coroutine, Generator
from typing import TYPE_CHECKING, Any

from lsprotocol import types

from lstm_lsp.server import convert
from lstm_lsp.server.convert import Params
from lstm_lsp.server.protocol import GENERATE, SURPRISE, content_modified, refused
from lstm_lsp.server.session import Answer, Where
from lstm_lsp.server.snapshot import Spot
from lstm_lsp.server.worker import Job, Priority

if TYPE_CHECKING:
    from lstm_lsp.search import Candidate
    from lstm_lsp.server.server import Server

logger = logging.getLogger(__name__)

TRIGGERS = [".", "(", "[", ",", "=", "@"]
_POPUP_KINDS = ("char", "token", "line")
_GHOST_KINDS = ("block", "line")
_MOST_SURPRISE = 100_000  # characters in one request


def completion(
    server: Server, params: types.CompletionParams
) -> Coroutine[Any, Any, types.CompletionList]:
    """Next characters, next tokens and the rest of the line, for a popup."""
    where = server.session.where(params.text_document.uri, params.position)
    kind = params.context.trigger_kind if params.context else types.CompletionTriggerKind.Invoked
    invoked = kind == types.CompletionTriggerKind.Invoked
    priority = Priority.REQUEST if invoked else Priority.TYPING
    return _completion(server, where, params, priority)


async def _completion(
    server: Server, where: Where, params: types.CompletionParams, priority: Priority
) -> types.CompletionList:
    method = types.TEXT_DOCUMENT_COMPLETION
    token = params.partial_result_token
    answer = await _answer(server, where, method, _POPUP_KINDS, priority, token=token)
    if answer is None or token is not None:  # by progress all was sent, so this is empty
        return convert.NO_COMPLETIONS
    items = _items(server, answer, answer.candidates)
    return types.CompletionList(is_incomplete=True, items=items)


def _items(
    server: Server, answer: Answer, candidates: list[Candidate]
) -> list[types.CompletionItem]:
    document, units = answer.snapshot.document, server.session.encoding
    return convert.completion_items(candidates, document, answer.offset, units, answer.key)


async def _answer(
    server: Server,
    where: Where,
    method: str,
    kinds: tuple[str, ...],
    priority: Priority,
    *,
    selected: tuple[str, int] = ("", 0),
    token: str | int | None = None,
    on_demand: bool = False,
) -> Answer | None:
    """Return the candidates for a place, best first; None when its text has changed since.

    With `token` each batch is sent by progress as soon as it is found; `on_demand`, the user
    has asked by hand.
    """
    session = server.session
    snapshot, engine = where.snapshot, session.engine
    if snapshot is None:
        return None
    answer, settings = session.begin_answer(where), session.settings_for(snapshot)
    if where.reason or engine is None:
        session.keep(method, answer)
        return answer
    if priority is Priority.TYPING and settings.debounce:
        await asyncio.sleep(settings.debounce / 1000)
    opened = session.opened(snapshot)
    wanted = [kind for kind in kinds if kind in settings.kinds]
    loop = asyncio.get_running_loop()

    def send(batch: list[Candidate], first: bool) -> None:
        if session.open.get(snapshot.uri) is snapshot:
            items = _items(server, answer, batch)
            value = types.CompletionList(is_incomplete=True, items=items) if first else items
            server.send_progress(token, value)

    def work(job: Job) -> list[Candidate]:
        spot = Spot(snapshot, where.offset, *selected)
        # By text: a token may be all of the line, and the first then stands for both.
        found: dict[str, Candidate] = {}
        batches = engine.batches(
            spot, opened, wanted, settings, job.is_cancelled, on_demand=on_demand
        )
        for number, batch in enumerate(batches):
            new = [one for one in batch if one.text not in found]
            found |= {one.text: one for one in new}
            if token is not None and (new or number == 0):
                loop.call_soon_threadsafe(send, new, number == 0)
        return sorted(found.values(), key=lambda one: -one.probability)

    found = await session.ask(snapshot, method, priority, work)
    if found is None:
        return None
    answer.candidates = found
    session.keep(method, answer)
    server.background.warm_up(snapshot, where.offset)
    return answer


def resolve(server: Server, item: types.CompletionItem) -> types.CompletionItem:
    """Add to a popup item why it is there: all that could follow, with probabilities."""
    data = item.data if isinstance(item.data, dict) else {}
    answer = server.session.answer(data.get("lstmLsp", 0))
    if answer is not None:
        item.documentation = convert.why(answer.candidates, str(data.get("text")))
    return item


def inline_completion(
    server: Server, params: types.InlineCompletionParams
) -> Coroutine[Any, Any, types.InlineCompletionList]:
    """Ghost text: the rest of the line, or a block where the line is empty.

    One item by itself, all that are worth showing, best first, when asked for by hand.
    """
    selected = params.context.selected_completion_info
    automatic = params.context.trigger_kind == types.InlineCompletionTriggerKind.Automatic
    where = server.session.where(params.text_document.uri, params.position)
    replaced = 0
    if selected is not None and where.snapshot is not None:
        cursor = where.offset
        where = server.session.where(params.text_document.uri, selected.range.start)
        replaced = max(0, cursor - where.offset)
    if automatic and not where.reason and where.snapshot and where.snapshot.shrunk:
        where = Where(where.snapshot, where.offset, "the last change was a deletion")
    return _inline_completion(server, where, params, automatic=automatic, replaced=replaced)


async def _inline_completion(
    server: Server,
    where: Where,
    params: types.InlineCompletionParams,
    *,
    automatic: bool,
    replaced: int,
) -> types.InlineCompletionList:
    method, selected = (
        types.TEXT_DOCUMENT_INLINE_COMPLETION,
        params.context.selected_completion_info,
    )
    snapshot = where.snapshot
    if snapshot is None:
        return convert.NO_INLINE
    begun = selected.text if selected else ""
    left = None
    if automatic and not begun and not where.reason:
        left = _still_shown(server, where)
    if left is not None:
        texts = [left]
    else:
        priority = Priority.TYPING if automatic else Priority.REQUEST
        replacing = (begun, replaced)
        answer = await _answer(
            server,
            where,
            method,
            _GHOST_KINDS,
            priority,
            selected=replacing,
            on_demand=not automatic,
        )
        if answer is None or not answer.candidates:
            return convert.NO_INLINE
        # A block was searched for where one is wanted; the sort by kind keeps the order within.
        best_first = sorted(answer.candidates, key=lambda one: one.kind != "block")
        texts = [one.text for one in best_first]
        answer.shown = texts[0]
    if automatic:  # who types looks at one; who asks may look through them
        texts = texts[:1]
    items = [_inline_item(server, begun + text, params, selected) for text in texts]
    return types.InlineCompletionList(items=items)


def _inline_item(
    server: Server,
    text: str,
    params: types.InlineCompletionParams,
    selected: types.SelectedCompletionInfo | None,
) -> types.InlineCompletionItem:
    # Neovim 0.12 hides the rest of the line behind an item that has a range.
    if selected is not None:
        return types.InlineCompletionItem(insert_text=text, range=selected.range)
    if server.client_name == "Neovim":
        return types.InlineCompletionItem(insert_text=text)
    here = types.Range(start=params.position, end=params.position)
    return types.InlineCompletionItem(insert_text=text, range=here)


def _still_shown(server: Server, where: Where) -> str | None:
    """Return what is left of the ghost text that the user is typing along with, or None."""
    assert where.snapshot is not None
    key = (where.snapshot.uri, types.TEXT_DOCUMENT_INLINE_COMPLETION)
    answer = server.session.answers.get(key)
    if answer is None or not answer.shown:
        return None
    old, new = answer.snapshot.document.text, where.snapshot.document.text
    typed = new[answer.offset : where.offset]
    shown = answer.shown
    along = (
        0 < len(typed) < len(shown)
        and shown.startswith(typed)
        and len(new) == len(old) + len(typed)
        and new[: answer.offset] == old[: answer.offset]
        and new[where.offset :] == old[answer.offset :]
    )
    return shown[len(typed) :] if along else None


def generate(server: Server, params: Any) -> Coroutine[Any, Any, dict[str, Any]]:
    """Text streaming out of the network from a position on, into a preview."""
    read = Params(params, GENERATE)
    where = server.session.where(read.uri(), read.position())
    characters = read.integer("maxCharacters", 500, 0, 1_000_000)
    temperature = read.number("temperature", 0, 100)
    seed = read.integer("seed", random.getrandbits(32), 0, 2**53)
    token, done = read.token("partialResultToken"), read.token("workDoneToken")
    if where.snapshot is None or where.reason:
        raise refused(where.reason or "")
    return _generate(
        server,
        where,
        {"characters": characters, "temperature": temperature, "seed": seed},
        token=token,
        done=done,
    )


async def _generate(
    server: Server,
    where: Where,
    options: dict[str, Any],
    *,
    token: str | int | None,
    done: str | int | None,
) -> dict[str, Any]:
    session, snapshot, engine = server.session, where.snapshot, server.session.engine
    assert snapshot is not None
    assert engine is not None
    opened, loop = session.opened(snapshot), asyncio.get_running_loop()

    def work(job: Job) -> Generator[None, None, tuple[str, str]]:
        text: list[str] = []
        spot = Spot(snapshot, where.offset)
        drawn = engine.generate(spot, opened, cancelled=job.is_cancelled, **options)
        for character in drawn:
            text.append(character)
            if token is not None:
                loop.call_soon_threadsafe(server.send_progress, token, {"text": character})
            yield
        whole = "".join(text)
        return whole, "length" if len(whole) >= options["characters"] else "end"

    with server.work_done(done, "Writing"):
        job = session.worker.submit(Priority.STREAM, work)
        try:
            result = await asyncio.wrap_future(job.result)
        except asyncio.CancelledError:
            job.cancel()
            raise
    if result is None:
        raise content_modified("the server stops")
    text, finish = result
    return {"text": "" if token is not None else text, "finish": finish, "seed": options["seed"]}


def surprise(server: Server, params: Any) -> Coroutine[Any, Any, dict[str, Any]]:
    """Bits of each character of a range: how much the network is surprised by it."""
    read = Params(params, SURPRISE)
    uri, (first, last) = read.uri(), read.range()
    start, end = server.session.where(uri, first), server.session.where(uri, last)
    snapshot, reason = start.snapshot, start.reason or end.reason
    if snapshot is None or reason:
        raise refused(reason or "")
    if not 0 <= end.offset - start.offset <= _MOST_SURPRISE:
        raise refused(f"the range is reversed or longer than {_MOST_SURPRISE} characters")
    return _surprise(server, start, end.offset)


async def _surprise(server: Server, start: Where, end: int) -> dict[str, Any]:
    session, snapshot, engine = server.session, start.snapshot, server.session.engine
    assert snapshot is not None
    assert engine is not None

    def work(job: Job) -> list[float]:
        return engine.surprise(snapshot, start.offset, end, job.is_cancelled)

    bits = await session.ask(snapshot, SURPRISE, Priority.STREAM, work)
    if bits is None:
        raise content_modified("the text has changed")
    return {"version": snapshot.document.version, "bits": bits}


def explain(server: Server, *arguments: Any) -> Coroutine[Any, Any, dict[str, Any]]:
    """Why something, or nothing, is offered at a position; without one, at the last asked for."""
    if arguments and arguments[0] is not None:
        read = Params(arguments[0], "lstmLsp.explain")
        return _explain(server, server.session.where(read.uri(), read.position()))
    if (asked := server.session.asked) is None:
        return _explain(server, Where(None, 0, "nothing was asked for yet"))
    # The text as it was then: the user may have typed on, or moved, to ask this.
    return _explain(server, asked, past=True)


async def _explain(server: Server, where: Where, *, past: bool = False) -> dict[str, Any]:
    session, snapshot, engine = server.session, where.snapshot, server.session.engine
    if snapshot is None or where.reason or engine is None:
        return convert.explanation([], where.reason)
    opened, settings = session.opened(snapshot), session.settings_for(snapshot)

    def work(job: Job) -> Any:
        spot = Spot(snapshot, where.offset)
        return engine.explain(spot, opened, settings.kinds, settings, job.is_cancelled)

    judged = await session.ask(snapshot, "lstmLsp.explain", Priority.REQUEST, work, past=past)
    if judged is None:
        return convert.explanation([], "the text has changed since")
    return convert.explanation(judged, None)
