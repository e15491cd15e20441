"""What glossy surfaces reflect: pictures of the surroundings, taken once from a few places.

Each picture is an octahedral map: the sphere of directions folded into a square. A point of the
scene looks into the picture of the nearest place, along the ray from that place to where its own
reflected ray meets the box of free space around the place, so that a window is reflected where it
is. Light is stored as `sqrt(light / BRIGHTEST)` in bytes.

Where nothing gleams but water under the sky, one picture is taken from above the water: a sheet
that looked into several would show where one begins and the other ends, and what stands beside a
place on land would lie over the sea.
"""

from collections.abc import Callable

import moderngl
import numpy as np

from capture.engine.scene import Scene
from capture.engine.visibility import camera_axes

PLACES = 6
_ABOVE_WATER_CM = 400.0  # rocks beside the place then lie below the horizon
_FROM_SHORE_CM = 5000.0  # water farther outside the roam box is not looked at
_OPEN_CM = 6e4  # what is farther is sky
FACE_PIXELS = 128
MAP_PIXELS = 128
BRIGHTEST = 4.0
_EYES_FARTHEST_CM = 1e5
# Pitch, yaw, roll of six cameras whose views fill the sphere.
_FACES_DEG = [(0, 0, 0), (0, 90, 0), (0, 180, 0), (0, -90, 0), (90, 0, 0), (-90, 0, 0)]

# In a fragment shader, after `u_surroundings`: light from a direction, seen from the point
# `v_relative + u_camera_cm`.
SURROUNDINGS = f"""
uniform sampler2DArray u_surroundings;
uniform vec3 u_camera_cm;
uniform vec3 u_places_cm[{3 * PLACES}];  // place, lowest and highest corner of its box
vec3 surroundings(vec3 ray) {{
    int place = int(v_gloss.y + 0.5);
    vec3 from = v_relative + u_camera_cm - u_places_cm[3 * place];
    vec3 low = u_places_cm[3 * place + 1] - u_places_cm[3 * place];
    vec3 high = u_places_cm[3 * place + 2] - u_places_cm[3 * place];
#ifdef OPEN_AIR
    // Water reaches out of the free space around the place: let that reach out as far.
    float far = length(from);
    low = min(low, from - far);
    high = max(high, from + far);
#endif
    vec3 ends = (mix(low, high, greaterThan(ray, vec3(0.0))) - from) / (ray + 1e-5);
    float reach = max(min(min(ends.x, ends.y), ends.z), 0.0);
    vec3 seen = from + ray * reach;
    seen /= abs(seen.x) + abs(seen.y) + abs(seen.z);
    vec2 folded = (1.0 - abs(seen.yx)) * vec2(seen.x < 0.0 ? -1.0 : 1.0, seen.y < 0.0 ? -1.0 : 1.0);
    vec2 at = seen.z < 0.0 ? folded : seen.xy;
    float blur = 3.5 - 3.5 * v_gloss.x;
    vec3 stored = textureLod(u_surroundings, vec3(0.5 + 0.498 * at, place), blur).rgb;
    return {BRIGHTEST} * stored * stored;
}}
"""


def choose_places(spawns: np.ndarray, roam_cm: np.ndarray) -> np.ndarray:
    """At most `PLACES` of the points (N,3) where cameras may start, far from one another."""
    points = np.asarray(spawns, np.float64)[:, :3]
    if not len(points):
        return np.asarray(roam_cm, np.float64).mean(0)[None]
    return _spread(points)


def places_above_water(scene: Scene) -> np.ndarray:
    """At most `PLACES` points (N,3) above water that cameras come near; none where more gleams."""
    geometry = scene.geometry
    if scene.indoor or scene.gloss is None:
        return np.zeros((0, 3))
    glossy = geometry.drawn & (scene.gloss[geometry.layer[geometry.triangles[:, 0]]] > 0)
    vertices = np.unique(geometry.triangles[glossy])
    if (geometry.normal[vertices, 2] < 0.99).any():
        return np.zeros((0, 3))
    points = geometry.position_cm[vertices].astype(np.float64) + [0, 0, _ABOVE_WATER_CM]
    low, high = np.asarray(scene.roam_cm)[:, :2] + [[-_FROM_SHORE_CM], [_FROM_SHORE_CM]]
    points = points[((points[:, :2] > low) & (points[:, :2] < high)).all(1)]
    if not len(points):
        return points
    first = np.linalg.norm(points - points.mean(0), axis=1).argmin()
    return _spread(np.concatenate([points[first][None], points]))


def most_open(places_cm: np.ndarray, take: Callable) -> np.ndarray:
    """The one of the places (N,3) that sees most sky, also above itself, (1,3), or none.

    `take` as for `Surroundings`.
    """
    most, chosen = 0.0, places_cm[:0]
    for place in places_cm:
        *sides, up, _ = (take(place, turn, 16)[1] > _OPEN_CM for turn in _FACES_DEG)
        seen = float(np.mean(sides))
        if up[8, 8] and seen > most:
            most, chosen = seen, place[None]
    return chosen


def _spread(points: np.ndarray) -> np.ndarray:
    """At most `PLACES` of the points (N,3), the first among them, far from one another."""
    chosen = [0]
    gap = np.linalg.norm(points - points[0], axis=1)
    while len(chosen) < PLACES and gap.max() > 100.0:
        chosen.append(int(gap.argmax()))
        gap = np.minimum(gap, np.linalg.norm(points - points[chosen[-1]], axis=1))
    return points[chosen]


def nearest_place(points_cm: np.ndarray, places_cm: np.ndarray) -> np.ndarray:
    """Index (N,) of the place nearest to each point (N,3)."""
    distance = np.stack([((points_cm - place) ** 2).sum(1) for place in places_cm])
    return distance.argmin(0)


class Surroundings:
    """The pictures, in the graphics card's memory."""

    def __init__(self, context: moderngl.Context, places_cm: np.ndarray, take: Callable) -> None:
        """Take the pictures from `places_cm` (N,3).

        `take(location, rotation, pixels)` gives the stored light (H,W,3) uint8, red first, and the
        depth (H,W) in cm of a square view of 90 degrees.
        """
        directions = _octahedral(MAP_PIXELS)
        maps, boxes = [], np.zeros((PLACES, 3, 3), np.float32)
        for number, place in enumerate(places_cm):
            views = [(turn, *take(place, turn, FACE_PIXELS)) for turn in _FACES_DEG]
            maps.append(_unfold(directions, views))
            boxes[number] = _box(place, views)
        self.boxes_cm = boxes.reshape(-1, 3)
        self.texture = context.texture_array(
            (MAP_PIXELS, MAP_PIXELS, len(maps)), 3, np.stack(maps), alignment=1
        )
        self.texture.repeat_x = self.texture.repeat_y = False
        self.texture.build_mipmaps()
        self.texture.filter = (moderngl.LINEAR_MIPMAP_LINEAR, moderngl.LINEAR)


def _octahedral(pixels: int) -> np.ndarray:
    """Unit directions (pixels, pixels, 3) of an octahedral map."""
    at = ((np.arange(pixels) + 0.5) / pixels - 0.5) / 0.498
    x, y = np.meshgrid(at, at)
    z = 1.0 - np.abs(x) - np.abs(y)
    folded = np.where(z < 0, np.stack([1 - np.abs(y), 1 - np.abs(x)]), 0)
    sign_x, sign_y = np.where(x < 0, -1, 1), np.where(y < 0, -1, 1)
    x, y = np.where(z < 0, folded[0] * sign_x, x), np.where(z < 0, folded[1] * sign_y, y)
    ray = np.stack([x, y, z], -1)
    return ray / np.linalg.norm(ray, axis=-1, keepdims=True)


def _unfold(directions: np.ndarray, views: list[tuple]) -> np.ndarray:
    """What the views show in `directions` (H,W,3), (H,W,3) uint8."""
    best = np.full(directions.shape[:2], -np.inf)
    shown = np.zeros(directions.shape, np.uint8)
    for rotation, light, _ in views:
        forward, right, up = np.moveaxis(directions @ camera_axes(np.array(rotation)).T, -1, 0)
        nearer = forward > best
        best = np.where(nearer, forward, best)
        scale = len(light) / 2 / np.where(nearer, np.maximum(forward, 1e-6), 1)
        column = (len(light) / 2 + right * scale).astype(int).clip(0, len(light) - 1)
        row = (len(light) / 2 - up * scale).astype(int).clip(0, len(light) - 1)
        shown[nearer] = light[row[nearer], column[nearer]]
    return shown


def _box(place: np.ndarray, views: list[tuple]) -> np.ndarray:
    """Place, lowest and highest corner (3,3) of the free space around it."""
    middle = slice(FACE_PIXELS // 3, -(FACE_PIXELS // 3))
    reach = [min(float(np.median(depth[middle, middle])), _EYES_FARTHEST_CM) for *_, depth in views]
    front, right, back, left, up, down = reach
    low = place - np.array([back, left, down])
    return np.stack([place, low, place + np.array([front, right, up])])
