"""One framed connection to an engine: every message has a deadline, any doubt ends the connection.

UnrealCV frames a payload with a little-endian u32 magic and a u32 length, without a checksum. So
after a timeout, a broken frame or a closed socket nobody can know what the next bytes belong to:
the connection is closed, and every later call raises `EngineLostError` at once.
"""

import contextlib
import select
import socket
import struct
import time
from typing import NoReturn

from dataset.errors import OpenRelicError

MAGIC = 0x9E2B83C1
MAX_PAYLOAD = 256 * 1024 * 1024  # as in UnrealCV's own server
HEADER = struct.Struct("<II")


class EngineLostError(OpenRelicError):
    """The engine crashed, hung or broke the protocol; the connection is closed for good."""


class LinkClosedError(EngineLostError):
    """The engine's side closed the connection."""


class Link:
    """Messages over one connected stream socket."""

    def __init__(self, connection: socket.socket, name: str) -> None:
        """Own `connection`; `name` says in error messages where it leads."""
        self._socket = connection
        self.name = name
        self._lost: str | None = None
        self._buffer = bytearray()
        if connection.family != socket.AF_UNIX:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    @property
    def transport(self) -> str:
        """`unix` or `tcp`."""
        return "unix" if self._socket.family == socket.AF_UNIX else "tcp"

    def send(self, payloads: list[bytes], deadline: float) -> None:
        """Send messages in one go; `deadline` is on the monotonic clock."""
        data = b"".join(HEADER.pack(MAGIC, len(payload)) + payload for payload in payloads)
        self._check(deadline)
        try:
            self._socket.sendall(data)  # its timeout bounds the whole call
        except OSError as error:
            self.lose(f"could not take a request ({error})")

    def receive(self, deadline: float) -> memoryview:
        """The next payload, whole before `deadline`; it is overwritten by the one after it."""
        began = time.monotonic()
        magic, length = HEADER.unpack(self._exactly(HEADER.size, deadline, began))
        if magic != MAGIC:
            self.lose(f"sent a message that starts with 0x{magic:08X}")
        if not 0 < length <= MAX_PAYLOAD:
            self.lose(f"announced a message of {length} bytes")
        return self._exactly(length, deadline, began)

    def readable(self, seconds: float) -> bool:
        """Whether something arrives, or the connection ends, within `seconds`."""
        self._check(time.monotonic() + 1.0)
        return bool(select.select([self._socket], [], [], seconds)[0])

    def fileno(self) -> int:
        """The socket's number, for `select`."""
        return self._socket.fileno()

    def close(self) -> None:
        """Close the connection; later calls raise `EngineLostError`."""
        self._lost = self._lost or "was left: the connection is closed"
        with contextlib.suppress(OSError):
            self._socket.close()

    def lose(self, what: str, kind: type[EngineLostError] = EngineLostError) -> NoReturn:
        """Close the connection and raise what happened."""
        self._lost = self._lost or what
        self.close()
        raise kind(f"the engine at {self.name} {what}")

    def _check(self, deadline: float) -> None:
        """Refuse a lost connection, and one that is out of time; set the socket's timeout."""
        if self._lost is not None:
            raise EngineLostError(f"the engine at {self.name} {self._lost}")
        left = deadline - time.monotonic()
        if left <= 0:
            self.lose("did not answer in time")
        self._socket.settimeout(left)

    def _exactly(self, count: int, deadline: float, began: float) -> memoryview:
        # One buffer for the whole session: images of some megabytes, allocated anew for each
        # frame between small objects that stay, leave holes in the heap that nothing fits.
        if len(self._buffer) < count:
            self._buffer = bytearray(count)
        view, filled = memoryview(self._buffer)[:count], 0
        while filled < count:
            # Before every read: a server that sends a byte now and then must not live on.
            self._check(deadline)
            try:
                got = self._socket.recv_into(view[filled:])
            except TimeoutError:
                self.lose(f"did not answer in {time.monotonic() - began:.1f} s")
            except OSError as error:
                self.lose(f"did not answer ({error})", LinkClosedError)
            if not got:
                self.lose("closed the connection", LinkClosedError)
            filled += got
        return view
