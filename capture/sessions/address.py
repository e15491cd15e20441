"""Where a running engine is, and how to reach it: TCP, or the Unix socket that replaces it.

UnrealCV on Linux serves one TCP client in its life. When that one leaves, the server moves to the
Unix socket `/tmp/unrealcv_{port}.socket` and never greets over TCP again, though the port still
takes connections. Nothing here probes a port: on such an engine that would use up its TCP session.
A live listener on the Unix socket proves that TCP is over, so it is preferred wherever it exists;
while TCP is silent it is looked for again and again.
"""

import contextlib
import os
import select
import socket
import stat
import time
from collections.abc import Callable
from dataclasses import dataclass

from capture.sessions.link import EngineLostError, Link, LinkClosedError
from dataset.errors import OpenRelicError

CONNECT_TIMEOUT_S = 2.0
POLL_S = 0.25
LOCAL_HOSTS = ("127.0.0.1", "localhost", "::1", "0.0.0.0")


@dataclass(frozen=True, kw_only=True)
class Address:
    """A TCP host and port, or only the path of a Unix socket."""

    host: str = ""
    port: int = 0
    socket_path: str = ""  # for a local TCP address: the socket that replaces it

    def __str__(self) -> str:
        return f"{self.host}:{self.port}" if self.host else self.socket_path


def moved_socket(port: int) -> str:
    """Where UnrealCV's Linux server listens after its first TCP client has left."""
    return f"/tmp/unrealcv_{port}.socket"


def tcp_address(host: str, port: int) -> Address:
    """The address of a TCP engine, with its Unix socket if `host` is this machine."""
    local = host in LOCAL_HOSTS or host == socket.gethostname()
    return Address(host=host, port=port, socket_path=moved_socket(port) if local else "")


def unix_address(path: str) -> Address:
    """The address of an engine on a Unix socket."""
    return Address(socket_path=path)


def running_address(engine: str) -> Address | None:
    """The address where `engine` is HOST:PORT, unix:PATH or the path of a socket, else None."""
    if engine.startswith("unix:"):
        return unix_address(engine.removeprefix("unix:"))
    host, _, port = engine.rpartition(":")
    if host and port.isdigit():
        return tcp_address(host, int(port))
    if engine.endswith(".socket") or _is_socket(engine):
        return unix_address(engine)
    return None


def _is_socket(path: str) -> bool:
    try:
        return stat.S_ISSOCK(os.stat(path).st_mode)
    except (OSError, ValueError):
        return False


def dial(
    address: Address, deadline: float, check_booting: Callable[[], None]
) -> tuple[Link, str]:  # fmt: skip
    """A connection whose server has greeted, and the greeting.

    Waits until `deadline` (monotonic) for the engine to listen and to greet. `check_booting` is
    called again and again and may raise, to end the wait for an engine that has died.
    """
    attempt = _Attempt(address)
    try:
        while True:
            attempt.open_missing(deadline)
            link = attempt.first_to_speak()
            if link is not None:
                greeting = attempt.greeting_of(link)
                if greeting is not None:
                    attempt.keep(link)
                    return link, greeting
            check_booting()
            if time.monotonic() > deadline:
                raise EngineLostError(f"no engine answered at {address} ({attempt.reason})")
    except BaseException:
        attempt.keep(None)
        raise


class _Attempt:
    """Connections that have been opened and not yet greeted."""

    def __init__(self, address: Address) -> None:
        self._address = address
        self._links: dict[int, Link] = {}  # by address family
        self.reason = "nothing listens"

    def open_missing(self, deadline: float) -> None:
        """Connect to whatever can be reached and is not connected yet."""
        path = self._address.socket_path
        if path and socket.AF_UNIX not in self._links and _is_socket(path):
            self._open(socket.AF_UNIX, path, path, deadline)
        if self._address.host and not self._links:
            self._open(socket.AF_INET, "", str(self._address), deadline)

    def _open(self, family: int, path: str, name: str, deadline: float) -> None:
        patience = max(0.05, min(CONNECT_TIMEOUT_S, deadline - time.monotonic()))
        try:
            if path:
                connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
                connection.settimeout(patience)
                connection.connect(path)
            else:
                endpoint = (self._address.host, self._address.port)
                connection = socket.create_connection(endpoint, timeout=patience)
        except socket.gaierror as error:
            raise OpenRelicError(f"host {self._address.host!r} is not known ({error})") from error
        except OSError as error:
            self.reason = str(error)
            return
        self._links[family] = Link(connection, name)
        self.reason = (
            "it takes connections but does not greet: another client is connected, or the engine "
            "has moved to its Unix socket"
        )

    def first_to_speak(self) -> Link | None:
        """A connection with something to read, after a short wait."""
        if not self._links:
            time.sleep(POLL_S / 5)
            return None
        by_socket = {link.fileno(): link for link in self._links.values()}
        ready = select.select(list(by_socket), [], [], POLL_S)[0]
        return by_socket[ready[0]] if ready else None

    def greeting_of(self, link: Link) -> str | None:
        """What the server says first; None if it closed the connection instead."""
        try:
            greeting = bytes(link.receive(time.monotonic() + CONNECT_TIMEOUT_S))
        except LinkClosedError as error:
            self.reason = str(error)
            self._links = {k: other for k, other in self._links.items() if other is not link}
            time.sleep(POLL_S / 5)
            return None
        if not greeting.startswith(b"connected to"):
            link.lose(f"greeted with {greeting[:60]!r} instead of 'connected to …'")
        return greeting.decode(errors="replace")

    def keep(self, chosen: Link | None) -> None:
        """Close every other connection."""
        for link in self._links.values():
            if link is not chosen:
                with contextlib.suppress(OSError):
                    link.close()
