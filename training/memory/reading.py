"""A chunk's attention over the memory.

Public: `ChunkAttention`.
"""

from collections.abc import Callable

import torch

from dataset.errors import OpenRelicError
from training.attention import Attend, TokenGrid, attend_tokens
from training.memory.cache import LayerKV, MemoryView
from training.rope import Rope, rotate

Watch = Callable[[torch.Tensor, torch.Tensor, torch.Tensor | None, float], None]
"""(q, k, logit bias, scale) of a layer, rotated; k are the memory's and then the chunk's own."""


class ChunkAttention:
    """A chunk over its past: an `AttentionPath`."""

    def __init__(
        self, view: MemoryView, *, record: bool = False, watch: Watch | None = None
    ) -> None:
        """Attend to what `view` holds; `record` collects the chunk's own keys and values."""
        self.view, self.record, self.watch = view, record, watch
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
                keys, values = view.keys_values(layer)
                k = torch.cat([rotate(keys, past), k], dim=1)
                v = torch.cat([values, v], dim=1)
            if self.watch is not None:
                self.watch(q, k, bias, scale)
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
