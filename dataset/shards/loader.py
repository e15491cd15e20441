"""Reading samples back: by offset and size, each against the digest in the manifest.

A tar reader that meets a damaged header may skip the rest of a shard without a word, and notices
no flipped bit. Here every damaged sample is an error that names it.

    for sample in iterate_samples(Workspace("workspace"), "train"):
        for frame in sample.frames():  # RGB (H, W, 3) uint8, T of them
            ...
"""

import hashlib
import io
import json
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from dataset.errors import OpenRelicError
from dataset.shards.manifest import SampleRow, Split, read_manifest
from dataset.shards.samples import MEMBERS
from dataset.video import read_frame_indices, read_frames
from dataset.workspace import SHARDS, Workspace
from labeling.actions import ACTIONS


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


def iterate_samples(
    workspace: Workspace, split: Split | None = None, length: int | None = None
) -> Iterator[Sample]:
    """The samples of a split (None: of all), of one window length if given, in stored order."""
    for row in read_manifest(workspace):
        if split in (None, row.split) and length in (None, row.length):
            yield read_sample(workspace, row)


def read_sample(workspace: Workspace, row: SampleRow) -> Sample:
    """One sample; a damaged one raises `OpenRelicError` with its key and shard."""
    data = check_sample_bytes(workspace, row)
    members = _members(data, row)
    try:
        sample = Sample(
            row=row,
            mp4=members["mp4"],
            index=_array(members["index.npy"]),
            camera_from_world=_array(members["camera.npy"]),
            actions=_array(members["actions.npy"]),
            facts=json.loads(members["json"]),
        )
    except ValueError as error:
        raise OpenRelicError(f"{_title(row)} cannot be parsed: {error}") from error
    _check_shapes(sample)
    return sample


def _title(row: SampleRow) -> str:
    return f"sample {row.key} in {SHARDS}/{row.shard}"


def check_sample_bytes(workspace: Workspace, row: SampleRow) -> bytes:
    """A sample's bytes in its shard; damaged ones raise `OpenRelicError` with its name."""
    path = f"{SHARDS}/{row.shard}"
    remedy = (
        f"delete {workspace.location}/{path} and run `python -m dataset.build "
        f"{workspace.location}` with the settings in {SHARDS}/settings.json"
    )
    if not workspace.exists(path):
        raise OpenRelicError(f"{_title(row)} is missing, the shard is not there: {remedy}")
    data = workspace.read_range(path, row.offset, row.size)
    if len(data) != row.size:
        raise OpenRelicError(
            f"{_title(row)} is cut off, the shard ends within its {row.size} bytes: {remedy}"
        )
    if hashlib.sha256(data).hexdigest() != row.sha256:
        raise OpenRelicError(
            f"{_title(row)} is damaged, its SHA-256 is not that of the manifest: {remedy}"
        )
    return data


def _members(data: bytes, row: SampleRow) -> dict[str, bytes]:
    """Member name to bytes, in the order of `MEMBERS`."""
    members: dict[str, bytes] = {}
    with tarfile.open(fileobj=io.BytesIO(data), mode="r:") as tar:
        for entry in tar:
            key, _, name = entry.name.partition(".")
            file = tar.extractfile(entry)
            if key == row.key and file is not None:
                members[name] = file.read()
    if tuple(members) != MEMBERS:
        raise OpenRelicError(
            f"{_title(row)} has the members {', '.join(members)}; {', '.join(MEMBERS)} are needed"
        )
    return members


def _array(data: bytes) -> np.ndarray:
    return np.load(io.BytesIO(data), allow_pickle=False)


def _check_shapes(sample: Sample) -> None:
    length = sample.row.length
    found = sample.index.shape, sample.camera_from_world.shape, sample.actions.shape
    if found != ((length,), (length, 3, 4), (length, len(ACTIONS))):
        raise OpenRelicError(f"{_title(sample.row)} has arrays of shapes {found}; T is {length}")
