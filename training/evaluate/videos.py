"""Pictures and videos of evaluation: reading any system's, keeping ours, and side by side.

Public: `read_picture`, `write_picture`, `read_video`, `in_video_colours`, `video_size`,
`kept_video`, `side_by_side`, `fitted`.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np

from dataset.clip import FPS
from dataset.colour import to_rgb, to_yuv
from dataset.errors import OpenRelicError
from dataset.resize import resize_frame
from dataset.video import VideoWriter, encode_preview, probe, read_frames

KEPT_CRF = 8
"""Of generated videos; what it costs shows in the row of the engine."""
STRIP = 22
"""Pixels of the line that names a column."""
SHOWN_HEIGHT = 240


def read_picture(path: Path) -> np.ndarray:
    """A picture file as RGB (H, W, 3) uint8."""
    import cv2

    image = cv2.imread(str(path), cv2.IMREAD_COLOR) if path.is_file() else None
    if image is None:
        raise OpenRelicError(f"{path} is not a readable picture; give a PNG or JPEG file")
    return image[..., ::-1].copy()


def write_picture(path: Path, image: np.ndarray) -> None:
    """Write an RGB picture as PNG, under its name only once it is whole."""
    import cv2

    part = path.with_name(f"{path.name}.part")
    part.write_bytes(cv2.imencode(".png", image[..., ::-1])[1].tobytes())
    part.replace(path)


def read_video(path: Path) -> np.ndarray:
    """All frames (T, H, W, 3) uint8 of a video of any codec."""
    return np.stack(list(read_frames(path)))


def in_video_colours(frames: np.ndarray) -> np.ndarray:
    """Frames (T, H, W, 3) with their colours at half the resolution, as 4:2:0 video has them."""
    from av.video.reformatter import VideoReformatter

    if frames.shape[1] % 2 or frames.shape[2] % 2:
        return frames  # a video of that size has another layout
    reformatter = VideoReformatter()
    return np.stack([to_rgb(reformatter, to_yuv(reformatter, one, "rgb24")) for one in frames])


def video_size(path: Path) -> tuple[int, int]:
    """Width and height."""
    info = probe(path)
    return info.width, info.height


def kept_video(path: Path, width: int, height: int) -> VideoWriter:
    """A writer of RGB frames whose loss is far below what scores tell apart."""
    path.parent.mkdir(parents=True, exist_ok=True)
    return VideoWriter(path, width, height, crf=KEPT_CRF, preset="fast", pixels="rgb24")


def fitted(frames: np.ndarray, width: int, height: int) -> np.ndarray:
    """Frames centre-cropped and resized, as the model's own start picture is."""
    if frames.shape[1:3] == (height, width):
        return frames
    return np.stack([resize_frame(frame, width, height) for frame in frames])


def side_by_side(columns: Mapping[str, np.ndarray], held: Sequence[str], path: Path) -> None:
    """Write the columns' frames (T, H, W, 3) beside each other, each below its name.

    `held` says what is held at each frame, below them. Shorter columns stay black after their end.
    """
    first = next(iter(columns.values()))
    height = SHOWN_HEIGHT
    width = round(height * first.shape[2] / first.shape[1] / 2) * 2
    longest = max(map(len, columns.values()))
    shown = {name: fitted(frames, width, height) for name, frames in columns.items()}
    strip = np.concatenate([_named(name, width) for name in columns], axis=1)

    def frame(t: int) -> np.ndarray:
        black = np.zeros((height, width, 3), np.uint8)
        row = [one[t] if t < len(one) else black for one in shown.values()]
        said = _named(held[t] if t < len(held) else "", width * len(columns))
        return np.concatenate([strip, np.concatenate(row, axis=1), said])

    total = width * len(columns), height + 2 * STRIP
    mp4 = encode_preview((frame(t) for t in range(longest)), FPS, *total)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.part")
    part.write_bytes(mp4)
    part.replace(path)


@lru_cache(maxsize=64)
def _named(name: str, width: int) -> np.ndarray:
    import cv2

    strip = np.zeros((STRIP, width, 3), np.uint8)
    cv2.putText(
        strip, name, (6, STRIP - 7), cv2.FONT_HERSHEY_SIMPLEX, 0.45, (255, 255, 255), 1,
        cv2.LINE_AA,
    )  # fmt: skip
    return strip
