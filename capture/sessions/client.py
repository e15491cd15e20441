"""A strict UnrealCV client: one connection, requests in order, any doubt drops the connection.

The official client goes on after a timeout and then hands every later request the reply of the
one before it, so images silently get wrong poses. Here a timeout, a wrong id or a broken frame
closes the connection and raises `EngineLostError`; whoever owns the engine starts it again.
"""

import contextlib
import json
import select
import socket
import struct
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from dataset.errors import OpenRelicError

MAGIC = 0x9E2B83C1
MAX_PAYLOAD = 256 * 1024 * 1024  # as in UnrealCV's own server
HEADER = struct.Struct("<II")
# UnrealCV handles at most 32 requests a tick; more in flight would only wait in its queue.
PIPELINE = 32
GREETING_POLL_S = 0.5


class EngineLostError(OpenRelicError):
    """The engine crashed, hung or broke the protocol; the connection is closed."""


class CommandFailedError(OpenRelicError):
    """The engine answered `error …`."""


@dataclass(frozen=True, kw_only=True)
class Frame:
    """A reply to `/tour/frame`: the pose that the image was drawn with, and the passes."""

    number: int
    location_cm: np.ndarray  # (3,)
    rotation_deg: np.ndarray  # (3,) pitch, yaw, roll
    fov_deg: float
    passes: dict[str, np.ndarray]


class UnrealCVClient:
    """Requests over one TCP connection."""

    def __init__(
        self,
        host: str,
        port: int,
        *,
        boot_timeout_s: float,
        timeout_s: float,
        check_booting: Callable[[], None] = lambda: None,
    ) -> None:
        """Connect, waiting up to `boot_timeout_s` for the engine to listen and to greet.

        `timeout_s` bounds every later reply. `check_booting` is called between attempts and may
        raise, to end the wait for an engine that has died. There is no port probe: on a real
        engine even that would use up its only TCP session.
        """
        self._address = (host, port)
        self._next_id = 0
        self._buffer = bytearray()
        deadline = time.monotonic() + boot_timeout_s
        self._socket = self._connect(deadline, check_booting)
        self._await_greeting(deadline, check_booting)
        greeting = bytes(self._receive())
        if not greeting.startswith(b"connected to"):
            self._lose(f"greeted with {greeting[:60]!r} instead of 'connected to …'")
        self._socket.settimeout(timeout_s)
        self.commands = frozenset(self.text("vget /unrealcv/commands").splitlines())

    def _connect(self, deadline: float, check_booting: Callable[[], None]) -> socket.socket:
        while True:
            try:
                connection = socket.create_connection(self._address, timeout=5.0)
                break
            except OSError as error:
                check_booting()
                if time.monotonic() > deadline:
                    raise EngineLostError(
                        f"no engine answered at {self._address[0]}:{self._address[1]} ({error})"
                    ) from error
                time.sleep(0.05)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.settimeout(max(1.0, deadline - time.monotonic()))
        return connection

    def _await_greeting(self, deadline: float, check_booting: Callable[[], None]) -> None:
        """Wait until something was sent; whoever listens there may not be the engine we started."""
        while not select.select([self._socket], [], [], GREETING_POLL_S)[0]:
            check_booting()
            if time.monotonic() > deadline:
                self._lose("did not greet")

    def close(self) -> None:
        """Drop the connection."""
        with contextlib.suppress(OSError):
            self._socket.close()

    def offers(self, prefix: str) -> bool:
        """Whether the engine lists a command that is `prefix` or goes on with a space."""
        return any(name == prefix or name.startswith(prefix + " ") for name in self.commands)

    def require(self, *prefixes: str) -> None:
        """Raise unless every command is offered."""
        missing = [prefix for prefix in prefixes if not self.offers(prefix)]
        if missing:
            raise OpenRelicError(
                f"the engine does not offer {', '.join(missing)}; plain UnrealCV lacks the /tour "
                "commands that capture needs so far: use an engine that lists them"
            )

    def request(self, command: str) -> bytes:
        """The reply's body; `error …` raises `CommandFailedError`."""
        return next(self.stream([command]))

    def stream(self, commands: Sequence[str]) -> Iterator[bytes]:
        """Replies to `commands` in order, with up to 32 requests on their way."""
        sent = 0
        first_id = self._next_id
        for index in range(len(commands)):
            while sent < len(commands) and sent - index < PIPELINE:
                self._send(commands[sent])
                sent += 1
            yield bytes(self._reply(first_id + index, commands[index]))

    def text(self, command: str) -> str:
        """The reply as text."""
        return self.request(command).decode()

    def json(self, command: str) -> Any:
        """The reply parsed as JSON."""
        reply = self.request(command)
        try:
            return json.loads(reply)
        except ValueError:
            return self._lose(f"answered {reply[:60]!r} to {command!r}, which is not JSON")

    def send_frame_request(
        self, camera: int, location_cm: np.ndarray, rotation_deg: np.ndarray, passes: str
    ) -> int:
        """Ask for a frame without waiting; give the returned id to `receive_frame`, in order."""
        numbers = pose_text(location_cm, rotation_deg)
        return self._send(f"vget /tour/frame {camera} {numbers} {passes}")

    def receive_frame(self, identifier: int) -> Frame:
        """The reply to `send_frame_request`; its passes are overwritten by the next reply."""
        return parse_frame(self._reply(identifier, "vget /tour/frame"))

    def _send(self, command: str) -> int:
        identifier = self._next_id
        payload = f"{identifier}:{command}".encode()
        try:
            self._socket.sendall(HEADER.pack(MAGIC, len(payload)) + payload)
        except OSError as error:
            self._lose(f"could not take {command.split(' ')[:2]} ({error})")
        self._next_id += 1
        return identifier

    def _reply(self, identifier: int, command: str) -> memoryview:
        """The body of the next reply; it is overwritten by the reply after it."""
        payload = self._receive()
        expected = f"{identifier}:".encode()
        if payload[: len(expected)] != expected:
            self._lose(f"answered {bytes(payload[:40])!r} to request {identifier}")
        body = payload[len(expected) :]
        if body[:5] == b"error":
            text = bytes(body).decode(errors="replace")
            raise CommandFailedError(f"the engine answered {text!r} to {command!r}")
        return body

    def _receive(self) -> memoryview:
        magic, length = HEADER.unpack(self._receive_exactly(HEADER.size))
        if magic != MAGIC:
            self._lose(f"sent a message that starts with 0x{magic:08X}")
        if not 0 < length <= MAX_PAYLOAD:
            self._lose(f"announced a message of {length} bytes")
        return self._receive_exactly(length)

    def _receive_exactly(self, count: int) -> memoryview:
        # One buffer for the whole session: images of some megabytes, allocated anew for each
        # frame between small objects that stay, leave holes in the heap that nothing fits.
        if len(self._buffer) < count:
            self._buffer = bytearray(count)
        view, filled = memoryview(self._buffer)[:count], 0
        while filled < count:
            try:
                got = self._socket.recv_into(view[filled:])
            except OSError as error:
                self._lose(f"did not answer ({error})")
            if not got:
                self._lose("closed the connection")
            filled += got
        return view

    def _lose(self, what: str) -> Any:
        self.close()
        raise EngineLostError(f"the engine at {self._address[0]}:{self._address[1]} {what}")


def pose_text(location_cm: np.ndarray, rotation_deg: np.ndarray) -> str:
    """A pose as commands take it: `%.6f`, since UnrealCV's grammar refuses `1e-05`."""
    return " ".join(f"{float(value):.6f}" for value in (*location_cm, *rotation_deg))


def parse_frame(body: bytes | memoryview) -> Frame:
    """Read a `/tour/frame` reply: u32 header length, JSON header, then the passes (views)."""
    try:
        return _parsed_frame(body)
    except (KeyError, TypeError, ValueError, struct.error) as error:
        raise EngineLostError(f"a frame reply cannot be read: {error!r}") from error


def _parsed_frame(body: bytes | memoryview) -> Frame:
    (length,) = struct.unpack_from("<I", body)
    header = json.loads(bytes(body[4 : 4 + length]))
    offset, passes = 4 + length, {}
    for entry in header["passes"]:
        flat = np.frombuffer(body, entry["dtype"], int(np.prod(entry["shape"])), offset)
        passes[entry["name"]] = flat.reshape(entry["shape"])
        offset += entry["bytes"]
    if offset != len(body):
        raise EngineLostError(f"a frame reply has {len(body)} bytes, its header says {offset}")
    pose = np.array(header["pose"], dtype=np.float64)
    return Frame(
        number=header["frame"],
        location_cm=pose[:3],
        rotation_deg=pose[3:],
        fov_deg=float(header["fov"]),
        passes=passes,
    )
