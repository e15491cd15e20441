"""Pictures that a session may start from, and small JPEGs for the page.

Public: `Start`, `Starts`, `read_image`, `decode_image`, `jpeg`, `thumbnail`, `png`.
"""

import threading
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from dataset.errors import OpenRelicError
from dataset.latents.store import LatentRow, read_rows
from dataset.shards.loader import read_sample
from dataset.shards.manifest import read_manifest
from dataset.workspace import Workspace

OFFERED = 24  # held-out pictures
MAX_PIXELS = 64 << 20
THUMBNAIL_WIDTH = 128  # pixels
THUMBNAIL_QUALITY = 80
ALLOWED = "give a PNG, JPEG or MP4 file"


@dataclass(frozen=True, kw_only=True)
class Start:
    """What a session starts from."""

    picture: np.ndarray
    """RGB (H, W, 3) uint8"""
    name: str
    """of the sample, or `picture`"""
    caption: str = ""
    seed: int = 0
    pitch_deg: float = 0.0
    roll_deg: float = 0.0
    """of the first camera; they matter in the `level` rotation frame only"""


class Starts:
    """The pictures that the page offers: a given one, then first frames of held-out samples."""

    def __init__(self, workspace: Workspace, given: Start | None = None) -> None:
        """Look up the workspace's samples; pictures are read when somebody asks for them."""
        self._workspace = workspace
        self._given = given
        self._rows = offered(read_rows(workspace))
        self._sources = {row.key: row for row in read_manifest(workspace)}
        self._kept: dict[int, Start] = {}
        self._lock = threading.Lock()

    def list(self) -> list[dict[str, str]]:
        """Names and captions, in the order of their numbers."""
        given = [{"name": self._given.name, "caption": self._given.caption}] if self._given else []
        return given + [{"name": row.scene, "caption": row.caption} for row in self._rows]

    def start(self, number: int) -> Start:
        """The start of that number; `OpenRelicError` if there is none."""
        if not 0 <= number < len(self.list()):
            raise OpenRelicError(f"start picture {number}: 0 to {len(self.list()) - 1} are offered")
        if self._given is not None:
            number -= 1
        if number < 0 and self._given is not None:
            return self._given
        with self._lock:
            if number not in self._kept:
                self._kept[number] = self._read(self._rows[number])
            return self._kept[number]

    def _read(self, row: LatentRow) -> Start:
        sample = read_sample(self._workspace, self._sources[row.key])
        return Start(
            picture=next(iter(sample.frames())),
            name=row.key,
            caption=row.caption,
            pitch_deg=row.start_pitch_deg,
            roll_deg=row.start_roll_deg,
        )


def offered(rows: list[LatentRow]) -> list[LatentRow]:
    """Ordinary windows of held-out scenes, of training ones where none is held out; the scenes
    take turns, so that the first of the list show as many as there are."""
    held_out = [row for row in rows if row.split != "train"] or rows
    ordinary = [row for row in held_out if row.pivot < 0] or held_out
    turn: dict[str, int] = {}
    places = []
    for row in sorted(ordinary, key=lambda row: row.key):
        turn[row.scene] = turn.get(row.scene, -1) + 1
        places.append((turn[row.scene], row.scene, row.key, row))
    return [place[-1] for place in sorted(places, key=lambda place: place[:3])][:OFFERED]


def read_image(path: str) -> np.ndarray:
    """A picture file, or the first frame of an MP4, as RGB (H, W, 3) uint8."""
    if Path(path).suffix == ".mp4":
        from dataset.video import read_frames

        return next(read_frames(Path(path), 0, 1))
    data = Path(path).read_bytes() if Path(path).is_file() else b""
    return decode_image(data, path)


def decode_image(data: bytes, name: str) -> np.ndarray:
    """The bytes of a PNG, JPEG or alike as RGB (H, W, 3) uint8; others raise `OpenRelicError`."""
    import cv2

    image = None
    if data:
        try:
            image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
        except cv2.error:  # more pixels than it takes
            image = None
    if image is None or image.shape[0] * image.shape[1] > MAX_PIXELS:
        raise OpenRelicError(f"{name} is not a readable picture; {ALLOWED}")
    if min(image.shape[:2]) < 16:
        raise OpenRelicError(f"{name} is {image.shape[1]}x{image.shape[0]}; 16x16 is the least")
    return image[..., ::-1].copy()


def fitted(start: Start, width: int, height: int) -> Start:
    """The same with its picture at the model's size."""
    from dataset.resize import resize_frame

    if start.picture.shape[:2] == (height, width):
        return start
    return replace(start, picture=resize_frame(start.picture, width, height))


def jpeg(frame: np.ndarray, quality: int) -> bytes:
    """An RGB frame (H, W, 3) uint8 with its colours at full resolution: small frames need them."""
    import cv2

    options = [
        cv2.IMWRITE_JPEG_QUALITY, quality,
        cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444,
    ]  # fmt: skip
    return cv2.imencode(".jpg", np.ascontiguousarray(frame[..., ::-1]), options)[1].tobytes()


def thumbnail(frame: np.ndarray) -> bytes:
    """A small JPEG of a frame, in its own shape."""
    import cv2

    height = max(1, round(frame.shape[0] * THUMBNAIL_WIDTH / frame.shape[1]))
    small = cv2.resize(frame, (THUMBNAIL_WIDTH, height), interpolation=cv2.INTER_AREA)
    return jpeg(small, THUMBNAIL_QUALITY)


def png(frame: np.ndarray) -> bytes:
    """An RGB frame without loss."""
    import cv2

    return cv2.imencode(".png", np.ascontiguousarray(frame[..., ::-1]))[1].tobytes()
