"""The memory's tensors: clean keys and values, old ones spatially pooled.

Keys are kept after QK-norm and before RoPE, values as they are; a key is rotated when it is read,
at its cell's centre. There are no learned parameters here: the memory is written without gradient,
so they would never train.

`KVMemory` is the only thing with state. A forward reads a `MemoryView`, which never changes, so
that writing later chunks cannot invalidate a graph that autograd still needs.
`training.memory.buffers` is the same for streaming, in buffers that never grow.

Public: `LayerKV`, `KVMemory`, `MemoryView`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from training.attention import TokenGrid
from training.memory.pooling import cell_positions, cell_sizes, pool_keys, pool_tokens
from training.memory.schedule import KeptLatent, MemoryConfig, kept_latents, time_position

LayerKV = tuple[torch.Tensor, torch.Tensor]
"""Normed, unrotated keys and values of one layer, each (B, L, heads, head_dim)."""


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

    def keys_values(self, layer: int) -> LayerKV:
        """All remembered keys and values of a layer."""
        keys, values = zip(*self.layers[layer], strict=True)
        return torch.cat(keys, dim=1), torch.cat(values, dim=1)

    def nbytes(self) -> int:
        """Bytes of all remembered keys and values."""
        return sum(tensor.nbytes for layer in self.layers for pair in layer for tensor in pair)

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

    def nbytes(self) -> int:
        """Bytes of the keys and values that the next chunk will see."""
        return self.view().nbytes()

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
