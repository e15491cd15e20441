"""Recording from plain UnrealCV: one game tick a frame, collision by depth, stale pixels found."""

import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path

import igl
import numpy as np
import pytest

from capture.engine.scenes import load_scene
from capture.recording.plain_frames import BatchFrames
from capture.recording.recorder import compute_path, make_station, record_tour
from capture.recording.station import Station
from capture.recording.warm_up import FIRST_FRAMES, JUMP_FRAMES
from capture.sessions.client import EngineLostError, Frame, UnrealCVClient
from capture.sessions.launcher import Engine
from dataset.clip import PoseProof, read_clip
from dataset.errors import OpenRelicError
from dataset.workspace import Workspace
from labeling.camera import camera_to_ue
from tests.capture.conftest import SCENE
from tests.capture.recording import (
    CLEARANCE_CM,
    FRAMES,
    SIZE,
    poses_of,
    recorded,
    tour,
    without_tour_commands,
)


@pytest.fixture(scope="module")
def client(engine: Engine) -> Iterator[UnrealCVClient]:
    with without_tour_commands(engine.client) as plain:
        yield plain


@pytest.fixture(scope="module")
def station(client: UnrealCVClient) -> Station:
    return make_station(client, SCENE, 90.0, size=SIZE)


def test_a_clip_says_how_it_was_made(station: Station, tmp_path: Path):
    first = recorded(station, tour(2), tmp_path)
    second = recorded(station, tour(3), tmp_path)
    for clip in (first, second):
        assert (clip.pose_proof, clip.collision) == ("sampled", "depth")
        assert 0 < clip.audited_frames < FRAMES
    assert first.engine == "OpenRelic, UnrealCV 1.1.0"
    # The first tour of an engine has waited for the engine itself, too.
    assert (first.warmup_frames, second.warmup_frames) == (FIRST_FRAMES + JUMP_FRAMES, JUMP_FRAMES)


def test_a_wrong_map_is_refused_by_its_level_name(client: UnrealCVClient):
    with pytest.raises(OpenRelicError, match=f"shows {SCENE}, but the tour is planned in home:1"):
        make_station(client, "home:1", 90.0, size=SIZE)


def test_an_exposure_that_cannot_be_fixed_is_refused(client: UnrealCVClient):
    with pytest.raises(OpenRelicError, match="does not offer /tour/exposure"):
        make_station(client, SCENE, 90.0, size=SIZE, exposure_ev=0.0)


class Late:
    """The engine's own frames, but some images are those of the frame drawn before."""

    pose_proof: PoseProof = "sampled"

    def __init__(self, source: BatchFrames, is_late: Callable[[int], bool]) -> None:
        self._source, self._is_late = source, is_late
        self.asked = 0
        self._before: dict[str, np.ndarray] = {}

    def stream(self, location_cm: np.ndarray, rotation_deg: np.ndarray, passes) -> Iterator[Frame]:
        for frame in self._source.stream(location_cm, rotation_deg, passes):
            shown = {
                name: self._before.get(name, image) if self._is_late(self.asked) else image
                for name, image in frame.passes.items()
            }
            self._before = {**self._before, **frame.passes}
            self.asked += 1
            yield dataclasses.replace(frame, passes=shown)

    def views(self, location_cm: np.ndarray, rotation_deg: np.ndarray, name: str) -> np.ndarray:
        return self._source.views(location_cm, rotation_deg, name)


def late_station(station: Station, is_late: Callable[[int], bool]) -> tuple[Station, Late]:
    assert isinstance(station.source, BatchFrames)
    source = Late(station.source, is_late)
    return dataclasses.replace(station, source=source, first_warm_up=None), source


def test_a_camera_that_is_always_late_is_found(station: Station, tmp_path: Path):
    late, _ = late_station(station, lambda _: True)
    with pytest.raises(EngineLostError, match="drew frame .* with an earlier pose"):
        record_tour(late, tour(5), Workspace(tmp_path), retries=0)
    assert read_clip(Workspace(tmp_path), tour(5).tour_id) is None


def test_a_single_late_frame_that_can_be_seen_is_found(station: Station, tmp_path: Path):
    row = tour(6)
    location_cm, rotation_deg = poses_of(tmp_path, recorded(station, row, tmp_path))
    assert len(location_cm) == FRAMES
    turns = np.abs(np.diff(rotation_deg, axis=0)).max(axis=1)
    number = 1 + int(turns.argmax())
    once, source = late_station(station, lambda asked: asked == JUMP_FRAMES + number)
    with pytest.raises(EngineLostError, match=f"drew frame {number} with an earlier pose"):
        record_tour(once, row, Workspace(tmp_path / "again"), retries=0)
    assert source.asked > JUMP_FRAMES + FRAMES


def test_depth_images_keep_the_stated_clearance(station: Station):
    """Judged by exact distances to the scene's triangles, at frames and between them."""
    geometry = load_scene(SCENE).geometry
    vertices = np.asarray(geometry.position_cm, np.float64)
    triangles = np.asarray(geometry.triangles[geometry.collides], np.int64)
    moved_cm = 0.0
    for seed in (10, 11):
        path = compute_path(station, tour(seed, frames=200))
        points, _ = camera_to_ue(path.R, path.position_m)
        dense = np.concatenate([points, (points[1:] + points[:-1]) / 2])
        squared = np.asarray(igl.point_mesh_squared_distance(dense, vertices, triangles)[0])
        assert np.sqrt(squared.min()) >= CLEARANCE_CM
        moved_cm += float(np.linalg.norm(np.diff(points, axis=0), axis=1).sum())
    assert moved_cm > 300  # it is not safe by standing still
