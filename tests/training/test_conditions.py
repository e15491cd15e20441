import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from dataset.errors import OpenRelicError
from labeling.actions import ACTIONS, RotationFrame, integrate, poses_to_actions
from labeling.camera import ue_to_camera
from tests.training.tiny_model import tiny_actions
from training.conditions import (
    ACTION_DIM,
    POSE_DIM,
    ConditionEncoder,
    PoseState,
    integrate_actions,
    poses_from_actions,
)


def relative(R: np.ndarray, P: np.ndarray) -> np.ndarray:
    """Poses relative to the first camera, as 12 numbers a frame."""
    turned = R @ R[0].T
    return np.concatenate([turned.reshape(-1, 9), (P - P[0]) @ R[0].T], axis=1)


@pytest.mark.parametrize("frame", ["camera", "level"])
def test_poses_are_those_that_labeling_integrates_relative_to_the_first(
    frame: RotationFrame,
) -> None:
    actions = tiny_actions(317, batch=2)
    if frame == "level":  # away from the poles, where level is undefined
        actions[..., 6:8] *= 0.1
    pitch, roll = np.array([20.0, -35.0]), np.array([5.0, -12.0])
    got = poses_from_actions(
        actions, rotation_frame=frame,
        pitch_deg=torch.tensor(pitch), roll_deg=torch.tensor(roll),
    )  # fmt: skip
    for b in range(2):
        R0, P0 = ue_to_camera(
            np.array([[100.0, -40.0, 170.0]]), np.array([[pitch[b], 33.0, roll[b]]])
        )
        values = actions[b].double().numpy()
        R, P = integrate(values, R0[0], P0[0], unit_m=1.0, rotation_frame=frame)
        expected = relative(R, P)
        np.testing.assert_allclose(got[b].numpy(), expected, rtol=2e-7, atol=2e-6)


@pytest.mark.parametrize("frame", ["camera", "level"])
def test_labels_of_a_real_path_integrate_back_to_it(frame: RotationFrame) -> None:
    generator = np.random.default_rng(0)
    turns = np.cumsum(generator.normal(size=(81, 3)) * [0.5, 4, 0.5], axis=0)
    R, P = ue_to_camera(np.cumsum(generator.normal(size=(81, 3)) * 20, axis=0), turns)
    labels = poses_to_actions(R, P, rotation_frame=frame)
    pitch, _, roll = turns[0]
    got = poses_from_actions(
        torch.from_numpy(labels.values)[None], rotation_frame=frame, pitch_deg=pitch, roll_deg=roll
    )
    expected = relative(R, P / labels.unit_m)
    np.testing.assert_allclose(got[0].numpy(), expected, rtol=1e-6, atol=1e-5)


@pytest.mark.parametrize(
    ("action", "forward", "right"),
    [
        ("pan_right", [np.sin(0.1), 0, np.cos(0.1)], [np.cos(0.1), 0, -np.sin(0.1)]),
        ("pan_left", [-np.sin(0.1), 0, np.cos(0.1)], [np.cos(0.1), 0, np.sin(0.1)]),
        ("tilt_up", [0, -np.sin(0.1), np.cos(0.1)], [1, 0, 0]),
        ("tilt_down", [0, np.sin(0.1), np.cos(0.1)], [1, 0, 0]),
        ("roll_cw", [0, 0, 1], [np.cos(0.1), np.sin(0.1), 0]),
        ("roll_ccw", [0, 0, 1], [np.cos(0.1), -np.sin(0.1), 0]),
    ],
)
def test_turns_go_where_their_names_say(action: str, forward: list, right: list) -> None:
    actions = torch.zeros(1, 2, ACTION_DIM)
    actions[0, 1, ACTIONS.index(action)] = np.rad2deg(0.1)
    R_cam_from_world = poses_from_actions(actions)[0, 1, :9].view(3, 3)
    np.testing.assert_allclose(R_cam_from_world[2], forward, atol=1e-6)
    np.testing.assert_allclose(R_cam_from_world[0], right, atol=1e-6)


def test_steps_are_taken_in_the_axes_of_the_frame_before() -> None:
    actions = torch.zeros(1, 3, ACTION_DIM, dtype=torch.float64)
    actions[0, 1, ACTIONS.index("pan_right")] = 90
    actions[0, 1:, ACTIONS.index("dolly_in")] = 2
    actions[0, 2, ACTIONS.index("pedestal_up")] = 1
    got = poses_from_actions(actions)[0, :, 9:]
    np.testing.assert_allclose(got, [[0, 0, 0], [0, 0, 2], [2, -1, 2]], atol=1e-6)


def test_the_rotation_is_scipys_intrinsic_yaw_pitch_roll() -> None:
    actions = torch.zeros(1, 2, ACTION_DIM, dtype=torch.float64)
    actions[0, 1, [9, 6, 10]] = torch.tensor([30.0, 20.0, 10.0], dtype=torch.float64)
    got = poses_from_actions(actions)[0, 1, :9].view(3, 3).double().numpy()
    expected = Rotation.from_euler("YXZ", [30, 20, 10], degrees=True).as_matrix()
    np.testing.assert_allclose(got.T, expected, atol=1e-6)


@pytest.mark.parametrize("frame", ["camera", "level"])
def test_a_session_goes_on_where_it_stood(frame: RotationFrame) -> None:
    actions = tiny_actions(77)
    whole = poses_from_actions(actions, rotation_frame=frame, pitch_deg=10.0)
    state, parts = PoseState.start(2, pitch_deg=10.0), []
    for rows in actions.split([13, 16, 16, 16, 16], dim=1):
        poses, state = integrate_actions(rows, state, rotation_frame=frame)
        parts.append(poses)
    torch.testing.assert_close(torch.cat(parts, 1), whole, rtol=0, atol=0)


def test_the_first_pose_is_the_identity_and_row_0_is_not_read() -> None:
    actions = tiny_actions(9)
    poses = poses_from_actions(actions)
    assert poses.shape == (2, 9, POSE_DIM) and poses.dtype == torch.float32
    assert poses[0, 0].tolist() == [1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0]
    actions[:, 0, :12] = 5.0
    assert torch.equal(poses_from_actions(actions), poses)


def test_an_encoder_is_zero_at_first_and_sees_only_its_latents_rows() -> None:
    encoder = ConditionEncoder(ACTION_DIM, 8, 6)
    rows = tiny_actions(21)
    assert encoder(rows).shape == (2, 6, 6)
    assert encoder(rows).abs().sum() == 0
    torch.nn.init.normal_(encoder.linear_2.weight)
    before = encoder(rows)
    rows[:, 9] += 1  # frame 9 belongs to latent 3
    changed = (encoder(rows) != before).any(-1).any(0)
    assert changed.tolist() == [False, False, False, True, False, False]


def test_wrong_shapes_are_refused() -> None:
    for shape in ((1, 4, 12), (4, 13), (1, 0, 13)):
        with pytest.raises(OpenRelicError, match="batch, rows, 13"):
            integrate_actions(torch.zeros(shape), PoseState.start(1))
