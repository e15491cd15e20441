"""Pose files of Unreal cameras: CSV with a header that names `COLUMNS`.

Unreal's own axes and units (left-handed, X forward, Y right, Z up). It is what an engine's
recorder writes and what `capture.plan` takes.
"""

from pathlib import Path

import numpy as np

from labeling.camera import camera_to_ue, ue_to_camera
from labeling.formats.trajectory import (
    PoseFileError,
    Trajectory,
    increasing_times,
    numbers_in,
    text_lines,
    trajectory,
)

COLUMNS = ("time_s", "x_cm", "y_cm", "z_cm", "pitch_deg", "yaw_deg", "roll_deg")
RULE = f"a line must hold {','.join(COLUMNS)}"


def read(path: Path) -> Trajectory:
    """The poses of a CSV file; the columns may stand in any order, others are ignored."""
    lines = list(text_lines(path))
    header = [name.strip() for name in lines[0][1].split(",")] if lines else []
    missing = [name for name in COLUMNS if name not in header]
    if missing:
        raise PoseFileError(
            path, f"line {lines[0][0] if lines else 1}",
            f"the header must name {','.join(COLUMNS)}; {', '.join(missing)} is missing",
        )  # fmt: skip
    rows = [numbers_in(path, n, text.split(","), len(header), RULE) for n, text in lines[1:]]
    table = np.array(rows).reshape(-1, len(header))[:, [header.index(name) for name in COLUMNS]]
    wheres = [f"line {number}" for number, _ in lines[1:]]
    time_s = increasing_times(path, wheres, table[:, 0])
    R, P = ue_to_camera(table[:, 1:4], table[:, 4:])
    return trajectory(path, R, P, time_s=time_s)


def write(path: Path, poses: Trajectory, time_s: np.ndarray) -> None:
    """Write a CSV file; numbers keep every bit of their float64."""
    location_cm, rotation_deg = camera_to_ue(poses.R_cam_from_world, poses.position_m)
    table = np.concatenate([time_s[:, None], location_cm, rotation_deg], axis=1)
    lines = [",".join(COLUMNS)]
    lines += [",".join(repr(float(value)) for value in row) for row in table]
    path.write_text("\n".join(lines) + "\n")
