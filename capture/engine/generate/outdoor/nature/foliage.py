"""Leaves, grass and far trees: cards that are only drawn, lit by a formula instead of the bake.

Crowns are lit by the renderer's sun with normals that swell around the crown, and by as much of the
sky as their `open_` says. Low plants and far trees are `flat`: their normals lie across the
sunlight, so that the sun's light, which a few rays find once, can be kept with the rest; both sides
of a blade are then equally bright. A crown also leaves a coarse ball with holes that stands for it
where light is baked.
"""

from dataclasses import dataclass

import numpy as np

from capture.engine.generate.kit.bake import sky_radiance
from capture.engine.generate.kit.materials import Material
from capture.engine.generate.kit.mesh import MeshBuilder
from capture.engine.generate.kit.rays import RayTracer
from capture.engine.generate.outdoor.nature.daylight import Daylight

_BOUNCE = 0.16  # of the light that falls on the ground is what comes back up
_FAR_CM = 9000.0  # what is farther casts no shadow in the renderer either


@dataclass(frozen=True)
class Cards:
    """What Foliage collected, as a Mesh has it; V = 4 N for N cards."""

    position_cm: np.ndarray  # (V,3)
    normal: np.ndarray  # (V,3)
    uv: np.ndarray  # (V,2)
    layer: np.ndarray  # (V,)
    object_id: np.ndarray  # (N,)
    open_: np.ndarray  # (V,) share of the sky that is seen
    flat: np.ndarray  # (V,) bool

    @property
    def triangles(self) -> np.ndarray:
        """Two for each card, (2N,3)."""
        cards = len(self.object_id)
        return (np.arange(cards)[:, None, None] * 4 + [[0, 1, 3], [0, 3, 2]]).reshape(-1, 3)


class Foliage:
    """Collects cards in the frame, and for the object, that its MeshBuilder is at."""

    def __init__(self, b: MeshBuilder) -> None:
        self.b = b
        self._parts: list[tuple[np.ndarray, ...]] = []
        self._balls: list[np.ndarray] = []

    def add(
        self,
        corners: np.ndarray,
        normals: np.ndarray,
        material: Material,
        open_: np.ndarray | float,
        flat: bool = False,
        flip: np.ndarray | None = None,
    ) -> None:
        """Add cards: corners and normals (N,4,3) at the texture's (0,0), (1,0), (0,1), (1,1).

        `open_` is a number or (N,4); `flip` (N) bool mirrors the texture of some.
        """
        count = len(corners)
        u0, v0, u1, v1 = material.rect or (0.0, 0.0, 1.0, 1.0)
        uv = np.tile(np.array([[u0, v0], [u1, v0], [u0, v1], [u1, v1]]), (count, 1, 1))
        if flip is not None:
            uv[flip] = uv[flip][:, [1, 0, 3, 2]]
        object_id = self.b.present_object
        self._parts.append(
            (
                self.b.to_world(corners.reshape(-1, 3)),
                self.b.to_world(normals.reshape(-1, 3), True),
                uv.reshape(-1, 2),
                np.full(4 * count, material.layer),
                np.full(count, object_id),
                np.broadcast_to(open_, (count, 4)).reshape(-1).astype(float),
                np.full(4 * count, flat),
            )
        )

    def shade(
        self, middle: np.ndarray, radii: np.ndarray, rng: np.random.Generator, dense: float = 0.7
    ) -> None:
        """A ball about `middle` with half axes `radii` blocks light where light is baked."""
        points = _BALL * radii + middle
        faces = _BALL_FACES[rng.random(len(_BALL_FACES)) < dense]
        self._balls.append(self.b.to_world(points)[faces])

    def cards(self) -> Cards:
        """All cards."""
        return Cards(*map(np.concatenate, zip(*self._parts, strict=True)))

    def shades(self) -> np.ndarray:
        """Triangles (M,3,3) of the balls."""
        return np.concatenate(self._balls) if self._balls else np.zeros((0, 3, 3))


def _ball() -> tuple[np.ndarray, np.ndarray]:
    """An octahedron, split twice: points (N,3) on the unit sphere and faces (M,3)."""
    corners = np.concatenate([np.eye(3), -np.eye(3)])
    faces = [corners[[a, c, e]] for a in (0, 3) for c in (1, 4) for e in (2, 5)]
    for _ in range(2):
        split = []
        for a, c, e in faces:
            ac, ce, ea = a + c, c + e, e + a
            split += [(a, ac, ea), (ac, c, ce), (ea, ce, e), (ac, ce, ea)]
        faces = [np.array([p / np.linalg.norm(p) for p in face]) for face in split]
    points, inverse = np.unique(np.round(np.concatenate(faces), 6), axis=0, return_inverse=True)
    return points, inverse.reshape(-1, 3)


_BALL, _BALL_FACES = _ball()


def light_cards(
    cards: Cards, tracer: RayTracer, daylight: Daylight
) -> tuple[np.ndarray, np.ndarray]:
    """Irradiance (V,3) and normals (V,3) as drawn; `tracer` holds what blocks light."""
    to_sun = np.asarray(daylight.sun.direction)
    sun = np.asarray(daylight.sun.colour)
    full = _level_sky_light(daylight)
    up = cards.normal[:, 2:3]
    ground = _BOUNCE * (full + sun * to_sun[2])
    light = (0.5 + 0.5 * up) * full + (0.5 - 0.5 * up) * ground
    light *= cards.open_[:, None]
    normal = cards.normal.copy()
    chosen = np.flatnonzero(cards.flat.reshape(-1, 4)[:, 0])
    index = (chosen[:, None] * 4 + np.arange(4)).ravel()
    seen, lit = _probe(cards.position_cm.reshape(-1, 4, 3)[chosen], tracer, to_sun)
    level = full * seen[:, None] + ground * 0.6
    direct = sun * (lit * 0.6)[:, None] * max(0.35, float(to_sun[2]) ** 0.5)
    light[index] = np.repeat(level + direct, 4, 0) * cards.open_[index, None]
    across = normal[index] - (normal[index] @ to_sun)[:, None] * to_sun
    length = np.linalg.norm(across, axis=1, keepdims=True)
    spare = np.cross(to_sun, [0.3, 0.5, 0.8])
    normal[index] = np.where(length > 0.05, across / np.maximum(length, 0.05), spare)
    normal /= np.linalg.norm(normal, axis=1, keepdims=True)
    return np.maximum(light, 0.01).astype(np.float32), normal.astype(np.float32)


def _level_sky_light(daylight: Daylight) -> np.ndarray:
    """The whole sky's light on level ground, (3,)."""
    height = np.sqrt((np.arange(64) + 0.5) / 64)  # spread by the cosine
    return sky_radiance(daylight.ambient, height).mean(0) * daylight.sky_gain


def _probe(
    corners: np.ndarray, tracer: RayTracer, to_sun: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """For cards (N,4,3) the shares of the sky and of the sun that reach them, each (N,)."""
    count, rays = len(corners), 10
    start = corners.mean(1) + [0, 0, 12.0]
    rng = np.random.default_rng(5)
    index = np.arange(rays) + 0.5
    radius = np.sqrt(index / rays)
    angle = index * 2.39996 + rng.uniform(0, 6.28, (count, 1))
    wide = np.stack([radius * np.cos(angle), radius * np.sin(angle)], -1)
    high = np.sqrt(1 - radius**2)
    sky = np.concatenate([wide, np.broadcast_to(high[None, :, None], (count, rays, 1))], -1)
    suns = to_sun + rng.normal(0, 0.03, (count, 4, 3))
    suns /= np.linalg.norm(suns, axis=-1, keepdims=True)
    shares = []
    for directions in (sky, suns):
        number = directions.shape[1]
        far = np.full(count * number, _FAR_CM)
        blocked = tracer.blocked(np.repeat(start, number, 0), directions.reshape(-1, 3), far)
        shares.append(1 - blocked.reshape(count, number).mean(1))
    return shares[0], shares[1]
