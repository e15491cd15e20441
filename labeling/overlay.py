"""The actions of a frame drawn over it: a keyboard whose pressed keys are lit, and magnitude bars.

Every shape is a mask of opacities, drawn large, averaged down and kept: smooth at any size, and
cheap over the frames of a clip. OpenCV is imported inside functions.
"""

from functools import lru_cache

import numpy as np

from labeling.actions import ACTIONS, STATIC, signed_motion

Colour = tuple[int, int, int]

# Layout in the pixels of a 640x360 frame; other sizes scale it.
_FRAME_WIDTH, _FRAME_HEIGHT = 640, 360
_PANEL = (12, 270, 616, 78)
_KEY, _PITCH = 26, 30
_LEFT_KEYS, _RIGHT_KEYS, _KEYS_TOP = 24, 528, 281
_MOVE_BARS, _TURN_BARS, _BARS_TOP, _BAR_PITCH = 166, 344, 296, 17
_BAR_LEFT, _BAR_WIDTH, _BAR_HEIGHT = 56, 72, 7

_INK: Colour = (240, 242, 245)
_DARK: Colour = (14, 17, 23)
_LIT: Colour = (255, 190, 60)
_FAINT = 0.16

_OVERSAMPLING = 4
_CAPITAL = 0.72  # of a line's height

# Action, what stands on the key, column and row: as on a keyboard, with the roll keys beside Up.
_MOVE_KEYS = [
    ("dolly_in", "W", 1, 0), ("pedestal_up", "R", 3, 0), ("truck_left", "A", 0, 1),
    ("dolly_out", "S", 1, 1), ("truck_right", "D", 2, 1), ("pedestal_down", "F", 3, 1),
]  # fmt: skip
_LOOK_KEYS = [
    ("roll_ccw", "Z", 0, 0), ("tilt_up", "up", 1, 0), ("roll_cw", "C", 2, 0),
    ("pan_left", "left", 0, 1), ("tilt_down", "down", 1, 1), ("pan_right", "right", 2, 1),
]  # fmt: skip
# Corners of the arrows on a unit key.
_ARROWS = {
    "up": [(0.5, 0.3), (0.74, 0.66), (0.26, 0.66)],
    "down": [(0.5, 0.7), (0.74, 0.34), (0.26, 0.34)],
    "left": [(0.3, 0.5), (0.66, 0.26), (0.66, 0.74)],
    "right": [(0.7, 0.5), (0.34, 0.26), (0.34, 0.74)],
}
# Names of the signed motions, and the columns that mark them as pressed.
_MOVES = [("dolly", (0, 1)), ("truck", (2, 3)), ("pedestal", (4, 5))]
_TURNS = [("pan", (8, 9)), ("tilt", (6, 7)), ("roll", (10, 11))]


def draw_overlay(
    frame_rgb: np.ndarray,
    values_row: np.ndarray,
    active_row: np.ndarray,
    *,
    unit_deg: float = 1.0,
    full_units: float = 2.0,
    full_deg: float = 4.0,
) -> np.ndarray:
    """A copy of `frame_rgb` (H,W,3) uint8 with one row (13,) of actions drawn over its foot.

    Keys are lit where `active_row` is set. Bars show the signed magnitudes of `values_row`, full at
    `full_units` units a frame for translations and at `full_deg` degrees a frame for rotations.
    """
    canvas = _Canvas(frame_rgb)
    canvas.box(*_PANEL, radius=10, colour=_DARK, opacity=0.7)
    _draw_keys(canvas, _MOVE_KEYS, _LEFT_KEYS, active_row)
    _draw_keys(canvas, _LOOK_KEYS, _RIGHT_KEYS, active_row)
    signed = signed_motion(values_row[None])[0]
    moves, turns = signed[:3], signed[3:] * unit_deg
    _draw_bars(canvas, "units a frame", _MOVES, _MOVE_BARS, moves, full_units, active_row)
    _draw_bars(canvas, "degrees a frame", _TURNS, _TURN_BARS, turns, full_deg, active_row)
    if active_row[STATIC]:
        canvas.text("static", 464, _PANEL[1] + 13, 10, _LIT, 1.0)
    return canvas.pixels


def _draw_keys(
    canvas: "_Canvas", keys: list[tuple[str, str, int, int]], left: float, active: np.ndarray
) -> None:
    for action, face, column, row in keys:
        x, y = left + column * _PITCH, _KEYS_TOP + row * _PITCH
        lit = bool(active[ACTIONS.index(action)])
        canvas.box(x, y, _KEY, _KEY, radius=6, colour=_LIT if lit else _INK,
                   opacity=1.0 if lit else _FAINT)  # fmt: skip
        ink, opacity = (_DARK, 1.0) if lit else (_INK, 0.85)
        if face in _ARROWS:
            canvas.polygon(x, y, _KEY, _ARROWS[face], ink, opacity)
        else:
            canvas.text(face, x + _KEY / 2, y + _KEY / 2, 12, ink, opacity, centred=True)


def _draw_bars(
    canvas: "_Canvas",
    title: str,
    motions: list[tuple[str, tuple[int, int]]],
    left: float,
    signed: np.ndarray,
    full: float,
    active: np.ndarray,
) -> None:
    canvas.text(title, left, _PANEL[1] + 13, 10, _INK, 0.6)
    for row, (name, columns) in enumerate(motions):
        y, value = _BARS_TOP + row * _BAR_PITCH, float(signed[row])
        lit = bool(active[list(columns)].any())
        canvas.text(name, left, y + 3.5, 11, _INK, 0.95)
        x, middle = left + _BAR_LEFT, left + _BAR_LEFT + _BAR_WIDTH / 2
        canvas.box(x, y, _BAR_WIDTH, _BAR_HEIGHT, radius=3, colour=_INK, opacity=_FAINT)
        length = min(abs(value) / full, 1.0) * _BAR_WIDTH / 2
        colour, opacity = (_LIT, 1.0) if lit else (_INK, 0.6)
        start = middle if value >= 0.0 else middle - length
        canvas.box(start, y, length, _BAR_HEIGHT, radius=0, colour=colour, opacity=opacity)
        canvas.box(middle - 0.5, y - 2, 1, _BAR_HEIGHT + 4, radius=0, colour=_INK, opacity=0.7)
        # A value that rounds to zero has no sign to show.
        number = f"{value:+.2f}" if abs(value) >= 0.005 else "0.00"
        canvas.text(number, x + _BAR_WIDTH + 6, y + 3.5, 11, colour, 0.95)


class _Canvas:
    """A frame that masks are painted on; positions and sizes are those of a 640x360 frame."""

    def __init__(self, frame_rgb: np.ndarray) -> None:
        self.pixels = frame_rgb.copy()
        height, width = frame_rgb.shape[:2]
        self._scale = min(width / _FRAME_WIDTH, height / _FRAME_HEIGHT)
        self._left = (width - self._scale * _FRAME_WIDTH) / 2
        self._top = height - self._scale * _FRAME_HEIGHT

    def box(self, x: float, y: float, width: float, height: float, *, radius: float,
            colour: Colour, opacity: float) -> None:  # fmt: skip
        size = round(width * self._scale), round(height * self._scale)
        if min(size) > 0:
            self._paint(_box_mask(*size, round(radius * self._scale)), x, y, colour, opacity)

    def polygon(self, x: float, y: float, size: float, corners: list[tuple[float, float]],
                colour: Colour, opacity: float) -> None:  # fmt: skip
        mask = _polygon_mask(round(size * self._scale), tuple(corners))
        self._paint(mask, x, y, colour, opacity)

    def text(self, text: str, x: float, y: float, height: float, colour: Colour,
             opacity: float, *, centred: bool = False) -> None:  # fmt: skip
        """`y` is the middle of the line, and `x` its left end, or its middle if `centred`."""
        mask = _text_mask(text, round(height * self._scale))
        back = mask.shape[1] / 2 / self._scale if centred else 0.0
        self._paint(mask, x - back, y - mask.shape[0] / 2 / self._scale, colour, opacity)

    def _paint(self, mask: np.ndarray, x: float, y: float, colour: Colour, opacity: float) -> None:
        left = max(round(self._left + x * self._scale), 0)
        top = max(round(self._top + y * self._scale), 0)
        target = self.pixels[top : top + mask.shape[0], left : left + mask.shape[1]]
        alpha = (opacity * mask[: target.shape[0], : target.shape[1], None]).astype(np.float32)
        mixed = target + alpha * (np.array(colour, np.float32) - target)
        target[:] = np.rint(mixed).astype(np.uint8)


@lru_cache(maxsize=512)
def _box_mask(width: int, height: int, radius: int) -> np.ndarray:
    """Opacities (height, width) of a box with round corners."""
    import cv2

    s = _OVERSAMPLING
    large = np.zeros((height * s, width * s), np.uint8)
    r = min(radius, width // 2, height // 2) * s
    right, bottom = width * s - 1, height * s - 1
    cv2.rectangle(large, (r, 0), (right - r, bottom), 255, -1)
    cv2.rectangle(large, (0, r), (right, bottom - r), 255, -1)
    for centre in ((r, r), (right - r, r), (r, bottom - r), (right - r, bottom - r)):
        cv2.circle(large, centre, r, 255, -1)
    return _averaged(large)


@lru_cache(maxsize=64)
def _polygon_mask(size: int, corners: tuple[tuple[float, float], ...]) -> np.ndarray:
    """Opacities (size, size) of a filled polygon whose corners are in shares of the size."""
    import cv2

    large = np.zeros((size * _OVERSAMPLING, size * _OVERSAMPLING), np.uint8)
    points = np.rint(np.array(corners) * size * _OVERSAMPLING).astype(np.int32)
    cv2.fillPoly(large, [points], 255)
    return _averaged(large)


@lru_cache(maxsize=4096)
def _text_mask(text: str, height: int) -> np.ndarray:
    """Opacities of a line of text, `height` tall, whose capitals stand in its middle."""
    import cv2

    s = _OVERSAMPLING
    font, thickness = cv2.FONT_HERSHEY_SIMPLEX, max(1, round(height * s / 20))
    capital = round(_CAPITAL * height * s)
    scale = cv2.getFontScaleFromHeight(font, capital, thickness)
    (width, _), _ = cv2.getTextSize(text, font, scale, thickness)
    large = np.zeros((2 * height * s, -(-width // s) * s + 2 * s), np.uint8)
    baseline = (len(large) + capital) // 2
    cv2.putText(large, text, (s, baseline), font, scale, 255, thickness, cv2.LINE_AA)
    return _averaged(large)


def _averaged(large: np.ndarray) -> np.ndarray:
    """An oversampled mask as opacities in 0..1."""
    height, width = (side // _OVERSAMPLING for side in large.shape)
    cells = large.reshape(height, _OVERSAMPLING, width, _OVERSAMPLING)
    return cells.mean(axis=(1, 3), dtype=np.float32) / 255.0
