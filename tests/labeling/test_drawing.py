"""The overlay: what is lit is what is pressed, and nothing else of the picture changes."""

import numpy as np
import pytest

from labeling.actions import ACTIONS, STATIC
from labeling.drawing.keys import draw_overlay

GREY = np.full((360, 640, 3), 100, np.uint8)

# Where each key's upper left corner stands in a 640x360 frame, beside what is written on it.
KEY_AT = {
    "dolly_in": (56, 283), "truck_left": (26, 313), "dolly_out": (56, 313),
    "truck_right": (86, 313), "pedestal_up": (116, 283), "pedestal_down": (116, 313),
    "roll_ccw": (530, 287), "tilt_up": (560, 287), "roll_cw": (590, 287),
    "pan_left": (530, 317), "tilt_down": (560, 317), "pan_right": (590, 317),
}  # fmt: skip


def drawn(magnitudes: dict[str, float], frame: np.ndarray = GREY) -> np.ndarray:
    values = np.zeros(13)
    for name, magnitude in magnitudes.items():
        values[ACTIONS.index(name)] = magnitude
    active = values > 0.1
    active[STATIC] = not active.any()
    return draw_overlay(frame, values, active)


def is_lit(pixel: np.ndarray) -> bool:
    red, _, blue = pixel.astype(int)
    return red - blue > 100


@pytest.mark.parametrize("pressed", KEY_AT)
def test_only_the_pressed_key_is_lit(pressed):
    frame = drawn({pressed: 1.0})
    lit = {name for name, (x, y) in KEY_AT.items() if is_lit(frame[y, x + 6])}
    assert lit == {pressed}


def test_bars_grow_with_the_magnitude_and_to_its_side():
    def lit_columns(**magnitudes: float) -> np.ndarray:
        region = drawn(magnitudes)[296:303, 222:294].astype(int)
        return np.flatnonzero((region[..., 0] - region[..., 2] > 100).any(axis=0))

    small, large = lit_columns(dolly_in=0.5), lit_columns(dolly_in=1.5)
    assert 0 < len(small) < len(large) and small.min() >= 35
    assert lit_columns(dolly_out=1.5).max() <= 36
    assert len(lit_columns()) == 0


def test_the_frame_is_copied_and_unchanged_above_the_panel():
    rng = np.random.default_rng(0)
    frame = rng.integers(0, 256, (360, 640, 3), np.uint8)
    before = frame.copy()
    shown = drawn({"dolly_in": 1.0, "pan_left": 2.0}, frame)
    np.testing.assert_array_equal(frame, before)
    np.testing.assert_array_equal(shown[:265], frame[:265])
    assert shown.shape == frame.shape and shown.dtype == np.uint8
    assert np.abs(shown[275:345, 15:620].astype(int) - frame[275:345, 15:620]).mean() > 20


@pytest.mark.parametrize("size", [(720, 1280), (384, 640), (480, 832), (96, 160)])
def test_other_sizes(size):
    frame = drawn({"truck_right": 1.0}, np.full((*size, 3), 100, np.uint8))
    assert frame.shape == (*size, 3)
    assert (frame[..., 0].astype(int) - frame[..., 2] > 100).any()


def test_static_is_written():
    region = np.s_[276:292, 460:500]
    shown, moving = drawn({})[region].astype(int), drawn({"dolly_in": 1.0})[region].astype(int)
    assert (shown[..., 0] - shown[..., 2] > 60).any()
    assert not (moving[..., 0] - moving[..., 2] > 60).any()
