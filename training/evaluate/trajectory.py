"""How far an estimated camera path is from the commanded one: Sim(3) alignment, ATE and RPE.

Alignment is Umeyama's (IEEE PAMI 13(4), 1991), least squares over rotation, translation and scale
with the determinant's sign kept, wherever that is defined: the covariance of the two paths needs
two singular values. A straight line has one and a camera that only turns has none; then rotation
is the chordal mean of what the orientations say, R = argmin sum |R E_i - T_i|^2 over camera-to-
world rotations, and scale is least squares over positions, not below 0.

The relative pose error compares every pose with the one `delta` frames later, all pairs, and is
given as root mean square: of the translation in the commanded path's units (usual steps), and of
the rotation angle in degrees. Both equal evo's where evo is defined. The paper names neither
interval nor unit; one frame is what its sources use. Where no translation is commanded there is
no scale: translation RPE is None, and `drift` says how far the estimate strayed, in its own units.

Public: `Sim3`, `umeyama`, `align`, `relative_errors`, `PathScores`, `score_path`.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from dataset.errors import OpenRelicError
from labeling.camera import check_poses, rotation_distance_rad
from training.evaluate.estimators.interface import Path

PATHS_VERSION = 1
"""Raise it when the same two paths get other errors."""
DELTA_FRAMES = 1
# A straight path has a second singular value of rounding errors only: of a covariance's largest,
_DEGENERATE = 1e-10
# and of the commanded path's extent: UnrealCV's 0.001 cm bend a line of metres so much, and evo
# would turn the estimate about the line by what that rounding says.
_STRAIGHT = 1e-5
# Of the path's extent: steps below it are rounding.
_STILL = 1e-9


@dataclass(frozen=True, kw_only=True)
class Sim3:
    """y = scale * rotation x + translation."""

    scale: float
    rotation: np.ndarray
    """(3, 3)"""
    translation: np.ndarray
    """(3,)"""

    def positions(self, x: np.ndarray) -> np.ndarray:
        """Points (N, 3) in the other world."""
        return self.scale * x @ self.rotation.T + self.translation

    def rotations(self, R_cam_from_world: np.ndarray) -> np.ndarray:
        """Cameras (N, 3, 3) in the other world."""
        return R_cam_from_world @ self.rotation.T


def umeyama(source: np.ndarray, target: np.ndarray, *, with_scale: bool = True) -> Sim3 | None:
    """The Sim(3) that takes points `source` (N, 3) nearest to `target`; None where degenerate."""
    mean_source, mean_target = source.mean(axis=0), target.mean(axis=0)
    x, y = source - mean_source, target - mean_target
    covariance = y.T @ x / len(x)
    u, values, vt = np.linalg.svd(covariance)
    extent = np.linalg.svd(y, compute_uv=False)
    straight = extent[1] <= _STRAIGHT * extent[0]
    if straight or values[1] <= max(np.finfo(np.float64).eps, _DEGENERATE * values[0]):
        return None
    signs = np.ones(3)
    if np.linalg.det(u) * np.linalg.det(vt) < 0.0:
        signs[2] = -1.0
    rotation = (u * signs) @ vt
    scale = float(values @ signs / (x * x).sum() * len(x)) if with_scale else 1.0
    return Sim3(
        scale=scale, rotation=rotation, translation=mean_target - scale * rotation @ mean_source
    )


def align(
    R_source: np.ndarray, source: np.ndarray, R_target: np.ndarray, target: np.ndarray
) -> tuple[Sim3, Literal["umeyama", "orientations"]]:
    """The Sim(3) that takes one path's world to the other's, and what it was found from."""
    found = umeyama(source, target)
    if found is not None:
        return found, "umeyama"
    rotation = mean_rotation(np.swapaxes(R_target, 1, 2) @ R_source)
    mean_source, mean_target = source.mean(axis=0), target.mean(axis=0)
    x, y = (source - mean_source) @ rotation.T, target - mean_target
    length = float((x * x).sum())
    still = np.abs(y).max() <= _STILL * max(1.0, float(np.abs(target).max()))
    scale = 0.0 if still or length == 0.0 else max(0.0, float((x * y).sum()) / length)
    moved = mean_target - scale * rotation @ mean_source
    return Sim3(scale=scale, rotation=rotation, translation=moved), "orientations"


def mean_rotation(rotations: np.ndarray) -> np.ndarray:
    """The chordal mean of rotations (N, 3, 3): the rotation nearest to their sum."""
    u, _, vt = np.linalg.svd(rotations.sum(axis=0))
    return u @ np.diag([1.0, 1.0, np.sign(np.linalg.det(u @ vt))]) @ vt


def relative_errors(
    R_a: np.ndarray, position_a: np.ndarray, R_b: np.ndarray, position_b: np.ndarray, delta: int
) -> tuple[np.ndarray, np.ndarray]:
    """Errors (T - delta,) of the motion over `delta` frames: length, and angle in degrees.

    Of A_d^-1 B_d, where A_d is the motion from a frame to the one `delta` later, in the camera's
    axes at its start.
    """
    turn_a, step_a = _motions(R_a, position_a, delta)
    turn_b, step_b = _motions(R_b, position_b, delta)
    length = np.linalg.norm(step_b - step_a, axis=1)
    return length, np.rad2deg(rotation_distance_rad(turn_a, turn_b))


def _motions(R: np.ndarray, position: np.ndarray, delta: int) -> tuple[np.ndarray, np.ndarray]:
    turn = R[:-delta] @ np.swapaxes(R[delta:], 1, 2)
    step = (R[:-delta] @ (position[delta:] - position[:-delta])[..., None])[..., 0]
    return turn, step


@dataclass(frozen=True, kw_only=True)
class PathScores:
    """An estimated path against the commanded one."""

    rpe_translation: float | None
    """Usual steps; None where no translation was commanded of the frames that were tracked."""
    rpe_rotation_deg: float | None
    """Degrees; None where nothing could be compared."""
    ate: float | None
    """Root mean square distance of aligned positions, usual steps; None as `rpe_translation`."""
    drift: float
    """Largest distance from the first position, in the estimator's units."""
    drift_unit: str
    scale: float
    """Usual steps an estimator's unit."""
    aligned_by: Literal["umeyama", "orientations", "none"]
    tracked: float
    """Share of frames whose pose was found."""
    pairs: int
    """How many motions were compared."""
    delta_frames: int

    @property
    def failed(self) -> bool:
        """Whether the camera was lost for more than half of the frames."""
        return self.tracked < 0.5


def score_path(
    estimate: Path,
    R_cam_from_world: np.ndarray,
    position: np.ndarray,
    *,
    delta: int = DELTA_FRAMES,
) -> PathScores:
    """Scores of an estimate against the true or commanded path (T, 3, 3), (T, 3).

    Frames that the estimator lost are left out: of the alignment, and of every pair they are in.
    """
    R, P = check_poses(R_cam_from_world, position)
    if len(estimate) != len(P) or not 1 <= delta < len(P):
        raise OpenRelicError(
            f"a path of {len(estimate)} poses against one of {len(P)}, delta {delta}; they must be "
            "of one length, and delta shorter"
        )
    tracked = np.asarray(estimate.tracked, bool)
    both = tracked[:-delta] & tracked[delta:]
    found = estimate.position[tracked]
    drift = np.linalg.norm(found - found[0], axis=1).max() if len(found) else 0.0
    common = {
        "drift": float(drift),
        "drift_unit": estimate.unit,
        "tracked": float(tracked.mean()),
        "pairs": int(both.sum()),
        "delta_frames": delta,
    }
    if not both.any():
        return PathScores(
            rpe_translation=None, rpe_rotation_deg=None, ate=None, scale=0.0, aligned_by="none",
            **common,
        )  # fmt: skip
    fit, aligned_by = align(estimate.R_cam_from_world[tracked], found, R[tracked], P[tracked])
    R_fit, P_fit = fit.rotations(estimate.R_cam_from_world), fit.positions(estimate.position)
    length, angle_deg = relative_errors(R, P, R_fit, P_fit, delta)
    moves = _moves(P[tracked])
    return PathScores(
        rpe_translation=_rms(length[both]) if moves else None,
        rpe_rotation_deg=_rms(angle_deg[both]),
        ate=_rms(np.linalg.norm(P_fit - P, axis=1)[tracked]) if moves else None,
        scale=fit.scale,
        aligned_by=aligned_by,
        **common,
    )


def _moves(position: np.ndarray) -> bool:
    """Whether the path leaves its first position."""
    largest = float(np.abs(position).max())
    return float(np.abs(position - position[0]).max()) > _STILL * max(1.0, largest)


def _rms(values: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(values))))
