"""Actions against hand-made cases, a frame-by-frame loop with scipy, and invariants."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from dataset.errors import OpenRelicError
from labeling.actions import (
    ACTIONS,
    KEYS,
    STATIC,
    actions_to_poses,
    integration_error,
    poses_to_actions,
    usual_step_m,
    window_actions,
)
from labeling.camera import ue_axes, ue_to_camera
from tests.labeling.paths import printed, smooth_poses, smooth_ue

TWENTY_SECONDS = 317
seeds = st.integers(0, 2**32 - 1)
quick = settings(derandomize=True, max_examples=25, deadline=None)


def column(name: str) -> int:
    return ACTIONS.index(name)


def test_the_columns_and_their_keys():
    assert len(ACTIONS) == 13 and ACTIONS[STATIC] == "static"
    assert set(KEYS) == set(ACTIONS) - {"static"}
    assert len(set(KEYS.values())) == 12


# In Unreal's terms, from a level camera that looks along X: location in cm, pitch, yaw, roll.
GOLDEN = [
    ("dolly_in", (100, 0, 0), (0, 0, 0), 1.0),
    ("dolly_out", (-100, 0, 0), (0, 0, 0), 1.0),
    ("truck_left", (0, -100, 0), (0, 0, 0), 1.0),
    ("truck_right", (0, 100, 0), (0, 0, 0), 1.0),
    ("pedestal_up", (0, 0, 100), (0, 0, 0), 1.0),
    ("pedestal_down", (0, 0, -100), (0, 0, 0), 1.0),
    ("tilt_up", (0, 0, 0), (3, 0, 0), 3.0),
    ("tilt_down", (0, 0, 0), (-3, 0, 0), 3.0),
    ("pan_left", (0, 0, 0), (0, -3, 0), 3.0),
    ("pan_right", (0, 0, 0), (0, 3, 0), 3.0),
    ("roll_cw", (0, 0, 0), (0, 0, 3), 3.0),
    ("roll_ccw", (0, 0, 0), (0, 0, -3), 3.0),
    ("static", (0, 0, 0), (0, 0, 0), 1.0),
]


@pytest.mark.parametrize("rotation_frame", ["camera", "level"])
@pytest.mark.parametrize(("name", "location_cm", "rotation_deg", "magnitude"), GOLDEN)
def test_one_pure_action_a_column(name, location_cm, rotation_deg, magnitude, rotation_frame):
    R, P = ue_to_camera(
        np.array([(0, 0, 0), location_cm], float), np.array([(0, 0, 0), rotation_deg], float)
    )
    actions = poses_to_actions(R, P, rotation_frame=rotation_frame, unit_m=1.0)
    expected = np.zeros(13)
    expected[column(name)] = magnitude
    np.testing.assert_allclose(actions.values[1], expected, atol=1e-12)
    assert [ACTIONS[i] for i in np.flatnonzero(actions.active[1])] == [name]
    assert [ACTIONS[i] for i in np.flatnonzero(actions.active[0])] == ["static"]


def test_translation_is_in_the_axes_of_the_frame_before():
    rotation_deg = np.array([[20.0, 50.0, -30.0], [25.0, 90.0, 10.0]])
    forward, right, up = (axis[0] for axis in ue_axes(rotation_deg))
    location_cm = np.array([[10.0, 20.0, 30.0]] * 2)
    location_cm[1] += 70.0 * forward - 20.0 * right + 30.0 * up
    actions = poses_to_actions(*ue_to_camera(location_cm, rotation_deg), unit_m=0.1)
    found = {ACTIONS[i]: actions.values[1, i] for i in range(6) if actions.values[1, i] > 1e-9}
    assert found == pytest.approx({"dolly_in": 7.0, "truck_left": 2.0, "pedestal_up": 3.0})


def test_a_pan_about_the_worlds_up_while_looking_down():
    rotation_deg = np.array([[-30.0, 0.0, 0.0], [-30.0, 3.0, 0.0]])
    R, P = ue_to_camera(np.zeros((2, 3)), rotation_deg)
    level = poses_to_actions(R, P, rotation_frame="level").values[1]
    assert np.flatnonzero(level > 1e-9).tolist() == [column("pan_right")]
    assert level[column("pan_right")] == pytest.approx(3.0)
    camera = poses_to_actions(R, P, rotation_frame="camera").values[1]
    # To first order pan cos(30°) and roll sin(30°).
    assert camera[column("pan_right")] == pytest.approx(3.0 * np.cos(np.pi / 6), abs=2e-3)
    roll = camera[column("roll_cw")] - camera[column("roll_ccw")]
    assert abs(roll) == pytest.approx(1.5, abs=2e-3)


def loop_reference(R: np.ndarray, P: np.ndarray, unit_m: float) -> np.ndarray:
    """The twelve motion columns, frame by frame, with scipy's Euler angles."""
    rows = [np.zeros(12)]
    for t in range(1, len(R)):
        x, y, z = R[t - 1] @ (P[t] - P[t - 1]) / unit_m
        dR = R[t] @ R[t - 1].T
        pan, tilt, roll = Rotation.from_matrix(dR.T).as_euler("YXZ", degrees=True)
        signed = [z, -z, -x, x, -y, y, tilt, -tilt, -pan, pan, roll, -roll]
        rows.append(np.maximum(signed, 0.0))
    return np.array(rows)


@quick
@given(seeds)
def test_the_same_as_a_loop_over_frames(seed):
    R, P = smooth_poses(40, seed)
    actions = poses_to_actions(R, P, unit_m=0.07)
    np.testing.assert_allclose(actions.values[:, :12], loop_reference(R, P, 0.07), atol=1e-9)


@quick
@given(seeds)
def test_level_rotations_are_unreals_differences(seed):
    location_cm, rotation_deg = smooth_ue(60, seed)
    R, P = ue_to_camera(location_cm, rotation_deg)
    values = poses_to_actions(R, P, rotation_frame="level").values
    step = np.diff(rotation_deg, axis=0)
    for axis, (more, less) in enumerate(
        [("tilt_up", "tilt_down"), ("pan_right", "pan_left"), ("roll_cw", "roll_ccw")]
    ):
        signed = values[1:, column(more)] - values[1:, column(less)]
        np.testing.assert_allclose(signed, step[:, axis], atol=1e-9)


@quick
@given(seeds, st.sampled_from(["camera", "level"]))
def test_integration_gives_the_poses_back(seed, rotation_frame):
    R, P = smooth_poses(TWENTY_SECONDS, seed)
    actions = poses_to_actions(R, P, rotation_frame=rotation_frame)
    R_back, P_back = actions_to_poses(actions, R[0], P[0])
    # A loop of our own: the running product in the module is not one.
    np.testing.assert_allclose(P_back, P, atol=1e-9)
    np.testing.assert_allclose(R_back, R, atol=1e-9)
    assert max(integration_error(actions, R, P)) < 1e-9
    assert 1e-9 < max(integration_error(actions, R, P, np.float32)) < 1e-2


@quick
@given(seeds)
def test_wild_jumps_integrate_too(seed):
    rng = np.random.default_rng(seed)
    R, P = Rotation.random(TWENTY_SECONDS, rng).as_matrix(), rng.normal(size=(TWENTY_SECONDS, 3))
    actions = poses_to_actions(R, P)
    assert max(integration_error(actions, R, P)) < 1e-6


def test_integration_is_the_recursion_of_the_paper():
    R, P = smooth_poses(50, 5)
    actions = poses_to_actions(R, P, unit_m=0.05)
    R_loop, P_loop = R[0], P[0]
    R_back, P_back = actions_to_poses(actions, R[0], P[0])
    for t in range(1, 50):
        v = dict(zip(ACTIONS, actions.values[t], strict=True))
        d = 0.05 * np.array(
            [
                v["truck_right"] - v["truck_left"],
                v["pedestal_down"] - v["pedestal_up"],
                v["dolly_in"] - v["dolly_out"],
            ]
        )
        turn = [
            v["pan_right"] - v["pan_left"],
            v["tilt_up"] - v["tilt_down"],
            v["roll_cw"] - v["roll_ccw"],
        ]
        P_loop = P_loop + R_loop.T @ d
        R_loop = Rotation.from_euler("YXZ", turn, degrees=True).as_matrix().T @ R_loop
        np.testing.assert_allclose(P_back[t], P_loop, atol=1e-12)
        np.testing.assert_allclose(R_back[t], R_loop, atol=1e-12)


@quick
@given(seeds)
def test_opposites_exclude_each_other_and_static_is_the_rest(seed):
    R, P = smooth_poses(80, seed)
    R, P = np.repeat(R, 2, axis=0), np.repeat(P, 2, axis=0)  # every other step rests
    actions = poses_to_actions(R, P)
    assert np.all(actions.values >= 0.0)
    for first, second in [(0, 1), (2, 3), (4, 5), (6, 7), (8, 9), (10, 11)]:
        assert not np.any((actions.values[:, first] > 0) & (actions.values[:, second] > 0))
        assert not np.any(actions.active[:, first] & actions.active[:, second])
    np.testing.assert_array_equal(actions.active[:, STATIC], ~actions.active[:, :STATIC].any(1))
    np.testing.assert_array_equal(actions.values[:, STATIC], actions.active[:, STATIC])
    assert actions.active[1::2, STATIC].all()


@quick
@given(seeds, st.floats(0.01, 100.0))
def test_camera_labels_do_not_depend_on_the_world(seed, scale):
    R, P = smooth_poses(60, seed)
    rng = np.random.default_rng(seed)
    Q, shift = Rotation.random(rng=rng).as_matrix(), rng.normal(size=3) * 10.0
    before = poses_to_actions(R, P)
    after = poses_to_actions(R @ Q.T, scale * P @ Q.T + shift)
    np.testing.assert_allclose(after.values, before.values, atol=1e-7)
    np.testing.assert_array_equal(after.active, before.active)
    assert after.unit_m == pytest.approx(scale * before.unit_m)


@quick
@given(seeds, st.floats(0.01, 100.0), st.floats(-180.0, 180.0))
def test_level_labels_do_not_depend_on_yaw_place_and_scale(seed, scale, yaw_deg):
    location_cm, rotation_deg = smooth_ue(60, seed)
    R, P = ue_to_camera(location_cm, rotation_deg)
    Q = Rotation.from_euler("z", yaw_deg, degrees=True).as_matrix()
    before = poses_to_actions(R, P, rotation_frame="level")
    after = poses_to_actions(R @ Q.T, scale * P @ Q.T + 3.0, rotation_frame="level")
    np.testing.assert_allclose(after.values, before.values, atol=1e-7)


def test_level_refuses_to_look_straight_up():
    R, P = ue_to_camera(np.zeros((3, 3)), np.array([[0, 0, 0], [45, 0, 0], [90, 0, 0]], float))
    with pytest.raises(OpenRelicError, match=r"frame 2 .*rotation_frame=camera"):
        poses_to_actions(R, P, rotation_frame="level")
    assert poses_to_actions(R, P).values[2, column("tilt_up")] == pytest.approx(45.0)


def test_the_unit_is_the_mean_of_the_moving_steps():
    steps = np.array([0.0, 0.1, 0.3, 0.0, 0.2, 1e-5, 0.004, 0.0])
    P = np.zeros((9, 3))
    P[1:, 0] = np.cumsum(steps)
    # 5 % of the 95th percentile (0.265) is 0.013: the step of 0.004 rests, as do the others.
    assert usual_step_m(P) == pytest.approx(0.2)
    assert usual_step_m(P[:1]) == 1.0
    assert usual_step_m(np.zeros((5, 3))) == 1.0
    jittering = np.cumsum(np.full((20, 3), 1e-5), axis=0)
    assert usual_step_m(jittering) == 1.0


def test_a_window_keeps_the_clips_unit_and_begins_static():
    R, P = smooth_poses(100, 8)
    clip = poses_to_actions(R, P)
    window = window_actions(R[40:60], P[40:60], clip.unit_m, "camera")
    np.testing.assert_array_equal(window.values[1:, :12], clip.values[41:60, :12])
    assert window.active[0].nonzero()[0].tolist() == [STATIC]
    assert window.unit_m == clip.unit_m


@pytest.mark.parametrize("unit_m", [0.0, -1.0, float("nan"), float("inf")])
def test_units_that_are_none(unit_m):
    R, P = smooth_poses(3, 0)
    with pytest.raises(OpenRelicError, match="unit_m"):
        poses_to_actions(R, P, unit_m=unit_m)


def test_one_frame_is_static():
    R, P = smooth_poses(1, 0)
    actions = poses_to_actions(R, P)
    assert actions.values.shape == (1, 13) and actions.active[0, STATIC]
    R_back, P_back = actions_to_poses(actions, R[0], P[0])
    np.testing.assert_array_equal(R_back, R)
    np.testing.assert_array_equal(P_back, P)


def test_what_unreal_prints_still_integrates_exactly():
    location_cm, rotation_deg = smooth_ue(TWENTY_SECONDS, 3)
    R, P = ue_to_camera(printed(location_cm), printed(rotation_deg))
    for rotation_frame in ("camera", "level"):
        actions = poses_to_actions(R, P, rotation_frame=rotation_frame)
        assert max(integration_error(actions, R, P)) < 1e-9
