"""What a camera sees of a scene: its axes and matrix, and which clusters of triangles to draw.

Unreal's convention: left-handed, X forward, Y right, Z up, centimetres; a rotation is (pitch, yaw,
roll) in degrees. Positions go to the graphics card relative to the camera, so that a scene half a
kilometre wide does not lose precision where it is looked at.

Triangles are split once into clusters of neighbours; each view tests the clusters' boxes against
the frustum and draws the near ones first, so that the depth test rejects most of what is hidden
before it is shaded.
"""

from dataclasses import dataclass

import numpy as np

NEAR_CM = 3.0  # below the clearance that any tour keeps, high enough for 24 bits of depth
CLUSTER_TRIANGLES = 128  # smaller ones cull better, larger ones cost fewer draws


def camera_axes(rotation_deg: np.ndarray) -> np.ndarray:
    """Forward, right and up of a camera as the rows of a (3,3) matrix, in Unreal's world.

    `rotation_deg` is (pitch, yaw, roll); the formula is Unreal's FRotationMatrix.
    """
    pitch, yaw, roll = np.deg2rad(np.asarray(rotation_deg, np.float64))
    sp, cp, sy, cy, sr, cr = (f(a) for a in (pitch, yaw, roll) for f in (np.sin, np.cos))
    return np.array(
        [
            [cp * cy, cp * sy, sp],
            [sr * sp * cy - cr * sy, sr * sp * sy + cr * cy, -sr * cp],
            [-(cr * sp * cy + sr * sy), cy * sr - cr * sp * sy, cr * cp],
        ]
    )


@dataclass(frozen=True, kw_only=True)
class View:
    """One camera: everything that culling and the shaders need of it, float64."""

    location_cm: np.ndarray  # (3,)
    axes: np.ndarray  # (3,3) rows forward, right, up
    slope: np.ndarray  # (2,) tangent of half the horizontal and vertical field of view
    clip_from_relative: np.ndarray  # (4,4) on column vectors relative to the camera


def make_view(
    location_cm: np.ndarray,
    rotation_deg: np.ndarray,
    fov_deg: float,
    size: tuple[int, int],
    bounds_cm: np.ndarray,
) -> View:
    """The view of a camera with square pixels and a horizontal `fov_deg`.

    Clip space has y down, so that row 0 of what is read back is the image's top row. The far plane
    lies behind the farthest corner of `bounds_cm` (2,3).
    """
    location = np.asarray(location_cm, np.float64)
    axes = camera_axes(rotation_deg)
    slope = np.tan(np.deg2rad(fov_deg) / 2) * np.array([1.0, size[1] / size[0]])
    reach = np.maximum(np.abs(bounds_cm[0] - location), np.abs(bounds_cm[1] - location))
    far = max(float(np.linalg.norm(reach)) * 1.01, 10 * NEAR_CM)
    forward, right, up = axes
    clip = np.zeros((4, 4))
    clip[0, :3] = right / slope[0]
    clip[1, :3] = -up / slope[1]
    clip[2, :3] = forward * (far + NEAR_CM) / (far - NEAR_CM)
    clip[2, 3] = -2 * far * NEAR_CM / (far - NEAR_CM)
    clip[3, :3] = forward
    return View(location_cm=location, axes=axes, slope=slope, clip_from_relative=clip)


@dataclass(frozen=True, kw_only=True)
class Clusters:
    """C runs of neighbouring triangles in one index buffer."""

    first: np.ndarray  # (C,) int64 first triangle of each
    count: np.ndarray  # (C,) int64 triangles in each
    kind: np.ndarray  # (C,) of all of a cluster's triangles
    centre_cm: np.ndarray  # (C,3) of the boxes
    half_cm: np.ndarray  # (C,3) half the boxes' edges
    area_cm2: np.ndarray  # (C,) mean of the triangles

    def visible(self, view: View) -> np.ndarray:
        """Indices of the clusters whose box meets the frustum, nearest first."""
        clip = view.clip_from_relative
        planes = np.stack([clip[3] + clip[0], clip[3] - clip[0], clip[3] + clip[1],
                           clip[3] - clip[1], clip[3] + clip[2]])  # fmt: skip
        relative = self.centre_cm - view.location_cm
        reach = relative @ planes[:, :3].T + planes[:, 3] + self.half_cm @ np.abs(planes[:, :3]).T
        seen = np.flatnonzero((reach >= 0).all(1))
        return seen[np.argsort(self.distance_squared(view, seen), kind="stable")]

    def distance_squared(self, view: View, chosen: np.ndarray) -> np.ndarray:
        """Of the boxes `chosen` (K,) from the camera, roughly."""
        relative = self.centre_cm[chosen] - view.location_cm
        gap = np.maximum(np.abs(relative) - self.half_cm[chosen], 0)
        # Clusters around the camera all have no gap; their centres then decide.
        return (gap**2).sum(1) + 1e-3 * (relative**2).sum(1)

    def that_hide_most(self, view: View, chosen: np.ndarray, share: float) -> np.ndarray:
        """Which of the clusters `chosen` (K,) have triangles that look large, (K,) bool: those with
        the largest, which together have `share` of all."""
        looks = self.area_cm2[chosen] / self.distance_squared(view, chosen)
        order = np.argsort(-looks, kind="stable")
        total = np.cumsum(self.count[chosen][order])
        picked = np.zeros(len(chosen), bool)
        picked[order[total <= share * total[-1]]] = True
        return picked


def _mean_areas(corners_cm: np.ndarray, pieces: list[np.ndarray]) -> np.ndarray:
    a, b, c = np.moveaxis(corners_cm.astype(np.float64), 1, 0)
    area = np.linalg.norm(np.cross(b - a, c - a), axis=1) / 2
    return np.array([area[piece].mean() for piece in pieces], np.float64)


def split_into_clusters(corners_cm: np.ndarray, kind: np.ndarray) -> tuple[np.ndarray, Clusters]:
    """Cut (F,3,3) triangles into clusters of one `kind` (F,): an order (F,) of the triangles, and
    the clusters in it.

    Halves a set at the median of its longest axis until the pieces are small.
    """
    centroid = corners_cm.mean(1)
    pieces: list[np.ndarray] = []
    todo = [np.flatnonzero(kind == value) for value in np.unique(kind)[::-1]]
    while todo:
        piece = todo.pop()
        if len(piece) <= CLUSTER_TRIANGLES:
            pieces.append(np.sort(piece))
            continue
        axis = int(np.argmax(np.ptp(centroid[piece], axis=0)))
        half = len(piece) // 2
        order = piece[np.argsort(centroid[piece, axis], kind="stable")]
        todo += [order[half:], order[:half]]
    low = np.array([corners_cm[p].min((0, 1)) for p in pieces], np.float64).reshape(-1, 3)
    high = np.array([corners_cm[p].max((0, 1)) for p in pieces], np.float64).reshape(-1, 3)
    count = np.array([len(p) for p in pieces], np.int64)
    order = np.concatenate(pieces) if pieces else np.zeros(0, np.int64)
    clusters = Clusters(
        first=np.cumsum(count) - count,
        count=count,
        kind=kind[order[np.cumsum(count) - count]] if pieces else np.zeros(0, np.int64),
        centre_cm=(low + high) / 2,
        half_cm=(high - low) / 2,
        area_cm2=_mean_areas(corners_cm, pieces),
    )
    return order, clusters
