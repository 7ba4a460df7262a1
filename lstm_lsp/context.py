"""The states beside the documents.

The state at a position is a pure function of (header, text before the position): the
network reads the header and then the text from where its window starts. The window's
start depends on the offset alone (`window_start`), so reading costs at most two context
sizes wherever a cursor jumps.

States are kept by content, not by document: the key of a kept state is a digest of
(header, window text up to there). So nothing has to be invalidated: an edit simply asks
for other content, undo, redo and switching branches find what was read before. States are
kept after every BLOCK symbols and at the last CURSORS positions asked for after each of
them, so that, within a window,

- a character typed at the end of what was read costs one symbol;
- an edit n symbols back costs at most n + BLOCK symbols, and only when something is asked
  after it;
- whatever happened, a request costs at most the header and two context sizes.

The next window is read ahead while there is nothing else to do (`warm`). All reading looks
up from its work at every block, so work for the background gives way within one.

Memory: `max_bytes` for all documents. When more is kept, the block that was not used for
longest goes first, with its cursor positions. What uses a block: being read, being where a
request goes on from, and, when a request finds nothing in its last block, being part of
its window. A closed document's states go at once (`forget`).

One thread at a time uses a `Contexts`; it knows nothing of documents or the protocol.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Final

from lstm_lsp import symbols
from lstm_lsp.network import Cancelled, Model, State, never

BLOCK: Final = 128
"""Symbols between kept states, and in one call of the network."""

CURSORS: Final = 8
"""States kept at cursor positions after one block's end."""


def window_start(text: bytes, offset: int, size: int) -> int:
    """Return where the network starts to read for a position `offset` in `text`.

    The first line start at or after size * (offset // size - 1), or the first character
    there when that line is longer than `size`. Depends on `text[:offset]` alone.
    """
    earliest = size * (offset // size - 1)
    if earliest <= 0:
        return 0
    line = text.find(b"\n", earliest - 1, earliest + size) + 1
    if line:
        return line
    while earliest < offset and not symbols.is_boundary(text[earliest]):
        earliest += 1
    return earliest


@dataclass
class _Block:
    """A kept state, and those at cursor positions before the next block's end."""

    header: bytes
    state: State
    cursors: OrderedDict[bytes, State] = field(default_factory=OrderedDict)

    @property
    def nbytes(self) -> int:
        return self.state.nbytes * (1 + len(self.cursors))


class Contexts:
    """The kept states of all documents, under one byte budget; least recently used go first."""

    def __init__(self, model: Model, max_bytes: int = 64 << 20) -> None:
        self.model = model
        self.max_bytes = max_bytes
        self.nbytes = 0
        self.symbols_read = 0
        """Symbols the network has read so far: what a test counts instead of time."""
        self._blocks: OrderedDict[bytes, _Block] = OrderedDict()

    def state(self, header: bytes, before: bytes, cancelled: Callable[[], bool] = never) -> State:
        """Return the state after `header` and the text `before` a position.

        Polls `cancelled` at every block; raises Cancelled, keeping the blocks that were read.
        """
        start = window_start(before, len(before), self.model.context)
        return self._state(header, before[start:], cancelled)

    def warm(self, header: bytes, before: bytes, cancelled: Callable[[], bool] = never) -> None:
        """Read ahead for the next window, which typing on from `before` will reach.

        Work for the background: does nothing in a window's first half. Polls `cancelled`
        at every block; raises Cancelled, and goes on from there when called again.
        """
        size = self.model.context
        if len(before) % size < size // 2:
            return
        following = size * (len(before) // size + 1)
        start = window_start(before, following, size)
        if start < len(before):
            self._state(header, before[start:], cancelled)

    def forget(self, header: bytes) -> None:
        """Give back the memory of the documents with this header."""
        for key in [key for key, block in self._blocks.items() if block.header == header]:
            self._drop(key)

    def _state(self, header: bytes, window: bytes, cancelled: Callable[[], bool]) -> State:
        whole = len(window) - len(window) % BLOCK
        end, block = self._nearest(header, window, whole)
        if block is None:
            block = self._keep(header, b"", self._read(header, self.model.start()))
        while end < whole:
            if cancelled():
                raise Cancelled
            state = self._go_on(block, window[end : end + BLOCK])
            end += BLOCK
            block = self._keep(header, window[:end], state)
        return self._at_cursor(block, window[whole:], cancelled)

    def _nearest(self, header: bytes, window: bytes, whole: int) -> tuple[int, _Block | None]:
        """Return the kept block that ends nearest before `whole`, and where it ends."""
        # While typing, the last block is there: one digest finds it.
        block = self._find(_key(header, window[:whole]))
        if block is not None:
            return whole, block
        found: tuple[int, _Block | None] = (0, None)
        for end, key in _keys(header, window, whole):
            if key in self._blocks:
                found = (end, self._find(key))
        return found

    def _find(self, key: bytes) -> _Block | None:
        block = self._blocks.get(key)
        if block is not None:
            self._blocks.move_to_end(key)
        return block

    def _at_cursor(self, block: _Block, tail: bytes, cancelled: Callable[[], bool]) -> State:
        """Return the state after `block` and the `tail`, less than a block, and keep it."""
        if not tail:
            return block.state
        state = block.cursors.get(tail)
        if state is not None:
            block.cursors.move_to_end(tail)
            return state
        if cancelled():
            raise Cancelled
        state = block.cursors[tail] = self._go_on(block, tail)
        self.nbytes += state.nbytes
        if len(block.cursors) > CURSORS:
            self.nbytes -= block.cursors.popitem(last=False)[1].nbytes
        self._shrink()
        return state

    def _go_on(self, block: _Block, text: bytes) -> State:
        """Return the state after `block` and `text`, read from the cursor nearest its end."""
        passed = (cursor for cursor in block.cursors if text.startswith(cursor))
        known = max(passed, key=len, default=b"")
        return self._read(text[len(known) :], block.cursors[known] if known else block.state)

    def _read(self, text: bytes, state: State) -> State:
        self.symbols_read += len(text)
        # What a call returns may be a view of all its output, or the session's own memory.
        return State(*(array.copy() for array in self.model.read(text, state)))

    def _keep(self, header: bytes, read: bytes, state: State) -> _Block:
        key = _key(header, read)
        block = self._blocks[key] = _Block(header, state)
        self.nbytes += block.nbytes
        self._shrink()
        return block

    def _shrink(self) -> None:
        """Drop the least recently used blocks until the budget holds; never the latest one."""
        while self.nbytes > self.max_bytes and len(self._blocks) > 1:
            self._drop(next(iter(self._blocks)))

    def _drop(self, key: bytes) -> None:
        block = self._blocks.pop(key, None)
        if block is not None:
            self.nbytes -= block.nbytes


def _key(header: bytes, read: bytes) -> bytes:
    return blake2b(header + read, digest_size=16).digest()


def _keys(header: bytes, window: bytes, whole: int) -> Iterator[tuple[int, bytes]]:
    """Yield (end, key) of every block of `window[:whole]`, the header's first."""
    digest = blake2b(header, digest_size=16)
    yield 0, digest.digest()
    for start in range(0, whole, BLOCK):
        digest.update(window[start : start + BLOCK])
        yield start + BLOCK, digest.digest()
