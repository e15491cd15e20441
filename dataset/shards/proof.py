"""Proof of a build: every sample is read back, and its actions are integrated to its poses."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import numpy as np

from dataset.errors import OpenRelicError
from dataset.shards.loader import Sample, read_sample
from dataset.shards.manifest import SampleRow
from dataset.video import probe
from dataset.workspace import Workspace
from labeling.actions import ACTIONS, STATIC, Thresholds, integrate, pressed
from labeling.camera import poses_from_extrinsics, rotation_distance_rad

# What float32 actions may lose over 20 s: ten times what they were seen to lose.
POSITION_TOLERANCE_UNITS = 1e-2
ROTATION_TOLERANCE_DEG = 1e-2


@dataclass
class Statistics:
    """What `verify` counted. `active` is (2,13): frames with each action pressed, in ordinary
    samples and in palindromes; `frames` is (2,)."""

    active: np.ndarray = field(default_factory=lambda: np.zeros((2, len(ACTIONS)), np.int64))
    frames: np.ndarray = field(default_factory=lambda: np.zeros(2, np.int64))
    position_error_m: float = 0.0
    rotation_error_deg: float = 0.0

    def add(self, other: "Statistics") -> None:
        """Count what `other` counted as well."""
        self.active += other.active
        self.frames += other.frames
        self.position_error_m = max(self.position_error_m, other.position_error_m)
        self.rotation_error_deg = max(self.rotation_error_deg, other.rotation_error_deg)


def verify(
    workspace: Workspace, rows: Iterable[SampleRow], progress: Callable[[int], object]
) -> Statistics:
    """Read and check every sample; a wrong one raises `OpenRelicError` with its name."""
    statistics = Statistics()
    for row in rows:
        sample = read_sample(workspace, row)
        _check_video(sample)
        _check_path(sample, statistics)
        _count_actions(sample, statistics)
        progress(1)
    return statistics


def _check_video(sample: Sample) -> None:
    info, last = probe(sample.mp4), int(sample.index.max())
    if info.frames != last + 1 or sample.index.min() < 0 or info.keyframes[:1] != (0,):
        raise OpenRelicError(
            f"sample {sample.key} has a video of {info.frames} frames, its index goes to {last}"
        )


def path_error(sample: Sample) -> tuple[float, float]:
    """Largest distance of the integrated float32 actions from the poses: metres, degrees."""
    R, P = poses_from_extrinsics(sample.camera_from_world)
    units = sample.facts["units"]
    R_integrated, P_integrated = integrate(
        sample.actions,
        R[0],
        P[0],
        unit_m=units["translation_m"],
        unit_deg=units["rotation_deg"],
        rotation_frame=sample.facts["rotation_frame"],
    )
    turned_deg = np.rad2deg(rotation_distance_rad(R_integrated, R))
    return float(np.linalg.norm(P_integrated - P, axis=1).max()), float(turned_deg.max())


def _check_path(sample: Sample, statistics: Statistics) -> None:
    position_m, rotation_deg = path_error(sample)
    unit_m = sample.facts["units"]["translation_m"]
    if position_m > POSITION_TOLERANCE_UNITS * unit_m or rotation_deg > ROTATION_TOLERANCE_DEG:
        raise OpenRelicError(
            f"sample {sample.key}: its actions do not lead along its poses, they end up to "
            f"{position_m:.2g} m and {rotation_deg:.2g}° away; label the clips again"
        )
    statistics.position_error_m = max(statistics.position_error_m, position_m)
    statistics.rotation_error_deg = max(statistics.rotation_error_deg, rotation_deg)


def _count_actions(sample: Sample, statistics: Statistics) -> None:
    units, kind = sample.facts["units"], int(sample.row.pivot is not None)
    thresholds = Thresholds(**sample.facts["thresholds"])
    active = pressed(sample.actions, thresholds, units["translation_m"], units["rotation_deg"])
    # A window keeps its clip's static column, which saw the frames before the window.
    active[:, STATIC] = sample.actions[:, STATIC] > 0
    statistics.active[kind] += active.sum(axis=0)
    statistics.frames[kind] += len(active)
