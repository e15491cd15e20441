"""A workspace behaves alike in a folder and on object storage, and names what it cannot do."""

import os
import subprocess
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pyarrow as pa
import pytest

from dataset.errors import OpenRelicError, StorageError
from dataset.workspace import Workspace
from tests.s3 import ignoring_conditions, s3_server, workspace_uri


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    with s3_server() as address:
        yield address


@pytest.fixture(params=["folder", "s3"])
def workspace(request: pytest.FixtureRequest, tmp_path: Path) -> Workspace:
    if request.param == "folder":
        return Workspace(tmp_path / "workspace")
    return Workspace(workspace_uri(request.getfixturevalue("endpoint"), uuid.uuid4().hex))


def test_files_come_back(workspace: Workspace, tmp_path: Path):
    data = os.urandom(3_000_000)
    (tmp_path / "source").write_bytes(data)
    workspace.put_file(tmp_path / "source", "clips/a/1/video.mp4")
    assert workspace.read_bytes("clips/a/1/video.mp4") == data
    assert workspace.size("clips/a/1/video.mp4") == len(data)
    assert workspace.read_range("clips/a/1/video.mp4", 1000, 17) == data[1000:1017]
    with workspace.reading("clips/a/1/video.mp4") as path:
        assert path.read_bytes() == data
    workspace.write_bytes("empty", b"")
    assert workspace.read_bytes("empty") == b""
    table = pa.table({"x": [1, 2, 3]})
    workspace.write_table("t.parquet", table)
    assert workspace.read_table("t.parquet") == table


def test_listings(workspace: Workspace):
    assert workspace.list_names("clips") == []
    assert workspace.list_files("clips") == {} and workspace.list_tree("clips") == {}
    for path in ("clips/a/1/v", "clips/a/clip.json", "clips/b/2/v", "clips/b/3/w", "clipsy/c"):
        workspace.write_bytes(path, path.encode())
    assert workspace.list_names("clips") == ["a", "b"]
    assert workspace.list_names("clips/a") == ["1", "clip.json"]
    assert workspace.list_tree("clips") == {"a": {"1", "clip.json"}, "b": {"2", "3"}}
    assert workspace.list_files("clips") == {
        "a/1/v": 11,
        "a/clip.json": 17,
        "b/2/v": 11,
        "b/3/w": 11,
    }
    assert workspace.exists("clips/a") and workspace.exists("clips/a/clip.json")
    assert not workspace.exists("clips/c") and not workspace.exists("clip")


def test_what_is_deleted_is_gone(workspace: Workspace):
    for path in ("a/1/v", "a/1/w", "a/2/v", "b"):
        workspace.write_bytes(path, b"x")
    workspace.delete_folder("a/1")
    workspace.delete_file("b")
    assert workspace.list_files("") == {"a/2/v": 1}
    workspace.delete_folder("a/1")
    workspace.delete_file("b")
    with pytest.raises(FileNotFoundError):
        workspace.read_bytes("b")
    with pytest.raises(FileNotFoundError):
        workspace.size("b")


def test_of_many_claims_one_wins(workspace: Workspace):
    bids = [f"attempt {number}".encode() * 50 for number in range(16)]
    with ThreadPoolExecutor(8) as pool:
        won = list(pool.map(lambda bid: workspace.claim_bytes("clip.json", bid), bids))
    assert sum(won) == 1
    assert workspace.read_bytes("clip.json") == bids[won.index(True)]
    assert workspace.list_names("") == ["clip.json"]
    workspace.check_claims("clip.json")
    assert workspace.read_bytes("clip.json") == bids[won.index(True)]


def test_after_an_error_nothing_has_the_name(workspace: Workspace):
    with pytest.raises(ZeroDivisionError), workspace.writing("file") as path:
        path.write_bytes(b"half")
        raise ZeroDivisionError
    assert workspace.list_names("") == []


def test_a_store_that_ignores_conditions_is_found_out():
    with s3_server(ignoring_conditions) as address:
        workspace = Workspace(workspace_uri(address, "old"))
        workspace.write_bytes("token", b"mine")
        with pytest.raises(OpenRelicError, match="does not offer conditional writes"):
            workspace.check_claims("token")


@pytest.mark.parametrize(
    "uri", ["ftp://host/x", "s3://", "s3://key:secret@bucket/x", "s3://bucket/x?colour=red"]
)
def test_a_strange_uri_is_refused(uri: str):
    with pytest.raises(OpenRelicError, match="is not a URI that can be opened"):
        Workspace(uri)


def test_a_bucket_that_is_not_there_is_named(endpoint: str):
    workspace = Workspace(workspace_uri(endpoint, "x").replace("tours", "elsewhere"))
    with pytest.raises((StorageError, FileNotFoundError), match="elsewhere"):
        workspace.write_bytes("a", b"x")


def test_the_endpoint_may_come_from_the_environment(endpoint: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    Workspace("s3://tours/env").write_bytes("a", b"x")
    assert Workspace(workspace_uri(endpoint, "env")).read_bytes("a") == b"x"


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 256 kB; only root can mount one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(folder)], capture_output=True
    )
    if mounted.returncode:
        pytest.skip("a disk of our own cannot be mounted here (not root)")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_is_one_clear_line(tiny_disk: Path):
    workspace = Workspace(tiny_disk)
    workspace.write_bytes("a", bytes(100_000))
    with pytest.raises(StorageError, match=f"{tiny_disk}/b: No space left.*free some") as caught:
        workspace.write_bytes("b", bytes(500_000))
    assert caught.value.lasting and workspace.list_names("") == ["a"]


def test_a_read_only_folder_is_one_clear_line(tiny_disk: Path):
    subprocess.run(["mount", "-o", "remount,ro", str(tiny_disk)], check=True)
    with pytest.raises(StorageError, match=r"Read-only file system; mount it for writing") as error:
        Workspace(tiny_disk).claim_bytes("clips/a/clip.json", b"x")
    assert error.value.lasting
