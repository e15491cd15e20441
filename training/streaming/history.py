"""What a session can go back to: what every chunk was made of, and copies of the memory.

A past moment is made again: from the nearest copy of the memory before it (an `Anchor`), by the
context passes of the chunks since, one of the five evaluations that a chunk costs. The decoder's
state comes back the same way. The same arithmetic on the same numbers gives the same bits.

How close copies lie depends on their size: as close as `play.undo_mb` holds enough of them for
`play.undo_chunks`, so that what is kept does not grow with the session. For the tiny recipe (1.7 MB
a copy, made in a millisecond, where a context pass takes 17) that is one a chunk; for Wan-2.1 14B
at 480p (22 GB in bfloat16, while a chunk's latents are 1.6 MB) a few copies far apart.
`benchmarks/play.py` measures both ways.

Public: `Moment`, `Anchor`, `History`.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch

from dataset.errors import OpenRelicError
from training.conditions import PoseState
from training.memory.buffers import StreamMemory


@dataclass(frozen=True, kw_only=True)
class Moment:
    """A chunk: what it was made of."""

    latents: torch.Tensor
    """(1, C, T, h, w), clean, on the CPU"""
    actions: np.ndarray
    """(rows, 13) float32"""
    caption: str
    random: torch.Tensor
    """the generator's state after it"""


@dataclass(frozen=True, kw_only=True)
class Anchor:
    """A whole session between two chunks."""

    chunk_index: int
    """the chunk that comes next"""
    caption: str
    random: torch.Tensor
    pose: PoseState
    memory: StreamMemory | None
    """on the CPU, never written; none: empty"""
    decoder: dict[str, torch.Tensor]
    """of `StreamDecoder.state`; none at all: new"""

    def nbytes(self) -> int:
        """Bytes of the memory and the decoder's state."""
        memory = 0 if self.memory is None else self.memory.nbytes()
        return memory + sum(tensor.nbytes for tensor in self.decoder.values())


class History:
    """The moments since the oldest anchor, in order."""

    def __init__(self, start: Anchor, reach: int, copies_bytes: int) -> None:
        """Begin at `start`: `reach` chunks can be taken back at least, by copies of that size.

        Two copies are kept whatever they take: without them nothing could be forgotten.
        """
        self.reach, self.copies_bytes = reach, copies_bytes
        self.anchors = [start]
        self.moments: list[Moment] = []

    @property
    def earliest(self) -> int:
        """The first chunk that can be reached."""
        return self.anchors[0].chunk_index

    @property
    def end(self) -> int:
        """The chunk that comes next."""
        return self.earliest + len(self.moments)

    def append(self, moment: Moment) -> None:
        """Remember the chunk that was made."""
        self.moments.append(moment)

    def wants_anchor(self, copy_bytes: int) -> bool:
        """Whether an anchor is due, where one takes `copy_bytes`."""
        copies = max(1, self.copies_bytes // max(1, copy_bytes) - 1)
        return self.end - self.anchors[-1].chunk_index >= -(-self.reach // copies)

    def anchor(self, anchor: Anchor) -> None:
        """Keep an anchor at the end, and forget what is further away than `reach`."""
        self.anchors.append(anchor)
        enough = [one for one in self.anchors if one.chunk_index <= self.end - self.reach]
        for first, second in pairwise(enough):
            del self.moments[: second.chunk_index - first.chunk_index]
            del self.anchors[0]

    def before(self, chunk_index: int) -> tuple[Anchor, list[Moment]]:
        """The nearest anchor and the moments from there to `chunk_index`; too far back raises."""
        if not self.earliest <= chunk_index <= self.end:
            raise OpenRelicError(
                f"chunk {chunk_index}: allowed are {self.earliest} to {self.end}"
                + (f" (play.undo_chunks is {self.reach})" if self.earliest else "")
            )
        anchor = [one for one in self.anchors if one.chunk_index <= chunk_index][-1]
        first = anchor.chunk_index - self.earliest
        return anchor, self.moments[first : chunk_index - self.earliest]

    def cut(self, chunk_index: int) -> None:
        """Forget what came after; `before` has said that it can."""
        self.anchors = [one for one in self.anchors if one.chunk_index <= chunk_index]
        del self.moments[chunk_index - self.earliest :]

    def copy(self) -> "History":
        """A history that goes its own way from here."""
        other = History(self.anchors[0], self.reach, self.copies_bytes)
        other.anchors, other.moments = list(self.anchors), list(self.moments)
        return other
