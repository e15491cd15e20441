"""Triangles of a Quake 3 level: polygons and meshes as compiled, bezier patches made into grids.

Nothing is converted here: positions are the level's own units and axes, colours and lightmap
coordinates are as stored. A patch is biquadratic; each of its 3x3 pieces becomes a grid with
`PATCH_STEPS` cells along a direction that is curved and one along a straight one. Two patches that
share a curve therefore cut it alike, so no cracks open between them.
"""

import re
from dataclasses import dataclass

import numpy as np

from capture.engine.quake3.bsp import MESH, PATCH, POLYGON, BspMap, ranges
from dataset.errors import OpenRelicError

PATCH_STEPS = 8
_STRAIGHT_UNITS = (
    0.1  # a control point nearer than this to the middle of its neighbours is no curve
)

# Brush models that stand in the level as they do before anybody moves them.
DRAWN_CLASSES = (
    "func_bobbing",
    "func_button",
    "func_door",
    "func_illusionary",
    "func_pendulum",
    "func_plat",
    "func_rotating",
    "func_static",
    "func_train",
)

_COLUMNS = {"position": 3, "normal": 3, "uv": 2, "lightmap_uv": 2, "colour": 3}
_WIDTH = sum(_COLUMNS.values())


@dataclass(frozen=True, kw_only=True)
class Surfaces:
    """Triangles of a level in its own axes and units. V vertices, F triangles."""

    position: np.ndarray  # (V,3) float32
    normal: np.ndarray  # (V,3) float32, unit
    uv: np.ndarray  # (V,2) float32
    lightmap_uv: np.ndarray  # (V,2) float32
    colour: np.ndarray  # (V,3) float32, 0..255
    vertex_face: np.ndarray  # (V,) int64, index into BspMap.faces
    triangles: np.ndarray  # (F,3) int64


@dataclass(frozen=True, kw_only=True)
class PlacedModel:
    """A brush model that is drawn."""

    index: int  # into BspMap.models
    classname: str
    origin: np.ndarray  # (3,) float32, units


def drawn_models(bsp: BspMap) -> list[PlacedModel]:
    """The world and every brush model that is a thing to see (no triggers)."""
    models = [PlacedModel(index=0, classname="world", origin=np.zeros(3, np.float32))]
    for entity in bsp.entities:
        reference = re.fullmatch(r"\*(\d+)", entity.get("model", ""))
        classname = entity.get("classname", "")
        if reference and classname in DRAWN_CLASSES and int(reference[1]) < len(bsp.models):
            origin = entity_origin(entity)
            models.append(PlacedModel(index=int(reference[1]), classname=classname, origin=origin))
    return models


def entity_origin(entity: dict[str, str]) -> np.ndarray:
    """An entity's place, (3,) float32 in units; the level's origin where none is said."""
    try:
        origin = np.array([float(number) for number in entity["origin"].split()], np.float32)
    except (KeyError, ValueError):
        return np.zeros(3, np.float32)
    return origin if origin.shape == (3,) else np.zeros(3, np.float32)


def build_surfaces(bsp: BspMap, wanted: np.ndarray, face_origin: np.ndarray) -> Surfaces:
    """Triangulate the faces where `wanted` (N,) is true, moved by `face_origin` (N,3) units."""
    flat_vertices, flat_face, flat_triangles = _flat_faces(bsp, wanted)
    parts = [(flat_vertices, flat_face, flat_triangles), *_patch_parts(bsp, wanted)]
    columns = np.concatenate([part[0] for part in parts])
    vertex_face = np.concatenate([part[1] for part in parts])
    first = np.cumsum([0] + [len(part[0]) for part in parts[:-1]])
    triangles = np.concatenate([part[2] + at for part, at in zip(parts, first, strict=True)])
    if not len(triangles):
        raise OpenRelicError("the level has no surface that could be drawn; choose another")
    columns[:, :3] += face_origin[vertex_face]
    split = np.split(columns, np.cumsum(list(_COLUMNS.values()))[:-1], axis=1)
    position, normal, uv, lightmap_uv, colour = (np.ascontiguousarray(part) for part in split)
    return Surfaces(
        position=position,
        normal=_unit(normal),
        uv=uv,
        lightmap_uv=lightmap_uv,
        colour=colour,
        vertex_face=vertex_face,
        triangles=triangles[_has_area(position, triangles)],
    )


def _columns(bsp: BspMap, rows: np.ndarray) -> np.ndarray:
    """Vertices `rows` as (R, _WIDTH) float32, in the order of `_COLUMNS`."""
    vertices = bsp.vertices[rows]
    columns = [vertices[name][:, :width].astype(np.float32) for name, width in _COLUMNS.items()]
    # Some compilers leave garbage in the fields that a surface does not use.
    return np.nan_to_num(np.concatenate(columns, axis=1), nan=0.0, posinf=0.0, neginf=0.0)


def _flat_faces(bsp: BspMap, wanted: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    chosen = np.flatnonzero(wanted & np.isin(bsp.faces["type"], (POLYGON, MESH)))
    faces = bsp.faces[chosen]
    corners = faces["mesh_vertices"] // 3 * 3
    first = np.cumsum(faces["vertices"]) - faces["vertices"]
    offsets = bsp.mesh_vertices[ranges(faces["mesh_vertex"], corners)]
    triangles = (offsets + np.repeat(first, corners)).reshape(-1, 3)
    columns = _columns(bsp, ranges(faces["vertex"], faces["vertices"]))
    return columns, np.repeat(chosen, faces["vertices"]), triangles.astype(np.int64)


def _patch_parts(
    bsp: BspMap, wanted: np.ndarray
) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Grids of all patches' 3x3 pieces, batched by how finely they are cut."""
    pieces: dict[tuple[int, int], list[tuple[int, np.ndarray]]] = {}
    for face in np.flatnonzero(wanted & (bsp.faces["type"] == PATCH)).tolist():
        control = _control_points(bsp, face)
        steps = _steps(control, axis=0), _steps(control, axis=1)
        rows, columns = control.shape[:2]
        pieces.setdefault(steps, []).extend(
            (face, control[row : row + 3, column : column + 3])
            for row in range(0, rows - 2, 2)
            for column in range(0, columns - 2, 2)
        )
    return [
        _grid(np.array([face for face, _ in batch]), np.stack([points for _, points in batch]), key)
        for key, batch in pieces.items()
    ]


def _control_points(bsp: BspMap, face: int) -> np.ndarray:
    """(rows, columns, _WIDTH) float32."""
    record = bsp.faces[face]
    width, height = record["size"].tolist()
    first = int(record["vertex"])
    return _columns(bsp, np.arange(first, first + width * height)).reshape(height, width, _WIDTH)


def _steps(control: np.ndarray, axis: int) -> int:
    points = np.moveaxis(control[:, :, :3], axis, 0)
    bend = points[1:-1:2] - (points[:-2:2] + points[2::2]) / 2
    return PATCH_STEPS if np.linalg.norm(bend, axis=-1).max() > _STRAIGHT_UNITS else 1


def _grid(
    face: np.ndarray, control: np.ndarray, steps: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Evaluate K pieces (K,3,3,W) with `steps` cells down and across."""
    down, across = (_bernstein(step) for step in steps)
    points = np.einsum("ai,bj,kijw->kabw", down, across, control, optimize=True)
    count, rows, columns, width = points.shape
    corner = np.arange(rows * columns).reshape(rows, columns)
    a, b, c, d = corner[:-1, :-1], corner[:-1, 1:], corner[1:, :-1], corner[1:, 1:]
    cells = np.concatenate([np.stack([a, b, c], -1), np.stack([b, d, c], -1)]).reshape(-1, 3)
    triangles = cells[None] + (np.arange(count) * rows * columns)[:, None, None]
    vertices = points.reshape(-1, width).astype(np.float32)
    return vertices, np.repeat(face, rows * columns), triangles.reshape(-1, 3)


def _bernstein(steps: int) -> np.ndarray:
    t = np.linspace(0, 1, steps + 1)
    return np.stack([(1 - t) ** 2, 2 * t * (1 - t), t**2], 1)


def _unit(normal: np.ndarray) -> np.ndarray:
    length = np.linalg.norm(normal, axis=1, keepdims=True)
    up = np.array([0, 0, 1], np.float32)
    return np.where(length > 1e-3, normal / np.maximum(length, 1e-3), up).astype(np.float32)


def _has_area(position: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    a, b, c = (position[triangles[:, corner]].astype(np.float64) for corner in range(3))
    return np.linalg.norm(np.cross(b - a, c - a), axis=1) > 1e-3
