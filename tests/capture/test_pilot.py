"""The pilot: stepping by held keys, collision, recordings, and the page in a real browser."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from websockets import ConnectionClosed, Origin
from websockets.sync.client import connect

from capture.pilot import Settings, check
from capture.piloting.recordings import planner, pose_csv, rotation_frame_of, save_recording
from capture.piloting.server import NOT_FROM_HERE, read_held
from capture.piloting.session import RELEASED, Held, Session
from capture.piloting.visit import fly
from capture.piloting.walls import Nothing, Walls
from capture.tours.pose_files import load_pose_file, read_pose_file, resampled
from capture.tours.rows import read_plan
from capture.tours.steering import CHANNELS, MEMORY, Motion, Style
from dataset.clip import FPS
from dataset.errors import OpenRelicError
from dataset.workspace import Workspace
from labeling.actions import ACTIONS, KEYS, STATIC, RotationFrame, poses_to_actions
from labeling.camera import level_turned

WAIT_MS = 60_000


class WallAt:
    """Everything beyond a plane is solid; the plane is given by its normal, towards the free."""

    def __init__(self, normal: np.ndarray, offset_m: float) -> None:
        self.normal, self.offset_m, self.asked = normal / np.linalg.norm(normal), offset_m, 0

    def clear_steps(self, positions_m: np.ndarray) -> int:
        self.asked += 1
        behind = positions_m @ self.normal < self.offset_m
        return int(behind[1:].argmax()) if behind[1:].any() else len(positions_m) - 1

    def view_distance_m(self, position_m: np.ndarray, direction: np.ndarray) -> float:
        raise AssertionError("a pilot sees for themselves")


def session(
    motion: Motion = "fly", frame: RotationFrame = "camera", tilt_deg: float = 0.0
) -> Session:
    R = level_turned(np.array([20.0, tilt_deg, 0.0]))
    return Session(Nothing(), R, np.zeros(3), Style(motion=motion, rotation_frame=frame))


@pytest.mark.parametrize("frame", ["camera", "level"])
@pytest.mark.parametrize("action", KEYS)
def test_a_key_moves_as_its_action_says(action: str, frame: RotationFrame):
    steered = session(frame=frame)
    steered.start_recording()
    for _ in range(FPS):
        steered.step(Held(actions=frozenset([action]), speed_m_s=2.0, turn_deg_s=40.0))
    for _ in range(MEMORY):
        steered.step(RELEASED)
    assert steered.at_rest
    path = resampled(steered.stop_recording())
    labels = poses_to_actions(path.R, path.position_m, rotation_frame=frame)
    column = ACTIONS.index(action)
    assert labels.active[3:-4, column].all()
    others = np.delete(labels.active, [column, STATIC], axis=1)
    assert not others.any()
    # A key that is held for a second moves by exactly speed times time, ramps included.
    total = labels.values[:, column].sum() * (labels.unit_m if column < 6 else 1.0)
    assert total == pytest.approx(2.0 if column < 6 else 40.0, abs=1e-6)


def test_walking_stays_level_and_flying_follows_the_view():
    heights_m: dict[Motion, float] = {"walk": 0.0, "fly": -np.sin(np.deg2rad(30.0))}
    for motion, height_m in heights_m.items():
        steered = session(motion, tilt_deg=-30.0)
        for held in [Held(actions=frozenset(["dolly_in"]), speed_m_s=1.0)] * FPS + [RELEASED] * 8:
            steered.step(held)
        assert steered.position_m[2] == pytest.approx(height_m, abs=1e-9)
        assert np.linalg.norm(steered.position_m) == pytest.approx(1.0)


def test_sticks_add_to_keys_and_opposite_keys_cancel():
    half = Held(sticks=(0.5, 0, 0, 0, -1.0, 0), speed_m_s=1.6, turn_deg_s=32.0).command()
    assert half == pytest.approx([0.05, 0, 0, 0, -2.0, 0])
    both = Held(actions=frozenset(["dolly_in"]), sticks=(0.5, 0, 0, 0, 0, 0), speed_m_s=1.6)
    assert both.command()[CHANNELS.index("dolly")] == pytest.approx(0.1)
    assert not Held(actions=frozenset(["pan_left", "pan_right"])).command().any()


def test_the_camera_never_tips_over():
    steered = session()
    for _ in range(20 * FPS):
        steered.step(Held(actions=frozenset(["tilt_up"])))
    assert 80.0 < steered.pose()[3] <= 85.0
    for _ in range(FPS):
        steered.step(Held(actions=frozenset(["tilt_down"])))
    assert steered.pose()[3] < 70.0


@pytest.mark.parametrize("incidence_deg", [10.0, 30.0, 50.0])
def test_a_camera_slides_along_a_wall(incidence_deg: float):
    turn = np.deg2rad(incidence_deg)
    wall = WallAt(np.array([0.0, 1.0, 0.0]), -0.2)
    walls, place = Walls(wall), np.zeros(3)
    contacts = set()
    for _ in range(80):
        place, contact = walls.moved(place, 0.09 * np.array([np.cos(turn), -np.sin(turn), 0.0]))
        contacts.add(contact)
        assert place[1] >= -0.2
    assert contacts >= {"sliding"} and "blocked" not in contacts
    assert place[0] > 80 * 0.09 * 0.4


def test_a_camera_that_faces_a_wall_stops_and_does_not_creep():
    wall = WallAt(np.array([-1.0, 0.2, 0.0]), -1.0)
    walls, place = Walls(wall), np.zeros(3)
    step_m = -0.09 * wall.normal
    for _ in range(40):
        place, contact = walls.moved(place, step_m)
    asked, stopped = wall.asked, place
    for _ in range(40):
        place, contact = walls.moved(place, step_m)
    assert contact == "blocked" and (place == stopped).all()
    assert wall.asked == asked + 40  # one question a step, not all the ways aside
    assert 0.0 <= place @ wall.normal + 1.0 < 0.05
    aside_m = place - (place @ wall.normal) * wall.normal
    assert np.linalg.norm(aside_m) < 0.1
    back, contact = walls.moved(place, -step_m)
    assert contact == "clear" and back == pytest.approx(place - step_m)


def test_a_recording_is_one_row_a_step_and_reads_back_as_the_same_path(tmp_path: Path):
    random = np.random.default_rng(4)
    steered = session("walk")
    steered.start_recording()
    R, position_m = [steered.R], [steered.position_m]
    for _ in range(12):
        keys = frozenset(random.choice(list(KEYS), size=3, replace=False).tolist())
        for _ in range(int(random.integers(3, 20))):
            steered.step(Held(actions=keys))
            R.append(steered.R)
            position_m.append(steered.position_m)
    file = tmp_path / "way.csv"
    file.write_text(pose_csv(steered.stop_recording()))
    header, *lines = file.read_text().splitlines()
    assert header == "time_s,x_cm,y_cm,z_cm,pitch_deg,yaw_deg,roll_deg"
    assert [float(line.split(",")[0]) for line in lines] == [n / 16 for n in range(len(R))]
    path = resampled(read_pose_file(file))
    assert pytest.approx(np.stack(R), abs=1e-10) == path.R
    assert path.position_m == pytest.approx(np.stack(position_m), abs=1e-10)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"fov_deg": 200.0}, "--fov-deg is 200; 5 to 170 are allowed"),
        ({"size": (8, 8)}, "--size is"),
        ({"engine": "/no/such/binary"}, "missing: --scene"),
    ],
)
def test_settings_that_cannot_be_are_refused(wrong: dict[str, Any], said: str, tmp_path: Path):
    settings = Settings(workspace=str(tmp_path), **wrong)
    with pytest.raises(OpenRelicError, match=said):
        check(settings)
        fly(settings)


def test_the_rotation_frame_is_that_of_the_plan(tmp_path: Path):
    workspace = Workspace(tmp_path)
    assert rotation_frame_of(workspace, None) == "camera"
    assert rotation_frame_of(workspace, "level") == "level"
    steered = session("walk", "level")
    steered.start_recording()
    for _ in range(7 * FPS):
        steered.step(Held(actions=frozenset(["pan_left"])))
    path = save_recording(workspace, "home:0", steered.stop_recording())
    tour_id = planner(workspace, "home:0", None, 90.0, "level")(path)
    assert [row.tour_id for row in read_plan(workspace)] == [tour_id]
    assert rotation_frame_of(workspace, None) == "level"
    with pytest.raises(OpenRelicError, match="--rotation-frame is camera, but the plan"):
        rotation_frame_of(workspace, "camera")


def test_what_a_page_says_is_checked():
    said = {"actions": ["dolly_in", "static", "jump"], "speed_m_s": 1e9, "turn_deg_s": -3}
    held = read_held({**said, "sticks": [2, -2, 0, 0, 0, 0]})
    assert held.actions == {"dolly_in"} and held.sticks[:2] == (1.0, -1.0)
    assert (held.speed_m_s, held.turn_deg_s) == (20.0, 0.0)
    for wrong in ({**said, "sticks": [0]}, {**said, "speed_m_s": float("nan")}):
        with pytest.raises(ValueError, match="six numbers"):
            read_held(wrong)


# ---- the page ----


@pytest.fixture
def pilot(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The command as a user starts it, and the address that it names."""
    command = [
        sys.executable, "-m", "capture.pilot", str(tmp_path / "workspace"), "--port", "0",
        "--scene", "home:0", "--size", "160", "90",
    ]  # fmt: skip
    running = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert running.stderr is not None
    address = None
    for line in running.stderr:
        if found := re.search(r"http://\S+", line):
            address = found[0]
            break
    assert address is not None
    yield running, address
    running.send_signal(signal.SIGINT)
    running.wait(WAIT_MS / 1000)


def picture(page) -> np.ndarray:
    """The pixels (H,W,4) that the page shows."""
    pixels = page.evaluate(
        "() => { const view = document.getElementById('view'); return [view.height, view.width, "
        "...view.getContext('2d').getImageData(0, 0, view.width, view.height).data]; }"
    )
    return np.array(pixels[2:]).reshape(pixels[0], pixels[1], 4)


@pytest.mark.timeout(300)
def test_a_flight_in_a_browser_becomes_a_tour_of_the_plan(pilot, browser, tmp_path: Path):
    running, address = pilot
    page = browser.new_page()
    page.set_default_timeout(WAIT_MS)
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(address)
    page.wait_for_function("document.getElementById('view').width === 160")
    before = picture(page)
    assert before.std() > 5.0

    page.keyboard.press("Space")
    page.keyboard.down("ArrowRight")
    assert page.locator("b.lit").all_inner_texts() == ["→"]
    page.wait_for_function("parseFloat(document.getElementById('time').textContent) > 0.8")
    page.evaluate("window.dispatchEvent(new Event('blur'))")  # another window is in front
    assert page.locator("b.lit").count() == 0
    assert np.abs(picture(page) - before).mean() > 5.0

    with connect(
        f"{address.replace('http', 'ws')}pilot", origin=Origin("http://else.test")
    ) as alien:
        with pytest.raises(ConnectionClosed):
            alien.recv(timeout=WAIT_MS / 1000)
        assert alien.close_code == NOT_FROM_HERE

    second = browser.new_page()
    second.goto(address)
    second.wait_for_selector("text=The pilot is busy", timeout=WAIT_MS)
    second.close()

    page.wait_for_function("parseFloat(document.getElementById('time').textContent) >= 6.1")
    page.keyboard.press("Space")
    page.click("button.plan")
    page.wait_for_selector(".said")
    said = page.inner_text(".said")
    assert said.startswith("In the plan as tour ") and not errors

    workspace = Workspace(tmp_path / "workspace")
    (row,) = read_plan(workspace)
    assert said == f"In the plan as tour {row.tour_id}"
    (name,) = workspace.list_names("recordings")
    poses = read_pose_file(tmp_path / "workspace" / "recordings" / name)
    assert (poses[:, 0] == np.arange(len(poses)) / FPS).all() and poses[-1, 0] >= 6.0
    path = load_pose_file(workspace, row)
    assert (row.scene, row.kind, len(path)) == ("home:0", "recorded", len(poses))
    labels = poses_to_actions(path.R, path.position_m)
    assert labels.active[:, ACTIONS.index("pan_right")].sum() > 8
    assert not labels.active[-16:, :STATIC].any()  # the blur has released the key

    _kill_engine(running.pid)
    page.wait_for_selector("text=The engine was lost")
    assert running.wait(WAIT_MS / 1000) == 1
    assert running.stderr is not None
    said = running.stderr.read().strip().splitlines()
    assert said[-1].startswith("error: ") and not any("Traceback" in line for line in said)


def _kill_engine(pilot_pid: int) -> None:
    """Kill the engine of that pilot: the process below it that serves a scene."""
    import psutil

    below = psutil.Process(pilot_pid).children(recursive=True)
    engines = [one for one in below if "capture.engine" in " ".join(one.cmdline())]
    assert engines
    for one in engines:
        os.kill(one.pid, signal.SIGKILL)
