"""The plugin's core beside the project's own functions: the same poses, bytes and sentences.

What both must give stands in `vectors/`; random input is tried beside it.
"""

import json
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from capture.engine.clock import STEP_S
from capture.engine.commands.replies import one_line
from capture.engine.commands.tour_record import between
from capture.engine.pose_files import read_poses
from capture.piloting.session import Held, Session
from capture.tours.pose_files import HEADER, read_pose_file, resampled
from capture.tours.steering import Style, looking_along
from dataset.errors import OpenRelicError
from labeling.actions import ACTIONS
from labeling.camera import camera_to_ue, rotation_distance_rad, ue_to_camera

from .probe import CoreError, Probe, hexed

pytestmark = pytest.mark.timeout(900)

VECTORS = Path(__file__).parent / "vectors"


def vectors(name: str) -> list[dict[str, Any]]:
    return json.loads((VECTORS / f"{name}.json").read_text())


class Solid:
    """Beyond a plane (a normal towards the free, an offset), or in a ball (centre, radius)."""

    def __init__(self, kind: str, where: list[float], size_m: float) -> None:
        self.kind, self.where, self.size_m = kind, np.array(where), size_m

    def clear_steps(self, positions_m: np.ndarray) -> int:
        """Of one step only: that is what a pilot asks for."""
        to_m = positions_m[1]
        plane = self.kind == "plane"
        reach = to_m @ self.where if plane else np.linalg.norm(to_m - self.where)
        return int(reach >= self.size_m)

    def view_distance_m(self, position_m: np.ndarray, direction: np.ndarray) -> float:
        raise AssertionError("a pilot sees for themselves")


def csv_of(rows: np.ndarray) -> str:
    return "\n".join([HEADER, *(",".join(repr(float(v)) for v in row) for row in rows)]) + "\n"


def assert_same_poses(found: np.ndarray, expected: np.ndarray) -> None:
    """To 1e-9 cm and 1e-9 rad; rotations as rotations, since some have several triples."""
    assert found.shape == expected.shape
    assert np.abs(found[:, :3] - expected[:, :3]).max() < 1e-9
    R = [ue_to_camera(poses[:, :3], poses[:, 3:])[0] for poses in (found, expected)]
    assert rotation_distance_rad(*R).max() < 1e-9


def python_path(rows: np.ndarray) -> np.ndarray:
    path = resampled(rows)
    return np.concatenate(camera_to_ue(path.R, path.position_m), axis=1)


def core_path(probe: Probe, rows: np.ndarray) -> np.ndarray:
    numbers = probe.numbers("resample", 16, hexed(csv_of(rows)))
    return np.array(numbers).reshape(-1, 6)


def random_walk(seed: int, count: int, rate_hz: float) -> np.ndarray:
    random = np.random.default_rng(seed)
    time_s = np.cumsum(random.uniform(0.5, 1.5, count)) / rate_hz
    location = np.cumsum(random.normal(size=(count, 3)) * random.uniform(0, 20, (count, 1)), axis=0)
    location[random.random(count) < 0.3] = location[0]  # rests and returns
    rotation = np.cumsum(random.normal(0, 15, (count, 3)), axis=0)
    rotation[:, 0] = np.clip(rotation[:, 0], -90, 90)
    return np.column_stack([time_s + 3, location, (rotation + 180) % 360 - 180])


@pytest.mark.parametrize("walk", vectors("walks"), ids=lambda walk: walk["name"])
def test_a_path_of_the_vectors_is_resampled_alike(probe: Probe, walk: dict[str, Any]) -> None:
    rows, expected = np.array(walk["rows"]), np.array(walk["poses_16_fps"])
    assert_same_poses(python_path(rows), expected)
    assert_same_poses(core_path(probe, rows), expected)


def test_any_path_is_resampled_alike(probe: Probe) -> None:
    for seed in range(12):
        rows = random_walk(seed, 2 + 7 * seed, [10.0, 30.0, 59.94][seed % 3])
        assert_same_poses(core_path(probe, rows), python_path(rows))


def test_every_rotation_survives_the_way_there_and_back(probe: Probe) -> None:
    random = np.random.default_rng(3)
    poses = random.uniform(-1, 1, (200, 6)) * [1e6, 1e6, 1e6, 90, 180, 180]
    poses[:20, 3] = np.repeat([90, -90], 10)
    found = np.array([probe.numbers("turn", *pose) for pose in poses])
    assert_same_poses(found, poses)


def sentence(read: Any, path: Path) -> str | None:
    try:
        read(path)
    except OpenRelicError as error:
        return str(error).replace(str(path), "walk.csv")
    return None


def core_sentence(probe: Probe, command: str, data: bytes) -> str | None:
    try:
        probe.ask(command, hexed("walk.csv"), hexed(data))
    except CoreError as error:
        return str(error)
    return None


@pytest.mark.parametrize("file", vectors("pose_files"), ids=lambda file: file["name"])
def test_a_pose_file_of_the_vectors_gets_the_same_sentence(
    probe: Probe, file: dict[str, Any], tmp_path: Path
) -> None:
    data = file["text"].encode()
    (tmp_path / "walk.csv").write_bytes(data)
    for read, command in ((read_pose_file, "recording"), (read_poses, "playable")):
        expected = file[command]
        assert sentence(read, tmp_path / "walk.csv") == expected
        assert core_sentence(probe, command, data) == expected


def test_damaged_pose_files_get_the_same_sentences(probe: Probe, tmp_path: Path) -> None:
    """Cells that Python's `float` takes or refuses, rows too short or long, in thousands."""
    random = np.random.default_rng(11)
    rows = np.column_stack([np.arange(6) / 8, random.uniform(-9, 9, (6, 6))]).round(3)
    good = [HEADER.split(","), *([str(v) for v in row] for row in rows)]
    words = "nan|-inf|1e999|1_0|_1|1__0|1.|.5|+3|- 3| 4 |0x10|1e|1e+2|--1|"
    words = [*words.split("|"), "é", "a'b", "a\\b", "\t7", "91", "-90.0", "5"]
    path, refused = tmp_path / "walk.csv", 0
    for _ in range(1500):
        cells = [list(row) for row in good]
        for _ in range(random.integers(1, 4)):
            row = cells[random.integers(len(cells))]
            at = int(random.integers(8))
            if at < len(row) and random.random() < 0.7:
                row[at] = words[random.integers(len(words))]
            elif random.random() < 0.5:
                del row[at:]
            else:
                row.insert(at, words[random.integers(len(words))])
        if random.random() < 0.1:
            del cells[random.integers(1, 5) :]
        end = ["\n", "\r\n"][random.integers(2)]
        path.write_bytes(end.join(",".join(row) for row in cells).encode())
        for read, command in ((read_pose_file, "recording"), (read_poses, "playable")):
            expected = sentence(read, path)
            refused += expected is not None
            assert core_sentence(probe, command, path.read_bytes()) == expected, path.read_text()
    assert 500 < refused < 2900


@pytest.mark.parametrize("frame", vectors("frames"), ids=lambda frame: ",".join(frame["passes"]))
def test_the_header_of_a_frame_is_the_same_bytes(probe: Probe, frame: dict[str, Any]) -> None:
    height, width = frame["size"]
    channels = {"lit_bgra": 4, "depth_f32": 0, "normal_u8": 3, "mask_u8": 3}
    passes = []
    for name in frame["passes"]:
        shape = [height, width, channels[name]] if channels[name] else [height, width]
        array = np.zeros(shape, np.float32 if name == "depth_f32" else np.uint8)
        passes.append(
            {"name": name, "dtype": str(array.dtype), "shape": shape, "bytes": array.nbytes}
        )
    pose = tuple(float(value) for value in frame["pose"])
    python = one_line(
        {"frame": frame["frame"], "pose": pose, "fov": float(frame["fov"]), "passes": passes}
    )
    found = probe.bytes(
        "header",
        frame["frame"],
        frame["fov"],
        width,
        height,
        *pose,
        hexed(",".join(frame["passes"])),
    )
    assert found.decode() == python == frame["header"]


def test_images_are_packed_as_the_protocol_says(probe: Probe) -> None:
    random = np.random.default_rng(7)
    bgra = random.integers(0, 256, (50, 4), np.uint8)
    opaque = bgra.copy()
    opaque[:, 3] = 255
    assert probe.bytes("pack", "lit", 4, hexed(bgra.tobytes())) == opaque.tobytes()
    assert probe.bytes("pack", "mask", 4, hexed(bgra.tobytes())) == bgra[:, 2::-1].tobytes()
    depth = random.uniform(1, 1e5, (50, 4)).astype(np.float32)
    depth[3, 0], depth[4, 0] = np.nan, np.inf
    expected = np.minimum(np.nan_to_num(depth[:, 0], nan=1e9), np.float32(65504))
    assert probe.bytes("pack", "depth", 4, hexed(depth.tobytes())) == expected.tobytes()


@pytest.mark.parametrize("shifted", [False, True])
def test_normals_are_packed_whichever_way_the_engine_writes_them(
    probe: Probe, shifted: bool
) -> None:
    normal = np.random.default_rng(8).normal(size=(400, 3))
    normal /= np.linalg.norm(normal, axis=1, keepdims=True)
    expected = np.round(127.5 * (normal + 1))
    drawn = np.zeros((400, 4), np.float32)
    drawn[:, :3] = 0.5 * normal + 0.5 if shifted else normal
    drawn[:30, :3] = 0.5 if shifted else 0.0  # the sky has none
    expected[:30] = 128
    found = np.frombuffer(probe.bytes("pack", "normal", 4, hexed(drawn.tobytes())), np.uint8)
    # Half-way cases may fall either way in single precision.
    assert np.abs(found.reshape(-1, 3).astype(float) - expected).max() <= 1
    assert (found.reshape(-1, 3) == expected).mean() > 0.99


def test_a_recording_has_the_rows_of_the_embedded_engine(probe: Probe) -> None:
    random = np.random.default_rng(4)
    for rate_hz in (16.0, 30.0, 7.3, 60.0):
        poses = random.uniform(-1, 1, (40, 6)) * [500, 500, 300, 80, 180, 180]
        steps = random.integers(1, 5, 40)
        rows, elapsed = [(0.0, tuple(poses[0]))], 0
        for pose, last, count in zip(poses[1:], poses, steps[1:], strict=False):
            before_s, elapsed = elapsed * STEP_S, elapsed + int(count)
            while (due_s := len(rows) / rate_hz) <= elapsed * STEP_S + 1e-9:
                share = min(1.0, (due_s - before_s) / (count * STEP_S))
                rows.append((due_s, between(tuple(last), tuple(pose), share)))
        expected = np.array([[time_s, *pose] for time_s, pose in rows])
        ticks = [[count * STEP_S, *pose] for count, pose in zip(steps, poses, strict=True)]
        text = probe.bytes("record", rate_hz, *np.ravel(ticks)).decode()
        header, *lines = text.splitlines()
        found = np.array([[float(cell) for cell in line.split(",")] for line in lines])
        assert header == HEADER and found.shape == expected.shape
        assert np.abs(found - expected).max() <= 0.51e-6  # they are printed with six digits


def python_flight(flight: dict[str, Any]) -> tuple[np.ndarray, list[int]]:
    solid = Solid(**flight["solid"])
    x, y, z, yaw = flight["start"]
    position_m = ue_to_camera(np.array([[x, y, z]]), np.zeros((1, 3)))[1][0]
    style = Style(motion=flight["motion"], rotation_frame=flight["rotation_frame"])
    session = Session(solid, looking_along(yaw), position_m, style)
    poses, contacts = [], []
    for actions, sticks in flight["steps"]:
        held = Held(
            actions=frozenset(actions), sticks=tuple(sticks),
            speed_m_s=flight["speed_m_s"], turn_deg_s=flight["turn_deg_s"],
        )  # fmt: skip
        session.step(held)
        poses.append(session.pose())
        contacts.append(["clear", "sliding", "blocked"].index(session.contact))
    return np.array(poses), contacts


def core_flight(probe: Probe, flight: dict[str, Any]) -> tuple[np.ndarray, list[int]]:
    solid = flight["solid"]
    words: list[object] = [
        int(flight["motion"] == "walk"), int(flight["rotation_frame"] == "level"),
        solid["kind"], *solid["where"], solid["size_m"], *flight["start"],
        flight["speed_m_s"], flight["turn_deg_s"],
    ]  # fmt: skip
    for actions, sticks in flight["steps"]:
        words += [sum(1 << ACTIONS.index(action) for action in actions), *sticks]
    found = np.array(probe.numbers("fly", *words)).reshape(-1, 7)
    return found[:, :6], found[:, 6].astype(int).tolist()


@pytest.mark.parametrize("flight", vectors("flights"), ids=lambda flight: flight["name"])
def test_a_flight_of_the_vectors_is_flown_alike(probe: Probe, flight: dict[str, Any]) -> None:
    for poses, contacts in (python_flight(flight), core_flight(probe, flight)):
        assert_same_poses(poses, np.array(flight["poses"]))
        assert contacts == flight["contacts"]


SOLIDS = [
    {"kind": "plane", "where": [-0.8, -0.36, -0.48], "size_m": -0.5},
    {
        "kind": "ball",
        "where": [1.5, -0.7, 0.0],
        "size_m": 1.2,
    },  # straight ahead
]


@pytest.mark.parametrize("motion", ["fly", "walk"])
@pytest.mark.parametrize("rotation_frame", ["camera", "level"])
@pytest.mark.parametrize("solid", SOLIDS, ids=lambda solid: solid["kind"])
def test_any_flight_is_flown_alike(
    probe: Probe, motion: str, rotation_frame: str, solid: dict[str, Any]
) -> None:
    random = np.random.default_rng(21)
    steps = []
    for _ in range(25):
        actions = [ACTIONS[i] for i in random.permutation(12)[: random.integers(0, 4)]]
        sticks = random.uniform(-1.2, 1.2, 6) * (random.random(6) < 0.3)
        sticks[0] += 0.8  # into the wall, sooner or later
        steps += [[actions, sticks.tolist()]] * int(random.integers(1, 12))
    flight = {
        "motion": motion, "rotation_frame": rotation_frame, "steps": steps,
        "solid": solid, "start": [0, 0, 0, 25.0],
        "speed_m_s": 2.0, "turn_deg_s": 50.0,
    }  # fmt: skip
    found, contacts = core_flight(probe, flight)
    expected, expected_contacts = python_flight(flight)
    assert_same_poses(found, expected)
    assert contacts == expected_contacts and len(set(contacts)) > 1


def test_a_thin_post_is_passed_on_the_same_side(probe: Probe) -> None:
    """Both smallest turns aside are free there, so that the first of them decides."""
    flight: dict[str, Any] = {
        "motion": "fly", "rotation_frame": "camera", "steps": [[["dolly_in"], [0.0] * 6]] * 30,
        "solid": {"kind": "plane", "where": [1.0, 0.0, 0.0], "size_m": -100.0},
        "start": [0, 0, 0, 0.0], "speed_m_s": 2.0, "turn_deg_s": 50.0,
    }  # fmt: skip
    free, _ = python_flight(flight)
    before_m, step_m = free[19, 0] / 100, (free[20, 0] - free[19, 0]) / 100
    # Wide enough for the step and its half and quarter to end in it, no wider.
    flight["solid"] = {
        "kind": "ball", "where": [before_m + 0.625 * step_m, 0.0, 0.0], "size_m": 0.385 * step_m,
    }  # fmt: skip
    found, contacts = core_flight(probe, flight)
    expected, expected_contacts = python_flight(flight)
    assert_same_poses(found, expected)
    assert contacts == expected_contacts and contacts.count(1) >= 1
    assert abs(found[20, 1]) == pytest.approx(
        100 * step_m * np.sin(np.pi / 12) * np.cos(np.pi / 12)
    )


def test_the_cores_own_tests_pass_under_the_sanitizers(core: Path) -> None:
    if not (core / "core_tests").exists():
        pytest.skip("doctest is not installed (Debian: apt-get install doctest-dev)")
    done = subprocess.run([core / "core_tests"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_mutated_input_does_no_harm_under_the_sanitizers(core: Path) -> None:
    done = subprocess.run([core / "fuzz_core", "20000", "1"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout == "20000 inputs, none did harm\n"
