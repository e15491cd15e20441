"""A proxy between a client and an engine that spoils replies by script, at the level of the wire.

It understands framing and ids, so a fault hits exactly the reply that the script names; everything
else passes unchanged. Only what a network and a confused server can do is done here: pixels, dark
starts and crashes are the engine's own faults.
"""

import contextlib
import socket
import struct
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

FaultKind = Literal[
    "slow", "late", "missing", "magic", "length", "identifier", "cut", "doubled", "swapped",
    "stale", "closed",
]  # fmt: skip
FAULT_KINDS: tuple[FaultKind, ...] = (
    "slow", "late", "missing", "magic", "length", "identifier", "cut", "doubled", "swapped",
    "stale", "closed",
)  # fmt: skip

HEADER = struct.Struct("<II")
MAGIC = 0x9E2B83C1


@dataclass(frozen=True, kw_only=True)
class Fault:
    """What happens to the `at`-th reply (from 0) to commands that start with `command`.

    slow: held back for `seconds`, within the client's patience; late: the same, beyond it;
    missing: never sent; magic, length, identifier: that part is damaged; cut: half of it, then the
    link closes; doubled: sent twice; swapped: sent after the reply that follows it; stale: the
    whole body of the reply before it, under this reply's id; closed: the link closes instead.
    """

    kind: FaultKind
    at: int
    command: str = ""
    seconds: float = 0.0


@dataclass
class _Script:
    faults: list[Fault] = field(default_factory=list)
    seen: dict[str, int] = field(default_factory=dict)  # replies so far, by command prefix
    done: list[Fault] = field(default_factory=list)

    def next_for(self, command: str) -> Fault | None:
        """Count a reply to `command`; the fault that is due for it, which is then used up."""
        due = None
        prefixes = {fault.command for fault in self.faults}
        for prefix in prefixes:
            if command.startswith(prefix):
                self.seen[prefix] = self.seen.get(prefix, -1) + 1
        for fault in self.faults:
            if command.startswith(fault.command) and self.seen[fault.command] == fault.at:
                due = fault
        if due is not None:
            self.faults.remove(due)
            self.done.append(due)
        return due


class WireProxy:
    """Serves on a port of its own and passes each connection on to `target`."""

    def __init__(self, target: tuple[str, int]) -> None:
        """Listen on a free port of the loopback interface."""
        self._target = target
        self._script = _Script()
        self._lock = threading.Lock()
        self._links: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()

    def play(self, faults: list[Fault]) -> None:
        """Begin a new script; replies are counted from now on, over all connections."""
        with self._lock:
            self._script = _Script(list(faults), {fault.command: -1 for fault in faults})

    @property
    def injected(self) -> list[Fault]:
        """Faults of the present script that have happened."""
        with self._lock:
            return list(self._script.done)

    def close(self) -> None:
        """Stop listening and drop every link."""
        self._listener.close()
        for link in self._links:
            _close(link)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            try:
                engine = socket.create_connection(self._target, timeout=60)
            except OSError:  # the engine is starting again
                _close(client)
                continue
            for link in (client, engine):
                link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                link.settimeout(None)
            self._links = [client, engine]
            commands: dict[bytes, str] = {}
            for work in (self._requests, self._replies):
                arguments = (client, engine, commands)
                threading.Thread(target=work, args=arguments, daemon=True).start()

    def _requests(
        self, client: socket.socket, engine: socket.socket, commands: dict[bytes, str]
    ) -> None:
        for payload in _payloads(client):
            identifier, _, command = payload.partition(b":")
            commands[identifier] = command.decode(errors="replace")
            if not _send(engine, payload):
                break
        _close(client)
        _close(engine)

    def _replies(
        self, client: socket.socket, engine: socket.socket, commands: dict[bytes, str]
    ) -> None:
        before: dict[str, bytes] = {}
        held: bytes | None = None
        for payload in _payloads(engine):
            identifier, _, body = payload.partition(b":")
            command = commands.pop(identifier, None)
            if command is None:  # the greeting
                _send(client, payload)
                continue
            with self._lock:
                fault = self._script.next_for(command)
            name = command.split(" ")[1] if " " in command else command
            if fault is not None and fault.kind == "swapped":
                held = payload
                continue
            passed = _spoiled(client, fault, payload, before.get(name))
            before[name] = body
            if passed and held is not None:
                passed, held = _send(client, held), None
            if not passed:
                break
        _close(client)
        _close(engine)


def _spoiled(
    client: socket.socket, fault: Fault | None, payload: bytes, before: bytes | None
) -> bool:
    """Send a reply as the fault has it; whether the link goes on."""
    identifier, _, body = payload.partition(b":")
    kind = fault.kind if fault is not None else None
    if fault is not None and kind in ("slow", "late"):
        time.sleep(fault.seconds)
    if kind == "missing":
        return True
    if kind == "closed":
        return False
    if kind == "magic":
        return _write(client, HEADER.pack(MAGIC ^ 0x100, len(payload)) + payload)
    if kind == "length":
        return _write(client, HEADER.pack(MAGIC, len(payload) + 7) + payload)
    if kind == "identifier":
        return _send(client, b"%d:" % (int(identifier) + 1) + body)
    if kind == "cut":
        _write(client, HEADER.pack(MAGIC, len(payload)) + payload[: len(payload) // 2])
        return False
    if kind == "stale" and before is not None:
        return _send(client, identifier + b":" + before)
    if kind == "doubled":
        _send(client, payload)
    return _send(client, payload)


def _payloads(link: socket.socket) -> Iterator[bytes]:
    with contextlib.suppress(OSError, EOFError):
        while True:
            magic, length = HEADER.unpack(_exactly(link, HEADER.size))
            if magic != MAGIC:
                return
            yield _exactly(link, length)


def _exactly(link: socket.socket, count: int) -> bytes:
    parts = bytearray()
    while len(parts) < count:
        data = link.recv(min(count - len(parts), 1 << 20))
        if not data:
            raise EOFError
        parts += data
    return bytes(parts)


def _send(link: socket.socket, payload: bytes) -> bool:
    return _write(link, HEADER.pack(MAGIC, len(payload)) + payload)


def _write(link: socket.socket, data: bytes) -> bool:
    try:
        link.sendall(data)
    except OSError:
        return False
    return True


def _close(link: socket.socket) -> None:
    with contextlib.suppress(OSError):
        link.shutdown(socket.SHUT_RDWR)
    link.close()
