"""Work that goes on in a thread of its own while the next frame is drawn and received."""

import queue
import threading
from collections.abc import Callable
from typing import Generic, Self, TypeVar

Item = TypeVar("Item")


class Conveyor(Generic[Item]):
    """Hands items to `work` in order, in one other thread, with at most `waiting` between.

    A context manager: it ends when the last item is done. What `work` raises is raised by the next
    `put`, or at the end.
    """

    def __init__(self, work: Callable[[Item], None], waiting: int = 2, name: str = "conveyor"):
        """Start the thread."""
        self._work = work
        self._queue: queue.Queue[tuple[Item] | None] = queue.Queue(maxsize=waiting)
        self._failure: BaseException | None = None
        self._dropping = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def put(self, item: Item) -> None:
        """Hand over an item; waits while `waiting` others are not begun."""
        if self._failure is not None:
            raise self._failure
        self._queue.put((item,))

    def _run(self) -> None:
        while (entry := self._queue.get()) is not None:
            if self._failure is None and not self._dropping:
                try:
                    self._work(entry[0])
                except BaseException as error:
                    self._failure = error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._dropping = kind is not None
        self._queue.put(None)
        self._thread.join()
        if kind is None and self._failure is not None:
            raise self._failure
