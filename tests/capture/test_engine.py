"""The running embedded engine, reached by the official client and by our own."""

import io
import json
import socket
import struct
import time
import warnings
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
import unrealcv
from unrealcv.api import UnrealCv_API
from unrealcv.launcher import RunUnreal

from capture.sessions import launcher
from capture.sessions.client import CommandFailedError, UnrealCVClient
from capture.sessions.launcher import Engine, private_copy, start_engine
from dataset.errors import OpenRelicError

from .conftest import SCENE


@pytest.fixture
def client(engine: Engine) -> UnrealCVClient:
    return engine.client


def test_command_list_holds_itself_and_the_tour_commands(client: UnrealCVClient):
    for command in (
        "vget /unrealcv/commands", "vget /unrealcv/version", "vget /cameras", "vget /objects",
        "vget /camera/[uint]/depth [str]", "vset /action/game/pause", "vget /tour/version",
        "vget /tour/ready",
    ):  # fmt: skip
        assert command in client.commands
    for prefix in ("frame", "sweep", "clearance", "freespace"):
        assert client.offers(f"vget /tour/{prefix}")
    assert not client.offers("vget /tour/no")


def test_pose_round_trip_and_number_formats(client: UnrealCVClient):
    pose = "12.345678 -7.000000 150.500000 -10.250000 33.333333 4.000000"
    assert client.text(f"vset /camera/0/pose {pose}") == "ok"
    assert client.text("vget /camera/0/location") == "12.346 -7.000 150.500"
    assert client.text("vget /camera/0/rotation") == "-10.250 33.333 4.000"
    assert client.text("vget /camera/0/pose") == "12.346 -7.000 150.500 -10.250 33.333 4.000"
    client.text("vset /camera/0/fov 75.5")
    assert client.text("vget /camera/0/fov") == "75.500000"
    client.text("vset /camera/0/size 64 36")
    assert client.text("vget /camera/0/size") == "64 36"


def test_images(client: UnrealCVClient):
    client.text("vset /camera/0/size 64 36")
    bmp = client.request("vget /camera/0/lit bmp")
    assert len(bmp) == 54 + 4 * 64 * 36
    png = PIL.Image.open(io.BytesIO(client.request("vget /camera/0/lit png")))
    assert (png.mode, png.size) == ("RGBA", (64, 36))
    npy = np.load(io.BytesIO(client.request("vget /camera/0/lit npy")))
    assert npy.shape == (36, 64, 4)
    # Three encodings of one picture.
    from_bmp = np.frombuffer(bmp[54:], np.uint8).reshape(36, 64, 4)[..., [2, 1, 0, 3]]
    assert np.array_equal(np.asarray(png), npy)
    assert np.array_equal(from_bmp, npy)
    assert np.array_equal(np.asarray(PIL.Image.open(io.BytesIO(bmp)).convert("RGB")), npy[..., :3])


def test_depth_went_through_half_precision(client: UnrealCVClient):
    client.text("vset /camera/0/size 64 36")
    depth = np.load(io.BytesIO(client.request("vget /camera/0/depth npy")))
    assert (depth.shape, depth.dtype) == ((36, 64), np.float32)
    assert np.isfinite(depth).all() and depth.min() > 0
    assert np.array_equal(depth, depth.astype(np.float16).astype(np.float32))


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("vget /camera/99/location", "error Invalid sensor id"),
        ("vget /object/nobody/color", "error Cannot find object"),
        ("vset /camera/0/size 0 5", "error Argument Invalid"),
        ("vset /camera/0/fov 1e-05", "error No handler found for URI"),
        ("vget /tour/sweep 0 0 0 1 1 1 -5", "error Argument Invalid"),
        (f"vget /camera/{'9' * 5000}/fov", "error Argument Invalid"),
        ("vget /camera/0/lit tiff", "error Invalid filename type, filename tiff"),
        ("nonsense", "error No handler found for URI"),
    ],
)
def test_errors(client: UnrealCVClient, command: str, message: str):
    with pytest.raises(CommandFailedError, match=message):
        client.request(command)
    assert client.text("vget /unrealcv/version") == "1.1.0"


def test_tour_frame_has_image_and_pose_of_one_tick(client: UnrealCVClient):
    client.text("vset /camera/0/size 64 36")
    client.text("vset /camera/0/fov 90")
    location, rotation = np.array([1.5, -2.25, 160.0]), np.array([5.0, -40.0, 1.0])
    passes = "lit_bgra,depth_f32,normal_u8,mask_u8"
    frame = client.receive_frame(client.send_frame_request(0, location, rotation, passes))
    images = {name: image.copy() for name, image in frame.passes.items()}
    assert np.array_equal(frame.location_cm, location)
    assert np.array_equal(frame.rotation_deg, rotation)
    shapes = {name: (a.shape, str(a.dtype)) for name, a in images.items()}
    assert shapes == {
        "lit_bgra": ((36, 64, 4), "uint8"),
        "depth_f32": ((36, 64), "float32"),
        "normal_u8": ((36, 64, 3), "uint8"),
        "mask_u8": ((36, 64, 3), "uint8"),
    }
    # The same pose over the plain command gives the same picture.
    plain = np.load(io.BytesIO(client.request("vget /camera/0/lit npy")))
    assert np.array_equal(plain[..., [2, 1, 0, 3]], images["lit_bgra"])
    colours = {tuple(c) for c in client.json("vget /tour/manifest")["objects"].values()}
    seen = {tuple(int(v) for v in c) for c in images["mask_u8"].reshape(-1, 3)}
    assert seen <= colours | {(0, 0, 0)}


def test_tour_queries_agree_with_one_another(client: UnrealCVClient):
    assert client.json("vget /tour/version")["scene"] == SCENE
    points = np.array(client.json("vget /tour/freespace 40 25.0 7")["points"])
    assert points.shape == (40, 3)
    assert client.json("vget /tour/freespace 40 25.0 7")["points"] == points.tolist()
    assert len(np.unique(points, axis=0)) == 40
    for x, y, z in points[:10]:
        near = client.json(f"vget /tour/clearance {x:.6f} {y:.6f} {z:.6f}")
        assert near["distance"] >= 25.0
        end = np.array(near["point"])
        way = f"{x:.6f} {y:.6f} {z:.6f} {end[0]:.6f} {end[1]:.6f} {end[2]:.6f}"
        hit = client.json(f"vget /tour/sweep {way} 10.0")
        # A sphere of 10 cm on the straight way to the nearest point stops 10 cm before it.
        assert hit["hit"]
        assert hit["fraction"] == pytest.approx(1 - 10 / near["distance"], abs=0.02)


def test_warmup_makes_the_engine_unready_for_a_while(client: UnrealCVClient):
    client.text("vset /tour/warmup 600")
    state = client.json("vget /tour/ready")
    assert state["ready"] is False and state["waiting_for"] == ["warmup"]
    client.text("vset /tour/warmup 0")
    assert client.json("vget /tour/ready")["ready"] is True


def test_pause(client: UnrealCVClient):
    assert client.text("vget /action/game/is_paused") == "false"
    client.text("vset /action/game/pause")
    assert client.text("vget /action/game/is_paused") == "true"
    client.text("vset /action/game/resume")
    assert client.text("vget /action/game/is_paused") == "false"


@pytest.fixture(scope="module")
def free_port(binary: Path) -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="module")
def launched(binary: Path, free_port: int):
    """The engine started by the official launcher, unmodified."""
    # The launcher reads four digits of the port.
    port = 1024 + free_port % 8900
    ini = f"[UnrealCV.Core]\nPort={port}\nWidth=640\nHeight=480\n"
    binary.with_name("unrealcv.ini").write_text(ini)
    launcher = RunUnreal(str(binary), SCENE)
    host, used = launcher.start(offscreen=True, resolution=(96, 54), sleep_time=0)
    deadline = time.monotonic() + 120
    client = unrealcv.Client((host, used))
    while not client.connect():
        assert time.monotonic() < deadline
        time.sleep(0.5)
    client.disconnect()  # its thread would hold the only session
    yield host, used
    launcher.close()


@pytest.fixture
def official_api(launched: tuple[str, int]):
    host, port = launched
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # an unsupported command would warn
        api = UnrealCv_API(port, host, (96, 54))
    yield api
    api.client.disconnect()


def test_official_api_connects_unmodified(official_api: UnrealCv_API):
    api = official_api
    assert len(api.cam) == 1
    assert float(api.cam[0]["fov"]) == 90
    objects = api.get_objects()
    assert len(objects) > 10 and set(api.obj_dict) == set(objects)
    assert np.shape(api.get_image(0, "lit", "bmp"))[:2] == (54, 96)
    assert np.shape(api.get_depth(0))[:2] == (54, 96)
    api.set_cam_location(0, [10, 20, 150])
    assert api.get_cam_location(0) == [10, 20, 150]


def test_official_client_sends_lists(launched: tuple[str, int]):
    client = unrealcv.Client(launched)
    assert client.connect()
    replies = client.request(["vget /camera/0/fov", "vget /unrealcv/version"] * 40)
    assert replies == ["90.000000", "1.1.0"] * 40
    client.disconnect()


def connect_raw(address: tuple[str, int]) -> socket.socket:
    raw = socket.create_connection(address, timeout=20)
    header = raw.recv(8, socket.MSG_WAITALL)
    assert raw.recv(struct.unpack("<II", header)[1], socket.MSG_WAITALL).startswith(b"connected")
    return raw


@pytest.mark.parametrize(
    "sent",
    [b"GET / HTTP/1.1\r\n\r\n", struct.pack("<II", 0x9E2B83C1, 0), b"\xc1\x83", b""],
    ids=["garbage", "length 0", "half a header", "nothing"],
)
def test_ready_for_the_next_client_after_a_bad_one(launched: tuple[str, int], sent: bytes):
    raw = connect_raw(launched)
    raw.sendall(sent)
    raw.close()
    after = UnrealCVClient(*launched, boot_timeout_s=20, timeout_s=20)
    assert after.text("vget /unrealcv/version") == "1.1.0"
    after.close()


def test_a_second_client_waits_for_the_first(launched: tuple[str, int]):
    first = connect_raw(launched)
    second = socket.create_connection(launched, timeout=20)
    second.settimeout(0.5)
    with pytest.raises(TimeoutError):
        second.recv(1)
    first.close()
    second.settimeout(20)
    assert second.recv(8, socket.MSG_WAITALL)[:4] == bytes.fromhex("c1832b9e")
    second.close()


def test_a_taken_port_is_not_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    free = launcher._free_port
    with socket.create_server(("", 0)) as other:
        ports = iter([other.getsockname()[1]])
        monkeypatch.setattr(launcher, "_free_port", lambda: next(ports, None) or free())
        running = start_engine("embedded", SCENE, tmp_path, size=(64, 36), boot_timeout_s=120)
    assert running.client.text("vget /unrealcv/version") == "1.1.0"
    assert next(ports, None) is None  # the taken one was tried
    running.close()


def test_private_copies_do_not_share_the_ini(binary: Path, tmp_path: Path):
    (binary.parents[2] / "Content").mkdir(exist_ok=True)
    copy = private_copy(binary, tmp_path / "copy")
    assert copy.read_bytes() == binary.read_bytes() and not copy.is_symlink()
    assert (copy.parents[2] / "Content").is_symlink()
    assert not copy.with_name("unrealcv.ini").exists()


@pytest.mark.parametrize(
    ("engine", "scene", "message"),
    [
        ("embedded", "castle:1", "allowed are"),
        ("embedded", "home:x", "allowed are"),
        ("/no/such/Proj", SCENE, "absolute path of a packaged binary"),
        ("relative/path", SCENE, "absolute path of a packaged binary"),
    ],
)
def test_wrong_settings_give_one_line(tmp_path: Path, engine: str, scene: str, message: str):
    with pytest.raises(OpenRelicError, match=message):
        start_engine(engine, scene, tmp_path, size=(64, 36), boot_timeout_s=60)


def test_list_scenes_is_json(binary: Path):
    import subprocess

    out = subprocess.run([str(binary), "--list-scenes"], capture_output=True, check=True).stdout
    scenes = json.loads(out)
    assert {"scene", "asset", "licence"} == set(scenes[0])
    assert len({entry["scene"] for entry in scenes}) == len(scenes)
