"""A workspace: its paths, and how files are read, written and committed.

A workspace is a local folder or object storage (`s3://`, `gs://`, `az://`). Object storage has no
rename, so nothing here relies on one: a file counts once its commit record exists, a record is
claimed and never replaced, and no half-written file has a final name.

    plan.parquet
    clips/<tour_id>/clip.json, clips/<tour_id>/<attempt>/{video.mp4,camera.parquet,...}
    capture/progress.json, capture/quarantine/<tour_id>.json
    labels/<set>/<tour_id>.parquet
    shards/<split>-NNNNNN.tar, manifest.parquet, README.md
    latents/ runs/ report/<stage>.html
"""

import hashlib
import json
import os
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from dataset.errors import OpenRelicError
from dataset.local_storage import LocalStorage
from dataset.object_storage import ObjectStorage

PLAN = "plan.parquet"
CLIPS = "clips"
LABELS = "labels"
SHARDS = "shards"
REPORT = "report"


class Workspace:
    """Reads and writes files below one root; every path is relative to it, with `/`.

    What the storage refuses raises `StorageError`, which names the file.
    """

    def __init__(self, location: str | os.PathLike[str]) -> None:
        """Open a local folder or a URI; nothing is created yet."""
        self.location = str(location)
        self._storage: LocalStorage | ObjectStorage
        if "://" in self.location and not self.location.startswith("file://"):
            self._storage = ObjectStorage(self.location)
        else:
            folder = self.location.removeprefix("file://")
            self._storage = LocalStorage(Path(folder).absolute())

    @property
    def local_root(self) -> Path | None:
        """The root as a local folder, or None on object storage."""
        return self._storage.root if isinstance(self._storage, LocalStorage) else None

    def exists(self, path: str) -> bool:
        """Whether `path` is a file or a folder."""
        return self._storage.exists(path)

    def list_names(self, folder: str) -> list[str]:
        """Names directly below `folder`, sorted; empty if it does not exist."""
        return self._storage.list_names(folder)

    def list_files(self, folder: str) -> dict[str, int]:
        """Bytes of every file below `folder`, at any depth, by its path below `folder`, sorted."""
        return self._storage.list_files(folder)

    def list_tree(self, folder: str) -> dict[str, set[str]]:
        """What each folder directly below `folder` directly holds: two levels at the price of one
        listing."""
        return self._storage.list_tree(folder)

    def size(self, path: str) -> int:
        """Bytes of the file `path`."""
        return self._storage.size(path)

    def read_bytes(self, path: str) -> bytes:
        """The whole file; `FileNotFoundError` if there is none."""
        return self._storage.read_bytes(path)

    def read_range(self, path: str, offset: int, size: int) -> bytes:
        """`size` bytes of the file from byte `offset`."""
        return self._storage.read_range(path, offset, size)

    def write_bytes(self, path: str, data: bytes) -> None:
        """Write the file whole and durably, replacing one that is there."""
        with self.writing(path) as temporary:
            temporary.write_bytes(data)

    def writing(self, path: str) -> AbstractContextManager[Path]:
        """Yield a local path to write to; on a clean exit it becomes `path`, whole and durable.

        After an exception nothing has `path`'s name that had not before.
        """
        return self._storage.writing(path)

    def claim_bytes(self, path: str, data: bytes) -> bool:
        """Write the file unless it is there; return whether this call wrote it.

        Atomic against every other writer: locally a hard link takes the name or fails, on object
        storage the store refuses to replace an object.
        """
        return self._storage.claim_bytes(path, data)

    def check_claims(self, path: str) -> None:
        """Raise unless the storage refuses to let the existing file `path` be claimed."""
        if isinstance(self._storage, ObjectStorage):
            self._storage.check_claims(path)

    def put_file(self, local: Path, path: str) -> None:
        """Copy a local file to `path`, durably."""
        self._storage.put_file(local, path)

    def reading(self, path: str) -> AbstractContextManager[Path]:
        """Yield a local path that holds the file (the file itself, or a temporary copy)."""
        return self._storage.reading(path)

    def delete_folder(self, folder: str) -> None:
        """Remove a folder and all below it, if it is there; or a local file of that name."""
        self._storage.delete_folder(folder)

    def delete_file(self, path: str) -> None:
        """Remove a file, if it is there."""
        self._storage.delete_file(path)

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


def json_bytes(value: Any) -> bytes:
    """`value` as UTF-8 JSON, the same bytes for the same value."""
    return (json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False) + "\n").encode()


def sha256_file(path: Path) -> str:
    """SHA-256 of a local file, as hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
