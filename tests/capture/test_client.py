"""Our client against servers that misbehave: a doubt must drop the connection.

A real engine cannot be made to answer late or with a wrong id, so a scripted socket stands in.
"""

import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import pytest

from capture.engine.wire import FrameReader, frame
from capture.sessions.client import EngineLostError, UnrealCVClient, parse_frame, pose_text


@contextmanager
def scripted_server(answer: Callable[[bytes], bytes | None]) -> Iterator[int]:
    """Greets one client and answers its payloads; None answers nothing."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        connection, _ = listener.accept()
        with connection:
            connection.sendall(frame(b"connected to Script"))
            reader = FrameReader()
            while data := connection.recv(4096):
                for payload in reader.feed(data):
                    reply = answer(payload)
                    if reply is not None:
                        connection.sendall(frame(reply))

    thread = threading.Thread(target=serve, daemon=True)
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
