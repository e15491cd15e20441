"""Starting engines and ending them: real processes, also such as no one's death takes along."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from capture.sessions import launcher
from capture.sessions.address import moved_socket
from capture.sessions.client import EngineLostError
from capture.sessions.kept import Kept, ScratchFolder
from capture.sessions.launcher import Engine, start_engine
from dataset.errors import OpenRelicError

from .conftest import SCENE
from .test_client import honest, scripted_server

ROOT = Path(__file__).resolve().parents[2]
LEFT_AFTER_S = 5.0


def packaged(folder: Path, script: str) -> Path:
    """A shell script laid out as a packaged game."""
    binary = folder / "Fake" / "Binaries" / "Linux" / "Fake"
    binary.parent.mkdir(parents=True)
    (folder / "Fake" / "Content").mkdir()
    (folder / "Fake" / "Saved").mkdir()
    binary.write_text(f"#!/bin/sh\n{script}\n")
    binary.chmod(0o755)
    return binary


@pytest.fixture
def wrapper(tmp_path: Path) -> Path:
    """A launch script that forks: the engine, a helper and an orphan have sessions of their own."""
    return packaged(
        tmp_path / "game",
        f"""
        (setsid sleep 601 &)
        setsid sleep 602 &
        PYTHONPATH={ROOT} setsid {sys.executable} -m capture.engine --binary "$0" "$@" &
        wait
        """,
    )


def below(pid: int) -> list[psutil.Process]:
    return psutil.Process(pid).children(recursive=True)


def command_lines(processes: list[psutil.Process]) -> list[str]:
    return [" ".join(process.cmdline()) for process in processes]


def alive_after(processes: list[psutil.Process], seconds: float) -> list[psutil.Process]:
    return psutil.wait_procs(processes, timeout=seconds)[1]


def test_an_engine_with_its_wrapper_helper_and_orphan(wrapper: Path, tmp_path: Path):
    engine = start_engine(
        str(wrapper), SCENE, tmp_path / "own", size=(64, 36), adapter=3,
        arguments=("-ExecCmds=r.Shadow 1", "-nosound"), boot_timeout_s=120, timeout_s=60,
    )  # fmt: skip
    try:
        assert engine.log is not None
        check_what_runs(engine)
        check_private_files(engine, wrapper)
        engine.client.request("vget /camera/0/lit bmp")
        assert (engine.frames, engine.age_s > 0) == (1, True)
        check_a_hung_engine_can_be_killed(engine)
    finally:
        engine.close()


def check_what_runs(engine: Engine) -> None:
    lines = command_lines(processes := below(os.getpid()))
    (own,) = [line for line in lines if "-m capture.engine" in line and "/own/" in line]
    assert own.endswith(
        f"{SCENE} -RenderOffScreen -graphicsadapter=3 -ExecCmds=r.Shadow 1 -nosound"
    )
    assert any("sleep 601" in line for line in lines)
    renderer = processes[lines.index(own)]
    resident = renderer.memory_info().rss
    # Shared pages count once, and the scripts around it weigh little.
    assert 0.5 * resident < engine.memory_bytes() < resident + 50e6


def check_private_files(engine: Engine, wrapper: Path) -> None:
    assert engine.log is not None
    ini = engine.log.with_name("unrealcv.ini").read_text().split()
    assert ini == ["[UnrealCV.Core]", f"Port={engine.client.address.port}", "Width=64", "Height=36"]
    assert not wrapper.with_name("unrealcv.ini").exists()
    project = engine.log.parents[2]
    assert (project / "Content").is_symlink() and not (project / "Saved").exists()


def check_a_hung_engine_can_be_killed(engine: Engine) -> None:
    """`kill` from another thread ends a request that waits for an engine that has stopped."""
    started = below(os.getpid())
    renderer = next(p for p in started if "capture.engine" in p.cmdline())
    renderer.send_signal(signal.SIGSTOP)
    killer = threading.Timer(0.5, engine.kill)
    killer.start()
    began = time.monotonic()
    with pytest.raises(EngineLostError):
        engine.client.request("vget /camera/0/lit bmp", timeout_s=60)
    assert time.monotonic() - began < 20
    killer.join()
    ours = [p for p in started if p.pid != os.getpid()]
    assert command_lines(alive_after([p for p in ours if is_of_the_game(p)], 0.5)) == []


def is_of_the_game(process: psutil.Process) -> bool:
    with contextlib.suppress(psutil.Error):
        return "/own/" in " ".join(process.cmdline()) or "sleep 60" in " ".join(process.cmdline())
    return False


DRIVER = """
import sys, time
from pathlib import Path
from capture.sessions.kept import ScratchFolder
from capture.sessions.launcher import start_engine
folder = ScratchFolder("openrelic-test-").path
engine = start_engine(sys.argv[1], sys.argv[2], folder, size=(64, 36), boot_timeout_s=120)
(folder / "deep" / "er").mkdir(parents=True)
print(folder, engine.client.address.port, flush=True)
time.sleep(600)
"""


@pytest.fixture
def driver(wrapper: Path, tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-c", DRIVER, str(wrapper), SCENE], cwd=ROOT, stdout=subprocess.PIPE,
        text=True, env={**os.environ, "TMPDIR": str(tmp_path)},
    )  # fmt: skip
    yield process
    process.kill()
    process.communicate()


def test_nothing_is_left_of_a_driver_that_is_killed(driver: subprocess.Popen[str]):
    assert driver.stdout is not None
    folder, port = driver.stdout.readline().split()
    # As the Linux server leaves it when it is killed.
    left_by_the_engine = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    left_by_the_engine.bind(moved_socket(int(port)))
    started = below(driver.pid)
    assert len(started) >= 6  # two keepers, the script, the engine, a helper, an orphan
    assert Path(folder).is_dir()
    driver.kill()
    began = time.monotonic()
    assert command_lines(alive_after(started, LEFT_AFTER_S)) == []
    while Path(folder).exists() and time.monotonic() - began < LEFT_AFTER_S:
        time.sleep(0.02)
    assert not Path(folder).exists()
    assert not os.path.lexists(moved_socket(int(port)))
    left_by_the_engine.close()


def test_a_scratch_folder_is_removed():
    with ScratchFolder() as folder:
        (folder / "file").write_text("x")
        assert folder.name.startswith("openrelic-")
    assert not folder.exists()


def test_a_keeper_ends_with_its_command_and_its_code():
    kept = Kept(["/bin/sh", "-c", "(sleep 0.4; true) & exit 7"])
    time.sleep(0.15)
    assert kept.poll() is None  # what the command left behind still runs
    until = time.monotonic() + 10
    while kept.poll() is None and time.monotonic() < until:
        time.sleep(0.02)
    assert kept.poll() == 7
    kept.end()


def start(binary: Path, folder: Path, **options: object) -> Engine:
    given = {"size": (64, 36), "boot_timeout_s": 20, "timeout_s": 5, **options}
    return start_engine(str(binary), SCENE, folder, **given)  # type: ignore[arg-type]


def test_unreal_as_root_is_one_clear_line(tmp_path: Path):
    binary = packaged(
        tmp_path / "game", "echo Refusing to run with the root privileges. >&2; exit 1"
    )
    with pytest.raises(OpenRelicError, match="refuses to run as root; .* a user of its own"):
        start(binary, tmp_path / "own")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can start an engine as another user")
def test_an_engine_is_started_as_another_user(tmp_path_factory: pytest.TempPathFactory):
    with ScratchFolder() as folder:
        folder.chmod(0o755)
        script = 'touch "$(dirname "$0")/mine"; echo error: $(id -un) $HOME $(id -G)'
        binary = packaged(folder / "game", script)
        with pytest.raises(OpenRelicError, match="error: nobody /nonexistent 65534$"):
            start(binary, folder / "own", user="nobody")
        mine = folder / "own" / "instance" / "Fake" / "Binaries" / "Linux" / "mine"
        assert mine.owner() == "nobody"


def test_a_user_that_does_not_exist(tmp_path: Path):
    with pytest.raises(OpenRelicError, match="no user 'nobody at all'"):
        start(packaged(tmp_path / "game", "exit"), tmp_path / "own", user="nobody at all")


def test_a_binary_that_cannot_be_executed(tmp_path: Path):
    binary = packaged(tmp_path / "game", "")
    binary.write_bytes(b"\x7fELF is only the beginning")
    with pytest.raises(OpenRelicError, match="the engine ended: error: .*/Fake cannot be started"):
        start(binary, tmp_path / "own")


def test_an_engine_that_cannot_listen_is_tried_on_other_ports(tmp_path: Path):
    """Unreal goes on without its server when the port is taken."""
    script = f'grep Port "$(dirname "$0")/unrealcv.ini" >> {tmp_path}/ports\n'
    script += "echo LogUnrealCV: Warning: Cannot listen on port 1 - port may be in use.; sleep 99"
    began = time.monotonic()
    with pytest.raises(EngineLostError, match="cannot listen: .*Cannot listen on port"):
        start(packaged(tmp_path / "game", script), tmp_path / "own")
    assert time.monotonic() - began < 15
    assert len(set((tmp_path / "ports").read_text().splitlines())) == launcher.PORT_ATTEMPTS
    assert [line for line in command_lines(below(os.getpid())) if "sleep 99" in line] == []


def test_a_stranger_on_the_port_is_not_taken_for_the_engine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(launcher, "PORT_ATTEMPTS", 1)
    with scripted_server(honest) as port:
        monkeypatch.setattr(launcher, "_free_port", lambda: port)
        with pytest.raises(
            EngineLostError, match=f"port {port} is served by a process that we did"
        ):
            start(packaged(tmp_path / "game", "sleep 98"), tmp_path / "own")


def test_ports_are_free_and_so_are_their_sockets(monkeypatch: pytest.MonkeyPatch):
    looked_at: list[str] = []

    def taken_once(path: str) -> bool:
        looked_at.append(path)
        return len(looked_at) == 1

    monkeypatch.setattr(launcher.os.path, "lexists", taken_once)
    port = launcher._free_port()
    assert len(looked_at) == 2 and looked_at[1] == moved_socket(port)
    with socket.create_server(("", port)):
        pass


FAMILY = """
import subprocess, sys, time
from capture.sessions.kept import Kept, take_all_along
take_all_along()
subprocess.Popen(["/bin/sh", "-c", "(setsid sleep 611 &) ; setsid sleep 612 & exec sleep 613"])
kept = Kept(["/bin/sh", "-c", "setsid sleep 614 & wait"])
time.sleep(1.5)
print(kept.pid, flush=True)
time.sleep(600)
"""


def test_what_a_killed_process_has_started_ends_with_it():
    """Also what has daemonised itself meanwhile; and a keeper is left to do its work."""
    process = subprocess.Popen(
        [sys.executable, "-c", FAMILY], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    keeper = psutil.Process(int(process.stdout.readline()))
    sleeps = [p for p in psutil.process_iter() if is_sleep(p, "61")]
    assert len(sleeps) == 4
    process.kill()
    process.communicate()
    assert command_lines(alive_after([*sleeps, keeper], LEFT_AFTER_S)) == []


def is_sleep(process: psutil.Process, seconds: str) -> bool:
    with contextlib.suppress(psutil.Error):
        return process.cmdline()[:1] == ["sleep"] and process.cmdline()[1].startswith(seconds)
    return False
