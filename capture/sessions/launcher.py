"""Three ways to have an engine: the embedded one, a packaged Unreal binary, one already running.

Embedded and packaged engines are started the same way: from a private copy of the project's layout
(`capture.sessions.layout`) with port and image size in its own `unrealcv.ini`, the map as first
argument, `-RenderOffScreen`, `-graphicsadapter=N` and whatever else the caller adds. They run under
a keeper (`capture.sessions.keeper`), so nothing of them outlives this process.
"""

import contextlib
import os
import socket
import time
from pathlib import Path

from capture.sessions.address import moved_socket, running_address
from capture.sessions.client import EngineLostError, UnrealCVClient
from capture.sessions.kept import Kept
from capture.sessions.layout import checked_binary, hand_over, private_copy, write_ini
from dataset.errors import OpenRelicError

__all__ = ["Engine", "private_copy", "running_address", "start_engine"]

EMBEDDED = "embedded"
PORT_ATTEMPTS = 3
# What Unreal and UnrealCV write when they cannot go on, in lower case.
ROOT_REFUSED = "root privileges"
PORT_REFUSED = ("error: port ", "cannot listen on port")


class _PortTakenError(EngineLostError):
    """The engine could not open its port."""


class Engine:
    """A connected engine that shows one map; `close` ends what was started."""

    def __init__(self, client: UnrealCVClient, kept: Kept | None, log: Path | None) -> None:
        """Own a connection and, unless it was running already, the engine's processes."""
        self.client = client
        self.log = log
        self._kept = kept
        self._started = time.monotonic()

    @property
    def frames(self) -> int:
        """Images that it has drawn for us."""
        return self.client.images

    @property
    def age_s(self) -> float:
        """Seconds since it was ready."""
        return time.monotonic() - self._started

    def memory_bytes(self) -> int:
        """Memory of all its processes, shared pages counted once; 0 if we did not start it.

        It takes some 10 ms of the processor: ask once a tour, not once a frame.
        """
        return self._kept.memory_bytes() if self._kept is not None else 0

    def close(self) -> None:
        """Drop the connection; kill all processes of an engine that we started, and wait for it."""
        self.client.close()
        self.kill()

    def kill(self) -> None:
        """Kill a hung engine's processes; from another thread, too. A request under way fails."""
        if self._kept is not None:
            self._kept.end()


def start_engine(
    engine: str, scene: str, folder: Path, *, size: tuple[int, int], adapter: int | None = None,
    boot_timeout_s: float = 900.0, timeout_s: float = 60.0, arguments: tuple[str, ...] = (),
    user: str | None = None,
) -> Engine:  # fmt: skip
    """Start or reach an engine and connect to it.

    `engine` is `embedded`, the absolute path of a packaged binary, or `HOST:PORT` or a Unix socket
    of a running one. `folder` takes the private copy and the log. `arguments` are added to the
    command line. Unreal refuses to run as root: then `user` says as whom. Booting a big Unreal
    scene takes 5 to 15 minutes, hence the default `boot_timeout_s`.
    """
    address = running_address(engine)
    if address is not None:
        client = UnrealCVClient(
            address.host or address.socket_path, address.port,
            boot_timeout_s=boot_timeout_s, timeout_s=timeout_s,
        )  # fmt: skip
        return Engine(client, None, None)
    folder = folder.absolute()
    binary = private_copy(_binary_of(engine, folder), folder / "instance")
    command = [str(binary), scene, "-RenderOffScreen"]
    if adapter is not None:
        command.append(f"-graphicsadapter={adapter}")
    command.extend(arguments)
    for _ in range(PORT_ATTEMPTS - 1):
        # Another process may take the port between our look and the engine's bind.
        with contextlib.suppress(_PortTakenError):
            return _start(binary, command, size, user, boot_timeout_s, timeout_s)
    return _start(binary, command, size, user, boot_timeout_s, timeout_s)


def _binary_of(engine: str, folder: Path) -> Path:
    if engine == EMBEDDED:
        from capture.engine.package import write_package

        return write_package(folder / "package")
    return checked_binary(engine)


def _start(
    binary: Path, command: list[str], size: tuple[int, int], user: str | None,
    boot_timeout_s: float, timeout_s: float,
) -> Engine:  # fmt: skip
    port = _free_port()
    write_ini(binary, port, size)
    identity, environment = {}, {}
    if user is not None:
        identity, environment = hand_over(binary.parents[3], user)
    log = binary.with_name("engine.log")
    with log.open("wb") as output:
        kept = Kept(
            command, output=output, environment=environment, user=identity,
            remove=[Path(moved_socket(port))],
        )  # fmt: skip
    try:
        client = UnrealCVClient(
            "127.0.0.1", port, boot_timeout_s=boot_timeout_s, timeout_s=timeout_s,
            check_booting=lambda: _check_running(kept, log),
        )  # fmt: skip
        if kept.listens_on(port) is False and client.transport == "tcp":
            client.close()
            raise _PortTakenError(f"port {port} is served by a process that we did not start")
    except BaseException:
        kept.end()
        raise
    return Engine(client, kept, log)


def _check_running(kept: Kept, log: Path) -> None:
    """Report an engine that ended before it listened, or cannot listen, with its last words."""
    ended = kept.poll() is not None
    lines = log.read_text(errors="replace").strip().splitlines() or ["no output"]
    refused = [line for line in lines if any(words in line.lower() for words in PORT_REFUSED)]
    if refused:
        raise _PortTakenError(f"the engine cannot listen: {refused[-1]}")
    if not ended:
        return
    if any(ROOT_REFUSED in line.lower() for line in lines):
        raise OpenRelicError(
            "Unreal Engine refuses to run as root; run this as another user, or give the engine a "
            "user of its own (see --help)"
        )
    if lines[-1].startswith("error:"):
        # Bad settings stay bad: trying again would only repeat the line.
        raise OpenRelicError(f"the engine ended: {lines[-1]}")
    raise EngineLostError(f"the engine ended while booting: {lines[-1]}")


def _free_port() -> int:
    """A port that nothing uses, nor the Unix socket that goes with it."""
    while True:
        with socket.socket() as probe:
            probe.bind(("", 0))  # the engine listens on all interfaces
            port = int(probe.getsockname()[1])
        if not os.path.lexists(moved_socket(port)):
            return port
