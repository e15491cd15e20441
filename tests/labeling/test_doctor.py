"""The doctor on a steered path, and on the same path spoiled in each way it should notice."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from labeling.actions import integrate, motion_to_values
from labeling.camera import level_turned
from labeling.diagnosis import find_axes, jitter_of, measure_motion
from labeling.findings import Finding, examine
from labeling.formats import Trajectory, write_poses

FPS = 16
Poses = tuple[np.ndarray, np.ndarray]


def steered(seed: int, frames: int = 960) -> Poses:
    """Keys held for one to four seconds, forward more than back, pans and some tilts."""
    random = np.random.default_rng(seed)
    step, turn, start = np.zeros((frames, 3)), np.zeros((frames, 3)), 0
    while start < frames:
        held = slice(start, start + int(random.integers(16, 64)))
        axis, sign = [(2, 1), (2, -1), (0, 1), (0, -1), (1, -1), (2, 0)][
            random.choice(6, p=[0.6, 0.05, 0.05, 0.05, 0.1, 0.15])
        ]
        step[held, axis] = sign
        if random.random() < 0.5:
            turn[held, 0] = random.choice([-2.0, 2.0])
        elif random.random() < 0.3:
            turn[held, 1] = random.choice([-0.2, 0.2])
        start = held.stop
    bell = np.hanning(11) / np.hanning(11).sum()
    for series in (step, turn):
        for column in range(3):
            series[:, column] = np.convolve(series[:, column], bell, "same")
    values = motion_to_values(step, turn)
    R0 = level_turned(np.array([30.0, 0.0, 0.0]))
    return integrate(values, R0, np.array([3.0, 1.0, 1.6]), unit_m=0.08, rotation_frame="level")


def inverted(poses: Poses) -> Poses:
    R, P = poses
    return np.swapaxes(R, 1, 2), -np.einsum("tij,tj->ti", R, P)


def verdicts(poses: Poses, **changes: object) -> dict[str, Finding]:
    time_s = np.arange(len(poses[1])) / FPS
    path = Trajectory(R_cam_from_world=poses[0], position_m=poses[1])
    form = changes.get("form", "tum")
    assert form in ("tum", "kitti")
    return {finding.what: finding for finding in examine(path, time_s, form)}  # type: ignore[arg-type]


@pytest.mark.parametrize("seed", range(8))
def test_each_wrong_reading_is_told_from_the_right_one(seed: int):
    R, P = steered(seed)
    assert find_axes(R, P).best == "as declared"
    assert find_axes(*inverted((R, P))).best == "inverted"
    assert find_axes(R, P * [1, -1, 1]).best == "mirrored"
    assert find_axes(R, P * [-1, 1, 1]).best == "mirrored"


@pytest.mark.parametrize("seed", range(8))
def test_camera_axes_are_named_whatever_the_world(seed: int):
    R, P = steered(seed)
    opengl = np.diag([1.0, -1.0, -1.0])
    robot = np.array([[0.0, 0, 1], [-1, 0, 0], [0, -1, 0]])  # forward, left, up from OpenCV's
    y_down = np.array([[0.0, -1, 0], [0, 0, -1], [1, 0, 0]])
    for turned in (np.eye(3), y_down):
        moved = R @ turned.T, P @ turned.T
        named = [find_axes(axes @ moved[0], moved[1]) for axes in (np.eye(3), opengl, robot)]
        words = [str(axes.convention).split()[0] for axes in named]
        assert words == ["OpenCV", "OpenGL", "x"]
    assert find_axes(R, P).world_up == "+z"
    assert find_axes(R @ y_down.T, P @ y_down.T).world_up == "-y"


def test_a_sound_path_has_nothing_wrong():
    found = verdicts(steered(3))
    assert {finding.verdict for finding in found.values()} == {"ok"}


def test_inverted_matrices_and_opengl_axes_are_wrong():
    assert verdicts(inverted(steered(3)))["matrices and handedness"].verdict == "wrong"
    R, P = steered(3)
    found = verdicts((np.diag([1.0, -1.0, -1.0]) @ R, P))["camera axes"]
    assert found.verdict == "wrong" and "OpenGL" in found.why


def test_forward_is_not_claimed_where_sideways_leads_as_much():
    R, P = steered(3)
    forward = R[:-1, 2]
    P = np.concatenate([P[:1], P[0] + np.cumsum(0.05 * (forward + R[:-1, 0]), axis=0)])
    found = verdicts((R, P))["camera axes"]
    assert found.verdict == "look" and "cannot be told" in found.why


def test_without_turns_nothing_is_claimed():
    R, P = steered(3)
    straight = np.broadcast_to(R[0], R.shape).copy()
    found = verdicts((straight, P))["matrices and handedness"]
    assert found.verdict == "look" and "cannot be told" in found.why


def test_random_directions_are_not_judged():
    random = np.random.default_rng(0)
    R, _ = steered(3)
    assert find_axes(R, random.normal(size=(len(R), 3)).cumsum(axis=0)).best is None


def test_units_are_guessed_from_the_speed():
    R, P = steered(3)
    assert verdicts((R, P))["unit"].why.startswith("metres")
    assert verdicts((R, P * 100))["unit"].why.startswith("centimetres")
    assert verdicts((R, P * 1e-4))["unit"].why.startswith("arbitrary")
    assert verdicts((R, P[:1].repeat(len(P), 0)))["unit"].why.startswith("cannot be told")


@pytest.mark.parametrize("deviation", [1e-4, 1e-3, 1e-2])
def test_jitter_is_measured(deviation: float):
    R, P = steered(4)
    noise = np.random.default_rng(1).normal(scale=deviation, size=P.shape)
    per_axis = jitter_of(P + noise) / np.sqrt(3)
    # The corners of the motion itself, where keys are pressed and released, count a little too.
    assert 0.95 * deviation < per_axis < 1.15 * deviation


def test_damage_is_found_where_it_was_done():
    R, P = steered(6)
    time_s = np.arange(len(P)) / FPS
    moving = np.flatnonzero(np.linalg.norm(np.diff(P, axis=0), axis=1) > 0.07)
    at = int(moving[moving > 300][0])
    sound = measure_motion(R, P, time_s)
    assert not any(len(x) for x in (sound.gaps, sound.repeats, sound.jumps, sound.poles))
    keep = np.delete(np.arange(len(P)), [at, at + 1, at + 2])
    lost = measure_motion(R[keep], P[keep], time_s[keep])
    assert lost.gaps.tolist() == [at]
    hidden = measure_motion(R[keep], P[keep], time_s[: len(keep)])
    assert hidden.jumps.tolist() == [at]
    R_again, P_again = R.copy(), P.copy()
    R_again[at + 1], P_again[at + 1] = R[at], P[at]
    assert measure_motion(R_again, P_again, time_s).repeats.tolist() == [at + 1]


def test_frames_near_the_pole_are_found():
    R, P = steered(6)
    R = R.copy()
    R[100] = level_turned(np.array([0.0, 87.0, 0.0]))
    assert measure_motion(R, P, np.arange(len(P)) / FPS).poles.tolist() == [100]


def test_as_a_user_runs_it(tmp_path: Path):
    R, P = steered(5, frames=320)
    good, bad = tmp_path / "good.tum", tmp_path / "bad.tum"
    write_poses(good, Trajectory(R_cam_from_world=R, position_m=P), "tum")
    R_bad, P_bad = inverted((R, P))
    write_poses(bad, Trajectory(R_cam_from_world=R_bad, position_m=P_bad), "tum")
    label = [sys.executable, "-m", "labeling.poses_to_actions", str(good)]
    assert subprocess.run(label, capture_output=True).returncode == 0
    labels = f"{good}.actions.parquet"
    done = _doctor(good, "--labels", labels)
    assert done.returncode == 0 and "wrong" not in done.stdout, done.stdout + done.stderr
    assert (tmp_path / "good.tum.doctor.png").stat().st_size > 20_000
    done = _doctor(bad, "--labels", labels)
    assert done.returncode == 1 and "seem to be exchanged" in done.stdout
    assert "they part at frame 1" in done.stdout and done.stderr.count("error: ") == 1


def test_a_camera_that_only_turns(tmp_path: Path):
    R, P = steered(5, frames=160)
    path = tmp_path / "turns.tum"
    write_poses(path, Trajectory(R_cam_from_world=R, position_m=P[:1].repeat(len(P), 0)), "tum")
    done = _doctor(path)
    assert (done.returncode, "Warning" in done.stderr) == (0, False), done.stderr
    assert (tmp_path / "turns.tum.doctor.png").stat().st_size > 20_000


def _doctor(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "labeling.doctor", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True)
