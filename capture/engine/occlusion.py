"""Which clusters of triangles are hidden behind nearer ones, told exactly enough to leave them out.

A frame first draws the depth of its largest solid triangles alone. The farthest depth in each tile
of 8 x 8 pixels is read back, and a cluster is left out if its box lies behind the farthest depth of
all tiles that it may touch. Nothing visible is lost, and nothing is remembered from frame to frame:
the same view gives the same picture, whatever was drawn before.
"""

import moderngl
import numpy as np

from capture.engine.screen_shaders import FARTHEST_FRAGMENT, SCREEN_VERTEX
from capture.engine.shaders import assemble
from capture.engine.uniforms import set_uniform
from capture.engine.visibility import NEAR_CM, Clusters, View

TILE = 8  # pixels a side; the shader takes 4 x 4 gathers of 2 x 2 pixels
# Depth in the buffer has 24 bits and was computed in float32: a box must be behind by more.
DEPTH_MARGIN = 2e-6
SCREEN_MARGIN_PX = 1.0


class FarthestDepth:
    """The farthest depth of each tile of a depth buffer."""

    def __init__(self, context: moderngl.Context, size: tuple[int, int]) -> None:
        """Prepare for depth buffers of `size` (width, height)."""
        self._context = context
        self._tiles = (-(-size[0] // TILE), -(-size[1] // TILE))
        self._target = context.simple_framebuffer(self._tiles, 1, dtype="f4")
        self._program = context.program(
            vertex_shader=assemble(SCREEN_VERTEX, {}),
            fragment_shader=assemble(FARTHEST_FRAGMENT, {}),
        )
        set_uniform(self._program, "u_last", (size[0] - 1, size[1] - 1))
        self._screen = context.vertex_array(self._program, [])

    def read(self, depth: moderngl.Texture, unit: int) -> np.ndarray:
        """Depths (rows, columns) float32, 0..1, of the tiles of `depth`, bound to `unit`."""
        set_uniform(self._program, "u_depth", unit)
        depth.use(unit)
        self._target.use()
        self._context.disable(moderngl.DEPTH_TEST)
        self._screen.render(moderngl.TRIANGLES, vertices=3)
        self._context.enable(moderngl.DEPTH_TEST)
        columns, rows = self._tiles
        tiles = np.empty((rows, columns), np.float32)
        self._target.read_into(tiles, components=1, dtype="f4")
        return tiles

    def release(self) -> None:
        """Give the memory back."""
        for resource in (*self._target.color_attachments, self._target, self._screen):
            resource.release()
        self._program.release()


class Occlusion:
    """What lies before everything else in one view."""

    def __init__(self, tiles: np.ndarray, view: View, size: tuple[int, int]) -> None:
        """`tiles` as `FarthestDepth.read` gives them for an image of `size` (width, height)."""
        self._view = view
        self._size = np.array(size, np.float64)
        self._windows = _window_maxima(tiles)

    def shown(self, clusters: Clusters, chosen: np.ndarray) -> np.ndarray:
        """Those of the clusters `chosen` (K,) that may be visible, in their order."""
        view = self._view
        relative = clusters.centre_cm[chosen] - view.location_cm
        half = clusters.half_cm[chosen]
        nearest = relative @ view.axes[0] - half @ np.abs(view.axes[0])
        before = np.flatnonzero(nearest > NEAR_CM)  # others reach behind the camera
        low, high = self._on_screen(relative[before], half[before])
        rows = view.clip_from_relative
        depth = 0.5 + 0.5 * (rows[2, :3] @ view.axes[0] + rows[2, 3] / nearest[before])
        hidden = depth > self._farthest(low, high) + DEPTH_MARGIN
        keep = np.ones(len(chosen), bool)
        keep[before[hidden]] = False
        return chosen[keep]

    def _on_screen(self, relative: np.ndarray, half: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """First and last tile (K,2), as column and row, that boxes may touch."""
        signs = np.array([[i & 1, i >> 1 & 1, i >> 2] for i in range(8)]) * 2.0 - 1.0
        clip = self._view.clip_from_relative[[0, 1, 3]]
        corners = (relative @ clip[:, :3].T)[:, None] + half[:, None] * signs @ clip[:, :3].T
        place = (corners[..., :2] / corners[..., 2:] + 1.0) / 2.0 * self._size
        low = (place.min(1) - SCREEN_MARGIN_PX).clip(0, self._size - 1) // TILE
        high = (place.max(1) + SCREEN_MARGIN_PX).clip(0, self._size - 1) // TILE
        return low.astype(np.int64), high.astype(np.int64)

    def _farthest(self, low: np.ndarray, high: np.ndarray) -> np.ndarray:
        """Farthest depth (K,) in rectangles of tiles from `low` to `high`, or in a little more."""
        extent = (high - low).max(1) + 1
        level = np.floor(np.log2(extent)).astype(np.int64)
        side = (1 << level)[:, None]
        far = np.maximum(high - side + 1, low)
        windows = self._windows
        found = windows[level, low[:, 1], low[:, 0]]
        for column, row in ((far[:, 0], low[:, 1]), (low[:, 0], far[:, 1]), (far[:, 0], far[:, 1])):
            found = np.maximum(found, windows[level, row, column])
        return found


def _window_maxima(tiles: np.ndarray) -> np.ndarray:
    """Maxima (L,rows,columns) of the squares of 2**level tiles that begin at each tile."""
    levels = [tiles]
    while 1 << len(levels) <= max(tiles.shape):
        window = levels[-1].copy()
        step = 1 << (len(levels) - 1)
        for axis in (0, 1):
            first = [slice(None)] * 2
            second = [slice(None)] * 2
            first[axis], second[axis] = slice(None, -step), slice(step, None)
            before = window.copy()
            if step < window.shape[axis]:
                np.maximum(before[tuple(first)], before[tuple(second)], out=window[tuple(first)])
        levels.append(window)
    return np.stack(levels)
