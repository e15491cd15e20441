"""`ray up` and `ray submit` with the cluster file for machines at hand, on one machine: this one.

A private sshd on loopback, in process and mount namespaces of its own and with a home of its own,
stands for the machine. Ray copies the project there, makes its environment, starts, runs the
script that it was given, and clips are committed. Nothing is touched in the user's home, and
`ray stop` in there finds only its own processes.
"""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from dataset.clip import committed_clips
from dataset.workspace import PLAN, Workspace
from tests.capture.small_tours import open_clip_files, planned_tours

ROOT = Path(__file__).resolve().parents[2]
RAY = Path(sys.executable).with_name("ray")
SSHD = shutil.which("sshd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")

pytestmark = [pytest.mark.slow, pytest.mark.timeout(2400)]


@dataclass(frozen=True, kw_only=True)
class Machine:
    """What is reached over SSH."""

    folder: Path  # for keys and logs
    home: Path
    port: int


def missing_tool() -> str | None:
    """Why this test cannot run here, if it cannot."""
    if SSHD is None:
        return "sshd is not installed (Debian: openssh-server)"
    for tool in ("ssh", "ssh-keygen", "rsync", "unshare"):
        if shutil.which(tool) is None:
            return f"{tool} is not installed"
    alone = ["unshare", "--pid", "--mount", "--fork", "--mount-proc", "true"]
    if subprocess.run(alone, capture_output=True, check=False).returncode:
        return "namespaces of our own are not allowed here (not root)"
    return None


@pytest.fixture(scope="module")
def machine() -> Iterator[Machine]:
    reason = missing_tool()
    if reason:
        pytest.skip(reason)
    # Not below pytest's folder: Ray's sockets need short paths.
    folder = Path(tempfile.mkdtemp(prefix="loop-"))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    made = Machine(folder=folder, home=folder / "home", port=port)
    with running_sshd(made):
        yield made
    shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def running_sshd(machine: Machine) -> Iterator[None]:
    folder = machine.folder
    machine.home.mkdir()
    for key in ("host", "client"):
        subprocess.run(
            ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / f"{key}_key"], check=True
        )
    pip_cache = subprocess.run(
        [sys.executable, "-m", "pip", "cache", "dir"], capture_output=True, text=True, check=True
    )
    (folder / "sshd_config").write_text(
        f"Port {machine.port}\nListenAddress 127.0.0.1\nHostKey {folder}/host_key\n"
        f"AuthorizedKeysFile {folder}/client_key.pub\nPidFile none\nStrictModes no\nUsePAM no\n"
        "PermitRootLogin prohibit-password\nPasswordAuthentication no\nMaxSessions 50\n"
        f"SetEnv HOME={machine.home} PIP_CACHE_DIR={pip_cache.stdout.strip()}\n"
    )
    Path("/run/sshd").mkdir(exist_ok=True)
    inside = (
        "mkdir -p /tmp/ray && mount -t tmpfs tmpfs /tmp/ray && "
        f"exec {SSHD} -D -e -f {folder}/sshd_config"
    )
    with (folder / "sshd.log").open("wb") as log:
        sshd = subprocess.Popen(
            ["unshare", "--pid", "--mount", "--fork", "--mount-proc", "--kill-child",
             "sh", "-c", inside],
            stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip
    try:
        wait_until_listening(machine.port)
        yield
    finally:
        os.killpg(sshd.pid, signal.SIGKILL)
        sshd.wait()


def wait_until_listening(port: int) -> None:
    until = time.monotonic() + 30
    while True:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1.0):
            return
        assert time.monotonic() < until
        time.sleep(0.1)


@pytest.fixture(scope="module")
def cluster_file(machine: Machine) -> Path:
    """The repository's own, with the machine's address and key filled in."""
    config = yaml.safe_load((ROOT / "capture_cluster.local.yaml").read_text())
    config["provider"].update(head_ip="127.0.0.1", worker_ips=[])
    config["min_workers"] = config["max_workers"] = 0
    config["cluster_name"] = machine.folder.name
    proxy = machine.folder / "proxy.sh"
    proxy.write_text(
        f"exec 3<>/dev/tcp/127.0.0.1/{machine.port}\ncat <&3 &\ncat >&3\nexec 3>&-\nkill %1\n"
    )
    config["auth"] = {
        "ssh_user": "root",
        "ssh_private_key": str(machine.folder / "client_key"),
        "ssh_proxy_command": f"bash {proxy}",
    }
    path = machine.folder / "cluster.yaml"
    path.write_text(yaml.safe_dump(config))
    return path


def ray(*arguments: str | Path, seconds: int) -> str:
    """Run Ray's command from the repository's root; what it printed."""
    with tempfile.TemporaryFile("w+") as log:
        ended = subprocess.run(
            [RAY, *arguments], cwd=ROOT, stdout=log, stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL, timeout=seconds, check=False,
        )  # fmt: skip
        log.seek(0)
        printed = log.read()
    assert ended.returncode == 0, printed[-4000:]
    return printed


def test_up_submit_and_down(machine: Machine, cluster_file: Path):
    workspace = planned_tours(machine.folder / "workspace", ["home:0", "home:0"], frames=24)
    assert workspace.exists(PLAN)
    location = str(workspace.local_root)
    ray("up", "-y", "--no-config-cache", cluster_file, seconds=1500)
    assert (machine.home / "openrelic" / "capture" / "run.py").exists()
    assert not (machine.home / "openrelic" / ".venv").exists()
    try:
        ray(
            "submit", cluster_file, "capture/run.py", "--", location, "--ray", "auto",
            "--size", "64", "36", seconds=600,
        )  # fmt: skip
    finally:
        ray("down", "-y", cluster_file, seconds=300)
    clips = committed_clips(Workspace(location))
    assert [clip.frames for clip in clips] == [24, 24]
    open_clip_files(Workspace(location), clips)
    script = (machine.home / "run.py").read_bytes()
    assert script == (ROOT / "capture" / "run.py").read_bytes()
