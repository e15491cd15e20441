"""Keeps `qa/decisions.parquet` the union of what is decided here and what was published elsewhere.

Reviewers on other machines have logs of their own. Each dashboard looks at the published file every
few seconds, takes in what it does not have, and publishes all if that lacks something of its own.
Of two that publish at once one may be overwritten; it sees that when it looks again, and publishes
again.
"""

import hashlib
import logging
import threading

from dataset.dashboard.journal import Journal
from dataset.errors import OpenRelicError
from dataset.qa.decisions import DECISIONS, publish, read_log
from dataset.workspace import Workspace

log = logging.getLogger(__name__)

LOOK_S = 5.0
NOT_SEEN = b""
GATHER_S = 0.3  # decisions that come in quick succession are published together


class Publisher:
    """A thread that publishes soon after each decision, and looks for others' in between."""

    def __init__(self, workspace: Workspace, journal: Journal) -> None:
        """Not started yet."""
        self.problem: str | None = None  # why the last look or publication failed
        self._workspace, self._journal = workspace, journal
        self._wanted, self._ending = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="publisher", daemon=True)
        self._seen: bytes | None = NOT_SEEN  # digest of the published file that is taken in
        self._published = 0  # entries in it

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def publish_soon(self) -> None:
        """Something was decided."""
        self._wanted.set()

    def close(self) -> None:
        """Publish what is not yet, and end."""
        self._ending.set()
        self._wanted.set()
        self._thread.join()
        if self.problem:
            log.warning("not published, but kept in %s: %s", self._journal.path, self.problem)

    def _run(self) -> None:
        while True:
            self.meet()
            if self._ending.is_set():
                return
            if self._wanted.wait(LOOK_S) and not self._ending.wait(GATHER_S):
                self._wanted.clear()

    def meet(self) -> None:
        """Take in what was published, publish what is not; a failure is `problem`."""
        try:
            self._take_in()
            self._publish()
        except (OpenRelicError, OSError) as error:
            said = " ".join(str(error).split())
            if said != self.problem:
                log.warning("decisions are kept in %s: %s", self._journal.path, said)
            self.problem = said
        else:
            self.problem = None

    def _take_in(self) -> None:
        digest = self._digest()
        if digest != self._seen:
            published = read_log(self._workspace)
            self._journal.merge(published)
            self._seen, self._published = digest, len(published)

    def _publish(self) -> None:
        entries = self._journal.log()
        if len(entries) > self._published:
            publish(self._workspace, entries)
            # Looked at again next time: another may have replaced it by then.
            self._seen, self._published = NOT_SEEN, len(entries)

    def _digest(self) -> bytes | None:
        try:
            return hashlib.sha256(self._workspace.read_bytes(DECISIONS)).digest()
        except FileNotFoundError:
            return None
