"""What a camera that is steered by hand does at a wall: it comes close, slides along, or stops.

Every step is asked of a `Space` before it is made, so the clearance holds at every pose and between
any two, as it does on an operator's tours.
"""

from collections.abc import Iterator
from typing import Literal

import numpy as np

from capture.tours.camera_operator import Space
from dataset.clip import Collision

Contact = Literal["clear", "sliding", "blocked"]

APPROACHES = (0.5, 0.25)  # shares of a step that are tried before the camera turns aside
# Ways to turn aside, about the world's up. Further aside a camera that faces a wall would creep.
ASIDE_DEG = (15.0, -15.0, 30.0, -30.0, 45.0, -45.0, 60.0, -60.0)


class Walls:
    """Makes single steps of one camera."""

    def __init__(self, space: Space) -> None:
        """Feel the world with `space`."""
        self._space = space
        self._aside_deg: float | None = None  # how the last slide went, the likely next one
        self._refused: tuple[np.ndarray, np.ndarray] | None = None

    def moved(self, from_m: np.ndarray, step_m: np.ndarray) -> tuple[np.ndarray, Contact]:
        """Where a step (3,) in metres from a free place leads, and what the camera met."""
        if not step_m.any():
            return from_m, "clear"
        if self._clear(from_m, step_m):
            self._aside_deg = None
            return from_m + step_m, "clear"
        if self._was_refused(from_m, step_m):
            return from_m, "blocked"  # an engine need not be asked the same sixteen times a second
        for way_m in self._ways(step_m):
            if self._clear(from_m, way_m):
                return from_m + way_m, "sliding"
        self._aside_deg, self._refused = None, (from_m, step_m)
        return from_m, "blocked"

    def _clear(self, from_m: np.ndarray, step_m: np.ndarray) -> bool:
        return self._space.clear_steps(np.stack([from_m, from_m + step_m])) == 1

    def _was_refused(self, from_m: np.ndarray, step_m: np.ndarray) -> bool:
        if self._refused is None:
            return False
        place, way = self._refused
        return bool((place == from_m).all() and np.allclose(way, step_m, rtol=0.0, atol=1e-4))

    def _ways(self, step_m: np.ndarray) -> Iterator[np.ndarray]:
        """Shorter steps and steps aside, in the order in which they are tried."""
        if self._aside_deg is not None:
            yield _aside(step_m, self._aside_deg)
        for share in APPROACHES:
            yield step_m * share
        level_m = step_m * [1.0, 1.0, 0.0]
        if not level_m.any():
            return
        if step_m[2]:
            yield level_m
        for angle_deg in ASIDE_DEG:
            self._aside_deg = angle_deg
            yield _aside(step_m, angle_deg)


def _aside(step_m: np.ndarray, angle_deg: float) -> np.ndarray:
    """The part of the step's level motion that goes `angle_deg` aside."""
    cosine, sine = np.cos(np.deg2rad(angle_deg)), np.sin(np.deg2rad(angle_deg))
    x, y = step_m[:2] * cosine
    return np.array([cosine * x - sine * y, sine * x + cosine * y, 0.0])


class Nothing:
    """A world without walls, for a camera that may pass through everything."""

    collision: Collision = "sweep"  # exact about an empty world

    def clear_steps(self, positions_m: np.ndarray) -> int:
        """Every step along (N,3) positions is clear."""
        return len(positions_m) - 1

    def view_distance_m(self, position_m: np.ndarray, direction: np.ndarray) -> float:
        """Nothing is ever met."""
        return float("inf")

    def is_free(self, location_cm: np.ndarray) -> bool:
        """A camera may stand anywhere."""
        return True
