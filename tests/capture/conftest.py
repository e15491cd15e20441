"""An engine process shared by the tests of a session, started as capture starts it."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from capture.sessions.launcher import Engine, start_engine

SCENE = "home:0"


@pytest.fixture(scope="session")
def engine_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("engine")
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def engine(engine_folder: Path) -> Iterator[Engine]:
    running = start_engine(
        "embedded", SCENE, engine_folder, size=(320, 180), boot_timeout_s=120, timeout_s=60
    )
    yield running
    running.close()


@pytest.fixture(scope="session")
def binary(engine_folder: Path) -> Path:
    """The embedded engine's executable, laid out as a packaged project."""
    from capture.engine.package import write_package

    return write_package(engine_folder / "packaged")
