"""The lanes of `benchmarks.camera_paths`: films of the scripts, and what is made of them."""

import logging
import tempfile
import time
from dataclasses import replace
from pathlib import Path as FilePath

import numpy as np

from dataset.resize import resize_frame, resize_intrinsics
from labeling.camera import poses_from_extrinsics
from labeling.formats import read_poses
from training.evaluate.estimators import Path, PathEstimator
from training.evaluate.films import EngineTruth, cached_truth
from training.evaluate.rendering import SceneRenderer, View
from training.evaluate.scripts import ActionScript
from training.evaluate.trajectory import PathScores, score_path

UNIT_M = 0.08
"""Of a usual step, or less if the script does not fit into the scene."""
VIEW = View(width=640, height=360)
log = logging.getLogger(__name__)


def films(folder: FilePath, scene: str, scripts: tuple[ActionScript, ...]) -> dict[str, FilePath]:
    """Film what is not in the folder yet; a file a script."""
    paths = {one.name: folder / f"{scene.replace(':', '-')}-{one.name}.npz" for one in scripts}
    missing = [one for one in scripts if not paths[one.name].exists()]
    if missing:
        with SceneRenderer.open(scene, VIEW) as renderer:
            for script in missing:
                cached_truth(paths[script.name], {}, lambda script=script: _film(renderer, script))
                log.info("%s: %s is filmed", scene, script.name)
    return paths


def _film(renderer: SceneRenderer, script: ActionScript) -> EngineTruth:
    start = renderer.fitting_start([script.rows], unit_m=UNIT_M, seed=1)
    return replace(renderer.film(script.rows, start), depth_cm=None)


def film(path: FilePath) -> EngineTruth:
    """One that is kept."""

    def gone() -> EngineTruth:
        raise FileNotFoundError(path)

    return cached_truth(path, {}, gone)


def at_size(truth: EngineTruth, width: int, height: int) -> tuple[np.ndarray, np.ndarray]:
    """Frames and intrinsics of a film at another size."""
    frames = np.stack([resize_frame(one, width, height) for one in truth.frames])
    lens = resize_intrinsics(truth.intrinsics, VIEW.width, VIEW.height, width, height)
    return frames, lens


def scores(
    estimator: PathEstimator, truth: EngineTruth, width: int, height: int, every: int = 1
) -> tuple[PathScores, float]:
    """Of every so manieth frame, with seconds of CPU; `estimator` gives those frames' poses."""
    frames, lens = at_size(truth, width, height)
    R, P = poses_from_extrinsics(truth.camera_from_world[::every])
    start = time.process_time()
    found = estimator.estimate(frames if isinstance(estimator, Thinned) else frames[::every], lens)
    seconds = time.process_time() - start
    return score_path(found, R, P / truth.unit_m), seconds


class Thinned:
    """An estimator that sees every frame, of whose poses every so manieth is kept."""

    def __init__(self, estimator: PathEstimator, every: int) -> None:
        """Thin the paths of `estimator`."""
        self.name = estimator.name
        self._estimator, self._every = estimator, every

    def stamp(self, name: str) -> str:
        """See `PathEstimator`."""
        return f"{self._estimator.stamp(name)}, every {self._every}"

    def estimate(self, frames: np.ndarray, intrinsics: np.ndarray, *, name: str = "") -> Path:
        """See `PathEstimator`."""
        found = self._estimator.estimate(frames, intrinsics, name=name)
        return Path(
            R_cam_from_world=found.R_cam_from_world[:: self._every],
            position=found.position[:: self._every],
            tracked=found.tracked[:: self._every],
            unit=found.unit,
        )


class Colmap:
    """Structure from motion by pycolmap: SIFT, sequential matching, incremental mapping."""

    name = "colmap"

    def stamp(self, name: str) -> str:
        """See `PathEstimator`."""
        return self.name

    def estimate(self, frames: np.ndarray, intrinsics: np.ndarray, *, name: str = "") -> Path:
        """See `PathEstimator`; with the known pinhole, and its largest model."""
        import pycolmap

        pycolmap.logging.minloglevel = 3
        with tempfile.TemporaryDirectory() as folder:
            root = FilePath(folder)
            images, database = self._images(root, frames), root / "database.db"
            reader = pycolmap.ImageReaderOptions()
            reader.camera_params = ",".join(f"{value:.6f}" for value in intrinsics)
            reader.camera_model = "PINHOLE"
            pycolmap.extract_features(
                database, images, camera_mode=pycolmap.CameraMode.SINGLE, reader_options=reader
            )
            pycolmap.match_sequential(database)
            options = pycolmap.IncrementalPipelineOptions()
            options.ba_refine_focal_length = options.ba_refine_extra_params = False
            models = pycolmap.incremental_mapping(database, images, root, options=options)
            if not models:
                return _lost(len(frames))
            best = max(models.values(), key=lambda model: model.num_reg_images())
            (root / "best").mkdir()
            best.write_text(root / "best")
            return _spread(root / "best", len(frames))

    @staticmethod
    def _images(root: FilePath, frames: np.ndarray) -> FilePath:
        import cv2

        (root / "images").mkdir()
        for number, frame in enumerate(frames):
            cv2.imwrite(str(root / "images" / f"{number:04d}.png"), frame[..., ::-1])
        return root / "images"


def _lost(count: int) -> Path:
    return Path(
        R_cam_from_world=np.tile(np.eye(3), (count, 1, 1)),
        position=np.zeros((count, 3)),
        tracked=np.zeros(count, bool),
    )


def _spread(model: FilePath, count: int) -> Path:
    poses = read_poses(model, "colmap")
    found = _lost(count)
    number = [int(FilePath(name).stem) for name in poses.names or ()]
    found.R_cam_from_world[number] = poses.R_cam_from_world
    found.position[number] = poses.position_m
    found.tracked[number] = True
    return found
