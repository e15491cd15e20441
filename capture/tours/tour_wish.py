"""What an operator is asked for, and what it may ask of the world."""

from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np

from capture.tours.steering import Style

TourKind = Literal["single", "mixed", "revisit"]


class Space(Protocol):
    """What the operator may ask of the world."""

    def clear_steps(self, positions_m: np.ndarray) -> int:
        """How many of the N-1 steps along (N,3) positions are clear, counted from the start."""
        ...

    def view_distance_m(self, position_m: np.ndarray, direction: np.ndarray) -> float:
        """Distance to the first surface along a unit direction, up to a few metres."""
        ...


@dataclass(frozen=True, kw_only=True)
class TourWish:
    """What the plan asks of a tour."""

    frames: int
    kind: TourKind
    style: Style
    mix: np.ndarray  # (13,) wanted share of frames of each action
    translation_m_s: float
    rotation_deg_s: float
    seed: int
