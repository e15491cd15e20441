"""The project's video files: writing, reading, checking and cutting them, with PyAV.

Every clip is H.264 High, yuv420p, constant 16 fps, a closed GOP of 16 frames and no B-frames, so
that a window that starts on a GOP border is cut by copying packets. Colours are BT.709, limited
range, and tagged so (`dataset.colour`). One thread each: workers have one core.

A video is read from a path or from its bytes (`dataset.decoding`). PyAV is imported inside
functions: every stage imports this module.
"""

import os
import tempfile
from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from dataset.clip import FPS, GOP_FRAMES
from dataset.colour import CHANNELS, PixelFormat, plane_psnr_db, planes, psnr_db, to_yuv
from dataset.decoding import (
    VideoInfo,
    VideoSource,
    decoded_from,
    frame_number,
    opened,
    probe,
    read_frame_indices,
    read_frames,
    seek,
    source_name,
)
from dataset.errors import OpenRelicError

if TYPE_CHECKING:
    from av import VideoFrame
    from av.container import InputContainer, OutputContainer
    from av.video.stream import VideoStream

__all__ = [
    "VideoInfo", "VideoSource", "VideoWriter", "cut_packets", "encode_preview",
    "encoding_psnr_db", "probe", "psnr_db", "read_frame_indices", "read_frames",
]  # fmt: skip

CRF = 20
PRESET = "superfast"
PREVIEW_CRF = 28
BT709 = 1  # the same number for matrix, primaries and transfer
LIMITED_RANGE = 1
# bitexact leaves out the creation time and the muxer's version: same frames, same bytes.
MUXER_OPTIONS = {"movflags": "+faststart", "fflags": "+bitexact"}


class VideoWriter:
    """Writes an H.264 file frame by frame; use it as a context manager.

    The file gets its name when the block ends without an exception; before that it is
    `<name>.part`, and after an exception it is gone.
    """

    def __init__(
        self,
        path: Path,
        width: int,
        height: int,
        fps: int = FPS,
        *,
        crf: int = CRF,
        preset: str = PRESET,
        gop_frames: int = GOP_FRAMES,
        pixels: PixelFormat = "bgra",
    ) -> None:
        """Frames will be (height, width, channels of `pixels`) uint8; both sides must be even."""
        if width % 2 or height % 2:
            raise OpenRelicError(f"{path}: yuv420p needs even sides, not {width}x{height}")
        self._path, self._part = Path(path), Path(f"{path}.part")
        self._shape = (height, width, CHANNELS[pixels])
        self._pixels: PixelFormat = pixels
        self._fps, self._frames = fps, 0
        self._options = {
            "crf": str(crf),
            "preset": preset,
            "profile": "high",
            # No scene cuts: a keyframe off the grid would be a window border nobody expects.
            "x264-params": f"keyint={gop_frames}:min-keyint={gop_frames}:scenecut=0:bframes=0:"
            "open-gop=0:threads=1:sliced-threads=0",
        }

    def __enter__(self) -> Self:
        import av
        from av.video.reformatter import VideoReformatter

        self._reformatter = VideoReformatter()
        self._container: OutputContainer = av.open(
            str(self._part), "w", format="mp4", options=MUXER_OPTIONS
        )
        try:
            self._stream = self._add_stream()
        except BaseException:
            self._discard()
            raise
        return self

    def _add_stream(self) -> "VideoStream":
        stream = self._container.add_stream("libx264", rate=self._fps, options=self._options)
        stream.height, stream.width, _ = self._shape
        stream.pix_fmt = "yuv420p"
        context = stream.codec_context
        context.thread_count = 1
        context.colorspace = context.color_primaries = context.color_trc = BT709
        context.color_range = LIMITED_RANGE
        return stream

    @property
    def frames(self) -> int:
        """Frames written so far."""
        return self._frames

    def write(self, frame: np.ndarray) -> None:
        """Encode one frame, (H, W, 4) uint8 in BGRA order unless the writer was told otherwise."""
        self.encode(self.convert(frame))

    def convert(self, frame: np.ndarray) -> "VideoFrame":
        """The first half of `write`: the frame in H.264's colours. `frame` is free afterwards."""
        if frame.shape != self._shape or frame.dtype != np.uint8:
            raise OpenRelicError(
                f"{self._path}: frame {self._frames} is {frame.dtype} {frame.shape}; "
                f"uint8 {self._shape} ({self._pixels}) is needed"
            )
        return to_yuv(self._reformatter, frame, self._pixels)

    def encode(self, picture: "VideoFrame") -> None:
        """The second half; it may run in another thread than `convert`, in the same order."""
        picture.pts, picture.time_base = self._frames, Fraction(1, self._fps)
        self._container.mux(self._stream.encode(picture))
        self._frames += 1

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:
            self._discard()
            return
        try:
            if not self._frames:
                raise OpenRelicError(f"{self._path}: a video needs at least one frame")
            self._container.mux(self._stream.encode())
            self._container.close()
        except BaseException:
            self._discard()
            raise
        os.replace(self._part, self._path)

    def _discard(self) -> None:
        try:
            self._container.close()
        finally:
            self._part.unlink(missing_ok=True)


def cut_packets(source: VideoSource, sink: Path, first: int, count: int) -> None:
    """Copy frames `first` to `first + count - 1` into a file of their own, without re-encoding.

    `first` must be a keyframe of a video without B-frames; the result starts at time 0.
    """
    import av

    with opened(source) as (container, stream):
        packets = _packets_of(container, stream, first, count)
        with av.open(str(sink), "w", format="mp4", options=MUXER_OPTIONS) as output:
            copy = output.add_stream_from_template(stream)
            # Without the rate and the clock of the source the muxer guesses its own.
            copy.time_base = stream.time_base
            copied = 0
            for packet in packets:
                packet.stream = copy
                output.mux(packet)
                copied += 1
    if copied != count:
        raise OpenRelicError(
            f"{source_name(source)} ends at frame {first + copied}, before {first + count}"
        )


def _packets_of(
    container: "InputContainer", stream: "VideoStream", first: int, count: int
) -> Iterator[Any]:
    """Packets of the frames asked for, with times that start at 0."""
    seek(container, stream, first)
    origin: int | None = None
    for packet in container.demux(stream):
        number = frame_number(stream, packet.pts) if packet.size else first + count
        if number < first:
            continue
        if number >= first + count:
            return
        if origin is None:
            if number != first or not packet.is_keyframe:
                raise OpenRelicError(
                    f"a cut at frame {first} of {container.name} is not on a GOP border"
                )
            origin = packet.pts or 0
        if packet.pts != packet.dts:
            raise OpenRelicError(f"{container.name} has B-frames: windows cannot be cut from it")
        packet.pts = packet.dts = (packet.pts or 0) - origin
        yield packet


def encode_preview(frames: Iterable[np.ndarray], fps: int, width: int, height: int) -> bytes:
    """RGB frames, (H, W, 3) uint8 of any one size, as a small MP4 of `width` x `height`.

    H.264, yuv420p and faststart: browsers play it, also as a data URI.
    """
    from av import VideoFrame
    from av.video.reformatter import Interpolation, VideoReformatter

    reformatter = VideoReformatter()
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "preview.mp4"
        with VideoWriter(
            path, width, height, fps, crf=PREVIEW_CRF, preset="fast", gop_frames=4 * fps,
            pixels="rgb24",
        ) as writer:  # fmt: skip
            for frame in frames:
                source = VideoFrame.from_ndarray(np.ascontiguousarray(frame), format="rgb24")
                small = reformatter.reformat(
                    source, width, height, interpolation=Interpolation.AREA, threads=1
                )
                writer.write(small.to_ndarray())
        return path.read_bytes()


def encoding_psnr_db(source: VideoSource, sources_bgra: dict[int, np.ndarray]) -> float:
    """Mean PSNR in dB of sampled frames: frame number -> the BGRA frame that was written.

    Of the luma and chroma planes that went into H.264 against those that come out of it; what
    4:2:0 itself loses is not counted.
    """
    from av.video.reformatter import VideoReformatter

    reformatter, values = VideoReformatter(), []
    for number in sorted(sources_bgra):
        with opened(source) as (container, stream):
            decoded = decoded_from(container, stream, number)
            after = next((planes(picture) for n, picture in decoded if n == number), None)
        if after is None:
            raise OpenRelicError(f"{source_name(source)} has no frame {number}")
        before = planes(to_yuv(reformatter, sources_bgra[number]))
        values.append(plane_psnr_db(before, after))
    return float(np.mean(values))
