"""The plugin's command layer beside the embedded engine's: the same requests, the same replies.

Both show the room of `tests/capture/tiny_scene.py`; the plugin's is an exact one in C++.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from capture.engine.commands import tour
from capture.engine.grammar import template_pattern
from capture.engine.pose_files import read_poses

from ..capture.tiny_scene import TinyEngine
from .probe import CoreError, Probe, hexed

pytestmark = pytest.mark.timeout(900)

WALK = "time_s,x_cm,y_cm,z_cm,pitch_deg,yaw_deg,roll_deg\n" + "".join(
    f"{i / 16:.6f},{100 + i:.6f},200.000000,150.000000,0.000000,{2 * i:.6f},0.000000\n"
    for i in range(5)
)

# What both must answer alike, errors included.
ALIKE = """
vget /tour/sweep 100.0 200.0 150.0 550.0 200.0 150.0 20.0
vget /tour/sweep 100.0 200.0 150.0 450.0 100.0 50.0 20.0
vget /tour/sweep 100.0 200.0 150.0 100.0 200.0 150.0 20.0
vget /tour/sweep 100.0 200.0 150.0 100.0 200.0 150.0 2000.0
vget /tour/sweep 100.0 200.0 150.0 300.0 210.0 150.0 -1.0
vget /tour/clearance 100.0 200.0 150.0
vget /tour/clearance 350.0 100.0 120.0
vget /tour/freespace 0 20.0 1
vget /tour/freespace 10 0.0 1
vget /tour/freespace 100001 20.0 1
vget /tour/freespace  20.0 1
vget /tour/freespace 5 2000.0 1
vset /tour/exposure 1.5
vset /tour/exposure -33.0
vget /tour/frame 7 0.0 0.0 0.0 0.0 0.0 0.0 lit_bgra
vget /tour/frame 0 0.0 0.0 200000000.0 0.0 0.0 0.0 lit_bgra
vget /tour/frame 0 0.0 0.0 0.0 0.0 0.0 0.0 lit_bgra,lit_bgra
vget /tour/frame 0 0.0 0.0 0.0 0.0 0.0 0.0 wrong'pass
vget /tour/frame 0 0.0 0.0 0.0 0.0 0.0 0.0 
vget /tour/play 3
vget /tour/play 
vset /tour/cancel 99999999999999999999999
vset /tour/play walk.csv ../out
vset /tour/play /etc/passwd out
vset /tour/play walk.csv 
vset /tour/play bad.csv out
vset /tour/record/start track.parquet 16.0
vset /tour/record/start  16.0
vset /tour/record/start ../track.csv 16.0
vset /tour/record/start track.csv 0.0
vset /tour/record/start track.csv 60.5
vset /tour/record/stop
""".strip("\n").splitlines()  # fmt: skip


class CoreGame:
    """The plugin's commands behind UnrealCV's grammar."""

    def __init__(self, probe: Probe, folder: Path) -> None:
        self._probe = probe
        probe.ask("folder", hexed(str(folder)))
        self.templates = probe.bytes("commands").decode().splitlines()
        self._patterns = [template_pattern(template) for template in self.templates]

    def ask(self, command: str) -> bytes:
        """The reply's body."""
        for number, pattern in enumerate(self._patterns):
            if match := pattern.fullmatch(command):
                try:
                    return self._probe.bytes("tour", number, *map(hexed, match.groups()))
                except CoreError as error:
                    return f"error {error}".encode()
        raise AssertionError(f"no template takes {command!r}")

    def text(self, command: str) -> str:
        return self.ask(command).decode()

    def tick(self, count: int) -> None:
        self._probe.ask("tick", count)

    def put(self, path: Path, text: str) -> None:
        self._probe.ask("put", hexed(str(path)), hexed(text))

    def get(self, path: Path) -> str:
        return self._probe.bytes("get", hexed(str(path))).decode()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("saved")


@pytest.fixture(scope="module")
def embedded(folder: Path) -> Iterator[TinyEngine]:
    running = TinyEngine(folder)
    yield running
    running.close()


@pytest.fixture(scope="module")
def core_game(probe: Probe, folder: Path) -> CoreGame:
    return CoreGame(probe, folder)


def test_the_same_commands_are_offered(embedded: TinyEngine, core_game: CoreGame) -> None:
    listed = embedded.text("vget /unrealcv/commands").splitlines()
    assert sorted(core_game.templates) == sorted(t for t in listed if " /tour/" in t)


@pytest.mark.parametrize("command", ALIKE)
def test_a_reply_is_that_of_the_embedded_engine(
    embedded: TinyEngine, core_game: CoreGame, folder: Path, command: str
) -> None:
    bad = WALK.replace("150.000000", "high", 1)
    for name, text in (("walk.csv", WALK), ("bad.csv", bad)):
        (folder / name).write_text(text)
        core_game.put(folder / name, text)
    expected = embedded.text(command).replace(",flow_f32", "")  # the plugin draws no flow
    found = core_game.text(command)
    if not expected.startswith("{"):
        assert found == expected
        return
    assert re.sub(r"[-\d.]+", "#", found) == re.sub(r"[-\d.]+", "#", expected)
    numbers = [np.array(re.findall(r"-?\d+\.\d+", text), float) for text in (found, expected)]
    # The embedded engine measures to triangles in single precision.
    assert np.abs(numbers[0] - numbers[1]).max(initial=0) < 2e-3


def test_version_manifest_and_readiness_have_the_same_keys(
    embedded: TinyEngine, core_game: CoreGame
) -> None:
    for command in ("vget /tour/version", "vget /tour/manifest", "vget /tour/ready"):
        expected, found = json.loads(embedded.text(command)), json.loads(core_game.text(command))
        assert list(found) == list(expected)
    version = json.loads(core_game.text("vget /tour/version"))
    assert version["protocol"] == tour.TOUR_PROTOCOL and version["licence"] == "Apache-2.0"


def test_a_job_is_played_and_reported_alike(
    embedded: TinyEngine, core_game: CoreGame, folder: Path
) -> None:
    (folder / "walk.csv").write_text(WALK)
    core_game.put(folder / "walk.csv", WALK)
    jobs = [game.text("vset /tour/play walk.csv played") for game in (embedded, core_game)]
    assert jobs[0] == jobs[1] == "1"
    again = "vset /tour/play walk.csv played"
    for _ in range(8):
        embedded.game.tick()
    core_game.tick(8)
    report = "vget /tour/play 1"
    assert core_game.text(report) == embedded.text(report)
    assert json.loads(core_game.text(report))["state"] == "done"
    assert core_game.text(again) == embedded.text(again)
    assert core_game.text("vset /tour/cancel 1") == embedded.text("vset /tour/cancel 1")
    poses = core_game.get(folder / "played/poses.csv")
    assert poses == (folder / "played/poses.csv").read_text() == WALK
    assert np.array_equal(read_poses(folder / "played/poses.csv")[:, 1], 100 + np.arange(5))


def test_a_recording_is_reported_alike(
    embedded: TinyEngine, core_game: CoreGame, folder: Path
) -> None:
    start, stop = "vset /tour/record/start track.csv 16.0", "vset /tour/record/stop"
    assert core_game.text(start) == embedded.text(start) == "ok"
    assert core_game.text(start) == embedded.text(start)  # one runs already
    core_game.tick(60)
    found, expected = json.loads(core_game.text(stop)), json.loads(embedded.text(stop))
    assert found["file"] == expected["file"] == str(folder / "track.csv")
    assert found["rows"] == 17
    assert len(core_game.get(folder / "track.csv").splitlines()) == 18


def test_free_places_are_free_and_the_same_for_a_seed(
    embedded: TinyEngine, core_game: CoreGame
) -> None:
    ask = "vget /tour/freespace 40 30.0 {}"
    replies = [core_game.text(ask.format(seed)) for seed in (1, 1, 2)]
    assert replies[0] == replies[1] != replies[2]
    points = np.array(json.loads(replies[0])["points"])
    assert len(points) == 40
    # The embedded engine is the judge: clear of everything, and in one part of the room.
    assert embedded.state.world.collision.nearest(points)[0].min() >= 30.0
    assert np.ptp(points[:, 0]) > 300.0
