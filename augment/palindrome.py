"""Palindromes: a window that runs forward to a pivot and then back the way it came.

From T frames and a pivot p: frames 0..p, then p-1, p-2, ... until there are T. The pivot is not
repeated (the paper's printed indices repeat it and give T+1 frames). Every place that the camera
reaches again is one whose look is known, so such a sample teaches memory.

Only frame indices are made here. The labels of a palindrome come from its reversed poses, by
`labeling.actions.window_actions` with the clip's own unit.
"""

import numpy as np

from dataset.errors import OpenRelicError

MIN_LENGTH = 3


def pivot_range(length: int) -> tuple[int, int]:
    """The smallest and largest pivot of a window of `length` frames, both allowed.

    (length - 1) / 2 <= pivot <= length - 2: the smallest ends on frame 0 (frame 1 where `length` is
    even), the largest goes back by one frame. Raises `OpenRelicError` below 3 frames.
    """
    if length < MIN_LENGTH:
        raise OpenRelicError(
            f"a window of {length} frames has no palindrome; at least {MIN_LENGTH} are needed"
        )
    return length // 2, length - 2


def palindrome_indices(length: int, pivot: int) -> np.ndarray:
    """Frame indices, int64 (length,), of the palindrome of a window of `length` frames.

    Raises `OpenRelicError` for a pivot outside `pivot_range(length)`.
    """
    smallest, largest = pivot_range(length)
    if not smallest <= pivot <= largest:
        raise OpenRelicError(
            f"pivot {pivot} is not allowed in a window of {length} frames; "
            f"allowed are {smallest} to {largest}"
        )
    return pivot - np.abs(pivot - np.arange(length, dtype=np.int64))


def draw_pivot(length: int, rng: np.random.Generator) -> int:
    """A pivot drawn uniformly from `pivot_range(length)`."""
    smallest, largest = pivot_range(length)
    return int(rng.integers(smallest, largest, endpoint=True))
