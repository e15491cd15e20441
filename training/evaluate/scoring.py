"""The scores of one video: its camera's path, its pictures against the engine's, its failures.

The camera's path is what an estimator finds in the video, against the commanded one
(`training.evaluate.trajectory`). Pictures are compared in every `STRIDE`th frame, only where the
first one saw the surface (`training.evaluate.seen`), and only if the task's start was rendered;
the engine's are given the colour resolution that any video has.

Scores are kept as `scores/SYSTEM/TASK.json` with what they depend on, and not computed twice: the
video, the task, the engine's film, the estimator, and the version of every measure.

Public: `Score`, `Scorer`, `VALUES`.
"""

import json
import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from dataset.errors import OpenRelicError
from dataset.resize import resize_frame, resize_intrinsics
from dataset.workspace import json_bytes
from labeling.actions import RotationFrame, integrate
from labeling.camera import level_turned
from training.evaluate.estimators import PathEstimator
from training.evaluate.films import EngineTruth
from training.evaluate.perceptual import LPIPS_VERSION
from training.evaluate.quality import QUALITY_VERSION, ms_ssim, psnr_db
from training.evaluate.seen import SEEN_VERSION, seen_from_first
from training.evaluate.tasks import Task
from training.evaluate.trajectory import PATHS_VERSION, score_path
from training.evaluate.videos import fitted, in_video_colours

STRIDE = 4
"""A latent's frames."""
LEAST_COUNTED = 0.02
"""Of a frame's pixels: where fewer count, the frame has no say."""
SCORES_VERSION = 3
"""Raise it when what this module makes of the measures changes: strides, means, commanded paths.
Estimators and measures have versions of their own, beside their code."""

VALUES = (
    "rpe_translation", "rpe_rotation_deg", "ate", "drift", "tracked", "failed", "psnr_db",
    "ms_ssim", "lpips", "counted",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Score:
    """Of one system's video of one task."""

    system: str
    task: str
    picture: str
    script: str
    frames: int
    width: int
    height: int
    unit_m: float | None
    """Metres of a usual step where the engine filmed the task; path errors are in usual steps."""
    values: dict[str, float | None]
    """By the names of `VALUES`; None where there is none."""
    psnr_curve_db: list[float | None]
    """Of every `STRIDE`th frame, None where too little counts; empty without truth."""


@dataclass(frozen=True, kw_only=True)
class Scorer:
    """How videos are scored."""

    estimator_of: Callable[[str], PathEstimator | None]
    """By the system's name; None where nothing is known of its paths."""
    rotation_frame: RotationFrame
    fov_deg: float
    """Horizontal, of videos whose start was not rendered, at their own width."""
    folder: Path
    lpips: Callable[[np.ndarray, np.ndarray], np.ndarray] | None = None

    def kept(self, system: str, task: Task, of: str) -> Score | None:
        """The score of the video with digest `of`, if it was computed before."""
        path = self._path(system, task)
        try:
            stored = json.loads(path.read_text())
            same = stored["of"] == self._stamp(system, task, of)
            return Score(**stored["score"]) if same else None
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def score(
        self, system: str, task: Task, frames: np.ndarray, truth: EngineTruth | None, of: str
    ) -> Score:
        """Score frames (T, H, W, 3) uint8, and keep it."""
        length = min(len(frames), len(task.script))
        frames = frames[:length]
        height, width = frames.shape[1:3]
        values: dict[str, float | None] = dict.fromkeys(VALUES)
        estimator = self.estimator_of(system)
        if estimator is not None:
            lens = self.intrinsics(truth, width, height)
            values.update(self._camera(estimator, task, frames, lens))
        curve: list[float | None] = []
        if truth is not None and truth.depth_cm is not None:
            pictures, curve = self._pictures(frames, truth)
            values.update(pictures)
        score = Score(
            system=system, task=task.name, picture=task.picture, script=task.script.name,
            frames=length, width=width, height=height,
            unit_m=None if truth is None else truth.unit_m, values=values, psnr_curve_db=curve,
        )  # fmt: skip
        path = self._path(system, task)
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part")
        part.write_bytes(json_bytes({"of": self._stamp(system, task, of), "score": asdict(score)}))
        part.replace(path)
        return score

    def intrinsics(self, truth: EngineTruth | None, width: int, height: int) -> np.ndarray:
        """(4,) of a video: those of the picture that it began with."""
        if truth is None:
            focal = width / 2 / math.tan(math.radians(self.fov_deg) / 2)
            return np.array([focal, focal, width / 2, height / 2])
        drawn_height, drawn_width = truth.frames.shape[1:3]
        return resize_intrinsics(truth.intrinsics, drawn_width, drawn_height, width, height)

    def _camera(
        self, estimator: PathEstimator, task: Task, frames: np.ndarray, intrinsics: np.ndarray
    ) -> dict[str, float | None]:
        estimate = estimator.estimate(frames, intrinsics, name=task.name)
        found = score_path(estimate, *commanded_path(task, len(frames), self.rotation_frame))
        lost = found.failed
        return {
            "rpe_translation": None if lost else found.rpe_translation,
            "rpe_rotation_deg": None if lost else found.rpe_rotation_deg,
            "ate": None if lost else found.ate,
            "drift": found.drift,
            "tracked": found.tracked,
            "failed": float(lost),
        }

    def _pictures(
        self, frames: np.ndarray, truth: EngineTruth
    ) -> tuple[dict[str, float | None], list[float | None]]:
        """The scores, and PSNR over time."""
        height, width = frames.shape[1:3]
        at = np.arange(STRIDE, min(len(frames), len(truth.frames)), STRIDE)
        counted = seen_at(truth, at, width, height)
        enough = counted.mean((1, 2)) >= LEAST_COUNTED
        curve: list[float | None] = [None] * len(at)
        at, counted = at[enough], counted[enough]
        if not len(at):
            return {"counted": 0.0}, curve
        shown, true = frames[at], in_video_colours(fitted(truth.frames[at], width, height))
        structure = _chunked(ms_ssim, shown, true, counted)
        psnr = psnr_db(shown, true, counted)
        for number, value in zip(np.flatnonzero(enough), psnr, strict=True):
            curve[int(number)] = float(value)
        values = {
            "psnr_db": float(np.mean(psnr)),
            "ms_ssim": float(np.nanmean(structure)) if np.isfinite(structure).any() else None,
            "lpips": float(np.mean(self.lpips(shown, true))) if self.lpips else None,
            "counted": float(counted.mean() * enough.mean()),
        }
        return values, curve

    def _path(self, system: str, task: Task) -> Path:
        return self.folder / system / f"{task.name}.json"

    def _stamp(self, system: str, task: Task, of: str) -> dict[str, Any]:
        """All that a score depends on, as its file gives it back."""
        estimator = self.estimator_of(system)
        return {
            "video": of, "task": task.digest, "film": task.film,
            "estimator": None if estimator is None else estimator.stamp(task.name),
            "rotation_frame": self.rotation_frame, "fov_deg": self.fov_deg,
            "scores": SCORES_VERSION, "paths": PATHS_VERSION, "seen": SEEN_VERSION,
            "quality": QUALITY_VERSION, "lpips": LPIPS_VERSION if self.lpips else None,
        }  # fmt: skip


def commanded_path(
    task: Task, frames: int, rotation_frame: RotationFrame
) -> tuple[np.ndarray, np.ndarray]:
    """`R_cam_from_world` (T, 3, 3) and positions (T, 3) in usual steps of a task's script."""
    first = level_turned(np.array([0.0, task.pitch_deg, task.roll_deg]))
    return integrate(
        task.script.rows[:frames], first, np.zeros(3), unit_m=1.0, rotation_frame=rotation_frame
    )


def seen_at(truth: EngineTruth, at: np.ndarray, width: int, height: int) -> np.ndarray:
    """(len(at), height, width) bool: a pixel counts if all of the film's pixels under it do."""
    if truth.depth_cm is None:
        raise OpenRelicError(f"{truth.scene}: the engine draws no depth to tell what was seen")
    with_first = np.concatenate([[0], at])
    seen = seen_from_first(
        truth.depth_cm[with_first], truth.camera_from_world[with_first], truth.intrinsics
    )[1:]
    if seen.shape[1:] == (height, width):
        return seen
    shares = [resize_frame(np.uint8(255) * one, width, height) for one in seen]
    return np.stack(shares) == 255


def _chunked(
    score: Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray], *arrays: np.ndarray
) -> np.ndarray:
    """A score of few frames at a time: maps of float64 at full size are large."""
    return np.concatenate([
        score(*(one[start : start + 8] for one in arrays)) for start in range(0, len(arrays[0]), 8)
    ])  # fmt: skip
