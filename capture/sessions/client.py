"""A strict UnrealCV client: one connection, requests in order, any doubt drops the connection.

The official client goes on after a timeout and then hands every later request the reply of the
one before it, so images silently get wrong poses. Here a timeout, a wrong id or a broken frame
closes the connection and raises `EngineLostError`; whoever owns the engine starts it again.

Request ids start at a random number: an engine may still answer what an earlier client asked for
and did not wait for, and those replies must not pass for ours.

How `vbatch N` works, as UnrealCV's server does it since 2019: it is a message like any other and is
answered with `ok` at once; the N messages after it, framed and numbered as ever, are held back
until all have come, then run in one game tick, in order, and answered one by one. It is no bound
command, so `vget /unrealcv/commands` does not list it, and half a batch would hold back what the
next client sends: all N + 1 messages go out in one write.
"""

import functools
import json
import random
import re
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from capture.sessions.address import Address, dial, tcp_address, unix_address
from capture.sessions.frame import Frame, FrameFormatError, read_frame
from capture.sessions.link import EngineLostError, LinkClosedError
from dataset.errors import OpenRelicError

__all__ = ["CommandFailedError", "EngineLostError", "Frame", "UnrealCVClient", "parse_frame"]

# UnrealCV handles at most 32 requests a tick; more in flight would only wait in its queue.
PIPELINE = 32
HIGHEST_FIRST_ID = 2**30  # ids are 31 bits on the server
BOOTING_POLL_S = 0.5
PLACEHOLDERS = {"str": "[^ ]*", "uint": r"\d*", "float": r"[-+]?\d*[.]?\d+"}  # UnrealCV's own
IMAGE_COMMAND = re.compile(r"vget /(tour/frame|camera/\d+/lit)\b")


class CommandFailedError(OpenRelicError):
    """The engine answered `error …`; that text is `reply`."""

    def __init__(self, message: str, reply: str = "") -> None:
        """Say to what it was the answer."""
        super().__init__(message)
        self.reply = reply


class UnrealCVClient:
    """Requests over one connection."""

    def __init__(
        self,
        host: str,
        port: int = 0,
        *,
        boot_timeout_s: float,
        timeout_s: float,
        check_booting: Callable[[], None] = lambda: None,
    ) -> None:
        """Connect, waiting up to `boot_timeout_s` for the engine to listen and to greet.

        Without `port`, `host` is the path of a Unix socket. `timeout_s` bounds each later reply as
        a whole, unless a call says otherwise. `check_booting` is called between attempts and may
        raise, to end the wait for an engine that has died.
        """
        self.address: Address = tcp_address(host, port) if port else unix_address(host)
        self.timeout_s = timeout_s
        self._takes_batches: bool | None = None
        self.images = 0  # images received so far, for whoever recycles engines
        deadline = time.monotonic() + boot_timeout_s
        while True:
            self._link, self.greeting = dial(self.address, deadline, check_booting)
            self._next_id = random.randrange(1, HIGHEST_FIRST_ID)
            self._outstanding: dict[int, str] = {}  # commands by id, in order
            try:
                self.commands = self._first_commands(deadline, check_booting)
                return
            except LinkClosedError:
                # Loading a level can break the socket of an engine that is alive.
                check_booting()
                if time.monotonic() > deadline:
                    raise

    @property
    def transport(self) -> str:
        """`tcp` or `unix`."""
        return self._link.transport

    def close(self) -> None:
        """Drop the connection for good."""
        self._link.close()

    def offers(self, prefix: str) -> bool:
        """Whether the engine lists a command that is `prefix` or goes on with a space."""
        return any(name == prefix or name.startswith(prefix + " ") for name in self.commands)

    def takes(self, command: str) -> bool:
        """Whether a listed template matches this concrete command, such as `vget /camera/0/lit`."""
        return any(_template_pattern(template).fullmatch(command) for template in self.commands)

    def require(self, *prefixes: str) -> None:
        """Raise unless every command is offered."""
        missing = [prefix for prefix in prefixes if not self.offers(prefix)]
        if missing:
            raise OpenRelicError(
                f"the engine does not offer {', '.join(missing)}, which this needs; run "
                f"`python -m capture.conformance {self.address}` to see what it can be used for"
            )

    def takes_batches(self) -> bool:
        """Whether `vbatch` works; it is not among the listed commands, so it is tried once."""
        if self._takes_batches is None:
            first, second = self.send("vbatch 1"), self.send("vget /unrealcv/version")
            try:
                self._takes_batches = bytes(self.receive(first)) == b"ok"
            except CommandFailedError:
                self._takes_batches = False
            self.receive(second)
        return self._takes_batches

    def request(self, command: str, timeout_s: float | None = None) -> bytes:
        """The reply's body; `error …` raises `CommandFailedError`.

        `timeout_s` bounds the whole reply, however slowly it comes in.
        """
        return bytes(self.receive(self.send(command), timeout_s))

    def text(self, command: str, timeout_s: float | None = None) -> str:
        """The reply as text."""
        reply = self.request(command, timeout_s)
        try:
            return reply.decode()
        except UnicodeDecodeError:
            self._link.lose(f"answered {reply[:60]!r} to {command!r}, which is not text")

    def json(self, command: str, timeout_s: float | None = None) -> Any:
        """The reply parsed as JSON."""
        reply = self.request(command, timeout_s)
        try:
            return json.loads(reply)
        except ValueError:
            self._link.lose(f"answered {reply[:60]!r} to {command!r}, which is not JSON")

    def stream(self, commands: Sequence[str], timeout_s: float | None = None) -> Iterator[bytes]:
        """Replies to `commands` in order, with up to 32 requests on their way."""
        identifiers: deque[int] = deque()
        sent = 0
        for _ in range(len(commands)):
            while sent < len(commands) and len(identifiers) < PIPELINE:
                identifiers.append(self.send(commands[sent]))
                sent += 1
            yield bytes(self.receive(identifiers.popleft(), timeout_s))

    def batch(self, commands: Sequence[str], timeout_s: float | None = None) -> list[bytes]:
        """The replies to `commands`, which the engine runs in one game tick (`vbatch`).

        Any `error …` among them raises `CommandFailedError`, and so does an engine that does not
        know `vbatch` (ask `takes_batches` first). `timeout_s` bounds each reply.
        """
        return self.receive_batch(self.send_batch(commands), timeout_s)

    def send_batch(self, commands: Sequence[str]) -> list[int]:
        """Send a batch without waiting; give the ids to `receive_batch`, in order of sending."""
        return self._send([f"vbatch {len(commands)}", *commands])

    def receive_batch(self, identifiers: list[int], timeout_s: float | None = None) -> list[bytes]:
        """The replies to a batch, without that to `vbatch` itself."""
        return [bytes(self.receive(identifier, timeout_s)) for identifier in identifiers][1:]

    def send_frame_request(
        self, camera: int, location_cm: np.ndarray, rotation_deg: np.ndarray, passes: str
    ) -> int:
        """Ask for a frame without waiting; give the returned id to `receive_frame`, in order."""
        numbers = pose_text(location_cm, rotation_deg)
        return self.send(f"vget /tour/frame {camera} {numbers} {passes}")

    def receive_frame(self, identifier: int, timeout_s: float | None = None) -> Frame:
        """The reply to `send_frame_request`; its passes are overwritten by the next reply."""
        body = self.receive(identifier, timeout_s)
        try:
            return read_frame(body)
        except FrameFormatError as error:
            self._link.lose(f"sent a reply that is no frame ({error})")

    def send(self, command: str) -> int:
        """Send a request without waiting; give the returned id to `receive`."""
        return self._send([command])[0]

    def _send(self, commands: Sequence[str]) -> list[int]:
        first = self._next_id
        identifiers = list(range(first, first + len(commands)))
        payloads = [f"{i}:{c}".encode() for i, c in zip(identifiers, commands, strict=True)]
        self._link.send(payloads, time.monotonic() + self.timeout_s)
        self._next_id += len(commands)
        self._outstanding.update(zip(identifiers, commands, strict=True))
        return identifiers

    def receive(self, identifier: int, timeout_s: float | None = None) -> memoryview:
        """The body of the reply to `send`'s id; it is overwritten by the reply after it.

        Replies come in order; those to earlier requests that nobody received are discarded.
        """
        seconds = self.timeout_s if timeout_s is None else timeout_s
        if identifier not in self._outstanding:
            raise ValueError(f"no reply to request {identifier} is outstanding")
        body, command = memoryview(b""), ""
        for earlier in [i for i in self._outstanding if i <= identifier]:
            command = self._outstanding.pop(earlier)
            body = self._reply(earlier, time.monotonic() + seconds)
        if body[:5] == b"error":
            text = bytes(body).decode(errors="replace")
            raise CommandFailedError(f"the engine answered {text!r} to {command!r}", text)
        if IMAGE_COMMAND.match(command):
            self.images += 1
        return body

    def replies_within(self, seconds: float) -> bool:
        """Whether a reply begins to arrive within `seconds`."""
        return self._link.readable(seconds)

    def _reply(self, identifier: int, deadline: float) -> memoryview:
        payload = self._link.receive(deadline)
        expected = f"{identifier}:".encode()
        if payload[: len(expected)] != expected:
            self._link.lose(f"answered {bytes(payload[:40])!r} to request {identifier}")
        return payload[len(expected) :]

    def _first_commands(self, deadline: float, check_booting: Callable[[], None]) -> frozenset[str]:
        """What the engine lists; it may have to load its map before it answers."""
        listing = self._answer_at_last("vget /unrealcv/commands", deadline, check_booting)
        if listing.startswith("error"):
            # Servers before 1.1.0 list commands only with their help.
            listing = self._answer_at_last("vget /unrealcv/help", deadline, check_booting)
        return frozenset(line.strip() for line in listing.splitlines() if line.startswith("v"))

    def _answer_at_last(
        self, command: str, deadline: float, check_booting: Callable[[], None]
    ) -> str:
        """The reply to a first request, after those that an earlier client did not wait for."""
        expected = b"%d:" % self.send(command)
        self._outstanding.clear()
        while time.monotonic() < deadline:
            if not self._link.readable(BOOTING_POLL_S):
                check_booting()
                continue
            reply = bytes(self._link.receive(deadline))
            if reply.startswith(expected):
                return reply[len(expected) :].decode(errors="replace")
        self._link.lose(f"did not answer {command!r} in time")


@functools.cache
def _template_pattern(template: str) -> re.Pattern[str]:
    parts = re.split(r"\[(\w+)\]", template)
    return re.compile(
        "".join(
            PLACEHOLDERS.get(p, "[^ ]*") if i % 2 else re.escape(p) for i, p in enumerate(parts)
        )
    )


def pose_text(location_cm: np.ndarray, rotation_deg: np.ndarray) -> str:
    """A pose as commands take it: `%.6f`, since UnrealCV's grammar refuses `1e-05`."""
    return " ".join(f"{float(value):.6f}" for value in (*location_cm, *rotation_deg))


def parse_frame(body: bytes | memoryview) -> Frame:
    """Read a `/tour/frame` reply whose passes stay valid as long as `body`."""
    try:
        return read_frame(body)
    except FrameFormatError as error:
        raise EngineLostError(str(error)) from error
