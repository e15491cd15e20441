"""Speed of labelling and of palindromes, beside named peers of the same run.

    python -m benchmarks.labeling

- 1.5 million poses, the whole dataset's, in 1,400 parquet files: read, labelled, checked and
  written by `labeling`'s own functions; the bare maths of relative poses against plain vectorised
  scipy, and against evo's loop over SE(3) matrices (on a part of them).
- What integrating the labels of the longest tour, 545 s, strays from its poses: of float64 values,
  and of float32 ones, as samples hold them.
- A palindrome of a 317-frame window of 720p video: packets copied and frames mapped, against
  encoding the reversed frames again with x264 (as ffmpeg does, through PyAV).
"""

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from augment.palindrome import palindrome_indices
from benchmarks.results import write_results
from dataset.clip import FPS, CameraTrack, track_from_table, track_to_table
from dataset.video import VideoWriter, cut_packets, read_frames
from dataset.workspace import Workspace
from labeling.actions import integration_error, poses_to_actions
from labeling.camera import ue_to_camera
from labeling.store import label_table

CLIPS, FRAMES = 1400, 1080  # 1.51 million
ROUNDS = 5
EVO_POSES = 4000
WINDOW, PIVOT = 317, 200
LONGEST, PATHS = round(545 * FPS) + 1, 20


def main() -> None:
    """Measure, print and write the figures."""
    with tempfile.TemporaryDirectory() as scratch:
        files = _files(Workspace(Path(scratch)))
        maths = _maths()
        palindrome = _palindrome(Path(scratch))
    figures = {"files": files, "maths": maths, "drift": _drift(), "palindrome": palindrome}
    for name, part in figures.items():
        for key, value in part.items():
            sys.stdout.write(f"{name:11} {key:32} {value:12.4g}\n")
    write_results("labeling", figures, ("numpy", "scipy", "pyarrow", "evo", "av"))


def _path(seed: int, frames: int) -> tuple[np.ndarray, np.ndarray]:
    """A smooth path in Unreal's terms, rounded to what is printed."""
    random = np.random.default_rng(seed)
    time_s = np.arange(frames)[:, None] / FPS
    speed, phase = random.uniform(0.2, 2.0, (3, 1, 6)), random.uniform(0, 6, (3, 1, 6))
    waves = np.sin(time_s * speed + phase).sum(axis=0)
    return np.round(300 * waves[:, :3], 3), np.round(waves[:, 3:] * [15, 90, 20], 3)


def _files(workspace: Workspace) -> dict[str, float]:
    """Seconds for the whole dataset: read, convert, label, prove, write."""
    for clip in range(CLIPS):
        location_cm, rotation_deg = _path(clip, FRAMES)
        track = CameraTrack(
            time_s=np.arange(FRAMES) / FPS, location_cm=location_cm, rotation_deg=rotation_deg,
            fov_deg=np.full(FRAMES, 90.0),
        )  # fmt: skip
        workspace.write_table(f"in/{clip}.parquet", track_to_table(track))
    began = time.perf_counter()
    worst_m = 0.0
    for clip in range(CLIPS):
        track = track_from_table(workspace.read_table(f"in/{clip}.parquet"), "")
        R, P = ue_to_camera(track.location_cm, track.rotation_deg)
        actions = poses_to_actions(R, P)
        worst_m = max(worst_m, integration_error(actions, R, P)[0])
        workspace.write_table(f"out/{clip}.parquet", label_table(actions, {}))
    seconds = time.perf_counter() - began
    poses = CLIPS * FRAMES
    return {"poses": poses, "seconds": seconds, "poses_per_s": poses / seconds, "worst_m": worst_m}


def _maths() -> dict[str, float]:
    """Relative poses of 200,000 frames: ours with columns and hysteresis, scipy's bare."""
    R, P = ue_to_camera(*_path(0, 200_000))

    def ours() -> None:
        poses_to_actions(R, P, unit_m=1.0)

    def with_scipy() -> None:
        turned = Rotation.from_matrix(R)
        relative = turned[1:] * turned[:-1].inv()
        relative.inv().as_euler("YXZ", degrees=True)
        turned[:-1].apply(np.diff(P, axis=0))

    ours_s, scipy_s = _interleaved([ours, with_scipy])
    evo_s = _evo_seconds_a_pose(R[:EVO_POSES], P[:EVO_POSES])
    return {
        "ours_us_a_pose": 1e6 * ours_s / len(P),
        "scipy_us_a_pose": 1e6 * scipy_s / len(P),
        "evo_us_a_pose": 1e6 * evo_s,
        "scipy_over_ours": scipy_s / ours_s,
        "evo_over_ours": evo_s / (ours_s / len(P)),
    }


def _evo_seconds_a_pose(R: np.ndarray, P: np.ndarray) -> float:
    from evo.core import lie_algebra

    poses = [lie_algebra.se3(r.T, p) for r, p in zip(R, P, strict=True)]
    began = time.perf_counter()
    for before, after in zip(poses[:-1], poses[1:], strict=True):
        lie_algebra.relative_se3(before, after)
    return (time.perf_counter() - began) / (len(poses) - 1)


def _drift() -> dict[str, float]:
    """The largest error of integrated labels over some paths of the longest duration."""
    worst = {np.float64: np.zeros(2), np.float32: np.zeros(2)}
    for seed in range(PATHS):
        R, P = ue_to_camera(*_path(seed, LONGEST))
        actions = poses_to_actions(R, P)
        for dtype, errors in worst.items():
            np.maximum(errors, integration_error(actions, R, P, dtype), out=errors)
    return {
        f"{dtype.__name__}_{unit}": float(error)
        for dtype, errors in worst.items()
        for unit, error in zip(("m", "rad"), errors, strict=True)
    }


def _palindrome(folder: Path) -> dict[str, float]:
    """Seconds to make a palindrome of a window's video, by either way."""
    video = folder / "clip.mp4"
    random = np.random.default_rng(0)
    noise = random.integers(0, 255, (90, 160, 3), np.uint8).repeat(12, 0).repeat(12, 1)
    with VideoWriter(video, 1280, 720, pixels="rgb24") as writer:
        for frame in range(WINDOW + 3):
            writer.write(np.ascontiguousarray(np.roll(noise, 4 * frame, axis=1)[:720, :1280]))
    indices = palindrome_indices(WINDOW, PIVOT)

    def ours() -> None:
        cut_packets(video, folder / "ours.mp4", 0, PIVOT + 1)
        np.save(folder / "index.npy", palindrome_indices(WINDOW, PIVOT))

    def encoding_again() -> None:
        frames = list(read_frames(video, 0, PIVOT + 1))
        with VideoWriter(folder / "again.mp4", 1280, 720, pixels="rgb24") as writer:
            for index in indices:
                writer.write(frames[index])

    ours_s, again_s = _interleaved([ours, encoding_again], rounds=2)
    forward = list(read_frames(video, 0, PIVOT + 1))
    kept = list(read_frames(folder / "ours.mp4", 0, PIVOT + 1))
    exact = all(np.array_equal(kept[i], forward[i]) for i in indices)
    return {"ours_s": ours_s, "encoding_again_s": again_s, "times_faster": again_s / ours_s,
            "pixels_exact": float(exact)}  # fmt: skip


def _interleaved(works: list[Callable[[], None]], rounds: int = ROUNDS) -> list[float]:
    """Median seconds of each work, taken in turns."""
    seconds = np.zeros((rounds, len(works)))
    for turn in range(rounds):
        for index, work in enumerate(works):
            began = time.perf_counter()
            work()
            seconds[turn, index] = time.perf_counter() - began
    return [float(value) for value in np.median(seconds, axis=0)]


if __name__ == "__main__":
    main()
