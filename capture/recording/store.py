"""Where frames go: the video and the optional tracks of a clip, while it is recorded.

A frame is converted to H.264's colours in the thread that received it, which frees the memory that
it was received in; it is encoded in another thread, and each track is compressed in one of its own
(`Conveyor`). At most a few frames are held at a time.
"""

import contextlib
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, Self

import numpy as np

from capture.recording.conveyor import Conveyor
from capture.recording.frames import LIT
from capture.sessions.client import EngineLostError, Frame
from dataset.clip import TRACK_PASSES, VIDEO, track_file

if TYPE_CHECKING:
    pass

PSNR_FRAMES = 4


class Store(Protocol):
    """Takes the frames of a tour."""

    passes: tuple[str, ...]  # what it needs of each frame

    def add(self, number: int, frame: Frame) -> None:
        """Take a frame; what it refers to may be overwritten afterwards."""
        ...


class ClipStore:
    """Writes `video.mp4` and tracks into a folder; a context manager."""

    def __init__(
        self, folder: Path, size: tuple[int, int], tracks: tuple[str, ...], frames: int
    ) -> None:
        """`frames` of `size` (width, height) will come, with the passes of `tracks`."""
        self._folder, self._size = folder, size
        self._track_names = tracks
        self.passes = (LIT, *(TRACK_PASSES[track] for track in tracks))
        self._sampled = set(np.linspace(0, frames - 1, PSNR_FRAMES).astype(int).tolist())
        self.samples: dict[int, np.ndarray] = {}  # frames as drawn, for the PSNR

    def __enter__(self) -> Self:
        from dataset.tracks import TrackWriter
        from dataset.video import VideoWriter

        with contextlib.ExitStack() as sinks:
            writer = VideoWriter(self._folder / VIDEO, *self._size)
            self._video: VideoWriter = sinks.enter_context(writer)
            self._encoding = sinks.enter_context(Conveyor(self._video.encode, name="encode"))
            self._tracks: dict[str, Conveyor[np.ndarray]] = {}
            for track in self._track_names:
                file = sinks.enter_context(TrackWriter(self._folder / track_file(track)))
                conveyor = sinks.enter_context(Conveyor(file.write, name=track))
                self._tracks[TRACK_PASSES[track]] = conveyor
            self._sinks = sinks.pop_all()
        return self

    def add(self, number: int, frame: Frame) -> None:
        """See `Store`."""
        for name in self.passes:
            height, width = frame.passes[name].shape[:2]
            if (width, height) != self._size:
                raise EngineLostError(
                    f"the engine drew {name} of {width}x{height}, not {self._size[0]}x"
                    f"{self._size[1]}"
                )
        image = frame.passes[LIT]
        self._encoding.put(self._video.convert(image))
        for name, conveyor in self._tracks.items():
            conveyor.put(frame.passes[name].copy())
        if number in self._sampled:
            self.samples[number] = image.copy()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:  # fmt: skip
        self._sinks.__exit__(kind, error, trace)
