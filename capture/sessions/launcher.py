"""Three ways to have an engine: the embedded one, a packaged Unreal binary, one already running.

Embedded and packaged engines are started the same way: from a private copy of the project's layout,
`<folder>/<Project>/Binaries/Linux/<Project>`, with a private `unrealcv.ini` beside the executable
(instances that share a folder race on that file), the map as first argument, `-RenderOffScreen` and
`-graphicsadapter=N`. The executable is hard-linked or copied, since Unreal finds its own folder by
resolving links; everything else of the project is linked.
"""

import contextlib
import ctypes
import os
import shutil
import signal
import socket
import subprocess
from pathlib import Path

from capture.sessions.client import EngineLostError, UnrealCVClient
from dataset.errors import OpenRelicError

EMBEDDED = "embedded"
PORT_ATTEMPTS = 3
PR_SET_PDEATHSIG = 1


class _PortTakenError(EngineLostError):
    """The engine could not open its port."""


class Engine:
    """A connected engine that shows one map; `close` ends what was started."""

    def __init__(
        self, client: UnrealCVClient, process: subprocess.Popen[bytes] | None, log: Path | None
    ) -> None:
        """Own a connection and, unless it was running already, the engine's process."""
        self.client = client
        self._process = process
        self.log = log

    def close(self) -> None:
        """Drop the connection and kill the engine's process group, if we started it."""
        self.client.close()
        if self._process is not None:
            _kill(self._process)


def start_engine(
    engine: str, scene: str, folder: Path, *, size: tuple[int, int], adapter: int | None = None,
    boot_timeout_s: float = 900.0, timeout_s: float = 60.0,
) -> Engine:  # fmt: skip
    """Start or reach an engine and connect to it.

    `engine` is `embedded`, the absolute path of a packaged binary, or `HOST:PORT` of a running
    one. `folder` takes the private copy and the log. Booting a big Unreal scene takes 5 to 15
    minutes, hence the default `boot_timeout_s`.
    """
    address = running_address(engine)
    if address is not None:
        client = UnrealCVClient(*address, boot_timeout_s=boot_timeout_s, timeout_s=timeout_s)
        return Engine(client, None, None)
    binary = private_copy(_binary_of(engine, folder), folder / "instance")
    for _ in range(PORT_ATTEMPTS - 1):
        # Another process may take the port between our look and the engine's bind.
        with contextlib.suppress(_PortTakenError):
            return _start(binary, scene, size, adapter, boot_timeout_s, timeout_s)
    return _start(binary, scene, size, adapter, boot_timeout_s, timeout_s)


def running_address(engine: str) -> tuple[str, int] | None:
    """Host and port where `engine` is `HOST:PORT`, else None."""
    host, _, port = engine.rpartition(":")
    return (host, int(port)) if host and port.isdigit() else None


def _binary_of(engine: str, folder: Path) -> Path:
    if engine == EMBEDDED:
        from capture.engine.package import write_package

        return write_package(folder / "package")
    binary = Path(engine)
    if not binary.is_absolute() or not os.access(binary, os.X_OK) or binary.is_dir():
        raise OpenRelicError(
            f"engine {engine!r} is not one we can start; give 'embedded', HOST:PORT, or the "
            "absolute path of a packaged binary (…/Proj/Binaries/Linux/Proj)"
        )
    return binary


def private_copy(binary: Path, folder: Path) -> Path:
    """Mirror the project of `binary` below `folder` with links; the private executable's path.

    `binary` is `<root>/<Proj>/Binaries/Linux/<Proj>`; only the executable and `unrealcv.ini` are
    files of our own.
    """
    if len(binary.parents) < 4 or binary.parents[1].name != "Binaries":
        raise OpenRelicError(
            f"{binary} is not laid out as a packaged project; …/Proj/Binaries/Linux/Proj is needed"
        )
    shutil.rmtree(folder, ignore_errors=True)
    original = binary.parents[3]
    here = folder
    for part in [*binary.relative_to(original).parts]:
        here.mkdir(parents=True)
        for entry in original.iterdir():
            if entry.name not in (part, "unrealcv.ini"):
                (here / entry.name).symlink_to(entry)
        here, original = here / part, original / part
    _link_or_copy(binary, here)
    return here


def _link_or_copy(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError:  # another file system
        shutil.copy2(source, target)


def _start(
    binary: Path, scene: str, size: tuple[int, int], adapter: int | None,
    boot_timeout_s: float, timeout_s: float,
) -> Engine:  # fmt: skip
    port = _free_port()
    binary.with_name("unrealcv.ini").write_text(
        f"[UnrealCV.Core]\nPort={port}\nWidth={size[0]}\nHeight={size[1]}\n"
    )
    command = [str(binary), scene, "-RenderOffScreen"]
    if adapter is not None:
        command.append(f"-graphicsadapter={adapter}")
    log = binary.with_name("engine.log")
    with log.open("wb") as sink:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=sink, stderr=subprocess.STDOUT,
            start_new_session=True, preexec_fn=_die_with_parent,
        )  # fmt: skip
    try:
        client = UnrealCVClient(
            "127.0.0.1", port, boot_timeout_s=boot_timeout_s, timeout_s=timeout_s,
            check_booting=lambda: _check_running(process, log),
        )  # fmt: skip
    except BaseException:
        _kill(process)
        raise
    return Engine(client, process, log)


def _check_running(process: subprocess.Popen[bytes], log: Path) -> None:
    """Report an engine that ended before it listened with its last words."""
    if process.poll() is None:
        return
    lines = log.read_text(errors="replace").strip().splitlines() or ["no output"]
    if lines[-1].startswith("error: port "):
        raise _PortTakenError(f"the engine ended: {lines[-1]}")
    if lines[-1].startswith("error:"):
        # Bad settings stay bad: trying again would only repeat the line.
        raise OpenRelicError(f"the engine ended: {lines[-1]}")
    raise EngineLostError(f"the engine ended while booting: {lines[-1]}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _die_with_parent() -> None:
    """Ask Linux to kill the engine when the process that started it ends, however it ends."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def _kill(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
