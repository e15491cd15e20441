"""Damage of camera paths for `benchmarks.qa`: poses as Unreal has them, in and out.

`RENDERED` paths are drawn by the engine, so that pictures and labels agree and only the motion is
bad. `DENIED` ones are written beside pictures of the true path: labels that do not fit.
"""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from dataset.clip import CameraTrack
from labeling.actions import (
    integrate,
    motion_to_values,
    poses_to_actions,
    values_to_motion,
)
from labeling.camera import camera_to_ue, ue_to_camera


@dataclass(frozen=True, kw_only=True)
class PathDamage:
    """One kind: what it does at each strength in words, and the checks that may find it."""

    apply: Callable[[CameraTrack, np.random.Generator, int], CameraTrack]
    strengths: tuple[str, str, str]
    checks: tuple[str, ...]


def whip_pan(track: CameraTrack, random: np.random.Generator, strength: int) -> CameraTrack:
    """A pan of a second, there and back, that peaks at 150, 250, 400 degrees a second."""
    peak = (150.0, 250.0, 400.0)[strength] / 16.0
    phase = np.arange(16) / 16.0
    turn = peak * np.sin(2.0 * np.pi * phase) * random.choice([-1.0, 1.0])
    return _turned(track, len(track) // 2, np.cumsum(turn), column=1)


def abrupt_turn(track: CameraTrack, random: np.random.Generator, strength: int) -> CameraTrack:
    """From one frame to the next the camera looks 2, 6, 20 degrees aside, and stays there."""
    turn = (2.0, 6.0, 20.0)[strength] * random.choice([-1.0, 1.0])
    return _turned(track, len(track) // 2, np.full(len(track) - len(track) // 2, turn), column=1)


def jump(track: CameraTrack, random: np.random.Generator, strength: int) -> CameraTrack:
    """From one frame to the next the camera is 3, 10, 40 cm elsewhere, and stays there."""
    way = random.standard_normal(3)
    way *= (3.0, 10.0, 40.0)[strength] / np.linalg.norm(way)
    location_cm = track.location_cm.copy()
    location_cm[len(track) // 2 :] += way
    return dataclasses.replace(track, location_cm=location_cm)


def tremble(track: CameraTrack, random: np.random.Generator, strength: int) -> CameraTrack:
    """White jitter of 0.02, 0.06, 0.2 degrees and 0.04, 0.12, 0.4 cm for two seconds."""
    part = slice(len(track) // 3, len(track) // 3 + 32)
    size = (0.02, 0.06, 0.2)[strength]
    location_cm, rotation_deg = track.location_cm.copy(), track.rotation_deg.copy()
    location_cm[part] += 2.0 * size * random.standard_normal((32, 3))
    rotation_deg[part] += size * random.standard_normal((32, 3))
    return dataclasses.replace(track, location_cm=location_cm, rotation_deg=rotation_deg)


def sway(track: CameraTrack, random: np.random.Generator, strength: int) -> CameraTrack:
    """Swinging left and right, twice a second for three seconds, by 0.3, 1, 3 degrees."""
    time_s = np.arange(48) / 16.0
    swing = (0.3, 1.0, 3.0)[strength] * np.sin(2.0 * np.pi * 2.0 * time_s)
    return _turned(track, len(track) // 4, swing, column=1)


def stutter(track: CameraTrack, random: np.random.Generator, strength: int) -> CameraTrack:
    """For three seconds steps are too long and too short in turn, by 25, 50, 100 %."""
    share = (0.25, 0.5, 1.0)[strength]
    at = np.arange(len(track), dtype=float)
    first = len(track) // 4
    at[first : first + 48] += share * (np.arange(48) % 2)
    return _sampled(track, np.clip(at, 0.0, len(track) - 1.0))


def shifted(track: CameraTrack, random: np.random.Generator, strength: int) -> CameraTrack:
    """Poses and labels are 1, 2, 4 frames late or early."""
    lag = (1, 2, 4)[strength] * int(random.choice([-1, 1]))
    return _sampled(track, np.clip(np.arange(len(track)) - lag, 0, len(track) - 1.0))


def mirrored(track: CameraTrack, random: np.random.Generator, strength: int) -> CameraTrack:
    """Left and right are exchanged in the last second, the last half, the whole clip."""
    return _flipped(track, strength, step=(-1, 1, 1), turn=(-1, 1, -1))


def wrong_sign(track: CameraTrack, random: np.random.Generator, strength: int) -> CameraTrack:
    """Tilting up and down is exchanged in the last second, the last half, the whole clip."""
    return _flipped(track, strength, step=(1, 1, 1), turn=(1, -1, 1))


def wrong_scale(track: CameraTrack, random: np.random.Generator, strength: int) -> CameraTrack:
    """Turns are 10, 25, 50 % too great, as with a wrong field of view."""
    factor = (1.1, 1.25, 1.5)[strength]
    return _flipped(track, 2, step=(1, 1, 1), turn=(factor, factor, factor))


def _turned(track: CameraTrack, first: int, by_deg: np.ndarray, column: int) -> CameraTrack:
    rotation_deg = track.rotation_deg.copy()
    last = min(first + len(by_deg), len(track))
    rotation_deg[first:last, column] += by_deg[: last - first]
    return dataclasses.replace(track, rotation_deg=rotation_deg)


def _sampled(track: CameraTrack, at: np.ndarray) -> CameraTrack:
    """The path at fractional frames: positions in a line, rotations by slerp."""
    from scipy.spatial.transform import Rotation, Slerp

    frames = np.arange(len(track), dtype=float)
    R, P = ue_to_camera(track.location_cm, track.rotation_deg)
    between = Slerp(frames, Rotation.from_matrix(R))(at).as_matrix()
    position = np.stack([np.interp(at, frames, column) for column in P.T], axis=1)
    return _track(track, between, position)


def _flipped(
    track: CameraTrack, strength: int, step: tuple[float, ...], turn: tuple[float, ...]
) -> CameraTrack:
    """The path that labels with factors for right, down, forward and pan, tilt, roll lead along."""
    first = (len(track) - 16, len(track) // 2, 1)[strength]
    R, P = ue_to_camera(track.location_cm, track.rotation_deg)
    actions = poses_to_actions(R, P, unit_m=1.0)
    steps, turns = values_to_motion(actions.values)
    steps[first:] *= step
    turns[first:] *= turn
    values = motion_to_values(steps[1:], turns[1:])
    return _track(track, *integrate(values, R[0], P[0], unit_m=1.0, rotation_frame="camera"))


def _track(track: CameraTrack, R: np.ndarray, P: np.ndarray) -> CameraTrack:
    location_cm, rotation_deg = camera_to_ue(R, P)
    return dataclasses.replace(
        track, location_cm=location_cm.round(3), rotation_deg=rotation_deg.round(3)
    )


RENDERED: dict[str, PathDamage] = {
    "whip pan": PathDamage(
        apply=whip_pan, strengths=("150 °/s", "250 °/s", "400 °/s"),
        checks=("turn_deg_s", "turn_jerk_deg_s3"),
    ),
    "abrupt turn": PathDamage(
        apply=abrupt_turn, strengths=("2°", "6°", "20°"),
        checks=("turn_jerk_deg_s3", "turn_deg_s", "uneven_speed"),
    ),
    "jump": PathDamage(
        apply=jump, strengths=("3 cm", "10 cm", "40 cm"),
        checks=("jerk_m_s3", "speed_m_s", "uneven_speed"),
    ),
    "trembling": PathDamage(
        apply=tremble, strengths=("0.02° and 0.04 cm", "0.06° and 0.12 cm", "0.2° and 0.4 cm"),
        checks=("shake_deg", "shake_cm", "uneven_speed", "turn_jerk_deg_s3", "jerk_m_s3"),
    ),
    "swaying": PathDamage(
        apply=sway, strengths=("0.3°", "1°", "3°"),
        checks=("oscillation_per_s", "turn_jerk_deg_s3"),
    ),
    "uneven speed": PathDamage(
        apply=stutter, strengths=("25 %", "50 %", "100 %"),
        checks=("uneven_speed", "shake_cm", "shake_deg", "jerk_m_s3", "turn_jerk_deg_s3"),
    ),
}  # fmt: skip

DENIED: dict[str, PathDamage] = {
    "labels shifted": PathDamage(
        apply=shifted, strengths=("1 frame", "2 frames", "4 frames"),
        checks=("label_lag_frames", "flow_error_deg", "frozen_frames"),
    ),
    "labels mirrored": PathDamage(
        apply=mirrored, strengths=("last second", "last half", "whole clip"),
        checks=("flow_error_deg",),
    ),
    "wrong sign of tilt": PathDamage(
        apply=wrong_sign, strengths=("last second", "last half", "whole clip"),
        checks=("flow_error_deg",),
    ),
    "turns too great": PathDamage(
        apply=wrong_scale, strengths=("10 %", "25 %", "50 %"), checks=("flow_error_deg",)
    ),
}  # fmt: skip
