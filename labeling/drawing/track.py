"""A map of the path from above and a compass, drawn over a frame; up in the map is north (X)."""

import numpy as np

from labeling.camera import level_angles_deg
from labeling.drawing.canvas import DARK, FAINT, FRAME_WIDTH, INK, LIT, Canvas

MAP = (12.0, 12.0, 132.0, 100.0)  # x, y, width, height in a 640x360 frame
COMPASS_SIZE = 76.0
MARGIN = 12.0
_CIRCLE = np.stack(
    [np.cos(np.linspace(0, 2 * np.pi, 49)), np.sin(np.linspace(0, 2 * np.pi, 49))], 1
)


class TrackMap:
    """The whole path on a map; `draw` shows how far it has come and where the camera looks."""

    def __init__(self, R_cam_from_world: np.ndarray, position_m: np.ndarray) -> None:
        """Of a path of T frames, `R_cam_from_world` (T,3,3) and `position_m` (T,3)."""
        self._angles_deg = level_angles_deg(R_cam_from_world)
        self._forward = R_cam_from_world[:, 2]
        self._points = _on_map(position_m[:, :2])
        self._height_m = position_m[:, 2]

    def draw(self, frame_rgb: np.ndarray, index: int) -> np.ndarray:
        """A copy of `frame_rgb` (H,W,3) uint8 with the map and the compass of frame `index`."""
        canvas = Canvas(frame_rgb, hang=True)
        self._draw_map(canvas, index)
        self._draw_compass(canvas, index)
        return canvas.pixels

    def _draw_map(self, canvas: Canvas, index: int) -> None:
        canvas.box(*MAP, radius=8, colour=DARK, opacity=0.7)
        canvas.lines(self._points, MAP, INK, 0.3)
        canvas.lines(self._points[: index + 1], MAP, LIT, 0.9)
        here = self._points[index]
        heading = _screen(self._forward[index, :2])
        length = np.linalg.norm(heading)
        if length > 1e-6:
            tip = here + heading / length * [0.09, 0.09 * MAP[2] / MAP[3]]
            canvas.lines(np.stack([here, tip]), MAP, INK, 1.0)
        dot = here * [MAP[2], MAP[3]] + [MAP[0], MAP[1]]
        canvas.box(dot[0] - 3, dot[1] - 3, 6, 6, radius=3, colour=LIT, opacity=1.0)
        canvas.text(f"height {self._height_m[index]:.2f} m", MAP[0] + 8, MAP[1] + MAP[3] - 9, 9,
                    INK, 0.8)  # fmt: skip

    def _draw_compass(self, canvas: Canvas, index: int) -> None:
        """A dial whose needle is the heading, clockwise from north; below it pan, tilt, roll."""
        pan, tilt, roll = self._angles_deg[index]
        x, y, size = FRAME_WIDTH - MARGIN - COMPASS_SIZE, MARGIN, COMPASS_SIZE
        canvas.box(x, y, size, size + 34, radius=8, colour=DARK, opacity=0.7)
        box = (x, y, size, size)
        canvas.lines(0.5 + 0.4 * _CIRCLE, box, INK, 0.5)
        canvas.text("N", x + size / 2, y + 0.19 * size, 10, INK, 0.9, centred=True)
        needle = np.deg2rad(pan)
        way = np.array([np.sin(needle), -np.cos(needle)])
        canvas.lines(np.stack([0.5 - 0.12 * way, 0.5 + 0.36 * way]), box, LIT, 1.0, width=2.5)
        across = np.deg2rad(roll)
        side = 0.2 * np.array([np.cos(across), np.sin(across)])
        canvas.lines(np.stack([0.5 - side, 0.5 + side]), box, INK, FAINT * 5)
        canvas.text(f"pan {pan:+.0f}", x + size / 2, y + size + 2, 10, INK, 0.9, centred=True)
        canvas.text(f"tilt {tilt:+.0f}", x + size / 2, y + size + 13, 10, INK, 0.9, centred=True)
        canvas.text(f"roll {roll:+.0f}", x + size / 2, y + size + 24, 10, INK, 0.9, centred=True)


def _screen(direction: np.ndarray) -> np.ndarray:
    """Directions (…,2) in the world's X forward, Y left as right and down on the map."""
    return np.stack([-direction[..., 1], -direction[..., 0]], axis=-1)


def _on_map(points_m: np.ndarray) -> np.ndarray:
    """Points (T,2) as shares of the map, to scale, in its middle."""
    points = _screen(points_m)
    low, high = points.min(axis=0), points.max(axis=0)
    room = np.array([MAP[2], MAP[3]]) * [0.8, 0.66]
    scale = float((room / np.maximum(high - low, 1e-3)).min())
    shift = (points - (low + high) / 2) * scale / np.array([MAP[2], MAP[3]])
    return shift + [0.5, 0.45]
