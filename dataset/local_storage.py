"""A workspace in a local folder, or in one that is mounted: durable writes by rename and link.

A file is written under a temporary name, flushed to the disk and renamed, so that none has its
final name before it is whole. Errors of the system become `StorageError`, except a missing file.
"""

import contextlib
import os
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path

from dataset.errors import StorageError


class LocalStorage:
    """Files below `root`; paths are relative to it, with `/`."""

    def __init__(self, root: Path) -> None:
        """Nothing is created yet."""
        self.root = root

    def exists(self, path: str) -> bool:
        """Whether `path` is a file or a folder."""
        return (self.root / path).exists()

    def list_names(self, folder: str) -> list[str]:
        """Names directly below `folder`, sorted; empty if it does not exist."""
        with self._reporting(folder), contextlib.suppress(FileNotFoundError):
            return sorted(os.listdir(self.root / folder))
        return []

    def list_files(self, folder: str) -> dict[str, int]:
        """Bytes of every file below `folder`, at any depth, by its path below `folder`."""
        found: dict[str, int] = {}
        pending = [""]
        with self._reporting(folder), contextlib.suppress(FileNotFoundError):
            while pending:
                inner = pending.pop()
                for entry in os.scandir(self.root / folder / inner):
                    path = f"{inner}{entry.name}"
                    if entry.is_dir():
                        pending.append(f"{path}/")
                    else:
                        found[path] = entry.stat().st_size
        return dict(sorted(found.items()))

    def list_tree(self, folder: str) -> dict[str, set[str]]:
        """What each folder directly below `folder` directly holds."""
        found = {}
        for name in self.list_names(folder):
            with contextlib.suppress(NotADirectoryError, FileNotFoundError):
                found[name] = set(os.listdir(self.root / folder / name))
        return found

    def size(self, path: str) -> int:
        """Bytes of the file `path`."""
        with self._reporting(path):
            return (self.root / path).stat().st_size

    def read_bytes(self, path: str) -> bytes:
        """The whole file; `FileNotFoundError` if there is none."""
        with self._reporting(path):
            return (self.root / path).read_bytes()

    def read_range(self, path: str, offset: int, size: int) -> bytes:
        """`size` bytes of the file from byte `offset`."""
        with self._reporting(path), (self.root / path).open("rb") as file:
            file.seek(offset)
            return file.read(size)

    @contextlib.contextmanager
    def writing(self, path: str) -> Iterator[Path]:
        """Yield a local path to write to; on a clean exit it becomes `path`, whole and durable."""
        final = self.root / path
        with self._reporting(path):
            final.parent.mkdir(parents=True, exist_ok=True)
            temporary = _temporary(final)
            try:
                yield temporary
                _fsync(temporary)
                temporary.replace(final)
                _fsync(final.parent)
            finally:
                temporary.unlink(missing_ok=True)

    def put_file(self, local: Path, path: str) -> None:
        """Copy a local file to `path`, durably."""
        with self.writing(path) as temporary:
            shutil.copyfile(local, temporary)

    def claim_bytes(self, path: str, data: bytes) -> bool:
        """Write the file unless it is there; a hard link either takes the name or fails."""
        final = self.root / path
        with self._reporting(path):
            final.parent.mkdir(parents=True, exist_ok=True)
            temporary = _temporary(final)
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

    @contextlib.contextmanager
    def reading(self, path: str) -> Iterator[Path]:
        """The file itself."""
        yield self.root / path

    def delete_folder(self, folder: str) -> None:
        """Remove a folder and all below it, if it is there; or a file of that name."""
        path = self.root / folder
        with self._reporting(folder), contextlib.suppress(FileNotFoundError):
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()

    def delete_file(self, path: str) -> None:
        """Remove a file, if it is there."""
        with self._reporting(path):
            (self.root / path).unlink(missing_ok=True)

    @contextlib.contextmanager
    def _reporting(self, path: str) -> Iterator[None]:
        """Turn an error of the system into the line that a user sees."""
        try:
            yield
        except (FileNotFoundError, IsADirectoryError):
            raise
        except OSError as error:
            raise StorageError.of(error, f"{self.root}/{path}") from error


def _temporary(final: Path) -> Path:
    return final.with_name(f".{final.name}.{uuid.uuid4().hex[:8]}.tmp")


def _fsync(path: Path) -> None:
    """Flush a file or a folder to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
