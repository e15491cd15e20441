"""A workspace on disk: its paths, and how files are read, written and committed.

A workspace is a local folder or any URI that `pyarrow.fs` opens (`s3://`, `gs://`). Object storage
has no rename, so nothing here relies on one: a file counts once its commit record exists, and local
writes go through a temporary name, fsync and rename so that no half-written file has a final name.

    plan.parquet
    clips/<tour_id>/clip.json, clips/<tour_id>/<attempt>/{video.mp4,camera.parquet,...}
    labels/<set>/<tour_id>.parquet
    shards/<split>-NNNNNN.tar, manifest.parquet, README.md
    latents/ runs/ report/<stage>.html
"""

import contextlib
import hashlib
import json
import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.fs as pafs
import pyarrow.parquet as pq

from dataset.errors import OpenRelicError

PLAN = "plan.parquet"
CLIPS = "clips"
LABELS = "labels"
SHARDS = "shards"
REPORT = "report"


class Workspace:
    """Reads and writes files below one root; every path is relative to it, with `/`."""

    def __init__(self, location: str | os.PathLike[str]) -> None:
        """Open a local folder or a URI; nothing is created yet."""
        self.location = str(location)
        try:
            if "://" in self.location:
                self._fs, self._root = pafs.FileSystem.from_uri(self.location)
            else:
                self._fs, self._root = pafs.LocalFileSystem(), str(Path(self.location).absolute())
        except (pa.ArrowInvalid, OSError) as error:
            raise OpenRelicError(
                f"workspace {self.location!r} cannot be opened ({error}); "
                "give a folder, or a URI such as s3://bucket/folder"
            ) from error

    @property
    def local_root(self) -> Path | None:
        """The root as a local folder, or None on object storage."""
        return Path(self._root) if isinstance(self._fs, pafs.LocalFileSystem) else None

    def _full(self, path: str) -> str:
        return f"{self._root.rstrip('/')}/{path}" if path else self._root

    def exists(self, path: str) -> bool:
        """Whether `path` is a file or a folder."""
        return self._fs.get_file_info(self._full(path)).type != pafs.FileType.NotFound

    def list_names(self, folder: str) -> list[str]:
        """Names directly below `folder`, sorted; empty if it does not exist."""
        selector = pafs.FileSelector(self._full(folder), allow_not_found=True)
        return sorted(info.base_name for info in self._fs.get_file_info(selector))

    def list_tree(self, folder: str, depth: int) -> list[str]:
        """Paths of what is down to `depth` levels below `folder`, relative to it, sorted."""
        start = self._full(folder)
        selector = pafs.FileSelector(start, allow_not_found=True, recursive=True)
        return sorted(info.path[len(start) + 1 :] for info in self._fs.get_file_info(selector))

    def size(self, path: str) -> int:
        """Bytes of the file `path`."""
        return int(self._fs.get_file_info(self._full(path)).size)

    def read_bytes(self, path: str) -> bytes:
        """The whole file; `FileNotFoundError` if there is none."""
        with self._fs.open_input_stream(self._full(path)) as stream:
            return stream.read()

    def read_range(self, path: str, offset: int, size: int) -> bytes:
        """`size` bytes of the file from byte `offset`."""
        with self._fs.open_input_file(self._full(path)) as file:
            file.seek(offset)
            return file.read(size)

    def write_bytes(self, path: str, data: bytes) -> None:
        """Write the file whole and durably, replacing one that is there."""
        with self.writing(path) as temporary:
            temporary.write_bytes(data)

    @contextlib.contextmanager
    def writing(self, path: str) -> Iterator[Path]:
        """Yield a local path to write to; on a clean exit it becomes `path`, whole and durable.

        After an exception nothing has `path`'s name that had not before.
        """
        root = self.local_root
        if root is None:
            with tempfile.TemporaryDirectory() as scratch:
                temporary = Path(scratch) / "file"
                yield temporary
                self._upload(temporary, path)
            return
        final = root / path
        final.parent.mkdir(parents=True, exist_ok=True)
        temporary = final.with_name(f".{final.name}.{uuid.uuid4().hex[:8]}.tmp")
        try:
            yield temporary
            _fsync(temporary)
            temporary.replace(final)
            _fsync(final.parent)
        finally:
            temporary.unlink(missing_ok=True)

    def claim_bytes(self, path: str, data: bytes) -> bool:
        """Write the file unless it is there; return whether this call wrote it.

        Locally this is atomic against other processes (a hard link either takes the name or
        fails). On object storage it is a check followed by a write.
        """
        root = self.local_root
        if root is None:
            if self.exists(path):
                return False
            self.write_bytes(path, data)
            return True
        final = root / path
        final.parent.mkdir(parents=True, exist_ok=True)
        temporary = final.with_name(f".{final.name}.{uuid.uuid4().hex[:8]}.tmp")
        try:
            temporary.write_bytes(data)
            _fsync(temporary)
            os.link(temporary, final)
            _fsync(final.parent)
        except FileExistsError:
            return False
        finally:
            temporary.unlink(missing_ok=True)
        return True

    def put_file(self, local: Path, path: str) -> None:
        """Copy a local file to `path`, durably."""
        with self.writing(path) as temporary:
            shutil.copyfile(local, temporary)

    @contextlib.contextmanager
    def reading(self, path: str) -> Iterator[Path]:
        """Yield a local path that holds the file (the file itself, or a temporary copy)."""
        root = self.local_root
        if root is not None:
            yield root / path
            return
        with tempfile.TemporaryDirectory() as scratch:
            copy = Path(scratch) / Path(path).name
            copy.write_bytes(self.read_bytes(path))
            yield copy

    def delete_folder(self, folder: str) -> None:
        """Remove a folder and all below it, if it is there."""
        if self.exists(folder):
            self._fs.delete_dir(self._full(folder))

    def delete_file(self, path: str) -> None:
        """Remove a file, if it is there."""
        if self.exists(path):
            self._fs.delete_file(self._full(path))

    def read_json(self, path: str) -> Any:
        """The file parsed as JSON; an unreadable one raises `OpenRelicError` with its name."""
        try:
            return json.loads(self.read_bytes(path))
        except (json.JSONDecodeError, UnicodeDecodeError) as error:
            raise OpenRelicError(f"{self.location}/{path} is not valid JSON: {error}") from error

    def write_json(self, path: str, value: Any) -> None:
        """Write `value` as indented JSON with sorted keys."""
        self.write_bytes(path, json_bytes(value))

    def read_table(self, path: str) -> pa.Table:
        """The parquet file as a table; a damaged one raises `OpenRelicError` with its name."""
        try:
            # No threads of Arrow's: one that still holds our bytes when Python ends aborts it.
            source = pa.BufferReader(self.read_bytes(path))
            return pq.ParquetFile(source, pre_buffer=False).read(use_threads=False)
        except FileNotFoundError:
            raise
        except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
            # Damaged pages raise OSError, damaged column names UnicodeDecodeError.
            raise OpenRelicError(
                f"{self.location}/{path} is not a readable parquet file: {error}"
            ) from error

    def write_table(self, path: str, table: pa.Table) -> None:
        """Write a parquet file (zstd)."""
        sink = pa.BufferOutputStream()
        pq.write_table(table, sink, compression="zstd")
        self.write_bytes(path, sink.getvalue().to_pybytes())

    def _upload(self, local: Path, path: str) -> None:
        self._fs.create_dir(os.path.dirname(self._full(path)), recursive=True)
        with local.open("rb") as source, self._fs.open_output_stream(self._full(path)) as sink:
            shutil.copyfileobj(source, sink, 1 << 20)


def json_bytes(value: Any) -> bytes:
    """`value` as UTF-8 JSON, the same bytes for the same value."""
    return (json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False) + "\n").encode()


def sha256_file(path: Path) -> str:
    """SHA-256 of a local file, as hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _fsync(path: Path) -> None:
    """Flush a file or a folder to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
