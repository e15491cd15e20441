"""KITTI odometry poses: the 12 numbers of a 3x4 matrix, row by row, one pose a line.

Camera to world, where the world is the first camera: x right, y down, z forward, metres. There are
no times, and which way is up is lost: read back, the first camera stands level.
Definition: the readme of KITTI's odometry development kit.
"""

from pathlib import Path

import numpy as np

from labeling.camera import (
    camera_to_world,
    from_first_camera,
    poses_from_camera_to_world,
    relative_to_first,
)
from labeling.formats.trajectory import Trajectory, number_rows, rotations, trajectory

RULE = "a line must hold the 12 numbers of a 3x4 camera-to-world matrix"


def read(path: Path) -> Trajectory:
    """The poses of a KITTI file."""
    rows = list(number_rows(path, 12, RULE))
    wheres = [f"line {number}" for number, _ in rows]
    matrices = np.array([values for _, values in rows]).reshape(-1, 3, 4)
    matrices[:, :, :3] = rotations(path, wheres, matrices[:, :, :3])
    R, P = from_first_camera(*poses_from_camera_to_world(matrices))
    return trajectory(path, R, P)


def write(path: Path, poses: Trajectory, time_s: np.ndarray) -> None:
    """Write a KITTI file, in the axes of the first camera; the times are lost."""
    first = relative_to_first(poses.R_cam_from_world, poses.position_m)
    rows = camera_to_world(*first)[:, :3].reshape(-1, 12)
    lines = (" ".join(repr(float(value)) for value in row) for row in rows)
    path.write_text("\n".join(lines) + "\n")
