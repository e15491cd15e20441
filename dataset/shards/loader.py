"""Reading samples back: by offset and size, each against the digest in the manifest.

A tar reader that meets a damaged header may skip the rest of a shard without a word, and notices
no flipped bit. Here every damaged sample is an error that names it, or is skipped with a warning
that does. For batches, ranks and resuming see `dataset.shards.torch_loader`.

    for sample in iterate_samples(Workspace("workspace"), "train"):
        for frame in sample.frames():  # RGB (H, W, 3) uint8, T of them
            ...
"""

import io
import json
import logging
import tarfile
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Literal, Self

import numpy as np
from blake3 import blake3

from dataset.errors import OpenRelicError, StorageError
from dataset.shards.manifest import SampleRow, Split, read_manifest
from dataset.shards.samples import MEMBERS
from dataset.video import read_frame_indices, read_frames
from dataset.workspace import SHARDS, Workspace
from labeling.actions import ACTIONS

DamagePolicy = Literal["raise", "skip"]
READERS = 2
READ_AHEAD = 4  # samples that are held while one is used
log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Sample:
    """A sample of T frames; pictures are decoded when asked for.

    `index` int64 (T,), `camera_from_world` float64 (T,3,4) in metres, `actions` float32 (T,13),
    `facts` is the member `json`, and `mp4` the bytes of the video.
    """

    row: SampleRow
    mp4: bytes
    index: np.ndarray
    camera_from_world: np.ndarray
    actions: np.ndarray
    facts: dict[str, Any]

    @property
    def key(self) -> str:
        """The sample's key."""
        return self.row.key

    @property
    def caption(self) -> str:
        """The scene's caption, or an empty string."""
        return self.facts["caption"]

    def frames(self) -> Iterator[np.ndarray]:
        """The sample's T frames as they are played, RGB (H, W, 3) uint8."""
        return self._named(read_frame_indices(self.mp4, self.index.tolist()))

    def stored_frames(self) -> Iterator[np.ndarray]:
        """The video's own frames, each once: frame t of the sample is number `index[t]` of them."""
        return self._named(read_frames(self.mp4))

    def _named(self, frames: Iterator[np.ndarray]) -> Iterator[np.ndarray]:
        try:
            yield from frames
        except OpenRelicError as error:
            raise OpenRelicError(f"{_title(self.row)}: {error}") from error


class DamagedSampleError(OpenRelicError):
    """A sample is not what the manifest says; the text names it, its shard and the remedy."""

    @classmethod
    def of(cls, workspace: Workspace, row: SampleRow, what: str) -> Self:
        """The line for a sample and `what` is wrong with it."""
        return cls(
            f"{_title(row)} {what}: delete {workspace.location}/{SHARDS}/{row.shard} and run "
            f"`python -m dataset.build {workspace.location}` with the settings in "
            f"{SHARDS}/settings.json"
        )


def iterate_samples(
    workspace: Workspace,
    split: Split | None = None,
    length: int | None = None,
    *,
    damaged: DamagePolicy = "raise",
    check: bool = True,
) -> Iterator[Sample]:
    """The samples of a split (None: of all), of one window length if given, in stored order.

    `damaged`: `raise`, or `skip`, which logs a warning that names each. `check=False` compares no
    digests.
    """
    rows = [
        row
        for row in read_manifest(workspace)
        if split in (None, row.split) and length in (None, row.length)
    ]
    for read in _read_ahead(workspace, rows, check):
        try:
            yield read()
        except DamagedSampleError as error:
            if damaged == "raise":
                raise
            log.warning("skipped: %s", error)


def _read_ahead(
    workspace: Workspace, rows: list[SampleRow], check: bool
) -> Iterator[Callable[[], Sample]]:
    """For each row in order, a call that waits for its sample; a few are read ahead.

    Hashing and waiting for storage leave the interpreter to others, so both cost less time.
    """
    waiting: deque[Future[Sample]] = deque()
    with ThreadPoolExecutor(READERS) as pool:
        try:
            for row in rows:
                waiting.append(pool.submit(read_sample, workspace, row, check=check))
                if len(waiting) > READ_AHEAD:
                    yield waiting.popleft().result
            while waiting:
                yield waiting.popleft().result
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def read_sample(workspace: Workspace, row: SampleRow, *, check: bool = True) -> Sample:
    """One sample; a damaged one raises `DamagedSampleError` with its key and shard."""
    data = check_sample_bytes(workspace, row) if check else _read_bytes(workspace, row)
    try:
        members = tar_members(data, row.key)
        sample = Sample(
            row=row,
            mp4=bytes(members["mp4"]),
            index=_array(members["index.npy"]),
            camera_from_world=_array(members["camera.npy"]),
            actions=_array(members["actions.npy"]),
            facts=json.loads(bytes(members["json"])),
        )
        _check_shapes(sample)
    except (ValueError, KeyError, tarfile.HeaderError) as error:
        raise DamagedSampleError.of(workspace, row, f"cannot be parsed ({error})") from error
    return sample


def _title(row: SampleRow) -> str:
    return f"sample {row.key} in {SHARDS}/{row.shard}"


def check_sample_bytes(workspace: Workspace, row: SampleRow) -> bytes:
    """A sample's bytes in its shard; damaged ones raise `DamagedSampleError` with its name."""
    data = _read_bytes(workspace, row)
    if blake3(data).hexdigest() != row.blake3:
        raise DamagedSampleError.of(workspace, row, _what_is_wrong(data, row))
    return data


def _read_bytes(workspace: Workspace, row: SampleRow) -> bytes:
    path = f"{SHARDS}/{row.shard}"
    try:
        data = workspace.read_range(path, row.offset, row.size)
    except FileNotFoundError:
        what = "is missing, the shard is not there"
        raise DamagedSampleError.of(workspace, row, what) from None
    except StorageError:
        # Object storage refuses a range that begins behind the end.
        if workspace.size(path) > row.offset:
            raise
        data = b""
    if len(data) != row.size:
        what = f"is cut off, the shard ends within its {row.size} bytes"
        raise DamagedSampleError.of(workspace, row, what)
    return data


def _what_is_wrong(data: bytes, row: SampleRow) -> str:
    """Which kind of damage made the digest another one."""
    try:
        found = _header(data, 0).name.partition(".")[0]
    except tarfile.HeaderError:
        return "is damaged, its tar header cannot be read"
    if found != row.key:
        return f"is not there, the shard holds {found!r} in its place"
    return "is damaged, its digest is not that of the manifest"


def tar_members(data: bytes, key: str) -> dict[str, memoryview]:
    """Member name to bytes, of a sample's tar entries; the order and the names of `MEMBERS`.

    Raises `ValueError` or `tarfile.HeaderError` for anything else.
    """
    members: dict[str, memoryview] = {}
    view, offset = memoryview(data), 0
    while offset < len(data):
        entry = _header(data, offset)
        of, _, name = entry.name.partition(".")
        begin = offset + tarfile.BLOCKSIZE
        offset = begin + -(-entry.size // tarfile.BLOCKSIZE) * tarfile.BLOCKSIZE
        if of != key or offset > len(data):
            raise ValueError(f"an entry {entry.name!r} of {entry.size} bytes")
        members[name] = view[begin : begin + entry.size]
    if tuple(members) != MEMBERS:
        raise ValueError(f"the members {', '.join(members)} instead of {', '.join(MEMBERS)}")
    return members


def _header(data: bytes, offset: int) -> tarfile.TarInfo:
    block = data[offset : offset + tarfile.BLOCKSIZE]
    return tarfile.TarInfo.frombuf(block, "utf-8", "strict")


def _array(data: memoryview) -> np.ndarray:
    return np.load(io.BytesIO(data), allow_pickle=False)


def _check_shapes(sample: Sample) -> None:
    length = sample.row.length
    found = sample.index.shape, sample.camera_from_world.shape, sample.actions.shape
    if found != ((length,), (length, 3, 4), (length, len(ACTIONS))):
        raise ValueError(f"arrays of shapes {found}; T is {length}")
