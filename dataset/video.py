"""The project's video files: writing, reading, checking and cutting them, with PyAV.

Every clip is H.264 High, yuv420p, constant 16 fps, a closed GOP of 16 frames and no B-frames, so
that a window that starts on a GOP border is cut by copying packets. Colours are BT.709, limited
range, and tagged so (`dataset.colour`). One thread each: workers have one core.

PyAV is imported inside functions: every stage imports this module.
"""

import os
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from dataset.clip import FPS, GOP_FRAMES
from dataset.colour import CHANNELS, PixelFormat, plane_psnr_db, planes, psnr_db, to_rgb, to_yuv
from dataset.errors import OpenRelicError

if TYPE_CHECKING:
    from av import VideoFrame
    from av.container import InputContainer, OutputContainer
    from av.video.stream import VideoStream

__all__ = [
    "VideoInfo", "VideoWriter", "cut_packets", "encode_preview", "encoding_psnr_db", "probe",
    "psnr_db", "read_frame_indices", "read_frames",
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
        if frame.shape != self._shape or frame.dtype != np.uint8:
            raise OpenRelicError(
                f"{self._path}: frame {self._frames} is {frame.dtype} {frame.shape}; "
                f"uint8 {self._shape} ({self._pixels}) is needed"
            )
        picture = to_yuv(self._reformatter, frame, self._pixels)
        picture.pts, picture.time_base = self._frames, Fraction(1, self._fps)
        self._container.mux(self._stream.encode(picture))
        self._frames += 1

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:
            self._discard()
            return
        try:
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


def probe(path: Path) -> VideoInfo:
    """Read every packet header of a video; a damaged or truncated file raises `OpenRelicError`."""
    with _opened(path) as (container, stream):
        order = [
            (_frame_number(stream, packet.pts), packet.is_keyframe)
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
            f"{path} is truncated: its header promises {expected} frames, {len(order)} are there"
        )
    return info


def read_frames(path: Path, start: int = 0, count: int | None = None) -> Iterator[np.ndarray]:
    """Frames `start`, `start` + 1, … as RGB (H, W, 3) uint8: `count` of them, or all to the end.

    Decoding begins at the keyframe before `start`. A file that is damaged, or has fewer frames
    than asked for, raises `OpenRelicError`.
    """
    from av.video.reformatter import VideoReformatter

    if start < 0 or (count is not None and count < 0):
        raise OpenRelicError(f"{path}: frames {start}..+{count} cannot be read")
    if count == 0:
        return
    reformatter, following = VideoReformatter(), start
    with _opened(path) as (container, stream):
        for number, picture in _decoded_from(container, stream, start):
            if number < start:
                continue
            if number != following:
                raise OpenRelicError(f"{path} is damaged: frame {following} cannot be decoded")
            yield to_rgb(reformatter, picture)
            following += 1
            if count is not None and following == start + count:
                return
        missing = stream.frames - following if count is None else start + count - following
    if missing > 0 or following == start:
        raise OpenRelicError(f"{path} ends at frame {following}; {start}..+{count} was asked for")


def read_frame_indices(path: Path, indices: Iterable[int]) -> Iterator[np.ndarray]:
    """The frames at `indices` (in any order, repeats allowed) as RGB (H, W, 3) uint8.

    Rising indices that are close together cost one pass; each other step costs up to a GOP.
    """
    wanted = [int(index) for index in indices]
    position = 0
    while position < len(wanted):
        run = position + 1
        while run < len(wanted) and 0 < wanted[run] - wanted[run - 1] <= GOP_FRAMES:
            run += 1
        first, last = wanted[position], wanted[run - 1]
        keep = set(wanted[position:run])
        for number, frame in enumerate(read_frames(path, first, last - first + 1), first):
            if number in keep:
                yield frame
        position = run


def cut_packets(source: Path, sink: Path, first: int, count: int) -> None:
    """Copy frames `first` to `first + count - 1` into a file of their own, without re-encoding.

    `first` must be a keyframe of a video without B-frames; the result starts at time 0.
    """
    import av

    with _opened(source) as (container, stream):
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
        raise OpenRelicError(f"{source} ends at frame {first + copied}, before {first + count}")


def _packets_of(
    container: "InputContainer", stream: "VideoStream", first: int, count: int
) -> Iterator[Any]:
    """Packets of the frames asked for, with times that start at 0."""
    _seek(container, stream, first)
    origin: int | None = None
    for packet in container.demux(stream):
        number = _frame_number(stream, packet.pts) if packet.size else first + count
        if number < first:
            continue
        if number >= first + count:
            return
        if origin is None:
            if number != first or not packet.is_keyframe:
                raise OpenRelicError(
                    f"{container.name}: a cut at frame {first} is not on a GOP border"
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


def encoding_psnr_db(path: Path, sources_bgra: dict[int, np.ndarray]) -> float:
    """Mean PSNR in dB of sampled frames: frame number -> the BGRA frame that was written.

    Of the luma and chroma planes that went into H.264 against those that come out of it; what
    4:2:0 itself loses is not counted.
    """
    from av.video.reformatter import VideoReformatter

    reformatter, values = VideoReformatter(), []
    for number in sorted(sources_bgra):
        with _opened(path) as (container, stream):
            decoded = _decoded_from(container, stream, number)
            after = next((planes(picture) for n, picture in decoded if n == number), None)
        if after is None:
            raise OpenRelicError(f"{path} has no frame {number}")
        before = planes(to_yuv(reformatter, sources_bgra[number]))
        values.append(plane_psnr_db(before, after))
    return float(np.mean(values))


class _opened:  # noqa: N801 - reads as a function
    """Open a video for reading; PyAV's errors become `OpenRelicError` with the file's name."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> tuple["InputContainer", "VideoStream"]:
        import av
        from av.error import FFmpegError

        try:
            self._container = av.open(str(self._path))
        except (FFmpegError, OSError) as error:
            raise OpenRelicError(f"{self._path} is not a readable video: {error}") from error
        if not self._container.streams.video:
            self._container.close()
            raise OpenRelicError(f"{self._path} holds no video stream")
        return self._container, self._container.streams.video[0]

    def __exit__(self, _: object, error: BaseException | None, *__: object) -> None:
        from av.error import FFmpegError

        self._container.close()
        if isinstance(error, FFmpegError):
            raise OpenRelicError(f"{self._path} is damaged: {error}") from error


def _frame_number(stream: "VideoStream", pts: int | None) -> int:
    """Frame number of a time stamp; the rate is constant."""
    if pts is None or stream.time_base is None or stream.average_rate is None:
        raise OpenRelicError("the video has no time stamps or no frame rate")
    return round((pts - (stream.start_time or 0)) * stream.time_base * stream.average_rate)


def _seek(container: "InputContainer", stream: "VideoStream", frame: int) -> None:
    """Go to the keyframe at or before `frame`."""
    if frame <= 0:
        return
    if stream.time_base is None or not stream.average_rate:
        raise OpenRelicError(f"{container.name} has no frame rate")
    pts = (stream.start_time or 0) + round(frame / (stream.time_base * stream.average_rate))
    container.seek(pts, stream=stream, backward=True)


def _decoded_from(
    container: "InputContainer", stream: "VideoStream", start: int
) -> Iterator[tuple[int, "VideoFrame"]]:
    stream.codec_context.thread_count = 1
    # A broken picture is an error here; by default the decoder would conceal it.
    stream.codec_context.options = {"err_detect": "explode"}
    _seek(container, stream, start)
    for picture in container.decode(stream):
        yield _frame_number(stream, picture.pts), picture
