"""The thread that runs the model: one job at a time, the visitors in turn.

Public: `Worker`.
"""

import logging
import threading
from collections import OrderedDict, deque
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

log = logging.getLogger(__name__)

Job = tuple[Callable[[], Any], "Future[Any]"]


class Worker:
    """Runs jobs of lanes: those of a lane in order, and no lane twice before another's next."""

    def __init__(self) -> None:
        """Start the thread."""
        self._lanes: OrderedDict[str, deque[Job]] = OrderedDict()
        self._changed = threading.Condition()
        self._ended = False
        self._thread = threading.Thread(target=self._run, name="player")
        self._thread.start()

    def submit(self, lane: str, work: Callable[[], Any]) -> "Future[Any]":
        """Have `work` done; its result or exception comes through the future."""
        future: Future[Any] = Future()
        with self._changed:
            if self._ended:
                future.cancel()
            else:
                self._lanes.setdefault(lane, deque()).append((work, future))
                self._changed.notify()
        return future

    def close(self) -> None:
        """End after the job that runs; those that wait are cancelled."""
        with self._changed:
            self._ended = True
            for _, future in (job for jobs in self._lanes.values() for job in jobs):
                future.cancel()
            self._lanes.clear()
            self._changed.notify()
        self._thread.join()

    def _run(self) -> None:
        while (job := self._next()) is not None:
            work, future = job
            if not future.set_running_or_notify_cancel():
                continue
            try:
                future.set_result(work())
            except BaseException as error:
                future.set_exception(error)
            del work, future, job  # a session must not live on here while the thread waits

    def _next(self) -> Job | None:
        with self._changed:
            while not self._lanes and not self._ended:
                self._changed.wait()
            if self._ended:
                return None
            lane, jobs = self._lanes.popitem(last=False)
            job = jobs.popleft()
            if jobs:
                self._lanes[lane] = jobs  # behind the others
            return job
