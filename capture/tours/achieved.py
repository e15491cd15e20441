"""What of a plan is captured, and what shares of actions its clips achieved.

Counting the actions of a clip means reading its poses, so counts are kept in the workspace, in
`capture/action_counts.parquet`, by the digest of the clip's record and of the rules of counting;
a clip never changes, so an entry is either right or never looked up. The file may be deleted.
"""

import dataclasses
import hashlib
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import pyarrow as pa

from capture.crew.journal import Quarantined, read_quarantine
from capture.tours.rows import PlanRow
from dataset.clip import FPS, Clip, read_clip, read_track
from dataset.errors import OpenRelicError
from dataset.workspace import Workspace
from labeling.actions import ACTIONS, Thresholds, poses_to_actions
from labeling.camera import ue_to_camera

COUNTS = "capture/action_counts.parquet"
READERS = 8  # files read at once: object storage answers late, not slowly

Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(frozen=True, kw_only=True)
class Standing:
    """What has become of a plan's tours."""

    rows: list[PlanRow]
    committed: dict[str, Clip]  # by tour id
    quarantined: dict[str, Quarantined]  # tours that were given up and have no clip
    counts: dict[str, np.ndarray]  # (13,) frames with each action, by tour id, of the committed

    @property
    def open_rows(self) -> list[PlanRow]:
        """Tours that a run would still capture."""
        done = self.committed.keys() | self.quarantined.keys()
        return [row for row in self.rows if row.tour_id not in done]

    @property
    def committed_rows(self) -> list[PlanRow]:
        """Tours that are captured."""
        return [row for row in self.rows if row.tour_id in self.committed]

    @property
    def lost_rows(self) -> list[PlanRow]:
        """Tours that were given up."""
        return [row for row in self.rows if row.tour_id in self.quarantined]

    @property
    def shares(self) -> np.ndarray:
        """Share of the captured frames with each action (13,); all 0 before the first clip."""
        frames = sum(row.frames for row in self.committed_rows)
        return np.sum([np.zeros(len(ACTIONS)), *self.counts.values()], axis=0) / max(1, frames)


def minutes_of(rows: Iterable[PlanRow]) -> float:
    """Minutes of footage in all."""
    return sum(row.frames for row in rows) / FPS / 60.0


def read_standing(workspace: Workspace, rows: list[PlanRow]) -> Standing:
    """Look up every tour of a plan in the workspace."""
    begun = set(workspace.list_names("clips"))
    names = [row.tour_id for row in rows if row.tour_id in begun]
    # On a disk a record is read before threads have taken turns.
    readers = 1 if workspace.local_root else READERS
    clips = _at_once(lambda name: read_clip(workspace, name), names, readers)
    committed = {name: clip for name, clip in zip(names, clips, strict=True) if clip is not None}
    planned = {row.tour_id for row in rows}
    quarantined = {
        tour.tour_id: tour
        for tour in read_quarantine(workspace)
        if tour.tour_id in planned and tour.tour_id not in committed
    }
    return Standing(
        rows=rows,
        committed=committed,
        quarantined=quarantined,
        counts=_counts(workspace, committed),
    )


def _counts(workspace: Workspace, committed: dict[str, Clip]) -> dict[str, np.ndarray]:
    """Frames with each action (13,) of each clip, from the kept counts or from its poses."""
    keys = {name: _key(clip) for name, clip in committed.items()}
    known = _read_counts(workspace)
    new = [name for name in committed if keys[name] not in known]
    found = _at_once(lambda name: _count(workspace, committed[name]), new, READERS)
    known |= {keys[name]: count for name, count in zip(new, found, strict=True)}
    if new:
        _write_counts(workspace, {keys[name]: known[keys[name]] for name in committed})
    return {name: known[keys[name]] for name in committed}


def _count(workspace: Workspace, clip: Clip) -> np.ndarray:
    track = read_track(workspace, clip)
    R, position_m = ue_to_camera(track.location_cm, track.rotation_deg)
    actions = poses_to_actions(R, position_m, rotation_frame=clip.rotation_frame)
    return actions.active.sum(axis=0)


def _key(clip: Clip) -> str:
    """What a count depends on: the clip's files, and what counts as a pressed key."""
    rules = sorted(dataclasses.asdict(Thresholds()).items())
    return hashlib.sha256(f"{clip.digest} {rules} {ACTIONS}".encode()).hexdigest()


def _read_counts(workspace: Workspace) -> dict[str, np.ndarray]:
    """The kept counts; a file that is damaged or of another version counts as none."""
    try:
        table = workspace.read_table(COUNTS)
    except (FileNotFoundError, OpenRelicError):
        return {}
    if table.column_names != ["key", *ACTIONS]:
        return {}
    counts = np.stack([table[name].to_numpy() for name in ACTIONS], axis=1)
    return dict(zip(table["key"].to_pylist(), counts, strict=True))


def _write_counts(workspace: Workspace, counts: dict[str, np.ndarray]) -> None:
    table = np.stack(list(counts.values()))
    columns = {name: table[:, index] for index, name in enumerate(ACTIONS)}
    try:
        workspace.write_table(COUNTS, pa.table({"key": list(counts), **columns}))
    except OSError:
        return  # a workspace that may only be read has no use for it


def _at_once(function: Callable[[Item], Result], items: list[Item], readers: int) -> list[Result]:
    with ThreadPoolExecutor(readers) as pool:
        return list(pool.map(function, items))
