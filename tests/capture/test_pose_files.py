"""Recorded paths: what is read and refused, resampled as scipy does, and planned."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from scipy.interpolate import PchipInterpolator
from scipy.spatial.transform import Rotation, Slerp

from capture.tours.pose_files import (
    COLUMNS,
    HEADER,
    frame_count,
    load_pose_file,
    poses_path,
    read_pose_file,
    resampled,
    store_poses,
)
from capture.tours.rows import PlanRow, read_plan
from dataset.clip import FPS
from dataset.errors import OpenRelicError
from dataset.workspace import PLAN, Workspace
from labeling.actions import STATIC, poses_to_actions
from labeling.camera import camera_to_ue, rotation_distance_rad, ue_to_camera

ROOT = Path(__file__).resolve().parents[2]
GOOD = [[0.5 + k / 30, 10.0 * k, 5.0, 150.0, 1.0, 0.5 * k, 0.0] for k in range(301)]


def write_csv(path: Path, rows: list, header: str = HEADER) -> Path:
    lines = [",".join(map(str, row)) for row in rows]
    path.write_text("\n".join([header, *lines]) + "\n")
    return path


def write_parquet(path: Path, rows: list) -> Path:
    columns = dict(zip(COLUMNS, np.array(rows).T, strict=True))
    pq.write_table(pa.table(columns), path)
    return path


def changed(line: int, column: int, value: object) -> list:
    rows: list[list[object]] = [list(row) for row in GOOD]
    rows[line - 2][column] = value
    return rows


def test_both_formats_hold_the_same_poses(tmp_path: Path):
    from_csv = read_pose_file(write_csv(tmp_path / "a.csv", GOOD))
    from_parquet = read_pose_file(write_parquet(tmp_path / "a.parquet", GOOD))
    assert np.array_equal(from_csv, np.array(GOOD)) and np.array_equal(from_csv, from_parquet)
    windows = tmp_path / "b.csv"
    windows.write_bytes(b"\xef\xbb\xbf" + (tmp_path / "a.csv").read_bytes().replace(b"\n", b"\r\n"))
    assert np.array_equal(read_pose_file(windows), from_csv)


@pytest.mark.parametrize(
    ("rows", "header", "message"),
    [
        (GOOD, "time,x,y,z,pitch,yaw,roll", f"line 1 is 'time,.*must be {HEADER}"),
        ([], "", "line 1 is .*must be"),
        ([], HEADER, "0 poses; at least 2"),
        (GOOD[:1], HEADER, "1 poses; at least 2"),
        (changed(7, 3, "high"), HEADER, "line 7: z_cm is 'high'; a number"),
        (changed(7, 3, ""), HEADER, "line 7: z_cm is ''; a number"),
        (changed(8, 3, "nan"), HEADER, "line 8 .*finite"),
        (changed(9, 5, "-inf"), HEADER, "line 9 .*finite"),
        (changed(20, 4, 90.5), HEADER, "line 20 .*pitch_deg must be within -90 to 90"),
        (changed(30, 0, GOOD[27][0]), HEADER, "line 30 .*later than in the row before"),
        (GOOD[:40] + GOOD[80:], HEADER, "line 42 .*more than 1 s after"),
        (changed(50, 5, 180.0), HEADER, "line 50 .*turns by more than 90"),
        ([*GOOD[:5], GOOD[5][:6], *GOOD[6:]], HEADER, "line 7 has 6 values; 7 are needed"),
        ([*GOOD, [*GOOD[-1], 3]], HEADER, "line 303 has 8 values"),
    ],
)
def test_a_csv_that_breaks_a_rule_is_refused_by_line(
    tmp_path: Path, rows: list, header: str, message: str
):
    with pytest.raises(OpenRelicError, match=message) as error:
        read_pose_file(write_csv(tmp_path / "ride.csv", rows, header))
    assert "ride.csv" in str(error.value)


def test_wrong_parquet_files_are_refused(tmp_path: Path):
    def refused(message: str, columns: dict | None = None, data: bytes | None = None) -> None:
        path = tmp_path / "ride.parquet"
        if columns is not None:
            pq.write_table(pa.table(columns), path)
        if data is not None:
            path.write_bytes(data)
        with pytest.raises(OpenRelicError, match=message):
            read_pose_file(path)

    columns = dict(zip(COLUMNS, np.array(GOOD).T, strict=True))
    refused("columns time_s,.*must be", {name: columns[name] for name in COLUMNS[:-1]})
    refused("roll_deg must hold numbers", {**columns, "roll_deg": ["x"] * len(GOOD)})
    refused("row 1 .*finite", {**columns, "x_cm": np.full(len(GOOD), np.nan)})
    refused("not a readable parquet", data=b"PAR1" + b"\0" * 50)
    refused("not CSV in UTF-8", data=b"\xff\xfe\x00")
    with pytest.raises(OpenRelicError, match="cannot be read: No such file"):
        read_pose_file(tmp_path / "nowhere.csv")


def noisy_poses(rate: float, seconds: float) -> np.ndarray:
    random = np.random.default_rng(0)
    count = int(seconds * rate) + 1
    time_s = 3.0 + (np.arange(count) + random.uniform(-0.3, 0.3, count)) / rate
    walk = np.cumsum(random.normal(size=(count, 6)) * [4, 4, 1, 1, 3, 1], axis=0)
    walk[:, 3] = np.clip(walk[:, 3], -80, 80)
    return np.concatenate([time_s[:, None], walk], axis=1)


def test_resampling_is_scipys():
    poses = noisy_poses(23.0, 9.0)
    path = resampled(poses)
    at_s = poses[0, 0] + np.arange(len(path)) / FPS
    assert len(path) == frame_count(poses)
    assert at_s[-1] <= poses[-1, 0] < at_s[-1] + 1 / FPS
    location, rotation = camera_to_ue(path.R, path.position_m)
    assert np.abs(location - PchipInterpolator(poses[:, 0], poses[:, 1:4])(at_s)).max() < 1e-9

    # Unreal's pitch, yaw, roll are the intrinsic ZYX of a frame that has Y mirrored.
    def turns(angles: np.ndarray) -> Rotation:
        return Rotation.from_euler("ZYX", angles[:, [1, 0, 2]] * [1, -1, -1], degrees=True)

    expected = Slerp(poses[:, 0], turns(poses[:, 4:]))(at_s)
    assert (expected.inv() * turns(rotation)).magnitude().max() < 1e-9


def curve(time_s: np.ndarray) -> np.ndarray:
    """A walk along a circle of 3 m with a swaying view, (N,7)."""
    angle = 0.45 * time_s
    columns = [
        time_s, 300 * np.cos(angle), 300 * np.sin(angle), 160 + 8 * np.sin(time_s),
        12 * np.sin(0.8 * time_s), 170 + np.rad2deg(angle), 4 * np.sin(0.5 * time_s),
    ]  # fmt: skip
    return np.stack(columns, axis=1)


@pytest.mark.parametrize("rate", [30.0, 60.0, 16.0])
def test_a_known_curve_is_met(rate: float):
    path = resampled(curve(np.arange(0, 20, 1 / rate)))
    truth = curve(np.arange(len(path)) / FPS)
    R, position_m = ue_to_camera(truth[:, 1:4], truth[:, 4:])
    exact = rate == FPS
    assert np.abs(path.position_m - position_m).max() < (1e-12 if exact else 1e-3)
    assert np.rad2deg(rotation_distance_rad(path.R, R)).max() < (1e-9 if exact else 0.01)


def test_a_resting_camera_rests_and_nothing_overshoots():
    time_s = np.arange(0, 12, 1 / 24)
    still = (time_s > 4) & (time_s < 8)
    x = np.where(time_s <= 4, 100 * time_s, np.where(still, 400.0, 400 + 80 * (time_s - 8)))
    poses = np.zeros((len(time_s), 7))
    poses[:, 0], poses[:, 1], poses[:, 5] = time_s, x, np.where(still, 90.0, x / 400 * 90)
    path = resampled(poses)
    at_s = np.arange(len(path)) / FPS
    resting = (at_s > 4.1) & (at_s < 7.9)
    assert np.ptp(path.position_m[resting], axis=0).max() == 0.0
    assert (np.diff(path.position_m[:, 0]) >= 0.0).all()
    active = poses_to_actions(path.R, path.position_m).active
    assert active[np.flatnonzero(resting)[1:], STATIC].all()


def test_a_turn_across_the_seam_takes_the_short_way():
    poses = np.zeros((101, 7))
    poses[:, 0] = np.arange(101) / 10
    poses[:, 5] = (np.arange(101) * 3.6 + 170) % 360
    _, rotation = camera_to_ue(resampled(poses).R, np.zeros((161, 3)))
    steps = (np.diff(rotation[:, 1]) + 180) % 360 - 180
    assert steps == pytest.approx(3.6 * 10 / FPS)


def row_of(pose_file: str | None, frames: int) -> PlanRow:
    return PlanRow(
        scene="s", asset="s", licence="CC0-1.0", seed=0, frames=frames, kind="recorded",
        motion="recorded", rotation_frame="camera", mix=(0.0,) * 13, translation_m_s=1.0,
        rotation_deg_s=1.0, clearance_cm=0.0, fov_deg=90.0, pose_file=pose_file,
    )  # fmt: skip


def test_the_workspace_keeps_what_the_name_says(tmp_path: Path):
    workspace, poses = Workspace(tmp_path), np.array(GOOD)
    store_poses(workspace, poses)
    name = poses_path(poses)
    assert workspace.list_names("poses") == [name.removeprefix("poses/")]
    first = (tmp_path / name).stat()
    store_poses(workspace, poses)
    assert (tmp_path / name).stat().st_mtime_ns == first.st_mtime_ns
    path = load_pose_file(workspace, row_of(name, frame_count(poses)))
    assert np.array_equal(path.R, resampled(poses).R)
    with pytest.raises(OpenRelicError, match="lasts 161 frames, but 99 are planned"):
        load_pose_file(workspace, row_of(name, 99))
    other = np.array(GOOD)
    other[5, 1] += 1e-9
    assert poses_path(other) != name
    columns = {column: other[:, index] for index, column in enumerate(COLUMNS)}
    pq.write_table(pa.table(columns), tmp_path / name)
    with pytest.raises(OpenRelicError, match="is damaged.*capture.plan --poses"):
        load_pose_file(workspace, row_of(name, frame_count(poses)))
    (tmp_path / name).unlink()
    with pytest.raises(OpenRelicError, match="is missing"):
        load_pose_file(workspace, row_of(name, frame_count(poses)))


def plan(workspace: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "capture.plan", str(workspace), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)


SCENES = """
- game: Flats
  asset: flats
  licence: CC0-1.0
  ai_training: true
  maps: [/Game/Maps/Flat, /Game/Maps/Yard]
"""


def test_recordings_join_a_plan_or_begin_one(tmp_path: Path):
    workspace, scenes = tmp_path / "ws", tmp_path / "scenes.yaml"
    scenes.write_text(SCENES)
    ride = write_csv(tmp_path / "ride.csv", GOOD)
    done = plan(workspace, "--scenes", scenes, "--minutes", 2)
    assert done.returncode == 0, done.stderr
    steered = read_plan(Workspace(workspace))
    for expected in ("1 of 1 recorded tours are new", "0 of 1 recorded tours are new"):
        done = plan(workspace, "--poses", ride, "--scene", "/Game/Maps/Yard")
        assert done.returncode == 0 and expected in done.stdout, done.stderr
        rows = read_plan(Workspace(workspace))
        assert rows[:-1] == steered
    recorded = rows[-1]
    assert (recorded.kind, recorded.frames, recorded.game) == ("recorded", 161, "Flats")
    assert recorded.asset == "flats" and recorded.clearance_cm == 0.0
    assert recorded.translation_m_s == pytest.approx(3.0, abs=1e-3)  # 10 cm thirty times a second
    assert len(load_pose_file(Workspace(workspace), recorded)) == 161
    # Planning the same again finds the plan with what was added.
    again = plan(workspace, "--scenes", scenes, "--minutes", 2)
    assert again.returncode == 0 and "1 tours added since" in again.stderr
    refused = plan(workspace, "--poses", ride, "--scene", "/Game/Maps/Nowhere")
    assert refused.returncode == 1 and "/Game/Maps/Nowhere is not among" in refused.stderr


@pytest.mark.slow
def test_recordings_stand_for_minutes_of_a_new_plan(tmp_path: Path):
    scenes, listed = tmp_path / "scenes.yaml", tmp_path / "rides.yaml"
    scenes.write_text(SCENES)
    write_csv(tmp_path / "ride.csv", GOOD)
    write_parquet(tmp_path / "b.parquet", [[*row[:1], 7.0, *row[2:]] for row in GOOD])
    listed.write_text(
        "- {file: ride.csv, scene: /Game/Maps/Yard}\n- {file: b.parquet, scene: /Game/Maps/Flat}\n"
    )
    done = plan(tmp_path / "ws", "--scenes", scenes, "--minutes", 2, "--poses", listed)
    assert done.returncode == 0, done.stderr
    rows = read_plan(Workspace(tmp_path / "ws"))
    assert [row.kind for row in rows].count("recorded") == 2
    frames = sum(row.frames for row in rows)
    assert 0 <= frames - 2 * 60 * FPS <= len(rows)
    only = plan(tmp_path / "only", "--scenes", scenes, "--poses", listed)
    assert only.returncode == 0 and len(read_plan(Workspace(tmp_path / "only"))) == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--poses", "{t}/ride.csv"], "needs --scene NAME"),
        (["--scene", "home:0"], "give --poses FILE as well"),
        (["--poses", "{t}/list.yaml", "--scene", "home:0"], "leave out --scene"),
        (["--poses", "{t}/list.yaml"], "entry 2 is .*needs file and scene"),
        (["--poses", "{t}/none.yaml"], "none.yaml is not a readable YAML file"),
        (["--poses", "{t}/short.csv", "--scene", "/Game/Maps/Yard", "--scenes", "{t}/scenes.yaml"],
         "short.csv lasts 1.0 s; a tour takes at least 6 s"),
        (["--poses", "{t}/ride.csv", "--scene", "/Game/Maps/Yard", "--scenes", "{t}/scenes.yaml",
          "--minutes", "0.1"], "the recordings last 0.2 minutes, all of --minutes"),
    ],
)  # fmt: skip
def test_wrong_recordings_are_answered_in_one_line(
    tmp_path: Path, arguments: list[str], message: str
):
    import re

    write_csv(tmp_path / "ride.csv", GOOD)
    write_csv(tmp_path / "short.csv", GOOD[:31])
    (tmp_path / "scenes.yaml").write_text(SCENES)
    (tmp_path / "list.yaml").write_text("- {file: ride.csv, scene: x}\n- ride.csv\n")
    done = plan(tmp_path / "ws", *(argument.format(t=tmp_path) for argument in arguments))
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("error: ") and done.stderr.count("\n") == 1
    assert re.search(message, done.stderr), done.stderr
    assert not (tmp_path / "ws" / PLAN).exists()
