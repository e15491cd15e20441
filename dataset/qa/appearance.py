"""Checks of what pictures look like: light, frozen and blank frames, missing textures, popping.

Each takes the signals of `dataset.qa.pictures` and returns a value a frame (T,).
"""

import numpy as np

from dataset.qa.motion import speed, steps_m, turns_deg
from dataset.qa.pictures import BLOCK, Pictures
from labeling.camera import intrinsics

BLANK_SPREAD = 2.0  # levels: less is a single colour, with the noise of encoding
# A picture that the camera's turn must have moved by this many pixels of the flow picture, or
# whose step is this share of its neighbours' steps, cannot stand still.
MUST_MOVE_PX, MUST_STEP_SHARE = 0.5, 0.5
STILL_LEVELS, STILL_SHARE = 0.12, 0.12
TOLD_BY = 4.0  # levels of spread that a picture needs to show whether it moves
NEIGHBOURS = 12  # frames to either side that say how much pictures usually change
POP_LEVELS = 20.0  # a block's change beyond what its surroundings do before and after
POP_REACH = 1  # blocks around one that its surroundings are


def measure_pictures(
    pictures: Pictures, R: np.ndarray, position_m: np.ndarray, fov_deg: float
) -> dict[str, np.ndarray]:
    """Every value a frame (T,) that follows from the pictures, by the name of its check. Poses may
    be fewer or more than pictures: the frames that both have are compared."""
    return {
        "blown_share": pictures.blown_share,
        "crushed_share": pictures.crushed_share,
        "brightness": pictures.brightness,
        "flicker": unsteady_light(pictures.light_change),
        "frozen_frames": frozen(pictures, R, position_m, fov_deg),
        "blank_frames": (pictures.spread < BLANK_SPREAD).astype(float),
        "missing_texture_share": pictures.magenta_share,
        "popping_share": popping_share(pictures),
        "blur_px": pictures.blur_px,
    }


def unsteady_light(light_change: np.ndarray) -> np.ndarray:
    """Change of the light (T,) beyond the usual change of the frames around, in levels: a slow
    adaptation of the exposure goes on from frame to frame and is none."""
    count = len(light_change)
    out = np.full(count, np.nan)
    for first in range(count):
        near = light_change[max(0, first - 2) : first + 3]
        if np.isfinite(near).any():
            out[first] = light_change[first] - np.nanmedian(near)
    return np.abs(out)


def frozen(pictures: Pictures, R: np.ndarray, position_m: np.ndarray, fov_deg: float) -> np.ndarray:
    """1 (T,) where a picture is the one before again though the pose has moved, else 0."""
    count = min(len(pictures), len(R))
    turned, stepped = _lengths(turns_deg(R[:count])), _lengths(steps_m(position_m[:count]))
    focal, *_ = intrinsics(fov_deg, *pictures.flow_size)
    must_turn = np.deg2rad(turned) * focal > MUST_MOVE_PX
    change = pictures.change[:count]
    still = np.zeros(len(pictures))
    for t in range(1, count):
        if pictures.spread[t] < TOLD_BY:
            continue
        if must_turn[t] and change[t] < STILL_LEVELS:
            still[t] = 1.0
            continue
        near = np.arange(max(1, t - NEIGHBOURS), min(count, t + NEIGHBOURS + 1))
        near = near[near != t]
        # How much pictures change for a step as long as this one, or longer.
        alike = near[(stepped[near] > 0) & (stepped[t] >= MUST_STEP_SHARE * stepped[near])]
        alike = alike[turned[t] >= MUST_STEP_SHARE * turned[alike]]
        moving = change[alike]
        moving = moving[moving > STILL_LEVELS]
        if moving.size >= 3 and change[t] < STILL_SHARE * np.median(moving):
            still[t] = 1.0
    return still


def popping_share(pictures: Pictures) -> np.ndarray:
    """Share (T,) of the blocks that change at once: by `POP_LEVELS` more than any block next to
    them does in the frames before or after. What comes into view from behind an edge does so for
    some frames, at the edge; what pops does so in one."""
    columns = pictures.flow_size[0] // BLOCK
    blocks = np.nan_to_num(pictures.residue).reshape(len(pictures), -1, columns)
    around = _greatest_around(blocks)
    quiet = np.zeros_like(blocks)
    for shift in (-2, -1, 2, 3):
        quiet = np.maximum(quiet, _shifted(around, shift))
    return np.mean(blocks - quiet > POP_LEVELS, axis=(1, 2))


def _lengths(vectors: np.ndarray) -> np.ndarray:
    return np.nan_to_num(speed(vectors, 1.0))


def _greatest_around(blocks: np.ndarray) -> np.ndarray:
    """The greatest value (T,H,W) among each block and those next to it."""
    reach = POP_REACH
    padded = np.pad(blocks, ((0, 0), (reach, reach), (reach, reach)))
    side = (2 * reach + 1, 2 * reach + 1)
    windows = np.lib.stride_tricks.sliding_window_view(padded, side, axis=(1, 2))
    return windows.max(axis=(-2, -1))


def _shifted(values: np.ndarray, frames: int) -> np.ndarray:
    """`values` (T,...) of the frame `frames` later; the ends repeat."""
    at = np.clip(np.arange(len(values)) + frames, 0, len(values) - 1)
    return values[at]
