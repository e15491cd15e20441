"""Which parts of a returning picture only a long memory can know.

A cell of a picture counts if the scene point behind it was outside every view of the window's past,
the current step left out, but had been seen on the way out. With depth the test is exact, occlusion
included; what is uncertain (borders of objects, half-precision depth) counts against the memory:
a point that the window may have seen does not count, nor one that the way out may have missed.

Without depth the point may lie anywhere on the cell's ray: it counts only if all depths from
`NEAREST_M` to the horizon lie outside the window, and the picture as a whole was seen before. That
is stricter than need be, never laxer.

Public: `Views`, `Counted`, `outside_views`, `past_frames`, `to_pixels`.
"""

from dataclasses import dataclass

import numpy as np

from training.evaluate.films import SKY_M
from training.exam.videos import KnownVideo
from training.learning.motion import CELL

NEAREST_M = 0.3
DEPTHS_M = np.concatenate([NEAREST_M * np.geomspace(1, 1000, 24), [SKY_M]])
CELLS_ACROSS = 48
"""Of large pictures: finer cells would cost more than they tell."""
FAR_M = 1e5
"""From there on all points are taken for the sky's."""
SAME_DEPTH = 0.05
"""Share by which two depths of one point may differ: half precision, slanted surfaces."""


def outside_views(
    camera_34: np.ndarray,
    others_N34: np.ndarray,
    intrinsics: np.ndarray,
    width: int,
    height: int,
) -> np.ndarray:
    """(h, w) bool: cells that none of the other cameras can see, at any depth.

    Cameras are world-to-camera [R | t] in OpenCV axes.
    """
    rays = cell_rays(intrinsics, width, height)
    world = _to_world(rays[:, :, None] * DEPTHS_M[:, None], camera_34)
    seen = np.zeros(rays.shape[:2], bool)
    for other in others_N34:
        x, y, z = project(world, other, intrinsics)
        inside = (z > 1e-6) & (x >= 0) & (x <= width) & (y >= 0) & (y <= height)
        seen |= inside.any(axis=-1)
    return ~seen


def cell_rays(intrinsics: np.ndarray, width: int, height: int) -> np.ndarray:
    """(h, w, 3) rays through the middles of cells, z = 1."""
    fx, fy, cx, cy = intrinsics
    side = cell_side(width, height)
    rows, cols = np.mgrid[0 : height // side, 0 : width // side] * side + side / 2
    return np.stack([(cols - cx) / fx, (rows - cy) / fy, np.ones_like(cols)], axis=-1)


def project(
    world: np.ndarray, camera_34: np.ndarray, intrinsics: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pixel columns, rows and planar depths of points (..., 3)."""
    fx, fy, cx, cy = intrinsics
    x, y, z = np.moveaxis(world @ camera_34[:, :3].T + camera_34[:, 3], -1, 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        return fx * x / z + cx, fy * y / z + cy, z


def _to_world(points: np.ndarray, camera_34: np.ndarray) -> np.ndarray:
    return (points - camera_34[:, 3]) @ camera_34[:, :3]


def cell_side(width: int, height: int) -> int:
    """Pixels a side of a cell, which counts or does not: as fine as some 50 across allow."""
    sides = [CELL * n for n in (4, 2) if width % (CELL * n) == height % (CELL * n) == 0]
    return next((side for side in sides if width // side >= CELLS_ACROSS), CELL)


def to_pixels(cells: np.ndarray, height: int) -> np.ndarray:
    """Cells as a mask of the pixels of a picture of that height."""
    side = height // cells.shape[0]
    return cells.repeat(side, axis=0).repeat(side, axis=1)


def past_frames(step_first: int, past: int) -> range:
    """Frames of a window's past: the `past` ones before the step that begins at `step_first`."""
    return range(max(0, step_first - past), step_first)


@dataclass(frozen=True, kw_only=True)
class Counted:
    """What counts of one frame."""

    cells: np.ndarray
    """(h, w) bool"""
    since: int
    """the frame that last showed what counts, before the window (its median over cells)"""


class Views:
    """Who sees what in one video; the video's depth decides how it is told."""

    def __init__(self, video: KnownVideo) -> None:
        """Prepare the depth's neighbourhoods."""
        self._video = video
        self._rays = cell_rays(video.intrinsics, *video.size)
        self._exact = None if video.depth_m is None else _Depth.of(video.depth_m)

    def counted(self, frame: int, window: range, known: range) -> Counted | None:
        """Cells of `frame` that no frame of `window` shows and some frame of `known` does.

        `known` are frames that a memory holds as they should be; of them only those before the
        window matter. None where nothing counts.
        """
        video = self._video
        known = range(known.start, min(known.stop, window.start))
        if self._exact is not None:
            return self._exactly(self._exact, frame, window, known)
        since = video.mirror_of(frame)
        if since not in known:
            return None
        cameras = video.camera_from_world
        cells = outside_views(cameras[frame], cameras[list(window)], video.intrinsics, *video.size)
        return Counted(cells=cells, since=since) if cells.any() else None

    def _exactly(self, depth: "_Depth", frame: int, window: range, known: range) -> Counted | None:
        points = self._points(depth, frame)
        in_window = self._seen(depth, points, window)[0].any(axis=0)
        before = self._seen(depth, points, range(window.start))[1]
        cells = np.logical_and(before[known.start : known.stop].any(axis=0), ~in_window)
        if not cells.any():
            return None
        last = len(before) - 1 - before[::-1].argmax(axis=0)
        return Counted(cells=cells, since=int(np.median(last[cells])))

    def _points(self, depth: "_Depth", frame: int) -> np.ndarray:
        """The scene points (h, w, 3) behind a frame's cells."""
        height, width = self._rays.shape[:2]
        rows = (np.arange(height) + 0.5) * depth.m.shape[1] / height
        cols = (np.arange(width) + 0.5) * depth.m.shape[2] / width
        z = depth.m[frame][np.ix_(rows.astype(int), cols.astype(int))].astype(np.float64)
        return _to_world(self._rays * z[..., None], self._video.camera_from_world[frame])

    def _seen(
        self, depth: "_Depth", points: np.ndarray, others: range
    ) -> tuple[np.ndarray, np.ndarray]:
        """Whether each of `others` may see points (h, w, 3), and whether it surely does.

        Both are (len(others), h, w).
        """
        width, height = self._video.size
        cameras = self._video.camera_from_world[others.start : others.stop]
        fx, fy, cx, cy = self._video.intrinsics
        seen = np.einsum("nij,hwj->nhwi", cameras[..., :3], points) + cameras[:, None, None, :, 3]
        z = np.maximum(seen[..., 2], 1e-6)
        x, y = fx * seen[..., 0] / z + cx, fy * seen[..., 1] / z + cy
        inside = (seen[..., 2] > 1e-6) & (x >= 0) & (x <= width) & (y >= 0) & (y <= height)
        down, across = depth.m.shape[1:]
        col = np.clip(np.where(inside, x, 0) * across / width, 0, across - 1).astype(int)
        row = np.clip(np.where(inside, y, 0) * down / height, 0, down - 1).astype(int)
        number = np.arange(others.start, others.stop)[:, None, None]
        there, far = depth.m[number, row, col], depth.far[number, row, col]
        maybe = inside & ((z <= far * (1 + SAME_DEPTH)) | (far > FAR_M))
        # The sky has no depth that could agree: whoever looks there sees it.
        same = (np.abs(z - there) <= SAME_DEPTH * there) | ((z > FAR_M) & (there > FAR_M))
        return maybe, maybe & same


@dataclass(frozen=True, kw_only=True)
class _Depth:
    """Depth (T, h, w) in metres, and the largest of a pixel and its neighbours."""

    m: np.ndarray
    far: np.ndarray

    @staticmethod
    def of(depth_m: np.ndarray) -> "_Depth":
        import cv2

        whole = np.minimum(depth_m, SKY_M).astype(np.float32)
        far = np.stack([cv2.dilate(one, np.ones((3, 3), np.uint8)) for one in whole])
        return _Depth(m=whole, far=far)
