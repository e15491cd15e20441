"""What `-quirks=ue5` and `-faults` do to pictures, and that the private log tells the truth."""

import hashlib
import json
import os
import signal
import socket
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from capture.engine.drawing import Drawing
from capture.engine.faults import Faults, PrivateLog, read_faults
from capture.engine.quirks import CONVERGED_AFTER, UNREADY_TICKS
from capture.sessions.client import UnrealCVClient
from dataset.errors import OpenRelicError

from .tiny_scene import TinyEngine

ROOT = Path(__file__).resolve().parents[2]
LEFT, RIGHT = "100 200 150 0 -20 0", "100 200 150 0 20 0"


@pytest.fixture(scope="module")
def honest(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TinyEngine]:
    engine = TinyEngine(tmp_path_factory.mktemp("honest"))
    engine.ask("vset /cameras/spawn")
    yield engine
    engine.close()


@pytest.fixture
def real(tmp_path: Path) -> Iterator[TinyEngine]:
    engine = TinyEngine(tmp_path, Drawing(real_engine=True))
    engine.ask("vset /cameras/spawn")
    yield engine
    engine.close()


def spoiled(folder: Path, **faults: object) -> TinyEngine:
    log = PrivateLog(folder / "log.jsonl")
    engine = TinyEngine(folder, Drawing(faults=Faults(**faults), log=log))  # type: ignore[arg-type]
    engine.ask("vset /cameras/spawn")
    return engine


def logged(folder: Path) -> list[dict]:
    return [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]


def view(engine: TinyEngine, camera: int, pose: str) -> np.ndarray:
    engine.ask(f"vset /camera/{camera}/pose {pose}")
    return engine.lit(camera)


def test_camera_0_turns_one_tick_late(real: TinyEngine, honest: TinyEngine):
    left, right = (depth(honest, 0, pose) for pose in (LEFT, RIGHT))
    assert not np.array_equal(left, right)
    depth(real, 0, LEFT)
    real.ask(f"vset /camera/0/pose {RIGHT}")
    late = real.in_same_tick("vget /camera/0/depth npy")
    assert real.in_same_tick("vget /camera/0/rotation") == b"0.000 20.000 0.000"
    assert late == left
    assert real.ask("vget /camera/0/depth npy") == right
    depth(real, 1, LEFT)
    real.ask(f"vset /camera/1/pose {RIGHT}")
    assert real.in_same_tick("vget /camera/1/depth npy") == right


def depth(engine: TinyEngine, camera: int, pose: str) -> bytes:
    engine.ask(f"vset /camera/{camera}/pose {pose}")
    return engine.ask(f"vget /camera/{camera}/depth npy")


def test_tour_frame_says_which_pose_camera_0_drew(real: TinyEngine):
    real.ask(f"vset /camera/0/pose {LEFT}")
    reply = real.ask(f"vget /tour/frame 0 {RIGHT} depth_f32")
    (length,) = struct.unpack_from("<I", reply)
    assert json.loads(reply[4 : 4 + length])["pose"] == [100, 200, 150, 0, -20, 0]


def test_pictures_converge_from_dark_and_blurred(real: TinyEngine, honest: TinyEngine):
    final = view(honest, 1, LEFT)
    pictures = [view(real, 1, LEFT) for _ in range(CONVERGED_AFTER + 2)]
    light = [picture[..., :3].mean() for picture in pictures]
    detail = [
        np.abs(np.diff(picture[..., :3].astype(float), axis=1)).mean() for picture in pictures
    ]
    assert light[0] < 0.5 * light[-1] and np.all(np.diff(light) >= 0)
    assert detail[0] < 0.6 * detail[-1]
    assert not np.array_equal(pictures[CONVERGED_AFTER - 1], final)
    assert np.array_equal(pictures[CONVERGED_AFTER], final)
    assert np.array_equal(pictures[CONVERGED_AFTER + 1], final)
    # A step keeps what was gained, a jump does not, a warm-up brings it back.
    assert np.array_equal(
        view(real, 1, "110 200 150 0 -20 0"), view(honest, 1, "110 200 150 0 -20 0")
    )
    jumped = "500 200 250 0 180 0"
    assert view(real, 1, jumped).mean() < 0.8 * view(honest, 1, jumped).mean()
    real.ask(f"vset /tour/warmup {CONVERGED_AFTER}")
    for _ in range(CONVERGED_AFTER):
        real.game.tick()
    assert np.array_equal(real.lit(1), view(honest, 1, jumped))


def test_the_engine_says_that_it_is_not_ready_yet(tmp_path: Path):
    engine = TinyEngine(tmp_path, Drawing(real_engine=True))
    states = [json.loads(engine.ask("vget /tour/ready")) for _ in range(UNREADY_TICKS + 1)]
    assert states[0]["waiting_for"] == ["shaders", "textures", "exposure"]
    assert not states[0]["ready"] and states[-1]["ready"]
    engine.close()


def test_a_single_stale_image_is_put_right_by_asking_again(tmp_path: Path, honest: TinyEngine):
    engine = spoiled(tmp_path, stale=frozenset({1}))
    left, right = view(honest, 1, LEFT), view(honest, 1, RIGHT)
    assert np.array_equal(view(engine, 1, LEFT), left)
    assert np.array_equal(view(engine, 1, RIGHT), left)  # image 1: stale
    assert engine.text("vget /camera/1/rotation") == "0.000 20.000 0.000"
    assert np.array_equal(engine.lit(1), right)
    engine.close()


def test_from_an_image_on_all_are_one_tick_late(tmp_path: Path, honest: TinyEngine):
    engine = spoiled(tmp_path, stale_from=2)
    left, right = view(honest, 1, LEFT), view(honest, 1, RIGHT)
    assert np.array_equal(view(engine, 1, LEFT), left)
    assert np.array_equal(view(engine, 1, RIGHT), right)
    assert np.array_equal(view(engine, 1, LEFT), right)
    # In the same tick asking again does not help, in the next it does.
    bmp = engine.in_same_tick("vget /camera/1/lit bmp")
    assert np.array_equal(np.frombuffer(bmp[54:], np.uint8), right.ravel())
    assert np.array_equal(engine.lit(1), left)
    assert [line["stale"] for line in logged(tmp_path)] == [[], [], ["lit_bgra"], ["lit_bgra"], []]
    engine.close()


def test_only_some_passes_may_be_stale(tmp_path: Path, honest: TinyEngine):
    engine = spoiled(tmp_path, stale_from=1, stale_passes=frozenset({"lit_bgra"}))
    right, far = view(honest, 1, LEFT), depth(honest, 1, RIGHT)
    view(engine, 1, LEFT)
    assert np.array_equal(view(engine, 1, RIGHT), right)
    assert engine.in_same_tick("vget /camera/1/depth npy") == far
    engine.close()


def test_the_log_has_pose_digest_and_request_of_every_image(tmp_path: Path):
    engine = spoiled(tmp_path, stale=frozenset({1}), dark=1)
    pictures = [view(engine, 1, pose) for pose in (LEFT, RIGHT, RIGHT)]
    lines = logged(tmp_path)
    assert [line["image"] for line in lines] == [0, 1, 2]
    assert [line["request"] for line in lines] == [3, 5, 7]
    assert [line["pose"][4] for line in lines] == [-20, -20, 20]
    assert [line["asked"][4] for line in lines] == [-20, 20, 20]
    assert [line["converged"] for line in lines] == [False, True, True]
    assert all(line["camera"] == 1 and line["pid"] == os.getpid() for line in lines)
    digests = [hashlib.blake2b(p.tobytes(), digest_size=16).hexdigest() for p in pictures]
    assert [line["digest"] for line in lines] == [{"lit_bgra": digest} for digest in digests]
    engine.close()


def test_a_dark_start_gets_brighter(tmp_path: Path, honest: TinyEngine):
    engine = spoiled(tmp_path, dark=4)
    light = [view(engine, 1, LEFT)[..., :3].mean() for _ in range(6)]
    assert np.all(np.diff(light[:5]) > 0) and light[0] < 0.3 * light[4]
    assert np.array_equal(engine.lit(1), view(honest, 1, LEFT))
    engine.close()


@pytest.mark.parametrize(
    "script",
    ["[1]", '{"typo": 1}', '{"stale": 3}', '{"crash": "soon"}', "{", '{"dark": true}'],
)
def test_a_wrong_script_is_refused(tmp_path: Path, script: str):
    path = tmp_path / "faults.json"
    path.write_text(script)
    with pytest.raises(OpenRelicError, match="faults.json cannot be used"):
        read_faults(path)
    with pytest.raises(OpenRelicError, match="cannot be used"):
        read_faults(tmp_path / "missing.json")


def start(folder: Path, script: dict) -> tuple[subprocess.Popen, int]:
    """The engine as a program, with a script of faults."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    (folder / "faults.json").write_text(json.dumps(script))
    command = [
        sys.executable, "-m", "capture.engine", "home:0", f"-cvport={port}",
        f"-faults={folder / 'faults.json'}", f"--privatelog={folder / 'log.jsonl'}",
        "-binary", str(folder / "OpenRelic"), "-RenderOffScreen", "-notour",
    ]  # fmt: skip
    return subprocess.Popen(command, stderr=subprocess.DEVNULL), port


def connected(port: int) -> UnrealCVClient:
    return UnrealCVClient("127.0.0.1", port, boot_timeout_s=120, timeout_s=60)


def test_a_hung_program_with_every_switch(tmp_path: Path):
    process, port = start(tmp_path, {"hang": 1})
    try:
        client = connected(port)
        assert not any("/tour/" in line for line in client.commands)
        client.text("vset /camera/0/size 32 18")
        client.request("vget /camera/0/lit bmp")
        with pytest.raises(OpenRelicError, match="did not answer"):
            client.request("vget /camera/0/lit bmp", timeout_s=2)
        assert [line["image"] for line in logged(tmp_path)] == [0]
        assert process.poll() is None
    finally:
        process.kill()
        process.wait(10)


CRASHING = """
import sys
from pathlib import Path
from tests.capture.test_quirks import LEFT, spoiled, view
engine = spoiled(Path(sys.argv[1]), crash=2)
for _ in range(4):
    view(engine, 1, LEFT)
"""


def test_a_crash_takes_the_process_and_leaves_the_log_whole(tmp_path: Path):
    ended = subprocess.run([sys.executable, "-c", CRASHING, str(tmp_path)], cwd=ROOT, check=False)
    assert ended.returncode == -signal.SIGKILL
    assert [line["image"] for line in logged(tmp_path)] == [0, 1]


def test_exit_at_load(tmp_path: Path):
    process, _ = start(tmp_path, {"exit_at_load": 7})
    assert process.wait(60) == 7
