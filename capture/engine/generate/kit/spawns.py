"""Start points: moved to where there is room for a camera and turned to where there is a view."""

import igl
import numpy as np

from capture.engine.generate.kit.mesh import Mesh
from capture.engine.generate.kit.rays import RayTracer

_TURNS_DEG = np.array([0, 20, -20, 40, -40, 65, -65, 90, -90, 120, -120, 150, -150, 180.0])
_FAN_DEG = np.array([-24, -12, 0, 12, 24.0])


def settle_spawns(
    mesh: Mesh, wanted: np.ndarray, clearance_cm: float, view_cm: float, roam_cm: np.ndarray
) -> np.ndarray:
    """Spawns (N,4) near the wanted ones with `clearance_cm` around them.

    Each is turned as little as possible until nothing stands within `view_cm` before it.
    """
    position = _nearest_free(mesh, wanted, clearance_cm, roam_cm)
    yaw = _open_yaw(mesh, position, wanted[:, 3], view_cm)
    return np.column_stack([position, yaw])


def _nearest_free(
    mesh: Mesh, wanted: np.ndarray, clearance_cm: float, roam_cm: np.ndarray
) -> np.ndarray:
    """The nearest free point of a spiral about each wanted one, (N,3); else its freest point."""
    vertices = mesh.position_cm.astype(np.float64)
    faces = mesh.triangles[mesh.collides].astype(np.int64)
    tree = igl.AABB()
    tree.init(vertices, faces)
    inside = _Insides(mesh)
    index = np.arange(240)
    radius, angle = 20 * np.sqrt(index), index * np.pi * (3 - 5**0.5)
    spiral = np.stack([radius * np.cos(angle), radius * np.sin(angle), 0 * angle], 1)
    chosen = []
    for spawn in wanted:
        places = spawn[:3] + spiral
        distance = np.sqrt(tree.squared_distance(vertices, faces, places)[0])
        distance[((places < roam_cm[0]) | (places > roam_cm[1])).any(1)] = 0
        distance[inside(places)] = 0
        free = np.flatnonzero(distance >= clearance_cm)
        chosen.append(places[free[0] if len(free) else int(np.argmax(distance))])
    return np.array(chosen)


class _Insides:
    """Tells places in a rock, in a house that is seen from outside only, or under the ground."""

    def __init__(self, mesh: Mesh) -> None:
        self._faces = mesh.triangles[mesh.collides]
        self._normal = mesh.normal[self._faces].mean(1)
        self._tracer = RayTracer(mesh.position_cm[self._faces])

    def __call__(self, places: np.ndarray) -> np.ndarray:
        """Which of the places (N,3) have the backs of surfaces above and beside them, (N,) bool."""
        above, *beside = (
            self._backs(places, np.array(way, float))
            for way in ((0, 0, 1), (1, 0, 0), (-1, 0, 0), (0, 1, 0), (0, -1, 0))
        )
        return above & (np.sum(beside, 0) >= 2)

    def _backs(self, places: np.ndarray, way: np.ndarray) -> np.ndarray:
        """From which places the first thing seen that way is the back of a surface, (N,) bool."""
        hit = self._tracer.first_hit(places, np.broadcast_to(way, places.shape))
        return (hit >= 0) & (self._normal[hit] @ way > 0)


def _open_yaw(mesh: Mesh, position: np.ndarray, yaw_deg: np.ndarray, view_cm: float) -> np.ndarray:
    """For each place the yaw nearest to the given one with a free view, else the freest."""
    tracer = RayTracer(mesh.position_cm[mesh.triangles[mesh.drawn]])
    yaws = yaw_deg[:, None] + _TURNS_DEG
    fan = np.radians(yaws[..., None] + _FAN_DEG)
    directions = np.stack([np.cos(fan), np.sin(fan), np.full(fan.shape, -0.12)], -1)
    directions /= np.linalg.norm(directions, axis=-1, keepdims=True)
    origins = np.broadcast_to(position[:, None, None], directions.shape).reshape(-1, 3)
    reach = tracer.distance(origins, directions.reshape(-1, 3)).reshape(fan.shape).min(-1)
    enough = reach >= view_cm
    best = np.where(enough.any(1), enough.argmax(1), reach.argmax(1))
    return (yaws[np.arange(len(yaws)), best] + 180) % 360 - 180
