"""The share of frames with each action, clip by clip, from the labels.

Reading 1,400 label files takes seconds, so what was read is kept in the state folder by the clip's
digest and the label file's stamp, and what is new is read while the page is served already.
"""

import logging
import threading
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa

from dataset.clip import Clip
from dataset.dashboard.stamps import label_stamps
from dataset.errors import OpenRelicError
from dataset.workspace import Workspace
from labeling.actions import ACTIONS
from labeling.store import check_set_name, label_command, require_labels

log = logging.getLogger(__name__)

KEEP_EVERY = 200  # clips read before what is known is written down

Key = tuple[str, str, int, int]  # tour id, digest of the clip, stamp of the label file
Shares = tuple[float, ...]  # (13,), as `ACTIONS`


class LabelShares:
    """Shares of all clips that have labels; `read` is called by one thread, the rest by any."""

    def __init__(self, workspace: Workspace, label_set: str, state: Path) -> None:
        """Start from what the state folder has."""
        self.label_set = check_set_name(label_set)
        self.command = label_command(workspace, label_set)
        self._workspace, self._state = workspace, Workspace(state)
        self._file = f"labels-{label_set}.parquet"
        self._known: dict[Key, Shares | None] = _kept(self._state, self._file)
        self._keys: dict[str, Key] = {}
        self.waiting = 0

    def look(self, clips: Iterable[Clip], digests: Mapping[str, str]) -> list[Clip]:
        """Take note of the label files that are there now; the clips whose labels are new.

        `digests` are the clips', by tour id.
        """
        stamps = label_stamps(self._workspace, self.label_set)
        present = [clip for clip in clips if clip.tour_id in stamps]
        names = [clip.tour_id for clip in present]
        self._keys = {name: (name, digests[name], *stamps[name]) for name in names}
        new = [clip for clip in present if self._keys[clip.tour_id] not in self._known]
        self.waiting = len(new)
        return new

    def read(self, clips: list[Clip], stop: threading.Event) -> None:
        """Read the labels of these clips, until `stop`; keeps what it knows as it goes."""
        for number, clip in enumerate(clips, 1):
            if stop.is_set():
                break
            self._known[self._keys[clip.tour_id]] = self._shares(clip)
            self.waiting = len(clips) - number
            if number % KEEP_EVERY == 0:
                self._keep()
        if clips:
            self._keep()

    def of(self, tour_id: str) -> Shares | None:
        """The shares of a clip; None if there are none, or none yet."""
        key = self._keys.get(tour_id)
        return self._known.get(key) if key else None

    def _shares(self, clip: Clip) -> Shares | None:
        try:
            active = require_labels(self._workspace, self.label_set, clip).active
        except (OpenRelicError, OSError) as error:
            log.warning("%s", error)
            return None
        return tuple(np.round(active.mean(axis=0), 5).tolist())

    def _keep(self) -> None:
        """Write down what is known of the clips that are there."""
        keys = [key for key in self._keys.values() if key in self._known]
        columns = dict(zip(("tour_id", "digest", "bytes", "time_ns"), zip(*keys, strict=True),
                           strict=True))  # fmt: skip
        shares = pa.array([self._known[key] for key in keys], pa.list_(pa.float64()))
        self._state.write_table(self._file, pa.table({**columns, "shares": shares}))


def _kept(state: Workspace, file: str) -> dict[Key, Shares | None]:
    """What the state folder knows; a damaged file counts as none."""
    try:
        rows = state.read_table(file).to_pylist()
        found = {
            (row["tour_id"], row["digest"], row["bytes"], row["time_ns"]): row["shares"]
            for row in rows
        }
    except (OpenRelicError, OSError, KeyError):
        return {}
    return {key: tuple(shares) if shares and len(shares) == len(ACTIONS) else None
            for key, shares in found.items()}  # fmt: skip
