"""A picture of what a student makes of every held key, to be looked at beside the matrix.

Public: `draw_played`.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from training.exam.strips import LINE, text_line
from training.learning.calibration import CLASSES

COLUMNS = 8


def draw_played(
    plays: Sequence[Sequence[np.ndarray]], read: Sequence[Sequence[int]], path: Path
) -> None:
    """Draw all videos (T, H, W, 3) of some start pictures as a JPEG: a row a held action.

    Left of a row stand the action held and the motion read.
    """
    import cv2

    rows = [
        _row(held, found, video)
        for videos, answers in zip(plays, read, strict=True)
        for held, (found, video) in enumerate(zip(answers, videos, strict=True))
    ]
    part = path.with_suffix(".part.jpg")
    cv2.imwrite(str(part), np.concatenate(rows)[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 85])
    part.replace(path)


def _row(held: int, found: int, video: np.ndarray) -> np.ndarray:
    names = [*CLASSES, "none"]
    shown = video[np.linspace(0, len(video) - 1, COLUMNS).round().astype(int)]
    height = video.shape[1]
    label = [text_line(names[held], 150), text_line(f"read: {names[found]}", 150)]
    words = np.concatenate(label)
    below = max(0, height - 2 * LINE)
    words = np.pad(words, ((0, below), (0, 0), (0, 0)), constant_values=24)[:height]
    return np.concatenate([words, *shown], axis=1)
