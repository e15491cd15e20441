"""Turns what a generator built into a Scene: bakes its light and collects the arrays."""

import numpy as np

from capture.engine.generate.kit.bake import Lamp, Quality, bake
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
    sun: Sun,
    sky: Sky,
    quality: Quality,
    exposure_ev: float,
    spawns: np.ndarray,
    roam_cm: np.ndarray,
) -> Scene:
    """The finished scene; units as in scene.Scene. `spawns` are wishes: see settle_spawns."""
    mesh = builder.build()
    roam_cm = roam_cm.astype(np.float64)
    clearance_cm, view_cm = (32.0, 180.0) if indoor else (50.0, 450.0)
    geometry = Geometry(
        position_cm=mesh.position_cm,
        normal=mesh.normal,
        uv=mesh.uv,
        layer=mesh.layer,
        irradiance=bake(mesh, textures, sky, sun, lamps, quality),
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
        spawns=settle_spawns(mesh, spawns.astype(np.float64), clearance_cm, view_cm, roam_cm),
        roam_cm=roam_cm,
    )
