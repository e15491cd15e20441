"""What a run leaves for `capture.status`: progress and quarantine, read back as written."""

from pathlib import Path

import pytest

from capture.crew.journal import (
    PROGRESS,
    Attempt,
    Progress,
    Quarantined,
    lift_quarantine,
    read_progress,
    read_quarantine,
    write_progress,
    write_quarantine,
)
from dataset.errors import OpenRelicError
from dataset.workspace import Workspace

RUNNING = Progress(
    state="running", time_s=20.5, started_s=10.0, host="here", pid=7, frames_per_second=31.5,
    minutes_done=1.5, minutes_planned=4.0, engines_alive=2, engines_wanted=3, retries=1,
    tours_done=2, tours_failed=1, tours_planned=5,
)  # fmt: skip


def given_up(tour_id: str) -> Quarantined:
    attempts = tuple(Attempt(time_s=t, host="node", reason=f"it “hung” at {t}") for t in (1.0, 2.0))
    return Quarantined(tour_id=tour_id, scene="home:1", attempts=attempts)


def test_progress_comes_back(tmp_path: Path):
    workspace = Workspace(tmp_path)
    assert read_progress(workspace) is None
    write_progress(workspace, RUNNING)
    assert read_progress(workspace) == RUNNING


def test_quarantine_comes_back_and_is_lifted(tmp_path: Path):
    workspace = Workspace(tmp_path)
    assert read_quarantine(workspace) == []
    for tour_id in ("b", "a"):
        write_quarantine(workspace, given_up(tour_id))
    assert read_quarantine(workspace) == [given_up("a"), given_up("b")]
    lift_quarantine(workspace, "a")
    assert read_quarantine(workspace) == [given_up("b")]


def test_a_strange_file_is_named(tmp_path: Path):
    workspace = Workspace(tmp_path)
    workspace.write_json(PROGRESS, {"state": "running", "pixels": 3})
    with pytest.raises(OpenRelicError, match=r"capture/progress.json is not what capture.run"):
        read_progress(workspace)
