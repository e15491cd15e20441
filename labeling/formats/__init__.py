"""Camera paths of other tools: read into, and written from, the project's own convention.

| name | file | camera axes | world | times |
|---|---|---|---|---|
| tum | text | OpenCV, camera to world | Z up, metres | yes |
| kitti | text | OpenCV, camera to world | the first camera: y down | no |
| nerfstudio | transforms.json | OpenGL, camera to world | Z up | no |
| colmap, colmap-bin | folder | OpenCV, world to camera | any; written with Z up | no |
| realestate10k | text | OpenCV, world to camera | any; written with Z up | microseconds |
| csv | Unreal poses | Unreal's | Unreal's, centimetres | yes |
| camera-parquet | a clip's camera.parquet | Unreal's | Unreal's, centimetres | yes |
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Literal, get_args

import numpy as np

from dataset.errors import OpenRelicError
from labeling.formats import (
    camera_parquet,
    colmap,
    kitti,
    nerfstudio,
    realestate10k,
    tum,
    unreal_csv,
)
from labeling.formats.trajectory import Intrinsics, PoseFileError, Trajectory

__all__ = [
    "PoseFormat", "Intrinsics", "PoseFileError", "Trajectory", "guess_format", "named_format",
    "read_poses", "times_of", "write_poses",
]  # fmt: skip

PoseFormat = Literal[
    "tum", "kitti", "nerfstudio", "colmap", "colmap-bin", "realestate10k", "csv", "camera-parquet"
]
FORMATS: tuple[PoseFormat, ...] = get_args(PoseFormat)

_READERS: dict[PoseFormat, Callable[[Path], Trajectory]] = {
    "tum": tum.read,
    "kitti": kitti.read,
    "nerfstudio": nerfstudio.read,
    "colmap": colmap.read,
    "colmap-bin": colmap.read,
    "realestate10k": realestate10k.read,
    "csv": unreal_csv.read,
    "camera-parquet": camera_parquet.read,
}
_WRITERS: dict[PoseFormat, Callable[[Path, Trajectory, np.ndarray], None]] = {
    "tum": tum.write,
    "kitti": kitti.write,
    "nerfstudio": nerfstudio.write,
    "colmap": colmap.write,
    "colmap-bin": partial(colmap.write, binary=True),
    "realestate10k": realestate10k.write,
    "csv": unreal_csv.write,
    "camera-parquet": camera_parquet.write,
}


def read_poses(path: Path, form: PoseFormat | None = None) -> Trajectory:
    """The camera path in a file (a folder for COLMAP); the format is guessed if not given.

    Raises `OpenRelicError` that names the line and the rule it breaks.
    """
    if not path.exists():
        raise OpenRelicError(f"{path} does not exist; give a pose file, or a COLMAP model's folder")
    return _READERS[form or guess_format(path)](path)


def write_poses(path: Path, poses: Trajectory, form: PoseFormat, *, fps: float = 16.0) -> None:
    """Write a camera path; frames without times are `1 / fps` seconds apart."""
    path.parent.mkdir(parents=True, exist_ok=True)
    _WRITERS[form](path, poses, times_of(poses, fps))


def times_of(poses: Trajectory, fps: float) -> np.ndarray:
    """The times (T,) in seconds, at a constant rate where the file had none."""
    return np.arange(len(poses)) / fps if poses.time_s is None else poses.time_s


def named_format(name: str) -> PoseFormat:
    """The format called `name`; another name raises `OpenRelicError` that lists them all."""
    for form in FORMATS:
        if form == name:
            return form
    raise OpenRelicError(f"format {name!r} is not known; allowed are {', '.join(FORMATS)}")


def guess_format(path: Path) -> PoseFormat:
    """The format of a file by its name and its first line of numbers."""
    if path.is_dir():
        if colmap.is_model(path):
            return "colmap" if (path / "images.txt").is_file() else "colmap-bin"
        raise OpenRelicError(f"{path} holds no COLMAP model: images.txt or images.bin is needed")
    by_name: dict[str, PoseFormat] = {
        ".json": "nerfstudio", ".parquet": "camera-parquet", ".csv": "csv", ".tum": "tum",
        ".kitti": "kitti",
    }  # fmt: skip
    if path.suffix in by_name:
        return by_name[path.suffix]
    counts: dict[int, PoseFormat] = {8: "tum", 12: "kitti", 19: "realestate10k"}
    for line in _first_lines(path):
        fields = line.split()
        if len(fields) in counts and not line.startswith("#"):
            return counts[len(fields)]
    raise OpenRelicError(
        f"{path} has no line of 8 (TUM), 12 (KITTI) or 19 (RealEstate10K) numbers among its first; "
        f"name its format: {', '.join(FORMATS)}"
    )


def _first_lines(path: Path) -> list[str]:
    with path.open("rb") as file:
        return [file.readline().decode(errors="replace").strip() for _ in range(20)]
