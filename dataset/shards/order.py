"""The order in which samples are taken: a pure function of seed, epoch and rank.

Nothing is drawn while samples are read, so nothing has to be stored to go on in the middle of an
epoch but the epoch and the place in it.
"""

from dataclasses import dataclass

import numpy as np

from dataset.errors import OpenRelicError


@dataclass(frozen=True, kw_only=True)
class EpochOrder:
    """Which of `count` samples a rank takes in an epoch, and in which order.

    Every rank takes equally many. Where `count` is no multiple of `ranks`, the first samples of the
    epoch stand in it twice, `ranks` - 1 of them at most; none is left out.
    """

    count: int
    seed: int = 0
    rank: int = 0
    ranks: int = 1
    shuffle: bool = True

    def __post_init__(self) -> None:
        """Refuse what has no order."""
        if self.count < 1 or not 0 <= self.rank < self.ranks:
            raise OpenRelicError(
                f"rank {self.rank} of {self.ranks} with {self.count} samples; needed are at least "
                "one sample and a rank from 0 on below the number of ranks"
            )

    def __len__(self) -> int:
        """Samples that each rank takes in an epoch."""
        return -(-self.count // self.ranks)

    def epoch(self, epoch: int) -> np.ndarray:
        """Sample numbers of this rank in an epoch, int64 (len(self),)."""
        numbers = np.arange(self.count)
        if self.shuffle:
            numbers = np.random.default_rng([self.seed, epoch]).permutation(self.count)
        return np.resize(numbers, len(self) * self.ranks)[self.rank :: self.ranks]
