"""Which pixels only a long memory can know: those that no view of the window shows.

A returning picture's pixel counts if the scene point behind it was outside every view of the
window's past latents. Samples carry no depth, so the point may lie anywhere on the pixel's ray: it
counts only if all depths from `NEAREST_M` to the horizon lie outside. That is stricter than need
be, never laxer.

Public: `outside_views`, `counted_cells`.
"""

import numpy as np

from training.grid import frames_of_latent
from training.learning.motion import CELL
from training.learning.windows import Window
from training.memory.schedule import MemoryConfig

NEAREST_M = 0.3
DEPTHS_M = np.concatenate([NEAREST_M * np.geomspace(1, 1000, 24), [1e6]])


def outside_views(
    camera_34: np.ndarray,
    others_N34: np.ndarray,
    intrinsics: np.ndarray,
    width: int,
    height: int,
) -> np.ndarray:
    """(height / 4, width / 4) bool: cells that none of the other cameras can see, at any depth.

    Cameras are world-to-camera [R | t] in OpenCV axes.
    """
    fx, fy, cx, cy = intrinsics
    rows, cols = np.mgrid[0 : height // CELL, 0 : width // CELL] * CELL + CELL / 2
    rays = np.stack([(cols - cx) / fx, (rows - cy) / fy, np.ones_like(cols)], axis=-1)
    R, offset = camera_34[:, :3], camera_34[:, 3]
    points = rays[:, :, None] * DEPTHS_M[:, None]
    world = (points - offset) @ R
    seen = np.zeros(rows.shape, bool)
    for other in others_N34:
        x, y, z = np.moveaxis(world @ other[:, :3].T + other[:, 3], -1, 0)
        ahead = z > 1e-6
        with np.errstate(divide="ignore", invalid="ignore"):
            u, v = fx * x / z + cx, fy * y / z + cy
        inside = ahead & (u >= 0) & (u <= width) & (v >= 0) & (v <= height)
        seen |= inside.any(axis=-1)
    return ~seen


def counted_cells(window: Window, memory: MemoryConfig, frame: int) -> np.ndarray:
    """Cells of a frame that its chunk's window does not show, the chunk itself left out."""
    latent = (frame + 3) // 4
    first = latent // memory.chunk * memory.chunk
    past = range(max(0, first + memory.chunk - memory.window), first)
    frames = [t for one in past for t in frames_of_latent(one)]
    height, width = window.frames.shape[1:3]
    cameras = window.camera_from_world
    return outside_views(cameras[frame], cameras[frames], window.intrinsics, width, height)


def to_pixels(cells: np.ndarray) -> np.ndarray:
    """Cells as a mask of pixels."""
    return cells.repeat(CELL, axis=0).repeat(CELL, axis=1)
