"""A box of textured walls and what a camera in it sees, by ray casting: exact to a pixel's mean."""

from functools import cache

import numpy as np

from labeling.camera import intrinsics
from tests.dataset.plane_world import texture

SIZE = (192, 108)
SAMPLES = 2
"""Rays a side of a pixel."""
LOW_M = np.array([-5.0, -4.0, -1.5])
HIGH_M = np.array([7.0, 5.0, 2.0])
TEXEL_M = 0.015
INTRINSICS = np.array(intrinsics(90.0, *SIZE))


def room_pictures(R_cam_from_world: np.ndarray, position_m: np.ndarray, seed: int = 0):
    """(T, H, W, 3) uint8, RGB, of cameras in the project's world."""
    walls = np.stack([texture(seed + wall) for wall in range(6)]).reshape(-1, 3)
    poses = zip(R_cam_from_world, position_m, strict=True)
    return np.stack([_picture(R, P, walls) for R, P in poses])


@cache
def _rays() -> np.ndarray:
    """(3, rays) float32 in OpenCV camera axes."""
    fx, fy, cx, cy = INTRINSICS
    across, down = (np.arange(side * SAMPLES) + 0.5 for side in SIZE)
    u, v = np.meshgrid(across / SAMPLES, down / SAMPLES)
    rays = np.stack([(u - cx) / fx, (v - cy) / fy, np.ones_like(u)])
    return rays.reshape(3, -1).astype(np.float32)


def _picture(R: np.ndarray, position_m: np.ndarray, walls: np.ndarray) -> np.ndarray:
    import cv2

    ray = R.T.astype(np.float32) @ _rays()
    to_low, to_high = ((edge - position_m).astype(np.float32)[:, None] for edge in (LOW_M, HIGH_M))
    ray = np.where(ray == 0, np.float32(1e-9), ray)
    reach = np.where(ray > 0, to_high, to_low) / ray
    axis = reach.argmin(axis=0)
    hit = (position_m.astype(np.float32)[:, None] + reach.min(axis=0) * ray) / TEXEL_M
    at = np.floor(hit).astype(np.int64) % 512
    # The wall that is met, then the two coordinates on it.
    first, second = np.where(axis == 0, at[1], at[0]), np.where(axis == 2, at[1], at[2])
    wall = 2 * axis + (np.take_along_axis(ray, axis[None], 0)[0] > 0)
    colours = walls[(wall * 512 + first) * 512 + second]
    picture = colours.reshape(SIZE[1] * SAMPLES, SIZE[0] * SAMPLES, 3)
    return cv2.resize(picture, SIZE, interpolation=cv2.INTER_AREA)
