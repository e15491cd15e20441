"""Objects of a Quake 3 level: it has none of its own, so pieces that hang together are named.

A door, lift or other moving part is one object. In the world, an object is a set of triangles of
one material that touch each other: `base_wall_metal_3` is the third such piece of that material.
"""

import re
from collections import Counter

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from capture.engine.quake3.surface import PlacedModel, Surfaces

_WELD_PER_UNIT = 2  # corners nearer than about half a unit are one


def name_objects(
    surfaces: Surfaces, material: np.ndarray, material_names: list[str], models: np.ndarray,
    placed: list[PlacedModel],
) -> tuple[tuple[str, ...], np.ndarray]:  # fmt: skip
    """The objects' unique names, and object ids (F,) int32 from 1 on.

    `material` (F,) and `models` (F,) say which material and which entry of `placed` a triangle
    belongs to.
    """
    piece = _touching(surfaces, np.where(models > 0, 0, material + 1), models)
    _, first, piece = np.unique(piece, return_index=True, return_inverse=True)
    titles = [
        placed[model].classname.removeprefix("func_")
        if (model := int(models[triangle])) > 0
        else _title(material_names[int(material[triangle])])
        for triangle in first.tolist()
    ]
    return _numbered(titles), (piece + 1).astype(np.int32)


def _touching(surfaces: Surfaces, material: np.ndarray, models: np.ndarray) -> np.ndarray:
    """The number of each triangle's piece (F,); a moving part is one piece, touching or not."""
    triangles = surfaces.triangles
    grid = np.round(surfaces.position * _WELD_PER_UNIT).astype(np.int64)
    corner = np.repeat(np.stack([material, models], 1), 3, axis=0)
    keys = np.concatenate([grid[triangles.ravel()], corner], axis=1)
    keys[corner[:, 1] > 0, :3] = 0
    _, welded = np.unique(keys, axis=0, return_inverse=True)
    a, b, c = welded.reshape(-1, 3).T
    size = int(welded.max()) + 1
    rows, columns = np.concatenate([a, b]), np.concatenate([b, c])
    links = coo_matrix((np.ones(len(rows), np.int8), (rows, columns)), shape=(size, size))
    return connected_components(links, directed=False)[1][a]


def _title(material_name: str) -> str:
    parts = material_name.split("/")[-2:]
    return re.sub(r"[^a-z0-9]+", "_", "_".join(parts)).strip("_") or "surface"


def _numbered(titles: list[str]) -> tuple[str, ...]:
    """Titles made unique by numbers from 1 on."""
    count: Counter[str] = Counter()
    names: list[str] = []
    for title in titles:
        count[title] += 1
        names.append(f"{title}_{count[title]}")
    if len(set(names)) < len(names):  # "a_1" and "a" with a number may meet
        names = [f"{name}_{index}" for index, name in enumerate(names, 1)]
    return tuple(names)
