"""Ten thousand commands, right, nearly right and wild: no crash, no hang, one reply each."""

import random
import re
import socket
import struct
import threading
from collections.abc import Iterator

import pytest

from capture.engine.wire import frame

from .serving import Served
from .tiny_scene import TinyEngine

IN_PROCESS, OVER_SOCKET = 8500, 1500

UINTS = ["0", "0", "1", "2", "7", "16", "24", "", "007", "64000", "9" * 30, "9" * 5000]
FLOATS = ["0", "1", "-1", "90", "45.5", ".5", "+3", "150", "-0.000001", "1e8", "-99999999999"]
NOT_FLOATS = ["1e-05", "1.", "nan", "inf", "--1", "0x10", "", "NaN"]
WORDS = [
    "png", "bmp", "npy", "lit", "depth", "crate_1", "crate_2", "room", "room", "CubeActor",
    "CubeActor_0", "box", "a.png", "b.npy", "sub/c.bmp", "../d.png", "/etc/e.png", "poses.csv",
    "played", "tiny", "nowhere:1", "manual", "lumen", "none", "setres", "24x12w", "slomo", "0.5",
    "W", "Left", "lit_bgra", "lit_bgra,depth_f32,mask_u8", "normal_u8", "", "[str]", "ü", "\0",
]  # fmt: skip
PLACE = re.compile(r"\[(\w+)\]")
NOISE = "vget /camera0123456789.-+[]\\*()\t\n\r\0é☃𝄞 "

# Dear ones: a level is built anew, a grid is searched, files are drawn.
SELDOM = ("/action/game/level", "/tour/freespace", "/tour/play")
SAME_EXPOSURE = ["0", "-0", "0.0", "99999", "-1e8"]  # each new exposure draws the sky anew


class Commands:
    """An endless stream of commands, the same for the same seed."""

    def __init__(self, templates: list[str], seed: int) -> None:
        self.random = random.Random(seed)
        self.often = [t for t in templates if not any(part in t for part in SELDOM)]
        self.seldom = [t for t in templates if t not in self.often]

    def __iter__(self) -> Iterator[str]:
        while True:
            kind = self.random.random()
            if kind < 0.7:
                yield self.filled(wrong=0.03)
            elif kind < 0.9:
                yield self.damaged(self.filled(wrong=0.1))
            else:
                yield self.noise()

    def filled(self, wrong: float) -> str:
        templates = self.seldom if self.random.random() < 0.01 else self.often
        template = self.random.choice(templates)
        if "exposure" in template:
            template = template.replace("[float]", self.random.choice(SAME_EXPOSURE))
        return PLACE.sub(lambda place: self.value(place[1], wrong), template)

    def value(self, kind: str, wrong: float) -> str:
        if self.random.random() < wrong:
            return self.random.choice(NOT_FLOATS + WORDS)
        return self.random.choice({"uint": UINTS, "float": FLOATS}.get(kind, WORDS))

    def damaged(self, command: str) -> str:
        for _ in range(self.random.randint(1, 3)):
            at = self.random.randint(0, len(command))
            change = self.random.choice(["delete", "insert", "double", "cut", "space"])
            if change == "delete":
                command = command[:at] + command[at + 1 :]
            elif change == "insert":
                command = command[:at] + self.random.choice(NOISE) + command[at:]
            elif change == "double":
                command = command[:at] + command[at : at + 3] * 2 + command[at + 3 :]
            elif change == "cut":
                command = command[:at]
            else:
                command += " " * self.random.randint(1, 3)
        return command

    def noise(self) -> str:
        length = self.random.choice([0, 1, 5, 40, 2000])
        return "".join(self.random.choice(NOISE) for _ in range(length))


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TinyEngine]:
    running = TinyEngine(tmp_path_factory.mktemp("fuzz"))
    yield running
    running.close()


def templates(engine: TinyEngine) -> list[str]:
    return engine.text("vget /unrealcv/commands").splitlines()


def test_every_command_has_one_reply_and_no_handler_fails(engine: TinyEngine):
    commands = iter(Commands(templates(engine), seed=1))
    answered = 0
    for _, command in zip(range(IN_PROCESS), commands, strict=False):
        reply = engine.ask(command)
        assert isinstance(reply, bytes) and reply, command
        assert not reply.startswith(b"error Internal failure"), (command, reply)
        answered += not reply.startswith(b"error")
    # Most of them did something, or this would prove little.
    assert answered > IN_PROCESS / 4
    assert engine.ask("vget /unrealcv/version") == b"1.1.0"
    assert engine.lit().shape[-1] == 4


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    running = Served(tmp_path_factory.mktemp("served"))
    yield running
    running.stop()


def test_over_the_socket_too_whatever_the_pieces(served: Served):
    client = served.connect()
    listed = client.ask("vget /unrealcv/commands").decode().splitlines()
    chance = random.Random(2)
    stream = iter(Commands(listed, seed=2))
    # The engine must not be told to end, and a batch would wait for its end.
    wanted = (c for c in stream if "quit" not in c and "exit" not in c and "vbatch" not in c)
    sent = [next(wanted) for _ in range(OVER_SOCKET)]
    messages = b"".join(frame(f"{i}:{c}".encode()) for i, c in enumerate(sent, 1))
    writer = threading.Thread(target=send_in_pieces, args=(client.socket, messages, chance))
    writer.start()
    for number, command in enumerate(sent, 1):
        reply = client.receive()
        assert reply.startswith(b"%d:" % number) and len(reply) > len(str(number)) + 1, command
    writer.join()
    assert client.ask("vget /unrealcv/version") == b"1.1.0"  # nothing was left over
    client.close()


def send_in_pieces(connection: socket.socket, data: bytes, chance: random.Random) -> None:
    while data:
        size = chance.choice([1, 3, 8, 100, 5000])
        connection.sendall(data[:size])
        data = data[size:]


@pytest.mark.parametrize("seed", range(12))
def test_garbage_costs_only_its_own_connection(served: Served, seed: int):
    chance = random.Random(seed)
    client = served.connect()
    good = frame(b"1:vget /unrealcv/version")
    junk = chance.randbytes(chance.choice([1, 7, 8, 200, 100_000]))
    bad_header = struct.pack("<II", 0x9E2B83C1, chance.choice([0, 256 * 1024 * 1024 + 1]))
    cut = good[: chance.randint(1, len(good) - 1)]
    client.socket.sendall(chance.choice([junk, good + junk, bad_header, cut, good + cut]))
    client.close()
    after = served.connect()
    assert after.ask("vget /unrealcv/echo still-here", 5) == b"still-here"
    after.close()
