"""Turns an outdoor scene into a Scene: bakes what is solid, lights the leaves, meters the view."""

from dataclasses import dataclass, replace

import numpy as np

from capture.engine.generate.kit.assemble import make_geometry
from capture.engine.generate.kit.bake import Lamp, Quality, bake
from capture.engine.generate.kit.exposure import metered_ev
from capture.engine.generate.kit.materials import Materials
from capture.engine.generate.kit.mesh import Mesh, MeshBuilder
from capture.engine.generate.kit.rays import RayTracer
from capture.engine.generate.kit.spawns import settle_spawns
from capture.engine.generate.outdoor.nature.daylight import Daylight
from capture.engine.generate.outdoor.nature.foliage import Cards, Foliage, light_cards
from capture.engine.scene import Scene

EYE_CM = 160.0
_CLEARANCE_CM, _VIEW_CM = 60.0, 700.0
_NEAR_CM = 4000.0  # farther away nothing matters to a spawn, or shades a blade of grass


@dataclass(frozen=True, kw_only=True)
class Outdoors:
    """What an archetype built."""

    name: str
    caption: str
    b: MeshBuilder
    foliage: Foliage
    m: Materials
    daylight: Daylight
    spawns: np.ndarray  # (N,4) wishes
    roam_cm: np.ndarray
    lamps: tuple[Lamp, ...] = ()
    quality: Quality = Quality(rays=22, detail_rays=8)


def finish_outdoors(made: Outdoors) -> Scene:
    """The finished scene."""
    solid, cards = made.b.build(), made.foliage.cards()
    textures, light = made.m.textures(), made.daylight
    shaded = _with_shades(solid, made.foliage.shades(), int(cards.layer[0]))
    quality = replace(made.quality, sky_gain=light.sky_gain)
    baked = bake(shaded, textures, light.ambient, light.sun, list(made.lamps), quality)
    near = _near(shaded, made.roam_cm)
    blocking = shaded.position_cm[near.triangles[near.occludes]]
    card_light, card_normal = light_cards(cards, RayTracer(blocking), light)
    mesh = _with_cards(solid, cards, card_normal)
    irradiance = np.concatenate([baked[: len(solid.position_cm)], card_light])
    roam_cm = made.roam_cm.astype(np.float64)
    near = _near(mesh, roam_cm)
    spawns = settle_spawns(near, made.spawns.astype(float), _CLEARANCE_CM, _VIEW_CM, roam_cm)
    exposure = metered_ev(
        near, textures, irradiance, light.sun, light.sky, spawns, light.brightness
    )
    return Scene(
        name=made.name,
        asset=made.name,
        licence="Apache-2.0",
        caption=made.caption,
        indoor=False,
        geometry=make_geometry(mesh, irradiance),
        textures=textures,
        lightmaps=None,
        objects=tuple(made.b.objects),
        sun=light.sun,
        sky=light.sky,
        exposure_ev=exposure,
        fog=light.fog,
        gloss=made.m.gloss(),
        spawns=spawns,
        roam_cm=roam_cm,
    )


def _near(mesh: Mesh, roam_cm: np.ndarray) -> Mesh:
    """The mesh with those triangles only that have a corner near the roam box."""
    place = mesh.position_cm[:, :2]
    beyond = np.maximum(roam_cm[0, :2] - place, place - roam_cm[1, :2])
    inside = beyond.max(1) < _NEAR_CM
    kept = inside[mesh.triangles].any(1)
    return replace(
        mesh,
        triangles=mesh.triangles[kept],
        object_id=mesh.object_id[kept],
        drawn=mesh.drawn[kept],
        collides=mesh.collides[kept],
        occludes=mesh.occludes[kept],
    )


def _with_shades(solid: Mesh, shades: np.ndarray, layer: int) -> Mesh:
    """The mesh and, behind its vertices, what stands for the crowns in the bake."""
    points = shades.reshape(-1, 3)
    normal = np.cross(shades[:, 1] - shades[:, 0], shades[:, 2] - shades[:, 0])
    normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-9)
    faces = np.arange(len(points)).reshape(-1, 3)
    return _joined(solid, points, np.repeat(normal, 3, 0), np.zeros((len(points), 2)),
                   np.full(len(points), layer), faces, np.ones(len(faces)), True)  # fmt: skip


def _with_cards(solid: Mesh, cards: Cards, normal: np.ndarray) -> Mesh:
    return _joined(solid, cards.position_cm, normal, cards.uv, cards.layer, cards.triangles,
                   np.repeat(cards.object_id, 2), False)  # fmt: skip


def _joined(mesh: Mesh, points, normals, uv, layer, faces, object_id, occludes: bool) -> Mesh:
    """A mesh with more that is drawn and does not collide."""

    def both(first: np.ndarray, second: np.ndarray) -> np.ndarray:
        return np.concatenate([first, second.astype(first.dtype)])

    count = len(faces)
    return Mesh(
        position_cm=both(mesh.position_cm, points),
        normal=both(mesh.normal, normals),
        uv=both(mesh.uv, uv),
        layer=both(mesh.layer, layer),
        emission=both(mesh.emission, np.zeros(len(points))),
        triangles=both(mesh.triangles, faces + len(mesh.position_cm)),
        object_id=both(mesh.object_id, object_id),
        drawn=both(mesh.drawn, np.ones(count)),
        collides=both(mesh.collides, np.zeros(count)),
        occludes=both(mesh.occludes, np.full(count, occludes)),
    )
