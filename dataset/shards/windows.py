"""Which windows of a clip become samples, and which of them as palindromes too.

A window starts on a GOP border, so that it is cut by copying packets, and windows of one length do
not overlap; `dataset.shards.balance` adds some that do. Whether a window also becomes a palindrome,
and where that one turns, hangs on a hash of the seed, the tour, the first frame and the length:
adding clips changes no other sample.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from augment.palindrome import draw_pivot, palindrome_indices
from dataset.clip import GOP_FRAMES

WindowLength = Literal[81, 161, 317]  # 5, 10 and 20 s: 21, 41 and 80 latents


@dataclass(frozen=True, kw_only=True)
class Window:
    """`length` frames of a clip from `first_frame`; a palindrome if it has a `pivot`."""

    tour_id: str
    first_frame: int
    length: int
    pivot: int | None = None

    @property
    def key(self) -> str:
        """The sample's key; it has no dots, which would end a key in a WebDataset."""
        key = f"{self.tour_id}-f{self.first_frame:06d}-n{self.length:03d}"
        return key if self.pivot is None else f"{key}-p{self.pivot:03d}"

    @property
    def stored_frames(self) -> int:
        """Frames in the sample's video: a palindrome stores its way out once."""
        return self.length if self.pivot is None else self.pivot + 1

    @property
    def indices(self) -> np.ndarray:
        """int64 (length,): the video's frame for each frame of the sample."""
        if self.pivot is None:
            return np.arange(self.length, dtype=np.int64)
        return palindrome_indices(self.length, self.pivot)


def window_starts(frames: int, length: int, first: int = 0, stride: int | None = None) -> list[int]:
    """First frames of the windows in the `frames` frames of a clip from `first`, on GOP borders.

    As many as fit without overlap, or every `stride` frames, a multiple of a GOP.
    """
    step = stride or -(-length // GOP_FRAMES) * GOP_FRAMES
    begin = -(-first // GOP_FRAMES) * GOP_FRAMES
    return list(range(begin, first + frames - length + 1, step))


def draw_palindrome(window: Window, share: float, seed: int) -> Window | None:
    """The palindrome of an ordinary window, for a `share` of all windows; None for the others."""
    label = f"{seed}/{window.key}".encode()
    rng = np.random.default_rng(int.from_bytes(hashlib.sha256(label).digest()[:8]))
    if rng.random() >= share:
        return None
    return Window(
        tour_id=window.tour_id,
        first_frame=window.first_frame,
        length=window.length,
        pivot=draw_pivot(window.length, rng),
    )


def with_palindromes(windows: Iterable[Window], share: float, seed: int) -> list[Window]:
    """The windows, each followed by its palindrome if it has one."""
    samples = []
    for window in windows:
        turned = draw_palindrome(window, share, seed)
        samples += [window] if turned is None else [window, turned]
    return samples
