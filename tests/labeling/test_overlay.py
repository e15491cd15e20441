"""The overlay command, and its map and compass: what is drawn is where the camera is."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from dataset.video import probe
from dataset.workspace import Workspace
from labeling.actions import Thresholds
from labeling.camera import level_turned
from labeling.drawing.track import MAP, TrackMap
from labeling.label_workspace import label_workspace
from tests.labeling.paths import commit_clip, smooth_ue

GREY = np.full((360, 640, 3), 100, np.uint8)
# A square, ten metres a side: north, then east (which is -Y), south, west.
CORNERS = np.array([[0, 0, 0], [10, 0, 0], [10, -10, 0], [0, -10, 0], [0, 0, 0]], float)


def lit(pixels: np.ndarray) -> np.ndarray:
    """Where the picture has the colour of what is lit: rows of x, y."""
    red, _, blue = np.moveaxis(pixels.astype(int), -1, 0)
    return np.argwhere(red - blue > 100)[:, ::-1]


def on_map(drawn: np.ndarray) -> np.ndarray:
    x, y, width, height = (int(value) for value in MAP)
    return lit(drawn[y : y + height, x : x + width])


@pytest.mark.parametrize(
    ("corner", "side"), [(1, (0, -1)), (2, (1, -1)), (3, (1, 0))], ids=["north", "ne", "east"]
)
def test_dot_stands_where_the_camera_is(corner: int, side: tuple[int, int]):
    track = TrackMap(np.repeat(level_turned(np.zeros((1, 3))), 5, axis=0), CORNERS)
    start, there = on_map(track.draw(GREY, 0)), on_map(track.draw(GREY, corner))
    moved = np.sign([there[:, 0].max() - start[:, 0].max(), there[:, 1].min() - start[:, 1].min()])
    # The path drawn so far reaches as far east and north as the camera has been.
    assert tuple(moved) == (side[0], -1)


@pytest.mark.parametrize(("pan_deg", "way"), [(0, (0, -1)), (90, (1, 0)), (180, (0, 1)),
                                              (-90, (-1, 0))])  # fmt: skip
def test_compass_needle_turns_clockwise_with_pan(pan_deg: float, way: tuple[int, int]):
    R = np.repeat(level_turned(np.array([[pan_deg, 0.0, 0.0]])), 5, axis=0)
    drawn = TrackMap(R, CORNERS).draw(GREY, 0)
    needle = lit(drawn[12:88, 552:628]) - 38.0
    far = needle[np.argmax(np.linalg.norm(needle, axis=1))]
    assert np.rint(far / np.linalg.norm(far)).tolist() == list(way)


def test_frame_itself_stays_as_it_is_elsewhere():
    track = TrackMap(np.repeat(level_turned(np.zeros((1, 3))), 5, axis=0), CORNERS)
    drawn = track.draw(GREY, 2)
    assert (drawn[130:] == GREY[130:]).all() and (drawn[:, 160:540] == GREY[:, 160:540]).all()


def test_command_writes_the_whole_clip(tmp_path: Path):
    workspace = Workspace(tmp_path / "ws")
    commit_clip(workspace, "tour-0", *smooth_ue(20, 0))
    label_workspace(workspace, "default", Thresholds())
    out = tmp_path / "out.mp4"
    command = [sys.executable, "-m", "labeling.overlay", workspace.location]
    done = subprocess.run([*command, "tour-0", "--out", str(out)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert probe(out).frames == 20
    done = subprocess.run([*command, "tour-7"], capture_output=True, text=True)
    assert done.returncode == 1 and "no committed clip 'tour-7'" in done.stderr
