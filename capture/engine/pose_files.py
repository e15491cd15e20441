"""Pose files: a camera's location and rotation over time, as CSV or parquet.

Columns are `time_s, x_cm, y_cm, z_cm, pitch_deg, yaw_deg, roll_deg`; CSV has them as its header.
"""

import csv
from pathlib import Path

import numpy as np

from dataset.errors import OpenRelicError

COLUMNS = ("time_s", "x_cm", "y_cm", "z_cm", "pitch_deg", "yaw_deg", "roll_deg")
PARQUET = ".parquet"


def read_poses(path: Path) -> np.ndarray:
    """Rows (N,7) float64 of a pose file; `OpenRelicError` says what is wrong with it."""
    try:
        poses = _read_parquet(path) if path.suffix == PARQUET else _read_csv(path)
    except (OSError, ValueError, KeyError, UnicodeDecodeError, csv.Error) as error:
        raise OpenRelicError(
            f"{path} cannot be read as a pose file ({error}); it needs the columns "
            f"{', '.join(COLUMNS)}"
        ) from error
    if not len(poses):
        raise OpenRelicError(f"{path} has no poses")
    if not np.isfinite(poses).all() or (np.diff(poses[:, 0]) <= 0).any():
        raise OpenRelicError(f"{path}: numbers must be finite and time_s must grow")
    return poses


def _read_csv(path: Path) -> np.ndarray:
    with path.open(newline="", encoding="utf-8-sig") as file:
        reader = csv.DictReader(file)
        missing = set(COLUMNS) - set(reader.fieldnames or ())
        if missing:
            raise ValueError(f"no column {', '.join(sorted(missing))}")
        rows = [[float(row[name] or "nan") for name in COLUMNS] for row in reader]
    return np.array(rows, np.float64).reshape(-1, len(COLUMNS))


def _read_parquet(path: Path) -> np.ndarray:
    import pyarrow.parquet as parquet

    table = parquet.read_table(path, columns=list(COLUMNS), use_threads=False)
    columns = [table[name].to_numpy(zero_copy_only=False) for name in COLUMNS]
    return np.stack(columns, axis=1).astype(np.float64)


class PoseWriter:
    """Writes a CSV pose file row by row, whole rows only."""

    def __init__(self, path: Path) -> None:
        """Create `path`; `OSError` if that cannot be done."""
        self._file = path.open("w", encoding="utf-8", buffering=1, newline="")
        self._file.write(",".join(COLUMNS) + "\n")
        self.rows = 0

    def write(self, time_s: float, pose: tuple[float, ...]) -> None:
        """Add a row."""
        self._file.write(",".join(f"{value:.6f}" for value in (time_s, *pose)) + "\n")
        self.rows += 1

    def close(self) -> None:
        """Finish the file."""
        self._file.close()
