"""Playing pose files into folders, and recording the player's camera."""

import io
import json
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pyarrow as pa
import pyarrow.parquet as parquet
import pytest

from capture.engine.clock import STEP_S
from capture.engine.commands.tour_record import between
from capture.engine.pose_files import COLUMNS, read_poses
from dataset.errors import OpenRelicError

from .tiny_scene import TinyEngine

HEADER = ",".join(COLUMNS)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("saved")


@pytest.fixture(scope="module")
def engine(folder: Path) -> Iterator[TinyEngine]:
    running = TinyEngine(folder)
    yield running
    running.close()


def poses(count: int) -> np.ndarray:
    random = np.random.default_rng(1)
    time_s = np.arange(count) / 16
    location = np.round(random.uniform([50, 50, 50], [350, 350, 250], (count, 3)), 3)
    rotation = np.round(random.uniform(-60, 60, (count, 3)), 3)
    return np.column_stack([time_s, location, rotation])


def write_csv(path: Path, rows: np.ndarray) -> None:
    lines = [",".join(f"{value:.6f}" for value in row) for row in rows]
    path.write_text("\n".join([HEADER, *lines]) + "\n")


def progress(engine: TinyEngine, job: str) -> dict:
    return json.loads(engine.in_same_tick(f"vget /tour/play {job}"))


def test_every_pose_is_drawn_and_nobody_waits(engine: TinyEngine, folder: Path):
    rows = poses(12)
    write_csv(folder / "walk.csv", rows)
    engine.ask("vset /camera/0/pose 100 200 150 0 0 0")
    before = engine.lit()
    job = engine.text("vset /tour/play walk.csv walked")
    assert job.isdigit()
    done = []
    while progress(engine, job)["state"] == "playing":
        # Other requests go on, and their camera is not moved.
        assert np.array_equal(engine.lit(), before)
        done.append(progress(engine, job)["frames_done"])
    assert done == list(range(1, 13))  # one a tick
    assert progress(engine, job) == {
        "state": "done", "frames_done": 12, "frames": 12, "folder": str(folder / "walked"),
        "error": "",
    }  # fmt: skip
    assert np.allclose(read_poses(folder / "walked" / "poses.csv"), rows, atol=1e-6)
    for number, row in enumerate(rows):
        engine.ask("vset /camera/0/pose " + " ".join(f"{value:.6f}" for value in row[1:]))
        played = cv2.imread(str(folder / "walked" / f"{number:06d}.png"), cv2.IMREAD_UNCHANGED)
        assert played is not None and np.array_equal(played, engine.lit())


def test_parquet_is_played_alike(engine: TinyEngine, folder: Path):
    rows = poses(3)
    write_csv(folder / "same.csv", rows)
    parquet.write_table(pa.table(dict(zip(COLUMNS, rows.T, strict=True))), folder / "same.parquet")
    jobs = [engine.text(f"vset /tour/play same.{kind} {kind}") for kind in ("csv", "parquet")]
    for _ in range(8):
        engine.game.tick()
    assert [progress(engine, job)["state"] for job in jobs] == ["done", "done"]
    for number in range(3):
        pictures = [(folder / k / f"{number:06d}.png").read_bytes() for k in ("csv", "parquet")]
        assert pictures[0] == pictures[1]


def test_a_job_can_be_cancelled_and_a_paused_game_waits(engine: TinyEngine, folder: Path):
    write_csv(folder / "long.csv", poses(50))
    job = engine.text("vset /tour/play long.csv long")
    engine.game.tick()
    engine.ask("vset /action/game/pause")
    done = progress(engine, job)["frames_done"]
    engine.game.tick()
    assert progress(engine, job)["frames_done"] == done
    engine.ask("vset /action/game/resume")
    assert engine.text(f"vset /tour/cancel {job}") == "ok"
    assert progress(engine, job)["state"] == "cancelled"
    assert engine.text(f"vset /tour/cancel {job}") == f"error job {job} is cancelled"
    assert not (folder / "long" / "poses.csv").exists()


def test_a_folder_that_vanishes_fails_the_job_only(engine: TinyEngine, folder: Path):
    write_csv(folder / "gone.csv", poses(5))
    job = engine.text("vset /tour/play gone.csv gone")
    (folder / "gone").rmdir()
    engine.game.tick()
    state = progress(engine, job)
    assert state["state"] == "failed" and "gone" in state["error"]
    assert engine.ask("vget /unrealcv/version") == b"1.1.0"


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("vset /tour/play missing.csv a", "cannot be read as a pose file"),
        ("vset /tour/play bad.csv b", "no column roll_deg"),
        ("vset /tour/play back.csv c", "time_s must grow"),
        ("vset /tour/play empty.csv d", "has no poses"),
        ("vset /tour/play walk.csv full", "is not empty"),
        ("vset /tour/play walk.csv ../out", "is not in the engine's folder"),
        ("vset /tour/play /etc/passwd e", "is not in the engine's folder"),
        ("vget /tour/play 999", "there is no job 999"),
        ("vset /tour/cancel 999", "there is no job 999"),
        ("vset /tour/record/stop", "no recording runs"),
        ("vset /tour/record/start r.csv 0", "the rate must be above 0"),
        ("vset /tour/record/start r.parquet 16", "is no name of a CSV file"),
        ("vset /tour/record/start ../r.csv 16", "is not in the engine's folder"),
    ],
)
def test_what_is_wrong_is_said(engine: TinyEngine, folder: Path, command: str, message: str):
    write_csv(folder / "walk.csv", poses(3))
    (folder / "bad.csv").write_text("time_s,x_cm,y_cm,z_cm,pitch_deg,yaw_deg\n")
    write_csv(folder / "back.csv", poses(3)[::-1])
    (folder / "empty.csv").write_text(HEADER + "\n")
    (folder / "full").mkdir(exist_ok=True)
    (folder / "full" / "file").touch()
    reply = engine.text(command)
    assert reply.startswith("error") and message in reply


def test_a_recording_has_exact_times_and_even_motion(engine: TinyEngine, folder: Path):
    engine.ask("vset /action/game/pause")  # steps are made by hand
    engine.ask("vset /camera/0/pose 100 200 150 0 170 0")
    assert engine.text("vset /tour/record/start deep/er.csv 16") == "ok"
    assert engine.text("vset /tour/record/start other.csv 16").startswith("error a recording into")
    for step in range(1, 121):
        x, yaw = 100 + step, (170 + step + 180) % 360 - 180
        engine.ask(f"vset /camera/0/pose {x} 200 150 0 {yaw} 0")
        for work in engine.state.every_tick:
            work(1)
    ended = json.loads(engine.ask("vset /tour/record/stop"))
    assert ended == {"file": str(folder / "deep" / "er.csv"), "rows": 33}
    rows = read_poses(folder / "deep" / "er.csv")
    assert np.allclose(rows[:, 0], np.arange(33) / 16, atol=1e-6)
    assert np.allclose(rows[:, 1], 100 + rows[:, 0] / STEP_S, atol=1e-3)
    assert np.allclose(np.unwrap(rows[:, 5], period=360), 170 + rows[:, 0] / STEP_S, atol=1e-3)
    engine.ask("vset /action/game/resume")
    # What was recorded can be played.
    assert engine.text("vset /tour/play deep/er.csv again").isdigit()


def test_angles_turn_the_shorter_way():
    first, second = (0, 0, 0, 10, 170, -175), (10, 0, 0, 20, -170, 175)
    assert between(first, second, 0.5) == pytest.approx((5, 0, 0, 15, 180, -180))


def test_numbers_that_are_not_finite_are_refused(tmp_path: Path):
    path = tmp_path / "nan.csv"
    path.write_text(f"{HEADER}\n0,1,2,3,4,5,\n")
    with pytest.raises(OpenRelicError, match="must be finite"):
        read_poses(path)
    path.write_bytes(b"\xff\xfe" + io.BytesIO().getvalue())
    with pytest.raises(OpenRelicError, match="cannot be read"):
        read_poses(path)
    (tmp_path / "broken.parquet").write_bytes(b"PAR1 and nothing else")
    with pytest.raises(OpenRelicError, match="cannot be read"):
        read_poses(tmp_path / "broken.parquet")
