"""A workspace on object storage: s3://, gs:// or az://, through the library obstore.

    s3://bucket/folder
    s3://bucket/folder?endpoint_override=http://127.0.0.1:9000&region=eu-central-1

Objects appear whole or not at all, and there is no rename. What needs to be written once only is
written with a condition (`If-None-Match: *` on S3): the store itself refuses a second writer, so a
worker that was thought dead cannot replace a committed record. `checked` proves that the store
honours the condition.

Credentials come from the environment (`AWS_ACCESS_KEY_ID`, …) or from the machine's role; with
boto3 installed also from profiles. `AWS_ENDPOINT_URL` names another server than Amazon's.
"""

import contextlib
import os
import tempfile
from collections.abc import Iterator
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from dataset.errors import OpenRelicError, StorageError

SCHEMES = ("s3", "gs", "az")
RETRY_S = 60
PARAMETERS = ("endpoint_override", "region", "scheme")


class ObjectStorage:
    """Objects below a URI; paths are relative to it, with `/`."""

    def __init__(self, uri: str) -> None:
        """Nothing is asked of the store yet."""
        self.uri = uri
        parts = urlsplit(uri)
        given = parse_qs(parts.query)
        unknown = sorted(set(given) - set(PARAMETERS))
        if parts.scheme not in SCHEMES or not parts.netloc or "@" in parts.netloc or unknown:
            raise OpenRelicError(
                f"workspace {uri!r} is not a URI that can be opened; give a folder, or "
                f"{', '.join(f'{scheme}://bucket/folder' for scheme in SCHEMES)} with "
                f"?{'=…&'.join(PARAMETERS)}=… at most, and credentials in the environment"
            )
        self._scheme = parts.scheme
        self._base = f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}"
        self._given = {name: values[-1] for name, values in given.items()}

    def __reduce__(self) -> Any:
        return ObjectStorage, (self.uri,)

    @cached_property
    def _store(self) -> Any:
        try:
            from obstore.store import from_url
        except ImportError as error:
            raise OpenRelicError(
                f"{self.uri}: object storage needs obstore; pip install 'openrelic[cloud]'"
            ) from error
        options: Any = self._s3_options() if self._scheme == "s3" else {}
        retry: Any = {"max_retries": 8, "retry_timeout": timedelta(seconds=RETRY_S)}
        with self._reporting(""):
            return from_url(self._base, retry_config=retry, **options)

    def _s3_options(self) -> dict[str, Any]:
        options: dict[str, Any] = {}
        endpoint = self._given.get("endpoint_override") or os.environ.get("AWS_ENDPOINT_URL")
        if endpoint:
            if "://" not in endpoint:
                endpoint = f"{self._given.get('scheme', 'https')}://{endpoint}"
            options["endpoint"] = endpoint
            options["virtual_hosted_style_request"] = False
            options["client_options"] = {"allow_http": endpoint.startswith("http://")}
        session = None if "AWS_ACCESS_KEY_ID" in os.environ else _boto3_session()
        if session is not None:
            from obstore.auth.boto3 import Boto3CredentialProvider

            options["credential_provider"] = Boto3CredentialProvider(session)
        region = self._given.get("region") or os.environ.get("AWS_REGION")
        region = region or os.environ.get("AWS_DEFAULT_REGION")
        region = region or (session.region_name if session is not None else None)
        options["region"] = region or "us-east-1"
        return options

    def exists(self, path: str) -> bool:
        """Whether `path` is an object, or there are objects below it."""
        import obstore

        with self._reporting(path):
            try:
                obstore.head(self._store, path)
            except FileNotFoundError:
                return any(True for page in obstore.list(self._store, path) for _ in page)
        return True

    def list_names(self, folder: str) -> list[str]:
        """Names directly below `folder`, sorted; empty if it does not exist."""
        import obstore

        with self._reporting(folder):
            found = obstore.list_with_delimiter(self._store, folder or None)
        paths = [*found["common_prefixes"], *(entry["path"] for entry in found["objects"])]
        return sorted(path.rstrip("/").rpartition("/")[2] for path in paths)

    def list_files(self, folder: str) -> dict[str, int]:
        """Bytes of every object below `folder`, at any depth, by its path below `folder`."""
        import obstore

        with self._reporting(folder):
            pages = obstore.list(self._store, folder or None, chunk_size=1000)
            found = {entry["path"]: entry["size"] for page in pages for entry in page}
        start = len(folder) + 1 if folder else 0
        return {path[start:]: found[path] for path in sorted(found)}

    def list_tree(self, folder: str) -> dict[str, set[str]]:
        """What each folder directly below `folder` directly holds, from one listing."""
        found: dict[str, set[str]] = {}
        for path in self.list_files(folder):
            name, _, inner = path.partition("/")
            if inner:
                found.setdefault(name, set()).add(inner.partition("/")[0])
        return found

    def size(self, path: str) -> int:
        """Bytes of the object."""
        import obstore

        with self._reporting(path):
            return int(obstore.head(self._store, path)["size"])

    def read_bytes(self, path: str) -> bytes:
        """The whole object; `FileNotFoundError` if there is none."""
        import obstore

        with self._reporting(path):
            return bytes(obstore.get(self._store, path).bytes())

    def read_range(self, path: str, offset: int, size: int) -> bytes:
        """`size` bytes of the object from byte `offset`."""
        import obstore

        if size == 0:
            return b""
        with self._reporting(path):
            return bytes(obstore.get_range(self._store, path, start=offset, length=size))

    @contextlib.contextmanager
    def writing(self, path: str) -> Iterator[Path]:
        """Yield a local path to write to; on a clean exit it is uploaded as `path`."""
        with tempfile.TemporaryDirectory(prefix="openrelic-") as scratch:
            temporary = Path(scratch) / "file"
            yield temporary
            self.put_file(temporary, path)

    def put_file(self, local: Path, path: str) -> None:
        """Upload a local file as `path`, replacing what is there."""
        import obstore

        with self._reporting(path):
            obstore.put(self._store, path, local)

    def claim_bytes(self, path: str, data: bytes) -> bool:
        """Write the object unless it is there: the store refuses a second writer."""
        import obstore
        from obstore.exceptions import AlreadyExistsError, NotSupportedError

        with self._reporting(path):
            try:
                obstore.put(self._store, path, data, mode="create", use_multipart=False)
            except AlreadyExistsError:
                # A reply that was lost makes the library ask again, and meet its own first write.
                return self.read_bytes(path) == data
            except NotSupportedError as error:
                raise self._unconditional() from error
        return True

    def check_claims(self, path: str) -> None:
        """Raise unless a second writer of `path`, which is there, is refused by the store."""
        if self.claim_bytes(path, self.read_bytes(path) + b"?"):
            raise self._unconditional()

    def _unconditional(self) -> OpenRelicError:
        return OpenRelicError(
            f"{self.uri}: this store does not offer conditional writes (If-None-Match), so a late "
            "worker could replace a committed clip; use one that does (Amazon S3, Google Cloud "
            "Storage, Azure, MinIO, Ceph, R2 in their present versions), or a shared folder"
        )

    @contextlib.contextmanager
    def reading(self, path: str) -> Iterator[Path]:
        """Yield the path of a temporary copy."""
        with tempfile.TemporaryDirectory(prefix="openrelic-") as scratch:
            copy = Path(scratch) / Path(path).name
            copy.write_bytes(self.read_bytes(path))
            yield copy

    def delete_folder(self, folder: str) -> None:
        """Remove all objects below `folder`."""
        import obstore

        paths = [f"{folder}/{path}" for path in self.list_files(folder)]
        with self._reporting(folder):
            if paths:
                obstore.delete(self._store, paths)

    def delete_file(self, path: str) -> None:
        """Remove an object, if it is there."""
        import obstore

        with self._reporting(path), contextlib.suppress(FileNotFoundError):
            obstore.delete(self._store, path)

    @contextlib.contextmanager
    def _reporting(self, path: str) -> Iterator[None]:
        """Turn the library's errors into the line that a user sees."""
        from obstore import exceptions

        try:
            yield
        except exceptions.NotFoundError as error:
            raise FileNotFoundError(f"{self.uri}/{path}") from error
        except (exceptions.PermissionDeniedError, exceptions.UnauthenticatedError) as error:
            raise StorageError(
                f"{self.uri}/{path}: the store refuses access ({_short(error)}); look at the "
                "credentials in the environment and at the bucket's policy",
                lasting=True,
            ) from error
        except (exceptions.BaseError, PermissionError) as error:
            raise StorageError(
                f"{self.uri}/{path}: {_short(error)}; look at the bucket's name, region and "
                "endpoint, and run the same command again"
            ) from error


def _short(error: BaseException) -> str:
    """The first line of a library's error, without its debugging appendix."""
    return str(error).strip().splitlines()[0][:300]


def _boto3_session() -> Any:
    """boto3's session where it is installed and finds credentials, else None."""
    try:
        import boto3
    except ImportError:
        return None
    session = boto3.Session()
    return session if session.get_credentials() is not None else None
