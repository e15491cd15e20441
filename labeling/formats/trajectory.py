"""A camera path as pose files hold it; errors that name a file's line and the rule it breaks."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dataset.errors import OpenRelicError
from labeling.camera import check_poses

# A matrix printed with few digits is off from a rotation by its rounding; one that is further off
# is not a rotation, and repairing it would hide that.
MAX_SKEW = 2e-3


@dataclass(frozen=True, kw_only=True)
class Intrinsics:
    """A pinhole in pixels; the image's corner is (0, 0), its first pixel's centre (0.5, 0.5)."""

    fx: float
    fy: float
    cx: float
    cy: float
    width: int
    height: int


@dataclass(frozen=True, kw_only=True)
class Trajectory:
    """T poses in the convention of `labeling.camera`, and what the file says beside them."""

    R_cam_from_world: np.ndarray  # (T,3,3) float64
    position_m: np.ndarray  # (T,3) float64; in the file's own unit where it is not metres
    time_s: np.ndarray | None = None  # (T,) float64; None where the format has no times
    intrinsics: Intrinsics | None = None
    names: tuple[str, ...] | None = None  # of the images
    quaternions: np.ndarray | None = None  # (T,4) as the file has them, in its own order

    def __len__(self) -> int:
        """Number of frames."""
        return len(self.position_m)


class PoseFileError(OpenRelicError):
    """A pose file breaks a rule of its format."""

    def __init__(self, path: Path, where: str, rule: str) -> None:
        """`where` is a line or an entry: "line 3", "frame 7"."""
        super().__init__(f"{path}, {where}: {rule}")


def number_rows(path: Path, count: int, rule: str) -> Iterator[tuple[int, list[float]]]:
    """Line number and `count` finite numbers of every line that is not empty or a `#` comment.

    `rule` says what a line must hold; it is the error where one holds something else.
    """
    for number, line in text_lines(path):
        yield number, numbers_in(path, number, line.replace(",", " ").split(), count, rule)


def text_lines(path: Path) -> Iterator[tuple[int, str]]:
    """Number (from 1) and text of the lines that are neither empty nor a `#` comment."""
    for number, line in all_lines(path):
        if line.strip() and not line.lstrip().startswith("#"):
            yield number, line.strip()


def all_lines(path: Path) -> list[tuple[int, str]]:
    """Number (from 1) and text of every line."""
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise PoseFileError(path, f"byte {error.start}", "it is not UTF-8 text") from error
    except OSError as error:
        raise OpenRelicError(f"{path} cannot be read: {error.strerror}") from error
    return list(enumerate(text.splitlines(), start=1))


def numbers_in(path: Path, line: int, fields: Sequence[str], count: int, rule: str) -> list[float]:
    """`fields` as `count` finite numbers."""
    try:
        values = [float(field) for field in fields]
    except ValueError as error:
        raise PoseFileError(path, f"line {line}", f"{rule}; {error}") from error
    if len(values) != count:
        raise PoseFileError(path, f"line {line}", f"{rule}; it has {len(values)} numbers")
    if not np.isfinite(values).all():
        raise PoseFileError(path, f"line {line}", f"{rule}; one is not finite")
    return values


def rotations(path: Path, wheres: Sequence[str], matrices: np.ndarray) -> np.ndarray:
    """`matrices` (T,3,3) as exact rotations: rounding is repaired, anything else is refused."""
    skew = np.abs(matrices @ np.swapaxes(matrices, 1, 2) - np.eye(3)).max(axis=(1, 2))
    bad = (skew > MAX_SKEW) | (np.linalg.det(matrices) <= 0.0)
    if bad.any():
        first = int(bad.argmax())
        raise PoseFileError(
            path, wheres[first],
            "its 3x3 part must be a rotation (orthonormal, determinant 1); it is off by "
            f"{skew[first]:.1e} and has determinant {np.linalg.det(matrices[first]):.3f}",
        )  # fmt: skip
    u, _, vt = np.linalg.svd(matrices)
    nearest = u @ vt
    return np.where((skew > 1e-12)[:, None, None], nearest, matrices)


def unit_quaternions(path: Path, wheres: Sequence[str], quaternions: np.ndarray) -> np.ndarray:
    """`quaternions` (T,4) of length 1; lengths that rounding cannot explain are refused."""
    lengths = np.linalg.norm(quaternions, axis=1)
    bad = np.abs(lengths - 1.0) > MAX_SKEW
    if bad.any():
        first = int(bad.argmax())
        raise PoseFileError(
            path, wheres[first],
            f"its quaternion must have length 1; it has {lengths[first]:.6f}",
        )  # fmt: skip
    return quaternions / lengths[:, None]


def increasing_times(path: Path, wheres: Sequence[str], time_s: np.ndarray) -> np.ndarray:
    """The times, which must increase from row to row."""
    back = np.diff(time_s) <= 0.0
    if back.any():
        first = int(back.argmax()) + 1
        raise PoseFileError(
            path, wheres[first],
            f"times must increase; {time_s[first]:.6f} s follows {time_s[first - 1]:.6f} s",
        )  # fmt: skip
    return time_s


def trajectory(
    path: Path,
    R_cam_from_world: np.ndarray,
    position_m: np.ndarray,
    *,
    time_s: np.ndarray | None = None,
    intrinsics: Intrinsics | None = None,
    names: tuple[str, ...] | None = None,
    quaternions: np.ndarray | None = None,
) -> Trajectory:
    """A checked trajectory of the file `path`."""
    if len(R_cam_from_world) == 0:
        raise OpenRelicError(f"{path} holds no poses")
    R, P = check_poses(R_cam_from_world, position_m)
    return Trajectory(
        R_cam_from_world=R,
        position_m=P,
        time_s=time_s,
        intrinsics=intrinsics,
        names=names,
        quaternions=quaternions,
    )


def natural_order(names: Sequence[str]) -> list[int]:
    """Indices that sort names as people do: `frame_9` before `frame_10`."""

    def key(index: int) -> list[tuple[int, int, str]]:
        parts = re.split(r"(\d+)", names[index])
        return [(0, int(p), "") if p.isdigit() else (1, 0, p) for p in parts if p]

    return sorted(range(len(names)), key=key)


def frame_names(count: int) -> tuple[str, ...]:
    """Image names of a trajectory that has none: `frame_000000.png` and so on."""
    return tuple(f"frame_{index:06d}.png" for index in range(count))
