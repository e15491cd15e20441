"""Whether pictures move as was commanded: without that, showing a place again proves nothing.

A frozen camera shows the same place for ever. Exam B therefore counts a returning frame only if the
motion read from the pictures (`training.learning.motion`) before it, and before its mirror, agrees
with the one that was commanded there.

Public: `MotionCheck`.
"""

import numpy as np

from training.exam.videos import KnownVideo
from training.learning.calibration import Calibration, signed_motions
from training.learning.motion import GAP

AGREES = 0.5
"""Least cosine between the motion read and the one commanded."""
MOVES = 0.25
"""Least length of the motion read, of the one commanded; and of that, of a usual one."""


class MotionCheck:
    """The check for one known path."""

    def __init__(self, calibration: Calibration, video: KnownVideo) -> None:
        """`video` tells what is commanded."""
        self._calibration = calibration
        self._wanted = signed_motions(video) / calibration.usual_6

    def moves(self, frames: np.ndarray, *ends: int) -> bool:
        """Whether `frames` (T, H, W, 3) move as commanded before each of these frames."""
        return all(self._moves(frames, end - GAP, end) for end in ends)

    def _moves(self, frames: np.ndarray, start: int, end: int) -> bool:
        if start < 0:
            return False
        wanted = self._wanted[start]
        most = np.linalg.norm(wanted)
        if most < MOVES or np.array_equal(frames[start], frames[end]):
            return False
        read = self._calibration.motion(frames[start], frames[end])
        length = np.linalg.norm(read)
        return bool(length >= MOVES * most and read @ wanted >= AGREES * length * most)
