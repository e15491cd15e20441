"""Tracks beside a clip's video: depth, normals and object masks, without loss.

A track is a parquet file with a row a frame, each a row group of its own, so any frame is read
without the others, compressed with Zstandard. `frame` is int32, the other column binary, a .npy
file of the frame's image, bit for bit what the engine sent. Any parquet reader opens it:

    numpy.load(io.BytesIO(pyarrow.parquet.read_table("mask.parquet")["npy"][12].as_py()))

- `mask` (H,W,3) uint8 RGB, the objects' colours, and `normal` (H,W,3) uint8, round(127.5 (n + 1))
  in Unreal's world axes, are in `npy` as they are.
- `depth` (H,W) float32, planar distance in cm, is in `delta_npy`: a sixth of the size. Its 32-bit
  patterns are differenced down the columns and along the rows, sign in the lowest bit, and stored
  as byte planes (4,H,W), the lowest byte first. `undo_delta` is the way back.
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
PLAIN, DELTA = "npy", "delta_npy"  # the column tells how images are kept


def delta(image: np.ndarray) -> np.ndarray:
    """A float32 image (H,W) as byte planes (4,H,W) of its differences, which compress well."""
    words = np.ascontiguousarray(image).view(np.uint32)
    across = np.diff(words, axis=1, prepend=np.uint32(0))
    signed = np.diff(across, axis=0, prepend=np.uint32(0)).view(np.int32)
    folded = np.ascontiguousarray((signed << 1) ^ (signed >> 31), dtype="<i4")
    return np.ascontiguousarray(np.moveaxis(folded.view(np.uint8).reshape(*image.shape, 4), 2, 0))


def undo_delta(planes: np.ndarray) -> np.ndarray:
    """The float32 image (H,W) of byte planes (4,H,W)."""
    folded = np.ascontiguousarray(np.moveaxis(planes, 0, 2)).view("<u4")[..., 0]
    words = (folded >> 1) ^ (0 - (folded & 1))
    across = np.cumsum(words, axis=0, dtype=np.uint32)
    return np.cumsum(across, axis=1, dtype=np.uint32).view(np.float32)


class TrackWriter:
    """Writes a track frame by frame; use it as a context manager.

    The file gets its name when the block ends without an exception; after one it is gone.
    """

    def __init__(self, path: Path) -> None:
        """Write to `path`."""
        self._path, self._part = path, Path(f"{path}.part")
        self._frames = 0
        self._writer: pq.ParquetWriter | None = None

    def __enter__(self) -> Self:
        return self

    def write(self, image: np.ndarray) -> None:
        """Append a frame's image; float32 images (H,W) are kept as differences."""
        kept_as = DELTA if image.dtype == np.float32 else PLAIN
        if self._writer is None:
            self._writer = self._open(kept_as)
        sink = io.BytesIO()
        np.save(sink, delta(image) if kept_as == DELTA else image, allow_pickle=False)
        row = [pa.array([self._frames], pa.int32()), pa.array([sink.getvalue()], pa.binary())]
        self._writer.write_batch(pa.record_batch(row, names=["frame", kept_as]))
        self._frames += 1

    def _open(self, kept_as: str) -> pq.ParquetWriter:
        return pq.ParquetWriter(
            self._part, pa.schema([("frame", pa.int32()), (kept_as, pa.binary())]),
            compression="zstd", compression_level=ZSTD_LEVEL, use_dictionary=False,
            write_statistics=False,
        )  # fmt: skip

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            if self._writer is not None:
                self._writer.close()
            elif kind is None:
                raise OpenRelicError(f"{self._path}: a track needs at least one frame")
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
                yield _image(table)
    except (pa.ArrowException, OSError, ValueError, KeyError) as error:
        raise OpenRelicError(f"{path} is no readable track ({error})") from error


def _image(table: pa.Table) -> np.ndarray:
    kept_as = DELTA if DELTA in table.column_names else PLAIN
    image = np.load(io.BytesIO(table[kept_as][0].as_buffer()), allow_pickle=False)
    return undo_delta(image) if kept_as == DELTA else image


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
