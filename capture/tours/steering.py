"""How an operator's keys move a camera: held keys, smooth starts and stops, and the resulting path.

A command is six signed speeds a frame, in the order of `CHANNELS`: metres a frame for the
translations, degrees a frame for the turns. The camera follows the held keys through a smoothing
kernel of half a second, so speeds ramp up and down without jerks, and stop exactly.

- `fly`: translations go along the camera's own axes (W follows the view).
- `walk`: translations stay level (W moves along the ground, up and down is vertical).
- Turns are made in the workspace's rotation frame (see `labeling.actions`).
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from labeling import actions
from labeling.actions import RotationFrame
from labeling.camera import level_angles_deg, level_turned, turn_matrix

Motion = Literal["fly", "walk"]

CHANNELS = ("dolly", "truck", "pedestal", "tilt", "pan", "roll")
DOLLY, TRUCK, PEDESTAL, TILT, PAN, ROLL = range(6)

# Two boxes in a row give ramps without corners; the sum of the kernel is 1, so a held key moves by
# exactly speed times time.
KERNEL = np.convolve(np.full(5, 1 / 5), np.full(4, 1 / 4))
MEMORY = len(KERNEL) - 1  # frames after which a released key has no effect any more

# Channel values to (right, down, forward), the OpenCV camera axes.
_TO_CAMERA_AXES = np.array([[0, 0, 1], [1, 0, 0], [0, -1, 0]], dtype=np.float64)


@dataclass(frozen=True, kw_only=True)
class Style:
    """What holds for a whole tour."""

    motion: Motion
    rotation_frame: RotationFrame


@dataclass(frozen=True, kw_only=True)
class Path:
    """Poses of N frames: `R` (N,3,3) camera from world, `position_m` (N,3)."""

    R: np.ndarray
    position_m: np.ndarray

    def __len__(self) -> int:
        """Number of frames."""
        return len(self.R)


def smoothed(history: np.ndarray, commands: np.ndarray) -> np.ndarray:
    """Speeds (N,6) of the frames whose keys are `commands` (N,6), after `history` (MEMORY,6)."""
    keys = np.concatenate([history, commands])
    columns = [np.convolve(keys[:, channel], KERNEL, mode="valid") for channel in range(6)]
    speeds = np.stack(columns, axis=1)
    # A camera at rest must rest exactly: convolution leaves rounding errors of 1e-18.
    return np.where(np.abs(speeds) < 1e-12, 0.0, speeds)


def integrate(R_start: np.ndarray, start_m: np.ndarray, speeds: np.ndarray, style: Style) -> Path:
    """The poses (N) after each frame of `speeds` (N,6), from a camera at `R_start`, `start_m`.

    The rotations are those that labels of these turns integrate to: one code for both.
    """
    turns = speeds[:, [PAN, TILT, ROLL]]
    R, _ = actions.integrate(
        actions.motion_to_values(np.zeros_like(turns), turns),
        R_start,
        start_m,
        unit_m=1.0,
        rotation_frame=style.rotation_frame,
    )
    axes = R[:-1] if style.motion == "fly" else levelled(R[:-1])
    steps = speeds[:, :3] @ _TO_CAMERA_AXES
    moves = (np.swapaxes(axes, 1, 2) @ steps[..., None])[..., 0]
    return Path(R=R[1:], position_m=start_m + np.cumsum(moves, axis=0))


def levelled(R_cam_from_world: np.ndarray) -> np.ndarray:
    """The rotations (N,3,3) with the same heading, but no tilt and no roll."""
    angles = level_angles_deg(R_cam_from_world)
    angles[..., 1:] = 0.0
    return level_turned(angles)


def looking_along(yaw_deg: float) -> np.ndarray:
    """A level camera (3,3) whose Unreal yaw is `yaw_deg`."""
    return level_turned(np.array([yaw_deg, 0.0, 0.0]))


def tilt_and_roll_deg(R_cam_from_world: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Tilt and roll (N,) of the cameras against the horizon, in degrees."""
    angles = level_angles_deg(R_cam_from_world)
    return angles[..., 1], angles[..., 2]


def turned_about(
    R_cam_from_world: np.ndarray, pan_deg: float, rotation_frame: RotationFrame
) -> np.ndarray:
    """The cameras (N,3,3) after a pan by `pan_deg`, as the rotation frame understands it."""
    pan = np.array([pan_deg, 0.0, 0.0])
    if rotation_frame == "camera":
        return turn_matrix(pan).T @ R_cam_from_world
    return level_turned(level_angles_deg(R_cam_from_world) + pan)
