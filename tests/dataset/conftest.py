"""A workspace of tiny real clips, and its finished build, shared by the tests that only read."""

import shutil
from pathlib import Path

import pytest

from dataset.workspace import Workspace
from tests.dataset.scenes import build, make_workspace

SMALL_SHARDS = (
    "--palindromes", "1", "--shard-mb", "0.3", "--val-share", "0.4", "--balance", "0",
    "--workers", "1",
)  # fmt: skip


@pytest.fixture(scope="session")
def captured(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """Clips and labels."""
    return make_workspace(tmp_path_factory.mktemp("captured") / "ws")


@pytest.fixture(scope="session")
def built(captured: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A finished build with a palindrome for every window and several shards."""
    workspace = copy_of(captured, tmp_path_factory.mktemp("built"))
    build(workspace, *SMALL_SHARDS)
    return workspace


@pytest.fixture
def fresh(captured: Workspace, tmp_path: Path) -> Workspace:
    """Clips and labels that the test may change."""
    return copy_of(captured, tmp_path)


@pytest.fixture
def finished(built: Workspace, tmp_path: Path) -> Workspace:
    """A finished build that the test may change."""
    return copy_of(built, tmp_path)


def copy_of(workspace: Workspace, folder: Path) -> Workspace:
    """A copy of a local workspace."""
    root = folder / "ws"
    shutil.copytree(workspace.location, root)
    return Workspace(root)
