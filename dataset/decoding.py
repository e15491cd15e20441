"""Reading the project's videos: checking them, and decoding frames from any place.

A video is read from a path or from its bytes; `dataset.video` offers the public names. Frame
numbers come from time stamps, which is exact because the rate is constant.
"""

import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from dataset.clip import GOP_FRAMES
from dataset.colour import to_rgb
from dataset.errors import OpenRelicError

if TYPE_CHECKING:
    from av import VideoFrame
    from av.container import InputContainer
    from av.video.stream import VideoStream

VideoSource = Path | bytes


@dataclass(frozen=True, kw_only=True)
class VideoInfo:
    """What `probe` found: `keyframes` are frame numbers, `fps` is the average rate."""

    frames: int
    fps: Fraction
    width: int
    height: int
    codec: str
    profile: str
    pixel_format: str
    keyframes: tuple[int, ...]
    colorspace: int
    color_primaries: int
    color_trc: int
    color_range: int


def probe(source: VideoSource) -> VideoInfo:
    """Read every packet header of a video; a damaged or truncated file raises `OpenRelicError`."""
    with opened(source) as (container, stream):
        order = [
            (frame_number(stream, packet.pts), packet.is_keyframe)
            for packet in container.demux(stream)
            if packet.size
        ]
        expected = stream.frames
        context = stream.codec_context
        info = VideoInfo(
            frames=len(order),
            fps=stream.average_rate or Fraction(0),
            width=context.width,
            height=context.height,
            codec=context.name,
            profile=stream.profile or "",
            pixel_format=context.pix_fmt or "",
            keyframes=tuple(sorted(number for number, key in order if key)),
            colorspace=context.colorspace,
            color_primaries=context.color_primaries,
            color_trc=context.color_trc,
            color_range=context.color_range,
        )
    if not order or (expected and expected != len(order)):
        raise OpenRelicError(
            f"{source_name(source)} is truncated: its header promises {expected} frames, "
            f"{len(order)} are there"
        )
    return info


def read_frames(
    source: VideoSource, start: int = 0, count: int | None = None
) -> Iterator[np.ndarray]:
    """Frames `start`, `start` + 1, … as RGB (H, W, 3) uint8: `count` of them, or all to the end.

    Decoding begins at the keyframe before `start`. A file that is damaged, or has fewer frames
    than asked for, raises `OpenRelicError`.
    """
    from av.video.reformatter import VideoReformatter

    if start < 0 or (count is not None and count < 0):
        raise OpenRelicError(f"{source_name(source)}: frames {start}..+{count} cannot be read")
    if count == 0:
        return
    reformatter, following = VideoReformatter(), start
    with opened(source) as (container, stream):
        for number, picture in decoded_from(container, stream, start):
            if number < start:
                continue
            if number != following:
                raise OpenRelicError(
                    f"{source_name(source)} is damaged: frame {following} cannot be decoded"
                )
            yield to_rgb(reformatter, picture)
            following += 1
            if count is not None and following == start + count:
                return
        missing = stream.frames - following if count is None else start + count - following
    if missing > 0 or following == start:
        raise OpenRelicError(
            f"{source_name(source)} ends at frame {following}; {start}..+{count} was asked for"
        )


def read_frame_indices(source: VideoSource, indices: Iterable[int]) -> Iterator[np.ndarray]:
    """The frames at `indices` (in any order, repeats allowed) as RGB (H, W, 3) uint8.

    Rising indices that are close together cost one pass, falling ones one decode of each GOP, and
    every other step up to a GOP. No more than a GOP of frames is held.
    """
    wanted = [int(index) for index in indices]
    position = 0
    while position < len(wanted):
        run = wanted[position : _run_end(wanted, position)]
        if run[-1] >= run[0]:
            keep = set(run)
            frames = enumerate(read_frames(source, run[0], run[-1] - run[0] + 1), run[0])
            yield from (frame for number, frame in frames if number in keep)
        else:
            held = list(read_frames(source, run[-1], run[0] - run[-1] + 1))
            yield from (held[number - run[-1]] for number in run)
        position += len(run)


def _run_end(wanted: list[int], start: int) -> int:
    """Where the run of close rising indices, or of falling ones in a GOP, ends that starts here."""
    end = start + 1
    if end < len(wanted) and wanted[end] < wanted[start]:
        gop = wanted[start] // GOP_FRAMES
        while end < len(wanted) and wanted[end] < wanted[end - 1]:
            if wanted[end] // GOP_FRAMES != gop:
                break
            end += 1
        return end
    while end < len(wanted) and 0 < wanted[end] - wanted[end - 1] <= GOP_FRAMES:
        end += 1
    return end


def source_name(source: VideoSource) -> str:
    """What an error calls the video."""
    return f"a video of {len(source)} bytes" if isinstance(source, bytes) else str(source)


def _openable(source: VideoSource) -> str | io.BytesIO:
    return io.BytesIO(source) if isinstance(source, bytes) else str(source)


class opened:  # noqa: N801 - reads as a function
    """Open a video for reading; PyAV's errors become `OpenRelicError` with the file's name."""

    def __init__(self, source: VideoSource) -> None:
        self._source = source

    def __enter__(self) -> tuple["InputContainer", "VideoStream"]:
        import av
        from av.error import FFmpegError

        try:
            self._container: InputContainer = av.open(_openable(self._source), "r")
        except (FFmpegError, OSError) as error:
            raise OpenRelicError(
                f"{source_name(self._source)} is not a readable video: {error}"
            ) from error
        if not self._container.streams.video:
            self._container.close()
            raise OpenRelicError(f"{source_name(self._source)} holds no video stream")
        return self._container, self._container.streams.video[0]

    def __exit__(self, _: object, error: BaseException | None, *__: object) -> None:
        from av.error import FFmpegError

        self._container.close()
        if isinstance(error, FFmpegError):
            raise OpenRelicError(f"{source_name(self._source)} is damaged: {error}") from error


def frame_number(stream: "VideoStream", pts: int | None) -> int:
    """Frame number of a time stamp; the rate is constant."""
    if pts is None or stream.time_base is None or stream.average_rate is None:
        raise OpenRelicError("the video has no time stamps or no frame rate")
    return round((pts - (stream.start_time or 0)) * stream.time_base * stream.average_rate)


def seek(container: "InputContainer", stream: "VideoStream", frame: int) -> None:
    """Go to the keyframe at or before `frame`."""
    if frame <= 0:
        return
    if stream.time_base is None or not stream.average_rate:
        raise OpenRelicError(f"{container.name} has no frame rate")
    pts = (stream.start_time or 0) + round(frame / (stream.time_base * stream.average_rate))
    container.seek(pts, stream=stream, backward=True)


def decoded_from(
    container: "InputContainer", stream: "VideoStream", start: int
) -> Iterator[tuple[int, "VideoFrame"]]:
    """Decoded pictures with their numbers, from the keyframe at or before `start`."""
    stream.codec_context.thread_count = 1
    # A broken picture is an error here; by default the decoder would conceal it.
    stream.codec_context.options = {"err_detect": "explode"}
    seek(container, stream, start)
    for picture in container.decode(stream):
        yield frame_number(stream, picture.pts), picture
