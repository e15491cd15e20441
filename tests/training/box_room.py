"""A box of textured walls and what a camera in it sees, by ray casting: exact to a pixel's mean."""

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
    walls = [texture(seed + wall) for wall in range(6)]
    poses = zip(R_cam_from_world, position_m, strict=True)
    return np.stack([_picture(R, P, walls) for R, P in poses])


def _picture(R: np.ndarray, position_m: np.ndarray, walls: list[np.ndarray]) -> np.ndarray:
    import cv2

    fx, fy, cx, cy = INTRINSICS
    width, height = SIZE[0] * SAMPLES, SIZE[1] * SAMPLES
    u, v = np.meshgrid((np.arange(width) + 0.5) / SAMPLES, (np.arange(height) + 0.5) / SAMPLES)
    ray = np.stack([(u - cx) / fx, (v - cy) / fy, np.ones_like(u)], axis=-1) @ R
    ahead = np.where(ray > 0, HIGH_M, LOW_M)
    with np.errstate(divide="ignore"):
        reach = (ahead - position_m) / ray
    axis = np.nanargmin(np.abs(reach), axis=-1)
    hit = position_m + np.take_along_axis(reach, axis[..., None], -1) * ray
    wall = 2 * axis + (np.take_along_axis(ray, axis[..., None], -1)[..., 0] > 0)
    picture = np.zeros((height, width, 3), np.uint8)
    for number, paint in enumerate(walls):
        others = [one for one in range(3) if one != number // 2]
        at = (hit[..., others] / TEXEL_M % 512).astype(np.float32)
        seen = cv2.remap(
            paint, at[..., 0], at[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP
        )
        picture[wall == number] = seen[wall == number]
    return cv2.resize(picture, SIZE, interpolation=cv2.INTER_AREA)
