"""The actions of a frame drawn over it: a keyboard whose pressed keys are lit, and magnitude bars.

Positions are those of a 640x360 frame.
"""

import numpy as np

from labeling.actions import ACTIONS, STATIC, signed_motion
from labeling.drawing.canvas import DARK, FAINT, INK, LIT, Canvas

_PANEL = (12, 270, 616, 78)
_KEY, _PITCH = 26, 30
_LEFT_KEYS, _RIGHT_KEYS, _KEYS_TOP = 24, 528, 281
_MOVE_BARS, _TURN_BARS, _BARS_TOP, _BAR_PITCH = 166, 344, 296, 17
_BAR_LEFT, _BAR_WIDTH, _BAR_HEIGHT = 56, 72, 7

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
    canvas = Canvas(frame_rgb)
    canvas.box(*_PANEL, radius=10, colour=DARK, opacity=0.7)
    _draw_keys(canvas, _MOVE_KEYS, _LEFT_KEYS, active_row)
    _draw_keys(canvas, _LOOK_KEYS, _RIGHT_KEYS, active_row)
    signed = signed_motion(values_row[None])[0]
    moves, turns = signed[:3], signed[3:] * unit_deg
    _draw_bars(canvas, "units a frame", _MOVES, _MOVE_BARS, moves, full_units, active_row)
    _draw_bars(canvas, "degrees a frame", _TURNS, _TURN_BARS, turns, full_deg, active_row)
    if active_row[STATIC]:
        canvas.text("static", 464, _PANEL[1] + 13, 10, LIT, 1.0)
    return canvas.pixels


def _draw_keys(
    canvas: Canvas, keys: list[tuple[str, str, int, int]], left: float, active: np.ndarray
) -> None:
    for action, face, column, row in keys:
        x, y = left + column * _PITCH, _KEYS_TOP + row * _PITCH
        lit = bool(active[ACTIONS.index(action)])
        canvas.box(x, y, _KEY, _KEY, radius=6, colour=LIT if lit else INK,
                   opacity=1.0 if lit else FAINT)  # fmt: skip
        ink, opacity = (DARK, 1.0) if lit else (INK, 0.85)
        if face in _ARROWS:
            canvas.polygon(x, y, _KEY, _ARROWS[face], ink, opacity)
        else:
            canvas.text(face, x + _KEY / 2, y + _KEY / 2, 12, ink, opacity, centred=True)


def _draw_bars(
    canvas: Canvas,
    title: str,
    motions: list[tuple[str, tuple[int, int]]],
    left: float,
    signed: np.ndarray,
    full: float,
    active: np.ndarray,
) -> None:
    canvas.text(title, left, _PANEL[1] + 13, 10, INK, 0.6)
    for row, (name, columns) in enumerate(motions):
        y, value = _BARS_TOP + row * _BAR_PITCH, float(signed[row])
        lit = bool(active[list(columns)].any())
        canvas.text(name, left, y + 3.5, 11, INK, 0.95)
        x, middle = left + _BAR_LEFT, left + _BAR_LEFT + _BAR_WIDTH / 2
        canvas.box(x, y, _BAR_WIDTH, _BAR_HEIGHT, radius=3, colour=INK, opacity=FAINT)
        length = min(abs(value) / full, 1.0) * _BAR_WIDTH / 2
        colour, opacity = (LIT, 1.0) if lit else (INK, 0.6)
        start = middle if value >= 0.0 else middle - length
        canvas.box(start, y, length, _BAR_HEIGHT, radius=0, colour=colour, opacity=opacity)
        canvas.box(middle - 0.5, y - 2, 1, _BAR_HEIGHT + 4, radius=0, colour=INK, opacity=0.7)
        # A value that rounds to zero has no sign to show.
        number = f"{value:+.2f}" if abs(value) >= 0.005 else "0.00"
        canvas.text(number, x + _BAR_WIDTH + 6, y + 3.5, 11, colour, 0.95)
