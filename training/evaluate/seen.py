"""Which pixels of a frame show a surface that the first picture saw.

Only there does a rendering say what a generated frame should show: what the first picture could not
know, every model has to invent, and an invention is not wrong because the engine's scene differs.

A pixel's scene point comes from the engine's depth and pose; it is projected into the first camera
and counts if the first picture's own depth agrees there. Between pixels the inverse depth is
interpolated, which is exact on planes; at a border between near and far nothing agrees, so that a
doubtful pixel is left out.

Depth is planar (along the view axis), cameras are world-to-camera [R | t] in metres and OpenCV axes
(`labeling.camera`), pixel centres lie at half-integers.

Public: `seen_from_first`.
"""

import numpy as np

from training.evaluate.films import SKY_M, depth_in_metres

SEEN_VERSION = 1
"""Raise it when other pixels of the same film count."""
NEAREST_M = 1e-5
"""So that inverse depths are finite."""
TOLERANCE = 0.02
"""Of the distance by which two depths of one surface may differ."""
FAR_TOLERANCE = 1e-4
"""And of inverse metres: 1 % more at 100 m, where depths are coarse and nothing much shifts."""


def seen_from_first(
    depth_cm_THW: np.ndarray, camera_from_world_T34: np.ndarray, intrinsics: np.ndarray
) -> np.ndarray:
    """(T, H, W) bool: whether the surface that a pixel shows was visible in frame 0.

    `depth_cm_THW` (T, H, W) in cm, `camera_from_world_T34` (T, 3, 4), `intrinsics` (4,) fx, fy, cx,
    cy in pixels. Frame 0 is seen everywhere.
    """
    depth_m = np.clip(depth_in_metres(depth_cm_THW), NEAREST_M, SKY_M)
    rays = pixel_rays(intrinsics, *depth_m.shape[1:])
    seen = np.empty(depth_m.shape, bool)
    seen[0] = True
    first = camera_from_world_T34[0]
    for t in range(1, len(depth_m)):
        points = in_first_camera(rays * depth_m[t, ..., None], camera_from_world_T34[t], first)
        seen[t] = _visible(points, 1.0 / depth_m[0], intrinsics)
    return seen


def pixel_rays(intrinsics: np.ndarray, height: int, width: int) -> np.ndarray:
    """(H, W, 3) the directions of pixel centres, at depth 1."""
    fx, fy, cx, cy = intrinsics
    rows, cols = np.mgrid[0:height, 0:width] + 0.5
    return np.stack([(cols - cx) / fx, (rows - cy) / fy, np.ones_like(cols)], axis=-1)


def in_first_camera(points: np.ndarray, camera: np.ndarray, first: np.ndarray) -> np.ndarray:
    """Points (..., 3) in one camera's axes, in another's."""
    R = first[:, :3] @ camera[:, :3].T
    return points @ R.T + (first[:, 3] - R @ camera[:, 3])


def _visible(points: np.ndarray, inverse_m: np.ndarray, intrinsics: np.ndarray) -> np.ndarray:
    """Whether points (H, W, 3) in the first camera's axes lie on its depth."""
    import cv2

    fx, fy, cx, cy = intrinsics
    x, y, z = np.moveaxis(points, -1, 0)
    ahead = z > 1e-6
    depth = np.where(ahead, z, 1.0)
    u, v = fx * x / depth + cx - 0.5, fy * y / depth + cy - 0.5
    height, width = inverse_m.shape
    inside = ahead & (u >= 0) & (v >= 0) & (u <= width - 1) & (v <= height - 1)
    there = cv2.remap(
        inverse_m.astype(np.float32), u.astype(np.float32), v.astype(np.float32), cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )  # fmt: skip
    return inside & (np.abs(there - 1.0 / depth) <= TOLERANCE / depth + FAR_TOLERANCE)
