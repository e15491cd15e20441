"""Changes to a scene's objects, as pure functions: nothing that is passed in is written to.

An object is the triangles that carry its id. A placement moves it: its points are scaled about a
pivot along the world's axes, turned by Unreal's rotation and put where the placement says. Light
that was baked into vertices and lightmaps moves with the object as it is.
"""

import dataclasses
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from capture.engine.scene import Geometry, Scene
from labeling.camera import ue_axes

CUBE_CM = 100.0  # as Unreal's basic shape
CUBE_GREY = 200
OF_TRIANGLES = ("triangles", "object_id", "drawn", "collides")  # other fields are vertices'
LEAST_CUBE_LIGHT = 0.25  # where a scene's own baked light is in its lightmaps


@dataclass(frozen=True, kw_only=True)
class Placement:
    """Where an object is, relative to how the scene was built."""

    pivot_cm: tuple[float, float, float]  # a point of the object as built; it comes to `location`
    location_cm: tuple[float, float, float]
    rotation_deg: tuple[float, float, float] = (0.0, 0.0, 0.0)
    scale: tuple[float, float, float] = (1.0, 1.0, 1.0)

    @property
    def moves(self) -> bool:
        """Whether it changes anything."""
        turned = any(self.rotation_deg) or self.scale != (1.0, 1.0, 1.0)
        return turned or self.location_cm != self.pivot_cm


def object_bounds_cm(geometry: Geometry, count: int) -> np.ndarray:
    """Lowest and highest corner (count, 2, 3) float64 of each object; 0 of one without triangles.

    `count` is the number of objects; object i has id i + 1.
    """
    bounds = np.zeros((count, 2, 3))
    order = np.argsort(geometry.object_id, kind="stable")
    ids, first = np.unique(geometry.object_id[order], return_index=True)
    if len(ids):
        corners = geometry.position_cm[geometry.triangles[order]].astype(np.float64)
        lowest = np.minimum.reduceat(corners.min(axis=1), first)
        highest = np.maximum.reduceat(corners.max(axis=1), first)
        named = ids > 0
        bounds[ids[named] - 1] = np.stack([lowest, highest], axis=1)[named]
    return bounds


def object_points_cm(geometry: Geometry, object_id: int) -> np.ndarray:
    """Vertices (N,3) float64 of an object, each once."""
    used = np.unique(geometry.triangles[geometry.object_id == object_id])
    return geometry.position_cm[used].astype(np.float64)


def with_placements(geometry: Geometry, placements: Mapping[int, Placement]) -> Geometry:
    """Objects, by id, moved, turned and scaled.

    Each gets vertices of its own at the end: as built, a vertex may belong to several objects.
    """
    triangles = geometry.triangles.copy()
    positions, normals = [geometry.position_cm], [geometry.normal]
    sources = [np.arange(len(geometry.position_cm))]
    for object_id, placement in placements.items():
        chosen = geometry.object_id == object_id
        used, corners = np.unique(geometry.triangles[chosen], return_inverse=True)
        triangles[chosen] = corners.reshape(-1, 3) + sum(map(len, sources))
        moved, turned = _placed(geometry.position_cm[used], geometry.normal[used], placement)
        positions.append(moved)
        normals.append(turned)
        sources.append(used)
    source = np.concatenate(sources)
    kept = {
        name: None if (values := getattr(geometry, name)) is None else values[source]
        for name in _field_names()
        if name not in (*OF_TRIANGLES, "position_cm", "normal")
    }
    return dataclasses.replace(
        geometry,
        position_cm=np.concatenate(positions),
        normal=np.concatenate(normals),
        triangles=triangles,
        **kept,
    )


def _placed(
    position_cm: np.ndarray, normal: np.ndarray, placement: Placement
) -> tuple[np.ndarray, np.ndarray]:
    """Points and normals (N,3) float32 of a placed object."""
    world_from_object = np.stack(ue_axes(np.array(placement.rotation_deg)), axis=1)
    scale = np.array(placement.scale)
    points = (position_cm.astype(np.float64) - placement.pivot_cm) * scale
    moved = points @ world_from_object.T + placement.location_cm
    # Normals go with the inverse of the scale.
    turned = (normal / scale) @ world_from_object.T
    turned /= np.maximum(np.linalg.norm(turned, axis=1, keepdims=True), 1e-12)
    return moved.astype(np.float32), turned.astype(np.float32)


def hidden(geometry: Geometry, object_ids: Collection[int]) -> Geometry:
    """Objects not drawn; they still stop what moves, as hidden actors in Unreal do."""
    gone = np.isin(geometry.object_id, list(object_ids))
    return dataclasses.replace(geometry, drawn=geometry.drawn & ~gone)


def removed(geometry: Geometry, object_ids: Collection[int]) -> Geometry:
    """The geometry without the triangles of some objects."""
    kept = ~np.isin(geometry.object_id, list(object_ids))
    return dataclasses.replace(
        geometry,
        triangles=geometry.triangles[kept],
        object_id=geometry.object_id[kept],
        drawn=geometry.drawn[kept],
        collides=geometry.collides[kept],
    )


def with_grey_texture(scene: Scene) -> Scene:
    """The scene with a plain texture as its last layer."""
    grey = np.full((1, *scene.textures.shape[1:]), CUBE_GREY, scene.textures.dtype)
    grey[..., 3] = 255
    gloss = None if scene.gloss is None else np.append(scene.gloss, np.float32(0))
    textures = np.concatenate([scene.textures, grey])
    return dataclasses.replace(scene, textures=textures, gloss=gloss)


def with_cube(scene: Scene, name: str, layer: int) -> Scene:
    """The scene with a cube of a metre about the origin as its last object, in texture `layer`."""
    cube = _cube(scene.geometry, layer, len(scene.objects) + 1)
    return dataclasses.replace(
        scene, objects=(*scene.objects, name), geometry=_joined(scene.geometry, cube)
    )


def _cube(around: Geometry, layer: int, object_id: int) -> Geometry:
    """A cube lit as brightly as most of `around`."""
    corners, normals = [], []
    for axis in range(3):
        for side in (-1.0, 1.0):
            normal = np.zeros(3)
            normal[axis] = side
            first, second = np.roll(normal, 1), np.roll(normal, 2)
            corners += [normal + a * first + b * second for a in (-1, 1) for b in (-1, 1)]
            normals += [normal] * 4
    quads = 4 * np.arange(6)[:, None, None]
    triangles = (quads + np.array([[0, 1, 2], [1, 3, 2]])).reshape(-1, 3)
    light = np.median(around.irradiance, axis=0) if len(around.irradiance) else np.zeros(3)
    count, faces = len(corners), len(triangles)
    return Geometry(
        position_cm=np.array(corners, np.float32) * (CUBE_CM / 2),
        normal=np.array(normals, np.float32),
        uv=np.zeros((count, 2), np.float32),
        layer=np.full(count, layer, np.int32),
        irradiance=np.tile(np.maximum(light, LEAST_CUBE_LIGHT).astype(np.float32), (count, 1)),
        emission=np.zeros(count, np.float32),
        lightmap_uvl=np.tile(np.array([0, 0, -1], np.float32), (count, 1)),
        triangles=triangles.astype(np.int32),
        object_id=np.full(faces, object_id, np.int32),
        drawn=np.ones(faces, bool),
        collides=np.ones(faces, bool),
    )


def _joined(first: Geometry, second: Geometry) -> Geometry:
    """Both geometries as one."""
    values = {
        name: _concatenated(first, second, name) for name in _field_names() if name != "triangles"
    }
    triangles = np.concatenate([first.triangles, second.triangles + len(first.position_cm)])
    return Geometry(triangles=triangles, **values)


def _concatenated(first: Geometry, second: Geometry, name: str) -> Any:
    """A field of both; None, where only one has it, is a factor of 1."""
    both = [getattr(part, name) for part in (first, second)]
    if both[0] is None and both[1] is None:
        return None
    like = next(values for values in both if values is not None)
    return np.concatenate(
        [
            np.ones((len(part.position_cm), *like.shape[1:]), like.dtype) if own is None else own
            for part, own in zip((first, second), both, strict=True)
        ]
    )


def _field_names() -> list[str]:
    return [field.name for field in dataclasses.fields(Geometry)]
