"""The camera of a pilot: its pose, stepped 16 times a second by the keys that are held.

Pure: no clock, no engine and no browser. Steering is that of the tours' operators
(`capture.tours.steering`): speeds ramp up and down smoothly; flying goes where the camera looks,
walking stays level. A recording holds one pose a step, so its time is the number of steps / 16.
"""

import dataclasses
from dataclasses import dataclass

import numpy as np

from capture.piloting.walls import Contact, Walls
from capture.tours.camera_operator import Space
from capture.tours.steering import MEMORY, Motion, Style, integrate, smoothed, tilt_and_roll_deg
from dataset.clip import FPS
from labeling.camera import camera_to_ue

# Past this the horizon is out of sight, and "level" turns lose their meaning at 90 degrees.
MAX_TILT_DEG = 85.0

# The channel of each action (`capture.tours.steering.CHANNELS`), and its direction there.
_CHANNEL_OF = {
    "dolly_in": (0, 1), "dolly_out": (0, -1), "truck_right": (1, 1), "truck_left": (1, -1),
    "pedestal_up": (2, 1), "pedestal_down": (2, -1), "tilt_up": (3, 1), "tilt_down": (3, -1),
    "pan_right": (4, 1), "pan_left": (4, -1), "roll_cw": (5, 1), "roll_ccw": (5, -1),
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Held:
    """What the pilot holds: keys as actions, sticks as channels, and how fast that shall be."""

    actions: frozenset[str] = frozenset()
    sticks: tuple[float, ...] = (0.0,) * 6  # -1 to 1, in the order of CHANNELS
    speed_m_s: float = 1.4
    turn_deg_s: float = 35.0

    def command(self) -> np.ndarray:
        """The six signed speeds (6,): metres and degrees a step."""
        share = np.array(self.sticks, np.float64)
        for action in self.actions:
            channel, sign = _CHANNEL_OF[action]
            share[channel] += sign
        unit = np.repeat([self.speed_m_s, self.turn_deg_s], 3) / FPS
        return np.clip(share, -1.0, 1.0) * unit


RELEASED = Held()


class Session:
    """A camera that is steered, and the recording of its way."""

    def __init__(
        self, space: Space, R_cam_from_world: np.ndarray, position_m: np.ndarray, style: Style
    ) -> None:
        """Start at rest, at a free place: `R_cam_from_world` (3,3), `position_m` (3,)."""
        self._walls = Walls(space)
        self._poses: list[np.ndarray] | None = None
        self.style = style
        self.place(R_cam_from_world, position_m)

    def place(self, R_cam_from_world: np.ndarray, position_m: np.ndarray) -> None:
        """Put the camera somewhere else, at rest."""
        self.R, self.position_m = R_cam_from_world, position_m
        self._history = np.zeros((MEMORY, 6))
        self.contact: Contact = "clear"
        self.speed_m_s = 0.0

    def steer(self, motion: Motion) -> None:
        """Fly or walk from here on."""
        self.style = dataclasses.replace(self.style, motion=motion)

    def step(self, held: Held) -> None:
        """Move by 1/16 of a second."""
        command = held.command()[None]
        speeds = smoothed(self._history, command)
        self._history = np.concatenate([self._history[1:], command])
        wanted = integrate(self.R, self.position_m, speeds, self.style)
        before_m = self.position_m
        step_m = wanted.position_m[0] - before_m
        self.position_m, self.contact = self._walls.moved(before_m, step_m)
        self.speed_m_s = float(np.linalg.norm(self.position_m - before_m)) * FPS
        if not self._tips_over(wanted.R[0]):
            self.R = wanted.R[0]
        if self._poses is not None:
            self._poses.append(self.pose())

    def _tips_over(self, R: np.ndarray) -> bool:
        tilts, _ = tilt_and_roll_deg(np.stack([self.R, R]))
        before, after = np.abs(tilts)
        return bool(after > MAX_TILT_DEG and after > before)

    @property
    def at_rest(self) -> bool:
        """Whether no held key has an effect any more."""
        return not self._history.any()

    def pose(self) -> np.ndarray:
        """Location in cm and pitch, yaw, roll in degrees (6,), in Unreal's axes."""
        location_cm, rotation_deg = camera_to_ue(self.R[None], self.position_m[None])
        return np.concatenate([location_cm[0], rotation_deg[0]])

    @property
    def recorded_s(self) -> float | None:
        """Length of the recording under way."""
        return None if self._poses is None else (len(self._poses) - 1) / FPS

    def start_recording(self) -> None:
        """Record from this pose on, which has time 0."""
        self._poses = [self.pose()]

    def stop_recording(self) -> np.ndarray:
        """The recorded poses (N,7): time in seconds, then as `pose`."""
        poses = np.stack(self._poses or [self.pose()])
        self._poses = None
        return np.concatenate([np.arange(len(poses))[:, None] / FPS, poses], axis=1)
