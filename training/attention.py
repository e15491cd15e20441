"""How self-attention sees the sequence: the seam between the network and its three ways to run.

The network projects and norms Q, K and V; an `AttentionPath` decides which keys each query sees and
where they lie. `FullAttention` (here) is bidirectional: the teacher and both scores.
`training.masks.ForcedAttention` is the block-causal forward of the student's training, and
`training.memory.reading.ChunkAttention` is the student's rollout over a cache.

Attention is `scaled_dot_product_attention` with a dense mask, which runs and differentiates
everywhere (FlexAttention has no backward on CPU). Where there is no mask, another kernel can take
its place (`use_kernel`), such as FlashAttention (`training.acceleration`).

Public: `AttentionPath`, `Attend`, `FullAttention`, `attend_tokens`, `use_kernel`.
"""

from collections.abc import Callable
from typing import NamedTuple, Protocol

import torch
from torch.nn.functional import scaled_dot_product_attention

from training.rope import Rope, latent_positions, rotate

Attend = Callable[[int, torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor]
"""(layer, q, k, v) -> (B, L, D); each (B, L, heads, head_dim), q and k normed, not yet rotated."""

Kernel = Callable[[torch.Tensor, torch.Tensor, torch.Tensor, float], torch.Tensor]
"""(q, k, v, scale) -> output, all (B, L, heads, head_dim)."""

_kernel: Kernel | None = None


class TokenGrid(NamedTuple):
    """What a forward was given: latents, and the token rows and columns of each."""

    latents: int
    rows: int
    cols: int

    @property
    def tokens_per_latent(self) -> int:
        """Rows times columns."""
        return self.rows * self.cols

    def positions(self, times_T: torch.Tensor) -> torch.Tensor:
        """Positions (L, 3) of all tokens, with the latents at `times_T`."""
        device = times_T.device
        return latent_positions(
            times_T, torch.arange(self.rows, device=device), torch.arange(self.cols, device=device)
        )


class AttentionPath(Protocol):
    """Which keys each query sees."""

    def condition_index(self, latents: int) -> torch.Tensor | None:
        """Which latent of the conditions each latent of the input belongs to; None: its own."""
        ...

    def prepare(
        self, rope: Rope, grid: TokenGrid, dtype: torch.dtype, device: torch.device, scale: float
    ) -> Attend:
        """Work out, once a forward, what all layers share; `scale` multiplies the logits."""
        ...


class FullAttention:
    """Bidirectional: every token sees every other."""

    def condition_index(self, latents: int) -> torch.Tensor | None:
        """Every latent has its own conditions."""
        return None

    def prepare(
        self, rope: Rope, grid: TokenGrid, dtype: torch.dtype, device: torch.device, scale: float
    ) -> Attend:
        """Place latent i at time i."""
        times = torch.arange(grid.latents, device=device)
        angles = rope.angles(grid.positions(times), dtype)

        def attend(layer: int, q: torch.Tensor, k: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
            return attend_tokens(rotate(q, angles), rotate(k, angles), v, None, scale)

        return attend


def use_kernel(kernel: Kernel | None) -> Kernel | None:
    """Let `kernel` do attention without a mask (None: torch's own); returns what did it before."""
    global _kernel
    before, _kernel = _kernel, kernel
    return before


def attend_tokens(
    q_BLHD: torch.Tensor,
    k_BLHD: torch.Tensor,
    v_BLHD: torch.Tensor,
    mask: torch.Tensor | None,
    scale: float,
) -> torch.Tensor:
    """Softmax attention, a bool mask or a logit bias (queries, keys): (B, L, heads·head_dim)."""
    if mask is None and _kernel is not None:
        return _kernel(q_BLHD, k_BLHD, v_BLHD, scale).flatten(2)
    return attend_with_torch(q_BLHD, k_BLHD, v_BLHD, mask, scale).flatten(2)


def attend_with_torch(
    q_BLHD: torch.Tensor,
    k_BLHD: torch.Tensor,
    v_BLHD: torch.Tensor,
    mask: torch.Tensor | None,
    scale: float,
) -> torch.Tensor:
    """Attend by PyTorch's own kernels: (B, L, heads, head_dim)."""
    if mask is not None and mask.is_floating_point():
        mask = mask.to(q_BLHD.dtype)
    out = scaled_dot_product_attention(
        q_BLHD.transpose(1, 2),
        k_BLHD.transpose(1, 2),
        v_BLHD.transpose(1, 2),
        attn_mask=mask,
        scale=scale,
    )
    return out.transpose(1, 2)
