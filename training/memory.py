"""The student's long memory: clean keys and values, old ones spatially pooled.

A latent within the newest `window` (the current chunk counted) is kept whole; an older latent i is
reduced to the mean over s x s token cells, s = S[i mod 18], border cells being whatever is left.
Keys are kept after QK-norm and before RoPE, values as they are; a key is rotated when it is read,
at its cell's centre. There are no learned parameters here: the memory is written without gradient,
so they would never train.

`KVMemory` is the only thing with state. A forward reads a `MemoryView`, which never changes, so
that writing later chunks cannot invalidate a graph that autograd still needs.

Public: `MemoryConfig`, `kept_latents`, `time_position`, `visible_tokens`, `KVMemory`, `MemoryView`,
`ChunkAttention`.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import torch

from dataset.errors import OpenRelicError
from training.attention import Attend, TokenGrid, attend_tokens
from training.grid import DEFAULT_CHUNK
from training.pooling import cell_positions, cell_sizes, pool_keys, pool_tokens
from training.rope import Rope, rotate

PAPER_SCHEDULE = (1, 4, 2, 4, 4, 4, 2, 4, 4, 2, 4, 4, 4, 2, 4, 4, 2, 4)
"""The paper's S: the pooling factor a side of latent i is S[i mod 18]."""

LayerKV = tuple[torch.Tensor, torch.Tensor]
"""Normed, unrotated keys and values of one layer, each (B, L, heads, head_dim)."""


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


def visible_tokens(config: MemoryConfig, end: int, rows: int, cols: int) -> int:
    """Keys that the chunk ending before latent `end` attends to, its own among them."""
    past = sum(
        math.ceil(rows / kept.factor) * math.ceil(cols / kept.factor)
        for kept in kept_latents(config, end)
    )
    return past + config.chunk * rows * cols


@dataclass(frozen=True)
class MemoryView:
    """What one chunk sees of its past; immutable."""

    config: MemoryConfig
    end: int
    """the chunk's latents are end - chunk ... end - 1"""
    kept: tuple[KeptLatent, ...]
    layers: tuple[tuple[LayerKV, ...], ...]
    """per layer, per kept latent: its cells' keys and values"""

    @property
    def first_latent(self) -> int:
        """The chunk's first latent."""
        return self.end - self.config.chunk

    def times(self, latents: Sequence[int]) -> torch.Tensor:
        """Time positions of latents, int64."""
        return torch.tensor([time_position(self.config, latent, self.end) for latent in latents])

    def positions(self, grid: TokenGrid) -> torch.Tensor:
        """Positions (L, 3) of all remembered cells."""
        times = self.times([kept.latent for kept in self.kept])
        cells = [
            cell_positions(times[i : i + 1], grid.rows, grid.cols, kept.factor)
            for i, kept in enumerate(self.kept)
        ]
        return torch.cat(cells)

    def log_sizes(self, grid: TokenGrid) -> torch.Tensor:
        """Log of the number of tokens in each remembered cell (L,), float64."""
        sizes = [cell_sizes(grid.rows, grid.cols, kept.factor) for kept in self.kept]
        return torch.cat(sizes).double().log()


class KVMemory:
    """Clean keys and values of a session so far, written chunk by chunk."""

    def __init__(self, config: MemoryConfig) -> None:
        """Start empty, before latent 0."""
        self.config = config
        self.written = 0
        """latents written so far"""
        self._latents: dict[int, tuple[int, list[LayerKV]]] = {}

    def view(self) -> MemoryView:
        """What the next chunk sees."""
        end = self.written + self.config.chunk
        kept = tuple(kept_latents(self.config, end))
        stored = [self._latents[item.latent][1] for item in kept]
        return MemoryView(self.config, end, kept, tuple(zip(*stored, strict=True)))

    def write(self, chunk: Sequence[LayerKV], grid: TokenGrid) -> None:
        """Append a chunk's keys and values, one pair a layer, and pool what leaves the window."""
        size = grid.tokens_per_latent
        for offset in range(grid.latents):
            tokens = slice(offset * size, (offset + 1) * size)
            # Copies, so that pooling a latent frees it although its chunk's others live on.
            layers = [(k[:, tokens].clone(), v[:, tokens].clone()) for k, v in chunk]
            self._latents[self.written + offset] = (1, layers)
        self.written += grid.latents
        self._forget(grid)

    def _forget(self, grid: TokenGrid) -> None:
        """Keep what the next chunk sees, as it sees it."""
        kept = kept_latents(self.config, self.written + self.config.chunk)
        self._latents = {item.latent: self._shrunk(item, grid) for item in kept}

    def _shrunk(self, item: KeptLatent, grid: TokenGrid) -> tuple[int, list[LayerKV]]:
        factor, layers = self._latents[item.latent]
        if factor == item.factor:
            return factor, layers
        renormalise = self.config.renormalise_keys
        pooled = [
            (
                pool_keys(k, grid.rows, grid.cols, item.factor, renormalise=renormalise),
                pool_tokens(v, grid.rows, grid.cols, item.factor),
            )
            for k, v in layers
        ]
        return item.factor, pooled


class ChunkAttention:
    """A chunk over its past: an `AttentionPath`."""

    def __init__(self, view: MemoryView, *, record: bool = False) -> None:
        """Attend to what `view` holds; `record` collects the chunk's own keys and values."""
        self.view, self.record = view, record
        self.grid: TokenGrid | None = None
        self._layers: dict[int, LayerKV] = {}

    def written(self) -> list[LayerKV]:
        """The chunk's own keys and values by layer, detached, after a recorded forward."""
        return [self._layers[layer] for layer in sorted(self._layers)]

    def condition_index(self, latents: int) -> torch.Tensor | None:
        """The rows given are the chunk's own."""
        return None

    def prepare(
        self, rope: Rope, grid: TokenGrid, dtype: torch.dtype, device: torch.device, scale: float
    ) -> Attend:
        """Place the chunk and its past in time."""
        view, self.grid = self.view, grid
        if grid.latents != view.config.chunk:
            raise OpenRelicError(f"{grid.latents} latents given, a chunk is {view.config.chunk}")
        own = rope.angles(grid.positions(view.times(range(view.first_latent, view.end))), dtype)
        own = own.to(device)
        past = rope.angles(view.positions(grid), dtype).to(device) if view.kept else None
        bias = self._bias(grid, dtype, device)

        def attend(layer: int, q: torch.Tensor, k: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
            if self.record:
                self._layers[layer] = (k.detach(), v.detach())
            q, k = rotate(q, own), rotate(k, own)
            if past is not None:
                keys, values = zip(*view.layers[layer], strict=True)
                k = torch.cat([rotate(torch.cat(keys, dim=1), past), k], dim=1)
                v = torch.cat([*values, v], dim=1)
            return attend_tokens(q, k, v, bias, scale)

        return attend

    def _bias(
        self, grid: TokenGrid, dtype: torch.dtype, device: torch.device
    ) -> torch.Tensor | None:
        """Logit bias (queries, keys), or none where no cell is larger than a token."""
        if not self.view.config.log_size_bias or not self.view.kept:
            return None
        own = torch.zeros(grid.latents * grid.tokens_per_latent, dtype=torch.float64)
        row = torch.cat([self.view.log_sizes(grid), own]).to(device, dtype)
        return row.expand(len(own), -1)
