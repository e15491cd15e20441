"""Samples' pictures at the model's size, each video decoded once.

A picture is cropped and resized as `dataset.resize` says, but on its luma and chroma planes and on
the way to RGB: a full-size RGB picture costs as much as decoding does. The two ways differ by less
than a level on average, as both are area means of the same pixels.

A palindrome's video is the beginning of its window's, cut from the same packets, so pictures that
were decoded for one serve the other.
"""

import threading
from collections import OrderedDict
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from dataset.colour import to_rgb
from dataset.decoding import VideoSource, decoded_from, opened, source_name
from dataset.errors import OpenRelicError
from dataset.resize import Crop, centre_crop, resize_frame
from dataset.shards.loader import Sample
from dataset.shards.manifest import SampleRow

if TYPE_CHECKING:
    from av import VideoFrame
    from av.filter import Graph
    from av.video.stream import VideoStream

KEPT_BYTES = 256 << 20


def video_of(row: SampleRow) -> tuple[str, str, int]:
    """What samples that begin with the same pictures have in common."""
    return row.tour, row.clip_digest, row.first_frame


class SmallFrames:
    """Gives samples' frames, and keeps the lately decoded videos within `KEPT_BYTES`."""

    def __init__(self, width: int, height: int) -> None:
        """Pictures become `width` x `height`."""
        self._width, self._height = width, height
        self._kept: OrderedDict[tuple[str, str, int], np.ndarray] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, sample: Sample) -> np.ndarray:
        """The sample's frames as they are played, (T, height, width, 3) uint8."""
        video = video_of(sample.row)
        with self._lock:
            stored = self._kept.get(video)
        if stored is None or len(stored) <= sample.index.max():
            stored = self._decoded(sample)
            self._keep(video, stored)
        return stored[sample.index]

    def _decoded(self, sample: Sample) -> np.ndarray:
        try:
            return np.stack(list(read_resized(sample.mp4, self._width, self._height)))
        except OpenRelicError as error:
            raise OpenRelicError(f"sample {sample.key}: {error}") from error

    def _keep(self, video: tuple[str, str, int], frames: np.ndarray) -> None:
        with self._lock:
            self._kept[video] = frames
            self._kept.move_to_end(video)
            while sum(kept.nbytes for kept in self._kept.values()) > KEPT_BYTES:
                self._kept.popitem(last=False)


def read_resized(source: VideoSource, width: int, height: int) -> Iterator[np.ndarray]:
    """All frames of a video, centre-cropped and resized, as RGB (height, width, 3) uint8."""
    following = 0
    with opened(source) as (container, stream):
        resizer, promised = Resizer(stream, width, height), stream.frames
        for number, picture in decoded_from(container, stream, 0):
            if number != following:
                raise OpenRelicError(
                    f"{source_name(source)} is damaged: frame {following} cannot be decoded"
                )
            yield resizer.resize(picture)
            following += 1
    if following == 0 or following < promised:
        raise OpenRelicError(f"{source_name(source)} ends at frame {following} of {promised}")


class Resizer:
    """Makes of a video's decoded pictures what `resize_frame` makes of RGB ones."""

    def __init__(self, stream: "VideoStream", width: int, height: int) -> None:
        """For the pictures of a stream, to `width` x `height`."""
        from av.video.reformatter import VideoReformatter

        self._size = width, height
        self._reformatter = VideoReformatter()
        source = stream.codec_context
        crop = centre_crop(source.width, source.height, width, height)
        sides = (crop.left, crop.top, crop.width, crop.height)
        # Chroma has half the resolution: a crop on odd pixels cannot be cut from its planes.
        whole_chroma = source.pix_fmt == "yuv420p" and not any(side % 2 for side in sides)
        self._cutter = _cutter(stream, crop) if whole_chroma else None

    def resize(self, picture: "VideoFrame") -> np.ndarray:
        """RGB (height, width, 3) uint8."""
        if self._cutter is None:
            return resize_frame(to_rgb(self._reformatter, picture), *self._size)
        self._cutter.push(picture)
        return to_rgb(self._reformatter, self._cutter.vpull(), self._size)


def _cutter(stream: "VideoStream", crop: Crop) -> "Graph":
    """Cuts a rectangle out of each picture, in place; where chroma lies in a pixel stays known."""
    from av.filter import Graph

    graph = Graph()
    graph.threads = 1
    graph.link_nodes(
        graph.add_buffer(template=stream),
        graph.add("crop", f"{crop.width}:{crop.height}:{crop.left}:{crop.top}"),
        graph.add("buffersink"),
    ).configure()
    return graph
