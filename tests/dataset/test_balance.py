"""Action-balanced sampling, as a pure function."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from dataset.shards.balance import Counted, action_shares, further_windows
from dataset.shards.windows import Window, window_starts
from labeling.actions import ACTIONS

LENGTH = 81
RARE = ACTIONS.index("roll_ccw")


def counted(tour: str, active: np.ndarray, stride: int | None = None) -> list[Counted]:
    """Windows of a clip with the actions `active` (T,13)."""
    return [
        Counted(
            window=Window(tour_id=tour, first_frame=start, length=LENGTH),
            counts=active[start : start + LENGTH].sum(axis=0),
        )
        for start in window_starts(len(active), LENGTH, stride=stride)
    ]


def clip_with_a_rare_action(frames: int = 960) -> np.ndarray:
    """Everything is pressed always, but the rare one only in frames 130 to 180."""
    active = np.ones((frames, len(ACTIONS)), bool)
    active[:, RARE] = False
    active[130:180, RARE] = True
    return active


def test_windows_are_added_where_the_rare_action_is() -> None:
    active = clip_with_a_rare_action()
    tiling, candidates = counted("t", active), counted("t", active, stride=16)
    before = action_shares(tiling)[RARE]
    chosen = further_windows(tiling, candidates, 0.09, 0.5)
    assert chosen
    by_window = {c.window: c for c in candidates}
    after = action_shares([*tiling, *(by_window[w] for w in chosen)])[RARE]
    assert before < 0.09 <= after
    for window in chosen:
        assert window.first_frame < 180 and window.first_frame + LENGTH > 130


def test_nothing_is_added_where_nothing_lacks_or_nothing_helps() -> None:
    active = clip_with_a_rare_action()
    tiling, candidates = counted("t", active), counted("t", active, stride=16)
    assert further_windows(tiling, candidates, 0.01, 1.0) == []
    assert further_windows(tiling, candidates, 0.0, 1.0) == []
    active[:, RARE] = False
    tiling, candidates = counted("t", active), counted("t", active, stride=16)
    assert further_windows(tiling, candidates, 0.05, 1.0) == []
    assert further_windows([], [], 0.05, 1.0) == []


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(0.02, 0.5), st.floats(0.05, 0.6))
def test_limits_hold_for_any_clips(seed: int, floor: float, limit: float) -> None:
    rng = np.random.default_rng(seed)
    tiling, candidates = [], []
    for tour in "ab":
        held = rng.random((12, len(ACTIONS))) < rng.random(len(ACTIONS))
        active = held.repeat(int(rng.integers(20, 60)), axis=0)
        tiling += counted(tour, active)
        candidates += counted(tour, active, stride=16)
    chosen = further_windows(tiling, candidates, floor, limit)
    assert chosen == further_windows(tiling, candidates, floor, limit)
    assert len(chosen) * LENGTH <= limit * len(tiling) * LENGTH
    taken = [c.window for c in tiling] + chosen
    assert len(set(taken)) == len(taken)
    for tour in "ab":
        starts = sorted(w.first_frame for w in taken if w.tour_id == tour)
        assert all(b - a >= LENGTH / 3 for a, b in zip(starts, starts[1:], strict=False))
