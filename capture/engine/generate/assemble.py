"""Turns what a generator built into a Scene: bakes its light and collects the arrays."""

import numpy as np

from capture.engine.generate.bake import Lamp, Quality, bake
from capture.engine.generate.mesh import MeshBuilder
from capture.engine.scene import Geometry, Scene, Sky, Sun


def finish_scene(
    *, name: str, caption: str, indoor: bool, builder: MeshBuilder, textures: np.ndarray, lamps: list[Lamp],
    sun: Sun, sky: Sky, quality: Quality, exposure_ev: float, spawns: np.ndarray, roam_cm: np.ndarray,
    fog: tuple[float, float, float, float] | None = None,
) -> Scene:  # fmt: skip
    """The finished scene; units as in scene.Scene."""
    mesh = builder.build()
    count = len(mesh.position_cm)
    geometry = Geometry(
        position_cm=mesh.position_cm, normal=mesh.normal, uv=mesh.uv, layer=mesh.layer,
        irradiance=bake(mesh, textures, sky, sun, lamps, quality), emission=mesh.emission,
        lightmap_uvl=np.full((count, 3), -1, np.float32), triangles=mesh.triangles,
        object_id=mesh.object_id, drawn=mesh.drawn, collides=mesh.collides,
    )  # fmt: skip
    return Scene(
        name=name, asset=name, licence="Apache-2.0", caption=caption, indoor=indoor, geometry=geometry,
        textures=textures, lightmaps=None, objects=tuple(builder.objects), sun=sun, sky=sky,
        exposure_ev=exposure_ev, fog=fog, spawns=spawns.astype(np.float64), roam_cm=roam_cm.astype(np.float64),
    )  # fmt: skip
