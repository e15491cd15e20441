"""What the page is served from: clips, labels, measurements and decisions of one workspace.

A thread looks every few seconds for what the stages have written since, another publishes. Requests
are answered from what both know.
"""

import contextlib
import hashlib
import logging
import os
import re
import threading
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from dataset.clip import Clip
from dataset.dashboard.catalogue import Catalogue
from dataset.dashboard.clip_view import clip_view
from dataset.dashboard.journal import Journal, Wish
from dataset.dashboard.media import Thumbnails
from dataset.dashboard.publishing import Publisher
from dataset.dashboard.shares import LabelShares
from dataset.dashboard.table import json_bytes, table_json
from dataset.errors import MissingInputError, OpenRelicError
from dataset.qa.decisions import Decision, standing
from dataset.workspace import CLIPS, Workspace

log = logging.getLogger(__name__)

LOOK_S = {True: 4.0, False: 60.0}  # between looks at a local folder, and at object storage
PRESENT_S = 8.0  # a reviewer whose page has been silent for longer is gone


class Stale(OpenRelicError):
    """A decision on a clip that is no longer there."""


class Desk:
    """One workspace under review; any thread may ask."""

    def __init__(self, workspace: Workspace, state: Path, label_set: str) -> None:
        """Read what is there; a workspace without a clip raises `MissingInputError`."""
        self.boot = uuid.uuid4().hex  # pages of an earlier dashboard begin anew
        self.workspace, self.label_set = workspace, label_set
        self.catalogue = Catalogue(workspace)
        self.shares = LabelShares(workspace, label_set, state)
        self.catalogue.refresh()
        self._new_labels = self._look_at_labels()
        if not self.catalogue.clips and not self.catalogue.problems:
            raise MissingInputError(
                f"{workspace.location}/{CLIPS} with at least one committed clip",
                f"python -m capture.run {workspace.location}",
            )
        self.journal = Journal(state)
        self.thumbnails = Thumbnails(workspace, state)
        self.publisher = Publisher(workspace, self.journal)
        self.version = 1
        self._table: tuple[int, bytes] = (0, b"")
        self._present: dict[str, tuple[str, str, float]] = {}  # page: reviewer, clip, when
        self._lock, self._ending = threading.Lock(), threading.Event()
        self._looking = threading.Thread(target=self._look_again, name="looking", daemon=True)

    def start(self) -> None:
        """Begin to look and to publish."""
        self.publisher.meet()
        self.publisher.start()
        self._looking.start()

    def close(self) -> None:
        """Publish what is decided, and end."""
        self._ending.set()
        self._looking.join()
        self.publisher.close()
        self.journal.close()

    def table(self) -> bytes:
        """The table as JSON."""
        with self._lock:
            if self._table[0] != self.version:
                version = self.version
                self._table = version, table_json(self.catalogue, self.shares, version)
            return self._table[1]

    def clip(self, tour_id: str) -> Clip | None:
        """The present clip of a tour."""
        return self.catalogue.clips.get(tour_id)

    def digest(self, tour_id: str) -> str | None:
        """The digest of the present clip of a tour."""
        return self.catalogue.digests.get(tour_id)

    def view(self, clip: Clip) -> bytes:
        """All of a clip but its video, as JSON."""
        shown = clip_view(self.catalogue, clip, self.label_set)
        return json_bytes({**shown, "history": self.history(clip.tour_id)})

    def history(self, tour_id: str) -> list[dict[str, Any]]:
        """All that was ever decided on a tour, oldest first."""
        digest = self.digest(tour_id)
        return [
            {**_shown(entry), "stale": entry.digest != digest}
            for entry in self.journal.log()
            if entry.tour_id == tour_id
        ]

    def decide(self, wish: Wish) -> dict[str, Any]:
        """Write a decision; what is returned is on disk."""
        if wish.digest != self.digest(wish.tour_id):
            raise Stale(
                f"{wish.tour_id} is not the clip that was judged: it has been captured again or "
                "removed since; look at what is there now"
            )
        seq, entry = self.journal.append(wish)
        self.publisher.publish_soon()
        return {"seq": seq, **_shown(entry), "tour_id": entry.tour_id}

    def news(self, after: int, page: str, reviewer: str, tour_id: str) -> bytes:
        """What changed since number `after` of the log, and who else is there."""
        entries = self.journal.entries()
        touched = {entry.tour_id for seq, entry in entries if seq > after}
        log = [entry for entry in self.journal.log() if entry.tour_id in touched] if touched else []
        counting = standing(log, self.catalogue.digests)
        return json_bytes(
            {
                "boot": self.boot,
                "version": self.version,
                "seq": entries[-1][0] if entries else 0,
                "decisions": {
                    name: _shown(counting[name]) if name in counting else None
                    for name in sorted(touched)
                },
                "present": self._present_beside(page, reviewer, tour_id),
                "labels_waiting": self.shares.waiting,
                "problems": self.catalogue.problems,
                "publishing": self.publisher.problem,
            }
        )

    def _look_at_labels(self) -> list[Clip]:
        return self.shares.look(self.catalogue.clips.values(), self.catalogue.digests)

    def _present_beside(self, page: str, reviewer: str, tour_id: str) -> list[dict[str, str]]:
        now = time.monotonic()
        with self._lock:
            if page and reviewer:
                self._present[page] = reviewer, tour_id, now
            self._present = {
                key: one for key, one in self._present.items() if now - one[2] < PRESENT_S
            }
            others = [one for key, one in self._present.items() if key != page]
        return [{"reviewer": name, "tour_id": clip} for name, clip, _ in others]

    def _look_again(self) -> None:
        """Read new labels, then look for what else is new, until the end."""
        pause_s = LOOK_S[self.workspace.local_root is not None]
        while not self._ending.is_set():
            if self._new_labels:
                self.shares.read(self._new_labels, self._ending)
                self.version += 1
            if self._ending.wait(pause_s):
                return
            try:
                changed = self.catalogue.refresh()
                self._new_labels = self._look_at_labels()
            except (OpenRelicError, OSError) as error:
                log.warning("%s", error)
                continue
            if changed:
                self.version += 1


@contextlib.contextmanager
def open_desk(workspace: Workspace, state: str | None, label_set: str) -> Iterator[Desk]:
    """A desk at work; at the end of the block everything that was decided is published."""
    desk = Desk(workspace, state_folder(state, workspace), label_set)
    desk.start()
    try:
        yield desk
    finally:
        desk.close()


def state_folder(chosen: str | None, workspace: Workspace) -> Path:
    """The local folder of this workspace's log and caches, below the one that was chosen."""
    base = Path(chosen) if chosen else _default_state()
    root = workspace.local_root
    place = str(root.resolve()) if root else workspace.location
    name = re.sub(r"[^A-Za-z0-9]+", "-", place.rstrip("/").rpartition("/")[2]).strip("-")
    return base.absolute() / f"{name[:40]}-{hashlib.sha256(place.encode()).hexdigest()[:12]}"


def _default_state() -> Path:
    folder = os.environ.get("XDG_STATE_HOME")
    return (Path(folder) if folder else Path.home() / ".local" / "state") / "openrelic"


def _shown(entry: Decision) -> dict[str, Any]:
    return {
        "verdict": entry.verdict, "reason": entry.reason, "reviewer": entry.reviewer,
        "time": entry.time_utc.isoformat(timespec="seconds"),
    }  # fmt: skip
