"""What a capture says of itself in the workspace, for whoever watches from another terminal.

    capture/progress.json               how far the run is; the driver rewrites it every few seconds
    capture/quarantine/<tour_id>.json   a tour that was given up, and why each attempt failed

Both are plain files, so they are read the same way on a folder and on object storage.
"""

import dataclasses
from dataclasses import dataclass
from typing import Any, Literal

from dataset.errors import OpenRelicError
from dataset.workspace import Workspace, json_bytes

PROGRESS = "capture/progress.json"
QUARANTINE = "capture/quarantine"


@dataclass(frozen=True, kw_only=True)
class Progress:
    """How far a run is. Times are seconds since 1970; minutes are of footage at 16 fps.

    `tours_*` and `minutes_*` are of the whole plan, clips of earlier runs included.
    """

    state: Literal["running", "ended"]
    time_s: float  # when this was written
    started_s: float  # when this run began
    host: str
    pid: int
    frames_per_second: float  # over the last minute
    minutes_done: float
    minutes_planned: float
    engines_alive: int
    engines_wanted: int
    retries: int  # of this run
    tours_done: int
    tours_failed: int  # in quarantine
    tours_planned: int


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """An attempt at a tour that failed."""

    time_s: float
    host: str  # the node it ran on
    reason: str


@dataclass(frozen=True, kw_only=True)
class Quarantined:
    """A tour that was given up."""

    tour_id: str
    scene: str
    attempts: tuple[Attempt, ...]  # in order, of every run that tried


def write_progress(workspace: Workspace, progress: Progress) -> None:
    """Replace `capture/progress.json`."""
    workspace.write_bytes(PROGRESS, json_bytes(dataclasses.asdict(progress)))


def read_progress(workspace: Workspace) -> Progress | None:
    """What the last run wrote, or None before the first; see `time_s` for how old it is."""
    if not workspace.exists(PROGRESS):
        return None
    return _read(workspace, PROGRESS, lambda record: Progress(**record))


def write_quarantine(workspace: Workspace, tour: Quarantined) -> None:
    """Keep a tour out of later runs, until `--retry-quarantined`."""
    path = f"{QUARANTINE}/{tour.tour_id}.json"
    workspace.write_bytes(path, json_bytes(dataclasses.asdict(tour)))


def lift_quarantine(workspace: Workspace, tour_id: str) -> None:
    """Forget a tour's failures: it is committed."""
    workspace.delete_file(f"{QUARANTINE}/{tour_id}.json")


def read_quarantine(workspace: Workspace) -> list[Quarantined]:
    """Every tour in quarantine, sorted by tour id."""
    names = workspace.list_names(QUARANTINE)
    return [
        _read(workspace, f"{QUARANTINE}/{name}", _quarantined)
        for name in names
        if name.endswith(".json") and not name.startswith(".")
    ]


def _quarantined(record: dict[str, Any]) -> Quarantined:
    attempts = tuple(Attempt(**attempt) for attempt in record["attempts"])
    return Quarantined(**{**record, "attempts": attempts})


def _read(workspace: Workspace, path: str, parse: Any) -> Any:
    record = workspace.read_json(path)
    try:
        return parse(record)
    except (KeyError, TypeError) as error:
        raise OpenRelicError(
            f"{workspace.location}/{path} is not what capture.run writes ({error}); delete it"
        ) from error
