"""Labels against pixels: they predict how the pictures of a rendered tour move.

The measured flow is OpenCV's, from the pictures alone; the predicted one comes from the labels and
the engine's depth. Spoiled labels must not pass.
"""

import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from capture.recording.recorder import make_station, rounded_pose
from capture.sessions.launcher import start_engine
from labeling.actions import Actions, RotationFrame, poses_to_actions, signed_motion
from labeling.camera import camera_to_ue, intrinsics, level_turned, ue_to_camera
from labeling.flow import flow_of_motion, predicted_flow

SIZE, FOV_DEG, SCENE = (640, 360), 90.0, "home:0"
STEPS = 12
LIMIT_PX = 1.0
EDGE = 24


class Tour:
    """Pictures (grey) and depth in metres along a short path with turns about every axis."""

    def __init__(self, folder: Path) -> None:
        engine = start_engine("embedded", SCENE, folder, size=SIZE, boot_timeout_s=120)
        try:
            station = make_station(engine.client, SCENE, FOV_DEG, size=SIZE, tracks=("depth",))
            location_cm, rotation_deg = rounded_pose(
                *_path(np.array(station.manifest["spawns"][0]))
            )
            self.R, self.P = ue_to_camera(location_cm, rotation_deg)
            self.grey, self.depth_m = [], []
            passes = ("lit_bgra", "depth_f32")
            for frame in station.source.stream(location_cm, rotation_deg, lambda _: passes):
                grey = cv2.cvtColor(frame.passes["lit_bgra"], cv2.COLOR_BGRA2GRAY)
                self.grey.append(grey)
                self.depth_m.append(frame.passes["depth_f32"] / 100.0)
        finally:
            engine.close()


def _path(spawn: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Unreal poses: a few centimetres and about a degree a step, every motion at some time."""
    time = np.arange(STEPS + 1)[:, None]
    angles_deg = np.array([[spawn[3], -8.0, 0.0]]) + time * [[1.2, 0.4, -0.5]]
    R = level_turned(angles_deg)
    step = np.where(time[1:] < STEPS // 2, [[0.01, -0.008, 0.05]], [[-0.03, 0.01, 0.02]])
    _, P0 = ue_to_camera(spawn[None, :3], np.zeros((1, 3)))
    moved = (R[:-1].swapaxes(1, 2) @ step[..., None])[..., 0]
    P = P0 + np.concatenate([np.zeros((1, 3)), np.cumsum(moved, axis=0)])
    return camera_to_ue(R, P)


@pytest.fixture(scope="module")
def tour(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tour]:
    yield Tour(tmp_path_factory.mktemp("engine"))


@pytest.fixture(scope="module")
def measured(tour: Tour) -> list[np.ndarray]:
    method = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    pairs = zip(tour.grey[:-1], tour.grey[1:], strict=True)
    return [method.calc(a, b, np.zeros((*a.shape, 2), np.float32)) for a, b in pairs]


def median_error_px(tour: Tour, measured: list[np.ndarray], actions: Actions) -> float:
    """Median distance of predicted and measured flow, over all steps, away from the borders."""
    pinhole = intrinsics(FOV_DEG, *SIZE)
    errors = []
    for row, flow in enumerate(measured, start=1):
        predicted = predicted_flow(tour.depth_m[row - 1], actions, row, tour.R[row - 1], pinhole)
        off = np.linalg.norm(predicted - flow, axis=-1)[EDGE:-EDGE, EDGE:-EDGE]
        errors.append(off[np.isfinite(off)])
    return float(np.median(np.concatenate(errors)))


@pytest.mark.parametrize("rotation_frame", ["camera", "level"])
def test_labels_predict_the_flow(tour: Tour, measured: list, rotation_frame: RotationFrame):
    actions = poses_to_actions(tour.R, tour.P, rotation_frame=rotation_frame)
    moved = float(np.median([np.median(np.linalg.norm(flow, axis=-1)) for flow in measured]))
    assert moved > 5 * LIMIT_PX, "the pictures must move by more than the error that is allowed"
    assert median_error_px(tour, measured, actions) < LIMIT_PX


def mirrored(actions: Actions) -> np.ndarray:
    """Left and right exchanged: truck, pan and roll."""
    return actions.values[:, [0, 1, 3, 2, 4, 5, 6, 7, 9, 8, 11, 10, 12]]


def shifted(actions: Actions) -> np.ndarray:
    """Labels three frames late, as of a video that lags."""
    return np.roll(actions.values, 3, axis=0)


def turned_round(actions: Actions) -> np.ndarray:
    """Every sign the wrong way."""
    return actions.values[:, [1, 0, 3, 2, 5, 4, 7, 6, 9, 8, 11, 10, 12]]


def still_forward(actions: Actions) -> np.ndarray:
    """Forward and back exchanged."""
    return actions.values[:, [1, 0, *range(2, 13)]]


SPOILED: list[Callable[[Actions], np.ndarray]] = [mirrored, shifted, turned_round, still_forward]


@pytest.mark.parametrize("spoil", SPOILED)
def test_spoiled_labels_do_not(tour: Tour, measured: list, spoil: Callable[[Actions], np.ndarray]):
    actions = poses_to_actions(tour.R, tour.P)
    assert np.abs(signed_motion(actions.values)[1:]).max(axis=0).min() > 0.0, "every motion occurs"
    wrong = dataclasses.replace(actions, values=spoil(actions))
    assert median_error_px(tour, measured, wrong) > LIMIT_PX


def test_flow_of_a_point_by_hand():
    """Two metres ahead and half a metre to the right; a step of one metre forward doubles it."""
    depth = np.full((4, 4), 2.0)
    pinhole = (2.0, 2.0, 2.0, 2.0)
    flow = flow_of_motion(depth, np.array([0.0, 0.0, 1.0]), np.eye(3), pinhole)
    assert flow[0, 3] == pytest.approx([1.5, -1.5])
    assert np.isnan(flow_of_motion(depth * np.inf, np.zeros(3), np.eye(3), pinhole)).all()
