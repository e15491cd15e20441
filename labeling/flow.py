"""The optical flow that labels predict: where each pixel of a frame is in the next one.

A pixel p of frame t-1 with planar depth Z sees the point X = Z K⁻¹ p. In the camera of frame t
that point is dR (X - d), where d and dR are the step and the turn that row t of the labels stands
for. It holds for still scenes, where nothing else moves.
"""

import numpy as np

from labeling.actions import Actions, integrate


def predicted_flow(
    depth_m: np.ndarray, actions: Actions, row: int, R_before: np.ndarray,
    pinhole: tuple[float, float, float, float],
) -> np.ndarray:  # fmt: skip
    """Flow (H,W,2) in pixels from frame `row - 1` to frame `row`; NaN where nothing is seen.

    `depth_m` (H,W) is the planar depth of frame `row - 1` in metres, 0 or infinite for sky;
    `R_before` (3,3) its `R_cam_from_world`, which only labels of `rotation_frame = level` need;
    `pinhole` fx, fy, cx, cy in pixels, the image's corner at (0, 0).
    """
    R, P = integrate(
        actions.values[[0, row]], R_before, np.zeros(3), unit_m=actions.unit_m,
        unit_deg=actions.unit_deg, rotation_frame=actions.rotation_frame,
    )  # fmt: skip
    return flow_of_motion(depth_m, R_before @ P[1], R[1] @ R_before.T, pinhole)


def flow_of_motion(
    depth_m: np.ndarray, step_m: np.ndarray, turn: np.ndarray,
    pinhole: tuple[float, float, float, float],
) -> np.ndarray:  # fmt: skip
    """As `predicted_flow`, of a step `d` (3,) in the camera's axes and a turn `dR` (3,3)."""
    fx, fy, cx, cy = pinhole
    height, width = depth_m.shape
    u, v = np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5)
    ray = np.stack([(u - cx) / fx, (v - cy) / fy, np.ones_like(u)], axis=-1)
    seen = np.isfinite(depth_m) & (depth_m > 0.0)
    point = ray * np.where(seen, depth_m, np.nan)[..., None]
    moved = (point - step_m) @ turn.T
    ahead = moved[..., 2] > 1e-3
    z = np.where(ahead, moved[..., 2], np.nan)
    there = np.stack([fx * moved[..., 0] / z + cx, fy * moved[..., 1] / z + cy], axis=-1)
    return there - np.stack([u, v], axis=-1)
