"""RealEstate10K: a line with the video's address, then a line a frame of 19 numbers.

`timestamp_us fx fy cx cy 0 0` and the 12 numbers of a 3x4 world-to-camera matrix, row by row, in
OpenCV camera axes. Intrinsics are shares of the image's width and height. The scale is arbitrary.
Definition: https://google.github.io/realestate10k/download.html
"""

from pathlib import Path

import numpy as np

from labeling.camera import extrinsics, poses_from_extrinsics
from labeling.formats.trajectory import (
    Intrinsics,
    PoseFileError,
    Trajectory,
    all_lines,
    increasing_times,
    numbers_in,
    rotations,
    trajectory,
)

RULE = "a line must hold `timestamp fx fy cx cy k1 k2` and the 12 numbers of a 3x4 matrix"
# Intrinsics are relative, and the file does not say the size: one with RealEstate10K's aspect.
WIDTH, HEIGHT = 1280, 720


def read(path: Path) -> Trajectory:
    """The poses of a RealEstate10K file; intrinsics are given for an image of 1280x720."""
    lines = [(number, text) for number, text in all_lines(path) if text.strip()]
    if lines and len(lines[0][1].split()) == 1:
        lines = lines[1:]
    wheres = [f"line {number}" for number, _ in lines]
    rows = [numbers_in(path, number, text.split(), 19, RULE) for number, text in lines]
    table = np.array(rows).reshape(-1, 19)
    matrices = table[:, 7:].reshape(-1, 3, 4)
    matrices[:, :, :3] = rotations(path, wheres, matrices[:, :, :3])
    time_s = increasing_times(path, wheres, table[:, 0] * 1e-6)
    _check_pinhole(path, wheres, table)
    R, P = poses_from_extrinsics(matrices)
    return trajectory(path, R, P, time_s=time_s, intrinsics=_intrinsics(table))


def _check_pinhole(path: Path, wheres: list[str], table: np.ndarray) -> None:
    wrong = (table[:, 1:3] <= 0.0).any(axis=1)
    if wrong.any():
        raise PoseFileError(path, wheres[int(wrong.argmax())], "fx and fy must be above 0")


def _intrinsics(table: np.ndarray) -> Intrinsics | None:
    if len(table) == 0:
        return None
    fx, fy, cx, cy = (float(value) for value in table[0, 1:5])
    return Intrinsics(
        fx=fx * WIDTH, fy=fy * HEIGHT, cx=cx * WIDTH, cy=cy * HEIGHT, width=WIDTH, height=HEIGHT
    )


def write(path: Path, poses: Trajectory, time_s: np.ndarray) -> None:
    """Write a RealEstate10K file; times are rounded to microseconds."""
    pinhole = poses.intrinsics or Intrinsics(
        fx=WIDTH / 2, fy=WIDTH / 2, cx=WIDTH / 2, cy=HEIGHT / 2, width=WIDTH, height=HEIGHT
    )
    shares = [
        pinhole.fx / pinhole.width, pinhole.fy / pinhole.height,
        pinhole.cx / pinhole.width, pinhole.cy / pinhole.height, 0.0, 0.0,
    ]  # fmt: skip
    matrices = extrinsics(poses.R_cam_from_world, poses.position_m).reshape(-1, 12)
    lines = [path.stem]
    for time, matrix in zip(time_s, matrices, strict=True):
        numbers = " ".join(repr(float(value)) for value in (*shares, *matrix))
        lines.append(f"{round(time * 1e6)} {numbers}")
    path.write_text("\n".join(lines) + "\n")
