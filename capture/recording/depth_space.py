"""The world as the operator feels it, by depth images alone: for engines without `/tour/sweep`.

A place is free if some `DepthCube` proves it. The first stands where the tour starts; where the
proof ends, another is drawn at the last proven place, so that every look is taken from free space:
from inside a closed body, engines that cull back faces would show no walls at all.
"""

import numpy as np

from capture.recording.depth_cube import REACH_CM, DepthCube, Draw, draw_cube
from capture.recording.places import Collision, ue_location_cm

# Kept on top of the stated clearance: corners may stick out between two rays, and depth that went
# through half precision is off by up to 0.05 %.
MARGIN_CM = 3.0
SAMPLE_CM = 4.0  # places tested along a way
VIEW_RADIUS_CM = 5.0
VIEW_LENGTH_M = 4.0
SAME_PLACE_CM = 4.0  # a cube this near stands for the place
NEW_CUBE_CM = 15.0  # a new cube nearer than this to an old one would see no more
KEPT_CUBES = 48
ASKED_CUBES = 4  # nearest ones asked about a place
MAX_HEIGHT_CM = 3000.0  # above nothing a tour would leave the scene


class DepthSpace:
    """Conservative: what no camera has seen counts as solid."""

    collision: Collision = "depth"

    def __init__(self, draw: Draw, clearance_cm: float) -> None:
        """Keep at least `clearance_cm` from every surface; `draw` brings depth of six views."""
        self._draw = draw
        self._radius = clearance_cm + MARGIN_CM
        # Between two tested places the sphere that is moved bulges this much less than there.
        self._tested_radius = float(np.hypot(self._radius, SAMPLE_CM / 2))
        self._cubes: list[DepthCube] = []  # the one used last at the end
        self.cubes_drawn = 0

    def clear_steps(self, positions_m: np.ndarray) -> int:
        """How many of the N-1 steps along (N,3) positions are clear, counted from the start."""
        points = ue_location_cm(positions_m)
        places, steps = _sampled(points)
        done = 0
        while done < len(places):
            proven = self._proven(places[done:])
            done += proven
            if done == len(places):
                break
            standing = places[done - 1] if done else points[0]
            if self._is_solid(places[done]) or not self._look_around(standing):
                return int(steps[done])
        return len(points) - 1

    def _proven(self, places: np.ndarray) -> int:
        """How many places (K,3), counted from the first, are proven free by cubes that exist."""
        count = 0
        for cube in self._nearest(places[0]):
            if count == len(places):
                break
            free = cube.clear(places[count:], self._tested_radius)
            count += len(free) if free.all() else int(free.argmin())
        return count

    def _nearest(self, place_cm: np.ndarray) -> list[DepthCube]:
        apart = [float(np.linalg.norm(cube.centre_cm - place_cm)) for cube in self._cubes]
        order = np.argsort(apart, kind="stable")[:ASKED_CUBES]
        return [self._cubes[number] for number in order if apart[number] <= REACH_CM]

    def _is_solid(self, place_cm: np.ndarray) -> bool:
        return any(cube.touched(place_cm, self._radius) for cube in self._nearest(place_cm))

    def _look_around(self, place_cm: np.ndarray) -> bool:
        """Draw a cube at a proven place; False where that would bring nothing new."""
        nearest = self._nearest(place_cm)[:1]
        if nearest and np.linalg.norm(nearest[0].centre_cm - place_cm) < NEW_CUBE_CM:
            return False
        return self._add_cube(place_cm).below_cm < MAX_HEIGHT_CM

    def _add_cube(self, place_cm: np.ndarray) -> DepthCube:
        cube = draw_cube(self._draw, place_cm)
        self._cubes = [*self._cubes[-KEPT_CUBES + 1 :], cube]
        self.cubes_drawn += 1
        return cube

    def view_distance_m(self, position_m: np.ndarray, direction: np.ndarray) -> float:
        """Distance to the first surface along a unit direction, `VIEW_LENGTH_M` at most."""
        here, there = ue_location_cm(np.stack([position_m, position_m + direction]))
        nearest = self._nearest(here)[:1]
        if not nearest or np.linalg.norm(nearest[0].centre_cm - here) > SAME_PLACE_CM:
            nearest = [self._add_cube(here)]
        way = (there - here) / np.linalg.norm(there - here)
        return min(VIEW_LENGTH_M, nearest[0].view_cm(way, VIEW_RADIUS_CM) / 100)

    def is_free(self, location_cm: np.ndarray) -> bool:
        """Whether a camera may stand there, by what it would see from there."""
        return self._add_cube(np.asarray(location_cm, np.float64)).nearest_cm > self._radius


def _sampled(points_cm: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Places (M,3) along a way (N,3), `SAMPLE_CM` apart at most, and the step (M,) of each."""
    places, steps = [], []
    for step, (start, end) in enumerate(zip(points_cm[:-1], points_cm[1:], strict=True)):
        count = int(np.ceil(np.linalg.norm(end - start) / SAMPLE_CM))
        shares = (np.arange(count) + 1) / max(1, count)
        places.append(start + shares[:, None] * (end - start))
        steps += [step] * count
    return np.concatenate(places) if places else np.empty((0, 3)), np.array(steps, dtype=int)
