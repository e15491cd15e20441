"""MeshBuilder: shapes in a movable local frame, collected into the arrays of a Geometry.

Lengths are cm in Unreal axes. A face's texture runs along `edge_u` and then `edge_v`, and its
normal is `edge_u x edge_v`; for upright faces u runs to the viewer's right and v downwards.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from math import ceil, cos, radians, sin

import numpy as np

from capture.engine.generate.kit.materials import Material

Vector = Sequence[float] | np.ndarray

# A box's faces: name, corner of the unit box where the texture starts, edge_u, edge_v.
_FACES = {
    "+x": ((1, 1, 1), (0, -1, 0), (0, 0, -1)),
    "-x": ((0, 0, 1), (0, 1, 0), (0, 0, -1)),
    "+y": ((0, 1, 1), (1, 0, 0), (0, 0, -1)),
    "-y": ((1, 0, 1), (-1, 0, 0), (0, 0, -1)),
    "+z": ((0, 0, 1), (1, 0, 0), (0, 1, 0)),
    "-z": ((0, 1, 0), (1, 0, 0), (0, -1, 0)),
}


@dataclass(frozen=True)
class _State:
    """What applies to the shapes added next."""

    origin: tuple[float, float, float] = (0.0, 0.0, 0.0)
    yaw_deg: float = 0.0
    object_id: int = 0
    emission: float = 0.0
    drawn: bool = True
    collides: bool = True
    occludes: bool = True  # whether the bake lets it block light


@dataclass(frozen=True)
class Mesh:
    """The collected arrays; as in scene.Geometry, plus which triangles block light in the bake."""

    position_cm: np.ndarray
    normal: np.ndarray
    uv: np.ndarray
    layer: np.ndarray
    emission: np.ndarray
    triangles: np.ndarray
    object_id: np.ndarray
    drawn: np.ndarray
    collides: np.ndarray
    occludes: np.ndarray


class MeshBuilder:
    """Adds shapes; `at`, `object` and `using` set where and as what."""

    def __init__(self) -> None:
        self._state = _State()
        self._vertices: list[tuple[np.ndarray, ...]] = []
        self._faces: list[tuple[np.ndarray, ...]] = []
        self._count = 0
        self._counters: dict[str, int] = {}
        self.objects: list[str] = []

    @contextmanager
    def using(self, **changes) -> Iterator[None]:
        """Change emission, drawn, collides or occludes for what is added inside."""
        before = self._state
        self._state = replace(before, **changes)
        try:
            yield
        finally:
            self._state = before

    @contextmanager
    def object(self, kind: str) -> Iterator[None]:
        """What is added inside is one object, named `kind_1`, `kind_2`, ..."""
        self._counters[kind] = self._counters.get(kind, 0) + 1
        self.objects.append(f"{kind}_{self._counters[kind]}")
        with self.using(object_id=len(self.objects)):
            yield

    @property
    def present_object(self) -> int:
        """The id of the object that is being added, 0 outside of any."""
        return self._state.object_id

    @contextmanager
    def at(self, x: float, y: float, z: float = 0.0, yaw_deg: float = 0.0) -> Iterator[None]:
        """Move the local frame: to (x, y, z) in the present frame, then turned by yaw."""
        point = self.to_world(np.array([[x, y, z]]))[0]
        yaw = self._state.yaw_deg + yaw_deg
        with self.using(origin=tuple(point.tolist()), yaw_deg=yaw):
            yield

    def to_world(self, points: np.ndarray, directions: bool = False) -> np.ndarray:
        """Local points (or directions) to the world, (N,3)."""
        c, s = cos(radians(self._state.yaw_deg)), sin(radians(self._state.yaw_deg))
        turned = points @ np.array([[c, s, 0], [-s, c, 0], [0, 0, 1.0]])
        return turned if directions else turned + self._state.origin

    def add(
        self, points: np.ndarray, normals: np.ndarray, uv: np.ndarray, layer, triangles: np.ndarray
    ) -> None:
        """Add local vertices (N,3), normals, uv (N,2), layer (int or (N,)) and faces (M,3)."""
        state, count, faces = self._state, len(points), len(triangles)
        self._vertices.append(
            (
                self.to_world(points),
                self.to_world(normals, True),
                uv,
                np.broadcast_to(np.int32(layer), count),
                np.broadcast_to(np.float32(state.emission), count),
            )
        )
        flags = (state.object_id, state.drawn, state.collides, state.occludes)
        self._faces.append((triangles + self._count, *(np.broadcast_to(f, faces) for f in flags)))
        self._count += count

    def build(self) -> Mesh:
        """The arrays of everything added."""
        position, normal, uv, layer, emission = map(
            np.concatenate, zip(*self._vertices, strict=True)
        )
        triangles, object_id, drawn, collides, occludes = map(
            np.concatenate, zip(*self._faces, strict=True)
        )
        return Mesh(
            position.astype(np.float32),
            normal.astype(np.float32),
            uv.astype(np.float32),
            layer.astype(np.int32),
            emission.astype(np.float32),
            triangles.astype(np.int32),
            object_id.astype(np.int32),
            drawn.astype(bool),
            collides.astype(bool),
            occludes.astype(bool),
        )

    def quad(
        self, origin: Vector, edge_u: Vector, edge_v: Vector, material: Material, cell: float = 1e9
    ) -> None:
        """A parallelogram, cut into cells of at most `cell` cm."""
        origin, edge_u, edge_v = (np.asarray(v, float) for v in (origin, edge_u, edge_v))
        length_u, length_v = float(np.linalg.norm(edge_u)), float(np.linalg.norm(edge_v))
        s = np.linspace(0, 1, max(1, ceil(length_u / cell - 1e-6)) + 1)
        t = np.linspace(0, 1, max(1, ceil(length_v / cell - 1e-6)) + 1)
        self.patch(origin, edge_u, edge_v, s, t, material)

    def patch(
        self,
        origin: np.ndarray,
        edge_u: np.ndarray,
        edge_v: np.ndarray,
        s: np.ndarray,
        t: np.ndarray,
        material: Material,
        holes: Sequence[tuple[float, float, float, float]] = (),
    ) -> None:
        """A flat grid with lines at fractions `s`, `t` of its edges, without the cells in `holes`.

        A hole is (s0, t0, s1, t1).
        """
        tt, ss = np.meshgrid(t, s, indexing="ij")
        points = origin + ss.reshape(-1, 1) * edge_u + tt.reshape(-1, 1) * edge_v
        lengths = float(np.linalg.norm(edge_u)), float(np.linalg.norm(edge_v))
        uv = surface_uv(ss.ravel(), tt.ravel(), lengths, material)
        normal = np.cross(edge_u, edge_v)
        normals = np.broadcast_to(normal / np.linalg.norm(normal), points.shape)
        keep = np.ones((len(t) - 1, len(s) - 1), bool)
        middle_s, middle_t = (s[1:] + s[:-1]) / 2, (t[1:] + t[:-1]) / 2
        for s0, t0, s1, t1 in holes:
            keep &= ~np.outer((middle_t > t0) & (middle_t < t1), (middle_s > s0) & (middle_s < s1))
        self.add(points, normals, uv, material.layer, grid_triangles(len(t), len(s), keep))

    def box(
        self, low: Vector, high: Vector, material: Material, cell: float = 1e9, skip: str = ""
    ) -> None:
        """A box; `skip` names faces left out, such as "-z+x"."""
        low, high = np.asarray(low, float), np.asarray(high, float)
        if cell >= (high - low).max() and not skip:
            return self.boxes(low[None], high[None], [material])
        for name, (corner, u, v) in _FACES.items():
            if name not in skip:
                self.quad(
                    low + corner * (high - low), u * (high - low), v * (high - low), material, cell
                )

    def boxes(self, lows: np.ndarray, highs: np.ndarray, materials: Sequence[Material]) -> None:
        """N undivided boxes at once: lows, highs (N,3), one material each."""
        size = (highs - lows)[:, None, None]  # (N,1,1,3)
        points = lows[:, None, None] + _BOX_POINTS * size  # (N,6,4,3)
        lengths = np.stack(
            [np.abs(_BOX_U * size[:, :, 0]).sum(-1), np.abs(_BOX_V * size[:, :, 0]).sum(-1)], -1
        )
        rects = np.array([_rect_or_nan(m) for m in materials])[:, None, None]  # (N,1,1,4)
        scale = lengths / np.array([m.size_cm for m in materials])[:, None]  # (N,6,2)
        stretched = rects[..., :2] + _BOX_ST * (rects[..., 2:] - rects[..., :2])
        uv = np.where(np.isnan(rects[..., :2]), _BOX_ST * scale[:, :, None], stretched)
        layer = np.repeat([m.layer for m in materials], 24)
        normals = np.broadcast_to(_BOX_NORMALS[:, None], (len(lows), 6, 4, 3))
        corners = np.arange(6 * len(lows))[:, None, None] * 4 + [[0, 1, 3], [0, 3, 2]]
        self.add(
            points.reshape(-1, 3),
            normals.reshape(-1, 3),
            uv.reshape(-1, 2),
            layer,
            corners.reshape(-1, 3),
        )

    def surface(self, points: np.ndarray, material: Material, closed_u: bool = False) -> None:
        """A smooth surface through a grid of points (rows along v, columns along u, 3).

        `closed_u`: the last column meets the first, so their normals are shared.
        """
        du, dv = _gradient(points, 1, closed_u), _gradient(points, 0, False)
        normals = np.cross(du, dv)
        length = np.linalg.norm(normals, axis=-1, keepdims=True)
        normals = np.where(length < 1e-6, normals.sum((0, 1)), normals / np.maximum(length, 1e-9))
        normals /= np.maximum(np.linalg.norm(normals, axis=-1, keepdims=True), 1e-9)
        steps_u = np.linalg.norm(np.diff(points, axis=1), axis=2).mean(0)
        steps_v = np.linalg.norm(np.diff(points, axis=0), axis=2).mean(1)
        s, t = np.append(0, np.cumsum(steps_u)), np.append(0, np.cumsum(steps_v))
        tt, ss = np.meshgrid(t / max(t[-1], 1e-9), s / max(s[-1], 1e-9), indexing="ij")
        uv = surface_uv(ss.ravel(), tt.ravel(), (s[-1], t[-1]), material)
        rows, columns = points.shape[:2]
        faces = grid_triangles(rows, columns)
        self.add(points.reshape(-1, 3), normals.reshape(-1, 3), uv, material.layer, faces)


def surface_uv(
    s: np.ndarray, t: np.ndarray, lengths_cm: tuple[float, float], material: Material
) -> np.ndarray:
    """Texture coordinates (N,2) at fractions s, t of a face of the given size."""
    if material.rect is not None:
        u0, v0, u1, v1 = material.rect
        return np.stack([u0 + s * (u1 - u0), v0 + t * (v1 - v0)], 1)
    (length_u, length_v), (size_u, size_v) = lengths_cm, material.size_cm
    return np.stack([s * (length_u / size_u), t * (length_v / size_v)], 1)


def grid_triangles(rows: int, columns: int, keep: np.ndarray | None = None) -> np.ndarray:
    """Two triangles for each (kept) cell of a grid of rows x columns points."""
    index = np.arange(rows * columns).reshape(rows, columns)
    corners = np.stack([index[:-1, :-1], index[:-1, 1:], index[1:, :-1], index[1:, 1:]], -1)
    corners = corners.reshape(-1, 4) if keep is None else corners[keep]
    return corners[:, [0, 1, 3, 0, 3, 2]].reshape(-1, 3)


def _gradient(points: np.ndarray, axis: int, closed: bool) -> np.ndarray:
    if not closed:
        return np.gradient(points, axis=axis)
    body = points[:, :-1]
    slope = np.roll(body, -1, axis) - np.roll(body, 1, axis)
    return np.concatenate([slope, slope[:, :1]], axis)


def _rect_or_nan(material: Material) -> tuple[float, ...]:
    return material.rect or (np.nan,) * 4


_BOX_ST = np.array([[0, 0], [1, 0], [0, 1], [1, 1.0]])
_BOX_U = np.array([f[1] for f in _FACES.values()], float)
_BOX_V = np.array([f[2] for f in _FACES.values()], float)
_BOX_NORMALS = np.cross(_BOX_U, _BOX_V)
_BOX_POINTS = (
    np.array([f[0] for f in _FACES.values()], float)[:, None]
    + _BOX_ST[:, :1] * _BOX_U[:, None]
    + _BOX_ST[:, 1:] * _BOX_V[:, None]
)
