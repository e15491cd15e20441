"""Where a camera starts to move: the essential matrix between two keyframes, and first depths.

While a camera only turns, nothing is known of depth, and adjusting poses and depths together from
there may end in a wrong minimum. So as soon as two keyframes show parallax, the later one is set
from their essential matrix (RANSAC), the points that both see get the depths that follow, and the
scale is such that their median inverse depth stays what it was.

Public: `View`, `settle`, `is_mature`.
"""

from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation, Slerp

from training.evaluate.estimators.bundle import Problem, residuals_turning

MATURE_PX = 4.0
"""A depth is known from this much parallax on."""
MATURE_SHARE = 0.4
"""Of the points that a keyframe sees: with fewer known, the depths there are new."""
PARALLAX_PX = 2.0
"""Median of what turning leaves unexplained between two keyframes."""
LEAST_COMMON = 20
RANSAC_PX = 1.0
CONFIDENCE = 0.999


@dataclass(frozen=True, kw_only=True)
class View:
    """All points that a keyframe sees, its own new ones included."""

    point: np.ndarray
    xy: np.ndarray


def is_mature(problem: Problem, latest: int, pixel: float) -> bool:
    """Whether enough of the points that keyframe `latest` sees have shown parallax before."""
    seen = np.unique(problem.point[problem.pose == latest])
    earlier = np.flatnonzero((problem.pose < latest) & np.isin(problem.point, seen))
    if not len(seen) or not len(earlier):
        return False
    moved_px = residuals_turning(problem, earlier) * problem.sigma / pixel
    most = np.zeros(len(problem.inverse))
    np.maximum.at(most, problem.point[earlier], moved_px)
    return bool((most[seen] > MATURE_PX).mean() >= MATURE_SHARE)


def settle(problem: Problem, views: list[View], earlier: int, latest: int, pixel: float) -> bool:
    """Set the poses after `earlier` up to `latest`, and depths, in place; False: no parallax."""
    import cv2

    a, b = views[earlier], views[latest]
    common, in_a, in_b = np.intersect1d(a.point, b.point, return_indices=True)
    if len(common) < LEAST_COMMON:
        return False
    xy_a, xy_b = a.xy[in_a], b.xy[in_b]
    if _unexplained(xy_a, xy_b) < PARALLAX_PX * pixel:
        return False
    E, inliers = cv2.findEssentialMat(
        xy_a, xy_b, np.eye(3), cv2.RANSAC, CONFIDENCE, RANSAC_PX * pixel
    )
    if E is None or E.shape != (3, 3):
        return False
    _, turn, way, inliers = cv2.recoverPose(E, xy_a, xy_b, np.eye(3), mask=inliers)
    depth = _depths(xy_a, xy_b, turn, way[:, 0])
    good = (inliers[:, 0] > 0) & (depth > 0)
    if good.sum() < LEAST_COMMON // 2:
        return False
    usual = np.median(_inverse_in(problem, earlier, common[good]))
    scale = 1.0 / (usual * np.median(depth[good]))
    _set_poses(problem, earlier, latest, turn, scale * way[:, 0])
    _set_depths(problem, earlier, common[good], xy_a[good], scale * depth[good])
    return True


def _unexplained(xy_a: np.ndarray, xy_b: np.ndarray) -> float:
    """Median distance that the best turn leaves between where points should be and are."""
    rays_a = np.concatenate([xy_a, np.ones((len(xy_a), 1))], axis=1)
    rays_b = np.concatenate([xy_b, np.ones((len(xy_b), 1))], axis=1)
    weight, off = np.ones(len(xy_a)), np.zeros(len(xy_a))
    for _ in range(6):
        turn = Rotation.align_vectors(_unit(rays_b), _unit(rays_a), weights=weight)[0]
        there = rays_a @ turn.as_matrix().T
        off = np.linalg.norm(there[:, :2] / there[:, 2:] - xy_b, axis=1)
        weight = 1.0 / (off + 1e-4)
    return float(np.median(off))


def _unit(v: np.ndarray) -> np.ndarray:
    return v / np.linalg.norm(v, axis=1, keepdims=True)


def _depths(xy_a: np.ndarray, xy_b: np.ndarray, turn: np.ndarray, way: np.ndarray) -> np.ndarray:
    """Depths (n,) in the first camera, by least squares: z R a + w is parallel to b."""
    turned = np.concatenate([xy_a, np.ones((len(xy_a), 1))], axis=1) @ turn.T
    # (z m + w)_xy = xy_b (z m + w)_z
    slope = turned[:, :2] - xy_b * turned[:, 2:]
    rest = xy_b * way[2] - way[:2]
    return (slope * rest).sum(1) / np.maximum((slope**2).sum(1), 1e-12)


def _inverse_in(problem: Problem, keyframe: int, points: np.ndarray) -> np.ndarray:
    """Inverse depths (n,) of points in a keyframe's camera, by what is known so far."""
    anchor = problem.anchor[points]
    R = problem.R[keyframe] @ np.swapaxes(problem.R[anchor], 1, 2)
    shift = problem.t[keyframe] - (R @ problem.t[anchor][..., None])[..., 0]
    inverse = problem.inverse[points]
    depth = (R @ problem.ray[points][..., None])[:, 2, 0] + inverse * shift[:, 2]
    return inverse / np.maximum(depth, 0.05)


def _set_poses(
    problem: Problem, earlier: int, latest: int, turn: np.ndarray, way: np.ndarray
) -> None:
    between = np.arange(earlier + 1, latest + 1)
    share = (between - earlier) / (latest - earlier)
    turns = Slerp([0.0, 1.0], Rotation.from_matrix(np.stack([np.eye(3), turn])))(share)
    problem.R[between] = turns.as_matrix() @ problem.R[earlier]
    # Centres on a straight line between the two.
    centre = -turn.T @ way
    moved = -(turns.as_matrix() @ (share[:, None] * centre)[..., None])[..., 0]
    problem.t[between] = turns.apply(problem.t[earlier]) + moved


def _set_depths(
    problem: Problem, keyframe: int, points: np.ndarray, xy: np.ndarray, depth: np.ndarray
) -> None:
    """Inverse depths along the points' own rays, from depths in a keyframe's camera."""
    there = depth[:, None] * np.concatenate([xy, np.ones((len(xy), 1))], axis=1)
    R, t = problem.R[keyframe], problem.t[keyframe]
    world = (there - t) @ R
    anchor = problem.anchor[points]
    own = (problem.R[anchor] @ world[..., None])[:, 2, 0] + problem.t[anchor, 2]
    problem.inverse[points] = np.clip(1.0 / np.maximum(own, 0.02), 0.01, 50.0)
