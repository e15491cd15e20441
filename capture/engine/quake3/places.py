"""Where things are in a Quake 3 level, in Unreal's terms: axes, spawn points, bounds, a caption."""

import re

import numpy as np

from capture.engine.quake3.bsp import BspMap
from capture.engine.quake3.surface import entity_origin
from dataset.errors import OpenRelicError

CM_PER_UNIT = 3.0
EYE_UNITS = 50.0  # above the floor: a player's origin is 24 units above it, the eyes 26 more
_ORIGIN_UNITS = 24.0
_DROP_CM = 900.0

_SPAWN_CLASSES = (
    "info_player_deathmatch",
    "info_player_start",
    "team_ctf_redspawn",
    "team_ctf_bluespawn",
    "team_ctf_redplayer",
    "team_ctf_blueplayer",
)
_PICKUP_PREFIXES = ("item_", "weapon_", "ammo_", "holdable_", "team_ctf_")
_SKY_HEADROOM_CM = np.array([0.0, 0.0, 300.0])
_ROAM_DOWN_CM = np.array([1500.0, 1500.0, 600.0])
_ROAM_UP_CM = np.array([1500.0, 1500.0, 1200.0])

# What a material's path says about what it is made of.
_SUBSTANCES = {
    r"gothic|block|castle": "gothic stone",
    r"brick": "brick",
    r"wood": "wood",
    r"terrain|rock|stone|cliff|mud|dirt|sand|ground": "rock",
    r"grass|organics|palm": "vegetation",
    r"ice|snow": "ice",
    r"crete|concr|proto|tile|marble": "concrete",
    r"metal|mtl|met\d|base_|e8|evil|steel|rust|tech|iron|trak|dsi|suction": "industrial metal",
    r"lava": "lava",
    r"water|slime": "water",
}


def to_ue(vectors: np.ndarray) -> np.ndarray:
    """Mirror Y (..., 3): a level's axes are X forward, Y left, Z up, Unreal's have Y right."""
    return vectors * np.array([1, -1, 1], vectors.dtype)


class VerticalLines:
    """Where vertical lines meet triangles."""

    def __init__(self, corners_cm: np.ndarray) -> None:
        """Take triangles (F,3,3)."""
        self._corners = corners_cm
        a, b, c = (corners_cm[:, corner, :2] for corner in range(3))
        self._low = np.ascontiguousarray(np.minimum(np.minimum(a, b), c).T)
        self._high = np.ascontiguousarray(np.maximum(np.maximum(a, b), c).T)

    def at(self, x: float, y: float) -> tuple[np.ndarray, np.ndarray]:
        """Indices of the triangles that the line at x, y meets, and the heights, float64."""
        (low_x, low_y), (high_x, high_y) = self._low, self._high
        near = np.flatnonzero((low_x <= x) & (low_y <= y) & (high_x >= x) & (high_y >= y))
        a, b, c = np.moveaxis(self._corners[near].astype(np.float64), 1, 0)
        u, v, w = b - a, c - a, np.array([x, y]) - a[:, :2]
        area = u[:, 0] * v[:, 1] - u[:, 1] * v[:, 0]
        upright = np.abs(area) < 1e-6
        area[upright] = 1.0
        s = (w[:, 0] * v[:, 1] - w[:, 1] * v[:, 0]) / area
        t = (u[:, 0] * w[:, 1] - u[:, 1] * w[:, 0]) / area
        met = ~upright & (s >= -1e-6) & (t >= -1e-6) & (s + t <= 1 + 1e-6)
        return near[met], (a[:, 2] + s * u[:, 2] + t * v[:, 2])[met]


def spawn_points(bsp: BspMap, solid: VerticalLines) -> np.ndarray:
    """Start points (N,4) float64: x, y, z in cm at eye height, Unreal's yaw in degrees.

    A player drops to the `solid` triangle below; points above nothing do not count where there are
    others.
    """
    entities = [e for e in bsp.entities if e.get("classname", "").lower() in _SPAWN_CLASSES]
    entities = entities or [e for e in bsp.entities if _is_goal(e)]
    if not entities:
        raise OpenRelicError("the level has no start points; choose another")
    spawns, lands = [], []
    for entity in entities:
        x, y, z = to_ue(entity_origin(entity).astype(np.float64)) * CM_PER_UNIT
        heights = solid.at(x, y)[1]
        floors = heights[(heights <= z) & (heights >= z - _DROP_CM)]
        floor = floors.max() if len(floors) else z - _ORIGIN_UNITS * CM_PER_UNIT
        spawns.append([x, y, floor + EYE_UNITS * CM_PER_UNIT, _yaw(entity)])
        lands.append(len(floors) > 0)
    found = np.array(spawns, np.float64)
    return found[np.array(lands)] if any(lands) else found


def is_indoor(points_cm: np.ndarray, solid: VerticalLines, sky: np.ndarray) -> bool:
    """Whether most of `points_cm` (N,3) have a `solid` triangle above that is no `sky` (F,)."""
    roofed = 0
    for x, y, z in points_cm.tolist():
        index, height = solid.at(x, y)
        index, height = index[height > z], height[height > z]
        roofed += bool(len(index)) and not sky[index[height.argmin()]]
    return 2 * roofed > len(points_cm)


def _yaw(entity: dict[str, str]) -> float:
    """Unreal's yaw grows to the right, a level's to the left."""
    angles = entity.get("angles", "").split()
    text = angles[1] if len(angles) == 3 else entity.get("angle", "0")
    try:
        yaw = -float(text)
    except ValueError:
        return 0.0
    return (yaw + 180.0) % 360.0 - 180.0


def roam_box(bsp: BspMap, drawn_cm: np.ndarray, spawns: np.ndarray) -> np.ndarray:
    """The box (2,3) float64 around all that players go for, within the drawn triangles (F,3,3).

    Levels draw far more than can be reached: landscapes, painted skies, a moon.
    """
    goals = [entity_origin(e) for e in bsp.entities if _is_goal(e)]
    goals_cm = to_ue(np.array(goals, np.float64).reshape(-1, 3)) * CM_PER_UNIT
    places = np.concatenate([spawns[:, :3], goals_cm])
    drawn = drawn_cm.reshape(-1, 3).astype(np.float64)
    low = np.maximum(places.min(0) - _ROAM_DOWN_CM, drawn.min(0))
    high = np.minimum(places.max(0) + _ROAM_UP_CM, drawn.max(0) + _SKY_HEADROOM_CM)
    return np.stack([np.minimum(low, spawns[:, :3].min(0) - 50), high])


def _is_goal(entity: dict[str, str]) -> bool:
    name = entity.get("classname", "").lower()
    return "origin" in entity and name.startswith(_PICKUP_PREFIXES)


def describe(names: list[str], area: np.ndarray, indoor: bool) -> str:
    """A caption from material names and the area (T,) that each covers."""
    covered: dict[str, float] = {}
    for name, share in zip(names, area.tolist(), strict=True):
        short = "/".join(name.split("/")[-2:])
        found = next((what for how, what in _SUBSTANCES.items() if re.search(how, short)), None)
        if found and share > 0:
            covered[found] = covered.get(found, 0.0) + share
    ranked = sorted(covered, key=lambda what: -covered[what])
    main = [what for what in ranked if covered[what] > 0.1 * sum(covered.values())][:3]
    of = f" of {' and '.join(main)}" if main else ""
    halls = "An indoor arena of halls and corridors" if indoor else "An open-air arena"
    return f"{halls}{' built' if of else ''}{of}, without people."
