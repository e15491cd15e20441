"""Our client against servers that misbehave: a doubt must drop the connection.

A real engine cannot be made to answer late or with a wrong id, so a scripted socket stands in.
"""

import os
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import numpy as np
import pytest

from capture.engine.wire import FrameReader, frame
from capture.sessions.address import moved_socket, running_address
from capture.sessions.client import (
    CommandFailedError,
    EngineLostError,
    UnrealCVClient,
    parse_frame,
    pose_text,
)
from dataset.errors import OpenRelicError

Answer = Callable[[bytes], bytes | None]


def serve(listener: socket.socket, answer: Answer, drip_s: float = 0.0) -> None:
    """Greet one client and answer its payloads; None answers nothing."""
    connection, _ = listener.accept()
    with connection, suppress(OSError):
        connection.sendall(frame(b"connected to Script"))
        reader = FrameReader()
        while data := connection.recv(4096):
            for payload in reader.feed(data):
                reply = answer(payload)
                for part in parts_of(reply, drip_s):
                    connection.sendall(part)


def parts_of(reply: bytes | None, drip_s: float) -> Iterator[bytes]:
    """The framed reply at once, or a byte at a time if it speaks of dripping."""
    if reply is None:
        return
    if b"drip" not in reply:
        yield frame(reply)
        return
    for byte in frame(reply):
        time.sleep(drip_s)
        yield bytes([byte])


@contextmanager
def scripted_server(answer: Answer, drip_s: float = 0.0) -> Iterator[int]:
    """The port of a server that serves one client."""
    listener = socket.create_server(("127.0.0.1", 0))
    thread = threading.Thread(target=serve, args=(listener, answer, drip_s), daemon=True)
    thread.start()
    yield listener.getsockname()[1]
    listener.close()
    thread.join(timeout=5)


def connect(port: int) -> UnrealCVClient:
    return UnrealCVClient("127.0.0.1", port, boot_timeout_s=5, timeout_s=0.3)


def honest(payload: bytes) -> bytes:
    identifier, _, command = payload.partition(b":")
    return identifier + b":" + command


def test_replies_come_in_order_and_pipelined():
    with scripted_server(honest) as port:
        client = connect(port)
        commands = [f"vget /thing {index}" for index in range(100)]
        assert [reply.decode() for reply in client.stream(commands)] == commands
        client.close()


def test_a_late_reply_drops_the_connection():
    with scripted_server(lambda p: None if b"slow" in p else honest(p)) as port:
        client = connect(port)
        assert client.text("vget /fast") == "vget /fast"
        with pytest.raises(EngineLostError, match="did not answer"):
            client.text("vget /slow")
        # The reply to the slow request must never be taken for this one's.
        with pytest.raises(EngineLostError):
            client.text("vget /fast")


def test_a_wrong_id_drops_the_connection():
    with scripted_server(lambda p: b"7:ok" if b"wrong" in p else honest(p)) as port:
        client = connect(port)
        with pytest.raises(EngineLostError, match="to request "):
            client.text("vget /wrong")


def test_a_reply_that_is_no_json_drops_the_connection():
    with scripted_server(honest) as port:
        client = connect(port)
        with pytest.raises(EngineLostError, match="not JSON"):
            client.json("vget /tour/version")


def test_a_message_of_no_possible_length_drops_the_connection():
    listener = socket.create_server(("127.0.0.1", 0))
    sent = struct.pack("<II", 0x9E2B83C1, 0xFFFFFFFF)
    thread = threading.Thread(target=lambda: listener.accept()[0].sendall(sent), daemon=True)
    thread.start()
    with pytest.raises(EngineLostError, match="announced a message of 4294967295 bytes"):
        connect(listener.getsockname()[1])
    thread.join(timeout=5)
    listener.close()


def test_nobody_listens():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with pytest.raises(EngineLostError, match=f"no engine answered at 127.0.0.1:{port}"):
        UnrealCVClient("127.0.0.1", port, boot_timeout_s=0.1, timeout_s=1)


def test_poses_are_never_written_with_an_exponent():
    assert pose_text(np.array([1e-5, -1e-9, 123456.7]), np.array([0, 90, -0.5])) == (
        "0.000010 -0.000000 123456.700000 0.000000 90.000000 -0.500000"
    )


def test_a_frame_whose_sizes_disagree_is_refused():
    header = b'{"frame": 1, "pose": [0,0,0,0,0,0], "fov": 90, "passes": []}'
    for broken in (b"", b"\xff\0\0\0{}", b"\2\0\0\0[]"):
        with pytest.raises(EngineLostError, match="cannot be read"):
            parse_frame(broken)
    with pytest.raises(EngineLostError, match="header says"):
        parse_frame(len(header).to_bytes(4, "little") + header + b"extra")


def test_a_reply_that_drips_does_not_extend_its_deadline():
    with scripted_server(honest, drip_s=0.05) as port:
        client = connect(port)  # 0.3 s a reply
        began = time.monotonic()
        with pytest.raises(EngineLostError, match="did not answer in"):
            client.text(f"vget /drip {'x' * 400}")  # would take 20 s
        assert time.monotonic() - began < 5
        began = time.monotonic()
        with pytest.raises(EngineLostError, match="did not answer"):
            client.text("vget /fast")
        assert time.monotonic() - began < 0.1


def test_a_request_can_have_a_deadline_of_its_own():
    with scripted_server(honest, drip_s=0.02) as port:
        client = connect(port)
        command = f"vget /drip {'x' * 30}"  # takes about 1 s
        assert client.text(command, timeout_s=20) == command
        client.close()


def test_an_engine_may_load_its_map_before_the_first_answer():
    def slow(payload: bytes) -> bytes:
        time.sleep(0.6)  # longer than timeout_s
        return honest(payload)

    with scripted_server(slow) as port:
        client = connect(port)
        assert "vget /unrealcv/commands" in client.commands
        client.close()


def test_replies_to_an_earlier_client_are_not_taken_for_ours():
    listener = socket.create_server(("127.0.0.1", 0))

    def serve_late() -> None:
        connection, _ = listener.accept()
        with connection:
            connection.sendall(frame(b"connected to Script"))
            connection.sendall(b"".join(frame(reply) for reply in (b"0:old", b"1:old")))
            reader = FrameReader()
            while data := connection.recv(4096):
                for payload in reader.feed(data):
                    connection.sendall(frame(honest(payload)))

    thread = threading.Thread(target=serve_late, daemon=True)
    thread.start()
    client = connect(listener.getsockname()[1])
    assert client.text("vget /thing") == "vget /thing"
    client.close()
    listener.close()


def test_an_error_amid_a_stream_leaves_the_connection_in_step():
    def answer(payload: bytes) -> bytes:
        return payload.partition(b":")[0] + b":error no" if b"bad" in payload else honest(payload)

    with scripted_server(answer) as port:
        client = connect(port)
        with pytest.raises(CommandFailedError, match="error no.*vget /bad"):
            list(client.stream(["vget /a", "vget /bad", "vget /b", "vget /c"]))
        assert client.text("vget /d") == "vget /d"
        # So does a stream that is left half read, and a frame that nobody asks for any more.
        replies = client.stream(["vget /1", "vget /2", "vget /3"])
        assert next(replies) == b"vget /1"
        client.send("vget /4")
        assert client.text("vget /5") == "vget /5"
        client.close()


def test_a_batch_gives_the_replies_of_its_commands():
    def answer(payload: bytes) -> bytes:
        identifier, _, command = payload.partition(b":")
        return identifier + b":ok" if command.startswith(b"vbatch") else honest(payload)

    with scripted_server(answer) as port:
        client = connect(port)
        assert client.takes_batches()
        assert client.batch(["vget /a", "vget /b"]) == [b"vget /a", b"vget /b"]
        client.close()


def test_an_engine_without_batches_is_told_apart():
    def answer(payload: bytes) -> bytes:
        identifier = payload.partition(b":")[0]
        return identifier + b":error No handler" if b"vbatch" in payload else honest(payload)

    with scripted_server(answer) as port:
        client = connect(port)
        assert not client.takes_batches()
        assert client.text("vget /a") == "vget /a"
        client.close()


@pytest.mark.parametrize("body", [b"\xff\xfe", b"\x00\x00"], ids=["no text", "no frame"])
def test_a_reply_that_cannot_be_read_drops_the_connection(body: bytes):
    spoiled = lambda p: p.partition(b":")[0] + b":" + body if b"tour" in p else honest(p)  # noqa: E731
    with scripted_server(spoiled) as port:
        client = connect(port)
        with pytest.raises(EngineLostError):
            if body[0]:
                client.text("vget /tour/text")
            else:
                asked = client.send_frame_request(0, np.zeros(3), np.zeros(3), "lit_bgra")
                client.receive_frame(asked)
        with pytest.raises(EngineLostError):
            client.text("vget /fast")


@contextmanager
def unix_server(path: str) -> Iterator[None]:
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(path)
    listener.listen(1)
    threading.Thread(target=serve, args=(listener, honest), daemon=True).start()
    yield
    listener.close()
    with suppress(OSError):
        os.unlink(path)


def test_a_unix_socket_can_be_named(tmp_path: Path):
    path = str(tmp_path / "engine.socket")
    address = running_address(path)
    assert address is not None and address.socket_path == path
    assert running_address(f"unix:{path}") == address
    with unix_server(path):
        client = UnrealCVClient(path, boot_timeout_s=5, timeout_s=5)
        assert (client.transport, client.text("vget /a")) == ("unix", "vget /a")
        client.close()


@pytest.mark.parametrize("moves", ["before", "meanwhile"])
def test_where_tcp_is_silent_the_unix_socket_is_used(moves: str):
    """The Linux server takes TCP connections after its first client, but never greets them."""
    silent = socket.create_server(("127.0.0.1", 0))
    port = silent.getsockname()[1]
    with ExitStack() as stack:
        if moves == "before":
            stack.enter_context(unix_server(moved_socket(port)))
        else:
            later = threading.Timer(
                0.7, lambda: stack.enter_context(unix_server(moved_socket(port)))
            )
            later.start()
        client = UnrealCVClient("127.0.0.1", port, boot_timeout_s=10, timeout_s=5)
        assert client.transport == "unix"
        assert client.text("vget /a") == "vget /a"
        client.close()
    silent.close()


def test_a_dead_unix_socket_is_no_engine():
    """A killed engine leaves its socket file; another one may have the port since."""
    with scripted_server(honest) as port:
        dead = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        dead.bind(moved_socket(port))
        dead.close()
        try:
            client = connect(port)
            assert client.transport == "tcp"
            client.close()
        finally:
            os.unlink(moved_socket(port))


def test_a_silent_port_is_reported_as_such():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = silent.getsockname()
        with pytest.raises(EngineLostError, match="does not greet: another client is connected"):
            UnrealCVClient(*address, boot_timeout_s=0.5, timeout_s=1)


def test_an_unknown_host_is_one_line():
    with pytest.raises(OpenRelicError, match="is not known"):
        UnrealCVClient("no such host", 9000, boot_timeout_s=5, timeout_s=1)
