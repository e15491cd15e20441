"""Smooths the jagged edges of a picture: FXAA 3.11's console variant (Lottes, NVIDIA).

Where a pixel's green differs from a neighbour's, colours are blended along the edge that the
corners' green shows. That is a tenth of the pixels, spread over the picture, which a software
rasteriser shades in blocks: gathered into lists they cost less than there.
"""

import cv2
import numpy as np

_CROSS = np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]], np.uint8)
_LEAST = np.uint8(16)  # contrast, in levels, of an edge in the dark
_SHARE = 0.166  # of the brightest neighbour's green, elsewhere
_LONGEST = 2.0  # pixels to either side that are blended
_BIAS = 255 / 384  # gives a direction to what has none
_PART = 10_000  # pixels at once: their lists stay in the cache
_ROW = 1 << 10  # OpenCV wants the places of its samples in rows


def smooth_edges(image: np.ndarray) -> None:
    """Smooth `image` (H,W,4) uint8, contiguous, in place."""
    green = cv2.extractChannel(image, 1)
    places = _edges(green)
    if not len(places):
        return
    means = cv2.boxFilter(
        cv2.copyMakeBorder(green, 1, 1, 1, 1, cv2.BORDER_REPLICATE), -1, (2, 2), anchor=(0, 0)
    )
    parts = np.split(places, range(_PART, len(places), _PART))
    blended = [_blended(image, green, means, part) for part in parts]
    image.view(np.uint32).reshape(-1)[places] = np.concatenate(blended)


def _edges(green: np.ndarray) -> np.ndarray:
    """Numbers (N,), row by row, of the pixels whose neighbours differ."""
    high, low = cv2.dilate(green, _CROSS), cv2.erode(green, _CROSS)
    least = np.maximum(cv2.convertScaleAbs(high, alpha=_SHARE), _LEAST)
    return np.flatnonzero(cv2.subtract(high, low) >= least)


def _blended(
    image: np.ndarray, green: np.ndarray, means: np.ndarray, places: np.ndarray
) -> np.ndarray:
    """What the pixels numbered `places` (N,) become, (N,) uint32.

    `means` (H+2,W+2) are those of the four pixels around each one's upper left corner.
    """
    row, column = np.divmod(places.astype(np.int32), np.int32(image.shape[1]))
    width = means.shape[1]
    corner = row * width + column
    nw, ne, sw, se = (
        means.reshape(-1)[corner + step].astype(np.float32) for step in (0, 1, width, width + 1)
    )
    ne += np.float32(_BIAS)
    middle = green.reshape(-1)[places].astype(np.float32)
    x, y = sw + se - nw - ne, nw + sw - ne - se
    near_x, near_y, far_x, far_y = _steps(x, y)
    near = _sampled(image, column, row, near_x, near_y)
    far = cv2.addWeighted(near, 0.5, _sampled(image, column, row, far_x, far_y), 0.5, 0)
    shown = far[:, 1].astype(np.float32)
    high, low = np.maximum(nw, ne), np.minimum(nw, ne)
    for other in (sw, se, middle):
        np.maximum(high, other, out=high)
        np.minimum(low, other, out=low)
    outside = (shown < low) | (shown > high)
    return np.where(outside, _as_words(near), _as_words(far))


def _steps(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, ...]:
    """From a pixel to the samples near and far along the edge's direction (x, y)."""
    scale = 1 / np.maximum(np.sqrt(x * x + y * y), np.float32(1e-6))
    x, y = x * scale, y * scale
    stretch = 1 / np.maximum(8 * np.minimum(np.abs(x), np.abs(y)), np.float32(1e-4))
    far = (np.clip(axis * stretch, -_LONGEST, _LONGEST) for axis in (x, y))
    return (x * np.float32(0.5), y * np.float32(0.5), *far)


def _sampled(
    image: np.ndarray, column: np.ndarray, row: np.ndarray, x: np.ndarray, y: np.ndarray
) -> np.ndarray:
    """The mean colour (N,4) of the points a step (x, y) to either side of pixels."""
    count = len(column)
    maps = np.zeros((2, 2, -(-count // _ROW) * _ROW), np.float32)
    for axis, middle, step in ((0, column, x), (1, row, y)):
        np.add(middle, step, out=maps[0, axis, :count])
        np.subtract(middle, step, out=maps[1, axis, :count])
    before, after = (
        cv2.remap(image, at[0].reshape(-1, _ROW), at[1].reshape(-1, _ROW), cv2.INTER_LINEAR,
                  borderMode=cv2.BORDER_REPLICATE)
        for at in maps
    )  # fmt: skip
    return cv2.addWeighted(before, 0.5, after, 0.5, 0).reshape(-1, 4)[:count]


def _as_words(pixels: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(pixels).view(np.uint32)[:, 0]
