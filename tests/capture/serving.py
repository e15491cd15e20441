"""The tiny engine behind a socket, and a client that takes framed messages apart."""

import socket
import threading
from pathlib import Path

from capture.engine.drawing import Drawing
from capture.engine.server import UNIX_SOCKET, Server
from capture.engine.wire import FrameReader, frame

from .tiny_scene import TinyEngine


class Client:
    """A connection that has been greeted."""

    def __init__(self, connection: socket.socket) -> None:
        self.socket = connection
        self.reader, self.got = FrameReader(), []
        assert self.receive() == b"connected to Tiny"

    def send(self, payload: bytes) -> None:
        self.socket.sendall(frame(payload))

    def receive(self) -> bytes:
        while not self.got:
            data = self.socket.recv(1 << 16)
            assert data, "the server closed the connection"
            self.got += self.reader.feed(data)
        return self.got.pop(0)

    def ask(self, command: str, number: int = 0) -> bytes:
        """The reply's body."""
        self.send(f"{number}:{command}".encode())
        reply = self.receive()
        assert reply.startswith(b"%d:" % number)
        return reply.partition(b":")[2]

    def close(self) -> None:
        self.socket.close()


class Served:
    """The engine served from a thread: what it draws with belongs to that thread."""

    def __init__(self, folder: Path, *, leaves_tcp: bool = False) -> None:
        self.folder = folder
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self.port = probe.getsockname()[1]
        self.server = Server("Tiny", self.port, leaves_tcp=leaves_tcp)
        self.drawing = Drawing(real_engine=leaves_tcp)
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self) -> None:
        self.engine = TinyEngine(self.folder, self.drawing)
        self.server.serve(self.engine.game)
        self.engine.close()

    def connect(self, timeout_s: float = 60.0) -> Client:
        return Client(socket.create_connection(("127.0.0.1", self.port), timeout=timeout_s))

    def connect_unix(self) -> Client:
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(60)
        connection.connect(UNIX_SOCKET.format(port=self.port))
        return Client(connection)

    def stop(self) -> None:
        self.engine.state.stopping = True
        self.thread.join(60)
        assert not self.thread.is_alive()
