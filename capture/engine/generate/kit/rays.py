"""Rays against triangles, in batches (Embree)."""

from typing import Any

import numpy as np
from embreex import mesh_construction, rtcore_scene

# The extension modules come without types.
_scenes: Any = rtcore_scene
_meshes: Any = mesh_construction


class RayTracer:
    """Triangles (F,3,3) in cm that rays are cast against."""

    def __init__(self, corners_cm: np.ndarray) -> None:
        self._scene = _scenes.EmbreeScene()
        _meshes.TriangleMesh(self._scene, np.ascontiguousarray(corners_cm, np.float32))

    def first_hit(self, origins: np.ndarray, directions: np.ndarray) -> np.ndarray:
        """Index (N,) of the first triangle that each ray (N,3) meets, -1 for none."""
        return self._scene.run(*_float32(origins, directions))

    def distance(self, origins: np.ndarray, directions: np.ndarray) -> np.ndarray:
        """Distance (N,) to the first triangle along unit directions; very large for none."""
        return self._scene.run(*_float32(origins, directions), query="DISTANCE")

    def blocked(
        self, origins: np.ndarray, directions: np.ndarray, within_cm: np.ndarray
    ) -> np.ndarray:
        """Whether anything stands nearer than `within_cm` (N,) along unit directions, (N,) bool."""
        limit = within_cm.astype(np.float32)
        return self._scene.run(*_float32(origins, directions), query="OCCLUDED", dists=limit) >= 0


def _float32(origins: np.ndarray, directions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return (
        np.ascontiguousarray(origins, np.float32),
        np.ascontiguousarray(directions, np.float32),
    )
