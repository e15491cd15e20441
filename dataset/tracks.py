"""Tracks beside a clip's video: depth, normals and object masks, without loss.

A track is a parquet file with a row a frame: `frame` (int32) and `npy` (binary), the frame's image
as a .npy file, bit for bit as the engine sent it. Each row is a row group of its own, compressed
with Zstandard, so any frame is read without the others, and any parquet reader opens the file:

    numpy.load(io.BytesIO(pyarrow.parquet.read_table("depth.parquet")["npy"][12].as_py()))

`depth` is (H,W) float32, planar distance in cm; `normal` (H,W,3) uint8, round(127.5 (n + 1)) in
Unreal's world axes; `mask` (H,W,3) uint8 RGB, the objects' colours.
"""

import io
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Self

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from dataset.clip import Clip, open_clip_file, track_file
from dataset.errors import OpenRelicError
from dataset.workspace import Workspace

ZSTD_LEVEL = 1
SCHEMA = pa.schema([("frame", pa.int32()), ("npy", pa.binary())])


class TrackWriter:
    """Writes a track frame by frame; use it as a context manager.

    The file gets its name when the block ends without an exception; after one it is gone.
    """

    def __init__(self, path: Path) -> None:
        """Write to `path`."""
        self._path, self._part = path, Path(f"{path}.part")
        self._frames = 0

    def __enter__(self) -> Self:
        self._writer = pq.ParquetWriter(
            self._part, SCHEMA, compression="zstd", compression_level=ZSTD_LEVEL,
            use_dictionary=False, write_statistics=False,
        )  # fmt: skip
        return self

    def write(self, image: np.ndarray) -> None:
        """Append a frame's image."""
        sink = io.BytesIO()
        np.save(sink, image, allow_pickle=False)
        row = [pa.array([self._frames], pa.int32()), pa.array([sink.getvalue()], pa.binary())]
        self._writer.write_batch(pa.record_batch(row, schema=SCHEMA))
        self._frames += 1

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            self._writer.close()
            if kind is None:
                os.replace(self._part, self._path)
        finally:
            self._part.unlink(missing_ok=True)


def read_images(path: Path, frames: Iterable[int] | None = None) -> Iterator[np.ndarray]:
    """The images of the given frames, in the order asked for, or all; each is read on its own."""
    try:
        with pq.ParquetFile(path) as file:
            count = file.num_row_groups
            for number in range(count) if frames is None else frames:
                if not 0 <= number < count:
                    raise OpenRelicError(f"{path} has frames 0 to {count - 1}, not {number}")
                table = file.read_row_group(number)
                if table["frame"].to_pylist() != [number]:
                    raise OpenRelicError(f"{path} is damaged: frame {number} is not at its place")
                yield np.load(io.BytesIO(table["npy"][0].as_buffer()), allow_pickle=False)
    except (pa.ArrowException, OSError, ValueError, KeyError) as error:
        raise OpenRelicError(f"{path} is no readable track ({error})") from error


def read_track_images(
    workspace: Workspace, clip: Clip, track: str, frames: Iterable[int] | None = None
) -> Iterator[np.ndarray]:
    """Images of a clip's `depth`, `normal` or `mask` at the given frames, or all of them."""
    if track not in clip.tracks:
        raise OpenRelicError(
            f"clip {clip.tour_id} has no track {track!r}; it has "
            f"{', '.join(clip.tracks) or 'none'}: capture with --tracks {track}"
        )
    with open_clip_file(workspace, clip, track_file(track)) as path:
        yield from read_images(path, frames)
