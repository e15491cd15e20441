"""Recorded camera paths: strict reading, a content-addressed copy in the workspace, 16 fps.

A pose file is CSV with the header `time_s,x_cm,y_cm,z_cm,pitch_deg,yaw_deg,roll_deg`, or parquet
with these columns: Unreal's axes, times in seconds that grow from row to row. The workspace keeps
it as `poses/<digest>.parquet`, the digest being that of the numbers.

A recorder's rate is rarely 16 a second. Between rows, positions follow a monotone cubic (PCHIP) and
rotations the shortest turn at constant speed (slerp). Neither overshoots: a camera that rests
between two rows rests exactly, and a path stays between the places that were recorded. At 30 rows
a second a camera that brakes by 2 m/s² and 100 °/s² is met to 0.3 mm and 0.02°.
"""

import csv
import hashlib
import io
from pathlib import Path as FilePath

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from capture.tours.rows import PlanRow
from capture.tours.steering import Path
from dataset.clip import FPS
from dataset.errors import OpenRelicError
from dataset.workspace import Workspace
from labeling.camera import rotation_distance_rad, ue_to_camera

POSES = "poses"
COLUMNS = ("time_s", "x_cm", "y_cm", "z_cm", "pitch_deg", "yaw_deg", "roll_deg")
HEADER = ",".join(COLUMNS)

# Between rows further apart than this the way is a guess.
MAX_GAP_S, MAX_TURN_DEG = 1.0, 90.0


def read_pose_file(path: FilePath) -> np.ndarray:
    """The poses (N,7) of a CSV or parquet file, columns as `COLUMNS`, float64.

    Raises `OpenRelicError` that names the line (of a CSV; the row of a parquet file) and the rule
    that it breaks.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise OpenRelicError(f"pose file {path} cannot be read: {error.strerror}") from error
    if data[:4] == b"PAR1":
        poses, first_line = _from_parquet(data, str(path)), None
    else:
        poses, first_line = _from_csv(data, str(path)), 2
    _check(poses, str(path), first_line)
    return poses


def poses_path(poses: np.ndarray) -> str:
    """Where a workspace keeps poses (N,7): their values decide."""
    return f"{POSES}/{_digest(poses)}.parquet"


def store_poses(workspace: Workspace, poses: np.ndarray) -> None:
    """Keep poses (N,7) at their `poses_path`, durably."""
    if not workspace.exists(poses_path(poses)):
        columns = {name: poses[:, index] for index, name in enumerate(COLUMNS)}
        workspace.write_table(poses_path(poses), pa.table(columns))


def load_pose_file(workspace: Workspace, row: PlanRow) -> Path:
    """The path of a recorded tour, a pose a frame; refused unless it is what was planned."""
    where = f"{workspace.location}/{row.pose_file}"
    again = f"plan {row.tour_id} again from the recording with capture.plan --poses"
    if row.pose_file is None or not workspace.exists(row.pose_file):
        raise OpenRelicError(f"{where}, the path of {row.tour_id}, is missing; {again}")
    table = workspace.read_table(row.pose_file)
    poses = _from_table(table, where)
    if row.pose_file != poses_path(poses):
        raise OpenRelicError(
            f"{where} is damaged: it holds other poses than its name says; {again}"
        )
    path = resampled(poses)
    if len(path) != row.frames:
        raise OpenRelicError(
            f"{where} lasts {len(path)} frames, but {row.frames} are planned; {again}"
        )
    return path


def resampled(poses: np.ndarray) -> Path:
    """Poses (N,7) at their own times as a path at 16 fps, from the first time on."""
    from scipy.interpolate import PchipInterpolator
    from scipy.spatial.transform import Rotation, Slerp

    time_s = poses[:, 0] - poses[0, 0]
    R, position_m = ue_to_camera(poses[:, 1:4], poses[:, 4:])
    # The last row may be a rounding error short of a whole frame.
    at_s = np.minimum(np.arange(frame_count(poses)) / FPS, time_s[-1])
    return Path(
        R=Slerp(time_s, Rotation.from_matrix(R))(at_s).as_matrix(),
        position_m=PchipInterpolator(time_s, position_m, axis=0)(at_s),
    )


def frame_count(poses: np.ndarray) -> int:
    """Frames at 16 fps that poses (N,7) last, the first and the last included."""
    return int(np.floor((poses[-1, 0] - poses[0, 0]) * FPS + 1e-6)) + 1


def _digest(poses: np.ndarray) -> str:
    """SHA-256 of the values, as hex: no writer's version or compression has a part in it."""
    canonical = np.ascontiguousarray(poses + 0.0, dtype="<f8")  # -0 is 0
    return hashlib.sha256(HEADER.encode() + canonical.tobytes()).hexdigest()


def _from_csv(data: bytes, where: str) -> np.ndarray:
    try:
        lines = list(csv.reader(io.StringIO(data.decode("utf-8-sig")), strict=True))
    except (UnicodeDecodeError, csv.Error) as error:
        raise OpenRelicError(f"{where} is not CSV in UTF-8: {error}") from error
    if not lines or tuple(lines[0]) != COLUMNS:
        found = ",".join(lines[0]) if lines else "nothing"
        raise OpenRelicError(f"{where}, line 1 is {found[:120]!r}; it must be {HEADER}")
    values = [_numbers(cells, f"{where}, line {line}") for line, cells in enumerate(lines[1:], 2)]
    return np.array(values, dtype=np.float64).reshape(-1, len(COLUMNS))


def _numbers(cells: list[str], where: str) -> list[float]:
    if len(cells) != len(COLUMNS):
        raise OpenRelicError(
            f"{where} has {len(cells)} values; {len(COLUMNS)} are needed: {HEADER}"
        )
    values = []
    for name, cell in zip(COLUMNS, cells, strict=True):
        try:
            values.append(float(cell))
        except ValueError:
            raise OpenRelicError(f"{where}: {name} is {cell!r}; a number is needed") from None
    return values


def _from_parquet(data: bytes, where: str) -> np.ndarray:
    try:
        table = pq.ParquetFile(pa.BufferReader(data), pre_buffer=False).read(use_threads=False)
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise OpenRelicError(f"{where} is not a readable parquet file: {error}") from error
    return _from_table(table, where)


def _from_table(table: pa.Table, where: str) -> np.ndarray:
    if tuple(table.column_names) != COLUMNS:
        raise OpenRelicError(
            f"{where} has the columns {','.join(table.column_names)}; they must be {HEADER}"
        )
    wrong = [field.name for field in table.schema if not _is_number(field.type)]
    if wrong:
        raise OpenRelicError(f"{where}: {', '.join(wrong)} must hold numbers")
    columns = [column.to_numpy().astype(np.float64) for column in table.columns]
    return np.stack(columns, axis=1)


def _is_number(kind: pa.DataType) -> bool:
    return pa.types.is_floating(kind) or pa.types.is_integer(kind)


def _check(poses: np.ndarray, where: str, first_line: int | None) -> None:
    """Refuse what no recorder writes; rules are tried one after another, each over all rows."""

    def refuse(bad: np.ndarray, rule: str, after: int = 0) -> None:
        """`bad` (N - after,): the row `after` later than where it is set breaks the rule."""
        if bad.any():
            index = int(bad.argmax()) + after
            place = f"line {index + first_line}" if first_line is not None else f"row {index + 1}"
            found = ",".join(f"{value:.10g}" for value in poses[index])
            raise OpenRelicError(f"{where}, {place} ({found}): {rule}")

    refuse(np.asarray(~np.isfinite(poses).all(axis=1)), "every value must be a finite number")
    if len(poses) < 2:
        raise OpenRelicError(f"{where} has {len(poses)} poses; at least 2 are needed")
    refuse(np.abs(poses[:, 4]) > 90.0, "pitch_deg must be within -90 to 90")
    apart_s = np.diff(poses[:, 0])
    refuse(apart_s <= 0.0, "time_s must be later than in the row before", after=1)
    refuse(
        apart_s > MAX_GAP_S,
        f"it is more than {MAX_GAP_S:g} s after the row before, and the way between is unknown",
        after=1,
    )
    R, _ = ue_to_camera(poses[:, 1:4], poses[:, 4:])
    refuse(
        np.asarray(np.rad2deg(rotation_distance_rad(R[1:], R[:-1])) > MAX_TURN_DEG),
        f"it turns by more than {MAX_TURN_DEG:g}° from the row before, and which way is unknown",
        after=1,
    )
