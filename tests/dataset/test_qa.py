"""`dataset.qa` as a user runs it: a small workspace, a kill in the middle, damaged files."""

import io
import json
import logging
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from unittest import mock

import numpy as np
import pyarrow.parquet as pq
import pytest

from dataset.clip import CAMERA, CLIPS, VIDEO, read_clip
from dataset.errors import OpenRelicError
from dataset.qa.__main__ import main
from dataset.qa.checks import CHECKS, NAMES
from dataset.qa.measure import SECOND_CHECKS, Measured, second_value
from dataset.qa.store import (
    METADATA_KEY,
    METRICS,
    QaMetrics,
    Segment,
    read_metrics,
    read_seconds,
    write_metrics,
)
from dataset.qa.thresholds import DEFAULTS, read_thresholds
from dataset.qa.verdict import judge
from dataset.workspace import Workspace
from labeling.actions import Thresholds
from labeling.label_workspace import label_clip
from tests.dataset.plane_world import add_clip, clean_path, pictures

ROOT = Path(__file__).parents[2]
FRAMES = 96
CONFIG = ROOT / "configs/qa.yaml"


def run(workspace: Workspace, *arguments: str, workers: int = 1) -> str:
    """Run the command in this process; what it logs."""
    lines = io.StringIO()
    handler = logging.StreamHandler(lines)
    logger = logging.getLogger(main.__module__)
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    argv = ["qa", workspace.location, "--workers", str(workers), *arguments]
    try:
        with mock.patch.object(sys, "argv", argv):
            main()
    finally:
        logger.removeHandler(handler)
    return lines.getvalue()


def metrics_of(workspace: Workspace) -> QaMetrics:
    found = read_metrics(workspace)
    assert found is not None
    return found


def files_of(workspace: Workspace) -> dict[str, bytes]:
    return {
        name: workspace.read_bytes(f"qa/{name}") for name in ("metrics.parquet", "seconds.parquet")
    }


@pytest.fixture(scope="module")
def walls(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """Three labelled clips: a clean one, one with a black second, one with labels of another."""
    workspace = Workspace(tmp_path_factory.mktemp("walls") / "ws")
    for seed, name in enumerate(("black", "clean", "other")):
        R, P = clean_path(FRAMES if name != "black" else 128, seed + 5)
        shown = pictures(R, P, seed)
        if name == "black":
            shown[18:22] = 0
        if name == "other":
            R, P = clean_path(FRAMES, 77)
        label_clip(workspace, "default", add_clip(workspace, name, shown, R, P), Thresholds())
    return workspace


@pytest.fixture(scope="module")
def measured(walls: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    workspace = Workspace(tmp_path_factory.mktemp("measured") / "ws")
    shutil.copytree(walls.location, workspace.location)
    said = run(workspace)
    assert "3 clips: accept 1, look 1, reject 1" in said
    assert "frames a second" in said
    return workspace


@pytest.fixture
def fresh(walls: Workspace, tmp_path: Path) -> Workspace:
    shutil.copytree(walls.location, tmp_path / "ws")
    return Workspace(tmp_path / "ws")


def test_the_clean_clip_is_accepted_whole(measured: Workspace):
    clip = metrics_of(measured).clips["clean"]
    assert (clip.proposed, clip.failed, clip.evidence) == ("accept", (), ())
    assert clip.segments == (Segment(first_frame=0, frames=FRAMES),)
    assert {name for name, value in clip.values.items() if value is None} == set()
    assert 0.0 < (clip.values["flow_error_deg"] or 0.0) < 0.2


def test_a_bad_second_is_cut_out_and_shown(measured: Workspace):
    clip = metrics_of(measured).clips["black"]
    assert clip.proposed == "look" and "blank_frames" in clip.failed
    (shown,) = [entry for entry in clip.evidence if entry.check == "blank_frames"]
    assert (shown.first_frame, shown.frames, shown.value) == (16, 16, 4.0)
    assert 18 <= shown.frame < 22
    (part,) = clip.segments
    assert part.first_frame >= 32 and part.first_frame + part.frames == 128
    assert part.first_frame % 16 == 0 and part.frames >= 81


def test_pictures_of_another_path_are_rejected(measured: Workspace):
    clip = metrics_of(measured).clips["other"]
    assert clip.proposed == "reject" and clip.segments == ()
    assert "flow_error_deg" in clip.failed


def test_seconds_hold_what_the_worst_value_comes_from(measured: Workspace):
    table = read_seconds(measured)
    assert table is not None
    assert table.column_names == ["tour_id", "second", *(check.name for check in SECOND_CHECKS)]
    rows = [row for row in table.to_pylist() if row["tour_id"] == "black"]
    assert [row["second"] for row in rows] == list(range(8))
    worst = max(row["crushed_share"] for row in rows)
    assert metrics_of(measured).clips["black"].values["crushed_share"] == pytest.approx(worst)


def test_the_file_says_what_was_checked_and_how(measured: Workspace):
    facts = json.loads(pq.read_schema(f"{measured.location}/{METRICS}").metadata[METADATA_KEY])
    assert [entry["name"] for entry in facts["checks"]] == list(NAMES)
    assert {entry["name"]: entry["threshold"] for entry in facts["checks"]} == DEFAULTS
    metrics = metrics_of(measured)
    copy = Workspace(Path(measured.location).parent / "copy")
    write_metrics(copy, list(metrics.clips.values()), metrics.thresholds, metrics.settings_digest)
    assert copy.read_bytes(METRICS) == measured.read_bytes(METRICS)


def test_the_report_shows_failures_worst_first(measured: Workspace):
    page = measured.read_bytes("report/qa.html").decode()
    assert page.count("data:image/jpeg;base64,") >= 2 and "<svg" in page
    assert page.index("<td>other</td>") < page.index("<td>black</td>")


def test_a_threshold_measures_nothing_again(measured: Workspace, tmp_path: Path):
    shutil.copytree(measured.location, tmp_path / "ws")
    workspace = Workspace(tmp_path / "ws")
    parts = Path(workspace.location) / "qa/parts"
    before = {path.name: path.stat().st_mtime_ns for path in parts.iterdir()}
    (tmp_path / "qa.yaml").write_text("thresholds: {brightness: 0.9, blank_frames: null}\n")
    said = run(workspace, "--config", str(tmp_path / "qa.yaml"))
    assert "all 3 clips were measured before" in said
    assert {path.name: path.stat().st_mtime_ns for path in parts.iterdir()} == before
    found = metrics_of(workspace)
    assert found.thresholds["blank_frames"] is None
    assert "brightness" in found.clips["clean"].failed
    assert "blank_frames" not in found.clips["black"].failed
    run(workspace)
    assert files_of(workspace) == files_of(measured)


def test_killed_and_started_again_it_writes_the_same_bytes(fresh: Workspace, measured: Workspace):
    parts = Path(fresh.location) / "qa/parts"
    command = [sys.executable, "-m", "dataset.qa", fresh.location, "--workers", "1"]
    killed = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL)
    until = time.monotonic() + 60
    while not (parts.exists() and any(parts.glob("*.parquet"))):
        assert killed.poll() is None and time.monotonic() < until
        time.sleep(0.01)
    os.kill(killed.pid, signal.SIGKILL)
    killed.wait()
    there = {path.name: path.stat().st_mtime_ns for path in parts.glob("[!.]*.parquet")}
    assert 1 <= len(there) < 3 and not fresh.exists(METRICS)
    again = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert again.returncode == 0, again.stderr
    after = {path.name: path.stat().st_mtime_ns for path in parts.glob("[!.]*.parquet")}
    assert {name: after[name] for name in there} == there  # what was done is not done again
    assert files_of(fresh) == files_of(measured)


def test_ray_workers_write_the_same_bytes(fresh: Workspace, measured: Workspace):
    run(fresh, workers=2)
    assert files_of(fresh) == files_of(measured)


# Damage


def flip_bit(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))


DAMAGE: dict[str, tuple[str, Callable[[Path], object], str]] = {
    "flipped": (VIDEO, flip_bit, "damaged_files"),
    "short": (VIDEO, lambda path: os.truncate(path, path.stat().st_size - 9), "damaged_files"),
    "missing video": (VIDEO, lambda path: path.unlink(), "damaged_files"),
    "missing track": (CAMERA, lambda path: path.unlink(), "damaged_files"),
    "flipped track": (CAMERA, flip_bit, "damaged_files"),
}


@pytest.mark.parametrize("name", list(DAMAGE))
def test_damage_is_recorded_and_named(fresh: Workspace, name: str):
    file, damage, check = DAMAGE[name]
    for other in ("black", "other"):
        fresh.delete_folder(f"{CLIPS}/{other}")
    damage(Path(fresh.location) / CLIPS / "clean/a1" / file)
    assert f"clean: {file} is" in run(fresh)
    clip = metrics_of(fresh).clips["clean"]
    assert clip.proposed == "reject" and clip.damaged and clip.segments == ()
    assert check in clip.failed and clip.values[check] == 1.0
    assert "clean" in fresh.read_bytes("report/qa.html").decode()


def test_a_file_that_changes_its_size_is_looked_at_again(measured: Workspace, tmp_path: Path):
    shutil.copytree(measured.location, tmp_path / "ws")
    workspace = Workspace(tmp_path / "ws")
    os.truncate(Path(workspace.location) / CLIPS / "clean/a1" / VIDEO, 1000)
    run(workspace)
    assert "damaged_files" in metrics_of(workspace).clips["clean"].failed


def test_clips_without_labels_are_compared_with_their_poses(fresh: Workspace):
    fresh.delete_folder("labels")
    fresh.delete_folder(f"{CLIPS}/black")
    (line,) = [line for line in run(fresh).splitlines() if "no labels" in line]
    assert "2 clips" in line and "python -m labeling.poses_to_actions" in line
    found = metrics_of(fresh).clips
    assert found["clean"].proposed == "accept"
    assert found["clean"].values["label_pose_error"] is None
    assert "flow_error_deg" in found["other"].failed


def test_labels_of_another_clip_are_a_failure(fresh: Workspace):
    labels = Path(fresh.location) / "labels/default"
    shutil.copy(labels / "other.parquet", labels / "clean.parquet")
    fresh.delete_folder(f"{CLIPS}/black")
    assert "clean: labels: " in run(fresh)
    clip = metrics_of(fresh).clips["clean"]
    assert clip.proposed == "reject" and clip.failed == ("label_pose_error",)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("thresholds: {blur: 1}", "unknown key 'thresholds.blur'"),
        ("thresholds: {blur_px: much}", "'thresholds.blur_px' must be float"),
        ("thresholds: {blur_px: .inf}", "give a number, or null"),
        ("limits: {}", "unknown key 'limits'"),
    ],
)
def test_a_wrong_config_is_one_line(tmp_path: Path, text: str, said: str):
    path = tmp_path / "qa.yaml"
    path.write_text(text)
    with pytest.raises(OpenRelicError, match=said):
        read_thresholds(str(path))


def test_the_config_of_the_project_holds_the_defaults():
    assert read_thresholds(str(CONFIG)) == DEFAULTS == read_thresholds(None)


# Verdicts


def measurement(clip_seconds: int, **bad: list[int]) -> Measured:
    """Nothing fails but the named checks in the listed seconds."""
    found = Measured(clip={check.name: 0.0 for check in CHECKS if check.scope == "clip"})
    for check in SECOND_CHECKS:
        fine = check.threshold * (0.5 if check.direction == "above" else 2.0)
        values = np.full(clip_seconds, fine, np.float32)
        worse = 2 * check.threshold + 1 if check.direction == "above" else check.threshold / 2
        values[bad.get(check.name, [])] = worse
        found.seconds[check.name] = values
        found.worst_frame[check.name] = np.arange(clip_seconds, dtype=np.int32) * 16 + 3
    return found


@pytest.mark.parametrize(
    ("bad", "proposed", "segments"),
    [
        ([], "accept", [(0, 320)]),
        ([9], "look", [(0, 144), (160, 160)]),
        ([0, 19], "look", [(16, 288)]),
        ([5, 11], "look", [(192, 128)]),  # 80 and 80 frames are too short for a window
        ([3, 8, 13, 18], "reject", []),
    ],
)
def test_bad_seconds_cut_segments(walls: Workspace, bad: list[int], proposed: str, segments: list):
    clip = read_clip(walls, "clean")
    assert clip is not None
    long = clip.__class__(**{**clip.__dict__, "frames": 320})
    row = judge(long, measurement(20, flicker=bad), dict(DEFAULTS))
    assert row.proposed == proposed
    assert [(part.first_frame, part.frames) for part in row.segments] == segments
    assert all(entry.frame % 16 == 3 for entry in row.evidence)


def test_a_failure_of_the_whole_clip_leaves_nothing(walls: Workspace):
    clip = read_clip(walls, "clean")
    assert clip is not None
    found = measurement(6)
    found.clip["label_lag_frames"] = 2.0
    row = judge(clip, found, dict(DEFAULTS))
    assert (row.proposed, row.failed, row.segments) == ("reject", ("label_lag_frames",), ())
    assert judge(clip, found, {**DEFAULTS, "label_lag_frames": None}).proposed == "accept"


def test_what_was_not_measured_does_not_fail():
    for check in CHECKS:
        assert not check.fails(None, check.threshold) and not check.fails(float("nan"), 0.0)
        assert not check.fails(1e9, None) and not check.fails(-1e9, None)
    assert np.isnan(second_value("flicker", np.array([np.nan])))
