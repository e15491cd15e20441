"""The engine's loop: a tick at a time, one client at a time over TCP.

A second client waits in the backlog and is greeted when the first has gone, as with UnrealCV. A
client that sends garbage, vanishes, stops in the middle of a message or takes no replies costs its
own connection only. Like the Linux build of UnrealCV the server can leave TCP for a Unix socket,
`/tmp/unrealcv_{port}.socket`, when its first client has gone.
"""

import contextlib
import logging
import os
import select
import socket
import time
from typing import Protocol

from capture.engine.request_queue import Request, RequestQueue, is_batch
from capture.engine.wire import MAX_PAYLOAD, FrameReader, FramingError, frame_header

log = logging.getLogger(__name__)

RECEIVE_BYTES = 1 << 20
# A client that takes no data for this long while a reply is being sent counts as gone.
SEND_STALL_SECONDS = 30.0
UNIX_SOCKET = "/tmp/unrealcv_{port}.socket"


class Ticking(Protocol):
    """What the server asks of the engine."""

    @property
    def tick_s(self) -> float:
        """At most this long from one tick to the next."""
        ...

    @property
    def stopping(self) -> bool:
        """Whether the engine was told to end."""
        ...

    def tick(self) -> bool:
        """Advance by one tick; whether there is more to do at once."""
        ...

    def answer(self, request: Request) -> bytes:
        """The body of the reply; it must not raise."""
        ...


class Server:
    """Serves an engine's commands on a port."""

    def __init__(
        self, project: str, port: int, *, host: str = "127.0.0.1", leaves_tcp: bool = False
    ) -> None:
        """Bind the port; `leaves_tcp` moves to the Unix socket after the first client.

        Clients can connect from now on; they are greeted when the engine is served. Raises
        `OSError` if the port is taken.
        """
        self._greeting = f"connected to {project}".encode()
        self._parent = os.getppid()
        self._port, self._leaves_tcp = port, leaves_tcp
        self._tcp = socket.create_server((host, port), backlog=16)
        self._listener = self._tcp
        self._client: Connection | None = None

    def serve(self, engine: Ticking) -> None:
        """Serve until the engine stops or the process that started this one has gone."""
        busy = False
        try:
            # An engine whose launcher was killed must not stay behind.
            while os.getppid() == self._parent and not engine.stopping:
                self._receive(0.0 if busy else engine.tick_s)
                busy = engine.tick()
                busy = self._run_requests(engine) or busy
        finally:
            self.close()

    def close(self) -> None:
        """Close every socket."""
        if self._client is not None:
            self._client.close()
        for listener in {self._tcp, self._listener}:
            listener.close()
        if self._listener is not self._tcp:
            with contextlib.suppress(OSError):
                os.unlink(UNIX_SOCKET.format(port=self._port))

    def _receive(self, wait_s: float) -> None:
        """Wait for a client or its requests, at most `wait_s`."""
        source = self._client or self._listener
        if not select.select([source], [], [], wait_s)[0]:
            return
        if self._client is None:
            self._accept()
        else:
            with self._dropping():
                self._client.receive()

    def _accept(self) -> None:
        accepted, address = self._listener.accept()
        log.info("client %s connected", address or "on the Unix socket")
        self._client = Connection(accepted)
        with self._dropping():
            self._client.send(b"", self._greeting)

    def _run_requests(self, engine: Ticking) -> bool:
        """Run what this tick takes; whether requests wait for the next."""
        if self._client is None:
            return False
        with self._dropping():
            for request in self._client.requests.take():
                body = b"ok" if is_batch(request.command) else engine.answer(request)
                self._client.send(b"%d:" % request.identifier, body)
        return self._client is not None and len(self._client.requests) > 0

    @contextlib.contextmanager
    def _dropping(self):
        """Drop the client where it is gone or at fault; be ready for the next."""
        try:
            yield
        except (OSError, FramingError) as error:
            log.warning("client dropped: %s", error)
            if self._client is not None:
                self._client.close()
                self._client = None
            if self._leaves_tcp and self._listener is self._tcp:
                self._listener = self._open_unix_socket()

    def _open_unix_socket(self) -> socket.socket:
        """Listen there from now on. TCP stays open and is never answered again, as on Linux."""
        path = UNIX_SOCKET.format(port=self._port)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(path)
        listener.listen(1)
        return listener


class Connection:
    """A client: its socket, the requests it sent, and what it still has to take."""

    def __init__(self, accepted: socket.socket) -> None:
        """Take over an accepted socket."""
        self._socket = accepted
        self._socket.setblocking(False)
        if accepted.family == socket.AF_INET:
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._reader = FrameReader()
        self.requests = RequestQueue()

    def fileno(self) -> int:
        """For `select`."""
        return self._socket.fileno()

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()

    def receive(self) -> None:
        """Take what has arrived; `OSError` or `FramingError` where the client is gone."""
        with contextlib.suppress(BlockingIOError):
            data = self._socket.recv(RECEIVE_BYTES)
            if not data:
                raise ConnectionResetError("it closed the connection")
            for payload in self._reader.feed(data):
                self.requests.add(payload)

    def send(self, prefix: bytes, body: bytes) -> None:
        """Send one framed message, `prefix` and `body`, reading on meanwhile.

        A client may send many requests before it takes the first reply; if nobody read them then,
        both sides would wait for ever.
        """
        if len(prefix) + len(body) > MAX_PAYLOAD:
            body = f"error The reply has {len(body)} bytes; {MAX_PAYLOAD} can be sent".encode()
        head = frame_header(len(prefix) + len(body)) + prefix
        parts = [memoryview(head), memoryview(body)]
        deadline = time.monotonic() + SEND_STALL_SECONDS
        while parts:
            readable, writable, _ = select.select([self], [self], [], SEND_STALL_SECONDS)
            if readable:
                self.receive()
            if writable:
                parts = self._send_some(parts)
                deadline = time.monotonic() + SEND_STALL_SECONDS
            if time.monotonic() > deadline:
                raise TimeoutError(f"it took no data for {SEND_STALL_SECONDS:.0f} s")

    def _send_some(self, parts: list[memoryview]) -> list[memoryview]:
        """What is left of `parts` after as much was sent as fits."""
        try:
            sent = self._socket.sendmsg(parts)
        except BlockingIOError:
            return parts
        while parts and sent >= len(parts[0]):
            sent -= len(parts[0])
            parts = parts[1:]
        return [parts[0][sent:], *parts[1:]] if parts else []
