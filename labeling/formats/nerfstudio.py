"""nerfstudio `transforms.json`: camera-to-world matrices in OpenGL camera axes, a world with Z up.

Frames are taken in the natural order of their `file_path`. Distortion is not used for poses.
Definition: https://docs.nerf.studio/quickstart/data_conventions.html
"""

import json
from pathlib import Path
from typing import Any

import numpy as np

from dataset.errors import OpenRelicError
from labeling.camera import camera_to_world, opengl_camera, poses_from_camera_to_world
from labeling.formats.trajectory import (
    Intrinsics,
    PoseFileError,
    Trajectory,
    frame_names,
    natural_order,
    rotations,
    trajectory,
)

MATRIX_RULE = "`transform_matrix` must be a 4x4 matrix of numbers whose last row is 0 0 0 1"


def read(path: Path) -> Trajectory:
    """The poses of a `transforms.json`."""
    record = _json(path)
    frames = record.get("frames") if isinstance(record, dict) else None
    if not isinstance(frames, list):
        raise PoseFileError(path, "top level", "it must be an object with a list `frames`")
    matrices = [_matrix(path, index, frame) for index, frame in enumerate(frames)]
    names = [str(frame.get("file_path", index)) for index, frame in enumerate(frames)]
    order = natural_order(names)
    stacked = np.array([matrices[index] for index in order]).reshape(-1, 4, 4)
    wheres = [f"frames[{index}]" for index in order]
    stacked[:, :3, :3] = rotations(path, wheres, stacked[:, :3, :3])
    R, P = poses_from_camera_to_world(opengl_camera(stacked))
    return trajectory(
        path, R, P, intrinsics=_intrinsics(path, record), names=tuple(names[i] for i in order)
    )


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        line = f"line {error.lineno}" if isinstance(error, json.JSONDecodeError) else "its bytes"
        raise PoseFileError(path, line, f"it is not valid JSON ({error})") from error
    except OSError as error:
        raise OpenRelicError(f"{path} cannot be read: {error.strerror}") from error


def _matrix(path: Path, index: int, frame: Any) -> np.ndarray:
    try:
        matrix = np.array(frame["transform_matrix"], dtype=np.float64)
    except (KeyError, TypeError, ValueError) as error:
        raise PoseFileError(path, f"frames[{index}]", MATRIX_RULE) from error
    if matrix.shape != (4, 4) or not np.isfinite(matrix).all():
        raise PoseFileError(path, f"frames[{index}]", f"{MATRIX_RULE}; it is {matrix.shape}")
    if not np.allclose(matrix[3], [0, 0, 0, 1], atol=1e-9):
        raise PoseFileError(path, f"frames[{index}]", f"{MATRIX_RULE}; that is {matrix[3]}")
    return matrix


def _intrinsics(path: Path, record: dict[str, Any]) -> Intrinsics | None:
    if not {"w", "h"} <= record.keys() or not {"fl_x", "camera_angle_x"} & record.keys():
        return None
    try:
        width, height = int(record["w"]), int(record["h"])
        focal = record.get("fl_x") or width / 2 / np.tan(float(record["camera_angle_x"]) / 2)
        return Intrinsics(
            fx=float(focal),
            fy=float(record.get("fl_y", focal)),
            cx=float(record.get("cx", width / 2)),
            cy=float(record.get("cy", height / 2)),
            width=width,
            height=height,
        )
    except (TypeError, ValueError, ZeroDivisionError) as error:
        raise PoseFileError(
            path, "top level", f"its intrinsics must be numbers ({error})"
        ) from error


def write(path: Path, poses: Trajectory, time_s: np.ndarray) -> None:
    """Write a `transforms.json`; times stand in each frame's `time`, as 0 to 1 is not required."""
    matrices = opengl_camera(camera_to_world(poses.R_cam_from_world, poses.position_m))
    names = poses.names or tuple(f"images/{name}" for name in frame_names(len(poses)))
    record: dict[str, Any] = {"camera_model": "OPENCV"}
    if poses.intrinsics is not None:
        pinhole = poses.intrinsics
        record |= {"w": pinhole.width, "h": pinhole.height, "fl_x": pinhole.fx, "fl_y": pinhole.fy}
        record |= {"cx": pinhole.cx, "cy": pinhole.cy, "k1": 0.0, "k2": 0.0, "p1": 0.0, "p2": 0.0}
    record["frames"] = [
        {"file_path": name, "transform_matrix": matrix.tolist()}
        for name, matrix in zip(names, matrices, strict=True)
    ]
    path.write_text(json.dumps(record, indent=1) + "\n")
