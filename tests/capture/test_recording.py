"""Recording a tour from `/tour` commands: sources, warm-up, tracks, recorded paths, overlap."""

import dataclasses
import hashlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from capture.recording.agreement import levels_apart, sketch
from capture.recording.cameras import SpawnedCameras
from capture.recording.conveyor import Conveyor
from capture.recording.frames import DEPTH, LIT, TourFrames, make_source
from capture.recording.plain_frames import BatchFrames, SettledFrames
from capture.recording.proof import check_pose
from capture.recording.recorder import make_station
from capture.recording.station import Station
from capture.recording.warm_up import JUMP_FRAMES, MAX_FRAMES, SPAN, warm_up
from capture.sessions.client import EngineLostError, Frame, UnrealCVClient
from capture.sessions.launcher import Engine
from capture.tours.pose_files import poses_path, resampled, store_poses
from dataset.clip import TRACK_PASSES, VIDEO, PoseProof, open_clip_file
from dataset.decoding import probe
from dataset.errors import OpenRelicError
from dataset.tracks import read_images, read_track_images
from dataset.workspace import Workspace
from labeling.camera import camera_to_ue
from tests.capture.conftest import SCENE
from tests.capture.recording import (
    FRAMES,
    SIZE,
    poses_near,
    poses_of,
    recorded,
    tour,
    without_tour_commands,
)

TRACKS = tuple(TRACK_PASSES)


@pytest.fixture(scope="module")
def station(engine: Engine) -> Station:
    return make_station(engine.client, SCENE, 90.0, size=SIZE, tracks=TRACKS)


@pytest.fixture
def plain(engine: Engine) -> Iterator[UnrealCVClient]:
    with without_tour_commands(engine.client) as client:
        yield client


def test_a_new_connection_uses_the_cameras_again(engine: Engine):
    cameras, seen = SpawnedCameras(), []
    for _ in range(3):
        station = make_station(engine.client, SCENE, 90.0, size=SIZE, cameras=cameras)
        station.depth_views()
        seen.append(len(engine.client.text("vget /cameras").split()))
    assert seen[0] == seen[1] == seen[2]
    make_station(engine.client, SCENE, 90.0, size=SIZE)  # it knows of none
    assert len(engine.client.text("vget /cameras").split()) == seen[0] + 1


def test_a_clip_says_how_it_was_made(station: Station, tmp_path: Path):
    station.first_warm_up = None
    clip = recorded(station, tour(1), tmp_path)
    assert (clip.pose_proof, clip.collision, clip.audited_frames) == ("per_frame", "sweep", 0)
    assert (clip.width, clip.height, clip.frames, clip.tracks) == (*SIZE, FRAMES, [])
    # One image to say where, the engine's own, and images that agreed.
    assert clip.warmup_frames == 1 + JUMP_FRAMES + SPAN + 1
    with open_clip_file(Workspace(tmp_path), clip, VIDEO) as path:
        assert (probe(path).width, probe(path).frames) == (SIZE[0], FRAMES)


def test_a_fixed_exposure_is_set_and_recorded(engine: Engine, tmp_path: Path):
    darker = make_station(engine.client, SCENE, 90.0, size=SIZE, exposure_ev=-2.0)
    pose = np.array(darker.manifest["spawns"][0])[:3], np.zeros(3)
    dark = darker.still(*pose)
    assert recorded(darker, tour(4, frames=2), tmp_path).exposure_ev == -2.0
    brighter = make_station(engine.client, SCENE, 90.0, size=SIZE, exposure_ev=0.0)
    assert dark.mean() < brighter.still(*pose).mean()


# Frames


def test_every_source_draws_the_same(station: Station):
    """Light bit for bit; plain depth has been through half precision."""
    client = station.client
    exact = make_source(client, SIZE, 80.0, [LIT, DEPTH])
    with without_tour_commands(client):
        batch = make_source(client, SIZE, 80.0, [LIT, DEPTH])
    assert isinstance(exact, TourFrames) and isinstance(batch, BatchFrames)
    settled = SettledFrames(client, len(client.text("vget /cameras").split()) - 1, [LIT, DEPTH])
    poses = poses_near(station, 5)
    drawn = [
        [
            (frame.passes[LIT].copy(), frame.passes[DEPTH].copy(), frame.fov_deg)
            for frame in checked(source.stream(*poses, lambda _: (LIT, DEPTH)), *poses)
        ]
        for source in (exact, batch, settled)
    ]
    for (lit, depth, fov), *others in zip(*drawn, strict=True):
        assert fov == 80.0
        half = np.minimum(depth, 65504).astype(np.float16).astype(np.float32)
        for other_lit, other_depth, other_fov in others:
            assert np.array_equal(lit, other_lit) and other_fov == 80.0
            assert np.array_equal(half, other_depth)
    views = [source.views(*poses, DEPTH) for source in (batch, settled)]
    assert np.array_equal(views[0], np.stack([depth for _, depth, _ in drawn[1]]))
    assert np.array_equal(views[0], views[1])


def checked(
    frames: Iterator[Frame], location_cm: np.ndarray, rotation_deg: np.ndarray
) -> Iterator[Frame]:
    for number, frame in enumerate(frames):
        check_pose(frame, location_cm[number], rotation_deg[number])
        yield frame


def test_a_pose_is_compared_as_a_rotation_within_the_last_digit():
    def read_back(location: Sequence[float], rotation: Sequence[float]) -> Frame:
        return Frame(
            number=0, location_cm=np.array(location), rotation_deg=np.array(rotation), fov_deg=90.0,
            passes={},
        )  # fmt: skip

    asked = np.array([1.0, 2.0, 3.0]), np.array([90.0, 30.0, 10.0])
    check_pose(read_back([1.001, 2.0, 3.0], [90.0, 25.0, 5.0]), *asked)  # the same rotation
    check_pose(read_back([1.0, 2.0, 3.0], [90.0, 30.001, 10.0]), *asked)
    for wrong in ([1.002, 2.0, 3.0], [90.0, 30.0, 10.0]), ([1.0, 2.0, 3.0], [90.0, 30.01, 10.0]):
        with pytest.raises(EngineLostError, match="off the one that was asked for"):
            check_pose(read_back(*wrong), *asked)
    with pytest.raises(EngineLostError):
        check_pose(read_back([np.nan, 2.0, 3.0], [90.0, 30.0, 10.0]), *asked)


# Warm-up


def brightening(frames: int, dark: int = 0) -> Callable[[], np.ndarray]:
    """Images that stay dark for a while and then become brighter over some frames."""
    shown = [0]

    def draw() -> np.ndarray:
        level = 20 + 200 * np.clip((shown[0] - dark) / frames, 0, 1)
        shown[0] += 1
        return np.full((54, 96, 4), level, np.uint8)

    return draw


def test_warm_up_waits_for_images_that_agree(plain: UnrealCVClient):
    assert warm_up(plain, brightening(1), 8).frames == 8
    slow = warm_up(plain, brightening(120), 8)
    assert 115 < slow.frames <= 120 + SPAN + 2
    with pytest.raises(EngineLostError, match="never came to rest"):
        warm_up(plain, brightening(2 * MAX_FRAMES), 8)


def test_noise_of_a_still_camera_is_measured_not_waited_for(plain: UnrealCVClient):
    random = np.random.default_rng(0)

    def noisy() -> np.ndarray:
        return (128 + random.normal(0, 0.6, (54, 96, 4))).astype(np.uint8)

    warmed = warm_up(plain, noisy, 8)
    assert warmed.frames == 8
    expected = levels_apart(sketch(noisy()), sketch(noisy()))
    assert 0.8 * expected < warmed.noise_levels < 1.3 * expected


# Tracks


class Heard:
    """A source that notes what it passes on."""

    pose_proof: PoseProof = "per_frame"

    def __init__(self, source: TourFrames) -> None:
        self._source = source
        self.digests: list[dict[str, str]] = []

    def stream(self, location_cm: np.ndarray, rotation_deg: np.ndarray, passes) -> Iterator[Frame]:
        for frame in self._source.stream(location_cm, rotation_deg, passes):
            self.digests.append({name: digest(image) for name, image in frame.passes.items()})
            yield frame

    def views(self, location_cm: np.ndarray, rotation_deg: np.ndarray, name: str) -> np.ndarray:
        return self._source.views(location_cm, rotation_deg, name)


def digest(image: np.ndarray) -> str:
    return f"{image.dtype} {image.shape} {hashlib.sha256(image.tobytes()).hexdigest()}"


def test_tracks_give_back_bit_for_bit_what_the_engine_sent(station: Station, tmp_path: Path):
    assert isinstance(station.source, TourFrames)
    heard = Heard(station.source)
    clip = recorded(dataclasses.replace(station, source=heard), tour(7), tmp_path, tracks=TRACKS)
    assert clip.tracks == list(TRACKS)
    sent = heard.digests[-FRAMES:]
    for track, name in TRACK_PASSES.items():
        images = list(read_track_images(Workspace(tmp_path), clip, track))
        assert [digest(image) for image in images] == [frame[name] for frame in sent]
        some = list(read_track_images(Workspace(tmp_path), clip, track, [30, 2, 30]))
        assert [digest(image) for image in some] == [sent[n][name] for n in (30, 2, 30)]


def test_any_parquet_reader_opens_a_track(station: Station, tmp_path: Path):
    clip = recorded(station, tour(8, frames=3), tmp_path, tracks=("normal",))
    with open_clip_file(Workspace(tmp_path), clip, "normal.parquet") as path:
        table = pq.read_table(path)
        assert table["frame"].to_pylist() == [0, 1, 2]
        (first,) = read_images(path, [0])
        raw = table["npy"][0].as_py()
        assert raw.endswith(first.tobytes()) and raw.startswith(b"\x93NUMPY")
        with pytest.raises(OpenRelicError, match="has frames 0 to 2, not 3"):
            list(read_images(path, [3]))
    with pytest.raises(OpenRelicError, match="has no track 'mask'; it has normal"):
        list(read_track_images(Workspace(tmp_path), clip, "mask"))


# Recorded paths


def test_a_pose_file_is_recorded_instead_of_a_steered_path(station: Station, tmp_path: Path):
    location, rotation = poses_near(station, 9)
    poses = np.column_stack([np.arange(9) / 4, location, np.sort(rotation, axis=0) / 4])
    workspace = Workspace(tmp_path)
    store_poses(workspace, poses)
    path = resampled(poses)
    row = dataclasses.replace(
        tour(0, frames=len(path)), kind="recorded", motion="recorded", pose_file=poses_path(poses)
    )
    clip = recorded(station, row, tmp_path)
    assert (clip.collision, clip.kind, clip.frames) == ("recorded", "recorded", 33)
    expected = camera_to_ue(path.R, path.position_m)
    for ours, theirs in zip(poses_of(tmp_path, clip), expected, strict=True):
        assert np.abs(ours - theirs).max() < 0.00051


# Overlap


def test_a_conveyor_keeps_order_bounds_what_waits_and_hands_failures_on():
    done: list[int] = []
    with Conveyor(done.append, waiting=2) as conveyor:
        for number in range(50):
            conveyor.put(number)
            assert number - len(done) <= 4  # two wait, one is worked on, one was just put
    assert done == list(range(50))

    def fail(_: int) -> None:
        raise OpenRelicError("the disk is full")

    with pytest.raises(OpenRelicError, match="disk is full"), Conveyor(fail) as conveyor:
        for number in range(50):
            conveyor.put(number)
    with pytest.raises(OpenRelicError, match="disk is full"), Conveyor(fail) as conveyor:
        conveyor.put(1)
