"""How far apart two images of one camera are: what warm-up and staleness are judged by.

Images are compared on a grid of about 90 rows, in levels of 0..255. Depth is compared by its
logarithm, scaled so that one level is one per cent of distance.
"""

import numpy as np

GRID_ROWS = 90
LEVELS_PER_LOG_DEPTH = 100.0
DEPTH_RANGE_CM = (1.0, 65504.0)  # what is nearer or farther counts as that: there is sky, and inf


def sketch(image: np.ndarray) -> np.ndarray:
    """Samples (h,w,3) float32 of a colour image (H,W,3 or 4) uint8."""
    step = max(1, image.shape[0] // GRID_ROWS)
    return image[::step, ::step, :3].astype(np.float32)


def depth_sketch(depth_cm: np.ndarray) -> np.ndarray:
    """Samples (h,w) float32 of a depth image (H,W) in cm."""
    step = max(1, depth_cm.shape[0] // GRID_ROWS)
    sampled = np.nan_to_num(depth_cm[::step, ::step].astype(np.float32), nan=DEPTH_RANGE_CM[1])
    return LEVELS_PER_LOG_DEPTH * np.log(np.clip(sampled, *DEPTH_RANGE_CM))


def levels_apart(first: np.ndarray, second: np.ndarray) -> float:
    """Mean absolute difference of two sketches, in levels; infinite if their sizes differ."""
    if first.shape != second.shape:
        return float("inf")
    return float(np.abs(first - second).mean())


def drift_levels(first: np.ndarray, second: np.ndarray) -> float:
    """How much brighter or darker one sketch is than another of its size, in levels.

    Noise cancels out: this sees a slow change that `levels_apart` does not.
    """
    return float(abs(first.mean(dtype=np.float64) - second.mean(dtype=np.float64)))
