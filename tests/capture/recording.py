"""What tests of recording share: a small tour, its clip, and the engine as plain UnrealCV."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from capture.recording.recorder import record_tour
from capture.recording.station import Station
from capture.sessions.client import UnrealCVClient
from capture.tours.planning import WANTED_SHARES
from capture.tours.rows import PlanRow
from dataset.clip import Clip, read_clip, read_track
from dataset.workspace import Workspace
from labeling.actions import ACTIONS
from tests.capture.conftest import SCENE

SIZE = (96, 54)
FRAMES = 48
CLEARANCE_CM = 25.0


def tour(seed: int, frames: int = FRAMES) -> PlanRow:
    return PlanRow(
        game="", scene=SCENE, asset=SCENE, licence="Apache-2.0", seed=seed, frames=frames,
        kind="mixed", motion="fly", rotation_frame="camera",
        mix=tuple(WANTED_SHARES[action] for action in ACTIONS), translation_m_s=1.8,
        rotation_deg_s=40.0, clearance_cm=CLEARANCE_CM, fov_deg=90.0,
    )  # fmt: skip


def recorded(station: Station, row: PlanRow, folder: Path, tracks: tuple[str, ...] = ()) -> Clip:
    clip = record_tour(station, row, Workspace(folder), retries=0, tracks=tracks)
    assert clip is not None
    assert read_clip(Workspace(folder), row.tour_id) == clip
    return clip


def poses_of(folder: Path, clip: Clip) -> tuple[np.ndarray, np.ndarray]:
    track = read_track(Workspace(folder), clip)
    return track.location_cm, track.rotation_deg


def poses_near(station: Station, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Some poses around the first spawn point."""
    random = np.random.default_rng(0)
    location_cm = np.array(station.manifest["spawns"][0])[:3] + random.uniform(-20, 20, (count, 3))
    return np.round(location_cm, 3), np.round(random.uniform(-60, 60, (count, 3)), 3)


@contextmanager
def without_tour_commands(client: UnrealCVClient) -> Iterator[UnrealCVClient]:
    """The engine as if it listed UnrealCV's own commands only."""
    listed = client.commands
    client.commands = frozenset(line for line in listed if "/tour/" not in line)
    yield client
    client.commands = listed
