"""What evaluation asks of whatever finds a camera's path in a video."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np


@dataclass(frozen=True, kw_only=True)
class Path:
    """The camera's path over T frames, in a world and at a scale of the estimator's own."""

    R_cam_from_world: np.ndarray
    """(T, 3, 3) float64, OpenCV camera axes."""
    position: np.ndarray
    """(T, 3) float64, camera centres."""
    tracked: np.ndarray
    """(T,) bool: whether this frame's pose was found; elsewhere the pose is the last one found."""
    unit: str = "own units"
    """What a length of 1 is."""

    def __len__(self) -> int:
        """Frames."""
        return len(self.position)


class PathEstimator(Protocol):
    """Finds the path of the camera that took some pictures."""

    name: str

    def stamp(self, name: str) -> str:
        """What the path of the video called `name` depends on, besides its pictures and lens.

        Paths that were found under another stamp are looked for again.
        """
        ...

    def estimate(self, frames: np.ndarray, intrinsics: np.ndarray, *, name: str = "") -> Path:
        """The path of `frames` (T, H, W, 3) uint8 with `intrinsics` (4,) fx, fy, cx, cy.

        `name` is the video's, for estimators that look the answer up.
        """
        ...
