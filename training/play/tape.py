"""Frames of a recording while it runs, and how it becomes files.

Frames lie raw in an unnamed file, so that a killed process leaves nothing; chunks that are undone
are just not read. At the end the video is encoded in one go, exactly as a scripted one is, and
committed last: whoever sees the .mp4 finds its script and picture beside it.

Public: `Tape`, `Take`, `commit_take`.
"""

import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from dataset.errors import OpenRelicError
from dataset.video import VideoWriter
from dataset.workspace import Workspace
from training.play.pictures import png
from training.play.script_file import PlayScript, write_script

MAX_BYTES = 16 << 30  # 14 minutes at 832x480


class Tape:
    """Raw frames of chunks, by the chunks' keys."""

    def __init__(self) -> None:
        """Begin an empty one."""
        self._file = tempfile.TemporaryFile(prefix="openrelic-play-")  # noqa: SIM115
        self._places: dict[int, tuple[int, tuple[int, ...]]] = {}
        self._end = 0

    @property
    def full(self) -> bool:
        """Whether nothing more should be put on it."""
        return self._end >= MAX_BYTES

    def add(self, key: int, frames: np.ndarray) -> None:
        """Put a chunk's frames (T, H, W, 3) uint8 on the tape."""
        self._file.seek(self._end)
        self._file.write(np.ascontiguousarray(frames).data)
        self._places[key] = (self._end, frames.shape)
        self._end += frames.nbytes

    def __contains__(self, key: int) -> bool:
        return key in self._places

    def frames(self, key: int) -> Iterator[np.ndarray]:
        """A chunk's frames again; may run in another thread."""
        offset, (count, *shape) = self._places[key]
        size = int(np.prod(shape))
        self._file.flush()
        for at in range(count):
            data = os.pread(self._file.fileno(), size, offset + at * size)
            yield np.frombuffer(data, np.uint8).reshape(shape)

    def close(self) -> None:
        """Give the space back."""
        self._file.close()


@dataclass(frozen=True, kw_only=True)
class Take:
    """A finished recording that has no files yet."""

    name: str
    tape: Tape
    keys: tuple[int, ...]
    script: PlayScript
    picture: np.ndarray


def commit_take(workspace: Workspace, folder: str, take: Take) -> str:
    """Write the three files; returns the path of the video."""
    video = f"{folder}/{take.name}.mp4"
    try:
        workspace.write_bytes(f"{folder}/{take.name}.png", png(take.picture))
        workspace.write_bytes(f"{folder}/{take.name}.json", write_script(take.script))
        height, width, _ = take.picture.shape
        with (
            workspace.writing(video) as path,
            VideoWriter(path, width, height, pixels="rgb24") as writer,
        ):
            for key in take.keys:
                for frame in take.tape.frames(key):
                    writer.write(frame)
    except OSError as error:
        raise OpenRelicError(f"the recording {take.name} is lost: {error}") from error
    finally:
        take.tape.close()
    return video
