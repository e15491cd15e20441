"""Turns what a generator built into a Scene: bakes its light and collects the arrays."""

import numpy as np

from capture.engine.generate.kit.bake import Lamp, Quality, bake
from capture.engine.generate.kit.exposure import metered_ev
from capture.engine.generate.kit.mesh import MeshBuilder
from capture.engine.generate.kit.spawns import settle_spawns
from capture.engine.scene import Geometry, Scene, Sky, Sun


def finish_scene(
    *,
    name: str,
    caption: str,
    indoor: bool,
    builder: MeshBuilder,
    textures: np.ndarray,
    lamps: list[Lamp],
    sun: Sun | None,
    sky: Sky,
    quality: Quality,
    exposure_ev: float | None = None,
    brightness: float = 1.0,
    spawns: np.ndarray,
    roam_cm: np.ndarray,
    fog: tuple[float, float, float, float] | None = None,
) -> Scene:
    """The finished scene; units as in scene.Scene. `spawns` are wishes: see settle_spawns.

    Without an `exposure_ev` the views from the spawns are metered; `brightness` says how bright
    they shall be, 1 being ordinary daylight and less for dusk and night.
    """
    mesh = builder.build()
    roam_cm = roam_cm.astype(np.float64)
    clearance_cm, view_cm = (32.0, 180.0) if indoor else (50.0, 450.0)
    irradiance = bake(mesh, textures, sky, sun, lamps, quality)
    places = settle_spawns(mesh, spawns.astype(np.float64), clearance_cm, view_cm, roam_cm)
    if exposure_ev is None:
        exposure_ev = metered_ev(mesh, textures, irradiance, sun, sky, places, brightness)
    geometry = Geometry(
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
    )
    return Scene(
        name=name,
        asset=name,
        licence="Apache-2.0",
        caption=caption,
        indoor=indoor,
        geometry=geometry,
        textures=textures,
        lightmaps=None,
        objects=tuple(builder.objects),
        sun=sun,
        sky=sky,
        exposure_ev=exposure_ev,
        fog=fog,
        spawns=places,
        roam_cm=roam_cm,
    )
