"""Building side by side under Ray: the same bytes, after kill -9 too, and one build at a time."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from dataset.errors import MissingInputError
from dataset.shards.manifest import read_manifest
from dataset.workspace import Workspace
from tests.dataset.conftest import SMALL_SHARDS
from tests.dataset.scenes import tree

ROOT = Path(__file__).parents[2]
GONE_S = 20.0


def start(workspace: Workspace, workers: int) -> subprocess.Popen:
    # The last --workers counts.
    command = [sys.executable, "-m", "dataset.build", workspace.location, *SMALL_SHARDS[:-2]]
    return subprocess.Popen(
        [*command, "--workers", str(workers)], cwd=ROOT, stderr=subprocess.PIPE, text=True
    )


@pytest.mark.parametrize("workers_then", [1, pytest.param(3, marks=pytest.mark.slow)])
def test_workers_write_the_same_bytes_and_survive_kill_9(
    built: Workspace, fresh: Workspace, workers_then: int
) -> None:
    killed = start(fresh, workers=2)
    shards = Path(fresh.location, "shards")
    while not list(shards.glob("parts/*.parquet")):
        assert killed.poll() is None, killed.communicate()[1]
        time.sleep(0.002)
    killed.send_signal(signal.SIGSTOP)  # or it might end before it is killed
    family = psutil.Process(killed.pid).children(recursive=True)
    assert any("ray" in process.name() for process in family)
    second = start(fresh, workers=1)
    _, said = second.communicate()
    assert second.returncode == 1
    assert said == (
        f"error: another dataset.build is at work on {fresh.location}; wait for it or stop it\n"
    )
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    _, alive = psutil.wait_procs(family, timeout=GONE_S)
    assert not alive
    with pytest.raises(MissingInputError, match="python -m dataset.build"):
        read_manifest(fresh)
    again = start(fresh, workers=workers_then)
    _, said = again.communicate()
    assert again.returncode == 0, said
    assert tree(fresh) == tree(built)
    assert tree(fresh, "report") == tree(built, "report")


@pytest.mark.slow
def test_damage_that_a_worker_meets_is_one_line(fresh: Workspace) -> None:
    video = next(Path(fresh.location, "clips", "beta-0c").glob("*/video.mp4"))
    data = bytearray(video.read_bytes())
    data[len(data) // 2] ^= 1
    video.write_bytes(data)
    process = start(fresh, workers=2)
    _, said = process.communicate()
    assert process.returncode == 1
    assert "Traceback" not in said
    assert said.splitlines()[-1].startswith("error: ") and "beta-0c/a1/video.mp4 is damaged" in said
    assert not fresh.exists("shards/manifest.parquet")
