"""The engine's loop: one client at a time over TCP, at most 32 requests a tick.

A second client waits in the backlog and is greeted when the first has gone, as with UnrealCV. A
client that sends garbage, vanishes or stops in the middle of a message costs its own connection
only.
"""

import logging
import os
import select
import socket
from collections import deque
from collections.abc import Callable

from capture.engine.wire import MAX_PAYLOAD, FrameReader, FramingError, frame

log = logging.getLogger(__name__)

REQUESTS_PER_TICK = 32
TICK_SECONDS = 1 / 60
RECEIVE_BYTES = 1 << 20
# A client that takes no data for this long while a reply is being sent counts as gone.
SEND_TIMEOUT_SECONDS = 30.0


class Server:
    """Serves commands on a TCP port."""

    def __init__(
        self, port: int, project: str, run: Callable[[str], bytes], tick: Callable[[], None]
    ) -> None:
        """Bind the port; `run` answers a command, `tick` is called once a tick.

        Raises `OSError` if the port is taken.
        """
        self._greeting = frame(f"connected to {project}".encode())
        self._run, self._tick = run, tick
        self._parent = os.getppid()
        self._listener = socket.create_server(("", port), backlog=16)

    def serve_forever(self) -> None:
        """Serve until the process that started this one has gone."""
        while self._parent_lives():
            if not select.select([self._listener], [], [], 0.5)[0]:
                self._tick()
                continue
            client, address = self._listener.accept()
            log.info("client %s connected", address)
            with client:
                try:
                    self._serve(client)
                except (OSError, FramingError) as error:
                    log.warning("client %s dropped: %s", address, error)

    def _parent_lives(self) -> bool:
        """An engine whose launcher was killed must not stay behind."""
        return os.getppid() == self._parent

    def _serve(self, client: socket.socket) -> None:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        client.settimeout(SEND_TIMEOUT_SECONDS)
        client.sendall(self._greeting)
        reader, waiting = FrameReader(), deque[bytes]()
        while self._parent_lives():
            pause = 0.0 if waiting else TICK_SECONDS
            if select.select([client], [], [], pause)[0]:
                data = client.recv(RECEIVE_BYTES)
                if not data:
                    return
                waiting.extend(reader.feed(data))
            self._tick()
            for _ in range(min(REQUESTS_PER_TICK, len(waiting))):
                client.sendall(frame(self._answer(waiting.popleft())))

    def _answer(self, payload: bytes) -> bytes:
        identifier, colon, command = payload.partition(b":")
        if not colon or not identifier.isdigit():
            raise FramingError(f"a request must be <id>:<command>, got {payload[:40]!r}")
        reply = self._run(command.decode("utf-8", errors="replace"))
        if len(reply) + len(payload) > MAX_PAYLOAD:
            reply = f"error The reply has {len(reply)} bytes; {MAX_PAYLOAD} can be sent".encode()
        return identifier + b":" + reply
