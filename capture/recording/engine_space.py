"""The world as the operator feels it, by the engine's own collision queries.

Answers `capture.tours.camera_operator.Space` with `/tour/sweep` and `/tour/clearance`.
"""

import json

import numpy as np

from capture.recording.places import Collision, ue_location_cm
from capture.sessions.client import UnrealCVClient

# Kept on top of the stated clearance, so that the clearance holds for read-back poses as well:
# these are rounded to 0.001 cm, and an engine may stop a sweep a little late.
MARGIN_CM = 0.5
VIEW_RADIUS_CM = 5.0
VIEW_LENGTH_M = 4.0
BATCH = 32
COMMANDS = ("vget /tour/sweep", "vget /tour/clearance")


class EngineSpace:
    """Exact, and as fast as the engine answers."""

    collision: Collision = "sweep"

    def __init__(self, client: UnrealCVClient, clearance_cm: float) -> None:
        """Keep at least `clearance_cm` from every surface."""
        self._client = client
        self._radius = clearance_cm + MARGIN_CM

    def clear_steps(self, positions_m: np.ndarray) -> int:
        """How many of the N-1 steps along (N,3) positions are clear, counted from the start."""
        points = ue_location_cm(positions_m)
        moving = np.flatnonzero((points[1:] != points[:-1]).any(axis=1))
        for first in range(0, len(moving), BATCH):
            steps = moving[first : first + BATCH]
            commands = [self._sweep(points[step], points[step + 1], self._radius) for step in steps]
            for step, reply in zip(steps, list(self._client.stream(commands)), strict=True):
                if json.loads(reply)["hit"]:
                    return int(step)
        return len(points) - 1

    def view_distance_m(self, position_m: np.ndarray, direction: np.ndarray) -> float:
        """Distance to the first surface along a unit direction, `VIEW_LENGTH_M` at most."""
        way = np.stack([position_m, position_m + VIEW_LENGTH_M * direction])
        start, end = ue_location_cm(way)
        reply = self._client.json(self._sweep(start, end, VIEW_RADIUS_CM))
        return VIEW_LENGTH_M * float(reply["fraction"])

    def is_free(self, location_cm: np.ndarray) -> bool:
        """Whether a camera may stand there."""
        point = " ".join(f"{value:.6f}" for value in location_cm)
        return self._client.json(f"vget /tour/clearance {point}")["distance"] > self._radius

    @staticmethod
    def _sweep(start_cm: np.ndarray, end_cm: np.ndarray, radius_cm: float) -> str:
        numbers = " ".join(f"{value:.6f}" for value in (*start_cm, *end_cm, radius_cm))
        return f"vget /tour/sweep {numbers}"
