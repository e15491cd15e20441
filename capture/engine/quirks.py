"""What real Unreal Engines do wrong with captures, done on purpose (`-quirks=ue5`).

- Camera 0 takes a new rotation only in the tick after the one that set it: an image that is asked
  for in the same tick shows the old one, though reading the rotation back gives the new.
- A camera's first images, and those after a jump, are dark and blurred. They get better with every
  image that the camera draws and with every tick of a warm-up, and after `CONVERGED_AFTER` of them
  are exactly what they would have been all along.

Two more are done elsewhere: the server leaves TCP for a Unix socket when its first client has gone
(`capture.engine.server`), and for its first ticks the engine says that it is not ready.
"""

import math

import cv2
import numpy as np

from capture.engine.camera import Pose

CONVERGED_AFTER = 24
DARKEST = 0.35
WIDEST_BLUR_PX = 4.0
JUMP_CM = 200.0
JUMP_DEG = 45.0
UNREADY_TICKS = 30


def unconverged(lit_bgra: np.ndarray, images: int) -> np.ndarray:
    """A picture (H,W,4) uint8 as it is after the camera drew `images` others."""
    missing = max(0.0, 1.0 - images / CONVERGED_AFTER)
    if missing == 0.0:
        return lit_bgra
    blurred = cv2.GaussianBlur(lit_bgra, (0, 0), max(0.3, WIDEST_BLUR_PX * missing))
    return darkened(blurred, 1.0 - (1.0 - DARKEST) * missing)


def darkened(lit_bgra: np.ndarray, brightness: float) -> np.ndarray:
    """A picture (H,W,4) uint8 with its colours times `brightness` (0..1), alpha as it is."""
    dark = np.empty_like(lit_bgra)
    np.multiply(lit_bgra[..., :3], brightness, out=dark[..., :3], casting="unsafe")
    dark[..., 3] = lit_bgra[..., 3]
    return dark


def is_jump(before: Pose, after: Pose) -> bool:
    """Whether a camera moved so far that what it had streamed in is of no use."""
    turned = np.subtract(after[3:], before[3:])
    largest = np.abs((turned + 180.0) % 360.0 - 180.0).max()
    return math.dist(before[:3], after[:3]) > JUMP_CM or bool(largest > JUMP_DEG)
