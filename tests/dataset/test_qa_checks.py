"""Each check on its own: signals whose answer is known, and a wall whose pictures are ray cast."""

import dataclasses

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from dataset.qa.agreement import LAGS, flow_error_deg, lag_frames, motion_of_poses
from dataset.qa.appearance import frozen, popping_share, unsteady_light
from dataset.qa.motion import (
    camera_steps_m,
    jerk,
    measure_path,
    oscillation,
    shake,
    speed,
    steps_m,
    turns_deg,
    uneven,
)
from dataset.qa.pictures import Pictures, edge_width_px, magenta_share, observe
from dataset.video import VideoWriter
from labeling.camera import turn_matrix
from tests.dataset.plane_world import FOV_DEG, SIZE, clean_path, picture, pictures, texture

FPS = 16
TIME_S = np.arange(80) / FPS


def along_x(metres: np.ndarray) -> np.ndarray:
    return steps_m(np.stack([metres, 0 * metres, 0 * metres], axis=1))


def panning(angles_deg: np.ndarray) -> np.ndarray:
    turns = np.stack([angles_deg, 0 * angles_deg, 0 * angles_deg], axis=1)
    return np.swapaxes(turn_matrix(turns), 1, 2)


# The camera's path


def test_speed_is_metres_and_degrees_a_second():
    assert speed(along_x(2.0 * TIME_S), FPS)[1:] == pytest.approx(2.0)
    turning = panning(30.0 * TIME_S)
    assert speed(turns_deg(turning), FPS)[1:] == pytest.approx(30.0)
    reference = Rotation.from_matrix(turning)
    angles = (reference[1:] * reference[:-1].inv()).magnitude()
    assert speed(turns_deg(turning), FPS)[1:] == pytest.approx(np.rad2deg(angles) * FPS)


def test_jerk_of_a_cubic_is_its_third_derivative():
    assert jerk(along_x(0.5 * TIME_S**3), FPS)[2:-1] == pytest.approx(3.0)
    assert np.nanmax(jerk(along_x(3.0 * TIME_S**2), FPS)) < 1e-9


@pytest.mark.parametrize("sigma", [0.001, 0.05])
def test_shake_is_the_deviation_of_white_noise_whatever_it_rides_on(sigma: float):
    noise = sigma * np.random.default_rng(0).standard_normal(1600)
    found = shake(along_x(np.arange(1600) ** 2 * 1e-4 + noise), 400)
    assert np.nanmedian(found) == pytest.approx(sigma, rel=0.1)


def test_a_ramp_is_no_shake():
    ramp = np.cumsum(np.repeat([0.0, 0.1, 0.0], 27)[:80])
    assert np.nanmax(shake(along_x(ramp), FPS)) < 1e-9


def test_a_steady_speed_is_even_and_alternating_steps_are_uneven_by_their_share():
    assert np.nanmax(uneven(speed(along_x(TIME_S), FPS), 1.0, FPS)) < 1e-9
    steps = np.where(np.arange(80) % 2 == 0, 1.3, 0.7) / FPS
    found = uneven(speed(along_x(np.cumsum(steps)), FPS), 1.0, FPS)
    # A parabola through seven alternating values keeps a seventh or a third of them.
    assert 0.2 < np.nanmedian(found) < 0.4


@pytest.mark.parametrize("hertz", [1.0, 2.0, 3.0])
def test_a_swing_reverses_twice_a_period(hertz: float):
    swing = 5.0 * np.sin(2 * np.pi * hertz * TIME_S)
    R = panning(swing)
    still = np.zeros((80, 3))
    found = oscillation(camera_steps_m(R, still), turns_deg(R), FPS)
    assert np.nanmax(found) == pytest.approx(2 * hertz, abs=0.5)


def test_a_hundredth_of_a_degree_is_no_swing():
    R = panning(0.01 * np.sin(2 * np.pi * 2.0 * TIME_S))
    assert np.nanmax(oscillation(camera_steps_m(R, np.zeros((80, 3))), turns_deg(R), FPS)) == 0


def test_a_path_does_not_depend_on_where_the_world_is():
    R, P = clean_path(96, 3)
    turn = Rotation.from_euler("xyz", [20, -40, 70], degrees=True).as_matrix()
    there = measure_path(R @ turn.T, P @ turn.T + [5, -3, 2], FPS)
    for name, values in measure_path(R, P, FPS).items():
        # Rounding decides whether a step that is just at the limit counts for the usual speed.
        near = 0.05 if name == "uneven_speed" else 1e-6
        assert there[name] == pytest.approx(values, rel=near, abs=1e-7, nan_ok=True), name


def test_a_rest_and_a_single_frame_can_be_measured():
    for frames in (1, 2, 5, 30):
        R = np.broadcast_to(np.eye(3), (frames, 3, 3))
        for name, values in measure_path(R, np.zeros((frames, 3)), FPS).items():
            assert len(values) == frames, name
            assert not np.nan_to_num(values).any(), name


# Pictures of a wall


@pytest.fixture(scope="module")
def path() -> tuple[np.ndarray, np.ndarray]:
    return clean_path(112, 7)


@pytest.fixture(scope="module")
def frames(path) -> np.ndarray:
    return pictures(*path)


@pytest.fixture(scope="module")
def seen(frames, tmp_path_factory) -> Pictures:
    return seen_of(frames, tmp_path_factory.mktemp("wall"))


def seen_of(frames: np.ndarray, folder) -> Pictures:
    with VideoWriter(folder / "v.mp4", *SIZE, pixels="rgb24") as writer:
        for frame in frames:
            writer.write(frame)
    found, trouble = observe(folder / "v.mp4")
    assert trouble is None and found is not None and len(found) == len(frames)
    return found


def test_pictures_move_as_their_poses_say(seen: Pictures, path):
    error = flow_error_deg(seen, FOV_DEG, *motion_of_poses(*path))
    assert np.isfinite(error[1:]).mean() > 0.9
    assert np.nanmedian(error) < 0.06 and np.nanmax(error) < 0.4


@pytest.mark.parametrize("wrong", ["turn", "step"])
def test_wrong_signs_are_seen(seen: Pictures, path, wrong: str):
    R, P = path
    steps, turns = motion_of_poses(R, P)
    moving = np.linalg.norm(steps, axis=1) > 0.02
    turning = np.linalg.norm(turns_deg(R), axis=1) > 0.5
    if wrong == "turn":
        error = flow_error_deg(seen, FOV_DEG, steps, np.swapaxes(turns, 1, 2))[turning]
        assert np.nanmedian(error) > 1.0
    else:
        error = flow_error_deg(seen, FOV_DEG, -steps, turns)[moving & ~turning]
        assert np.nanmedian(error) > 0.2


@pytest.mark.parametrize("late", [-4, -1, 0, 2])
def test_a_lag_is_told_with_its_sign(seen: Pictures, path, late: int):
    steps, turns = motion_of_poses(*path)
    at = np.clip(np.arange(len(steps)) - late, 0, len(steps) - 1)
    lag, _ = lag_frames(seen, FOV_DEG, FPS, steps[at], turns[at])
    assert lag == late and abs(late) <= LAGS.max()


def test_depth_does_not_matter(path):
    """Ten times as far away and ten times as large: the same pictures, other steps."""
    R, P = path
    near = picture(R[40], P[40], texture())
    assert near.std() > 20  # the wall has something to see
    found = motion_of_poses(R, 10 * P)[0]
    assert found == pytest.approx(10 * motion_of_poses(R, P)[0])


def test_clean_pictures_show_no_fault(seen: Pictures, path):
    R, P = path
    assert frozen(seen, R, P, FOV_DEG).sum() == 0
    assert popping_share(seen).max() < 0.02
    assert np.nanmax(unsteady_light(seen.light_change)) < 0.5
    assert seen.magenta_share.max() == 0.0
    assert seen.blown_share.max() < 0.01 and seen.crushed_share.max() < 0.01


def test_frozen_frames_are_counted(frames, path, tmp_path):
    R, P = path
    moved = np.nan_to_num(np.linalg.norm(turns_deg(R), axis=1))
    middle = int(np.argmax(np.convolve(moved, np.ones(5), mode="same")))
    damaged = frames.copy()
    damaged[middle : middle + 3] = frames[middle - 1]
    found = frozen(seen_of(damaged, tmp_path), R, P, FOV_DEG)
    assert np.flatnonzero(found).tolist() == [middle, middle + 1, middle + 2]


def test_a_picture_at_rest_is_not_frozen(tmp_path, frames):
    rest = np.repeat(frames[:1], 20, axis=0)
    still = seen_of(rest, tmp_path)
    R = np.broadcast_to(np.eye(3), (20, 3, 3))
    assert not frozen(still, R, np.zeros((20, 3)), FOV_DEG).any()


def test_a_box_that_appears_pops_where_it_does(frames, tmp_path):
    damaged = frames.copy()
    damaged[50:, 40:80, 100:150] = (
        np.random.default_rng(0).integers(0, 255, (1, 5, 50, 3)).repeat(8, axis=1)
    )
    found = popping_share(seen_of(damaged, tmp_path))
    area = 40 * 50 / (SIZE[0] * SIZE[1])
    assert int(np.argmax(found)) == 50 and found[50] > area / 3
    assert np.delete(found, 50).max() < area / 3


def test_a_flash_is_unsteady_light_and_a_slow_change_is_not(frames, tmp_path):
    ramp = np.linspace(1.0, 1.2, len(frames))[:, None, None, None]
    slow = seen_of(np.clip(frames * ramp, 0, 255).astype(np.uint8), tmp_path)
    assert np.nanmax(unsteady_light(slow.light_change)) < 0.6
    damaged = frames.copy()
    damaged[60] = np.clip(frames[60] * 1.1, 0, 255)
    flash = unsteady_light(seen_of(damaged, tmp_path).light_change)
    assert int(np.nanargmax(flash)) in (60, 61) and np.nanmax(flash) > 5.0


@pytest.mark.parametrize("sigma", [1.0, 2.0, 3.0])
def test_blur_is_measured_in_pixels(sigma: float):
    import cv2

    bars = np.where(np.arange(1280) // 40 % 2, 200, 40).astype(np.uint8)
    sharp = np.broadcast_to(bars, (720, 1280)).copy()
    assert edge_width_px(sharp) < 0.5
    assert edge_width_px(cv2.GaussianBlur(sharp, (0, 0), sigma)) == pytest.approx(sigma, rel=0.25)
    assert np.isnan(edge_width_px(np.full((720, 1280), 90, np.uint8)))


def test_magenta_is_found_in_any_shade_and_pink_is_not():
    import av

    picture = np.zeros((90, 160, 3), np.uint8)
    picture[:] = (200, 120, 160)
    picture[:45, :16] = (255, 0, 255)
    picture[45:, :16] = (120, 0, 120)
    frame = av.VideoFrame.from_ndarray(picture, format="rgb24").reformat(
        format="yuv444p", dst_colorspace="ITU709"
    )
    luma, cb, cr = frame.to_ndarray()
    full = (luma.astype(np.float32) - 16) * 255 / 219
    assert magenta_share(full, cb, cr) == pytest.approx(0.1, abs=1e-6)


def test_a_video_that_breaks_off_is_told_apart_from_none(frames, tmp_path):
    with VideoWriter(tmp_path / "v.mp4", *SIZE, pixels="rgb24") as writer:
        for frame in frames[:40]:
            writer.write(frame)
    data = (tmp_path / "v.mp4").read_bytes()
    found, trouble = observe(data[: len(data) // 2])
    assert trouble and (found is None or 0 < len(found) < 40)
    assert observe(b"no video at all")[0] is None


def test_signals_have_a_row_a_frame(seen: Pictures):
    for field in dataclasses.fields(Pictures):
        if field.name not in ("places", "flow_size", "size"):
            assert len(getattr(seen, field.name)) == 112, field.name
