"""`capture.conformance` on the embedded engine: honest, and spoilt on the wire row by row.

Each case spoils one property between the engine and the examination, which must notice it there.
"""

import io
import json
import re
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from capture.probes import examine as examine_module
from capture.probes.examine import PROBES, examine
from capture.probes.subject import Subject
from capture.probes.table import Row
from capture.sessions.client import UnrealCVClient
from capture.sessions.launcher import start_engine

from .conftest import SCENE
from .tampering import Tampering

ROOT = Path(__file__).resolve().parents[2]
SIZE = (64, 36)
MAX_SETTLING = 30


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, int]]:
    """The address of an engine that nobody is connected to."""
    folder = tmp_path_factory.mktemp("conformance")
    engine = start_engine("embedded", SCENE, folder, size=SIZE, boot_timeout_s=120)
    engine.client.close()
    yield "127.0.0.1", engine.client.address.port
    engine.close()


def rows_of(
    port: int, *probes: str, seconds: float = 60.0, timeout_s: float = 20.0
) -> dict[str, Row]:
    client = UnrealCVClient("127.0.0.1", port, boot_timeout_s=20, timeout_s=20)
    subject = Subject(
        client=client, until=time.monotonic() + seconds, timeout_s=timeout_s, rate_seconds=0.05,
        repeats=1, max_settling=MAX_SETTLING,
    )  # fmt: skip
    rows = list(examine(subject, frozenset(probes)))
    subject.client.close()
    assert len({row.name for row in rows}) == len(rows)
    return {row.name: row for row in rows}


def spoilt(target: tuple[str, int], *probes: str, **how: Any) -> dict[str, Row]:
    with Tampering(target=target, **how) as proxy:
        return rows_of(proxy.port, *probes)


def test_an_honest_engine_passes_and_is_left_as_it_was(target: tuple[str, int], tmp_path: Path):
    client = UnrealCVClient(*target, boot_timeout_s=20, timeout_s=20)
    place = client.text("vget /camera/0/location")
    client.text(f"vset /camera/0/pose {place} -10.25 33.333 4")
    client.text("vset /camera/0/fov 77")
    client.close()
    copy = tmp_path / "engine.json"
    ended = run(f"127.0.0.1:{target[1]}", "--json", str(copy), "--rate-seconds", "0.05",
                "--repeats", "1")  # fmt: skip
    assert ended.returncode == 0
    check_the_copy(json.loads(copy.read_text()), ended.stdout)
    client = UnrealCVClient(*target, boot_timeout_s=20, timeout_s=20)
    assert client.text("vget /camera/0/pose") == f"{place} -10.250 33.333 4.000"
    assert client.text("vget /camera/0/fov") == "77.000000"
    assert client.batch(["vget /camera/0/fov"]) == [b"77.000000"]  # no half batch is left
    client.close()


def check_the_copy(content: dict[str, Any], printed: str) -> None:
    rows = content["rows"]
    assert [row for row in rows if row["status"] == "fail"] == []
    passed, untried = (sum(row["status"] == s for row in rows) for s in ("pass", "na"))
    assert passed > 45 and untried < 5
    assert printed.endswith(f"{passed} pass, 0 fail, {untried} na\n")
    assert re.search(r"^vbatch collects its requests +pass", printed, re.MULTILINE)
    assert content["greeting"] == "connected to OpenRelic"
    assert "vget /tour/ready" in content["commands"]


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "capture.conformance", *arguments], cwd=ROOT, capture_output=True,
        text=True, check=False,
    )  # fmt: skip


def for_command(pattern: str, change: Callable[[bytes], bytes | None]):
    """Changes the replies to commands that match."""
    return lambda command, reply: change(reply) if re.search(pattern, command) else reply


def always(reply: bytes) -> Callable[[bytes], bytes]:
    return lambda _: reply


def instead(old: str, new: str) -> Callable[[str], str]:
    return lambda command: command.replace(old, new)


def without(prefix: bytes) -> Callable[[bytes], bytes]:
    """The list of commands without some."""
    return lambda listing: b"\n".join(x for x in listing.split(b"\n") if not x.startswith(prefix))


def offset(by: float, at: int = 0) -> Callable[[bytes], bytes]:
    """Adds to one number of a reply."""

    def change(reply: bytes) -> bytes:
        values = [float(word) for word in reply.split()]
        values[at] += by
        return " ".join(f"{value:.3f}" for value in values).encode()

    return change


def float32(reply: bytes) -> bytes:
    return " ".join(f"{float(np.float32(word)):.3f}" for word in reply.split()).encode()


def npy(array: np.ndarray) -> bytes:
    sink = io.BytesIO()
    np.save(sink, array)
    return sink.getvalue()


def counting_frames() -> Callable[[bytes], bytes]:
    """Every answer of `/tour/ready` is of a later tick."""
    count = iter(range(10**6))

    def change(reply: bytes) -> bytes:
        return json.dumps({**json.loads(reply), "frame": next(count)}).encode()

    return change


def tour_header(change: Callable[[dict[str, Any]], None]) -> Callable[[bytes], bytes]:
    def rewrite(reply: bytes) -> bytes:
        length = int.from_bytes(reply[:4], "little")
        header = json.loads(reply[4 : 4 + length])
        change(header)
        text = json.dumps(header).encode()
        return len(text).to_bytes(4, "little") + text + reply[4 + length :]

    return rewrite


def turned_on(header: dict[str, Any]) -> None:
    header["pose"][4] += 0.02


def padded_bmp(reply: bytes) -> bytes:
    """Four bytes more between header and pixels: a BMP still, but not of the exact size."""
    return reply[:10] + (58).to_bytes(4, "little") + reply[14:54] + b"gap!" + reply[54:]


def eager_batches(command: str) -> str:
    """The engine is not told of batches …"""
    return "vget /unrealcv/version" if command.startswith("vbatch") else command


VERSION, LISTING = r"^vget /unrealcv/version$", r"^vget /unrealcv/commands$"
CASES: dict[str, tuple[str, dict[str, Any]]] = {
    "greeting": ("identity", {"greeted": lambda _: b"connected to "}),
    "version": ("identity", {"answered": for_command(VERSION, always(b"two"))}),
    "lists vset /cameras/spawn": (
        "commands", {"answered": for_command(LISTING, without(b"vset /cameras/spawn"))}),
    "trailing spaces are allowed": (
        "grammar", {"answered": for_command("  $", always(b"error No handler found"))}),
    "1e-05 is refused": ("grammar", {"asked": instead("1e-05", "0.00001")}),
    "unknown commands are refused": (
        "grammar", {"asked": instead("/no/such/command", "/unrealcv/version")}),
    "unknown cameras are refused": ("grammar", {"asked": instead("99999", "0")}),
    "vbatch collects its requests": (
        "vbatch", {"asked": eager_batches, "answered": for_command("^vbatch", always(b"ok"))}),
    "vbatch runs in one tick": (
        "vbatch", {"answered": for_command("/tour/ready", counting_frames())}),
    "camera 0: poses read back": (
        "poses", {"answered": for_command("vget /camera/0/pose", offset(0.002))}),
    "spawned camera: poses read back": (
        "poses", {"answered": for_command("vget /camera/[^0].*/pose", offset(0.01, 4))}),
    "poses read back, 1 km away": (
        "poses", {"answered": for_command("vget /camera/[^0].*/pose", float32)}),
    "/tour/frame: pose in its header": (
        "pose of /tour/frame", {"answered": for_command("/tour/frame", tour_header(turned_on))}),
    "fov read back": (
        "fov", {"answered": for_command("vget /camera/[^0].*/fov", always(b"90.000000"))}),
    "image as bmp": (
        "formats", {"answered": for_command("lit bmp", padded_bmp)}),
    "image as png": ("formats", {"answered": for_command("lit png", always(b"\x89PNG"))}),
    "image as npy": (
        "formats", {"answered": for_command("lit npy", always(npy(np.zeros((36, 64, 4), "u1"))))}),
    "depth as npy": (
        "depth", {"answered": for_command("depth npy", always(npy(np.zeros((36, 64), "f4"))))}),
    "/tour/frame: passes": ("passes of /tour/frame", {"asked": instead(",normal_u8", "")}),
    "ticks a second": (
        "ticks", {"answered": for_command("/tour/ready", always(b'{"ready": true, "frame": 7}'))}),
    "images/s: pose, then png": (
        "rates", {"answered": for_command("lit png", always(b"error Argument Invalid"))}),
}  # fmt: skip

# What the same fault spoils besides.
BESIDES = {
    "vbatch collects its requests": {"vbatch runs in one tick"},
    "spawned camera: poses read back": {"poses read back, 1 km away"},
}


@pytest.mark.parametrize("name", CASES)
def test_a_spoilt_property_fails_in_its_row(target: tuple[str, int], name: str):
    probe, how = CASES[name]
    rows = spoilt(target, probe, **how)
    assert rows[name].status == "fail", rows[name]
    # The others of its probe still pass: it is the row that was spoilt, not the probe.
    others = {row.name for row in rows.values() if row.status == "fail"} - {name}
    assert others <= BESIDES.get(name, set())


def test_what_is_missing_but_replaceable_is_not_a_failure(target: tuple[str, int]):
    rows = spoilt(
        target, "commands", "pose of /tour/frame",
        answered=for_command(LISTING, without(b"vget /tour/")),
    )  # fmt: skip
    assert rows["lists vget /tour/sweep"].status == "na"
    assert "depth images" in rows["lists vget /tour/sweep"].measured
    assert rows["/tour/frame: pose in its header"].status == "na"


def test_equivalent_angles_are_the_same_pose(target: tuple[str, int]):
    def other_angles(reply: bytes) -> bytes:
        x, y, z, pitch, yaw, roll = (float(word) for word in reply.split())
        values = (x, y, z, 180 - pitch, yaw + 180, roll + 180)
        return " ".join(f"{value:.3f}" for value in values).encode()

    rows = spoilt(target, "poses", answered=for_command("vget /camera/0/pose", other_angles))
    assert rows["camera 0: poses read back"].status == "pass"
    assert "in other angles" in rows["camera 0: poses read back"].measured


def late_by(frames: int, pattern: str):
    """Each reply to matching commands is the one of so many before, for each camera."""
    before: dict[str, list[bytes]] = defaultdict(list)

    def answer(command: str, reply: bytes) -> bytes:
        if not re.search(pattern, command):
            return reply
        queue = before[command.split()[1]]
        queue.append(reply)
        return queue.pop(0) if len(queue) > frames else queue[0]

    return answer


def test_stale_images_and_depth_are_noticed_and_counted(target: tuple[str, int]):
    """Camera 0 shows what was asked for two images ago; depth of any camera is one late."""
    images, depth = late_by(2, r"^vget /camera/0/lit bmp"), late_by(1, r"depth npy")
    rows = spoilt(target, "staleness", answered=lambda c, reply: depth(c, images(c, reply)))
    for kind in ("turn", "move"):
        late = rows[f"camera 0: image after a {kind}"]
        assert late.status == "fail"
        assert set(late.values["late"].values()) == {2}
        assert rows[f"spawned camera: image after a {kind}"].status == "pass"
    same_tick = rows["image and depth of one tick"]
    assert same_tick.status == "fail"
    assert set(same_tick.values["apart"].values()) == {1}


def test_a_camera_that_never_moves_is_noticed(target: tuple[str, int]):
    still: list[bytes] = []

    def same(reply: bytes) -> bytes:
        still.append(reply)
        return still[0]

    rows = spoilt(target, "staleness", answered=for_command(r"/camera/0/lit bmp", same))
    assert "gave the same picture" in rows["camera 0: image after a turn"].measured
    assert rows["camera 0: image after a turn"].status == "fail"
    assert rows["spawned camera: image after a turn"].status == "pass"


def test_old_pixels_under_a_new_header_are_noticed(target: tuple[str, int]):
    before: list[bytes] = []

    def old_pixels(reply: bytes) -> bytes:
        length = 4 + int.from_bytes(reply[:4], "little")
        before.append(reply[length:])
        return reply[:length] + before[-2 if len(before) > 1 else -1]

    probes = ("pose of /tour/frame", "staleness of /tour/frame")
    rows = spoilt(target, *probes, answered=for_command("/tour/frame .*depth", old_pixels))
    assert rows["/tour/frame: pose in its header"].status == "pass"
    assert rows["/tour/frame: image of its pose"].status == "fail"
    assert rows["/tour/frame: image of its pose"].values["stale"] == {"image": 3, "depth": 3}


def test_a_dark_start_is_measured_and_ready_is_caught_lying(target: tuple[str, int]):
    count = iter(range(10**6))

    def dark(reply: bytes) -> bytes:
        bright = min(1.0, 0.2 + 0.1 * next(count))
        pixels = np.frombuffer(reply[54:], np.uint8) * bright
        return reply[:54] + pixels.astype(np.uint8).tobytes()

    rows = spoilt(target, "warm-up", answered=for_command("/camera/0/lit bmp", dark))
    warm_up = rows["camera 0: warm-up"]
    assert (warm_up.status, rows["spawned camera: warm-up"].values["frames"]) == ("pass", 4)
    # Images 0 to 7 are dark, the first of `warm_up` among them; three more agree with the eighth.
    assert warm_up.values["frames"] == 11
    assert rows["/tour/ready tells the truth"].status == "fail"


def test_an_image_that_never_settles_is_noticed(target: tuple[str, int]):
    random = np.random.default_rng(0)

    def noisy(reply: bytes) -> bytes:
        return reply[:54] + random.integers(0, 256, len(reply) - 54, np.uint8).tobytes()

    rows = spoilt(target, "warm-up", answered=for_command("/camera/0/lit bmp", noisy))
    assert rows["camera 0: warm-up"].status == "fail"
    assert rows["camera 0: warm-up"].values["frames"] == MAX_SETTLING


def test_a_lost_connection_costs_one_row(target: tuple[str, int]):
    count = iter(range(10**6))
    lose_one = for_command(VERSION, lambda reply: None if next(count) == 100 else reply)
    with Tampering(target=target, answered=lose_one) as proxy:
        rows = rows_of(proxy.port, "pipelining", "fov", timeout_s=1.0)
    assert rows["pipelining"].status == "fail"
    assert rows["pipelining"].measured.endswith("connected again")
    assert rows["fov read back"].status == "pass"


def test_an_engine_that_serves_one_client_only_is_noticed(
    target: tuple[str, int], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(examine_module, "RECONNECT_S", 1.0)
    greetings: list[bytes] = []

    def first_only(greeting: bytes) -> bytes | None:
        greetings.append(greeting)
        return greeting if len(greetings) == 1 else None

    rows = spoilt(target, "next client", greeted=first_only)
    assert rows["serves the next client"].status == "fail"
    assert "does not greet" in rows["serves the next client"].measured


def rows_of_a_quirky_engine(folder: Path, *probes: str) -> dict[str, Row]:
    engine = start_engine(
        "embedded", SCENE, folder, size=SIZE, boot_timeout_s=120, timeout_s=60,
        arguments=("-quirks=ue5",),
    )  # fmt: skip
    subject = Subject(
        client=engine.client, until=time.monotonic() + 120, timeout_s=20, rate_seconds=0.05,
        repeats=1,
    )  # fmt: skip
    rows = {row.name: row for row in examine(subject, frozenset(probes))}
    subject.client.close()
    engine.close()
    return rows


def test_what_real_engines_do_wrong_at_first_and_afterwards_is_found(tmp_path: Path):
    rows = rows_of_a_quirky_engine(tmp_path, "warm-up", "next client")
    for camera in ("camera 0", "spawned camera", "spawned camera, after a jump"):
        warm_up = rows[f"{camera}: warm-up"]
        assert warm_up.status == "pass"
        assert 20 <= warm_up.values["frames"] <= 40 and warm_up.values["changed_levels"] > 10
    assert rows["serves the next client"].values["transport"] == "unix"


@pytest.mark.slow
def test_the_late_camera_of_real_engines_is_found(tmp_path: Path):
    rows = rows_of_a_quirky_engine(tmp_path, "staleness", "staleness of /tour/frame")
    turn = rows["camera 0: image after a turn"]
    assert (turn.status, turn.values["late"]["in a vbatch"]) == ("fail", 1)
    assert {name for name, row in rows.items() if row.status == "fail"} == {turn.name}


def test_a_silent_engine_is_left_in_time(target: tuple[str, int]):
    silent: list[str] = []

    def silence(command: str, reply: bytes) -> bytes | None:
        if silent or "/lit" in command:
            silent.append(command)
        return None if silent else reply

    with Tampering(target=target, answered=silence) as proxy:
        began = time.monotonic()
        rows = rows_of(proxy.port, seconds=4.0, timeout_s=1.0)
    assert time.monotonic() - began < 15
    # What is listed was known before the silence.
    asked = {name: row for name, row in rows.items() if not name.startswith("lists ")}
    assert {name for name, row in asked.items() if row.status == "pass"} == set()
    assert set(asked) <= set(PROBES)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "give either a running engine"),
        (("/some/Binary",), "is neither HOST:PORT nor the path"),
        (("--start", "embedded"), "--start needs --scene"),
        (("127.0.0.1:1", "--limit-s", "0"), "--limit-s is 0"),
        (("127.0.0.1:1", "--boot-timeout-s", "0.1"), "no engine answered at 127.0.0.1:1"),
    ],
)
def test_wrong_settings_give_one_line(arguments: tuple[str, ...], message: str):
    ended = run(*arguments)
    assert ended.returncode == 1
    assert ended.stderr.startswith("error: ") and ended.stderr.count("\n") == 1
    assert message in ended.stderr
