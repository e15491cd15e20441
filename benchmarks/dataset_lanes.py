"""What `benchmarks.dataset` measures: each lane does one thing in one way, and returns its bytes or
frames."""

import contextlib
import hashlib
import importlib
import importlib.util
import io
import json
import os
import re
import shutil
import sys
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from blake3 import blake3

from dataset.shards.layout import Shard
from dataset.shards.loader import iterate_samples
from dataset.shards.samples import ClipSource, sample_members
from dataset.shards.windows import Window
from dataset.shards.writing import END_OF_ARCHIVE, tar_entries, write_shard
from dataset.video import read_frame_indices, read_frames
from dataset.workspace import SHARDS, Workspace

Members = list[tuple[str, dict[str, bytes]]]


def members_of(workspace: Workspace) -> Members:
    """Every sample's members, by key."""
    found: Members = []
    for path in sorted(Path(workspace.location, SHARDS).glob("*.tar")):
        with tarfile.open(path) as tar:
            samples: dict[str, dict[str, bytes]] = {}
            for entry in tar:
                key, _, name = entry.name.partition(".")
                file = tar.extractfile(entry)
                samples.setdefault(key, {})[name] = file.read() if file else b""
        found += samples.items()
    return found


def write_ours(samples: Members, folder: Path) -> int:
    """Tar entries with a digest a sample, written durably under a temporary name."""
    workspace, rows, size = Workspace(folder), [], 0
    with workspace.writing("ours.tar") as temporary, temporary.open("wb") as sink:
        for key, members in samples:
            entries = tar_entries(key, members)
            rows.append((key, size, blake3(entries).hexdigest()))
            sink.write(entries)
            size += len(entries)
        sink.write(END_OF_ARCHIVE)
    workspace.write_json("ours.json", rows)
    return size


def write_plain(samples: Members, folder: Path) -> int:
    """Python's tarfile, then SHA-256 of the file and fsync: what anybody would do by hand."""
    path = folder / "plain.tar"
    with path.open("wb") as sink:
        with tarfile.open(fileobj=sink, mode="w", format=tarfile.USTAR_FORMAT) as tar:
            for key, members in samples:
                for name, data in members.items():
                    info = tarfile.TarInfo(f"{key}.{name}")
                    info.size = len(data)
                    tar.addfile(info, io.BytesIO(data))
        sink.flush()
        os.fsync(sink.fileno())
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    (folder / "plain.sha256").write_text(digest)
    return path.stat().st_size


def write_webdataset(samples: Members, folder: Path) -> int:
    """The writer of webdataset: neither durable nor with digests."""
    writer = importlib.import_module("webdataset.writer").TarWriter(str(folder / "theirs.tar"))
    with contextlib.closing(writer):
        for key, members in samples:
            writer.write({"__key__": key, **members})
    return (folder / "theirs.tar").stat().st_size


def write_mosaic(samples: Members, folder: Path) -> int:
    """mosaicml-streaming's writer with SHA-256 of each shard; not durable."""
    streaming = mosaic()
    out = folder / "mds"
    shutil.rmtree(out, ignore_errors=True)
    columns = {"key": "str", **dict.fromkeys(samples[0][1], "bytes")}
    with streaming.MDSWriter(
        out=str(out), columns=columns, hashes=["sha256"], size_limit=1 << 30
    ) as writer:
        for key, members in samples:
            writer.write({"key": key, **members})
    return sum(path.stat().st_size for path in out.iterdir())


def read_ours(workspace: Workspace, check: bool) -> int:
    """Our loader: every sample's arrays and video bytes."""
    return sum(len(sample.mp4) for sample in iterate_samples(workspace, check=check))


def read_webdataset(workspace: Workspace) -> int:
    """webdataset, with the same arrays parsed."""
    compat = importlib.import_module("webdataset.compat")
    urls = [str(path) for path in sorted(Path(workspace.location, SHARDS).glob("*.tar"))]
    total = 0
    for sample in compat.WebDataset(urls, shardshuffle=False):
        for name in ("index.npy", "camera.npy", "actions.npy"):
            np.load(io.BytesIO(sample[name]))
        json.loads(sample["json"])
        total += len(sample["mp4"])
    return total


def read_mosaic(folder: Path) -> int:
    """mosaicml-streaming from its local shards, with the same arrays parsed; checks nothing."""
    dataset = mosaic().LocalDataset(local=str(folder / "mds"))
    total = 0
    for number in range(len(dataset)):
        sample = dataset[number]
        for name in ("index.npy", "camera.npy", "actions.npy"):
            np.load(io.BytesIO(sample[name]))
        json.loads(sample["json"])
        total += len(sample["mp4"])
    return total


def decode_ours(video: Path, first: int, count: int) -> int:
    """Frames of a window at any place, as RGB arrays."""
    return sum(1 for _ in read_frames(video, first, count))


def decode_palindrome(video: Path, first: int, count: int) -> int:
    """A window that goes back from its middle: its way back is decoded GOP by GOP."""
    pivot = count // 2
    index = first + pivot - np.abs(pivot - np.arange(count))
    return sum(1 for _ in read_frame_indices(video, index.tolist()))


def decode_bare(video: Path, first: int, count: int) -> int:
    """PyAV alone: seek, decode, RGB; nothing is checked. The frames are used as ours are."""
    return sum(1 for _ in _bare_frames(video, first, count))


def _bare_frames(video: Path, first: int, count: int) -> Iterator[np.ndarray]:
    import av
    from av.video.reformatter import VideoReformatter

    from dataset.colour import to_rgb

    reformatter, found = VideoReformatter(), 0
    with av.open(str(video)) as container:
        stream = container.streams.video[0]
        stream.codec_context.thread_count = 1
        base, rate = stream.time_base, stream.average_rate
        if base is None or rate is None:
            raise ValueError(f"{video} has no rate")
        begin = round(first / (base * rate))
        container.seek(begin, stream=stream, backward=True)
        for picture in container.decode(stream):
            if (picture.pts or 0) < begin:
                continue
            yield to_rgb(reformatter, picture)
            found += 1
            if found == count:
                break


def build_palindromes(source: ClipSource, windows: list[Window]) -> int:
    """Samples made from a clip: video cut, poses and labels turned back; the bytes made."""
    return sum(
        len(data) for window in windows for data in sample_members(source, window, "").values()
    )


def build_shard(workspace: Workspace, shard: Shard) -> int:
    """A whole shard, from clips to committed bytes."""
    rows = write_shard(workspace, shard, "default", lambda _: None)
    return sum(row.size for row in rows)


def optional(name: str, lane: Callable[[], Any]) -> Iterator[tuple[str, Callable[[], Any]]]:
    """The lane, if its package can be imported."""
    try:
        lane()
    except ImportError as error:
        sys.stderr.write(f"{name} is left out: {error}\n")
        return
    yield name, lane


def mosaic() -> Any:
    """The module `streaming` of mosaicml-streaming."""
    if importlib.util.find_spec("streaming") is None:
        raise ImportError("mosaicml-streaming is not installed")
    lend_operators()
    return importlib.import_module("streaming")


def lend_operators() -> None:
    """Let torchvision be imported beside a torch that it was not built for.

    mosaicml-streaming imports it for pictures that nobody has here; what it lacks are operators.
    """
    import torch

    found = importlib.util.find_spec("torchvision")
    if found is None or found.origin is None or "torchvision" in sys.modules:
        return
    text = Path(found.origin).with_name("_meta_registrations.py").read_text()
    library = torch.library.Library("torchvision", "FRAGMENT")
    for name in set(re.findall(r'register_(?:meta|fake)\("(?:torchvision::)?(\w+)"', text)):
        with contextlib.suppress(RuntimeError):
            library.define(f"{name}(Tensor a) -> Tensor")
    lend_operators.library = library  # type: ignore[attr-defined]
