"""The shares of actions of a tour while it is being steered, as its labels will count them."""

import numpy as np

from capture.tours.tour_wish import TourWish
from dataset.clip import FPS
from labeling.actions import ACTIONS, poses_to_actions

MOVING = 0.05  # of the tour's usual speed: a step of this length moves


class ActionCount:
    """Counts the actions of poses as they are added.

    Labels have the camera's axes: a walk with tilted eyes is a pedestal as well. What counts as
    pressed depends on the mean step of the whole clip; that of the steps so far stands for it.
    """

    def __init__(self, wish: TourWish) -> None:
        """Nothing is counted yet but the first frame, which no action leads to."""
        self._style = wish.style
        self._moving_m = MOVING * wish.translation_m_s / FPS
        self._steps_m: list[float] = []
        self._frames_of = np.zeros(len(ACTIONS))
        self._frames = 1

    @property
    def shares(self) -> np.ndarray:
        """Share of the frames so far with each action (13,)."""
        return self._frames_of / self._frames

    def add(self, R: np.ndarray, position_m: np.ndarray) -> None:
        """Count the frames after the first of `R` (N,3,3) and `position_m` (N,3)."""
        steps_m = np.linalg.norm(np.diff(position_m, axis=0), axis=1)
        self._steps_m.extend(steps_m[steps_m > self._moving_m])
        unit_m = float(np.mean(self._steps_m)) if self._steps_m else None
        actions = poses_to_actions(
            R, position_m, rotation_frame=self._style.rotation_frame, unit_m=unit_m
        )
        self._frames_of += actions.active[1:].sum(axis=0)
        self._frames += len(R) - 1
