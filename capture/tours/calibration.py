"""Fits the model of what shares of actions operators achieve; run it after changing the operator.

    python -m capture.tours.calibration

Operators steer with mixes drawn as the planner draws them, but wider, through three box rooms
without furniture, a small one, a hall and an open place, equally often. It prints how far single
tours stray from the lines, and rewrites `operator_model.json`.
"""

import dataclasses
import json
import logging
from collections.abc import Iterator

import numpy as np

from capture.tours.camera_operator import Operator, TourWish
from capture.tours.expectation import MANNERS, MODEL, Line, Manner
from capture.tours.planning import WANTED, drawn_mix
from capture.tours.steering import Style, looking_along
from dataset.errors import run_command
from labeling.actions import poses_to_actions

log = logging.getLogger(__name__)

ROOMS_M = ((5.0, 4.0, 2.6), (14.0, 10.0, 4.0), (80.0, 80.0, 20.0))
TOURS_A_ROOM, FRAMES = 48, (320, 1760)
VIEW_M, CLEAR_M, EYES_M = 4.0, 0.25, 1.6
SPREAD = 0.5


class Box:
    """An empty room: a `Space` with exact answers."""

    def __init__(self, size_m: tuple[float, float, float]) -> None:
        """A box from 0 to `size_m`."""
        self.size_m = np.array(size_m)

    def clear_steps(self, positions_m: np.ndarray) -> int:
        """Steps until one leaves the part of the box that a camera may be in; it is convex."""
        inside = np.minimum(positions_m, self.size_m - positions_m).min(axis=1) >= CLEAR_M
        return len(inside) - 1 if inside.all() else max(0, int(inside.argmin()) - 1)

    def view_distance_m(self, position_m: np.ndarray, direction: np.ndarray) -> float:
        """Distance to the wall."""
        wall = np.where(direction > 0.0, self.size_m, 0.0)
        with np.errstate(divide="ignore", invalid="ignore"):
            ways = np.where(direction == 0.0, np.inf, (wall - position_m) / direction)
        return float(min(VIEW_M, ways.min()))


def steered_shares(
    manner: Manner, mix: np.ndarray, size_m: tuple[float, float, float], frames: int, seed: int
) -> np.ndarray:
    """Shares (13,) that an operator achieves in an empty box."""
    kind, motion, rotation_frame = manner
    random = np.random.default_rng(seed)
    size = np.array(size_m)
    start = random.uniform(np.minimum(1.0, size / 3), size - np.minimum(1.0, size / 3))
    wish = TourWish(
        frames=frames, kind=kind, mix=mix,
        style=Style(motion=motion, rotation_frame=rotation_frame),
        seed=seed, translation_m_s=float(random.uniform(0.8, 1.8)),
        rotation_deg_s=float(random.uniform(20.0, 45.0)),
    )  # fmt: skip
    start[2] = min(EYES_M, size[2] / 2)
    path = Operator(wish, Box(size_m), looking_along(random.uniform(-180, 180)), start).drive()
    actions = poses_to_actions(path.R, path.position_m, rotation_frame=wish.style.rotation_frame)
    return actions.active.mean(axis=0)


def _samples(manner: Manner) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Mixes as the planner draws them, but wider, and the shares that they gave."""
    random = np.random.default_rng(MANNERS.index(manner))
    for size_m in ROOMS_M:
        for _ in range(TOURS_A_ROOM):
            mix = drawn_mix(WANTED, manner[0], random, spread=SPREAD)
            frames = int(random.integers(*FRAMES))
            yield mix, steered_shares(manner, mix, size_m, frames, int(random.integers(2**31)))


def fitted_line(mixes: np.ndarray, shares: np.ndarray) -> Line:
    """The least-squares line of each column of (N,13) mixes and shares; none falls: noise aside,
    aiming at more of an action does not give less of it."""
    mean_mix, mean_share = mixes.mean(axis=0), shares.mean(axis=0)
    spread = mixes - mean_mix
    gain = (spread * (shares - mean_share)).sum(axis=0) / (spread**2).sum(axis=0)
    gain = np.maximum(gain, 0.0)
    base = mean_share - gain * mean_mix
    return Line(base=base, gain=gain, stray=(shares - base - gain * mixes).std(axis=0))


def main() -> None:
    """Fit every manner's lines and write them."""
    found = {}
    for manner in MANNERS:
        mixes, shares = (np.stack(columns) for columns in zip(*_samples(manner), strict=True))
        line = fitted_line(mixes, shares)
        log.info("%-22s a tour strays by %.3f", " ".join(manner), line.stray.mean())
        fields = dataclasses.asdict(line).items()
        found[" ".join(manner)] = {name: values.round(4).tolist() for name, values in fields}
    MODEL.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    run_command(main)
