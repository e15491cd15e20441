"""From a picture's size to the model's: the largest centred crop of the model's shape, resized.

1280x720 becomes 832x480 by keeping the middle 1248x720 and 128x64 by keeping the middle 1280x640.
The intrinsics follow, so that a pixel still means the same ray.
"""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, kw_only=True)
class Crop:
    """A rectangle of the source, in pixels from its top left corner."""

    left: int
    top: int
    width: int
    height: int


def centre_crop(source_width: int, source_height: int, width: int, height: int) -> Crop:
    """The largest centred rectangle of a source whose shape is that of `width` x `height`."""
    if source_width * height >= source_height * width:
        kept_width, kept_height = round(source_height * width / height), source_height
    else:
        kept_width, kept_height = source_width, round(source_width * height / width)
    return Crop(
        left=(source_width - kept_width) // 2,
        top=(source_height - kept_height) // 2,
        width=kept_width,
        height=kept_height,
    )


def resize_frame(frame: np.ndarray, width: int, height: int) -> np.ndarray:
    """(H, W, 3) uint8 to (height, width, 3): centre crop, then the mean over each pixel's area."""
    import cv2

    crop = centre_crop(frame.shape[1], frame.shape[0], width, height)
    kept = frame[crop.top : crop.top + crop.height, crop.left : crop.left + crop.width]
    # An area mean has nothing to average when a picture grows.
    method = cv2.INTER_AREA if width <= crop.width else cv2.INTER_LINEAR
    return cv2.resize(kept, (width, height), interpolation=method)


def resize_intrinsics(
    intrinsics: np.ndarray, source_width: int, source_height: int, width: int, height: int
) -> np.ndarray:
    """(4,) fx, fy, cx, cy in pixels of the source to those of the resized crop.

    Pixel centres lie at half-integers, so a corner of the crop is a corner of the result.
    """
    crop = centre_crop(source_width, source_height, width, height)
    fx, fy, cx, cy = intrinsics
    across, down = width / crop.width, height / crop.height
    return np.array([fx * across, fy * down, (cx - crop.left) * across, (cy - crop.top) * down])
