"""A proxy that changes what an engine is asked and what it answers, command by command."""

import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

from capture.engine.wire import FrameReader, frame

Asked = Callable[[str], str]  # command -> the command that the engine gets
Answered = Callable[[str, bytes], "bytes | None"]  # command, reply -> reply; None: nothing


@dataclass(kw_only=True)
class Tampering:
    """Serves on `port` of the loopback interface and passes every connection on to `target`."""

    target: tuple[str, int]
    asked: Asked = lambda command: command
    answered: Answered = lambda _, reply: reply
    greeted: Callable[[bytes], "bytes | None"] = lambda greeting: greeting
    port: int = 0
    _links: list[socket.socket] = field(default_factory=list)

    def __enter__(self) -> "Tampering":
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        for link in (self._listener, *self._links):
            with suppress(OSError):
                link.shutdown(socket.SHUT_RDWR)
            link.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                engine = socket.create_connection(self.target, timeout=60)
                self._links += [client, engine]
                for link in (client, engine):
                    link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                commands: dict[bytes, str] = {}
                for work in (self._requests, self._replies):
                    arguments = (client, engine, commands)
                    threading.Thread(target=work, args=arguments, daemon=True).start()

    def _requests(
        self, client: socket.socket, engine: socket.socket, commands: dict[bytes, str]
    ) -> None:
        for payloads in _messages(client):
            out = []
            for payload in payloads:
                identifier, _, text = payload.partition(b":")
                commands[identifier] = command = text.decode()
                out.append(frame(identifier + b":" + self.asked(command).encode()))
            engine.sendall(b"".join(out))  # in one write, if they came in one
        _close(client, engine)

    def _replies(
        self, client: socket.socket, engine: socket.socket, commands: dict[bytes, str]
    ) -> None:
        with suppress(OSError):  # the client has gone
            for payload in (payload for payloads in _messages(engine) for payload in payloads):
                identifier, colon, body = payload.partition(b":")
                if not colon:
                    message = self.greeted(payload)
                else:
                    reply = self.answered(commands.pop(identifier), body)
                    message = None if reply is None else identifier + b":" + reply
                if message is not None:
                    client.sendall(frame(message))
        _close(client, engine)


def _messages(link: socket.socket):
    """Payloads, those that arrive together together."""
    reader = FrameReader()
    with suppress(OSError):
        while data := link.recv(1 << 20):
            if payloads := list(reader.feed(data)):
                yield payloads


def _close(*links: socket.socket) -> None:
    for link in links:
        with suppress(OSError):
            link.shutdown(socket.SHUT_RDWR)
