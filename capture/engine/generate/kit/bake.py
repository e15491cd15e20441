"""Baked light: for each vertex the light that reaches it, without the sun's direct part.

Every vertex sends out rays over its hemisphere, spread by the cosine, once. A ray that leaves the
scene brings the sky's light; one that hits a triangle brings what that triangle sends back, and
because the hits are kept, further bounces of light cost no further rays. Light is in the unit of
scene.py: a white surface under irradiance 1 is as bright as 1.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from capture.engine.generate.kit.mesh import Mesh
from capture.engine.generate.kit.rays import RayTracer
from capture.engine.scene import Sky, Sun

_CHUNK = 1 << 14  # vertices traced at once: bounds memory
_LIFT_CM = 0.6  # ray origins start this far off the surface
_BOUNCES = 3
_DETAIL_CM2 = 16000.0  # twice the area
_FAR = np.float32(1e30)


@dataclass(frozen=True)
class Lamp:
    """A small light. `power` is the light it gives a facing surface 100 cm away (linear RGB).

    One with an `aim` shines that way only, with cos**focus of the angle: 1 is a panel, 20 a spot.
    """

    position_cm: tuple[float, float, float]
    power: tuple[float, float, float]
    reach_cm: float = 700.0
    aim: tuple[float, float, float] | None = None  # unit vector
    focus: float = 1.0
    size_cm: float = 8.0  # half the width of the light: the larger the softer its shadows


@dataclass(frozen=True)
class Quality:
    """How much work to spend."""

    rays: int = 48  # a vertex
    detail_rays: int = 12  # a vertex of a small face of its own: a box's, a leaf's
    smoothing: int = 2  # passes over neighbouring vertices
    sky_gain: float = 1.0  # brightens the sky's light, for rooms with small windows


def bake(
    mesh: Mesh, textures: np.ndarray, sky: Sky, sun: Sun | None, lamps: list[Lamp], quality: Quality
) -> np.ndarray:
    """Irradiance (V,3) float32 of all vertices."""
    tracer = _Tracer(mesh)
    unique, first, inverse = _weld(mesh)
    origins, normals = tracer.origins[first], mesh.normal[first]
    direct = _lamp_light(tracer, origins, normals, lamps)
    sunlit = direct if sun is None else direct + _sun_light(tracer, origins, normals, sun)
    detail = _is_detail(mesh)[first]
    gathered = [
        _gather_rays(tracer, origins, normals, sky, quality.sky_gain, rays, np.flatnonzero(which))
        for rays, which in ((quality.rays, ~detail), (quality.detail_rays, detail))
        if which.any()
    ]
    sky_light, buried = np.zeros_like(direct), np.zeros(unique, bool)
    for part in gathered:
        sky_light[part.vertices], buried[part.vertices] = part.sky_light, part.buried
    albedo = triangle_albedo(mesh, textures)
    glow = albedo * mesh.emission[mesh.triangles[:, 0], None]
    corners = inverse[mesh.triangles]
    light = direct + sky_light
    for _ in range(_BOUNCES):
        incoming = light + (sunlit - direct)
        sent = albedo * incoming[corners].mean(1) + glow
        light = direct + sky_light
        for part in gathered:
            light[part.vertices] += _collect(sent.astype(np.float32), part.hits)
    light = _smooth(light, corners, buried, quality.smoothing)
    return np.maximum(light[inverse], 0.004).astype(np.float32)


class _Tracer:
    """Embree over the triangles that block light."""

    def __init__(self, mesh: Mesh) -> None:
        self.faces = np.flatnonzero(mesh.occludes & mesh.drawn).astype(np.int32)
        corners = mesh.position_cm[mesh.triangles]
        self._rays = RayTracer(corners[self.faces])
        self.blocked = self._rays.blocked
        normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
        self.face_normal = normal / np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-9)
        self.origins = mesh.position_cm + mesh.normal * _LIFT_CM + _inward(mesh, corners)

    def hit(self, origins: np.ndarray, directions: np.ndarray) -> np.ndarray:
        """Index of the first triangle hit, -1 for none."""
        found = self._rays.first_hit(origins, directions)
        return np.where(found < 0, -1, self.faces[found])


def _inward(mesh: Mesh, corners: np.ndarray) -> np.ndarray:
    """A step from each vertex into its own surface, so that rays from a room's corner do not start
    in the wall next to it."""
    middle = np.repeat(corners.mean(1), 3, 0)
    index = mesh.triangles.ravel()
    count = np.maximum(np.bincount(index, minlength=len(mesh.position_cm)), 1)[:, None]
    total = np.stack([np.bincount(index, middle[:, k], len(count)) for k in range(3)], 1)
    step = (total / count - mesh.position_cm) * 0.15
    length = np.linalg.norm(step, axis=1, keepdims=True)
    return (step * np.minimum(1, 3.0 / np.maximum(length, 1e-6))).astype(np.float32)


def _weld(mesh: Mesh) -> tuple[int, np.ndarray, np.ndarray]:
    """Vertices with one place and normal get one light: their number, first index and numbers."""
    place = np.rint(mesh.position_cm * 8).astype(np.int64)
    normal = np.rint(mesh.normal * 16).astype(np.int64)
    key = np.zeros(len(place), np.int64)
    for column in (*place.T, *normal.T):
        key = key * 1_000_003 + column
    _, first, inverse = np.unique(key, return_index=True, return_inverse=True)
    return len(first), first, inverse


@dataclass(frozen=True)
class _Gathered:
    """What the rays of some vertices found."""

    vertices: np.ndarray  # (N,)
    hits: np.ndarray  # (N,rays) triangles, -1 for the sky
    sky_light: np.ndarray  # (N,3)
    buried: np.ndarray  # (N,) bool: inside something solid


def _is_detail(mesh: Mesh) -> np.ndarray:
    """Vertices (V,) of small faces that no larger surface continues: few rays do for them."""
    corners = mesh.position_cm[mesh.triangles]
    area = np.linalg.norm(
        np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1
    )
    index, count = mesh.triangles.ravel(), len(mesh.position_cm)
    total = np.bincount(index, np.repeat(area, 3), count)
    return (np.bincount(index, minlength=count) <= 2) & (total < _DETAIL_CM2)


def _gather_rays(
    tracer: _Tracer,
    origins: np.ndarray,
    normals: np.ndarray,
    sky: Sky,
    sky_gain: float,
    rays: int,
    vertices: np.ndarray,
) -> _Gathered:
    """Send out `rays` rays from each of `vertices`."""
    rng = np.random.default_rng(7)
    hits, light, buried = [], [], []
    for start in range(0, len(vertices), _CHUNK):
        part = vertices[start : start + _CHUNK]
        directions = _hemisphere(normals[part], rays, rng)
        found = tracer.hit(np.repeat(origins[part], rays, 0), directions.reshape(-1, 3))
        hits.append(found.reshape(-1, rays))
        brightness = sky_radiance(sky, directions[..., 2]) * (hits[-1] < 0)[..., None]
        light.append(brightness.mean(1) * sky_gain)
        few = hits[-1][:, ::3]
        facing = np.einsum("nri,nri->nr", directions[:, ::3], tracer.face_normal[few])
        buried.append(((facing > 0) & (few >= 0)).mean(1) > 0.5)
    return _Gathered(vertices, np.concatenate(hits), np.concatenate(light), np.concatenate(buried))


def _hemisphere(normals: np.ndarray, rays: int, rng: np.random.Generator) -> np.ndarray:
    """Unit directions (N,rays,3) spread by the cosine: a spiral turned at random a vertex."""
    index = np.arange(rays) + 0.5
    radius = np.sqrt(index / rays).astype(np.float32)
    turn = rng.uniform(0, 2 * np.pi, (len(normals), 1)).astype(np.float32)
    angle = (index * np.pi * (3 - 5**0.5)).astype(np.float32) + turn
    x, y = (radius * np.cos(angle))[..., None], (radius * np.sin(angle))[..., None]
    z = np.sqrt(1 - radius**2)[None, :, None]
    other = np.where(np.abs(normals[:, 2:]) < 0.9, _vector([0, 0, 1]), _vector([1, 0, 0]))
    tangent = np.cross(other, normals)
    tangent /= np.linalg.norm(tangent, axis=1, keepdims=True)
    bitangent = np.cross(normals, tangent)
    return x * tangent[:, None] + y * bitangent[:, None] + z * normals[:, None]


def _vector(values: Sequence[float]) -> np.ndarray:
    return np.asarray(values, np.float32)


def sky_radiance(sky: Sky, up: np.ndarray) -> np.ndarray:
    """The sky's light from directions with the given upward part, in its shape + (3,)."""
    horizon, zenith = _vector(sky.horizon), _vector(sky.zenith)
    height = np.sqrt(np.clip(up, 0, 1))[..., None]
    clear = horizon + (zenith - horizon) * height
    cloudy = clear + (_vector([0.8, 0.8, 0.8]) - clear) * np.float32(sky.cloud_cover * 0.5)
    return np.where(up[..., None] < 0, _vector(sky.ground), cloudy).astype(np.float32)


def _lamp_light(
    tracer: _Tracer, origins: np.ndarray, normals: np.ndarray, lamps: list[Lamp]
) -> np.ndarray:
    """Direct light of the lamps, (N,3), with soft edges from four points in each lamp."""
    light = np.zeros_like(origins)
    spread = np.array([[1, 0, 0.5], [-1, 0.4, -0.5], [0, -1, 0.5], [0, 0.6, -0.5]])
    for lamp in lamps:
        for offset in spread:
            point = np.asarray(lamp.position_cm) + offset * lamp.size_cm
            light += _point_light(tracer, origins, normals, lamp, point)
    return light / len(spread)


def _point_light(
    tracer: _Tracer, origins: np.ndarray, normals: np.ndarray, lamp: Lamp, point: np.ndarray
) -> np.ndarray:
    """Light (N,3) of one point of a lamp."""
    light = np.zeros_like(origins)
    near = np.flatnonzero((np.abs(point - origins) < lamp.reach_cm).all(1))
    away = point - origins[near]
    distance = np.linalg.norm(away, axis=1)
    away /= np.maximum(distance, 1e-6)[:, None]
    strength = (away * normals[near]).sum(1)
    strength *= np.clip(1 - (distance / lamp.reach_cm) ** 4, 0, 1)
    if lamp.aim is not None:
        strength *= np.maximum(-(away @ np.asarray(lamp.aim)), 0) ** lamp.focus
    strength /= (np.maximum(distance, 55) / 100) ** 2
    seen = np.flatnonzero(strength > 1e-4)
    seen = seen[~tracer.blocked(origins[near[seen]], away[seen], distance[seen])]
    light[near[seen]] = strength[seen, None] * np.asarray(lamp.power)
    return light


def _sun_light(tracer: _Tracer, origins: np.ndarray, normals: np.ndarray, sun: Sun) -> np.ndarray:
    """Direct sunlight (N,3): only for what it bounces, the renderer adds the sun itself."""
    direction = _vector(sun.direction)
    light = np.zeros_like(origins)
    facing = np.flatnonzero(normals @ direction > 0)
    toward = np.broadcast_to(direction, (len(facing), 3))
    lit = facing[~tracer.blocked(origins[facing], toward, np.full(len(facing), _FAR))]
    light[lit] = (normals[lit] @ direction)[:, None] * _vector(sun.colour)
    return light


def triangle_albedo(
    mesh: Mesh, textures: np.ndarray, faces: np.ndarray | None = None
) -> np.ndarray:
    """Linear mean colour of the (chosen) triangles (F,3), from a coarse copy of their textures."""
    cells = 16
    step = textures.shape[1] // cells
    linear = (np.arange(256) / 255.0) ** 2.2
    coarse = textures[:, step // 4 :: step // 2, step // 4 :: step // 2, :3]
    coarse = linear[coarse].reshape(len(textures), cells, 2, cells, 2, 3).mean((2, 4))
    triangles = mesh.triangles if faces is None else mesh.triangles[faces]
    layer = mesh.layer[triangles[:, 0]]
    repeats = mesh.uv[triangles].mean(1)
    column, row = np.floor(repeats % 1 * cells).astype(int).T.clip(0, cells - 1)
    return coarse[layer, row, column].astype(np.float32)


def _collect(sent: np.ndarray, hits: np.ndarray) -> np.ndarray:
    """Mean light that the hit triangles send back, (N,3); a miss (-1) brings none."""
    padded = np.concatenate([sent, np.zeros((1, 3), np.float32)])
    parts = [padded[hits[i : i + _CHUNK]].mean(1) for i in range(0, len(hits), _CHUNK)]
    return np.concatenate(parts)


def _smooth(light: np.ndarray, corners: np.ndarray, buried: np.ndarray, passes: int) -> np.ndarray:
    """Average over mesh neighbours; vertices inside solids take all from the visible ones."""
    a, c = corners[:, [0, 1, 2]].ravel(), corners[:, [1, 2, 0]].ravel()
    source, target = np.concatenate([a, c]), np.concatenate([c, a])
    weight = np.where(buried, 1e-4, 1.0)
    for _ in range(passes):
        own = weight * 2
        total = own + np.bincount(target, weight[source], len(light))
        summed = [
            np.bincount(target, (weight * light[:, k])[source], len(light)) + own * light[:, k]
            for k in range(3)
        ]
        light = np.stack(summed, 1) / total[:, None]
        weight = np.minimum(1.0, total / 2)
    return light
