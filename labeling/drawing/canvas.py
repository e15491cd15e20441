"""Shapes painted over a frame: each is a mask of opacities, drawn large, averaged down and kept.

That is smooth at any size, and cheap over the frames of a clip. OpenCV is imported inside
functions.
"""

from functools import lru_cache

import numpy as np

Colour = tuple[int, int, int]

# Positions and sizes are those of a 640x360 frame; other sizes scale them.
FRAME_WIDTH, FRAME_HEIGHT = 640, 360

INK: Colour = (240, 242, 245)
DARK: Colour = (14, 17, 23)
LIT: Colour = (255, 190, 60)
FAINT = 0.16

_OVERSAMPLING = 4
_CAPITAL = 0.72  # of a line's height


class Canvas:
    """A frame that masks are painted on; positions and sizes are those of a 640x360 frame."""

    def __init__(self, frame_rgb: np.ndarray, *, hang: bool = False) -> None:
        """Paint on a copy of `frame_rgb` (H,W,3); positions count from its foot, or, if `hang`,
        from its top left corner."""
        self.pixels = frame_rgb.copy()
        height, width = frame_rgb.shape[:2]
        self._scale = min(width / FRAME_WIDTH, height / FRAME_HEIGHT)
        self._left = 0.0 if hang else (width - self._scale * FRAME_WIDTH) / 2
        self._top = 0.0 if hang else height - self._scale * FRAME_HEIGHT

    def box(self, x: float, y: float, width: float, height: float, *, radius: float,
            colour: Colour, opacity: float) -> None:  # fmt: skip
        """A filled box with round corners."""
        size = round(width * self._scale), round(height * self._scale)
        if min(size) > 0:
            self._paint(_box_mask(*size, round(radius * self._scale)), x, y, colour, opacity)

    def polygon(self, x: float, y: float, size: float, corners: list[tuple[float, float]],
                colour: Colour, opacity: float) -> None:  # fmt: skip
        """A filled polygon whose corners are shares of a square of `size`."""
        mask = _polygon_mask(round(size * self._scale), tuple(corners))
        self._paint(mask, x, y, colour, opacity)

    def text(self, text: str, x: float, y: float, height: float, colour: Colour,
             opacity: float, *, centred: bool = False) -> None:  # fmt: skip
        """`y` is the middle of the line, and `x` its left end, or its middle if `centred`."""
        mask = _text_mask(text, round(height * self._scale))
        back = mask.shape[1] / 2 / self._scale if centred else 0.0
        self._paint(mask, x - back, y - mask.shape[0] / 2 / self._scale, colour, opacity)

    def lines(self, points: np.ndarray, box: tuple[float, float, float, float], colour: Colour,
              opacity: float, width: float = 1.5) -> None:  # fmt: skip
        """An open line through points (N,2) as shares of `box` = (x, y, width, height)."""
        import cv2

        x, y, w, h = box
        size = round(w * self._scale), round(h * self._scale)
        if len(points) < 2 or min(size) < 1:
            return
        mask = np.zeros((size[1], size[0]), np.uint8)
        # Four fractional bits: a track moves by parts of a pixel.
        corners = np.rint(points * np.array(size) * 16).astype(np.int32)
        thickness = max(1, round(width * self._scale))
        cv2.polylines(mask, [corners], False, 255, thickness, cv2.LINE_AA, 4)
        self._paint(mask / np.float32(255.0), x, y, colour, opacity)

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
