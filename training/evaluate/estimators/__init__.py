"""Camera paths from pictures, behind one interface; chosen by name.

- `opencv`: monocular visual odometry of our own on OpenCV's tracks (`estimators.odometry`);
- `trajectories:FOLDER`: what another tool found, read from a file a video: ViPE's `pose/NAME.npz`,
  a COLMAP model's folder, TUM and the other formats of `labeling.formats`.

Public: `Path`, `PathEstimator`, `make_estimator`.
"""

from training.evaluate.estimators.interface import Path, PathEstimator

__all__ = ["ESTIMATORS", "Path", "PathEstimator", "make_estimator"]

ESTIMATORS = ("opencv", "trajectories:FOLDER")


def make_estimator(name: str) -> PathEstimator:
    """The estimator called `name`."""
    from dataset.errors import OpenRelicError

    kind, _, folder = name.partition(":")
    if kind == "opencv" and not folder:
        from training.evaluate.estimators.odometry import OpenCvOdometry

        return OpenCvOdometry()
    if kind == "trajectories" and folder:
        from training.evaluate.estimators.trajectories import TrajectoryFiles

        return TrajectoryFiles(folder)
    raise OpenRelicError(f"no path estimator {name!r}; there are {', '.join(ESTIMATORS)}")
