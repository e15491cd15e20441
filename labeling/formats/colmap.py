"""COLMAP sparse models: a folder with `cameras` and `images`, as `.txt` or `.bin`.

World to camera as a quaternion (w first) and a translation, OpenCV camera axes, arbitrary scale.
Images are taken in the natural order of their names, since COLMAP keeps them in the order in which
they were registered. Definition: https://colmap.github.io/format.html
"""

import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from dataset.errors import OpenRelicError
from labeling.camera import extrinsics, poses_from_extrinsics
from labeling.formats.trajectory import (
    Intrinsics,
    PoseFileError,
    Trajectory,
    all_lines,
    frame_names,
    natural_order,
    numbers_in,
    text_lines,
    trajectory,
    unit_quaternions,
)

IMAGE_RULE = "a line must hold `IMAGE_ID QW QX QY QZ TX TY TZ CAMERA_ID NAME`"
CAMERA_RULE = "a line must hold `CAMERA_ID MODEL WIDTH HEIGHT PARAMS...`"
# Name and number of parameters of each camera model, by its number in binary files.
MODELS: tuple[tuple[str, int], ...] = (
    ("SIMPLE_PINHOLE", 3), ("PINHOLE", 4), ("SIMPLE_RADIAL", 4), ("RADIAL", 5), ("OPENCV", 8),
    ("OPENCV_FISHEYE", 8), ("FULL_OPENCV", 12), ("FOV", 5), ("SIMPLE_RADIAL_FISHEYE", 4),
    ("RADIAL_FISHEYE", 5), ("THIN_PRISM_FISHEYE", 12), ("RAD_TAN_THIN_PRISM_FISHEYE", 16),
)  # fmt: skip
# Models whose first parameter is both focal lengths.
ONE_FOCAL = ("SIMPLE_PINHOLE", "SIMPLE_RADIAL", "RADIAL", "SIMPLE_RADIAL_FISHEYE", "RADIAL_FISHEYE")


@dataclass(frozen=True, kw_only=True)
class _Image:
    where: str
    quaternion_wxyz: tuple[float, ...]
    translation: tuple[float, ...]
    name: str


def is_model(folder: Path) -> bool:
    """Whether the folder holds a COLMAP model."""
    return any((folder / f"images.{kind}").is_file() for kind in ("txt", "bin"))


def read(folder: Path) -> Trajectory:
    """The poses of a model's folder; text is read where both are there."""
    text = (folder / "images.txt").is_file()
    path = folder / ("images.txt" if text else "images.bin")
    images = _text_images(path) if text else _binary_images(path)
    images = [images[index] for index in natural_order([image.name for image in images])]
    wheres = [image.where for image in images]
    quaternions = np.array([image.quaternion_wxyz for image in images]).reshape(-1, 4)
    quaternions = unit_quaternions(path, wheres, quaternions)
    shifts = np.array([image.translation for image in images]).reshape(-1, 3)
    R = Rotation.from_quat(quaternions, scalar_first=True).as_matrix().reshape(-1, 3, 3)
    R, P = poses_from_extrinsics(np.concatenate([R, shifts[..., None]], axis=-1))
    names = tuple(image.name for image in images)
    return trajectory(
        path, R, P, intrinsics=_intrinsics(folder), names=names, quaternions=quaternions
    )


def write(folder: Path, poses: Trajectory, time_s: np.ndarray, *, binary: bool = False) -> None:
    """Write a model without points into a folder; the times are lost."""
    folder.mkdir(parents=True, exist_ok=True)
    matrices = extrinsics(poses.R_cam_from_world, poses.position_m)
    quaternions = Rotation.from_matrix(matrices[:, :, :3]).as_quat(scalar_first=True)
    names = poses.names or frame_names(len(poses))
    rows = list(zip(quaternions, matrices[:, :, 3], names, strict=True))
    pinhole = poses.intrinsics or Intrinsics(
        fx=640.0, fy=640.0, cx=640.0, cy=360.0, width=1280, height=720
    )
    (_write_binary if binary else _write_text)(folder, rows, pinhole)


def _text_images(path: Path) -> list[_Image]:
    lines = [(n, t) for n, t in all_lines(path) if not t.lstrip().startswith("#")]
    while lines and not lines[0][1].strip():
        lines.pop(0)
    images = []
    # Two lines an image; the second, its points, may be empty.
    for number, line in lines[::2]:
        fields = line.split(maxsplit=9)
        if not fields and number == lines[-1][0]:
            continue
        if len(fields) != 10:
            raise PoseFileError(path, f"line {number}", f"{IMAGE_RULE}; it has {len(fields)} parts")
        values = numbers_in(path, number, fields[1:8], 7, IMAGE_RULE)
        images.append(
            _Image(
                where=f"line {number}",
                quaternion_wxyz=tuple(values[:4]),
                translation=tuple(values[4:]),
                name=fields[9].strip(),
            )
        )
    return images


def _binary_images(path: Path) -> list[_Image]:
    reader, images = _Reader(path), []
    (count,) = reader.take("<Q", "the number of images")
    for index in range(count):
        where = f"image {index} of {count}"
        _, *pose, _ = reader.take("<i7di", where)
        name = reader.take_name(where)
        (points,) = reader.take("<Q", where)
        reader.skip(24 * points, where)
        images.append(
            _Image(
                where=where,
                quaternion_wxyz=tuple(pose[:4]),
                translation=tuple(pose[4:]),
                name=name,
            )
        )
    reader.finish()
    return images


class _Reader:
    """Takes values from a binary file; an end that comes too early is named."""

    def __init__(self, path: Path) -> None:
        try:
            self._data = path.read_bytes()
        except OSError as error:
            raise OpenRelicError(f"{path} cannot be read: {error.strerror}") from error
        self._path, self._at = path, 0

    def take(self, form: str, where: str) -> tuple:
        try:
            values = struct.unpack_from(form, self._data, self._at)
        except struct.error as error:
            self._short(where, error)
            raise
        self._at += struct.calcsize(form)
        return values

    def take_name(self, where: str) -> str:
        end = self._data.find(b"\0", self._at)
        if end < 0:
            self._short(where, None)
        name, self._at = self._data[self._at : end], end + 1
        return name.decode("utf-8", errors="replace")

    def skip(self, count: int, where: str) -> None:
        if self._at + count > len(self._data):
            self._short(where, None)
        self._at += count

    def finish(self) -> None:
        if self._at != len(self._data):
            rest = len(self._data) - self._at
            raise PoseFileError(self._path, "its end", f"{rest} bytes follow the last entry")

    def _short(self, where: str, error: Exception | None) -> None:
        rule = f"the file ends at byte {len(self._data)}, in the middle of an entry"
        raise PoseFileError(self._path, where, rule) from error


def _intrinsics(folder: Path) -> Intrinsics | None:
    """Of the first camera, where the folder has cameras; distortion is left out."""
    readers: tuple[tuple[str, Callable[[Path], tuple]], ...] = (
        ("cameras.txt", _text_camera), ("cameras.bin", _binary_camera),
    )  # fmt: skip
    for name, reader in readers:
        if (folder / name).is_file():
            model, width, height, parameters = reader(folder / name)
            if model in ONE_FOCAL:
                parameters = (parameters[0], *parameters)
            fx, fy, cx, cy = parameters[:4]
            return Intrinsics(fx=fx, fy=fy, cx=cx, cy=cy, width=width, height=height)
    return None


def _text_camera(path: Path) -> tuple[str, int, int, tuple[float, ...]]:
    for number, line in text_lines(path):
        fields = line.split()
        wanted = dict(MODELS).get(fields[1]) if len(fields) > 1 else None
        if wanted is None or len(fields) != 4 + wanted:
            raise PoseFileError(path, f"line {number}", CAMERA_RULE)
        values = numbers_in(path, number, fields[2:], wanted + 2, CAMERA_RULE)
        return fields[1], int(values[0]), int(values[1]), tuple(values[2:])
    raise OpenRelicError(f"{path} holds no camera")


def _binary_camera(path: Path) -> tuple[str, int, int, tuple[float, ...]]:
    reader = _Reader(path)
    (count,) = reader.take("<Q", "the number of cameras")
    if count == 0:
        raise OpenRelicError(f"{path} holds no camera")
    _, model, width, height = reader.take("<iiQQ", "camera 0")
    if not 0 <= model < len(MODELS):
        raise PoseFileError(path, "camera 0", f"camera model {model} is not known")
    name, parameters = MODELS[model]
    return name, width, height, reader.take(f"<{parameters}d", "camera 0")


_Rows = list[tuple[np.ndarray, np.ndarray, str]]


def _write_text(folder: Path, rows: _Rows, pinhole: Intrinsics) -> None:
    numbers = [pinhole.width, pinhole.height, pinhole.fx, pinhole.fy, pinhole.cx, pinhole.cy]
    camera = " ".join(repr(number) for number in numbers)
    (folder / "cameras.txt").write_text(f"# {CAMERA_RULE}\n1 PINHOLE {camera}\n")
    lines = [f"# {IMAGE_RULE}, then a line of points"]
    for index, (quaternion, shift, name) in enumerate(rows, start=1):
        pose = " ".join(repr(float(value)) for value in (*quaternion, *shift))
        lines += [f"{index} {pose} 1 {name}", ""]
    (folder / "images.txt").write_text("\n".join(lines) + "\n")
    (folder / "points3D.txt").write_text("# no points\n")


def _write_binary(folder: Path, rows: _Rows, pinhole: Intrinsics) -> None:
    camera = struct.pack("<QiiQQ", 1, 1, 1, pinhole.width, pinhole.height)
    focal = struct.pack("<4d", pinhole.fx, pinhole.fy, pinhole.cx, pinhole.cy)
    (folder / "cameras.bin").write_bytes(camera + focal)
    parts = [struct.pack("<Q", len(rows))]
    for index, (quaternion, shift, name) in enumerate(rows, start=1):
        parts.append(struct.pack("<i7di", index, *quaternion, *shift, 1))
        parts.append(name.encode() + b"\0" + struct.pack("<Q", 0))
    (folder / "images.bin").write_bytes(b"".join(parts))
    (folder / "points3D.bin").write_bytes(struct.pack("<Q", 0))
