"""Videos over HTTP ranges and small pictures of them, from folders and object storage alike."""

import io
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from dataset.clip import VIDEO, Clip
from dataset.errors import OpenRelicError
from dataset.workspace import Workspace

PIECE = 1 << 18  # bytes that are read and sent at once
READ_AHEAD = 1 << 16
THUMB_WIDTH = 192
JPEG_QUALITY = 80

_RANGE = re.compile(r"bytes=([0-9]*)-([0-9]*)")


class Unsatisfiable(Exception):
    """A range that lies beyond the end of the file."""


@dataclass(frozen=True, kw_only=True)
class Span:
    """Bytes of a file, from `first` up to but without `end`."""

    first: int
    end: int


def parse_range(header: str | None, size: int) -> Span | None:
    """The bytes that a `Range` header asks for, or None for the whole file.

    A header of another unit, of several ranges or of no sense is passed over, as RFC 9110 allows.
    """
    found = _RANGE.fullmatch(header.strip()) if header else None
    if found is None or found.group() == "bytes=-" or len(found.group()) > 64:
        return None
    first, last = found.groups()
    if not first:  # the last so many bytes
        if int(last) == 0 or size == 0:
            raise Unsatisfiable
        return Span(first=max(0, size - int(last)), end=size)
    if last and int(last) < int(first):
        return None
    if int(first) >= size:
        raise Unsatisfiable
    return Span(first=int(first), end=min(size, int(last) + 1) if last else size)


def video_size(workspace: Workspace, clip: Clip) -> int:
    """Bytes of a clip's video; one that is not inside the workspace, or not of the record's size,
    raises `OpenRelicError`."""
    path = clip.path(VIDEO)
    _check_inside(workspace, path)
    try:
        size = workspace.size(path)
    except FileNotFoundError as error:
        raise OpenRelicError(f"{workspace.location}/{path} is missing") from error
    if size != clip.files[VIDEO].bytes:
        raise OpenRelicError(
            f"{workspace.location}/{path} has {size} bytes, and its record says "
            f"{clip.files[VIDEO].bytes}"
        )
    return size


def _check_inside(workspace: Workspace, path: str) -> None:
    """Refuse a file that a link leads out of a local workspace."""
    root = workspace.local_root
    if root is not None and not (root / path).resolve().is_relative_to(root.resolve()):
        raise OpenRelicError(f"{workspace.location}/{path} leads out of the workspace")


def pieces(workspace: Workspace, path: str, span: Span) -> Iterator[bytes]:
    """The bytes of a span, piece by piece."""
    at = span.first
    while at < span.end:
        piece = workspace.read_range(path, at, min(PIECE, span.end - at))
        if not piece:
            return
        yield piece
        at += len(piece)


class RangeFile(io.RawIOBase):
    """A file of a workspace as Python reads files: only what is read is fetched."""

    def __init__(self, workspace: Workspace, path: str, size: int) -> None:
        """Begin at byte 0."""
        self._workspace, self._path, self._size, self._at = workspace, path, size, 0

    def readable(self) -> bool:
        """It is."""
        return True

    def seekable(self) -> bool:
        """It is."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to a byte."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        self._at = max(0, base + offset)
        return self._at

    def readinto(self, buffer) -> int:
        """Fill the buffer from here on."""
        count = min(len(buffer), max(0, self._size - self._at))
        data = self._workspace.read_range(self._path, self._at, count) if count else b""
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)


class Thumbnails:
    """Small pictures of clips, kept in the state folder by the clip's digest."""

    def __init__(self, workspace: Workspace, state: Path) -> None:
        """Keep pictures in `state`."""
        self._workspace, self._kept = workspace, Workspace(state / "thumbnails")
        self._drawing = threading.Semaphore(1)  # a video that is watched goes first

    def of(self, clip: Clip, digest: str) -> bytes:
        """A JPEG of the clip's middle, drawn when it is asked for the first time."""
        name = f"{digest}.jpg"
        try:
            return self._kept.read_bytes(name)
        except FileNotFoundError:
            pass
        with self._drawing:
            jpeg = self._draw(clip)
        self._kept.write_bytes(name, jpeg)
        return jpeg

    def _draw(self, clip: Clip) -> bytes:
        import av
        import av.error
        import cv2

        size, path = video_size(self._workspace, clip), clip.path(VIDEO)
        raw = io.BufferedReader(RangeFile(self._workspace, path, size), READ_AHEAD)
        try:
            with av.open(raw, "r") as container:
                container.seek(int(clip.frames / clip.fps / 2 * av.time_base))
                frame = next(container.decode(video=0))
        except (av.error.FFmpegError, StopIteration) as error:
            raise OpenRelicError(f"{self._workspace.location}/{path}: {error}") from error
        height = max(2, round(THUMB_WIDTH * frame.height / frame.width / 2) * 2)
        small = frame.reformat(THUMB_WIDTH, height, format="bgr24", interpolation="AREA")
        done, jpeg = cv2.imencode(
            ".jpg", small.to_ndarray(), [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY]
        )
        if not done:
            raise OpenRelicError(f"{self._workspace.location}/{path}: no picture of it")
        return jpeg.tobytes()
