"""Whole captures with real engines, disturbed: workers, drivers and machines are lost and found."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from capture.crew.journal import read_progress
from dataset.clip import committed_clips
from dataset.workspace import Workspace
from tests.capture.small_tours import (
    ROOT,
    capture_running,
    open_clip_files,
    planned_tours,
    wait_until,
)
from tests.s3 import s3_server, workspace_uri

SMALL = ("--size", "64", "36", "--backoff-s", "0.1")
FRAMES = 32


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder whose path is short enough for Ray's sockets."""
    path = Path(tempfile.mkdtemp(prefix="cf-"))
    yield path
    shutil.rmtree(path, ignore_errors=True)


def capture(location: str | Path, *options: str, **more: Any) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "capture.run", str(location), *options]
    return subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=False, **more
    )  # fmt: skip


def errors(ended: subprocess.CompletedProcess[str]) -> list[str]:
    return [line for line in ended.stderr.splitlines() if line.startswith("error: ")]


def test_a_wrong_binary_is_one_line(tmp_path: Path):
    planned_tours(tmp_path, ["home:0"], FRAMES)
    ended = capture(tmp_path, "--engine", "/opt/nowhere/Game")
    assert ended.returncode == 1 and ended.stderr.count("\n") == 1
    assert errors(ended)[0].startswith("error: engine '/opt/nowhere/Game' is not one we can start")


def test_a_workspace_that_is_not_there_is_one_line():
    ended = capture("/proc/nowhere/workspace")
    assert ended.returncode == 1 and ended.stderr.count("\n") == 1


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_scene_that_does_not_exist(folder: Path):
    workspace = planned_tours(folder / "w", ["home:0", "castle:1", "castle:1"], FRAMES)
    ended = capture(folder / "w", *SMALL)
    assert ended.returncode == 1
    (line,) = errors(ended)
    assert line.startswith("error: 2 of 3 tours are in quarantine")
    assert "capture.status" in line and "--retry-quarantined" in line
    assert ended.stderr.count("castle") <= 3
    assert [clip.scene for clip in committed_clips(workspace)] == ["home:0"]


@pytest.fixture
def disk(folder: Path) -> Iterator[Path]:
    """A disk of our own, 2 MB; only root can mount one."""
    path = folder / "disk"
    path.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(path)]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("a disk of our own cannot be mounted here (not root)")
    yield path
    subprocess.run(["umount", "--lazy", str(path)], check=True)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_full_disk_ends_the_run_in_one_line_and_room_lets_it_go_on(disk: Path):
    workspace = planned_tours(disk, ["home:0", "home:0"], FRAMES)
    room = disk / "ballast"
    with contextlib.suppress(OSError), room.open("wb") as file:
        while True:
            file.write(bytes(4096))
            file.flush()
    with room.open("r+b") as file:  # room for what the driver writes, not for a clip
        file.truncate(room.stat().st_size - 24_576)
    ended = capture(disk, *SMALL)
    assert ended.returncode == 1
    (line,) = errors(ended)
    assert "No space left on device; free some space, then run the same command again" in line
    assert "Traceback" not in ended.stderr
    room.unlink()
    assert capture(disk, *SMALL).returncode == 0
    clips = committed_clips(workspace)
    assert len(clips) == 2
    open_clip_files(workspace, clips)


def test_a_read_only_workspace_is_one_line(disk: Path):
    planned_tours(disk, ["home:0"], FRAMES)
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    ended = capture(disk, *SMALL)
    assert ended.returncode == 1 and ended.stderr.count("\n") == 1
    assert "Read-only file system; mount it for writing" in errors(ended)[0]


NO_PORT = """
import socket, sys
from capture.crew.worker import CaptureWorker, WorkerSettings
from tests.capture.small_tours import small_tour
held = socket.socket()
held.bind(("", 0))
held.listen()
worker = CaptureWorker(WorkerSettings(workspace=sys.argv[1], engine="embedded", size=(64, 36)))
result = worker.capture(small_tour("home:0", 1, 16), 0)
worker.close()
print(result.fault.guilt, result.fault.reason, sep="|")
"""


def test_no_free_port_is_said_by_the_machine(tmp_path: Path):
    """In a network of its own, where a single port is to be had, and taken."""
    script = (
        "echo 40000 40000 > /proc/sys/net/ipv4/ip_local_port_range && ip link set lo up; "
        'exec "$0" -c "$1" "$2"'
    )
    ended = subprocess.run(
        ["unshare", "--net", "sh", "-c", script, sys.executable, NO_PORT, str(tmp_path)],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if "Operation not permitted" in ended.stderr or "Read-only" in ended.stderr:
        pytest.skip("a network of our own is not allowed here (not root)")
    guilt, _, reason = ended.stdout.strip().partition("|")
    assert guilt == "machine", ended.stderr
    assert "has no free port for an engine" in reason and "\n" not in reason


def workers_of(driver: psutil.Process) -> list[psutil.Process]:
    """Ray's worker processes that capture."""
    found = []
    for child in driver.children(recursive=True):
        with contextlib.suppress(psutil.Error):
            if "CaptureWorker" in " ".join(child.cmdline()):
                found.append(child)
    return found


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_workers_and_then_the_driver_are_killed(folder: Path):
    workspace = planned_tours(folder / "w", ["home:0"] * 2 + ["home:1"] * 3, FRAMES)
    location = str(folder / "w")
    with capture_running(location, *SMALL) as driver:
        process = psutil.Process(driver.pid)
        wait_until(lambda: workers_of(process), driver)
        time.sleep(2.0)
        victim = workers_of(process)[0]
        victim.kill()
        wait_until(lambda: (seen := read_progress(workspace)) and seen.retries, driver)
        wait_until(lambda: committed_clips(workspace), driver)
        driver.send_signal(signal.SIGKILL)
        driver.wait()
    early = committed_clips(workspace)
    ended = capture(location, *SMALL)
    assert ended.returncode == 0, ended.stderr[-2000:]
    clips = committed_clips(workspace)
    assert len(clips) == 5 and all(clip in clips for clip in early)
    open_clip_files(workspace, clips)


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_machines_join_and_leave(folder: Path):
    """A node is lost with its worker at a tour, another one joins: the plan is captured."""
    from ray.cluster_utils import Cluster

    workspace = planned_tours(folder / "w", ["home:0"] * 2 + ["home:1"] * 2, FRAMES)
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    small: Any = {"object_store_memory": 100 * 2**20}
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, **small})
    try:
        doomed = cluster.add_node(num_cpus=1, **small)
        options = ("--ray", str(cluster.address), "--workers", "2", *SMALL)
        with capture_running(str(folder / "w"), *options) as driver:
            # Two engines are asked for though there is room for one: the other waits for room.
            wait_until(lambda: alive_of_wanted(workspace) == (1, 2), driver)
            time.sleep(3.0)
            cluster.remove_node(doomed, allow_graceful=False)
            cluster.add_node(num_cpus=2, **small)
            assert driver.wait(timeout=600) == 0
    finally:
        cluster.shutdown()
    clips = committed_clips(workspace)
    assert len(clips) == 4
    assert any(clip.retries for clip in clips)
    open_clip_files(workspace, clips)


def alive_of_wanted(workspace: Workspace) -> tuple[int, int] | None:
    seen = read_progress(workspace)
    return (seen.engines_alive, seen.engines_wanted) if seen else None


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_every_stage_works_on_object_storage(tmp_path: Path):
    with s3_server() as endpoint:
        location = workspace_uri(endpoint, "whole")
        workspace = planned_tours(location, ["home:0", "home:1"], 100)
        for module, *options in (
            ("capture.run", "--size", "128", "72"),
            ("capture.status",),
            ("labeling.poses_to_actions",),
            ("dataset.build", "--window", "81", "--val-share", "0.5"),
            ("dataset.latents", "--config", "configs/tiny.yaml"),
            ("dataset.report",),
            ("dataset.verify",),
        ):
            command = [sys.executable, "-m", module, location, *options]
            ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
            assert ended.returncode == 0, f"{module}: {ended.stderr[-3000:]}"
        clips = committed_clips(workspace)
        assert [clip.frames for clip in clips] == [100, 100]
        open_clip_files(workspace, clips)
        assert "shards/manifest.parquet" in workspace.list_files("")
        assert workspace.exists("latents/record.json") and workspace.exists("report/index.html")
