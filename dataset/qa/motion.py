"""Checks of the camera's path: too fast, too abrupt, uneven, trembling, swinging.

Every function takes poses at a constant rate and returns a value a frame (T,), NaN where too few
neighbours are there to tell. Positions are in metres, turns in degrees, in the camera's own axes.
"""

import numpy as np

from labeling.actions import usual_step_m
from labeling.camera import turn_angles_deg

# White noise of standard deviation 1 has a fourth difference of √70 (1, 4, 6, 4, 1 squared), and
# the median of its absolute value is 0.6745 of that.
SHAKE_TO_SIGMA = 1.0 / (0.6745 * np.sqrt(70.0))
USUAL_TURN_DEG = 0.5  # a frame: clips that hardly turn are not measured against their own tremor
REVERSAL_SHARE = 0.25  # of the clip's usual speed: slower than that is no direction
REVERSAL_FLOOR_M_S, REVERSAL_FLOOR_DEG_S = 0.08, 3.0
REVERSAL_WINDOW_S = 2.0
FIT_FRAMES = 7  # the speed is compared with a parabola through these


def steps_m(position_m: np.ndarray) -> np.ndarray:
    """Displacement (T,3) since the frame before, in the world; row 0 is NaN."""
    return np.concatenate([np.full((1, 3), np.nan), np.diff(position_m, axis=0)])


def camera_steps_m(R_cam_from_world: np.ndarray, position_m: np.ndarray) -> np.ndarray:
    """As `steps_m`, along right, down and forward of the camera before the step."""
    moved = np.diff(position_m, axis=0)
    steps = (R_cam_from_world[:-1] @ moved[..., None])[..., 0]
    return np.concatenate([np.full((1, 3), np.nan), steps])


def turns_deg(R_cam_from_world: np.ndarray) -> np.ndarray:
    """Pan, tilt and roll (T,3) since the frame before; row 0 is NaN."""
    turns = turn_angles_deg(R_cam_from_world[:-1] @ np.swapaxes(R_cam_from_world[1:], 1, 2))
    return np.concatenate([np.full((1, 3), np.nan), turns])


def speed(steps: np.ndarray, fps: float) -> np.ndarray:
    """Length (T,) of the steps or turns (T,3) a second."""
    return np.linalg.norm(steps, axis=1) * fps


def jerk(steps: np.ndarray, fps: float) -> np.ndarray:
    """Third derivative (T,) of the path whose steps or turns (T,3) are given: how abruptly the
    camera starts, stops and jumps."""
    out = np.full(len(steps), np.nan)
    second = steps[2:] - 2.0 * steps[1:-1] + steps[:-2]
    out[1:-1] = np.linalg.norm(second, axis=1) * fps**3
    return out


def shake(steps: np.ndarray, window: int) -> np.ndarray:
    """Standard deviation (T,) of white trembling that would explain the fourth differences of the
    path, as their median over `window` frames; smooth motion has next to none, and a corner of
    the path, which is seldom, does not move the median."""
    out = np.full(len(steps), np.nan)
    if len(steps) < 5:
        return out
    fourth = np.abs(np.diff(steps, n=3, axis=0))  # of the steps: the fourth of the path
    sigma = np.linalg.norm(_running_median(fourth, window), axis=1) * SHAKE_TO_SIGMA
    out[2:-1] = sigma
    return out


def uneven(speeds: np.ndarray, usual: float, window: int) -> np.ndarray:
    """How far the speed (T,) strays from a parabola through its neighbours: the root mean square
    over `window` frames, as a share of the usual speed or of the present one, if that is higher."""
    out = np.full(len(speeds), np.nan)
    half = FIT_FRAMES // 2
    if len(speeds) < FIT_FRAMES + 1:
        return out
    inner = speeds[1:]
    smooth = np.convolve(inner, _parabola(), mode="valid")
    stray = np.square(inner[half:-half] - smooth)
    # The window's own mean, not the point's: a stop between two steps is as uneven as the steps.
    level = np.maximum(_running_mean(inner[half:-half], window), usual)
    out[1 + half : len(speeds) - half] = np.sqrt(_running_mean(stray, window)) / level
    return out


def usual_turn_deg(turns: np.ndarray) -> float:
    """Mean turn of a frame while the camera turns, at least `USUAL_TURN_DEG`."""
    angles = np.linalg.norm(turns[1:], axis=1)
    moving = angles[angles > USUAL_TURN_DEG / 2.0]
    return max(USUAL_TURN_DEG, float(moving.mean())) if moving.size else USUAL_TURN_DEG


def oscillation(steps_cam_m: np.ndarray, turns: np.ndarray, fps: float) -> np.ndarray:
    """Reversals a second (T,) of the motion that reverses most often, of dolly, truck, pedestal,
    pan, tilt and roll, over `REVERSAL_WINDOW_S`. A motion has no direction while it is slower than
    a share of the usual speed, so that tiny corrections do not count."""
    if len(turns) < 2:
        return np.full(len(turns), np.nan)
    usual_m_s = float(np.nanmedian(speed(steps_cam_m, fps)))
    floor_m = max(REVERSAL_FLOOR_M_S, REVERSAL_SHARE * usual_m_s)
    floor_deg = max(REVERSAL_FLOOR_DEG_S, REVERSAL_SHARE * usual_turn_deg(turns) * fps)
    velocity = np.concatenate([steps_cam_m / floor_m, turns / floor_deg], axis=1)[1:] * fps
    reversals = _reversals(np.nan_to_num(velocity))
    window = round(REVERSAL_WINDOW_S * fps)
    rate = np.stack([_running_sum(one, window) for one in reversals.T], axis=1)
    return np.concatenate([[np.nan], rate.max(axis=1) / REVERSAL_WINDOW_S])


def measure_path(R: np.ndarray, P: np.ndarray, fps: int) -> dict[str, np.ndarray]:
    """Every value a frame (T,) that follows from the poses, by the name of its check."""
    steps, turns = steps_m(P), turns_deg(R)
    usual_m_s = usual_step_m(P) * fps if len(P) > 1 else 1.0
    moved, turned = speed(steps, fps), speed(turns, fps)
    return {
        "speed_m_s": moved,
        "turn_deg_s": turned,
        "jerk_m_s3": jerk(steps, fps),
        "turn_jerk_deg_s3": jerk(turns, fps),
        "uneven_speed": np.fmax(
            uneven(moved, usual_m_s, fps), uneven(turned, usual_turn_deg(turns) * fps, fps)
        ),
        "shake_cm": shake(steps, fps) * 100.0,
        "shake_deg": shake(turns, fps),
        "oscillation_per_s": oscillation(camera_steps_m(R, P), turns, fps),
    }


def _parabola() -> np.ndarray:
    """Weights of the least-squares parabola through `FIT_FRAMES` values, at the middle one."""
    at = np.arange(FIT_FRAMES) - FIT_FRAMES // 2
    return np.linalg.pinv(np.stack([np.ones(FIT_FRAMES), at, at**2], axis=1))[0]


def _reversals(velocity: np.ndarray) -> np.ndarray:
    """Where each column's direction (T,C) differs from the last one it had; |v| < 1 is none."""
    sign = np.sign(velocity) * (np.abs(velocity) >= 1.0)
    frame = np.arange(len(sign))[:, None]
    last = np.maximum.accumulate(np.where(sign != 0, frame, -1), axis=0)
    before = np.concatenate([np.full((1, sign.shape[1]), -1), last[:-1]])
    had = np.where(before >= 0, np.take_along_axis(sign, np.maximum(before, 0), axis=0), 0.0)
    return (sign * had < 0).astype(float)


def _windows(values: np.ndarray, window: int) -> np.ndarray:
    """Windows (T,...,window) centred on each row; rows beyond the ends are NaN."""
    before = window // 2
    pad = [(before, window - 1 - before)] + [(0, 0)] * (values.ndim - 1)
    padded = np.pad(values, pad, constant_values=np.nan)
    return np.lib.stride_tricks.sliding_window_view(padded, window, axis=0)


def _running_median(values: np.ndarray, window: int) -> np.ndarray:
    return np.nanmedian(_windows(values, window), axis=-1)


def _running_mean(values: np.ndarray, window: int) -> np.ndarray:
    return np.nanmean(_windows(values, window), axis=-1)


def _running_sum(values: np.ndarray, window: int) -> np.ndarray:
    return np.nansum(_windows(values, window), axis=-1)
