"""The project memory beside the open documents: which texts it holds, and when.

An open document's text stands there for its file's on disk; closed, the file's is there again.
On the inference thread, in short steps; knows nothing of the network or the protocol.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

from lstm_lsp import project
from lstm_lsp.memory import CURRENT_FILES, Mixer, NetworkAlone, ProjectMemory
from lstm_lsp.project import Progress
from lstm_lsp.server.snapshot import Snapshot, Spot

_STEP: Final = 8 << 10  # symbols that are counted before anything urgent may go first
_ALL: Final = sys.maxsize  # so many at once: a third faster than in steps


class OpenTexts:
    """The texts of one client's project in the project memory, if there is one."""

    def __init__(
        self,
        memory: ProjectMemory | None,
        forget: Callable[[bytes], None],
        excluded: Sequence[str] = (),
    ) -> None:
        """`forget` is told the header of a closed document; no `excluded` file is read."""
        self.memory = memory
        self._forget = forget
        self._excluded = excluded
        self._held: dict[str, Snapshot] = {}  # open documents as the memory has them, by key
        self._halves: set[str] = set()  # keys of those of which it has a part

    def mixer(self, spot: Spot, opened: Collection[Snapshot]) -> Mixer:
        """Return what mixes the project into predictions at `spot`, all of `opened` in it."""
        for _ in self.follow(opened, spot.snapshot, step=_ALL):
            pass  # all of it, cancelled or not: a preview that goes on must not see half
        if self.memory is None:
            return NetworkAlone()
        document = spot.snapshot.document
        line = document.symbol_offset(document.line_start(spot.offset))
        return self.memory.view(spot.snapshot.key, document.symbols[:line])

    def index(self, folder: Path, near: Path | None) -> Iterator[Progress]:
        """Read the files of `folder` into the project memory, in short steps."""
        if self.memory is not None:
            for progress in project.index(self.memory, folder, near=near, excluded=self._excluded):
                for snapshot in self._held.values():  # what is open goes before what is on disk
                    self.memory.set_file(snapshot.key, _memorable(snapshot))
                yield progress
                for _ in self.prepare(self._held.values()):
                    yield progress

    def read_file(self, folder: Path, file: Path) -> None:
        """Let what `file` in `folder` now holds on disk stand for it, unless it is open."""
        key = project.header_path(folder, file)
        if self.memory is not None and key not in self._held:
            self.memory.set_file(key, self._on_disk(folder, file))

    def follow(
        self,
        snapshots: Collection[Snapshot],
        current: Snapshot | None = None,
        *,
        step: int = _STEP,
    ) -> Iterator[None]:
        """Make the project memory's open texts those of `snapshots`, all that are open.

        That of `current` is left as it is: no view of a file reads its own text there. A
        document that is closed gives its memory back, and its file's text is there again.

        It goes by `step` symbols at a time. Between two steps something more urgent may go
        first, and the memory may have a part of one document. No answer sees that: whoever
        answers takes all steps that are left before it asks the memory, and what is less
        urgent waits for its end. So an answer never depends on how far others had come; what
        they did need not be done again, and they go on where that ended.
        """
        if current is not None and current.key in self._held:
            # Perhaps closed and opened again before the memory was done with the closing: that
            # ends here, or it would forget the states that are now read for `current`.
            self._held[current.key] = current
            self._halves.add(current.key)
        for snapshot in snapshots:
            while snapshot is not current and not self._holds(snapshot):
                self._held[snapshot.key] = snapshot
                if not self._step(snapshot.key, _memorable(snapshot), step):
                    yield
        for key in self._held.keys() - {snapshot.key for snapshot in snapshots}:
            if (closed := self._held.get(key)) is None:  # an answer has done it meanwhile
                continue
            on_disk = self._of_closed(closed)
            while self._held.get(key) is closed:
                if not self._step(key, on_disk, step):
                    yield
                    continue
                del self._held[key]
                self._forget(closed.header)
                if closed.folder is not None and closed.file is not None:
                    self.read_file(closed.folder, closed.file)  # as it is by now

    def prepare(self, snapshots: Iterable[Snapshot]) -> Iterator[None]:
        """Count, in short steps, the folders of the last opened of `snapshots`.

        An answer there counts what is left; done before, nobody waits for it.
        """
        if self.memory is not None:
            for snapshot in list(snapshots)[-CURRENT_FILES:]:
                while not self.memory.step_folder(snapshot.key, _STEP):
                    yield

    def _holds(self, snapshot: Snapshot) -> bool:
        held = self._held.get(snapshot.key)
        whole = snapshot.key not in self._halves
        return whole and held is not None and held.document.symbols is snapshot.document.symbols

    def _step(self, key: str, text: bytes | None, most: int) -> bool:
        """Bring the memory's text of a document nearer to `text`; return whether it is there."""
        there = self.memory is None or self.memory.step_file(key, text, most)
        (self._halves.discard if there else self._halves.add)(key)
        return there

    def _of_closed(self, snapshot: Snapshot) -> bytes | None:
        if self.memory is None or snapshot.folder is None or snapshot.file is None:
            return None
        return self._on_disk(snapshot.folder, snapshot.file)

    def _on_disk(self, folder: Path, file: Path) -> bytes | None:
        """Return what the project memory knows of a file that is not open."""
        known = project.is_source(folder, file, self._excluded)
        return project.read_symbols(file) if known else None


def _memorable(snapshot: Snapshot) -> bytes | None:
    """Return an open document's text as other files may know it: not when it is too large."""
    text = snapshot.document.symbols
    return text if len(text) <= project.MOST_FILE_BYTES else None
