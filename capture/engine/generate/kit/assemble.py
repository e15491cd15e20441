"""Turns what a generator built into a Scene: bakes its light and collects the arrays."""

from dataclasses import replace

import numpy as np

from capture.engine.generate.kit.bake import Lamp, Quality, bake
from capture.engine.generate.kit.exposure import metered_ev
from capture.engine.generate.kit.mesh import Mesh, MeshBuilder
from capture.engine.generate.kit.spawns import settle_spawns
from capture.engine.scene import Geometry, Scene, Sky, Sun

_CLEARANCE_CM, _VIEW_CM = 32.0, 180.0  # around a start point, and before it


def make_geometry(mesh: Mesh, irradiance: np.ndarray, tint: np.ndarray | None = None) -> Geometry:
    """The geometry of a mesh under baked light (V,3), without light maps."""
    return Geometry(
        position_cm=mesh.position_cm,
        normal=mesh.normal,
        uv=mesh.uv,
        layer=mesh.layer,
        irradiance=irradiance,
        emission=mesh.emission,
        lightmap_uvl=np.full((len(mesh.position_cm), 3), -1, np.float32),
        triangles=mesh.triangles,
        object_id=mesh.object_id,
        drawn=mesh.drawn,
        collides=mesh.collides,
        tint=tint,
    )


def finish_scene(
    *,
    name: str,
    caption: str,
    builder: MeshBuilder,
    textures: np.ndarray,
    lamps: list[Lamp],
    sun: Sun | None,
    sky: Sky,
    quality: Quality,
    brightness: float = 1.0,
    spawns: np.ndarray,
    roam_cm: np.ndarray,
) -> Scene:
    """The finished indoor scene; units as in scene.Scene. `spawns` are wishes: see settle_spawns.

    The views from the spawns are metered; `brightness` says how bright they shall be, 1 being
    ordinary daylight and less for dusk and night.
    """
    mesh, textures = _without_unused(builder.build(), textures)
    roam_cm = roam_cm.astype(np.float64)
    irradiance = bake(mesh, textures, sky, sun, lamps, quality)
    places = settle_spawns(mesh, spawns.astype(np.float64), _CLEARANCE_CM, _VIEW_CM, roam_cm)
    exposure_ev = metered_ev(mesh, textures, irradiance, sun, sky, places, brightness)
    return Scene(
        name=name,
        asset=name,
        licence="Apache-2.0",
        caption=caption,
        indoor=True,
        geometry=make_geometry(mesh, irradiance),
        textures=textures,
        lightmaps=None,
        objects=tuple(builder.objects),
        sun=sun,
        sky=sky,
        exposure_ev=exposure_ev,
        spawns=places,
        roam_cm=roam_cm,
    )


def _without_unused(mesh: Mesh, textures: np.ndarray) -> tuple[Mesh, np.ndarray]:
    """Without the textures of things that this seed did not place."""
    used, layer = np.unique(mesh.layer, return_inverse=True)
    return replace(mesh, layer=layer.astype(mesh.layer.dtype)), textures[used]
