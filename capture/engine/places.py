"""Where a camera may start among triangles that nobody has described: free, open, in no solid.

Lengths in cm, Unreal's world.
"""

import igl
import numpy as np

from capture.engine.generate.kit.rays import RayTracer
from capture.engine.visibility import camera_axes
from dataset.errors import OpenRelicError

CLEARANCE_CM = 35.0
EYE_CM = 150.0
SPAWNS = 12
_TRIED = 6000
_SKY_CM = 1e6
# Around and above what is no room: so far may a camera go.
_SMALL_CM = 600.0
_AROUND_CM = 450.0
_HEADROOM_CM = 300.0


def directions(count: int) -> np.ndarray:
    """Unit vectors (count, 3) spread evenly over the sphere."""
    index = np.arange(count) + 0.5
    z, turn = 1 - 2 * index / count, index * np.pi * (3 - 5**0.5)
    ring = np.sqrt(1 - z**2)
    return np.stack([ring * np.cos(turn), ring * np.sin(turn), z], 1)


def find_places(
    position_cm: np.ndarray, normal: np.ndarray, triangles: np.ndarray
) -> tuple[np.ndarray, bool, np.ndarray]:
    """Spawns (N,4): x, y, z and yaw in degrees; whether they are indoors; the roam box (2,3).

    `triangles` (F,3) are those that collide; `normal` (V,3) points out of solids. Indoors the
    camera stays within them; else it may go above them, and around what is small. Raises
    `OpenRelicError` where no camera fits.
    """
    points = position_cm[triangles].reshape(-1, 3).astype(np.float64)
    tight = np.stack([points.min(0), points.max(0)])
    spawns, indoor = _find_spawns(position_cm, normal, triangles, tight)
    if indoor:
        return spawns, True, tight
    around = np.where(np.ptp(tight, axis=0) < _SMALL_CM, _AROUND_CM, 0.0) * [1, 1, 0]
    wide = np.stack([tight[0] - around, tight[1] + around + [0, 0, _HEADROOM_CM]])
    spawns, indoor = _find_spawns(position_cm, normal, triangles, wide)
    if not len(spawns):
        size = " x ".join(f"{side / 100:.2f}" for side in np.ptp(wide, axis=0))
        raise OpenRelicError(
            f"the scene ({size} m with its surroundings) has no place with {CLEARANCE_CM:.0f} cm "
            "of free space around a camera; glTF files are in metres: scale it"
        )
    return spawns, indoor, wide


def _find_spawns(
    position_cm: np.ndarray, normal: np.ndarray, triangles: np.ndarray, roam_cm: np.ndarray
) -> tuple[np.ndarray, bool]:
    """Spawns (N,4) in the box, and whether most of them are under a roof."""
    tracer = RayTracer(position_cm[triangles])
    points = np.random.default_rng(5).uniform(roam_cm[0], roam_cm[1], (_TRIED, 3))
    points = _standing(points, tracer, position_cm, triangles)
    vertices, faces = position_cm.astype(np.float64), triangles.astype(np.int64)
    tree = igl.AABB()
    tree.init(vertices, faces)
    clearance = np.sqrt(tree.squared_distance(vertices, faces, points)[0])
    room = np.minimum(points - roam_cm[0], roam_cm[1] - points).min(1)
    points = points[np.minimum(clearance, room) >= CLEARANCE_CM]
    if not len(points):
        return np.zeros((0, 4)), False
    points, openness, roofed = _outside_solids(points, tracer, normal[triangles].mean(1))
    if not len(points):
        return np.zeros((0, 4)), False
    chosen = _far_apart(points, openness)
    yaw = _longest_view(points[chosen], tracer)
    return np.column_stack([points[chosen], yaw]), bool(roofed[chosen].mean() > 0.5)


def _standing(
    points: np.ndarray, tracer: RayTracer, position_cm: np.ndarray, triangles: np.ndarray
) -> np.ndarray:
    """The points (N,3), those with a floor below set to eye height above it."""
    down = np.tile([0.0, 0.0, -1.0], (len(points), 1))
    depth = tracer.distance(points, down)
    floor = depth < _SKY_CM
    moved = points.copy()
    moved[floor, 2] += EYE_CM - depth[floor]
    # A low ceiling may lie between: then stay.
    up = np.where(floor & (moved[:, 2] > points[:, 2]), moved[:, 2] - points[:, 2], 0.0)
    blocked = tracer.blocked(points, -down, up + CLEARANCE_CM)
    return np.where((floor & ~blocked)[:, None], moved, points)


def _outside_solids(
    points: np.ndarray, tracer: RayTracer, face_normal: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Points that see fronts rather than backs, how far each sees, and whether a roof is above."""
    rays = directions(64)
    origins = np.repeat(points, len(rays), 0)
    towards = np.tile(rays, (len(points), 1))
    hit = tracer.first_hit(origins, towards)
    back = (hit >= 0) & ((face_normal[hit] * towards).sum(1) > 0)
    reach = np.minimum(tracer.distance(origins, towards), 2000.0).reshape(len(points), -1)
    fronts = back.reshape(len(points), -1).mean(1) < 0.4
    roofed = (hit.reshape(len(points), -1)[:, 0] >= 0)[fronts]
    return points[fronts], np.log(reach[fronts] + 1).mean(1), roofed


def _far_apart(points: np.ndarray, openness: np.ndarray) -> np.ndarray:
    """Indices of at most `SPAWNS` open points, far from one another."""
    good = np.flatnonzero(openness >= np.median(openness))
    chosen = [int(good[openness[good].argmax()])]
    gap = np.linalg.norm(points[good] - points[chosen[0]], axis=1)
    while len(chosen) < min(SPAWNS, len(good)) and gap.max() > 2 * CLEARANCE_CM:
        chosen.append(int(good[gap.argmax()]))
        gap = np.minimum(gap, np.linalg.norm(points[good] - points[chosen[-1]], axis=1))
    return np.array(chosen)


def _longest_view(points: np.ndarray, tracer: RayTracer) -> np.ndarray:
    """The yaw (N,) in degrees with the farthest view that still ends on something."""
    yaws = np.arange(0.0, 360.0, 10.0)
    rays = np.array([camera_axes(np.array([-8.0, yaw, 0.0]))[0] for yaw in yaws])
    reach = tracer.distance(np.repeat(points, len(rays), 0), np.tile(rays, (len(points), 1)))
    reach = reach.reshape(len(points), -1)
    reach[reach > _SKY_CM] = 150.0
    around = reach + np.roll(reach, 1, 1) + np.roll(reach, -1, 1)
    return (yaws[around.argmax(1)] + 180.0) % 360.0 - 180.0
