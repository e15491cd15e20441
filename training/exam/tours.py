"""Paths made for the exam, as action rows: they leave a view and come back to it.

- `palindrome`: a pan beyond the field of view, and back;
- `turn`: a full turn and a sixth of one more, always to the same side;
- `walk`: a pan aside, some steps forward, and all of it back: the farthest away;
- `loop-02s` ... `loop-19s`: a pan away, rounds on foot while looking elsewhere, and a pan back; the
  view of frame 6 returns after exactly so many seconds. 19 is what fits: the six frames before that
  view and after its return count too, and 20 s (80 latents) are the longest that training teaches.

All rows hold few keys, as training's tours do. Pans go about the upright axis of a level camera, so
both rotation frames give the same path.

Public: `Tour`, `TOURS`, `make_tour`.
"""

from dataclasses import dataclass

import numpy as np

from dataset.clip import FPS
from dataset.errors import OpenRelicError
from labeling.actions import STATIC, UNIT_DEG, motion_to_values

TURN_DEG = 2.0
"""Degrees a frame: 32 a second; tours are planned with 20 to 45."""
AWAY_DEG = 120.0
ASIDE_DEG = 90.0
OVERLAP_DEG = 60.0
WALK_FRAMES = 40
SIDE_FRAMES = 20
"""Longest side of a round on foot: 0.8 m at a usual step of 4 cm."""
LEAD = 6
"""Frames of a loop before the view whose return is timed: a motion is read from four."""
LEFT, RIGHT = -1.0, 1.0
FORWARD, BACK = (1.0, 0.0), (-1.0, 0.0)
ASIDE_RIGHT, ASIDE_LEFT = (0.0, 1.0), (0.0, -1.0)


@dataclass(frozen=True, kw_only=True)
class Tour:
    """One path of T frames."""

    name: str
    rows: np.ndarray
    """(T, 13) float64, row 0 static; rotations over `UNIT_DEG`"""
    pivot: int
    """last frame of the way out"""
    mirror: np.ndarray
    """(T,) the frame of the way out with the same camera, or -1"""


def make_tour(name: str, fov_deg: float = 90.0) -> Tour:
    """The tour of that name; a full turn's way out ends where the first view begins to return."""
    if name == "palindrome":
        return _there_and_back(name, _pan(AWAY_DEG, RIGHT))
    if name == "walk":
        return _there_and_back(name, [*_pan(ASIDE_DEG, LEFT), *_steps(FORWARD, WALK_FRAMES)])
    if name == "turn":
        return _full_turn(name, fov_deg)
    if name.startswith("loop-") and name in TOURS:
        return _loop(name, float(name[5:-1]))
    raise OpenRelicError(f"there is no tour {name!r}; allowed are {', '.join(TOURS)}")


LOOPS_S = (2, 5, 10, 19)
TOURS = ("palindrome", "turn", "walk", *(f"loop-{seconds:02d}s" for seconds in LOOPS_S))

Motions = list[tuple[float, float, float]]
"""Dolly in, truck right (in units) and pan right (in degrees) of each step."""


def _pan(degrees: float, side: float, frames: int | None = None) -> Motions:
    count = frames or round(degrees / TURN_DEG)
    return [(0.0, 0.0, side * degrees / count)] * count


def _steps(way: tuple[float, float], frames: int) -> Motions:
    return [(*way, 0.0)] * frames


def _reversed(motions: Motions) -> Motions:
    """The same way back: a step back is its negative where no step both walks and turns."""
    return [(-dolly, -truck, -pan) for dolly, truck, pan in reversed(motions)]


def _there_and_back(name: str, out: Motions) -> Tour:
    mirror = np.concatenate([np.full(len(out) + 1, -1), np.arange(len(out) - 1, -1, -1)])
    return Tour(name=name, rows=_rows([*out, *_reversed(out)]), pivot=len(out), mirror=mirror)


def _full_turn(name: str, fov_deg: float) -> Tour:
    around = round(360 / TURN_DEG)
    more = round(OVERLAP_DEG / TURN_DEG)
    mirror = np.concatenate([np.full(around, -1), np.arange(more + 1)])
    return Tour(
        name=name,
        rows=_rows(_pan(360.0 + OVERLAP_DEG, LEFT, around + more)),
        pivot=int((360.0 - fov_deg) / TURN_DEG) - 1,
        mirror=mirror,
    )


def _loop(name: str, seconds: float) -> Tour:
    steps = round(seconds * FPS) + 2 * LEAD
    turning = min(steps // 2, round(ASIDE_DEG / TURN_DEG))
    out = _pan(turning * TURN_DEG, RIGHT)
    motions = [*out, *_rounds(steps - 2 * turning), *_reversed(out)]
    mirror = np.full(steps + 1, -1)
    # Where the pan back begins the camera stands where the pan away ended.
    mirror[steps - turning + 1 :] = np.arange(turning - 1, -1, -1)
    return Tour(name=name, rows=_rows(motions), pivot=steps - turning, mirror=mirror)


def _rounds(frames: int) -> Motions:
    """Squares on foot, back to where they began; what is left over is rest."""
    if frames < 4:
        return _steps((0.0, 0.0), frames)
    rounds = -(-frames // (4 * SIDE_FRAMES))
    side = frames // (4 * rounds)
    square = [
        step for way in (FORWARD, ASIDE_RIGHT, BACK, ASIDE_LEFT) for step in _steps(way, side)
    ]
    return [*square * rounds, *_steps((0.0, 0.0), frames - 4 * rounds * side)]


def _rows(motions: Motions) -> np.ndarray:
    """Action rows (N + 1, 13) behind the first picture's static one."""
    given = np.array(motions)
    step, turn = np.zeros((len(given), 3)), np.zeros((len(given), 3))
    step[:, 2], step[:, 0], turn[:, 0] = given[:, 0], given[:, 1], given[:, 2] / UNIT_DEG
    rows = motion_to_values(step, turn)
    rows[:, STATIC] = ~rows[:, :STATIC].any(axis=1)
    return rows
