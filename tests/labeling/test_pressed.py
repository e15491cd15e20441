"""What counts as pressed: jitter never does, slow deliberate motion does, nothing flickers."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataset.errors import OpenRelicError
from labeling.actions import ACTIONS, STATIC, Thresholds, poses_to_actions, pressed
from labeling.camera import ue_to_camera
from tests.labeling.paths import printed

seeds = st.integers(0, 2**32 - 1)
quick = settings(derandomize=True, max_examples=40, deadline=None)


def column_of(magnitudes: list[float], name: str) -> np.ndarray:
    values = np.zeros((len(magnitudes), len(ACTIONS)))
    values[:, ACTIONS.index(name)] = magnitudes
    return values


def test_hysteresis_by_hand():
    # On above 0.03 units, off at or below 0.015.
    magnitudes = [0, 0.02, 0.03, 0.031, 0.02, 0.016, 0.031, 0.015, 0.02, 0.029, 0, 1]
    expected = [0, 0, 0, 1, 1, 1, 1, 0, 0, 0, 0, 1]
    active = pressed(column_of(magnitudes, "dolly_in"), Thresholds(), unit_m=0.1)
    assert active[:, 0].astype(int).tolist() == expected
    assert (~active[:, STATIC]).astype(int).tolist() == expected


def loop_reference(motion: np.ndarray, on: np.ndarray, off: np.ndarray) -> np.ndarray:
    state, rows = np.zeros(motion.shape[1], bool), []
    for row in motion:
        state = np.where(row > on, True, np.where(row <= off, False, state))
        rows.append(state)
    return np.array(rows)


@quick
@given(seeds, st.sampled_from([1e-4, 1e-3, 0.1]))
def test_hysteresis_is_that_of_a_loop_over_frames(seed, unit_m):
    rng = np.random.default_rng(seed)
    values = rng.choice([0.0, 0.01, 0.015, 0.02, 0.03, 0.031, 0.05, 0.3, 0.6], (60, 13))
    values[0] = 0.0
    on, off = Thresholds().columns(unit_m, 1.0)
    expected = loop_reference(values[:, :12], on, off)
    active = pressed(values, Thresholds(), unit_m)
    np.testing.assert_array_equal(active[:, :12], expected)


@quick
@given(seeds, st.floats(-89.0, 89.0))
def test_a_resting_camera_that_jitters_at_the_last_digit_is_static(seed, pitch_deg):
    """One digit either way: twice what rounding alone can do."""
    rng = np.random.default_rng(seed)
    location_cm = rng.uniform(-1e4, 1e4, 3) + rng.choice([-1e-3, 0.0, 1e-3], (120, 3))
    rotation_deg = np.array([pitch_deg, 20.0, 5.0]) + rng.choice([-1e-3, 0.0, 1e-3], (120, 3))
    R, P = ue_to_camera(printed(location_cm), printed(rotation_deg))
    for unit_m in (None, 0.1):
        for rotation_frame in ("camera", "level"):
            actions = poses_to_actions(R, P, rotation_frame=rotation_frame, unit_m=unit_m)
            assert actions.active[:, STATIC].all()
            assert actions.values[:, STATIC].all()


@quick
@given(seeds)
def test_a_key_released_among_jitter_is_released(seed):
    rng = np.random.default_rng(seed)
    location_cm = np.zeros((60, 3))
    location_cm[:30, 0] = 0.02 * np.arange(30)  # 3.2 mm a second: the jitter floor decides
    location_cm[30:, 0] = location_cm[29, 0]
    location_cm = printed(location_cm + rng.choice([0.0, 1e-3], (60, 3)))
    R, P = ue_to_camera(location_cm, np.zeros((60, 3)))
    active = poses_to_actions(R, P).active
    assert active[1:30, 0].all()
    assert active[30:, STATIC].all()


def test_motion_at_a_twentieth_of_the_usual_speed_counts():
    speed = np.r_[np.full(100, 8.0), np.full(40, 0.4)]  # cm a frame, 1.3 m a second and 5 %
    yaw_deg = np.r_[np.full(100, 1.25), np.full(40, 0.0625)]  # 20 degrees a second and 5 %
    location_cm, rotation_deg = np.zeros((141, 3)), np.zeros((141, 3))
    location_cm[1:, 1], rotation_deg[1:, 1] = np.cumsum(speed), np.cumsum(yaw_deg)
    R, P = ue_to_camera(printed(location_cm), np.zeros((141, 3)))
    assert poses_to_actions(R, P).active[1:, ACTIONS.index("truck_right")].all()
    R, P = ue_to_camera(np.zeros((141, 3)), printed(rotation_deg))
    assert poses_to_actions(R, P).active[1:, ACTIONS.index("pan_right")].all()


@quick
@given(seeds, st.floats(0.005, 0.2))
def test_a_steady_slow_motion_never_flickers(seed, step_cm):
    """At any steady speed the printed digits leave an action on, or off, for good."""
    location_cm = np.random.default_rng(seed).uniform(-1e3, 1e3) + np.zeros((200, 3))
    location_cm[:, 0] += step_cm * np.arange(200)
    R, P = ue_to_camera(printed(location_cm), np.zeros((200, 3)))
    active = poses_to_actions(R, P).active[1:, 0]
    assert np.count_nonzero(np.diff(active.astype(int))) <= 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"translation_on": 0.01},
        {"translation_off": 0.0},
        {"rotation_off_deg": 0.5},
        {"rotation_on_deg": float("nan")},
        {"jitter_m": -1.0},
    ],
)
def test_thresholds_that_are_none(wrong):
    with pytest.raises(OpenRelicError, match="0 < off <= on"):
        Thresholds(**wrong)
