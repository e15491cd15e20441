"""Framing to the byte, and UnrealCV's command grammar."""

import json
import struct

import pytest

from capture.engine.commands.replies import one_line
from capture.engine.grammar import CommandError, Dispatcher, template_pattern
from capture.engine.wire import MAX_PAYLOAD, FrameReader, FramingError, frame


def test_frame_golden_bytes():
    assert frame(b"0:ok") == bytes.fromhex("c1832b9e04000000") + b"0:ok"


def test_frames_arrive_whole_whatever_the_pieces():
    data = frame(b"0:a") + frame(b"1:bb") + frame(b"2:" + bytes(1000))
    for size in (1, 7, 64, len(data)):
        reader = FrameReader()
        got = [p for at in range(0, len(data), size) for p in reader.feed(data[at : at + size])]
        assert got == [b"0:a", b"1:bb", b"2:" + bytes(1000)]


@pytest.mark.parametrize(
    "header",
    [
        struct.pack("<II", 0x9E2B83C0, 4),
        struct.pack("<II", 0x9E2B83C1, 0),
        struct.pack("<II", 0x9E2B83C1, MAX_PAYLOAD + 1),
    ],
)
def test_a_bad_header_ends_the_connection(header: bytes):
    with pytest.raises(FramingError):
        list(FrameReader().feed(header))


@pytest.mark.parametrize(
    ("command", "matches"),
    [
        ("vset /camera/1/fov 90", True),
        ("vset /camera/1/fov 90.5", True),
        ("vset /camera/1/fov +.5", True),
        ("vset /camera/1/fov -0.5   ", True),
        ("vset /camera//fov 90", True),  # [uint] is \d*
        ("vset /camera/1/fov 1e-05", False),
        ("vset /camera/1/fov 1.", False),
        ("vset /camera/1/fov nan", False),
        ("vset /camera/1/fov  90", False),
        ("VSET /camera/1/fov 90", False),
        (" vset /camera/1/fov 90", False),
        ("vset /camera/one/fov 90", False),
    ],
)
def test_grammar(command: str, matches: bool):
    pattern = template_pattern("vset /camera/[uint]/fov [float]")
    assert (pattern.fullmatch(command) is not None) == matches


def test_dispatcher_replies():
    dispatcher = Dispatcher()
    dispatcher.bind("vget /echo [str]", lambda args: args[0], "echo")

    def fail(_: list[str]) -> str:
        raise CommandError("Argument Invalid")

    dispatcher.bind("vget /fail", fail, "fails")
    assert dispatcher.run("vget /echo hello") == b"hello"
    assert dispatcher.run("vget /fail") == b"error Argument Invalid"

    def count(args: list[str]) -> str:
        return str(1 / int(args[0]))

    dispatcher.bind("vget /count/[uint]", count, "has a bug at 0")
    assert dispatcher.run("vget /count/2") == b"0.5"
    assert dispatcher.run("vget /count/0") == b"error Internal failure in vget /count/[uint]"
    assert dispatcher.run(f"vget /count/{'9' * 5000}") == b"error Argument Invalid"
    unknown = dispatcher.run("vget /nothing").decode()
    # Both phrases are asserted by UnrealCV's own tests.
    assert unknown.startswith("error No handler found for URI")
    assert "Can not find a handler for URI 'vget /nothing'" in unknown


def test_json_is_one_line_with_six_decimals():
    value = {"hit": True, "fraction": 1e-7, "normal": (0.0, -1.0, 1 / 3), "object": 'a\n"wände"'}
    text = one_line({**value, "frame": 812, "nothing": [], "none": None})
    assert text == (
        '{"hit": true, "fraction": 0.000000, "normal": [0.000000, -1.000000, 0.333333], '
        '"object": "a\\n\\"wände\\"", "frame": 812, "nothing": [], "none": null}'
    )
    assert json.loads(text)["object"] == value["object"]
