"""Camera paths that another tool found, read from a folder and matched to videos by name.

For a video called NAME the folder holds one of

- `pose/NAME.npz` or `NAME.npz`, as ViPE writes it: `data` (N, 4, 4) camera to world in OpenCV
  axes, and `inds` (N,), the frames that these poses belong to;
- `NAME/`, a COLMAP model (`images.txt` or `images.bin`); images are called by the number of their
  frame, from 0, or from 1 if one is called by the number of frames; what COLMAP did not register
  counts as lost;
- `NAME.tum`, `.txt`, `.kitti`, `.json` (nerfstudio), `.csv`: as `labeling.formats` reads them, one
  pose a frame, or with times, which are frame numbers over `fps`.

Public: `TrajectoryFiles`.
"""

import re
from pathlib import Path as FilePath

import numpy as np

from dataset.clip import FPS
from dataset.errors import OpenRelicError
from dataset.workspace import sha256_file
from labeling.camera import check_poses, poses_from_camera_to_world
from labeling.formats import Trajectory, read_poses
from training.evaluate.estimators.interface import Path

TRAJECTORIES_VERSION = 1
"""Raise it when a file is read as another path than before."""
SUFFIXES = (".tum", ".txt", ".kitti", ".json", ".csv")


class TrajectoryFiles:
    """Looks paths up; the pictures are not looked at."""

    def __init__(self, folder: str, *, fps: float = FPS) -> None:
        """Read from `folder`; `fps` turns the times of a file into frames."""
        self.name = f"trajectories:{folder}"
        self._folder, self._fps = FilePath(folder), fps
        if not self._folder.is_dir():
            raise OpenRelicError(f"{folder} is no folder of trajectories")

    def stamp(self, name: str) -> str:
        """See `PathEstimator`: what the video's files hold."""
        source = self._source(name)
        files = sorted(one for one in source.rglob("*") if one.is_file()) or [source]
        held = " ".join(f"{one.relative_to(source)} {sha256_file(one)}" for one in files)
        return f"trajectories {TRAJECTORIES_VERSION}, {self._fps:g} fps, {held}"

    def estimate(self, frames: np.ndarray, intrinsics: np.ndarray, *, name: str = "") -> Path:
        """The path of the video called `name`; see `PathEstimator`."""
        source = self._source(name)
        if source.suffix == ".npz":
            R, position, number = _vipe(source)
        else:
            poses = read_poses(source)
            R, position = poses.R_cam_from_world, poses.position_m
            number = self._numbers(source, poses, len(frames))
        return _spread(R, position, number, len(frames), source)

    def _source(self, name: str) -> FilePath:
        found = [
            self._folder / "pose" / f"{name}.npz",
            self._folder / f"{name}.npz",
            *(self._folder / f"{name}{suffix}" for suffix in SUFFIXES),
            self._folder / name,
        ]
        for path in found:
            if name and path.exists():
                return path
        raise OpenRelicError(
            f"{self._folder} has no trajectory of {name!r}; put {name}.npz (ViPE), {name}/ "
            f"(COLMAP) or {name}{SUFFIXES[0]} there"
        )

    def _numbers(self, source: FilePath, poses: Trajectory, frames: int) -> np.ndarray:
        """The frame of each pose."""
        if len(poses) == frames:
            return np.arange(frames)
        if poses.names is not None:
            return _numbers_of(source, poses.names)
        if poses.time_s is not None:
            return np.rint((poses.time_s - poses.time_s[0]) * self._fps).astype(int)
        raise OpenRelicError(
            f"{source} has {len(poses)} poses for {frames} frames and says not for which"
        )


def _vipe(path: FilePath) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    try:
        with np.load(path) as stored:
            matrices = np.asarray(stored["data"], np.float64)
            number = np.asarray(stored["inds"]).astype(int)
    except (OSError, ValueError, KeyError) as error:
        raise OpenRelicError(
            f"{path} is no pose file of ViPE's: `data` (N, 4, 4) and `inds` (N,) are needed "
            f"({error})"
        ) from error
    if matrices.shape != (len(number), 4, 4):
        raise OpenRelicError(f"{path} has poses {matrices.shape} for {len(number)} frames")
    R, position = poses_from_camera_to_world(matrices)
    u, _, vt = np.linalg.svd(R)  # it stores float32
    return *check_poses(u @ vt, position), number


def _numbers_of(source: FilePath, names: tuple[str, ...]) -> np.ndarray:
    """Frame numbers from the last digits in images' names."""
    digits = [re.findall(r"\d+", FilePath(name).stem) for name in names]
    if not all(digits):
        raise OpenRelicError(f"{source}: images must be called by their frame's number")
    return np.array([int(found[-1]) for found in digits])


def _spread(
    R: np.ndarray, position: np.ndarray, number: np.ndarray, frames: int, source: FilePath
) -> Path:
    """Poses at their frames; the others are lost and keep the pose before them."""
    if number.max() == frames and number.min() >= 1:
        number = number - 1  # ffmpeg counts images from 1
    if number.min() < 0 or number.max() >= frames:
        raise OpenRelicError(
            f"{source} has a pose of frame {number.max()}, the video has {frames} frames"
        )
    tracked = np.zeros(frames, bool)
    tracked[number] = True
    index = np.zeros(frames, int)
    index[number] = np.arange(len(number))
    last = np.maximum.accumulate(np.where(tracked, np.arange(frames), -1))
    last[last < 0] = int(tracked.argmax())
    return Path(
        R_cam_from_world=R[index[last]],
        position=position[index[last]],
        tracked=tracked,
        unit="the file's units",
    )
