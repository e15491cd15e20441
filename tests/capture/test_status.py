"""Status, top-ups and estimates on workspaces whose clips have exactly known actions."""

import dataclasses
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from capture.crew.journal import (
    Attempt,
    Progress,
    Quarantined,
    write_progress,
    write_quarantine,
)
from capture.tours.achieved import COUNTS, minutes_of, read_standing
from capture.tours.expectation import expected_shares
from capture.tours.plan_file import StoredPlan, read_stored_plan, write_plan
from capture.tours.planning import LOWEST_SHARE, WANTED
from capture.tours.rows import PlanRow
from capture.tours.status_text import status_text
from capture.tours.topping_up import projected_shares, sound_scenes, topped_up
from dataset.clip import CAMERA
from dataset.errors import OpenRelicError
from dataset.workspace import CLIPS, PLAN, Workspace
from labeling.actions import ACTIONS
from tests.capture.small_plans import VIDEO_BYTES, WISH, commit, keys_of, small_plan

ROOT = Path(__file__).resolve().parents[2]
EVEN = dict.fromkeys(ACTIONS[:-1], 0.075)  # the rest is static: 10 %


def run(module: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", module, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)


def made(folder: Path, rows: list[PlanRow], minutes: float | None = None) -> Workspace:
    workspace = Workspace(folder)
    wish = dataclasses.replace(WISH, minutes=minutes_of(rows) if minutes is None else minutes)
    write_plan(workspace, StoredPlan(rows=rows, wish=wish))
    return workspace


def give_up(workspace: Workspace, row: PlanRow, *reasons: str) -> None:
    attempts = tuple(Attempt(time_s=0.0, host="node-1", reason=reason) for reason in reasons)
    tour = Quarantined(tour_id=row.tour_id, scene=row.scene, attempts=attempts)
    write_quarantine(workspace, tour)


def test_achieved_shares_are_those_of_the_poses(tmp_path: Path):
    rows = small_plan()
    workspace = made(tmp_path, rows)
    held = [{"dolly_in": 0.5, "pan_left": 0.25}, {"roll_ccw": 0.2}]
    true = np.zeros(len(ACTIONS))
    for row, keys in zip(rows, held, strict=False):
        action = keys_of(row, keys)
        commit(workspace, row, action)
        true += np.bincount(action, minlength=len(ACTIONS))
    standing = read_standing(workspace, rows)
    assert [row.tour_id for row in standing.committed_rows] == [row.tour_id for row in rows[:2]]
    assert standing.open_rows == rows[2:]
    assert standing.shares == pytest.approx(true / sum(row.frames for row in rows[:2]))


def test_counts_are_kept_and_belong_to_their_clip(tmp_path: Path):
    rows = small_plan(minutes=6.0)
    workspace = made(tmp_path, rows)
    clips = [commit(workspace, row, keys_of(row, {"dolly_in": 0.5})) for row in rows[:2]]
    first = read_standing(workspace, rows).shares
    for clip in clips:  # no pose is read a second time: there are none
        (tmp_path / clip.path(CAMERA)).unlink()
    assert np.array_equal(read_standing(workspace, rows).shares, first)
    # Another clip of the same tour is another clip.
    commit(workspace, rows[0], keys_of(rows[0], {"pan_left": 1.0}))
    changed = read_standing(workspace, rows)
    assert changed.counts[rows[0].tour_id][ACTIONS.index("pan_left")] == rows[0].frames - 1
    for damage in (b"", b"PAR1 not parquet"):
        (tmp_path / COUNTS).write_bytes(damage)
        with pytest.raises(OpenRelicError, match="missing from a committed clip"):
            read_standing(workspace, rows)
        commit(workspace, rows[1], keys_of(rows[1], {"dolly_in": 0.5}))
        assert read_standing(workspace, rows).shares == pytest.approx(changed.shares)
        (tmp_path / clips[1].path(CAMERA)).unlink()


def test_status_says_what_there_is(tmp_path: Path):
    rows = small_plan()
    workspace = made(tmp_path, rows)
    before = run("capture.status", tmp_path)
    assert before.returncode == 0 and "No run has been started yet" in before.stdout
    for row in rows[:3]:
        commit(workspace, row, keys_of(row, {"dolly_in": 0.5, "pan_left": 0.07}))
    give_up(workspace, rows[4], "the engine hung", "the engine hung", "a black frame")
    give_up(workspace, rows[0], "once, before it was captured")
    progress = Progress(
        state="running", time_s=time.time(), started_s=time.time() - 600, host="here", pid=7,
        frames_per_second=32.0, minutes_done=2.0, minutes_planned=20.0, engines_alive=2,
        engines_wanted=3, retries=5, tours_done=3, tours_failed=1, tours_planned=len(rows),
    )  # fmt: skip
    write_progress(workspace, progress)
    shown = run("capture.status", tmp_path).stdout
    for line in (
        "2.0 of 20.0 minutes, 32.0 frames/s, 2 of 3 engines alive, 5 retries, done in about 9 min",
        "1 tour was given up",
        "the engine hung [node-1] (2 times)\n    a black frame [node-1]",
    ):
        assert line in shown, shown
    table = {line[:16].strip(): line[16:].split() for line in shown.splitlines()[2:7]}
    assert table["captured"] == ["3", f"{minutes_of(rows[:3]):.1f}"]
    assert table["given up"] == ["1", f"{minutes_of(rows[4:5]):.1f}"]
    verdicts = {line.split()[0]: line.split("%")[-1].strip() for line in shown.splitlines() if line}
    assert verdicts["dolly_in"] == "too frequent" and verdicts["tilt_up"] == "too rare"
    assert verdicts["pan_left"] == ""
    ended = dataclasses.replace(progress, state="ended")
    standing = read_standing(workspace, rows)
    assert "ended 3 min ago" in status_text(standing, ended, progress.time_s + 180)
    assert "silent since" in status_text(standing, progress, progress.time_s + 180)


def test_nothing_is_added_when_nothing_is_short(tmp_path: Path):
    rows = small_plan()
    workspace = made(tmp_path, rows)
    for row in rows[::2]:
        commit(workspace, row, keys_of(row, EVEN))
    before = (tmp_path / PLAN).read_bytes()
    done = run("capture.plan", tmp_path, "--top-up")
    assert done.returncode == 1 and done.stderr.startswith("error: nothing is short in ")
    assert (tmp_path / PLAN).read_bytes() == before
    lacking = run("capture.plan", tmp_path / "nowhere", "--top-up")
    assert lacking.returncode == 1 and "run `python -m capture.plan" in lacking.stderr


def test_lost_minutes_are_planned_anew(tmp_path: Path):
    rows = small_plan()
    workspace = made(tmp_path, rows)
    for row in rows[:4]:
        commit(workspace, row, keys_of(row, EVEN))
    lost = [row for row in rows if row.scene == rows[-1].scene and row not in rows[:4]]
    for row in lost:
        give_up(workspace, row, "no")
    done = run("capture.plan", tmp_path, "--top-up")
    assert done.returncode == 0 and f"short: {minutes_of(lost):.1f} minutes" in done.stdout
    plan = read_stored_plan(workspace)
    new = plan.rows[len(rows) :]
    assert plan.rows[: len(rows)] == rows and plan.top_ups == 1
    assert minutes_of(new) == pytest.approx(minutes_of(lost), abs=0.05)
    assert len({row.tour_id for row in plan.rows}) == len(plan.rows)
    # It is short once: what was added is still to capture.
    with pytest.raises(OpenRelicError, match="nothing is short"):
        topped_up(plan, read_standing(workspace, plan.rows), "here")
    # Tours of the first top-up may be lost too; the second makes other ones.
    for row in new:
        give_up(workspace, row, "no")
    again = topped_up(plan, read_standing(workspace, plan.rows), "here")[0].rows
    assert again[: len(plan.rows)] == plan.rows and not set(again[len(plan.rows) :]) & set(new)
    assert minutes_of(again) - minutes_of(plan.rows) == pytest.approx(minutes_of(lost), abs=0.1)


def test_scenes_that_only_fail_are_left_out_of_a_top_up(tmp_path: Path):
    rows = small_plan(minutes=12.0)
    workspace = made(tmp_path, rows)
    for row in rows:
        if row.scene == rows[0].scene:
            give_up(workspace, row, "the map crashes")
        elif row.scene == rows[1].scene:
            commit(workspace, row, keys_of(row, EVEN))
    standing = read_standing(workspace, rows)
    assert rows[0].scene not in {scene.scene for scene in sound_scenes(standing)}
    topped, _ = topped_up(read_stored_plan(workspace), standing, "here")
    assert rows[0].scene not in {row.scene for row in topped.rows[len(rows) :]}


@pytest.mark.parametrize("rare", ["roll_cw", "dolly_out", "static"])
def test_rare_actions_are_planned_for(tmp_path: Path, rare: str):
    rows = small_plan(minutes=30.0)
    workspace = made(tmp_path, rows)
    held = {**EVEN, rare: 0.046} if rare != "static" else dict.fromkeys(EVEN, 0.0797)
    for row in rows:
        commit(workspace, row, keys_of(row, held))
    standing = read_standing(workspace, rows)
    at = ACTIONS.index(rare)
    assert standing.shares[at] < LOWEST_SHARE
    topped, why = topped_up(read_stored_plan(workspace), standing, "here")
    new = topped.rows[len(rows) :]
    assert why.startswith(f"short: {rare} at {100 * standing.shares[at]:.1f} %\n")
    assert f"added: {len(new)} tours of {minutes_of(new):.1f} minutes\n\n" in why
    assert expected_shares(new)[at] > WANTED[at]
    projected = projected_shares(read_standing(workspace, topped.rows))
    assert projected[at] >= LOWEST_SHARE - 1e-9
    assert minutes_of(new) < minutes_of(rows) / 2


def test_what_one_top_up_cannot_mend_is_said(tmp_path: Path):
    rows = small_plan(minutes=30.0)
    workspace = made(tmp_path, rows)
    for row in rows:
        commit(workspace, row, keys_of(row, {**EVEN, "roll_cw": 0.0}))
    topped, why = topped_up(read_stored_plan(workspace), read_standing(workspace, rows), "here")
    assert "roll_cw is expected to come to" in why and "top up again" in why
    assert minutes_of(topped.rows) < 1.51 * minutes_of(rows)


def test_minutes_raise_the_target(tmp_path: Path):
    rows = small_plan(minutes=12.0)
    workspace = made(tmp_path, rows)
    done = run("capture.plan", tmp_path, "--top-up", "--minutes", 20)
    assert done.returncode == 0, done.stderr
    plan = read_stored_plan(workspace)
    assert plan.rows[: len(rows)] == rows and plan.wish.minutes == 20.0
    assert minutes_of(plan.rows) == pytest.approx(20.0, abs=0.1)


def cells(text: str) -> dict[str, list[str]]:
    """The estimate's lines: name to the two columns."""
    lines = [line.rsplit(maxsplit=2) for line in text.splitlines()[1:9]]
    return {line[0].strip(): line[1:] for line in lines}


def test_an_estimate_is_arithmetic(tmp_path: Path):
    rows = small_plan()
    workspace = made(tmp_path / "ws", rows)
    prices = ["--frames-per-second", 20, "--price-per-hour", 3, "--load-seconds", 60]
    frames = sum(row.frames for row in rows)
    hours = frames / 20 / 3600 + 3 / 60
    found = cells(run("capture.plan", tmp_path / "ws", "--estimate", *prices).stdout)
    assert found["frames"] == [f"{frames}", f"{frames}"]
    assert found["engine-hours"][0] == f"{hours:.2f}" and found["cost"][0] == f"{3 * hours:.2f}"
    for row in rows[:5]:
        commit(workspace, row, keys_of(row, EVEN))
    standing = read_standing(workspace, rows)
    size = sum(file.bytes for clip in standing.committed.values() for file in clip.files.values())
    assert size > VIDEO_BYTES * sum(row.frames for row in rows[:5])
    found = cells(run("capture.plan", tmp_path / "ws", "--estimate", *prices).stdout)
    left = sum(row.frames for row in rows[5:])
    gigabytes = size / sum(row.frames for row in rows[:5]) * frames / 1e9
    assert found["frames"][1] == f"{left}" and found["GB of clips"][0] == f"{gigabytes:.2f}"


def test_an_estimate_writes_nothing_and_needs_a_rate(tmp_path: Path):
    wanted = ["--estimate", "--scenes", 4, "--minutes", 10]
    refused = run("capture.plan", tmp_path / "ws", *wanted)
    assert refused.returncode == 1 and "give --frames-per-second" in refused.stderr
    done = run("capture.plan", tmp_path / "ws", *wanted, "--frames-per-second", 16)
    assert done.returncode == 0 and "10.0" in cells(done.stdout)["minutes"]
    assert not (tmp_path / "ws").exists()
    progress = Progress(
        state="ended", time_s=1.0, started_s=0.0, host="here", pid=7, frames_per_second=48.0,
        minutes_done=2.0, minutes_planned=20.0, engines_alive=0, engines_wanted=3, retries=0,
        tours_done=3, tours_failed=0, tours_planned=4,
    )  # fmt: skip
    write_progress(Workspace(tmp_path / "ws"), progress)
    done = run("capture.plan", tmp_path / "ws", *wanted)
    assert "At 16 frames a second and engine" in done.stdout  # 48 by three engines


@pytest.mark.slow
def test_a_whole_dataset_is_looked_up_again_without_reading_poses(tmp_path: Path):
    rows = small_plan(350, 1750.0)
    workspace = made(tmp_path, rows)
    for row in rows:
        commit(workspace, row, keys_of(row, EVEN))
    first = read_standing(workspace, rows)
    assert len(first.committed) == len(rows) == 1400 and not first.open_rows
    assert first.shares == pytest.approx([*EVEN.values(), 0.1], abs=2e-3)
    for path in tmp_path.glob(f"{CLIPS}/*/one/{CAMERA}"):
        path.unlink()
    assert np.array_equal(read_standing(workspace, rows).shares, first.shares)
