"""Camera geometry against Unreal's own quaternion formula, scipy and hand-made cases."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from dataset.errors import OpenRelicError
from labeling.camera import (
    camera_to_ue,
    check_poses,
    extrinsics,
    intrinsics,
    level_angles_deg,
    level_turned,
    poses_from_extrinsics,
    rotation_distance_rad,
    turn_angles_deg,
    turn_matrix,
    ue_axes,
    ue_to_camera,
    wrap_deg,
)

MIRROR_Y = np.diag([1.0, -1.0, 1.0])

angle = st.floats(-180.0, 180.0)
pitch = st.one_of(st.floats(-90.0, 90.0), st.sampled_from([-90.0, 90.0, 89.999, -89.9999999]))
rotation = st.tuples(pitch, angle, angle)


def random_rotations_deg(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(-1, 1, (count, 3)) * [90.0, 180.0, 180.0]


def unreal_quaternion(rotation_deg: np.ndarray) -> Rotation:
    """FRotator::Quaternion as Unreal's source has it, half angles of pitch, yaw, roll."""
    half = np.deg2rad(rotation_deg) / 2.0
    (sp, sy, sr), (cp, cy, cr) = np.sin(half).T, np.cos(half).T
    return Rotation.from_quat(
        np.stack(
            [
                cr * sp * sy - sr * cp * cy,
                -cr * sp * cy - sr * cp * sy,
                cr * cp * sy - sr * sp * cy,
                cr * cp * cy + sr * sp * sy,
            ],
            axis=-1,
        )
    )


def test_axes_are_those_of_unreals_quaternion():
    rotation_deg = random_rotations_deg(200)
    matrices = unreal_quaternion(rotation_deg).as_matrix()
    for axis, vectors in enumerate(ue_axes(rotation_deg)):
        np.testing.assert_allclose(vectors, matrices[:, :, axis], atol=1e-14)


@pytest.mark.parametrize(
    ("rotation_deg", "forward", "right", "up"),
    [
        ((0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1)),
        ((0, 90, 0), (0, 1, 0), (-1, 0, 0), (0, 0, 1)),  # yaw turns right, to +Y
        ((90, 0, 0), (0, 0, 1), (0, 1, 0), (-1, 0, 0)),  # pitch looks up
        ((0, 0, 90), (1, 0, 0), (0, 0, -1), (0, 1, 0)),  # roll: right ear down
    ],
)
def test_axes_by_hand(rotation_deg, forward, right, up):
    found = np.array(ue_axes(np.array(rotation_deg, float)))
    np.testing.assert_allclose(found, [forward, right, up], atol=1e-15)


def test_canonical_pose_by_hand():
    R, P = ue_to_camera(np.array([[100.0, 200.0, 300.0]]), np.array([[0.0, 90.0, 0.0]]))
    np.testing.assert_allclose(P, [[1.0, -2.0, 3.0]])
    # Looking along Unreal's +Y is looking along our -Y; right is Unreal's -X.
    np.testing.assert_allclose(R[0], [[-1, 0, 0], [0, 0, -1], [0, -1, 0]], atol=1e-15)


def test_a_point_ahead_and_to_the_right_projects_right_of_the_centre():
    location_cm, rotation_deg = np.array([[50.0, -20.0, 160.0]]), np.array([[-10.0, 33.0, 0.0]])
    forward, right, _ = (axis[0] for axis in ue_axes(rotation_deg))
    point_cm = location_cm[0] + 300.0 * forward + 40.0 * right
    R, P = ue_to_camera(location_cm, rotation_deg)
    seen = R[0] @ (MIRROR_Y @ point_cm / 100.0 - P[0])
    np.testing.assert_allclose(seen, [0.4, 0.0, 3.0], atol=1e-12)


@settings(derandomize=True, max_examples=200, deadline=None)
@given(rotation)
def test_rotations_survive_the_way_there_and_back(rotation_deg):
    R, P = ue_to_camera(np.zeros((1, 3)), np.array([rotation_deg]))
    back = camera_to_ue(R, P)[1]
    assert rotation_distance_rad(ue_to_camera(P, back)[0], R)[0] < 1e-9
    assert -90.0 <= back[0, 0] <= 90.0
    assert np.all((back[0, 1:] > -180.0) & (back[0, 1:] <= 180.0))


def test_ordinary_rotations_and_locations_come_back_as_they_were():
    rotation_deg = random_rotations_deg(500) * [0.99, 1.0, 1.0]
    location_cm = np.random.default_rng(1).uniform(-1e5, 1e5, (500, 3))
    back_cm, back_deg = camera_to_ue(*ue_to_camera(location_cm, rotation_deg))
    np.testing.assert_allclose(back_deg, rotation_deg, atol=1e-11)
    np.testing.assert_allclose(back_cm, location_cm, rtol=1e-15)


@pytest.mark.parametrize("pitch_deg", [90.0, -90.0])
def test_at_the_pole_the_roll_is_zero(pitch_deg):
    R, P = ue_to_camera(np.zeros((1, 3)), np.array([[pitch_deg, 50.0, 20.0]]))
    back = camera_to_ue(R, P)[1][0]
    yaw = 30.0 if pitch_deg > 0 else 70.0
    np.testing.assert_allclose(back[:2], [pitch_deg, yaw], atol=1e-6)
    assert back[2] == 0.0


def test_a_rotation_matrix_is_one_and_camera_axes_are_right_handed():
    R, _ = ue_to_camera(np.zeros((100, 3)), random_rotations_deg(100))
    np.testing.assert_allclose(
        R @ R.swapaxes(1, 2), np.broadcast_to(np.eye(3), R.shape), atol=1e-14
    )
    np.testing.assert_allclose(np.linalg.det(R), 1.0)


def test_turns_are_scipys_intrinsic_yxz():
    angles_deg = random_rotations_deg(300)[:, [1, 0, 2]]
    reference = Rotation.from_euler("YXZ", angles_deg, degrees=True)
    np.testing.assert_allclose(turn_matrix(angles_deg), reference.as_matrix(), atol=1e-14)
    np.testing.assert_allclose(turn_angles_deg(reference.as_matrix()), angles_deg, atol=1e-9)


def test_level_angles_are_unreals_yaw_pitch_roll():
    rotation_deg = random_rotations_deg(100)
    R, _ = ue_to_camera(np.zeros((100, 3)), rotation_deg)
    np.testing.assert_allclose(level_angles_deg(R), rotation_deg[:, [1, 0, 2]], atol=1e-9)
    np.testing.assert_allclose(level_turned(rotation_deg[:, [1, 0, 2]]), R, atol=1e-14)


def test_wrapped_angles():
    wrapped = wrap_deg(np.array([180.0, -180.0, 190.0, -190.0, 540.0, 0.1, -179.5]))
    np.testing.assert_allclose(wrapped, [180.0, 180.0, -170.0, 170.0, 180.0, 0.1, -179.5])


def test_extrinsics_take_world_points_to_the_camera_and_back():
    rng = np.random.default_rng(2)
    R = Rotation.random(20, rng).as_matrix()
    P, points = rng.normal(size=(2, 20, 3))
    matrices = extrinsics(R, P)
    assert matrices.shape == (20, 3, 4)
    for i in range(20):
        expected = R[i] @ (points[i] - P[i])
        np.testing.assert_allclose(matrices[i] @ [*points[i], 1.0], expected, atol=1e-14)
    R_back, P_back = poses_from_extrinsics(matrices)
    np.testing.assert_array_equal(R_back, R)
    np.testing.assert_allclose(P_back, P, atol=1e-14)


def test_intrinsics():
    assert intrinsics(90.0, 1280, 720) == pytest.approx((640.0, 640.0, 640.0, 360.0))
    fx, _, cx, _ = intrinsics(60.0, 1000, 500)
    # The right border is seen at half the field of view.
    assert np.rad2deg(np.arctan((1000 - cx) / fx)) == pytest.approx(30.0)


@pytest.mark.parametrize("fov_deg", [0.0, 180.0, -1.0, float("nan")])
def test_impossible_fields_of_view(fov_deg):
    with pytest.raises(OpenRelicError, match="0 < fov < 180"):
        intrinsics(fov_deg, 1280, 720)


def test_distance_of_tiny_and_large_rotations():
    angles = np.array([0.0, 1e-12, 1e-6, 1.0, np.pi])
    turned = Rotation.from_rotvec(angles[:, None] * [[0.6, 0.0, 0.8]]).as_matrix()
    found = rotation_distance_rad(turned, np.eye(3))
    np.testing.assert_allclose(found, angles, rtol=1e-3, atol=1e-15)


@pytest.mark.parametrize(
    ("R", "P", "complaint"),
    [
        (np.eye(3), np.zeros(3), "shapes"),
        (np.eye(3)[None], np.zeros((2, 3)), "shapes"),
        (np.zeros((0, 3, 3)), np.zeros((0, 3)), "N >= 1"),
        (np.full((1, 3, 3), np.nan), np.zeros((1, 3)), "finite"),
        (1.1 * np.eye(3)[None], np.zeros((1, 3)), "not a rotation"),
        (MIRROR_Y[None], np.zeros((1, 3)), "not a rotation"),
    ],
)
def test_poses_that_are_none(R, P, complaint):
    with pytest.raises(OpenRelicError, match=complaint):
        check_poses(R, P)
