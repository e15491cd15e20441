"""The 13 actions of a frame (6 translations, 6 rotations, static) and their maths, both ways.

Row t says how the camera came from frame t-1 to frame t; row 0 is static. In OpenCV camera axes
(`labeling.camera`), with R = `R_cam_from_world` and P = `position_m`::

    d[t]  = R[t-1] (P[t] - P[t-1])        P[t] = P[t-1] + R[t-1]^T d[t]
    dR[t] = R[t] R[t-1]^T                 R[t] = dR[t] R[t-1]

as in the paper (arXiv 2512.04040). Translation is `d` over `unit_m`, the clip's usual step.
Rotation is in degrees over `unit_deg`: with `rotation_frame = camera` the pan, tilt and roll of
`dR^T = Ry(pan) Rx(tilt) Rz(roll)`; with `level` the change of Unreal's yaw, pitch and roll, which
is pan about the world's up, tilt about the levelled right axis and roll about the view.

`values` are exact magnitudes: opposite directions are two columns, at most one of them non-zero.
`active` is what counts as a pressed key. An action turns on above an upper threshold and off at or
below a lower one, so that a magnitude between the two never flickers.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from dataset.errors import OpenRelicError
from labeling.camera import (
    check_poses,
    level_angles_deg,
    level_turned,
    rotation_distance_rad,
    turn_angles_deg,
    turn_matrix,
    wrap_deg,
)

ACTIONS: tuple[str, ...] = (
    "dolly_in", "dolly_out", "truck_left", "truck_right", "pedestal_up", "pedestal_down",
    "tilt_up", "tilt_down", "pan_left", "pan_right", "roll_cw", "roll_ccw", "static",
)  # fmt: skip

# The key that plays each action, by its name in a browser's KeyboardEvent; static has none.
KEYS: dict[str, str] = {
    "dolly_in": "w", "dolly_out": "s", "truck_left": "a", "truck_right": "d",
    "pedestal_up": "r", "pedestal_down": "f",
    "tilt_up": "ArrowUp", "tilt_down": "ArrowDown",
    "pan_left": "ArrowLeft", "pan_right": "ArrowRight",
    "roll_cw": "c", "roll_ccw": "z",
}  # fmt: skip

RotationFrame = Literal["camera", "level"]

STATIC = ACTIONS.index("static")
TRANSLATIONS = slice(0, 6)
ROTATIONS = slice(6, 12)
UNIT_DEG = 1.0

# The six signed motions, as the columns of their positive and their negative direction: dolly in,
# truck right, pedestal up, then pan right, tilt up, roll clockwise.
_POSITIVE = [0, 3, 4, 9, 6, 10]
_NEGATIVE = [1, 2, 5, 8, 7, 11]

# Of the clip's 95th percentile step: shorter ones are rests, not moves.
_MOVING_SHARE = 0.05

# Unreal prints 0.001 degrees; closer to the pole than that, yaw and roll are not to be told apart.
_LEVEL_POLE_DEG = 1e-3


@dataclass(frozen=True, kw_only=True)
class Thresholds:
    """What counts as pressed: above `on`, until at or below `off`.

    UnrealCV prints 0.001 cm and 0.001°, so a resting camera may seem to step by 1.7e-5 m and to
    turn by 0.002°: every threshold lies above that. Keys held at 5 % of a usual speed count: 0.05
    of the unit, and 0.06° a frame where 20° a second is usual.
    """

    translation_on: float = 0.03
    """A translation is pressed above this share of `unit_m` a frame."""
    translation_off: float = 0.015
    """A pressed translation is released at or below this share of `unit_m` a frame."""
    jitter_m: float = 5e-5
    """No translation of a frame up to this many metres is pressed; half of it releases."""
    rotation_on_deg: float = 0.03
    """A rotation is pressed above this many degrees a frame."""
    rotation_off_deg: float = 0.015
    """A pressed rotation is released at or below this many degrees a frame."""

    def __post_init__(self) -> None:
        """Refuse thresholds that would never turn on, or never off."""
        translation = 0.0 < self.translation_off <= self.translation_on
        rotation = 0.0 < self.rotation_off_deg <= self.rotation_on_deg
        if not (translation and rotation and self.jitter_m >= 0.0):
            raise OpenRelicError(f"{self}: needed are 0 < off <= on and jitter_m >= 0")

    def columns(self, unit_m: float, unit_deg: float) -> tuple[np.ndarray, np.ndarray]:
        """The on and off thresholds (12,) of the motion columns, in the units of `values`."""
        jitter = self.jitter_m / unit_m
        on = [max(self.translation_on, jitter), self.rotation_on_deg / unit_deg]
        off = [max(self.translation_off, jitter / 2.0), self.rotation_off_deg / unit_deg]
        return np.repeat(on, 6), np.repeat(off, 6)


@dataclass(frozen=True, kw_only=True)
class Actions:
    """The actions of T frames; row 0 is static.

    `values` is (T,13) float64, non-negative, columns as `ACTIONS`: translations in `unit_m` metres,
    rotations in `unit_deg` degrees, `static` 0 or 1. `active` is (T,13) bool, what counts as
    pressed; `static` is set exactly where no other action is.
    """

    values: np.ndarray
    active: np.ndarray
    unit_m: float
    unit_deg: float
    rotation_frame: RotationFrame
    thresholds: Thresholds

    def __len__(self) -> int:
        """Number of frames."""
        return len(self.values)


def poses_to_actions(
    R_cam_from_world: np.ndarray,
    position_m: np.ndarray,
    *,
    rotation_frame: RotationFrame = "camera",
    unit_m: float | None = None,
    thresholds: Thresholds | None = None,
) -> Actions:
    """The actions of a camera path: `R_cam_from_world` (T,3,3), `position_m` (T,3) in metres.

    `unit_m` is the metres of a translation of 1; None takes `usual_step_m` of this path. Raises
    `OpenRelicError` for wrong poses, for `unit_m` <= 0, and for `level` at a pitch of ±90°.
    """
    R, P = check_poses(R_cam_from_world, position_m)
    thresholds = thresholds or Thresholds()
    if unit_m is None:
        unit_m = usual_step_m(P, thresholds.jitter_m)
    elif not (np.isfinite(unit_m) and unit_m > 0.0):
        raise OpenRelicError(f"unit_m is {unit_m}; it must be a positive number of metres")
    step_m = (R[:-1] @ np.diff(P, axis=0)[..., None])[..., 0]
    values = motion_to_values(step_m / unit_m, _turns_deg(R, rotation_frame) / UNIT_DEG)
    active = pressed(values, thresholds, unit_m, UNIT_DEG)
    values[:, STATIC] = active[:, STATIC]
    return Actions(
        values=values,
        active=active,
        unit_m=float(unit_m),
        unit_deg=UNIT_DEG,
        rotation_frame=rotation_frame,
        thresholds=thresholds,
    )


def window_actions(
    R_cam_from_world: np.ndarray,
    position_m: np.ndarray,
    unit_m: float,
    rotation_frame: RotationFrame,
    thresholds: Thresholds | None = None,
) -> Actions:
    """The actions of some frames of a clip, in any order: a window, or a palindrome of one.

    The poses are those of the frames as they are played; the clip's own `unit_m` stays, and row 0
    is static whatever the clip did there. A reversed step is `d' = -dR d`, `dR' = dR^T`, never a
    swap of columns, which is why this starts from the poses.
    """
    return poses_to_actions(
        R_cam_from_world,
        position_m,
        rotation_frame=rotation_frame,
        unit_m=unit_m,
        thresholds=thresholds,
    )


def actions_to_poses(
    actions: Actions, R0: np.ndarray, P0: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Integrate actions from the pose of frame 0: `R0` (3,3), `P0` (3,) in metres.

    Returns `R_cam_from_world` (T,3,3) and `position_m` (T,3).
    """
    return integrate(
        actions.values,
        R0,
        P0,
        unit_m=actions.unit_m,
        unit_deg=actions.unit_deg,
        rotation_frame=actions.rotation_frame,
    )


def integrate(
    values: np.ndarray,
    R0: np.ndarray,
    P0: np.ndarray,
    *,
    unit_m: float,
    unit_deg: float = UNIT_DEG,
    rotation_frame: RotationFrame,
) -> tuple[np.ndarray, np.ndarray]:
    """As `actions_to_poses`, from `values` (T,13) alone; row 0 and `static` are not read."""
    step, turn = values_to_motion(values)
    R = _turned(np.asarray(R0, np.float64), turn[1:] * unit_deg, rotation_frame)
    moved_m = (np.swapaxes(R[:-1], 1, 2) @ (step[1:] * unit_m)[..., None])[..., 0]
    P0 = np.asarray(P0, np.float64)
    return R, np.concatenate([P0[None], P0 + np.cumsum(moved_m, axis=0)])


def integration_error(
    actions: Actions,
    R_cam_from_world: np.ndarray,
    position_m: np.ndarray,
    dtype: type[np.floating] = np.float64,
) -> tuple[float, float]:
    """How far integrated actions stray from the poses they label, in metres and in radians.

    The largest distance over the frames, starting from the true pose of frame 0. `dtype` is what
    the values are stored in: samples hold them as float32.
    """
    R, P = integrate(
        actions.values.astype(dtype),
        R_cam_from_world[0],
        position_m[0],
        unit_m=actions.unit_m,
        unit_deg=actions.unit_deg,
        rotation_frame=actions.rotation_frame,
    )
    distance_m = np.linalg.norm(P - position_m, axis=1)
    return float(distance_m.max()), float(rotation_distance_rad(R, R_cam_from_world).max())


def usual_step_m(position_m: np.ndarray, jitter_m: float = Thresholds.jitter_m) -> float:
    """Mean step length in metres over the moving steps of a clip's path (T,3); none: 1.

    A step is moving if it is longer than `jitter_m` and than 5 % of the 95th percentile step.
    """
    steps_m = np.linalg.norm(np.diff(position_m, axis=0), axis=1)
    if len(steps_m) == 0:
        return 1.0
    moving = steps_m > max(jitter_m, _MOVING_SHARE * float(np.percentile(steps_m, 95)))
    return float(steps_m[moving].mean()) if moving.any() else 1.0


def motion_to_values(step: np.ndarray, turn: np.ndarray) -> np.ndarray:
    """Columns (N+1,13) of N steps: `step` (N,3) in units along x, y, z of the camera, `turn` (N,3)
    in units as pan, tilt, roll. Row 0 is zero, and so is `static`."""
    signed = np.concatenate([step[:, [2, 0, 1]] * [1.0, 1.0, -1.0], turn], axis=1)
    values = np.zeros((len(signed) + 1, len(ACTIONS)))
    values[1:, _POSITIVE] = np.maximum(signed, 0.0)
    values[1:, _NEGATIVE] = np.maximum(-signed, 0.0)
    return values


def values_to_motion(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The inverse of `motion_to_values`, for every row: step (T,3) along x, y, z of the camera and
    turn (T,3) as pan, tilt, roll, float64, in units."""
    signed = signed_motion(values)
    return signed[:, [1, 2, 0]] * [1.0, -1.0, 1.0], signed[:, 3:]


def signed_motion(values: np.ndarray) -> np.ndarray:
    """The six signed motions (T,6) of `values` (T,13), float64, in units: dolly in, truck right,
    pedestal up, pan right, tilt up and roll clockwise are positive."""
    values = np.asarray(values, np.float64)
    return values[:, _POSITIVE] - values[:, _NEGATIVE]


def pressed(
    values: np.ndarray, thresholds: Thresholds, unit_m: float, unit_deg: float = UNIT_DEG
) -> np.ndarray:
    """`active` (T,13) of `values` (T,13): hysteresis over the frames, column by column."""
    on, off = thresholds.columns(unit_m, unit_deg)
    motion = np.asarray(values)[:, :STATIC]
    turns_on = motion > on
    # Between the thresholds a frame keeps the state that the last decisive frame set; before the
    # first one nothing is pressed, and frame 0, which is zero, decides that.
    decisive = turns_on | (motion <= off)
    frame = np.arange(len(motion))[:, None]
    latest = np.maximum.accumulate(np.where(decisive, frame, 0), axis=0)
    active = np.take_along_axis(turns_on, latest, axis=0)
    return np.concatenate([active, ~active.any(axis=1, keepdims=True)], axis=1)


def _turns_deg(R: np.ndarray, rotation_frame: RotationFrame) -> np.ndarray:
    """Pan, tilt, roll (T-1,3) in degrees of each step."""
    if rotation_frame == "camera":
        return turn_angles_deg(R[:-1] @ np.swapaxes(R[1:], 1, 2))
    angles_deg = level_angles_deg(R)
    at_pole = np.abs(angles_deg[:, 1]) > 90.0 - _LEVEL_POLE_DEG
    if at_pole.any():
        raise OpenRelicError(
            f"rotation_frame=level is undefined where the camera looks straight up or down, as in "
            f"frame {int(at_pole.argmax())} (pitch {angles_deg[at_pole.argmax(), 1]:.4f}°); "
            "keep the pitch short of ±90°, or use rotation_frame=camera"
        )
    return wrap_deg(np.diff(angles_deg, axis=0))


def _turned(R0: np.ndarray, turn_deg: np.ndarray, rotation_frame: RotationFrame) -> np.ndarray:
    """`R_cam_from_world` (N+1,3,3) from `R0` (3,3) and the N turns (N,3) as pan, tilt, roll."""
    if rotation_frame == "level":
        total_deg = np.cumsum(turn_deg, axis=0)
        return np.concatenate([R0[None], level_turned(level_angles_deg(R0) + total_deg)])
    dR = np.swapaxes(turn_matrix(turn_deg), 1, 2)
    R = np.concatenate([R0[None], dR])
    # Running products by doubling: after the round of `reach`, entry t holds the last 2 * reach
    # factors. Twelve rounds do for four minutes, and errors grow with the rounds, not the frames.
    reach = 1
    while reach < len(R):
        R[reach:] = R[reach:] @ R[:-reach]
        reach *= 2
    return R
