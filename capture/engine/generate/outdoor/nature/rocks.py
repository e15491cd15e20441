"""Rocks: rough, convex-ish stones that collide, whose upper sides may wear moss or snow. cm."""

import numpy as np

from capture.engine.generate.kit.materials import Material
from capture.engine.generate.kit.mesh import MeshBuilder


def _sphere(splits: int) -> tuple[np.ndarray, np.ndarray]:
    """An octahedron split `splits` times, with shared corners: points (N,3), faces (M,3)."""
    points = [*np.concatenate([np.eye(3), -np.eye(3)])]
    faces = [(0, 1, 2), (1, 3, 2), (3, 4, 2), (4, 0, 2), (1, 0, 5), (3, 1, 5), (4, 3, 5), (0, 4, 5)]
    for _ in range(splits):
        known: dict[tuple[int, int], int] = {}

        def middle(i: int, j: int, known=known) -> int:
            key = min(i, j), max(i, j)
            if key not in known:
                point = points[i] + points[j]
                points.append(point / np.linalg.norm(point))
                known[key] = len(points) - 1
            return known[key]

        split = []
        for i, j, k in faces:
            ij, jk, ki = middle(i, j), middle(j, k), middle(k, i)
            split += [(i, ij, ki), (ij, j, jk), (ki, jk, k), (ij, jk, ki)]
        faces = split
    return np.array(points), np.array(faces)


_SPHERES = {splits: _sphere(splits) for splits in (2, 3)}


def rock(
    b: MeshBuilder,
    rng: np.random.Generator,
    radii: tuple[float, float, float],
    materials: list[Material],
    cap: float = 0.0,
    sunk: float = 0.3,
    facets: int = 9,
    splits: int = 2,
) -> None:
    """A rock at the frame's origin, sunk by a share of its height.

    `materials` is a blend from bare stone to what lies on it; `cap` 0..1 says how much does.
    """
    unit, faces = _SPHERES[splits]
    points = unit.copy()
    for _ in range(facets):  # cut pieces off, as frost does
        direction = rng.normal(size=3)
        direction /= np.linalg.norm(direction)
        over = np.maximum(points @ direction - rng.uniform(0.45, 0.85), 0)
        points -= over[:, None] * direction
    points += unit * (rng.normal(0, 0.03, (len(points), 1)))
    points = points * radii + [0, 0, (1 - 2 * sunk) * radii[2] * 0.9]
    corners = points[faces]
    face_normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    face_normal /= np.maximum(np.linalg.norm(face_normal, axis=1, keepdims=True), 1e-9)
    normal = np.zeros_like(points)
    for k in range(3):
        np.add.at(normal, faces[:, k], face_normal)
    normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-9)
    steps = len(materials) - 1
    share = np.clip((face_normal[:, 2] - 0.75 + cap) / 0.5, 0, 1) * (cap > 0)
    choice = np.rint(share * steps).astype(int)
    side = np.abs(face_normal).argmax(1)
    place = b.to_world(np.zeros((1, 3)))[0] * 0.37  # neighbours do not show the same stone
    for number in np.unique(choice):
        for axis in range(3):
            chosen = (choice == number) & (side == axis)
            if chosen.any():
                material = materials[int(number)]
                columns = [k for k in range(3) if k != axis]
                part = faces[chosen].ravel()
                # Half way between flat and smooth: edges show, but softly.
                blend = normal[part] + 0.8 * np.repeat(face_normal[chosen], 3, 0)
                blend /= np.linalg.norm(blend, axis=1, keepdims=True)
                uv = (points[part] + place)[:, columns] / np.asarray(material.size_cm)
                b.add(points[part], blend, uv * [1, 1 if axis == 2 else -1], material.layer,
                      np.arange(len(part)).reshape(-1, 3))  # fmt: skip
