"""TUM RGB-D trajectories: `timestamp tx ty tz qx qy qz qw`, one pose a line.

Camera to world, OpenCV camera axes (z forward), metres and seconds; the world is ours (Z up).
Definition: https://cvg.cit.tum.de/data/datasets/rgbd-dataset/file_formats
"""

from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from labeling.formats.trajectory import (
    Trajectory,
    increasing_times,
    number_rows,
    trajectory,
    unit_quaternions,
)

RULE = "a line must hold `timestamp tx ty tz qx qy qz qw`"


def read(path: Path) -> Trajectory:
    """The poses of a TUM file."""
    rows = list(number_rows(path, 8, RULE))
    wheres = [f"line {number}" for number, _ in rows]
    table = np.array([values for _, values in rows]).reshape(-1, 8)
    time_s = increasing_times(path, wheres, table[:, 0])
    turned = Rotation.from_quat(unit_quaternions(path, wheres, table[:, 4:]).reshape(-1, 4))
    R = np.swapaxes(turned.as_matrix(), 1, 2)
    return trajectory(path, R, table[:, 1:4], time_s=time_s, quaternions=table[:, 4:])


def write(path: Path, poses: Trajectory, time_s: np.ndarray) -> None:
    """Write a TUM file; numbers keep every bit of their float64."""
    quaternions = Rotation.from_matrix(np.swapaxes(poses.R_cam_from_world, 1, 2)).as_quat()
    table = np.concatenate([time_s[:, None], poses.position_m, quaternions], axis=1)
    lines = ["# timestamp tx ty tz qx qy qz qw"]
    lines += [" ".join(repr(float(value)) for value in row) for row in table]
    path.write_text("\n".join(lines) + "\n")
