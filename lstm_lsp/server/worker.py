"""The one thread on which the network runs.

Jobs wait in order of priority. A job may be done in slices; between two of them anything
more urgent goes first. Whoever computes polls the job's flag at every symbol. Nothing here
knows the protocol or what is computed.
"""

from __future__ import annotations

import heapq
import itertools
import threading
from collections.abc import Callable, Generator
from concurrent.futures import Future
from enum import IntEnum
from typing import Any, Final


class Priority(IntEnum):
    """What goes first: the lower number."""

    REQUEST = 0  # a person asked and waits
    TYPING = 1  # an editor asked by itself
    STREAM = 2  # a preview that fills slowly
    WARM_UP = 3  # reading ahead
    INDEXING = 4  # project memory


class Job:
    """Work for the worker, and the promise of its result.

    `work(job)` returns the result, or is a generator that yields between slices and
    returns it. `result` ends with what was returned or raised; with None when the job was
    cancelled first.
    """

    def __init__(
        self, priority: Priority, work: Callable[[Job], Any], urgent: Callable[[Priority], bool]
    ) -> None:
        self.priority = priority
        self.result: Future[Any] = Future()
        self._work = work
        self._urgent = urgent
        self._slices: Generator[None, None, Any] | None = None
        self._cancelled = False

    def cancel(self) -> None:
        """Make the job stop at its next symbol, or never start; from any thread."""
        self._cancelled = True

    def is_cancelled(self) -> bool:
        """Whether nobody wants the result any more."""
        return self._cancelled

    def is_interrupted(self) -> bool:
        """Whether to stop now, for good or because something more urgent waits."""
        return self._cancelled or self._urgent(self.priority)

    def advance(self) -> bool:
        """Run slices until the job is done or something urgent waits; return whether done."""
        if not self.result.running() and not self.result.set_running_or_notify_cancel():
            return True
        try:
            if self._slices is None and not self._cancelled:
                value = self._work(self)
                if not isinstance(value, Generator):
                    self.result.set_result(value)
                    return True
                self._slices = value
            while not self._cancelled:
                next(self._slices)  # type: ignore[arg-type]
                if self._urgent(self.priority):
                    return False
            self.result.set_result(None)
        except StopIteration as end:
            self.result.set_result(end.value)
        except BaseException as error:
            if self._cancelled:
                self.result.set_result(None)
            else:
                self.result.set_exception(error)
        if self._slices is not None:
            self._slices.close()
        return True


class Worker:
    """One daemon thread and its queue; it sleeps when there is nothing to do."""

    def __init__(self) -> None:
        self._queue: list[tuple[Priority, int, Job]] = []
        self._numbers = itertools.count()
        self._changed = threading.Condition()
        self._current: Job | None = None
        self._stopped = False
        self._thread: Final = threading.Thread(target=self._run, name="inference", daemon=True)
        self._thread.start()

    def submit(self, priority: Priority, work: Callable[[Job], Any]) -> Job:
        """Queue `work` behind what is as urgent and return its job; from any thread."""
        job = Job(priority, work, self._urgent_waits)
        with self._changed:
            if self._stopped:
                job.result.set_result(None)
            else:
                heapq.heappush(self._queue, (priority, next(self._numbers), job))
                self._changed.notify()
        return job

    def stop(self) -> None:
        """Cancel everything and end the thread at its next symbol."""
        with self._changed:
            self._stopped = True
            for _, _, job in self._queue:
                job.cancel()
            if self._current is not None:
                self._current.cancel()
            self._changed.notify()

    def join(self, seconds: float) -> None:
        """Wait at most `seconds` for a stopped worker's thread to end."""
        self._thread.join(seconds)

    def _urgent_waits(self, priority: Priority) -> bool:
        queue = self._queue  # one look without the lock: a moment late does no harm
        return bool(queue) and queue[0][0] < priority

    def _run(self) -> None:
        while True:
            with self._changed:
                while not self._queue:
                    if self._stopped:
                        return
                    self._changed.wait()
                entry = heapq.heappop(self._queue)
                self._current = entry[2]
            done = entry[2].advance()
            with self._changed:
                self._current = None
                if not done:
                    if self._stopped:
                        entry[2].cancel()
                    heapq.heappush(self._queue, entry)
