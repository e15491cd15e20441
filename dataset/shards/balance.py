"""Action-balanced sampling: further windows, where actions are seldom pressed.

Windows of a length tile the usable footage without overlap. Where the share of frames with some
action pressed then stays below a floor, windows that overlap those are added, the one that helps
most first, until every action reaches the floor, nothing helps any more, or the limit is reached.
No footage is lost or repeated whole: two windows of one length share at most two thirds of their
frames.

The choice is greedy and hangs on nothing but counts and the order of the candidates, so the same
input gives the same windows.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dataset.shards.windows import Window
from labeling.actions import ACTIONS

MOST_SHARED = 2 / 3
# Scores that differ by less are equal: the last digits of a sum are the processor's.
SCORE_DIGITS = 9


@dataclass(frozen=True, kw_only=True)
class Counted:
    """A window and the frames of it with each action pressed, int (13,)."""

    window: Window
    counts: np.ndarray


def action_shares(windows: Sequence[Counted]) -> np.ndarray:
    """Share of the frames of some windows with each action pressed, (13,)."""
    return _total(windows) / max(_frames(windows), 1)


def _total(windows: Sequence[Counted]) -> np.ndarray:
    """Frames with each action pressed, int64 (13,)."""
    counts = np.zeros((len(windows), len(ACTIONS)), np.int64)
    for number, counted in enumerate(windows):
        counts[number] = counted.counts
    return np.asarray(counts.sum(axis=0))


def _frames(windows: Sequence[Counted]) -> int:
    return sum(counted.window.length for counted in windows)


def further_windows(
    tiling: Sequence[Counted], candidates: Sequence[Counted], floor: float, limit: float
) -> list[Window]:
    """Which of `candidates` to add to `tiling`, so that every action's share reaches `floor`.

    At most `limit` times the frames of the tiling are added.
    """
    if not tiling or not candidates or floor <= 0:
        return []
    pool = _Pool(candidates, tiling)
    total, frames = _total(tiling), _frames(tiling)
    room, chosen = limit * frames, []
    while (best := pool.best(total / frames, floor, room)) is not None:
        added = candidates[best]
        chosen.append(added.window)
        pool.take(added.window)
        total, frames = total + added.counts, frames + added.window.length
        room -= added.window.length
    return chosen


class _Pool:
    """Candidates that may still be taken."""

    def __init__(self, candidates: Sequence[Counted], tiling: Sequence[Counted]) -> None:
        self._lengths = np.array([counted.window.length for counted in candidates])
        self._starts = np.array([counted.window.first_frame for counted in candidates])
        counts = np.stack([counted.counts for counted in candidates])
        self._shares = counts / self._lengths[:, None]
        self._free = np.ones(len(candidates), bool)
        self._of: dict[tuple[str, int], list[int]] = {}
        for number, counted in enumerate(candidates):
            self._of.setdefault(_track(counted.window), []).append(number)
        for counted in tiling:
            self.take(counted.window)

    def best(self, shares: np.ndarray, floor: float, room: float) -> int | None:
        """The free candidate that raises the lacking actions most; None if none raises any."""
        lacking = np.maximum(floor - shares, 0) / floor
        if not lacking.any():
            return None
        gain = (self._shares - shares) @ lacking
        gain = np.where(self._free & (self._lengths <= room), gain.round(SCORE_DIGITS), 0)
        number = int(gain.argmax())
        return number if gain[number] > 0 else None

    def take(self, window: Window) -> None:
        """Leave out what would share too much with `window`."""
        numbers = np.array(self._of.get(_track(window), ()), np.int64)
        apart = np.abs(self._starts[numbers] - window.first_frame)
        self._free[numbers[apart < (1 - MOST_SHARED) * window.length]] = False


def _track(window: Window) -> tuple[str, int]:
    return window.tour_id, window.length
