"""The server to the byte, and what it does with clients that misbehave."""

import hashlib
import json
import os
import socket
import struct
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from capture.engine import server as server_module
from capture.engine.server import UNIX_SOCKET
from capture.engine.wire import MAX_PAYLOAD, frame

from .serving import Served

MAGIC = bytes.fromhex("c1832b9e")


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    running = Served(tmp_path_factory.mktemp("served"))
    yield running
    running.stop()


def raw(served: Served) -> socket.socket:
    return socket.create_connection(("127.0.0.1", served.port), timeout=60)


def closed_by_server(connection: socket.socket) -> bool:
    try:
        while connection.recv(1 << 16):
            pass
    except ConnectionResetError:
        pass
    return True


def test_golden_bytes(served: Served):
    with raw(served) as connection:
        greeting = MAGIC + b"\x11\0\0\0connected to Tiny"
        assert connection.recv(len(greeting), socket.MSG_WAITALL) == greeting
        connection.sendall(MAGIC + b"\x18\0\0\0" + b"7:vget /unrealcv/version")
        assert connection.recv(15, socket.MSG_WAITALL) == MAGIC + b"\x07\0\0\0" + b"7:1.1.0"
        connection.sendall(MAGIC + b"\x03\0\0\0" + b"8:x")
        head, length = connection.recv(4, socket.MSG_WAITALL), connection.recv(4)
        body = connection.recv(struct.unpack("<I", length)[0], socket.MSG_WAITALL)
        assert head == MAGIC
        assert body == (
            b"8:error No handler found for URI 'x' (Can not find a handler for URI 'x')"
        )


@pytest.mark.parametrize(
    "header",
    [
        struct.pack("<II", 0x9E2B83C0, 5),
        struct.pack("<II", 0x9E2B83C1, 0),
        struct.pack("<II", 0x9E2B83C1, MAX_PAYLOAD + 1),
        struct.pack("<II", 0x9E2B83C1, 0xFFFFFFFF),
    ],
    ids=["bad magic", "length 0", "more than 256 MiB", "4 GiB"],
)
def test_a_bad_header_ends_the_connection(served: Served, header: bytes):
    client = served.connect()
    client.socket.sendall(header)
    assert closed_by_server(client.socket)
    client.close()


def test_the_largest_message_is_announced_without_harm(served: Served):
    client = served.connect()
    client.socket.sendall(struct.pack("<II", 0x9E2B83C1, MAX_PAYLOAD) + b"1:vget")
    client.close()
    after = served.connect()
    assert after.ask("vget /unrealcv/version") == b"1.1.0"
    after.close()


def test_a_message_without_an_id_has_no_reply(served: Served):
    client = served.connect()
    client.send(b"no id at all")
    assert client.ask("vget /unrealcv/version", 3) == b"1.1.0"
    client.close()


def test_many_requests_before_the_first_reply_is_read(served: Served):
    """The official client sends a whole list first; nobody may wait for the other."""
    client = served.connect()
    count = 3000
    request = "vget /unrealcv/help"
    client.socket.sendall(b"".join(frame(f"{i}:{request}".encode()) for i in range(count)))
    replies = [client.receive() for _ in range(count)]
    assert [reply.partition(b":")[0] for reply in replies] == [b"%d" % i for i in range(count)]
    bodies = {hashlib.sha256(reply.partition(b":")[2]).digest() for reply in replies}
    assert len(bodies) == 1
    client.close()


def test_a_slow_reader_gets_all_of_it(served: Served):
    client = served.connect()
    client.ask("vset /camera/0/size 640 360")
    client.send(b"4:vget /camera/0/lit bmp")
    time.sleep(0.3)
    data = b""
    while len(data) < 8 + 2 + 54 + 4 * 640 * 360:
        data += client.socket.recv(50_000)
        time.sleep(0.002)
    assert data[8:12] == b"4:BM"
    client.ask("vset /camera/0/size 32 18")
    client.close()


def test_a_client_that_takes_nothing_is_dropped(served: Served, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(server_module, "SEND_STALL_SECONDS", 0.5)
    client = served.connect()
    client.ask("vset /camera/0/size 640 360")
    for number in range(20):  # more than any buffer holds
        client.send(b"%d:vget /camera/0/lit bmp" % number)
    after = served.connect()  # greeted when the first has been dropped
    assert after.ask("vset /camera/0/size 32 18") == b"ok"
    after.close()
    client.close()


def frame_number(reply: bytes) -> int:
    (length,) = struct.unpack_from("<I", reply)
    return json.loads(reply[4 : 4 + length])["frame"]


def test_a_batch_runs_in_one_tick_and_a_list_need_not(served: Served):
    client = served.connect()
    picture = "vget /tour/frame 0 100 200 150 0 0 0 depth_f32"
    requests = ["vbatch 40", *[picture] * 40]
    for number, request in enumerate(requests):
        client.socket.sendall(frame(f"{number}:{request}".encode()))
        time.sleep(0.002)  # in many pieces, over many ticks
    replies = [client.receive().partition(b":")[2] for _ in requests]
    assert replies[0] == b"ok"
    assert len({frame_number(reply) for reply in replies[1:]}) == 1
    one_by_one = [frame_number(client.ask(picture)) for _ in range(3)]
    assert len(set(one_by_one)) == 3
    client.close()


def test_more_than_32_requests_take_more_than_one_tick(served: Served):
    client = served.connect()
    picture = "vget /tour/frame 0 100 200 150 0 0 0 depth_f32"
    client.socket.sendall(b"".join(frame(f"{i}:{picture}".encode()) for i in range(40)))
    numbers = [frame_number(client.receive().partition(b":")[2]) for _ in range(40)]
    assert max(numbers.count(number) for number in numbers) <= 32
    client.close()


def test_a_vanished_client_leaves_no_half_batch(served: Served):
    client = served.connect()
    client.send(b"0:vbatch 5")
    client.send(b"1:vset /camera/0/fov 33")
    assert client.receive() == b"0:ok"
    client.close()
    after = served.connect()
    assert after.ask("vget /camera/0/fov") == b"90.000000"
    after.close()


def test_tcp_moves_to_the_unix_socket_after_the_first_client(tmp_path: Path):
    served = Served(tmp_path, leaves_tcp=True)
    path = Path(UNIX_SOCKET.format(port=served.port))
    client = served.connect()
    assert client.ask("vget /unrealcv/version") == b"1.1.0"
    assert not path.exists()
    client.close()
    deadline = time.monotonic() + 30
    while not path.exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    late = raw(served)  # TCP takes it, and never greets
    late.settimeout(0.5)
    with pytest.raises(TimeoutError):
        late.recv(1)
    late.close()
    for number in range(3):
        again = served.connect_unix()
        assert again.ask("vget /unrealcv/echo here", number) == b"here"
        again.close()
    served.stop()
    assert not os.path.lexists(path)
