"""Checks of what pictures look like: light, frozen and blank frames, missing textures, popping.

Each takes the signals of `dataset.qa.pictures` and returns a value a frame (T,).
"""

import numpy as np

from dataset.qa.motion import speed, steps_m, turns_deg
from dataset.qa.pictures import BLOCK, Pictures
from labeling.camera import intrinsics

BLANK_SPREAD = 2.0  # levels: less is a single colour, with the noise of encoding
# A picture stands still if it changes by less than this share of what its motion would change;
# encoding the same picture again changes it by up to half a level or so.
STILL_SHARE, MOST_STILL_LEVELS = 0.15, 2.0
TOLD_BY_LEVELS = 3.0  # expected change from which that can be told
MUST_MOVE_PX = 0.3  # of the flow picture
FURTHEST_PX = 6.0  # moving by more than what details measure changes no more
USUAL_DEPTH_M = 3.0
NEIGHBOURS = 24  # frames to either side that say how much pictures usually change
ALIKE_NEEDED = 3
ABRUPT = 3.0  # the pictures around a frozen one change by so much more
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
    """1 (T,) where a picture is the one before again though the pose has moved, else 0.

    How much a turn changes a picture follows from its detail. How much a step does depends on the
    distance of what is seen: there, frames around that move alike say what is usual.
    """
    count = min(len(pictures), len(R))
    focal, *_ = intrinsics(fov_deg, *pictures.flow_size)
    turned_px = np.deg2rad(_lengths(turns_deg(R[:count]))) * focal
    stepped_px = _lengths(steps_m(position_m[:count])) / USUAL_DEPTH_M * focal
    change = np.nan_to_num(pictures.change[:count], nan=np.inf)
    by_turn = pictures.detail[:count] * np.minimum(turned_px, FURTHEST_PX)
    still = (by_turn > TOLD_BY_LEVELS) & (change < STILL_SHARE * by_turn)
    moved_px = turned_px + stepped_px
    for t in np.flatnonzero(~still & (moved_px > MUST_MOVE_PX) & (change < MOST_STILL_LEVELS)):
        near = np.arange(max(1, t - NEIGHBOURS), min(count, t + NEIGHBOURS + 1))
        ratio = moved_px[near] / moved_px[t]
        alike = change[near[(near != t) & (ratio > 0.5) & (ratio < 2.0)]]
        usual = np.percentile(alike, 75) if alike.size >= ALIKE_NEEDED else 0.0
        still[t] = usual > TOLD_BY_LEVELS and change[t] < STILL_SHARE * usual
    return np.pad(_abrupt(still, change).astype(float), (0, len(pictures) - count))


def _abrupt(still: np.ndarray, change: np.ndarray) -> np.ndarray:
    """Those runs of `still` (T,) that begin and end at once: a camera that comes to rest, or looks
    at what hardly moves, does so little by little, and no picture catches up afterwards."""
    kept = np.zeros_like(still)
    for first, end in runs(still):
        before = change[first - 1] if first > 1 else np.inf
        after = change[end] if end < len(change) else np.inf
        kept[first:end] = min(before, after) > ABRUPT * change[first:end].max()
    return kept


def runs(flags: np.ndarray) -> list[tuple[int, int]]:
    """First and end of each run of true values of (N,)."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]]).astype(int)))
    return [(int(first), int(end)) for first, end in edges.reshape(-1, 2)]


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
