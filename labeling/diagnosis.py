"""What a camera path looks like from its numbers alone: axes, handedness, unit, and damage.

A camera that a person or a program steers moves along its own axes, is mostly upright, and leads
with its forward axis. Under the wrong reading of a file these regularities smear, so each reading
is scored by them:

- a path whose matrices are inverted, or whose world is mirrored, has steps that lie along no axis
  of the camera once the camera turns. The score is the mean of |d|_1 / |d|_2 over the moving
  steps: 1 along an axis, 1.5 on average for directions at random. It needs turns; without them
  nothing can be told, and a mirrored height shows only where the camera rises;
- the camera axis with the most constant direction in the world is its vertical one;
- the axis, of the other two, along which the mean step points, is forward.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from labeling.actions import usual_step_m
from labeling.camera import level_angles_deg, rotation_distance_rad

Reading = Literal["as declared", "inverted", "mirrored"]

# Camera axes by what is forward and what is up, in the axes of OpenCV (x right, y down, z forward).
CONVENTIONS: dict[tuple[str, str], str] = {
    ("+z", "-y"): "OpenCV (x right, y down, z forward)",
    ("-z", "+y"): "OpenGL (x right, y up, z backward)",
    ("+x", "+z"): "x forward, z up (Unreal's camera axes, or a robot's FLU)",
    ("+y", "+z"): "y forward, z up",
}
MIN_TURN_DEG = 20.0  # less turning than this in a whole path tells nothing about axes
CLEAR_RATIO = 1.03  # of two scores: below it the better one is not clearly better
CLEAR_SCORE = 1.3  # above it the steps lie along no axis to speak of
POLE_DEG = 5.0


@dataclass(frozen=True, kw_only=True)
class Axes:
    """Which way of reading a path makes its motion simplest, and what its camera axes then are."""

    turned_deg: float  # total turning of the path
    scores: dict[Reading, float]  # mean |d|_1 / |d|_2 of the steps; the least is the best
    best: Reading | None  # None: cannot be told
    forward: str  # camera axis with a sign, in the declared axes: "+z"
    forward_share: float  # mean of the steps' direction along it
    sideways_share: float  # the same along the other level axis
    up: str
    upright: float  # length of the mean of the up axis in the world: 1 is constant
    world_up: str  # world axis that the up axis points along most

    @property
    def convention(self) -> str | None:
        """The name of the camera axes, or None for a pair that no tool uses."""
        return CONVENTIONS.get((self.forward, self.up))


@dataclass(frozen=True, kw_only=True)
class Motion:
    """Rates and damage of a path; indices are of frames."""

    rate_hz: float  # of the median gap between frames
    usual_step: float  # in the path's unit
    speed: float  # median over moving steps, in the path's unit a second; 0: it never moves
    turn_deg_s: float  # 95th percentile
    jitter: float  # high-frequency noise of the position, in the path's unit
    jitter_deg: float
    gaps: np.ndarray  # frames after a time gap of more than 1.5 frames
    repeats: np.ndarray  # frames with the pose of the frame before, in the middle of a motion
    jumps: np.ndarray  # frames that lie where the motion around them does not lead
    poles: np.ndarray  # frames that look within 5 degrees of straight up or down
    steepest_deg: float


def find_axes(R_cam_from_world: np.ndarray, position: np.ndarray) -> Axes:
    """Score the readings of a path (T,3,3), (T,3) and name the camera's axes under the best.

    The world must be the file's own: the inverse of a matrix is another one in a turned world.
    """
    R, P = R_cam_from_world, position
    turned = float(np.rad2deg(rotation_distance_rad(R[1:], R[:-1]).sum()))
    inverted = np.swapaxes(R, 1, 2), -np.einsum("tij,tj->ti", R, P)
    mirrored = R, P * [1.0, -1.0, 1.0]
    readings: dict[Reading, tuple[np.ndarray, np.ndarray]] = {
        "as declared": (R, P), "inverted": inverted, "mirrored": mirrored,
    }  # fmt: skip
    scores: dict[Reading, float] = {name: _smear(*poses) for name, poses in readings.items()}
    best = _clear_best(scores) if turned >= MIN_TURN_DEG else None
    return _named_axes(*readings[best or "as declared"], turned, scores, best)


def _smear(R: np.ndarray, P: np.ndarray) -> float:
    """Mean |d|_1 / |d|_2 of the moving steps, in the camera's axes; 0 where nothing moves."""
    steps = moving_steps(R, P)
    if len(steps) == 0:
        return 0.0
    return float((np.abs(steps).sum(axis=1) / np.linalg.norm(steps, axis=1)).mean())


def moving_steps(R: np.ndarray, P: np.ndarray) -> np.ndarray:
    """Steps (N,3) in the camera's axes, without those that are rests."""
    steps = (R[:-1] @ np.diff(P, axis=0)[..., None])[..., 0]
    length = np.linalg.norm(steps, axis=1)
    least = 0.05 * np.percentile(length, 95) if len(length) else 0.0
    return steps[length > max(least, 1e-12)]


def _clear_best(scores: dict[Reading, float]) -> Reading | None:
    ordered = sorted(scores, key=lambda name: scores[name])
    first, second = scores[ordered[0]], scores[ordered[1]]
    return ordered[0] if 0 < first <= min(CLEAR_SCORE, second / CLEAR_RATIO) else None


def _named_axes(
    R: np.ndarray, P: np.ndarray, turned: float, scores: dict[Reading, float], best: Reading | None
) -> Axes:
    means = R.mean(axis=0)  # rows: the camera's axes in the world, averaged over the path
    lengths = np.linalg.norm(means, axis=1)
    vertical = int(np.argmax(lengths))
    steps = moving_steps(R, P)
    shares = steps / np.maximum(np.linalg.norm(steps, axis=1, keepdims=True), 1e-12)
    lead = shares.mean(axis=0) if len(steps) else np.zeros(3)
    level = [axis for axis in range(3) if axis != vertical]
    forward = max(level, key=lambda axis: abs(lead[axis]))
    world = int(np.argmax(np.abs(means[vertical])))
    along = float(np.sign(means[vertical, world]))
    up_sign = _up_sign(vertical, float(lead[forward]), "xyz"[world], along)
    return Axes(
        turned_deg=turned,
        scores=scores,
        best=best,
        forward=_axis(forward, float(lead[forward])),
        forward_share=float(abs(lead[forward])),
        sideways_share=float(min(abs(lead[axis]) for axis in level)),
        up=_axis(vertical, up_sign),
        upright=float(lengths[vertical]),
        world_up=_axis(world, up_sign * along),
    )


def _up_sign(vertical: int, lead: float, world: str, along: float) -> float:
    """Which end of the camera's vertical axis is up: numbers alone do not say.

    Worlds that keep Z upright have it up. In any other, camera axes that keep y upright have x to
    the right in every tool, so that forward tells up; those that keep z upright have it up.
    """
    if world == "z":
        return along
    return -float(np.sign(lead)) if vertical == 1 else 1.0


def _axis(index: int, sign: float) -> str:
    return ("-" if sign < 0 else "+") + "xyz"[index]


def measure_motion(
    R_cam_from_world: np.ndarray, position: np.ndarray, time_s: np.ndarray
) -> Motion:
    """Rates, jitter and damage of a path of T frames."""
    R, P = R_cam_from_world, position
    gap_s = np.diff(time_s)
    usual_gap = float(np.median(gap_s)) if len(gap_s) else 1.0
    step = np.linalg.norm(np.diff(P, axis=0), axis=1)
    turn_deg = np.rad2deg(rotation_distance_rad(R[1:], R[:-1]))
    usual = usual_step_m(P, 0.0)
    pitch_deg = np.abs(level_angles_deg(R)[:, 1])
    return Motion(
        rate_hz=1.0 / usual_gap,
        usual_step=usual,
        speed=usual / usual_gap if step.any() else 0.0,
        turn_deg_s=float(np.percentile(turn_deg, 95) / usual_gap) if len(turn_deg) else 0.0,
        jitter=jitter_of(P),
        jitter_deg=float(np.rad2deg(jitter_of(R.reshape(len(R), 9)) / np.sqrt(2.0))),
        gaps=np.flatnonzero(gap_s > 1.5 * usual_gap) + 1,
        repeats=_repeats(step, turn_deg),
        jumps=_jumps(P, step),
        poles=np.flatnonzero(pitch_deg > 90.0 - POLE_DEG),
        steepest_deg=float(pitch_deg.max()),
    )


def jitter_of(series: np.ndarray) -> float:
    """Standard deviation of white noise on a smooth series (T,D), per sample, all columns together.

    From fourth differences, which take out any cubic motion; white noise of deviation s leaves
    them with s times the square root of 70 (1 + 16 + 36 + 16 + 1). The median over the samples
    keeps the corners of the motion out.
    """
    if len(series) < 8:
        return 0.0
    rough = np.diff(series, n=4, axis=0) / np.sqrt(70.0)
    # Median of the squared norm over its mean for D independent normals: 0.455 for one of them.
    squared = (rough**2).sum(axis=1)
    columns = max(int((np.ptp(series, axis=0) > 0).sum()), 1)
    ratio = (1.0 - 2.0 / (9.0 * columns)) ** 3
    return float(np.sqrt(np.median(squared) / ratio))


def _repeats(step: np.ndarray, turn_deg: np.ndarray) -> np.ndarray:
    """Frames that stand still between two frames that move at much the same rate."""
    still = (step <= 1e-9) & (turn_deg <= 1e-7)
    moving = ~still
    found = np.flatnonzero(still[1:-1] & moving[:-2] & moving[2:]) + 1
    before, after = step[found - 1], step[found + 1]
    alike = np.abs(before - after) <= 0.5 * np.maximum(before, after) + 1e-9
    return found[alike] + 1


def _jumps(P: np.ndarray, step: np.ndarray) -> np.ndarray:
    """Frames after a step at least three times as long as both steps around it."""
    around = np.maximum(step[:-2], step[2:]) if len(step) > 2 else np.zeros(0)
    usual = usual_step_m(P, 0.0)
    return np.flatnonzero((step[1:-1] > 3.0 * around) & (step[1:-1] > 2.0 * usual)) + 2
