"""The clips of a workspace and what QA found of them, as of the last look.

A committed clip never changes, so a record is read once for each stamp that its file has had. What
cannot be read does not stop the others: it is named on the page.
"""

import re
import threading
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

import pyarrow as pa

from dataset.clip import CAMERA, READERS, RECORD, VIDEO, Clip, read_clip
from dataset.dashboard.stamps import Stamp, file_stamp, record_stamps
from dataset.errors import OpenRelicError
from dataset.qa.store import METRICS, SECONDS, ClipMetrics, QaMetrics, read_metrics, read_seconds
from dataset.workspace import CLIPS, PLAN, Workspace

_PLAIN_NAME = re.compile(r"[^/\\\0]+")


class Catalogue:
    """What there is to review; `refresh` is called by one thread, the rest by any."""

    def __init__(self, workspace: Workspace) -> None:
        """Know nothing yet."""
        self.workspace = workspace
        self.clips: dict[str, Clip] = {}
        self.digests: dict[str, str] = {}
        self.metrics: QaMetrics | None = None
        self.planned_frames: dict[str, int] | None = None  # by scene
        self._stamps: dict[str, Stamp] = {}
        self._unreadable: dict[str, str] = {}  # clips, and why
        self._metrics_problem: str | None = None
        self._files: dict[str, Stamp | None] = {}
        self._seconds: tuple[Stamp | None, dict[str, pa.Table]] = (None, {})
        self._seconds_lock = threading.Lock()

    @property
    def problems(self) -> list[str]:
        """What could not be read, and why."""
        return [
            *([self._metrics_problem] if self._metrics_problem else []),
            *self._unreadable.values(),
        ]

    def refresh(self) -> bool:
        """Look at what is there now; whether anything is another than before."""
        return any([self._refresh_clips(), self._refresh_metrics(), self._refresh_plan()])

    def metrics_of(self, tour_id: str) -> ClipMetrics | None:
        """What QA found of the present clip; None if it measured none, or another."""
        found = self.metrics.clips.get(tour_id) if self.metrics else None
        return found if found and found.digest == self.digests.get(tour_id) else None

    def seconds_of(self, tour_id: str) -> pa.Table | None:
        """A clip's rows of `seconds.parquet`, in order; None if there are none."""
        with self._seconds_lock:
            stamp = file_stamp(self.workspace, SECONDS)
            if stamp != self._seconds[0]:
                self._seconds = (stamp, _by_tour(read_seconds(self.workspace)))
            return self._seconds[1].get(tour_id)

    def _refresh_clips(self) -> bool:
        stamps = record_stamps(self.workspace)
        if stamps == self._stamps:
            return False
        new = [name for name, stamp in stamps.items() if self._stamps.get(name) != stamp]
        read = {name: self.clips[name] for name in stamps if name in self.clips}
        problems = {name: why for name, why in self._unreadable.items() if name in stamps}
        for name, found in zip(new, self._read_records(new), strict=True):
            read.pop(name, None)
            problems.pop(name, None)
            if isinstance(found, Clip):
                read[name] = found
            else:
                problems[name] = found
        digests = {name: self.digests[name] for name in read if name in self.digests}
        digests |= {name: read[name].digest for name in new if name in read}
        self._unreadable, self.digests = problems, digests
        self.clips, self._stamps = dict(sorted(read.items())), stamps
        return True

    def _read_records(self, names: list[str]) -> Iterable[Clip | str]:
        readers = 1 if self.workspace.local_root else READERS
        with ThreadPoolExecutor(readers) as pool:
            return list(pool.map(self._read_record, names))

    def _read_record(self, name: str) -> Clip | str:
        """A clip whose record can be relied on, or what is the matter with it."""
        where = f"{self.workspace.location}/{CLIPS}/{name}/{RECORD}"
        try:
            clip = read_clip(self.workspace, name)
        except (OpenRelicError, OSError) as error:
            return " ".join(str(error).split())
        if clip is None:
            return f"{where} is gone"
        wrong = _wrong(clip, name)
        return f"{where} is not a clip's record: {wrong}" if wrong else clip

    def _refresh_metrics(self) -> bool:
        if not self._is_new(METRICS):
            return False
        try:
            self.metrics, self._metrics_problem = read_metrics(self.workspace), None
        except (OpenRelicError, OSError) as error:
            self.metrics, self._metrics_problem = None, " ".join(str(error).split())
        return True

    def _refresh_plan(self) -> bool:
        if not self._is_new(PLAN):
            return False
        try:
            table = self.workspace.read_table(PLAN).select(["scene", "frames"])
        except (OpenRelicError, OSError, KeyError):
            self.planned_frames = None
            return True
        planned: dict[str, int] = {}
        for scene, frames in zip(*(column.to_pylist() for column in table.columns), strict=True):
            planned[scene] = planned.get(scene, 0) + frames
        self.planned_frames = planned
        return True

    def _is_new(self, path: str) -> bool:
        stamp = file_stamp(self.workspace, path)
        changed = path not in self._files or self._files[path] != stamp
        self._files[path] = stamp
        return changed


def _wrong(clip: Clip, name: str) -> str | None:
    """What a record says that no clip can be; it may have been written by anybody."""
    if clip.tour_id != name:
        return f"its tour is {clip.tour_id!r}"
    if not _PLAIN_NAME.fullmatch(str(clip.attempt)) or clip.attempt in (".", ".."):
        return f"its attempt {clip.attempt!r} is no folder's name"
    numbers = (clip.frames, clip.fps, clip.width, clip.height)
    if not all(isinstance(number, int) and number > 0 for number in numbers):
        return f"frames, fps and size are {numbers}"
    words = (clip.scene, clip.asset, clip.licence, clip.kind, clip.motion, clip.engine)
    if not all(isinstance(word, str) for word in words):
        return "its scene, kind or motion is no text"
    lacking = [file for file in (VIDEO, CAMERA) if file not in clip.files]
    return f"it has no {lacking[0]}" if lacking else None


def _by_tour(table: pa.Table | None) -> dict[str, pa.Table]:
    """The rows of each tour, sorted by second."""
    if table is None or table.num_rows == 0:
        return {}
    rows = table.sort_by([("tour_id", "ascending"), ("second", "ascending")])
    counts = rows.group_by("tour_id", use_threads=False).aggregate([("second", "count")])
    found, first = {}, 0
    for name, count in zip(*(column.to_pylist() for column in counts.columns), strict=True):
        found[name] = rows.slice(first, count)
        first += count
    return found
