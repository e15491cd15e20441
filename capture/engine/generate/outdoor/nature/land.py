"""Land: a closed height field, fine where the camera roams and coarser to the horizon.

The grid is square rings about the origin: even cells out to `inner_cm`, then cells that grow by a
constant factor out to `outer_cm`. One grid without seams, so nothing can be seen or fall through.
"""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import ArrayLike

from capture.engine.generate.kit.materials import Material
from capture.engine.generate.kit.mesh import MeshBuilder, grid_triangles

Height = Callable[[np.ndarray, np.ndarray], np.ndarray]


class Land:
    """The ground of a scene; F triangles, V vertices."""

    def __init__(
        self, height: Height, inner_cm: float, outer_cm: float, cells: tuple[int, int] = (100, 44)
    ) -> None:
        """`height` gives z at places x, y; `cells` across the inner square and out from it."""
        self._line = line = _grid_line(inner_cm, outer_cm, *cells)
        u, v = np.meshgrid(line, line)
        reach = np.maximum(np.abs(u), np.abs(v))
        # On each ring all points keep the share of the side that they had on the inner square.
        size = len(line) // 2
        steps = np.arange(-size, size + 1)
        column, row = np.meshgrid(steps, steps)
        ring = np.maximum(np.maximum(np.abs(column), np.abs(row)), 1)
        self.x, self.y = reach * column / ring, reach * row / ring
        self.z = np.asarray(height(self.x, self.y), float)
        self.points = np.stack([self.x, self.y, self.z], -1).reshape(-1, 3)
        self.triangles = grid_triangles(len(line), len(line))
        self.normals = self._normals()
        self.corners = self.points[self.triangles]

    def _normals(self) -> np.ndarray:
        a, b, c = (self.points[self.triangles[:, k]] for k in range(3))
        face = np.cross(b - a, c - a)
        index = self.triangles.ravel()
        total = np.stack(
            [np.bincount(index, np.repeat(face[:, k], 3), len(self.points)) for k in range(3)], 1
        )
        return total / np.linalg.norm(total, axis=1, keepdims=True)

    def height(self, x: ArrayLike, y: ArrayLike) -> np.ndarray:
        """Height of the drawn surface at places (N,): exact on the inner square, near it outside.

        The grid is unrolled: ring by ring a place has a column and a row, not whole ones.
        """
        x, y = (np.atleast_1d(np.asarray(v, float)) for v in (x, y))
        size = len(self._line) // 2
        reach = np.maximum(np.maximum(np.abs(x), np.abs(y)), 1e-6)
        ring = np.interp(reach, self._line[size:], np.arange(size + 1))
        column, row = (np.clip(v / reach * ring + size, 0, 2 * size - 1e-6) for v in (x, y))
        j, i = column.astype(int), row.astype(int)
        s, t = column - j, row - i
        a, c, d, e = self.z[i, j], self.z[i, j + 1], self.z[i + 1, j + 1], self.z[i + 1, j]
        below = a + s * (c - a) + t * (d - c)  # the triangle a c d
        above = a + s * (d - e) + t * (e - a)  # the triangle a d e
        return np.where(s >= t, below, above)

    def slope(self, x: np.ndarray, y: np.ndarray, step_cm: float = 120.0) -> np.ndarray:
        """Steepness (N,) at places: rise over run."""
        dx = self.height(x + step_cm, y) - self.height(x - step_cm, y)
        dy = self.height(x, y + step_cm) - self.height(x, y - step_cm)
        return np.hypot(dx, dy) / (2 * step_cm)

    def middles(self) -> np.ndarray:
        """Middle points of the triangles, (F,3)."""
        return self.corners.mean(1)

    def upness(self) -> np.ndarray:
        """How level the triangles are, (F,): 1 level, 0 upright."""
        a, b, c = self.corners.transpose(1, 0, 2)
        normal = np.cross(b - a, c - a)
        return normal[:, 2] / np.linalg.norm(normal, axis=1)

    def add_to(self, b: MeshBuilder, materials: Sequence[Material], choice: np.ndarray) -> None:
        """Add the triangles, each with the material of its number in `choice` (F,).

        Textures lie flat over the land; on steep triangles they hang down from the side that the
        triangle faces most, so that cliffs are not smeared.
        """
        side = self._side()
        for number in np.unique(choice):
            material = materials[int(number)]
            for axis in range(3):
                faces = self.triangles[(choice == number) & (side == axis)]
                if len(faces):
                    self._add_part(b, material, faces, axis)

    def _side(self) -> np.ndarray:
        """0 for what is seen from above, 1 and 2 for what is seen along x and y, (F,)."""
        a, b, c = self.corners.transpose(1, 0, 2)
        normal = np.abs(np.cross(b - a, c - a))
        normal /= np.linalg.norm(normal, axis=1, keepdims=True)
        steep = np.where(normal[:, 0] > normal[:, 1], 1, 2)
        return np.where(normal[:, 2] > 0.5, 0, steep)

    def _add_part(self, b: MeshBuilder, material: Material, faces: np.ndarray, axis: int) -> None:
        used, inverse = np.unique(faces, return_inverse=True)
        points = self.points[used]
        across = points[:, [0, 1] if axis == 0 else [1, 2] if axis == 1 else [0, 2]]
        uv = across / np.asarray(material.size_cm) * [1, 1 if axis == 0 else -1]
        b.add(points, self.normals[used], uv, material.layer, inverse.reshape(-1, 3))


def _grid_line(inner_cm: float, outer_cm: float, across: int, out: int) -> np.ndarray:
    """Positions of the grid's lines on an axis: even, then growing."""
    even = np.linspace(-inner_cm, inner_cm, across + 1)
    first = even[1] - even[0]
    low, high = 1.0, 2.0
    for _ in range(60):
        growth = (low + high) / 2
        reach = inner_cm + first * np.sum(growth ** np.arange(1, out + 1))
        low, high = (growth, high) if reach < outer_cm else (low, growth)
    far = inner_cm + first * np.cumsum(low ** np.arange(1, out + 1))
    return np.concatenate([-far[::-1], even, far])
