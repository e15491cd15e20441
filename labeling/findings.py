"""Findings of the doctor: what was measured on a path, and whether that is as it should be."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from labeling.actions import integrate
from labeling.camera import rotation_distance_rad, to_first_camera
from labeling.diagnosis import MIN_TURN_DEG, Axes, Motion, find_axes, measure_motion
from labeling.formats import PoseFormat, Trajectory

Verdict = Literal["ok", "look", "wrong"]

# Axes that a file's pose has once it is read: those of OpenCV, whatever the format's own.
DECLARED = ("+z", "-y")
LABEL_TOLERANCE_M = LABEL_TOLERANCE_RAD = 1e-6
# People and drones move their cameras at some tenths of a metre to some metres a second.
METRES, CENTIMETRES = (0.05, 12.0), (15.0, 1500.0)
FORWARD_MARGIN = 2.0  # forward leads by this much more than the sideways axis, or is not claimed
JITTER_SHARE = 0.05  # of the usual step: above it labels flicker
JITTER_DEG = 0.02


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One line of the doctor's table."""

    verdict: Verdict  # look: may be meant so; wrong: cannot be
    what: str
    why: str


def examine(
    poses: Trajectory, time_s: np.ndarray, form: PoseFormat, labels: Path | None = None
) -> list[Finding]:
    """Every finding about a path of at least 3 frames, the gravest kinds first."""
    world = to_first_camera if form == "kitti" else lambda R, P: (R, P)
    axes = find_axes(*world(poses.R_cam_from_world, poses.position_m))
    motion = measure_motion(poses.R_cam_from_world, poses.position_m, time_s)
    findings = [_reading(axes), _axes(axes, form), _world(axes, form), _unit(motion)]
    findings += [_rate(motion), _gaps(motion), _repeats(motion), _jumps(motion)]
    findings += [_jitter(motion), _poles(motion)]
    if poses.quaternions is not None:
        findings.append(_flips(poses.quaternions))
    if labels is not None:
        findings.append(_labels(labels, poses))
    return findings


def _reading(axes: Axes) -> Finding:
    scores = ", ".join(f"{name} {score:.3f}" for name, score in axes.scores.items())
    why = f"steps lie along the camera's axes best as declared ({scores}; 1 is along an axis)"
    what = "matrices and handedness"
    if axes.best is None and axes.turned_deg < MIN_TURN_DEG:
        why = f"cannot be told: the camera turns by {axes.turned_deg:.1f}° only in the whole path"
        return Finding(verdict="look", what=what, why=why)
    if axes.best is None:
        why = f"cannot be told: no reading is clearly better ({scores})"
        return Finding(verdict="look", what=what, why=why)
    if axes.best == "inverted":
        why = f"camera-to-world and world-to-camera seem to be exchanged ({scores})"
    if axes.best == "mirrored":
        why = f"left-handed: one axis of the world (or left and right) seems mirrored ({scores})"
    return Finding(verdict="ok" if axes.best == "as declared" else "wrong", what=what, why=why)


def _axes(axes: Axes, form: PoseFormat) -> Finding:
    evidence = (
        f"the {axes.up} axis stays the most upright ({axes.upright:.2f} of 1), steps lead along "
        f"{axes.forward} ({axes.forward_share:.2f} of 1)"
    )
    what, name = "camera axes", axes.convention or f"forward {axes.forward}, up {axes.up}"
    unclear = axes.forward_share < max(0.1, FORWARD_MARGIN * axes.sideways_share)
    if unclear or axes.upright < 0.3:
        return Finding(verdict="look", what=what, why=f"cannot be told: {evidence}")
    if (axes.forward, axes.up) == DECLARED:
        return Finding(verdict="ok", what=what, why=f"as {form} has them: {evidence}")
    backwards = (axes.forward, axes.up) == ("-z", "-y")
    why = f"after reading as {form} they should be OpenCV's, but seem {name}: {evidence}"
    if backwards:
        why = f"upright, but moving backwards most of the time: {evidence}"
    return Finding(verdict="look" if backwards else "wrong", what=what, why=why)


def _world(axes: Axes, form: PoseFormat) -> Finding:
    if axes.upright < 0.3:
        return Finding(verdict="look", what="world's up", why="cannot be told: no axis is upright")
    wanted = "-y" if form == "kitti" else "+z"
    why = f"{axes.world_up} is up in the file's world; {wanted} is read as up"
    ok = axes.world_up == wanted
    rest = "" if ok else ". Level labels need it: turn the world, or use rotation_frame=camera"
    return Finding(verdict="ok" if ok else "look", what="world's up", why=why + rest)


def _unit(motion: Motion) -> Finding:
    speed = motion.speed
    if speed == 0:
        return Finding(verdict="look", what="unit", why="cannot be told: the camera never moves")
    said = f"the usual speed is {speed:.4g} units a second"
    if METRES[0] <= speed <= METRES[1]:
        return Finding(verdict="ok", what="unit", why=f"metres: {said}")
    if CENTIMETRES[0] < speed <= CENTIMETRES[1]:
        why = f"centimetres? {said}, {speed / 100:.3g} m/s if so; labels do not depend on it"
        return Finding(verdict="look", what="unit", why=why)
    why = f"arbitrary: {said}; labels do not depend on it, distances do"
    return Finding(verdict="look", what="unit", why=why)


def _rate(motion: Motion) -> Finding:
    why = f"{motion.rate_hz:.4g} frames a second; turns up to {motion.turn_deg_s:.3g}°/s (95 %)"
    ok = motion.turn_deg_s < 180.0
    return Finding(verdict="ok" if ok else "look", what="rate", why=why)


def _gaps(motion: Motion) -> Finding:
    return _indices("dropped frames", motion.gaps, "gaps in the times", "no gap in the times")


def _repeats(motion: Motion) -> Finding:
    none = "no pose is repeated in the middle of a motion"
    return _indices("repeated poses", motion.repeats, "poses repeated in mid-motion", none)


def _jumps(motion: Motion) -> Finding:
    none = "no step is three times as long as those around it"
    return _indices("jumps", motion.jumps, "steps three times as long as those around", none)


def _poles(motion: Motion) -> Finding:
    none = f"the steepest view is {motion.steepest_deg:.1f}° from level"
    return _indices("gimbal", motion.poles, "frames within 5° of straight up or down", none)


def _indices(what: str, frames: np.ndarray, some: str, none: str) -> Finding:
    if len(frames) == 0:
        return Finding(verdict="ok", what=what, why=none)
    first = ", ".join(str(frame) for frame in frames[:5])
    more = ", …" if len(frames) > 5 else ""
    return Finding(verdict="look", what=what, why=f"{len(frames)} {some}: frames {first}{more}")


def _jitter(motion: Motion) -> Finding:
    share = motion.jitter / motion.usual_step
    why = (
        f"{motion.jitter:.2g} units of position ({share:.2%} of a usual step), "
        f"{motion.jitter_deg:.2g}° of rotation"
    )
    ok = share <= JITTER_SHARE and motion.jitter_deg <= JITTER_DEG
    rest = "" if ok else "; above the thresholds of pressed keys: smooth it, or raise them"
    return Finding(verdict="ok" if ok else "look", what="jitter", why=why + rest)


def _flips(quaternions: np.ndarray) -> Finding:
    flips = np.flatnonzero((quaternions[1:] * quaternions[:-1]).sum(axis=1) < 0.0) + 1
    none = "neighbouring quaternions have the same sign"
    some = "sign changes (the same rotation, but a trap for whoever interpolates)"
    return _indices("quaternions", flips, some, none)


def _labels(path: Path, poses: Trajectory) -> Finding:
    import pyarrow.parquet as pq

    from labeling.store import actions_from_table

    command = "python -m labeling.poses_to_actions FILE"
    actions, _ = actions_from_table(pq.read_table(path), str(path), command)
    what = "labels"
    if len(actions) != len(poses):
        why = f"{len(actions)} rows for {len(poses)} poses"
        return Finding(verdict="wrong", what=what, why=why)
    R, P = integrate(
        actions.values, poses.R_cam_from_world[0], poses.position_m[0], unit_m=actions.unit_m,
        unit_deg=actions.unit_deg, rotation_frame=actions.rotation_frame,
    )  # fmt: skip
    off_m = np.linalg.norm(P - poses.position_m, axis=1)
    off_rad = rotation_distance_rad(R, poses.R_cam_from_world)
    bad = (off_m > LABEL_TOLERANCE_M) | (off_rad > LABEL_TOLERANCE_RAD)
    why = f"integrate to within {off_m.max():.1e} m and {off_rad.max():.1e} rad of the poses"
    if bad.any():
        why += f"; they part at frame {int(bad.argmax())}"
    return Finding(verdict="wrong" if bad.any() else "ok", what=what, why=why)
