"""Which past latents a chunk sees, how coarse, and where in time: plain numbers, no tensors.

A latent within the newest `window` (the current chunk counted) is kept whole; an older latent i is
reduced to cells of s x s tokens, s = S[i mod 18], border cells being whatever is left.

Public: `PAPER_SCHEDULE`, `MemoryConfig`, `KeptLatent`, `kept_latents`, `factor_at`,
`time_position`, `latent_cells`, `visible_tokens`.
"""

import math
from dataclasses import dataclass
from typing import Literal, NamedTuple

from dataset.errors import OpenRelicError
from training.grid import DEFAULT_CHUNK

PAPER_SCHEDULE = (1, 4, 2, 4, 4, 4, 2, 4, 4, 2, 4, 4, 4, 2, 4, 4, 2, 4)
"""The paper's S: the pooling factor a side of latent i is S[i mod 18]."""


@dataclass(frozen=True, kw_only=True)
class MemoryConfig:
    """What a chunk sees of its past."""

    schedule: tuple[int, ...] = PAPER_SCHEDULE
    """pooling factor a side, by latent number modulo its length; (1,) keeps everything whole"""
    window: int = 8
    """newest latents that stay whole, the current chunk counted, a multiple of it; the paper is
    silent: 8 gives 31,512 tokens for 20 s at 480p, within the 32,760 of 5 s"""
    chunk: int = DEFAULT_CHUNK
    """latents a chunk"""
    older: Literal["pool", "drop"] = "pool"
    """pool what leaves the window, or forget it (the control without long memory)"""
    renormalise_keys: bool = False
    """scale a pooled key back to its cell's RMS norm; means shrink to 0.25-0.95 of it"""
    log_size_bias: bool = False
    """add log(tokens in the cell) to a pooled key's logit, as if its tokens were still there"""
    newest: int | None = None
    """bounded mode: latent 0 and this many newest latents stay, and time is counted again within
    them; newest - window must be a multiple of the schedule's length (62 at a window of 8)"""

    def __post_init__(self) -> None:
        if not self.schedule or min(self.schedule) < 1:
            raise OpenRelicError(f"memory schedule {self.schedule}: allowed are factors from 1 on")
        if self.chunk < 1 or self.window < self.chunk or self.window % self.chunk:
            raise OpenRelicError(
                f"window {self.window}: allowed are multiples of the chunk, {self.chunk}"
            )
        if self.newest is not None:
            beyond = self.newest - self.window
            if beyond < 0 or beyond % len(self.schedule):
                raise OpenRelicError(
                    f"newest {self.newest}: allowed are {self.window} plus a multiple of "
                    f"{len(self.schedule)}, so that the number of tokens is constant"
                )


class KeptLatent(NamedTuple):
    """A past latent as a chunk sees it."""

    latent: int
    """its number since the session's start"""
    factor: int
    """side of its cells, in tokens"""


def kept_latents(config: MemoryConfig, end: int) -> list[KeptLatent]:
    """Past latents that the chunk ending before latent `end` sees, oldest first."""
    past = range(end - config.chunk)
    if config.older == "drop":
        past = past[max(0, end - config.window) :]
    elif config.newest is not None and end - config.newest > 1:
        past = [0, *past[end - config.newest :]]
    return [KeptLatent(latent, factor_at(config, latent, end)) for latent in past]


def factor_at(config: MemoryConfig, latent: int, end: int) -> int:
    """Pooling factor of a latent for the chunk ending before `end`: 1 within the window."""
    if latent >= end - config.window:
        return 1
    return config.schedule[latent % len(config.schedule)]


def time_position(config: MemoryConfig, latent: int, end: int) -> int:
    """Where RoPE places a latent for the chunk ending before `end`.

    That is its number, but in bounded mode latent 0 stays at 0 and the newest follow it at once,
    within the range of times that the model was trained on.
    """
    if config.newest is None or latent == 0:
        return latent
    return latent - max(0, end - config.newest - 1)


def latent_cells(factor: int, rows: int, cols: int) -> int:
    """Cells of one latent, those cut off at the border among them."""
    return math.ceil(rows / factor) * math.ceil(cols / factor)


def visible_tokens(config: MemoryConfig, end: int, rows: int, cols: int) -> int:
    """Keys that the chunk ending before latent `end` attends to, its own among them."""
    kept = kept_latents(config, end)
    return sum(latent_cells(item.factor, rows, cols) for item in kept) + config.chunk * rows * cols
