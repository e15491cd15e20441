"""The path of a tour: steered in the running engine before frame 0, or read from a pose file."""

from collections.abc import Callable
from typing import Literal

import numpy as np

from capture.recording.places import Collision, PlacedSpace
from capture.recording.station import Station, player_pose
from capture.tours.camera_operator import Operator
from capture.tours.rows import PlanRow, tour_wish
from capture.tours.starts import Place, StartArea, choose_start
from capture.tours.steering import Path, looking_along
from dataset.errors import OpenRelicError
from dataset.workspace import Workspace
from labeling.camera import ue_to_camera

Progress = Callable[[int], None]
CollisionOrRecorded = Collision | Literal["recorded"]

START_CANDIDATES = 64
FREESPACE = "vget /tour/freespace"
# The player's pose may be on the ground or in a wall: places above and beside it are tried too.
RISES_CM = (0.0, 50.0, 100.0, 160.0)
ASIDE_CM = 100.0


def compute_path(station: Station, row: PlanRow, progress: Progress = lambda _: None) -> Path:
    """The poses of a tour that is to be steered."""
    return _steered(station, row, progress)[0]


def path_and_collision(
    station: Station, row: PlanRow, workspace: Workspace
) -> tuple[Path, CollisionOrRecorded]:
    """The poses of the row's tour, steered or recorded, and how it was kept away from surfaces."""
    if row.pose_file is None:
        return _steered(station, row, lambda _: None)
    from capture.tours.pose_files import load_pose_file

    return load_pose_file(workspace, row), "recorded"


def _steered(station: Station, row: PlanRow, progress: Progress) -> tuple[Path, Collision]:
    space = station.space(row.clearance_cm)
    location_cm, yaw_deg = find_start(
        station, space, row.scene, row.clearance_cm, seed=row.seed, areas=row.starts
    )
    _, start_m = ue_to_camera(location_cm[None], np.zeros((1, 3)))
    operator = Operator(tour_wish(row), space, looking_along(yaw_deg), start_m[0])
    return operator.drive(progress), space.collision


def find_start(
    station: Station, space: PlacedSpace, scene: str, clearance_cm: float, *,
    seed: int, areas: tuple[StartArea, ...] = (),
) -> Place:  # fmt: skip
    """A clear place to start from, and a yaw: in `areas` or a spawn, else by search."""
    spawns = np.asarray(station.manifest.get("spawns", []), dtype=np.float64)
    chosen = choose_start(seed, areas, spawns, space.is_free)
    if chosen is not None:
        return chosen
    searched = station.client.offers(FREESPACE)
    places = _free_space(station, clearance_cm, seed) if searched else _near_player(station)
    random = np.random.default_rng(seed)
    for place in places:
        if space.is_free(place):
            return place, float(random.uniform(-180, 180))
    raise OpenRelicError(
        f"scene {scene} has no place with {clearance_cm:g} cm of clearance that could be found; "
        "name start areas in the list of scenes, or plan with a smaller --clearance-cm"
    )


def _free_space(station: Station, clearance_cm: float, seed: int) -> np.ndarray:
    wanted = f"{START_CANDIDATES} {clearance_cm:.6f} {seed}"
    points = station.client.json(f"{FREESPACE} {wanted}")["points"]
    return np.array(points, dtype=np.float64).reshape(-1, 3)


def _near_player(station: Station) -> np.ndarray:
    location_cm, _ = player_pose(station.client)
    aside = ASIDE_CM * np.array([[0, 0, 0], [1, 0, 0], [-1, 0, 0], [0, 1, 0], [0, -1, 0]])
    return np.concatenate([location_cm + aside + [0, 0, rise] for rise in RISES_CM])


def rounded_pose(
    location_cm: np.ndarray, rotation_deg: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Poses to 0.001 cm and 0.001°, which is what UnrealCV prints (and without -0)."""
    return np.round(location_cm, 3) + 0.0, np.round(rotation_deg, 3) + 0.0
