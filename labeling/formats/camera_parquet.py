"""`camera.parquet` of a captured clip, in Unreal's axes (`dataset.clip`)."""

from pathlib import Path

import numpy as np

from dataset.clip import CameraTrack, track_from_table, track_to_table
from dataset.errors import OpenRelicError
from labeling.camera import camera_to_ue, intrinsics, ue_to_camera
from labeling.formats.trajectory import Intrinsics, Trajectory, increasing_times, trajectory

WIDTH, HEIGHT = 1280, 720


def read(path: Path) -> Trajectory:
    """The poses of a `camera.parquet`; intrinsics are those of a clip, 1280x720."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.ParquetFile(path).read(use_threads=False)
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise OpenRelicError(f"{path} is not a readable parquet file: {error}") from error
    track = track_from_table(table, str(path))
    wheres = [f"row {index}" for index in range(len(track))]
    R, P = ue_to_camera(track.location_cm, track.rotation_deg)
    pinhole = None
    if len(track):
        fx, fy, cx, cy = intrinsics(float(track.fov_deg[0]), WIDTH, HEIGHT)
        pinhole = Intrinsics(fx=fx, fy=fy, cx=cx, cy=cy, width=WIDTH, height=HEIGHT)
    time_s = increasing_times(path, wheres, track.time_s)
    return trajectory(path, R, P, time_s=time_s, intrinsics=pinhole)


def write(path: Path, poses: Trajectory, time_s: np.ndarray) -> None:
    """Write a `camera.parquet`."""
    import pyarrow.parquet as pq

    location_cm, rotation_deg = camera_to_ue(poses.R_cam_from_world, poses.position_m)
    pinhole = poses.intrinsics
    fov_deg = 90.0
    if pinhole is not None:
        fov_deg = float(np.rad2deg(2.0 * np.arctan(pinhole.width / (2.0 * pinhole.fx))))
    track = CameraTrack(
        time_s=time_s,
        location_cm=location_cm,
        rotation_deg=rotation_deg,
        fov_deg=np.full(len(poses), fov_deg),
    )
    pq.write_table(track_to_table(track), path, compression="zstd")
