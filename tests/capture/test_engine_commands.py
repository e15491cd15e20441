"""The engine's commands in this process: images, settings, the game, the console."""

import io
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import PIL.Image
import pytest

from capture.engine.clock import STEP_S, Clock
from capture.engine.options import parse_options, read_ini
from dataset.errors import OpenRelicError

from .tiny_scene import SIZE, TinyEngine


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("saved")


@pytest.fixture(scope="module")
def running(folder: Path) -> Iterator[TinyEngine]:
    engine = TinyEngine(folder)
    yield engine
    engine.close()


@pytest.fixture
def engine(running: TinyEngine) -> TinyEngine:
    """The engine as at its start."""
    running.ask("vset /action/game/level tiny")
    running.ask("vset /action/game/resume")
    running.ask("vset /viewmode lit")
    return running


def pixels(bmp: bytes) -> np.ndarray:
    """RGBA (H,W,4) of a 32-bit BMP."""
    return np.frombuffer(bmp[54:], np.uint8).reshape(SIZE[1], SIZE[0], 4)[..., [2, 1, 0, 3]]


@pytest.mark.parametrize("name", ["lit", "normal", "object_mask", "seg"])
def test_an_image_is_the_same_in_every_form(engine: TinyEngine, folder: Path, name: str):
    bmp, png, npy = (engine.ask(f"vget /camera/0/{name} {form}") for form in ("bmp", "png", "npy"))
    picture = PIL.Image.open(io.BytesIO(png))
    assert (len(bmp), picture.mode, picture.size) == (54 + 4 * SIZE[0] * SIZE[1], "RGBA", SIZE)
    assert np.array_equal(np.asarray(picture), pixels(bmp))
    assert np.array_equal(np.load(io.BytesIO(npy)), pixels(bmp))
    assert (pixels(bmp)[..., 3] == 255).all()
    for form, content in (("bmp", bmp), ("png", png), ("npy", npy)):
        assert engine.text(f"vget /camera/0/{name} saved/{name}.{form}") == f"saved/{name}.{form}"
        assert (folder / "saved" / f"{name}.{form}").read_bytes() == content


def test_image_passes_are_the_renderers(engine: TinyEngine):
    names = ["lit_bgra", "normal_u8", "mask_u8", "depth_f32"]
    drawn = engine.state.draw(0, names).passes
    for command, name in (("normal", "normal_u8"), ("seg", "mask_u8")):
        shown = pixels(engine.ask(f"vget /camera/0/{command} bmp"))[..., :3]
        assert np.array_equal(shown, drawn[name])
    depth = np.load(io.BytesIO(engine.ask("vget /camera/0/depth npy")))
    assert np.array_equal(depth, drawn["depth_f32"].astype(np.float16).astype(np.float32))
    assert engine.ask("vget /camera/0/lit") == engine.ask("vget /camera/0/lit png")


def test_optical_flow_is_the_way_that_points_went(engine: TinyEngine):
    """A turn moves every pixel by the same formula, whatever its depth."""
    engine.ask("vset /camera/0/pose 100 200 150 0 0 0")
    engine.ask("vget /camera/0/lit bmp")
    engine.ask("vset /camera/0/rotation 0 10 0")
    npy = engine.in_same_tick("vget /camera/0/optical_flow npy")
    flow = np.load(io.BytesIO(npy))
    assert (flow.shape, flow.dtype) == ((SIZE[1], SIZE[0], 2), np.float32)
    half = SIZE[0] / 2  # 90 degrees: a point at tan 1 is at the edge
    here = np.arctan((np.arange(SIZE[0]) + 0.5 - half) / half)
    expected = half * (np.tan(here) - np.tan(here + np.deg2rad(10)))
    assert np.allclose(flow[9, :, 0], expected, atol=1e-3)
    # Every image of a tick is measured from the same earlier one; then the camera stands still.
    assert engine.in_same_tick("vget /camera/0/optical_flow npy") == npy
    bmp = pixels(engine.in_same_tick("vget /camera/0/optical_flow bmp"))
    assert (bmp[..., 1] > bmp[..., 0]).all() and (bmp[..., 2] > bmp[..., 0]).all()  # left: cyan
    engine.ask("vget /camera/0/lit bmp")
    still = np.load(io.BytesIO(engine.ask("vget /camera/0/optical_flow npy")))
    assert np.abs(still).max() < 1e-3


@pytest.mark.parametrize(
    "name", ["../out.png", "/etc/out.png", "a/../../out.png", "..png/../../x.png", "a\0.png"]
)
def test_files_stay_in_the_engines_folder(engine: TinyEngine, folder: Path, name: str):
    assert engine.text(f"vget /camera/0/lit {name}").startswith("error")
    assert not (folder.parent / "out.png").exists() and not Path("/etc/out.png").exists()


def test_screenshot_shows_the_view_mode_in_the_windows_size(engine: TinyEngine):
    assert engine.text("vget /viewmode") == "lit"
    assert engine.ask("vget /screenshot bmp") == engine.ask("vget /camera/0/lit bmp")
    for mode in ("normal", "object_mask"):
        assert engine.text(f"vset /viewmode {mode}") == "ok"
        assert engine.ask("vget /screenshot bmp") == engine.ask(f"vget /camera/0/{mode} bmp")
    engine.ask("vset /viewmode Depth")
    near = pixels(engine.ask("vget /screenshot bmp"))[9, 16]
    far_cm = np.load(io.BytesIO(engine.ask("vget /camera/0/depth npy")))[9, 16]
    assert near.tolist() == [int(far_cm / 10_000 * 255)] * 3 + [255]
    assert engine.text("vset /viewmode wireframe").startswith("error Can not set ViewMode to")
    engine.ask("vset /camera/0/size 20 10")
    assert len(engine.ask("vget /screenshot bmp")) == 54 + 4 * SIZE[0] * SIZE[1]
    assert engine.text("vrun setres 40x20w") == "ok"
    assert engine.text("vget /camera/0/size") == "40 20"
    engine.ask(f"vrun setres {SIZE[0]}x{SIZE[1]}w")


def test_exposure_bias_is_a_cameras_own_and_adds_to_the_tours(engine: TinyEngine):
    engine.ask("vset /cameras/spawn")
    plain = engine.lit(0).astype(int)
    assert engine.text("vset /camera/1/exposure_bias -2") == "ok"
    assert np.array_equal(engine.lit(0), plain)
    dark = engine.lit(1)
    assert dark[..., :3].mean() < 0.8 * plain[..., :3].mean()
    engine.ask("vset /camera/1/exposure_bias 0")
    assert engine.text("vset /tour/exposure -2") == "ok"
    assert np.array_equal(engine.lit(0), dark)
    engine.ask("vset /camera/0/exposure_bias 2")
    assert np.array_equal(engine.lit(0), plain)
    engine.ask("vset /tour/exposure 0")


@pytest.mark.parametrize(
    ("command", "reply"),
    [
        ("vset /camera/0/exposure_method manual", "ok"),
        ("vset /camera/0/exposure_method Manual", "ok"),
        ("vset /camera/0/exposure_method none", "error Can not support auto exposure mode none"),
        ("vset /camera/0/illumination screen_space", "ok"),
        ("vset /camera/0/reflection plugin", "error Can not support reflection method plugin"),
        ("vset /camera/0/motion_blur 0.5 5 1 30", "ok"),
        ("vset /camera/0/motion_blur 0.5 5 1", "error No handler found for URI"),
        ("vset /camera/0/auto_speed 1 2", "ok"),
        ("vset /camera/0/auto_brightness 1 1", "ok"),
        ("vset /camera/0/physical_exposure 1", "ok"),
        ("vset /camera/0/focal 100 20", "ok"),
        ("vset /camera/7/focal 100 20", "error Argument Invalid"),
        ("vset /camera/7/fov 90", "error Argument Invalid"),
        ("vset /camera/7/location 0 0 0", "error Invalid sensor id"),
        ("vset /camera/0/location 0 0 1000000000", "error Argument Invalid"),
        ("vset /camera/0/size 8000 8000", "error Argument Invalid"),
        ("vset /camera/0/exposure_bias 99", "error Argument Invalid"),
        ("vget /camera/7/lit png", "error Invalid sensor id"),
        ("vget /camera/0/lit tiff", "error Invalid filename type, filename tiff"),
        ("vget /camera/0/depth png", "error Invalid filename type, filename png"),
        ("vbp BP_Player_C GetActorLocation", "error Not Implemented"),
        ("vexec actor function", "error Not Implemented"),
        ("vset /action/eyes_distance 20", "error Not Implemented"),
        ("vrun nothing", "error Unrecognised alias 'nothing'"),
        ("vcmd stat", "ok"),
        ("vrun setres big", "error setres takes WIDTHxHEIGHT"),
        ("vset /action/game/level nowhere:1", "error scene 'nowhere:1' is not known"),
        ("vset /action/keyboard F13 1", "error key F13 does nothing"),
        ("vset /object/crate_1/scale 0 1 1", "error Argument Invalid"),
        ("vset /object/nobody/hide", "error Cannot find object"),
        ("vset /object/crate_1/name room", "error Renaming an object to overwrite"),
        ("vset /objects/spawn Unicorn u", "error Can not find a class with name 'Unicorn'"),
        ("vget /unrealcv/echo ", "ok"),
    ],
)
def test_replies(engine: TinyEngine, command: str, reply: str):
    assert engine.text(command).startswith(reply)


def test_what_is_left_out_is_not_listed(engine: TinyEngine):
    listed = engine.text("vget /unrealcv/commands").splitlines()
    assert len(listed) == len(set(listed))
    assert not [line for line in listed if line.startswith(("vbp", "vexec", "vbatch"))]
    assert not [line for line in listed if "eyes_distance" in line]
    helped = engine.text("vget /unrealcv/help").splitlines()
    assert helped[::2] == listed and all(helped[1::2])


def test_without_tour_commands_none_is_listed_or_answered(tmp_path: Path):
    plain = TinyEngine(tmp_path, tour=False)
    assert "/tour/" not in plain.text("vget /unrealcv/help")
    assert plain.text("vget /tour/version").startswith("error No handler found for URI")
    plain.close()


def test_status_is_what_unrealcvs_own_tests_look_for(engine: TinyEngine, folder: Path):
    status = engine.text("vget /unrealcv/status")
    found = re.search(r"Config file: (.+?)\n", status)
    assert found and Path(found[1]).parent == folder
    assert "Port: 9000" in status and f"Width: {SIZE[0]}" in status and "Height:" in status
    assert engine.text("vget /scene/name") == "OpenRelic"
    assert engine.text("vget /level/name") == "tiny"


def test_moveto_stops_at_what_is_in_the_way(engine: TinyEngine):
    engine.ask("vset /camera/0/location 100 100 50")
    assert engine.text("vset /camera/0/moveto 550 100 50") == "ok"
    x = float(engine.text("vget /camera/0/location").split()[0])
    assert x == pytest.approx(400 - 35, abs=0.5)  # the crate, less the pawn's radius
    engine.ask("vset /camera/0/moveto 200 180 50")
    assert engine.text("vget /camera/0/location") == "200.000 180.000 50.000"
    assert engine.text("vset /camera/1/moveto 0 0 0").startswith("error MoveTo only supports")


def pass_time(engine: TinyEngine, seconds: float) -> None:
    """Let game time pass, step by step."""
    for _ in range(round(seconds / STEP_S)):
        for work in engine.state.every_tick:
            work(1)


def test_a_key_moves_the_player_while_it_is_held(engine: TinyEngine):
    engine.ask("vset /action/game/pause")  # real time does not count here
    engine.ask("vset /camera/0/pose 100 200 150 0 0 0")
    assert engine.text("vset /action/keyboard W 0.5") == "ok"
    pass_time(engine, 2.0)
    assert engine.text("vget /camera/0/location") == "250.000 200.000 150.000"
    engine.ask("vset /action/keyboard Right 1")
    pass_time(engine, 2.0)
    assert engine.text("vget /camera/0/rotation") == "0.000 45.000 0.000"
    engine.ask("vset /action/keyboard W 60")
    pass_time(engine, 10.0)
    stopped = [float(v) for v in engine.text("vget /camera/0/location").split()]
    clearance = engine.text("vget /tour/clearance {} {} {}".format(*stopped))
    assert float(clearance.split('"distance": ')[1].split(",")[0]) >= 34


def test_the_clock_runs_in_fixed_steps():
    now = [0.0]
    clock = Clock(lambda: now[0])
    assert clock.due_steps() == 0
    steps = []
    for _ in range(100):
        now[0] += 0.004
        steps.append(clock.due_steps())
    assert sum(steps) == 24 and set(steps) == {0, 1}
    clock.dilation = 0.5
    now[0] += 0.2
    assert clock.due_steps() == 6
    clock.paused = True
    now[0] += 0.2
    assert clock.due_steps() == 0
    clock.paused, clock.dilation = False, 1.0
    now[0] += 100.0  # a stall is not caught up with
    assert clock.due_steps() == 15


def test_console(engine: TinyEngine):
    assert engine.text("vrun slomo 0.25") == "ok" and engine.state.clock.dilation == 0.25
    assert engine.text("vrun t.maxFPS 120") == "ok" and engine.state.tick_s == 1 / 120
    assert engine.text("vrun sg.ShadowQuality 0") == "ok"
    assert '"sg.shadowquality": "0"' in engine.text("vget /tour/manifest")
    engine.ask("vrun slomo 1")
    engine.ask("vrun t.maxFPS 60")


def test_command_line(tmp_path: Path):
    ini = tmp_path / "unrealcv.ini"
    ini.write_text("[UnrealCV.Core]\nPort=4321\nWidth=80\nHeight=40\nFOV=70\n")
    binary = str(tmp_path / "Game")
    plain = parse_options(
        ["street:1", "-RenderOffScreen", "-graphicsadapter=2", f"-binary={binary}"]
    )
    assert (plain.map, plain.port, plain.ini.width, plain.ini.fov_deg) == ("street:1", 4321, 80, 70)
    assert (plain.host, plain.quirks, plain.tour, plain.cameras) == ("127.0.0.1", False, True, 1)
    assert plain.saved == tmp_path
    every = parse_options(
        ["--binary", binary, "--quirks", "ue5", "-NoTour", "-CVPORT=5000", "-cameras=3",
         "-faults=f.json", "--privatelog", "log", "-multihome=0.0.0.0"]
    )  # fmt: skip
    assert every.map == "home:0" and every.quirks and not every.tour and every.port == 5000
    assert (every.cameras, every.host) == (3, "0.0.0.0")
    assert (every.faults, every.private_log) == (Path("f.json"), Path("log"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["-quirks=ue4"], "allowed are none, ue5"),
        (["-cvport=0"], "must be 1 to 65535"),
        (["-cvport=x"], "must be 1 to 65535"),
        (["-cameras=9999"], "must be 1 to 64"),
        (["home:0", "-faults"], "-faults needs a value"),
        (["-privatelog="], "-privatelog needs a value"),
    ],
)
def test_a_wrong_command_line_is_one_line(arguments: list[str], message: str):
    with pytest.raises(OpenRelicError, match=message):
        parse_options(arguments)


def test_a_broken_ini_is_one_line(tmp_path: Path):
    (tmp_path / "unrealcv.ini").write_text("[UnrealCV.Core]\nPort=many\n")
    with pytest.raises(OpenRelicError, match="Port=, Width="):
        read_ini(tmp_path / "unrealcv.ini")
