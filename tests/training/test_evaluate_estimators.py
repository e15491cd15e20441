"""Camera paths from pictures, against cameras that are known; and those of other tools' files."""

from pathlib import Path as FilePath

import numpy as np
import pytest

from dataset.errors import OpenRelicError
from labeling.actions import integrate
from labeling.camera import camera_to_world, level_turned
from labeling.formats import PoseFormat, Trajectory, write_poses
from tests.training.box_room import INTRINSICS, SIZE, room_pictures
from training.evaluate.estimators import Path, make_estimator
from training.evaluate.scripts import script_of
from training.evaluate.trajectory import PathScores, score_path

STEP_M = 0.06


def poses(keys: str) -> tuple[np.ndarray, np.ndarray]:
    rows = script_of("test", keys).rows
    start = level_turned(np.array([15.0, 0.0, 0.0]))
    return integrate(rows, start, np.zeros(3), unit_m=STEP_M, rotation_frame="camera")


def estimate(frames: np.ndarray) -> Path:
    return make_estimator("opencv").estimate(frames, INTRINSICS)


def scored(keys: str) -> tuple[Path, PathScores]:
    R, P = poses(keys)
    found = estimate(room_pictures(R, P))
    return found, score_path(found, R, P / STEP_M)


@pytest.mark.parametrize(
    "keys",
    [
        "W+left*16,W+right*16,S*16",
        "D+left*40",
        "right*24,W+R*24",  # it turns before it moves
        "W+C*16,A+up*16,F*16",
        "right*40,W*8",  # it mostly turns
    ],
)
def test_a_known_path_is_found(keys: str) -> None:
    found, scores = scored(keys)
    assert found.tracked.all()
    assert scores.rpe_translation is not None and scores.rpe_translation < 0.15
    assert scores.rpe_rotation_deg is not None and scores.rpe_rotation_deg < 0.08
    assert found.unit.startswith("median depths")


@pytest.mark.parametrize("keys", ["right*40", "up*16,Z*24"])
def test_a_camera_that_only_turns_does_not_move(keys: str) -> None:
    found, scores = scored(keys)
    assert found.tracked.all() and scores.drift == 0.0
    assert scores.rpe_translation is None
    assert scores.rpe_rotation_deg is not None and scores.rpe_rotation_deg < 0.08


def test_a_still_camera_is_still() -> None:
    R, P = poses("static*20")
    found = estimate(room_pictures(R, P))
    assert found.tracked.all() and not found.position.any()
    assert np.abs(found.R_cam_from_world - np.eye(3)).max() < 1e-6


def test_a_line_is_found_at_double_speed_in_the_right_proportion() -> None:
    R, P = poses("W*16")
    rows = np.concatenate([script_of("a", "W*12").rows, script_of("b", "W*12", move=2.0).rows[1:]])
    R, P = integrate(rows, R[0], P[0], unit_m=STEP_M, rotation_frame="camera")
    found = estimate(room_pictures(R, P))
    steps = np.linalg.norm(np.diff(found.position, axis=0), axis=1)
    assert steps[14:].mean() / steps[:10].mean() == pytest.approx(2.0, rel=0.1)


def test_where_track_is_lost_is_said() -> None:
    R, P = poses("W*60")
    frames = room_pictures(R, P)
    frames[40:44] = 0
    found = estimate(frames)
    assert found.tracked[:40].all() and not found.tracked[40:].any()
    np.testing.assert_array_equal(found.position[40:], found.position[[39]].repeat(21, axis=0))
    another = room_pictures(R[:20], P[:20], seed=50)
    cut = estimate(np.concatenate([frames[:40], another]))
    assert cut.tracked[:40].all() and not cut.tracked[40:].any()


@pytest.mark.parametrize("frames", [1, 2, 5])
def test_nothing_to_follow_is_no_error(frames: int) -> None:
    blank = np.full((frames, SIZE[1], SIZE[0], 3), 90, np.uint8)
    noise = np.random.default_rng(0).integers(0, 255, blank.shape, np.uint8)
    for pictures in (blank, noise):
        found = estimate(pictures)
        assert len(found) == frames and not found.tracked.any()
        assert np.isfinite(found.position).all()


def test_it_gives_the_same_answer_twice() -> None:
    R, P = poses("W+left*20")
    frames = room_pictures(R, P)
    first, second = estimate(frames), estimate(frames)
    np.testing.assert_array_equal(first.position, second.position)


FRAMES = np.zeros((24, 8, 8, 3), np.uint8)


@pytest.mark.parametrize(
    ("file", "form"),
    [("walk.tum", "tum"), ("walk.kitti", "kitti"), ("walk.json", "nerfstudio"), ("walk", "colmap")],
)
def test_files_of_other_tools_give_their_paths(
    tmp_path: FilePath, file: str, form: PoseFormat
) -> None:
    R, P = poses("W+left*11,D*12")
    write_poses(tmp_path / file, Trajectory(R_cam_from_world=R, position_m=P), form)
    found = make_estimator(f"trajectories:{tmp_path}").estimate(FRAMES, INTRINSICS, name="walk")
    scores = score_path(found, R, P)
    assert found.tracked.all()
    assert scores.ate is not None and scores.ate < 1e-6
    assert scores.rpe_rotation_deg is not None and scores.rpe_rotation_deg < 1e-4


def test_vipes_poses_belong_to_the_frames_that_it_names(tmp_path: FilePath) -> None:
    R, P = poses("W+left*11,D*12")
    kept = np.array([0, 1, 2, 3, 4, 8, 9, 10, 20])
    (tmp_path / "pose").mkdir()
    matrices = camera_to_world(R, P)[kept].astype(np.float32)
    np.savez(tmp_path / "pose" / "walk.npz", data=matrices, inds=kept)
    found = make_estimator(f"trajectories:{tmp_path}").estimate(FRAMES, INTRINSICS, name="walk")
    np.testing.assert_array_equal(np.flatnonzero(found.tracked), kept)
    np.testing.assert_allclose(found.position[kept], P[kept], atol=1e-6)
    np.testing.assert_allclose(found.position[5:8], P[[4]].repeat(3, axis=0), atol=1e-6)
    scores = score_path(found, R, P / STEP_M)
    assert scores.rpe_translation is not None and scores.rpe_translation < 1e-4
    assert scores.pairs == 6


def test_colmaps_unregistered_images_are_lost(tmp_path: FilePath) -> None:
    R, P = poses("W+left*11,D*12")
    kept = [0, 1, 2, 5, 6, 23]
    names = tuple(f"frame_{number + 1:04d}.png" for number in kept)  # ffmpeg counts from 1
    poses_kept = Trajectory(R_cam_from_world=R[kept], position_m=P[kept], names=names)
    write_poses(tmp_path / "walk", poses_kept, "colmap")
    found = make_estimator(f"trajectories:{tmp_path}").estimate(FRAMES, INTRINSICS, name="walk")
    assert np.flatnonzero(found.tracked).tolist() == kept
    np.testing.assert_allclose(found.position[kept], P[kept], atol=1e-9)


def test_what_is_wrong_with_an_estimator_is_said(tmp_path: FilePath) -> None:
    with pytest.raises(OpenRelicError, match="no path estimator 'orb'; there are opencv"):
        make_estimator("orb")
    with pytest.raises(OpenRelicError, match="no folder of trajectories"):
        make_estimator(f"trajectories:{tmp_path / 'nowhere'}")
    files = make_estimator(f"trajectories:{tmp_path}")
    with pytest.raises(OpenRelicError, match="no trajectory of 'walk'; put walk.npz"):
        files.estimate(FRAMES, INTRINSICS, name="walk")
    (tmp_path / "walk.npz").write_bytes(b"PK")
    with pytest.raises(OpenRelicError, match="no pose file of ViPE's"):
        files.estimate(FRAMES, INTRINSICS, name="walk")
    R, P = poses("W*9")
    write_poses(tmp_path / "run.kitti", Trajectory(R_cam_from_world=R, position_m=P), "kitti")
    with pytest.raises(OpenRelicError, match="10 poses for 24 frames and says not for which"):
        files.estimate(FRAMES, INTRINSICS, name="run")
    write_poses(tmp_path / "long.tum", Trajectory(R_cam_from_world=R, position_m=P), "tum", fps=2)
    with pytest.raises(OpenRelicError, match="the video has 24 frames"):
        files.estimate(FRAMES, INTRINSICS, name="long")
