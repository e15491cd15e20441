"""What a session can go back to: what every chunk was made of, and copies of the memory far apart.

Keys and values of a session are large (27 GB for Wan-2.1 14B at 480p in bfloat16), what they are
written from is small (the chunk's latents, 1.6 MB). So a past moment is not kept but made again:
from a copy of the memory (an `Anchor`), or from the start, by the context passes of the chunks
since, which are one of the five evaluations that a chunk costs. The decoder's state comes back the
same way. The same arithmetic on the same numbers gives the same bits.

An anchor is taken every `reach` chunks and the two newest stay, so `reach` chunks can be taken back
at least, in at most twice as many passes, and what is kept does not grow with the session. With a
reach of 0 no anchor is taken: any chunk can be reached, and all latents are kept.

Public: `Moment`, `Anchor`, `History`.
"""

from dataclasses import dataclass

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


class History:
    """The moments since the oldest anchor, in order."""

    def __init__(self, start: Anchor, reach: int) -> None:
        """Begin at `start`; `reach` chunks can be taken back at least, all of them if it is 0."""
        self.reach = reach
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

    @property
    def wants_anchor(self) -> bool:
        """Whether an anchor is due."""
        return bool(self.reach) and self.end - self.anchors[-1].chunk_index >= self.reach

    def anchor(self, anchor: Anchor) -> None:
        """Keep an anchor at the end, and forget what only older ones than the last two need."""
        *_, last = self.anchors
        self.moments = self.moments[last.chunk_index - self.earliest :]
        self.anchors = [last, anchor]

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
        other = History(self.anchors[0], self.reach)
        other.anchors, other.moments = list(self.anchors), list(self.moments)
        return other
