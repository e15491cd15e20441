"""Strips of pictures to look at: a returning view as it was, as it is shown again, and as it is.

One column a moment of the return, one row each for what was shown on the way out, what is shown on
the way back, and the truth. What does not count is dimmed.

Public: `draw_strips`, `text_line`.
"""

from pathlib import Path

import numpy as np

from training.exam.exams import OWN, Sitting
from training.exam.visibility import to_pixels

COLUMNS = 6
SMALLEST_WIDTH = 160
DIMMED = 0.45
LINE = 22
"""Pixels of a line of text."""
EXAMS = {"context": "exam A: true way out given", "own": "exam B: all made by the model"}


def draw_strips(sittings: list[Sitting], path: Path) -> None:
    """Draw all exams of one video under one another, as a JPEG."""
    import cv2

    path.parent.mkdir(parents=True, exist_ok=True)
    picture = np.concatenate([_strip(sitting) for sitting in sittings])
    part = path.with_suffix(".part.jpg")
    cv2.imwrite(str(part), picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 88])
    part.replace(path)


def _strip(sitting: Sitting) -> np.ndarray:
    """Rows of pictures with a line of text above each."""
    frames = sorted(sitting.counted)
    chosen = [frames[i] for i in np.linspace(0, len(frames) - 1, COLUMNS).astype(int)]
    if not frames:
        chosen = []
    video, own = sitting.video, sitting.shown["model"]
    before = own if sitting.exam == OWN else video.frames
    rows = {
        "way out": [_before(before, video.mirror_of(frame)) for frame in chosen],
        "way back": [_dimmed(sitting, own[frame], frame) for frame in chosen],
        "truth": [_dimmed(sitting, video.frames[frame], frame) for frame in chosen],
    }
    times = ", ".join(f"{(frame - sitting.counted[frame].since) / 16:.1f}" for frame in chosen)
    title = f"{EXAMS[sitting.exam]}; {video.name}; seconds away: {times or 'nothing counts'}"
    width = COLUMNS * max(SMALLEST_WIDTH, video.size[0])
    lines = [text_line(title, width)]
    for name, pictures in rows.items():
        lines.append(text_line(name, width))
        if pictures:
            row = np.concatenate([_enlarged(one) for one in pictures], axis=1)
            lines.append(np.pad(row, ((0, 0), (0, width - row.shape[1]), (0, 0))))
    return np.concatenate(lines)


def _before(frames: np.ndarray, mirror: int) -> np.ndarray:
    return frames[mirror] if mirror >= 0 else np.zeros_like(frames[0])


def _dimmed(sitting: Sitting, picture: np.ndarray, frame: int) -> np.ndarray:
    counted = to_pixels(sitting.counted[frame].cells, len(picture))[..., None]
    return np.where(counted, picture, (picture * DIMMED).astype(np.uint8))


def _enlarged(picture: np.ndarray) -> np.ndarray:
    import cv2

    height, width, _ = picture.shape
    if width >= SMALLEST_WIDTH:
        return picture
    size = (SMALLEST_WIDTH, round(height * SMALLEST_WIDTH / width))
    return cv2.resize(picture, size, interpolation=cv2.INTER_NEAREST)


def text_line(words: str, width: int) -> np.ndarray:
    """A line of text as a picture (`LINE`, width, 3)."""
    import cv2

    line = np.full((LINE, width, 3), 24, np.uint8)
    cv2.putText(line, words, (6, 16), cv2.FONT_HERSHEY_SIMPLEX, 0.42, (225, 225, 225), 1,
                cv2.LINE_AA)  # fmt: skip
    return line
