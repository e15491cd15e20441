r"""Requests that wait for their tick, with UnrealCV's `vbatch`.

A request is `<id>:<command>`. At most 32 are taken a tick. `vbatch N` is answered `ok` at once and
makes the N requests after it wait for one another: when the last has been taken, all N are run in
that one tick, in order, each with a reply of its own, however many ticks it took to collect them.
`vbatch` without a number above 0 is answered `ok` too and collects nothing. All of this is what
UnrealCV's own server does, down to a second `vbatch` in the middle of a batch: it only sets the
number that is still missing.
"""

import logging
import re
from collections import deque
from dataclasses import dataclass

log = logging.getLogger(__name__)

REQUESTS_PER_TICK = 32
# As UnrealCV reads a message: the first number and what follows its colon, up to a line's end.
REQUEST = re.compile(rb"(\d{1,18}):([^\r\n]*)")
LEADING_NUMBER = re.compile(r"\s*([+-]?\d{1,9})")  # what C's atoi reads


@dataclass(frozen=True, kw_only=True)
class Request:
    """One command and the id that its reply carries."""

    identifier: int
    command: str


class RequestQueue:
    """Collects a client's messages and says what to run in a tick."""

    def __init__(self) -> None:
        """Start with nothing waiting."""
        self._waiting: deque[Request] = deque()
        self._batch: list[Request] = []
        self._missing = 0  # requests that the batch still waits for

    def __len__(self) -> int:
        """Number of requests that no tick has taken yet."""
        return len(self._waiting)

    def add(self, payload: bytes) -> None:
        """Queue a message; one that is not `<id>:<command>` is ignored, as UnrealCV does."""
        match = REQUEST.search(payload)
        if match is None:
            log.warning("ignoring a message that is not <id>:<command>: %r", payload[:60])
            return
        command = match[2].decode("utf-8", errors="replace")
        self._waiting.append(Request(identifier=int(match[1]), command=command))

    def take(self) -> list[Request]:
        """What this tick runs, in order; a `vbatch` among them only needs its `ok`."""
        ready: list[Request] = []
        for _ in range(min(REQUESTS_PER_TICK, len(self._waiting))):
            request = self._waiting.popleft()
            if is_batch(request.command):
                self._missing = _batch_size(request.command)
                ready.append(request)
                continue
            self._batch.append(request)
            self._missing = max(self._missing, 1) - 1
            if not self._missing:
                ready += self._batch
                self._batch = []
        return ready


def is_batch(command: str) -> bool:
    """Whether a command is `vbatch`, which the server answers itself."""
    return command.startswith("vbatch")


def _batch_size(command: str) -> int:
    number = LEADING_NUMBER.match(command.replace("vbatch", ""))
    return max(0, int(number[1])) if number else 0
