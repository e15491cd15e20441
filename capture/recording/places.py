"""What every way of feeling the world has in common: its protocol, and positions as locations."""

from typing import Protocol

import numpy as np

from capture.tours.camera_operator import Space
from dataset.clip import Collision
from labeling.camera import R_CAM_FROM_WORLD_LEVEL, camera_to_ue

__all__ = ["Collision", "PlacedSpace", "ue_location_cm"]


class PlacedSpace(Space, Protocol):
    """What the operator asks of the world, and where a camera may be put into it."""

    collision: Collision

    def is_free(self, location_cm: np.ndarray) -> bool:
        """Whether a camera may stand at (3,) in cm."""
        ...


def ue_location_cm(position_m: np.ndarray) -> np.ndarray:
    """Positions (N,3) as Unreal locations in cm."""
    anyhow = np.broadcast_to(R_CAM_FROM_WORLD_LEVEL, (len(position_m), 3, 3))
    return camera_to_ue(anyhow, position_m)[0]
