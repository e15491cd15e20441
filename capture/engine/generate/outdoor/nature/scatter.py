"""Where things stand: random places that keep away from one another and from keep-outs."""

from collections.abc import Callable

import numpy as np
from scipy.spatial import KDTree

Wanted = Callable[[np.ndarray, np.ndarray], np.ndarray]


class Ground:
    """Remembers what already stands where; places are (x, y) in cm with a radius."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.rng = rng
        self._places: list[tuple[float, float, float]] = []

    def claim(self, x: float, y: float, radius: float) -> None:
        """Keep others out of a circle."""
        self._places.append((x, y, radius))

    def free(self, points: np.ndarray, radius: float) -> np.ndarray:
        """Which points (N,2) are `radius` away from all circles, (N,) bool."""
        free = np.ones(len(points), bool)
        for x, y, kept in self._places:
            free &= np.hypot(points[:, 0] - x, points[:, 1] - y) > kept + radius
        return free

    def scatter(
        self,
        count: int,
        reach_cm: float | tuple[float, float],
        apart_cm: float,
        wanted: Wanted | None = None,
        radius: float = 0.0,
        claim: float | None = None,
    ) -> np.ndarray:
        """Up to `count` places (N,2) in a square ring about the origin, `apart_cm` from another.

        `wanted` gives each place a chance 0..1; those chosen claim circles of radius `claim`.
        """
        low, high = reach_cm if isinstance(reach_cm, tuple) else (0.0, reach_cm)
        tries = self.rng.uniform(-high, high, (count * 6, 2))
        tries = tries[np.abs(tries).max(1) >= low]
        if wanted is not None:
            chance = wanted(tries[:, 0], tries[:, 1])
            tries = tries[self.rng.random(len(tries)) < chance]
        tries = tries[self.free(tries, radius)]
        chosen = _apart(tries, apart_cm)[:count]
        if claim is not None:
            self._places += [(float(x), float(y), claim) for x, y in chosen]
        return chosen


def _apart(points: np.ndarray, distance: float) -> np.ndarray:
    """Those of (N,2) that no earlier kept one is nearer to than `distance`."""
    if not len(points) or distance <= 0:
        return points
    keep = np.ones(len(points), bool)
    neighbours = KDTree(points).query_ball_point(points, distance)
    for index, near in enumerate(neighbours):
        if keep[index]:
            others = np.asarray(near)
            keep[others[others > index]] = False
    return points[keep]
