"""A scene's geometry as the graphics card wants it: split, wound, ordered and uploaded.

Corners that share a vertex but belong to different objects get vertices of their own, because a
mask colour is drawn flat. Windings are turned to agree with the vertex normals, so the shaders can
tell the side that the normal is on by `gl_FrontFacing`. Triangles that need different programs are
of different kinds and never in one cluster: those whose texture has holes, because a `discard`
switches the early depth test off for all that a program draws; those that the sun reaches wholly,
in part or not; those that reflect; those of closed solids, whose backs need no drawing.
"""

from dataclasses import dataclass

import moderngl
import numpy as np

from capture.engine.kinds import CUTOUT, ONE_SIDED
from capture.engine.reflections import nearest_place
from capture.engine.scene import Scene, object_colours
from capture.engine.solids import bound_solids
from capture.engine.visibility import Clusters, split_into_clusters

# Attribute name in the shaders -> its moderngl format.
ATTRIBUTES = {
    "in_position": "3f",
    "in_normal": "3f",
    "in_uvl": "3f",
    "in_light": "3f",
    "in_lightmap": "3f",
    "in_mask": "3f1",
    "in_gloss": "2f",
    "in_tint": "3f",
}


@dataclass(frozen=True, kw_only=True)
class Mesh:
    """Triangles by kind and place."""

    attributes: dict[str, np.ndarray]  # name -> (V, components)
    triangles: np.ndarray  # (F,3) uint32, in the clusters' order
    clusters: Clusters


def make_mesh(scene: Scene, kind: np.ndarray, places_cm: np.ndarray) -> Mesh:
    """The mesh of the drawn triangles, `kind` (F,) of them apart from one another.

    Glossy ones reflect what is seen from the nearest of `places_cm` (N,3).
    """
    geometry = scene.geometry
    chosen = np.flatnonzero(geometry.drawn)
    triangles = _wound(geometry.position_cm, geometry.normal, geometry.triangles[chosen])
    object_id = geometry.object_id[chosen]
    # Leaves and grates show their backs through their holes.
    closed = bound_solids(geometry.position_cm, triangles, scene.spawns[:, :3])
    solid = (kind[chosen] & CUTOUT == 0) & closed
    kinds = kind[chosen] + ONE_SIDED * solid
    order, clusters = split_into_clusters(geometry.position_cm[triangles], kinds)
    vertex, owner, indices = _vertices_in_order_of_use(triangles[order], object_id[order])
    colours = np.concatenate([np.zeros((1, 3), np.uint8), object_colours(len(scene.objects))])
    attributes = {
        "in_position": geometry.position_cm[vertex],
        "in_normal": geometry.normal[vertex],
        "in_uvl": np.column_stack([geometry.uv[vertex], geometry.layer[vertex]]),
        "in_light": geometry.irradiance[vertex] + geometry.emission[vertex, None],
        "in_mask": colours[owner],
    }
    if scene.lightmaps is not None:
        attributes["in_lightmap"] = geometry.lightmap_uvl[vertex]
    if geometry.tint is not None:
        attributes["in_tint"] = geometry.tint[vertex]
    if scene.gloss is not None:
        place = nearest_place(geometry.position_cm[vertex], places_cm)
        attributes["in_gloss"] = np.column_stack([scene.gloss[geometry.layer[vertex]], place])
    return Mesh(attributes=attributes, triangles=indices, clusters=clusters)


def _wound(position_cm: np.ndarray, normal: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """Turn triangles so that (b - a) x (c - a) points to the side that the normals are on."""
    a, b, c = (position_cm[triangles[:, i]].astype(np.float64) for i in range(3))
    side = (np.cross(b - a, c - a) * normal[triangles].sum(1)).sum(1)
    return np.where(side[:, None] < 0, triangles[:, [0, 2, 1]], triangles)


def _vertices_in_order_of_use(
    triangles: np.ndarray, object_id: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Source vertex (V,), object (V,) and triangles (F,3) of vertices that have one object each."""
    stride = int(object_id.max(initial=0)) + 1
    keys = (triangles.astype(np.int64) * stride + object_id[:, None]).ravel()
    unique, first, inverse = np.unique(keys, return_index=True, return_inverse=True)
    by_use = np.argsort(first, kind="stable")
    rank = np.empty_like(by_use)
    rank[by_use] = np.arange(len(by_use))
    used = unique[by_use]
    return used // stride, used % stride, rank[inverse].reshape(-1, 3).astype(np.uint32)


class DrawableMesh:
    """A mesh in the graphics card's memory."""

    def __init__(self, context: moderngl.Context, mesh: Mesh) -> None:
        """Upload `mesh`, which has at least one triangle."""
        self.clusters = mesh.clusters
        self._context = context
        self._buffers = {
            name: context.buffer(
                np.ascontiguousarray(values, np.uint8 if name == "in_mask" else np.float32)
            )
            for name, values in mesh.attributes.items()
        }
        self._indices = context.buffer(np.ascontiguousarray(mesh.triangles))
        self._commands = context.buffer(reserve=20 * len(mesh.clusters.first))
        self._arrays: dict[moderngl.Program, moderngl.VertexArray] = {}

    def draw(self, program: moderngl.Program, chosen: np.ndarray) -> None:
        """Draw the clusters `chosen`, in that order."""
        if not len(chosen):
            return
        commands = np.zeros((len(chosen), 5), np.uint32)  # DrawElementsIndirectCommand
        commands[:, 0] = 3 * self.clusters.count[chosen]
        commands[:, 1] = 1
        commands[:, 2] = 3 * self.clusters.first[chosen]
        self._commands.write(commands)
        self._array(program).render_indirect(self._commands, count=len(chosen))

    def _array(self, program: moderngl.Program) -> moderngl.VertexArray:
        """The vertex array that feeds `program` the attributes that it has."""
        if program not in self._arrays:
            content = [
                (buffer, ATTRIBUTES[name], name)
                for name, buffer in self._buffers.items()
                if name in program
            ]
            self._arrays[program] = self._context.vertex_array(program, content, self._indices)
        return self._arrays[program]

    def release(self) -> None:
        """Give the memory back."""
        for resource in (*self._arrays.values(), *self._buffers.values(), self._indices):
            resource.release()
        self._commands.release()
