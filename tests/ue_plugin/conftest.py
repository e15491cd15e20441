"""The core is built once a session."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from .probe import MISSING, WHY, Probe, build_core


@pytest.fixture(scope="session")
def core() -> Path:
    if MISSING:
        pytest.skip(WHY)
    return build_core()


@pytest.fixture(scope="session")
def probe(core: Path) -> Iterator[Probe]:
    running = Probe(core)
    yield running
    running.close()
