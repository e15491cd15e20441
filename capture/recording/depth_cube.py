"""What a camera sees all around one place: the free space that its depth images prove.

Six square views with a field of view of 90° tile the sphere. Seen from the centre, everything
along a ray up to its depth is free; a sphere elsewhere is free if every ray that meets it reaches
beyond it. Rays are `RESOLUTION` to a right angle, so what is thinner than a ray's width at the
distance at which it is judged may slip between two of them: each ray counts as no longer than its
shortest neighbour, and places farther away than `REACH_CM` are not judged.
"""

from collections.abc import Callable
from functools import cache

import numpy as np
from scipy.ndimage import minimum_filter
from scipy.spatial import KDTree

from capture.sessions.client import EngineLostError
from labeling.camera import ue_axes

RESOLUTION = 128
BLOCK = 8  # rays of a side that are first judged together
REACH_CM = 200.0
FAR_CM = 60000.0  # depth of the sky, and what else is endless
FAST_SLACK = 1e-3  # cosines are compared in float32
SEAM_LOG_RATIO = 0.1  # a seam is broken where depth differs by more, in the median
BROKEN_SEAMS = 4  # of twelve
ATTEMPTS = 2

# Pitch, yaw, roll of the six views: around the horizon, then up and down.
FACES_DEG = np.array(
    [[0, 0, 0], [0, 90, 0], [0, 180, 0], [0, -90, 0], [90, 0, 0], [-90, 0, 0]], dtype=np.float64
)

Draw = Callable[[np.ndarray, np.ndarray], np.ndarray]  # (6,3) cm, (6,3) deg -> (6,S,S) depth


@cache
def _rays() -> tuple[np.ndarray, np.ndarray]:
    """Unit directions (6,S,S,3) of the rays, and length of a ray over its depth (S,S)."""
    slope = (np.arange(RESOLUTION) + 0.5) / RESOLUTION * 2 - 1
    right_slope, down_slope = np.meshgrid(slope, slope)
    stretch = np.sqrt(1 + right_slope**2 + down_slope**2)
    forward, right, up = (axis[:, None, None] for axis in ue_axes(FACES_DEG))
    rays = forward + right_slope[..., None] * right - down_slope[..., None] * up
    return (rays / stretch[..., None]).astype(np.float32), stretch


@cache
def _blocks() -> tuple[np.ndarray, np.ndarray]:
    """Mean directions (B,3) of the blocks of rays, and the widest angle (B,) from them, rad."""
    rays = _blocked(_rays()[0])
    middle = rays.mean(axis=1)
    middle /= np.linalg.norm(middle, axis=1, keepdims=True)
    cosine = np.einsum("bij,bj->bi", rays, middle).min(axis=1)
    return middle, np.arccos(np.clip(cosine, -1, 1)) + 1.0 / RESOLUTION


def _blocked(values: np.ndarray) -> np.ndarray:
    """Values (6,S,S,...) of the rays grouped as (B, rays of a block, ...)."""
    count = RESOLUTION // BLOCK
    shape = values.shape[3:]
    split = values.reshape(6, count, BLOCK, count, BLOCK, *shape)
    return np.moveaxis(split, 2, 3).reshape(6 * count * count, BLOCK * BLOCK, *shape)


class DepthCube:
    """The surroundings of one place, `centre_cm` (3,)."""

    def __init__(self, centre_cm: np.ndarray, depth_cm: np.ndarray) -> None:
        """From the planar depth (6,S,S), finite, of the views `FACES_DEG`."""
        self.centre_cm = np.asarray(centre_cm, np.float64)
        rays, stretch = _rays()
        reach = (depth_cm * stretch).astype(np.float32)
        shortest = np.stack([minimum_filter(face, size=3, mode="nearest") for face in reach])
        self._rays = rays.reshape(-1, 3)
        self._seen = reach.reshape(-1)  # where each ray ends
        self._sure = shortest.reshape(-1)  # up to where it and its neighbours are free
        self._block_sure = _blocked(shortest).min(axis=1)

    @property
    def nearest_cm(self) -> float:
        """Distance from the centre to the nearest surface seen."""
        return float(self._seen.min())

    @property
    def below_cm(self) -> float:
        """Height of the centre above what is straight below."""
        at = 5 * RESOLUTION**2 + RESOLUTION // 2 * (RESOLUTION + 1)
        return float(self._seen[at])

    def clear(self, points_cm: np.ndarray, radius_cm: float) -> np.ndarray:
        """Whether spheres around points (K,3) are proven free, (K,) bool; False: not seen whole.

        Only up to the first that is not: what follows it is False.
        """
        offset = (points_cm - self.centre_cm).astype(np.float32)
        distance = np.linalg.norm(offset, axis=1)
        near = distance + radius_cm <= REACH_CM
        free = self._clear_by_blocks(offset, distance, radius_cm) & near
        for point in np.flatnonzero(~free):
            if not near[point] or not self._clear_by_rays(offset[point], radius_cm):
                free[point:] = False
                break
            free[point] = True
        return free

    def _clear_by_blocks(
        self, offset: np.ndarray, distance: np.ndarray, radius_cm: float
    ) -> np.ndarray:
        """Quick and cautious: whole blocks of rays as long as the shortest of them."""
        middle, width = _blocks()
        apart = np.maximum(distance, 1e-6)
        half_angle = np.where(apart > radius_cm, np.arcsin(np.minimum(1, radius_cm / apart)), np.pi)
        angle = np.arccos(np.clip(middle @ (offset / apart[:, None]).T, -1, 1))  # (B,K)
        meets = angle <= half_angle + width[:, None] + FAST_SLACK
        return ~(meets & (self._block_sure[:, None] < distance + radius_cm)).any(axis=0)

    def _clear_by_rays(self, offset: np.ndarray, radius_cm: float) -> bool:
        """Every ray that meets the sphere is free to where it leaves it."""
        along = self._rays @ offset
        inside = along**2 - (offset @ offset - radius_cm**2)
        leaves = along + np.sqrt(np.maximum(inside, 0))
        return not ((inside > 0) & (leaves > 0) & (self._sure < leaves)).any()

    def touched(self, point_cm: np.ndarray, radius_cm: float) -> bool:
        """Whether a surface that was seen is inside the sphere: no other view can free it."""
        offset = (point_cm - self.centre_cm).astype(np.float32)
        squared = self._seen**2 - 2 * self._seen * (self._rays @ offset) + offset @ offset
        return bool((squared < radius_cm**2).any())

    def view_cm(self, direction: np.ndarray, radius_cm: float) -> float:
        """Distance from the centre at which a sphere along a unit direction (3,) touches."""
        along = self._seen * (self._rays @ np.asarray(direction, np.float32))
        aside = np.sqrt(np.maximum(self._seen**2 - along**2, 0))
        # Far away the rays are farther apart than the sphere is wide.
        width = np.maximum(radius_cm, 1.5 * along / RESOLUTION)
        hit = along[(along > 0) & (aside <= width)]
        return max(0.0, float(hit.min()) - radius_cm) if len(hit) else FAR_CM


@cache
def _seams() -> tuple[np.ndarray, np.ndarray]:
    """Numbers of the rays along the 24 edges (24,S), and of those across the seam (24,S)."""
    number = np.arange(6 * RESOLUTION**2).reshape(6, RESOLUTION, RESOLUTION)
    edges = [
        edge
        for face in number
        for edge in (face[0], face[-1], face[:, 0], face[:, -1])
    ]  # fmt: skip
    rays = _rays()[0].reshape(-1, 3)
    across = []
    for edge in edges:
        own = edge[0] // RESOLUTION**2
        others = np.concatenate([other for other in edges if other[0] // RESOLUTION**2 != own])
        across.append(others[KDTree(rays[others]).query(rays[edge])[1]])
    return np.stack(edges), np.stack(across)


def _fits_together(depth_cm: np.ndarray) -> bool:
    """Views of one place continue across their seams; stale or mixed-up ones do not.

    A wall may end at a seam by chance; a view that is wrong breaks all of its four.
    """
    along, across = _seams()
    depth = np.log(np.maximum(depth_cm.reshape(-1), 1e-3))
    broken = np.median(np.abs(depth[along] - depth[across]), axis=1) > SEAM_LOG_RATIO
    return int(broken.sum()) < 2 * BROKEN_SEAMS


def draw_cube(draw: Draw, centre_cm: np.ndarray) -> DepthCube:
    """Look around from a place; views that do not fit together, even when they are drawn again,
    raise `EngineLostError`."""
    for _ in range(ATTEMPTS):
        depth = draw(np.broadcast_to(centre_cm, (6, 3)), FACES_DEG)
        if depth.shape != (6, RESOLUTION, RESOLUTION):
            raise EngineLostError(
                f"depth has shape {depth.shape}, not {(6, RESOLUTION, RESOLUTION)}: the engine "
                "keeps to another image size than asked for"
            )
        finite = np.where(np.isfinite(depth), np.minimum(depth, FAR_CM), FAR_CM)
        if _fits_together(finite):
            return DepthCube(centre_cm, finite)
    raise EngineLostError(
        f"depth images around {np.round(centre_cm).tolist()} do not fit together: the engine draws "
        "them with other poses or another fov than asked for"
    )
