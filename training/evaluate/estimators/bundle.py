"""Bundle adjustment over inverse depths: poses and points that explain where points were seen.

A point is a ray b = (x, y, 1) from the keyframe that saw it first, and an inverse depth r along it.
In the camera of another pose (R, t: camera from world) it lies at

    h = R_ia b + r (t_i - R_ia t_a),   R_ia = R_i R_a^T

up to a factor, and is seen at (h_x, h_y) / h_z. Nothing is singular where the camera only turns:
then t stays where it is and r where its prior puts it. Priors hold r loosely at what its
neighbours have; together they fix the scale, which no picture shows.

Gauss-Newton with Levenberg's damping and Cauchy weights; inverse depths, one number a point, are
eliminated (Schur complement). Poses are updated as exp(w) R, exp(w) t + v.

Public: `Problem`, `adjust`, `adjust_turning`, `locate`, `residuals`,
`residuals_turning`.
"""

from dataclasses import dataclass

import numpy as np
from scipy import sparse
from scipy.linalg import LinAlgError, cho_factor, cho_solve
from scipy.spatial.transform import Rotation

CAUCHY = 2.0
"""Residuals count half from this many sigmas on."""
PRIOR = 1.0
"""Standard deviation of an inverse depth about its prior, as a share of the prior."""
LEAST_DEPTH = 0.05
LEAST_INVERSE = 1e-3


@dataclass(kw_only=True)
class Problem:
    """K poses, M points, O observations; an anchor's own is none."""

    R: np.ndarray
    """(K, 3, 3)"""
    t: np.ndarray
    """(K, 3)"""
    inverse: np.ndarray
    """(M,) inverse depths"""
    prior: np.ndarray
    """(M,)"""
    anchor: np.ndarray
    """(M,) pose of each point's ray"""
    ray: np.ndarray
    """(M, 3), z = 1"""
    pose: np.ndarray
    """(O,)"""
    point: np.ndarray
    """(O,)"""
    xy: np.ndarray
    """(O, 2) normalised"""
    sigma: float
    """of an observation, normalised"""

    def part(self, poses: np.ndarray) -> np.ndarray:
        """(O,) whether an observation involves any of these poses (K,) bool."""
        return poses[self.pose] | poses[self.anchor[self.point]]


def _projected(problem: Problem, chosen: np.ndarray) -> tuple[np.ndarray, ...]:
    """Rays h (o, 3), R_ia (o, 3, 3) and t_i - R_ia t_a (o, 3) of the chosen observations."""
    pose, point = problem.pose[chosen], problem.point[chosen]
    anchor = problem.anchor[point]
    R_ia = problem.R[pose] @ np.swapaxes(problem.R[anchor], 1, 2)
    shift = problem.t[pose] - (R_ia @ problem.t[anchor][..., None])[..., 0]
    h = (R_ia @ problem.ray[point][..., None])[..., 0] + problem.inverse[point, None] * shift
    return h, R_ia, shift


def residuals(problem: Problem, chosen: np.ndarray) -> np.ndarray:
    """(o, 2) in sigmas; infinite behind the camera."""
    h, _, _ = _projected(problem, chosen)
    return _residuals(h, problem.xy[chosen], problem.sigma)


def residuals_turning(problem: Problem, chosen: np.ndarray) -> np.ndarray:
    """How far (o,), in sigmas, points were seen from where turning alone would show them."""
    point, pose = problem.point[chosen], problem.pose[chosen]
    R_ia = problem.R[pose] @ np.swapaxes(problem.R[problem.anchor[point]], 1, 2)
    h = (R_ia @ problem.ray[point][..., None])[..., 0]
    return np.linalg.norm(_residuals(h, problem.xy[chosen], problem.sigma), axis=1)


def _residuals(h: np.ndarray, xy: np.ndarray, sigma: float) -> np.ndarray:
    ahead = h[:, 2] > LEAST_DEPTH
    depth = np.where(ahead, h[:, 2], 1.0)
    off = (h[:, :2] / depth[:, None] - xy) / sigma
    return np.where(ahead[:, None], off, np.inf)


def _weights(off: np.ndarray) -> np.ndarray:
    """Cauchy weights (o,) of residuals in sigmas."""
    return 1.0 / (1.0 + (off**2).sum(1) / CAUCHY**2)


def _cost(problem: Problem, chosen: np.ndarray, free_points: np.ndarray) -> float:
    off = np.minimum((residuals(problem, chosen) ** 2).sum(1), 1e12)
    prior = (problem.inverse / problem.prior - 1.0)[free_points] / PRIOR
    return float(CAUCHY**2 * np.log1p(off / CAUCHY**2).sum() + (prior**2).sum())


def _cross(v: np.ndarray) -> np.ndarray:
    """The matrices (n, 3, 3) of v x."""
    zero = np.zeros(len(v))
    rows = [zero, -v[:, 2], v[:, 1], v[:, 2], zero, -v[:, 0], -v[:, 1], v[:, 0], zero]
    return np.stack(rows, axis=1).reshape(-1, 3, 3)


def adjust(problem: Problem, free: np.ndarray, iterations: int) -> float:
    """Improve the poses that are `free` (K,) and the points that they see, in place; the cost."""
    chosen = np.flatnonzero(problem.part(free))
    points = np.unique(problem.point[chosen])
    cost, damping = _cost(problem, chosen, points), 1e-4
    for _ in range(iterations):
        step = _step(problem, chosen, free, points, damping)
        before = problem.R, problem.t, problem.inverse
        if step is not None:
            _apply(problem, np.flatnonzero(free), points, *step)
            now = _cost(problem, chosen, points)
            if now <= cost:
                done = cost - now < 1e-4 * cost
                cost, damping = now, max(1e-7, damping / 5.0)
                if done:
                    break
                continue
        problem.R, problem.t, problem.inverse = before
        damping *= 20.0
        if damping > 1e3:
            break
    return cost


def adjust_turning(problem: Problem, free: np.ndarray, iterations: int) -> None:
    """The rotations alone, as if everything were endlessly far, in place."""
    problem.inverse = np.zeros_like(problem.inverse)
    problem.t = np.zeros_like(problem.t)
    chosen, points = np.arange(len(problem.pose)), np.arange(len(problem.inverse))
    turning = (6 * np.arange(int(free.sum()))[:, None] + np.arange(3)).ravel()
    for _ in range(iterations):
        J, _, off, weight = _jacobians(problem, chosen, free, points)
        J = J[:, turning]
        H = (J.T @ (sparse.diags_array(weight) @ J)).toarray()
        H[np.diag_indices_from(H)] += 1e-6
        moved = cho_solve(cho_factor(H), -(J.T @ (weight * off))).reshape(-1, 3)
        problem.R = problem.R.copy()
        problem.R[free] = Rotation.from_rotvec(moved).as_matrix() @ problem.R[free]


def _apply(
    problem: Problem, poses: np.ndarray, points: np.ndarray, moved: np.ndarray, nearer: np.ndarray
) -> None:
    problem.R, problem.t, problem.inverse = (
        problem.R.copy(), problem.t.copy(), problem.inverse.copy()
    )  # fmt: skip
    turn = Rotation.from_rotvec(moved[:, :3]).as_matrix()
    problem.R[poses] = turn @ problem.R[poses]
    problem.t[poses] = (turn @ problem.t[poses][..., None])[..., 0] + moved[:, 3:]
    problem.inverse[points] = np.maximum(LEAST_INVERSE, problem.inverse[points] + nearer)


def _step(
    problem: Problem, chosen: np.ndarray, free: np.ndarray, points: np.ndarray, damping: float
) -> tuple[np.ndarray, np.ndarray] | None:
    """The change of the free poses (F, 6) and of the inverse depths of `points`."""
    J_pose, J_depth, off, weight = _jacobians(problem, chosen, free, points)
    # One inverse depth a column: its normal equation is a number.
    weighted = sparse.diags_array(weight) @ J_depth
    own = np.asarray((J_depth.multiply(weighted)).sum(axis=0)).ravel()
    scale = problem.prior[points] * PRIOR
    own = (own + 1.0 / scale**2) * (1.0 + damping)
    depth_gradient = -(weighted.T @ off) - (problem.inverse - problem.prior)[points] / scale**2
    both = (J_pose.T @ weighted).tocsr()
    H = (J_pose.T @ (sparse.diags_array(weight) @ J_pose)).toarray()
    H[np.diag_indices_from(H)] *= 1.0 + damping
    H[np.diag_indices_from(H)] += 1e-9
    gradient = -(J_pose.T @ (weight * off))
    reduced = H - (both @ sparse.diags_array(1.0 / own) @ both.T).toarray()
    try:
        factor = cho_factor(reduced)
    except LinAlgError:
        return None
    moved = cho_solve(factor, gradient - both @ (depth_gradient / own))
    nearer = (depth_gradient - both.T @ moved) / own
    return moved.reshape(-1, 6), nearer


def _jacobians(
    problem: Problem, chosen: np.ndarray, free: np.ndarray, points: np.ndarray
) -> tuple[sparse.csr_array, sparse.csr_array, np.ndarray, np.ndarray]:
    """Of residuals (2 o,) by free poses (6 F) and points, with the residuals and their weights."""
    h, R_ia, shift = _projected(problem, chosen)
    off = _residuals(h, problem.xy[chosen], problem.sigma)
    seen = np.all(np.isfinite(off), axis=1)
    weight = np.where(seen, _weights(np.where(seen[:, None], off, 0.0)), 0.0)
    off = np.where(seen[:, None], off, 0.0)
    project = _projection(np.where(seen[:, None], h, [0.0, 0.0, 1.0]), problem.sigma)
    pose, point = problem.pose[chosen], problem.point[chosen]
    inverse = problem.inverse[point, None, None]
    by_pose = project @ np.concatenate([-_cross(h), inverse * np.eye(3)[None]], axis=2)
    ray = problem.ray[point]
    by_anchor = project @ R_ia @ np.concatenate([_cross(ray), -inverse * np.eye(3)[None]], axis=2)
    by_depth = (project @ shift[..., None])[..., 0]
    number = np.cumsum(free) - 1
    anchor = problem.anchor[point]
    J_pose = _blocks(
        [(by_pose, pose), (by_anchor, anchor)], free, number, 2 * len(chosen), 6 * int(free.sum())
    )
    column = np.searchsorted(points, point)
    J_depth = sparse.csr_array(
        (by_depth.ravel(), (np.arange(2 * len(chosen)), np.repeat(column, 2))),
        shape=(2 * len(chosen), len(points)),
    )
    return J_pose, J_depth, off.ravel(), np.repeat(weight, 2)


def _projection(h: np.ndarray, sigma: float) -> np.ndarray:
    """The derivative (o, 2, 3) of what is seen, in sigmas, by h."""
    x, y, z = h.T
    zero = np.zeros_like(z)
    rows = [1.0 / z, zero, -x / z**2, zero, 1.0 / z, -y / z**2]
    return np.stack(rows, axis=1).reshape(-1, 2, 3) / sigma


def _blocks(
    parts: list[tuple[np.ndarray, np.ndarray]], free: np.ndarray, number: np.ndarray, rows: int,
    columns: int,
) -> sparse.csr_array:  # fmt: skip
    """A sparse matrix of blocks (o, 2, 6), at the column of their pose where that is free."""
    values, row, column = [], [], []
    for block, pose in parts:
        kept = free[pose]
        first = 6 * number[pose[kept]]
        values.append(block[kept].ravel())
        line = 2 * np.flatnonzero(kept)[:, None] + np.arange(2)
        row.append(np.repeat(line.ravel(), 6))
        column.append(np.repeat(first[:, None] + np.arange(6), 2, axis=0).ravel())
    entries = (np.concatenate(values), (np.concatenate(row), np.concatenate(column)))
    return sparse.csr_array(entries, shape=(rows, columns))


def locate(
    R: np.ndarray, t: np.ndarray, pose: np.ndarray, world: np.ndarray, xy: np.ndarray,
    sigma: float, iterations: int = 6,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:  # fmt: skip
    """Poses (K, 3, 3), (K, 3) from known points, each pose by itself; also residuals (O, 2).

    `world` (O, 4) are homogeneous points (X, r) with X / r in the world, `pose` (O,) is sorted.
    """
    present, starts = np.unique(pose, return_index=True)
    for _ in range(iterations):
        h = (R[pose] @ world[:, :3, None])[..., 0] + world[:, 3:] * t[pose]
        off = _residuals(h, xy, sigma)
        seen = np.all(np.isfinite(off), axis=1)
        off = np.where(seen[:, None], off, 0.0)
        weight = np.where(seen, _weights(off), 0.0)
        project = _projection(np.where(seen[:, None], h, [0.0, 0.0, 1.0]), sigma)
        J = project @ np.concatenate([-_cross(h), world[:, 3, None, None] * np.eye(3)[None]], 2)
        JT = np.swapaxes(J, 1, 2) * weight[:, None, None]
        H = np.add.reduceat(JT @ J, starts, axis=0) + 1e-6 * np.eye(6)
        gradient = -np.add.reduceat((JT @ off[..., None])[..., 0], starts, axis=0)
        moved = np.linalg.solve(H, gradient[..., None])[..., 0]
        turn = Rotation.from_rotvec(moved[:, :3]).as_matrix()
        R, t = R.copy(), t.copy()
        R[present] = turn @ R[present]
        t[present] = (turn @ t[present][..., None])[..., 0] + moved[:, 3:]
    h = (R[pose] @ world[:, :3, None])[..., 0] + world[:, 3:] * t[pose]
    return R, t, _residuals(h, xy, sigma)
