"""Collision queries of a scene: distance to surfaces, swept spheres, reachable free space.

All lengths in cm, Unreal's world. Distances are exact (libigl's AABB tree over the triangles that
collide); a camera may also not leave the scene's roam box, whose walls count as an object called
`boundary`.
"""

from dataclasses import dataclass

import igl
import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from scipy.spatial import KDTree

from capture.engine.scene import Scene

BOUNDARY = "boundary"
# A sweep stops this much before contact, so a camera never ends up touching.
CONTACT_TOLERANCE_CM = 0.05
MAX_GRID_CELLS = 60_000
# A spawn's part of the free space is that of a cell near it that a thin probe can be flown to.
CELLS_TRIED = 24
SLIMMEST_CM = 2.0


@dataclass(frozen=True, kw_only=True)
class Hit:
    """First contact of a swept sphere."""

    fraction: float  # of the way, 0..1
    normal: np.ndarray  # (3,), away from the surface
    object: str


class Collision:
    """Answers the collision queries of one scene."""

    def __init__(self, scene: Scene) -> None:
        """Build the distance tree (about 1 s per 300,000 triangles)."""
        geometry = scene.geometry
        solid = geometry.collides
        self._vertices = np.asarray(geometry.position_cm, dtype=np.float64)
        self._triangles = np.ascontiguousarray(geometry.triangles[solid], dtype=np.int64)
        self._objects = geometry.object_id[solid]
        self._names = scene.objects
        self._low, self._high = np.asarray(scene.roam_cm, dtype=np.float64)
        self._spawns = np.asarray(scene.spawns, dtype=np.float64)
        self._tree = igl.AABB()
        self._tree.init(self._vertices, self._triangles)
        self._free_space: dict[float, tuple[np.ndarray, np.ndarray, float]] = {}

    def nearest(self, points_cm: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Distance (N,), nearest surface point (N,3) and triangle (N,), -1 for the boundary."""
        points = np.ascontiguousarray(points_cm, dtype=np.float64).reshape(-1, 3)
        squared, triangle, closest = self._tree.squared_distance(
            self._vertices, self._triangles, points
        )
        distance = np.sqrt(np.atleast_1d(squared))
        triangle, closest = np.atleast_1d(triangle), np.asarray(closest).reshape(-1, 3)
        return self._with_boundary(points, distance, closest, triangle)

    def _with_boundary(
        self, points: np.ndarray, distance: np.ndarray, closest: np.ndarray, triangle: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Let the walls of the roam box count as surfaces too."""
        rooms = np.concatenate([points - self._low, self._high - points], axis=1)
        wall = rooms.argmin(axis=1)
        room = np.maximum(rooms[np.arange(len(points)), wall], 0.0)
        nearer = room < distance
        on_wall = np.clip(points, self._low, self._high)
        sides = np.concatenate([self._low, self._high])
        on_wall[np.arange(len(points)), wall % 3] = sides[wall]
        return (
            np.where(nearer, room, distance),
            np.where(nearer[:, None], on_wall, closest),
            np.where(nearer, -1, triangle),
        )

    def sweep(self, start_cm: np.ndarray, end_cm: np.ndarray, radius_cm: float) -> Hit | None:
        """First contact of a sphere that moves from `start_cm` to `end_cm`, or None.

        The sphere advances by its own clearance (it cannot pass through anything thin) until it
        is nearer than the contact tolerance.
        """
        start, way = np.asarray(start_cm, float), np.asarray(end_cm, float) - start_cm
        length = float(np.linalg.norm(way))
        travelled = 0.0
        while True:
            point = start + way * (travelled / length if length else 0.0)
            distance, closest, triangle = self.nearest(point[None])
            clearance = float(distance[0]) - radius_cm
            if clearance <= CONTACT_TOLERANCE_CM:
                fraction = travelled / length if length else 0.0
                return self._hit(point, closest[0], int(triangle[0]), fraction)
            if travelled >= length:
                return None
            travelled = min(length, travelled + clearance)

    def _hit(self, point: np.ndarray, closest: np.ndarray, triangle: int, fraction: float) -> Hit:
        away = point - closest
        norm = float(np.linalg.norm(away))
        normal = away / norm if norm > 0 else np.array([0.0, 0.0, 1.0])
        name = BOUNDARY if triangle < 0 else self._names[self._objects[triangle] - 1]
        return Hit(fraction=fraction, normal=normal, object=name)

    def free_points(self, count: int, radius_cm: float, seed: int) -> np.ndarray:
        """`count` random points (count, 3) with at least `radius_cm` of clearance, all in one
        connected part of the free space; (0, 3) if there is none.

        The part is the one that most of the spawn points lead to.
        """
        # A sweep of that radius from there must not begin in contact.
        radius_cm += 2 * CONTACT_TOLERANCE_CM
        if radius_cm not in self._free_space:
            self._free_space[radius_cm] = self._connected_cells(radius_cm)
        cells, distances, step = self._free_space[radius_cm]
        if not len(cells):
            return np.zeros((0, 3))
        random = np.random.default_rng(seed)
        chosen = random.integers(len(cells), size=count)
        # Within its spare clearance a point may move off the cell's centre and stay reachable.
        spare = np.minimum(distances[chosen] - radius_cm, step / 2)
        offset = random.normal(size=(count, 3))
        offset *= (spare * random.random(count) / np.linalg.norm(offset, axis=1))[:, None]
        return cells[chosen] + offset

    def _connected_cells(self, radius: float) -> tuple[np.ndarray, np.ndarray, float]:
        """Centres (N,3) and clearances (N,) of the grid cells that a sphere can reach."""
        extent = self._high - self._low
        step = max(radius * 0.8, float(np.prod(extent) / MAX_GRID_CELLS) ** (1 / 3))
        axes = [
            low + step / 2 + step * np.arange(max(1, int(size // step)))
            for low, size in zip(self._low, extent, strict=True)
        ]
        grid = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1)
        distance = self.nearest(grid.reshape(-1, 3))[0].reshape(grid.shape[:3])
        free = distance >= radius
        number = np.full(grid.shape[:3], -1)
        number[free] = np.arange(int(free.sum()))
        cells, clearance = grid[free], distance[free]
        links = self._links(cells, clearance, number, step, radius)
        label = connected_components(links, directed=False)[1]
        best = self._part_of_spawns(cells, label)
        return cells[label == best], clearance[label == best], step

    def _links(
        self, cells: np.ndarray, clearance: np.ndarray, number: np.ndarray, step: float,
        radius: float,
    ) -> coo_matrix:  # fmt: skip
        """Which neighbouring cells a sphere can pass between.

        On a segment of length s whose ends have distances a and b, no point is nearer to a surface
        than (a + b - s) / 2. That is tested on both halves of each link.
        """
        first, second = [], []
        for axis in range(3):
            low = np.take(number, range(number.shape[axis] - 1), axis).ravel()
            high = np.take(number, range(1, number.shape[axis]), axis).ravel()
            both = (low >= 0) & (high >= 0)
            first.append(low[both])
            second.append(high[both])
        a, b = np.concatenate(first), np.concatenate(second)
        middle = self.nearest((cells[a] + cells[b]) / 2)[0] if len(a) else np.zeros(0)
        nearer_end = np.minimum(clearance[a], clearance[b])
        open_ = (nearer_end + middle - step / 2) / 2 >= radius
        a, b = a[open_], b[open_]
        return coo_matrix((np.ones(len(a)), (a, b)), shape=(len(cells), len(cells)))

    def _part_of_spawns(self, cells: np.ndarray, label: np.ndarray) -> int:
        """The connected part that most spawn points can be flown to from; else the largest."""
        if not len(cells):
            return -1
        cells_near = KDTree(cells)
        parts = [
            self._part_around(spawn, cells, cells_near, label) for spawn in self._spawns[:, :3]
        ]
        reached = np.array([part for part in parts if part >= 0], np.int64)
        return int(np.bincount(reached if len(reached) else label).argmax())

    def _part_around(
        self, spawn: np.ndarray, cells: np.ndarray, cells_near: KDTree, label: np.ndarray
    ) -> int:
        """The part of the nearest cell that a straight way leads to from `spawn`, -1 for none.

        The nearest cell of all may be inside the cupboard that stands there.
        """
        slim = min(float(self.nearest(spawn[None])[0][0]), SLIMMEST_CM) / 2
        for cell in np.atleast_1d(cells_near.query(spawn, k=min(CELLS_TRIED, len(cells)))[1]):
            if self.sweep(spawn, cells[cell], slim) is None:
                return int(label[cell])
        return -1
