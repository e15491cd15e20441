"""The transformer's layers: Wan-2.1's block with diffusers' parameter names, and RELIC's additions.

Norms and modulation are computed in float32 at least, as Wan does, whatever the weights' dtype.
Tokens keep their latent's axis, x (B, T, N, D), so that levels and conditions broadcast over the N
tokens of a latent and are never repeated in memory.

Public: `RelicBlock`, `TimeTextEmbedding`, `WideLayerNorm`.
"""

import math

import torch
from torch import nn
from torch.nn import functional

from training.attention import Attend, attend_tokens
from training.fusing import fusible


def widen(x: torch.Tensor) -> torch.Tensor:
    """Float32 at least; float64 stays."""
    return x.to(torch.promote_types(x.dtype, torch.float32))


def _modulation_examples(device: torch.device) -> tuple[torch.Tensor, ...]:
    x, row = torch.ones(1, 2, 4, 8, device=device), torch.ones(1, 2, 1, 8, device=device)
    return x, row, row


@fusible(_modulation_examples)
def modulated(
    x: torch.Tensor, scale: torch.Tensor, shift: torch.Tensor, eps: float = 1e-6
) -> torch.Tensor:
    """Layer norm without weights, times 1 + scale, plus shift; wide inside, x's dtype outside."""
    normed = functional.layer_norm(widen(x), x.shape[-1:], eps=eps)
    return (normed * (1 + scale) + shift).to(x.dtype)


@fusible(_modulation_examples)
def gated_sum(x: torch.Tensor, update: torch.Tensor, gate: torch.Tensor) -> torch.Tensor:
    """Add an update times its gate; wide inside, x's dtype outside."""
    return (widen(x) + widen(update) * gate).to(x.dtype)


class WideLayerNorm(nn.LayerNorm):
    """Layer norm computed and returned in float32 at least."""

    def wide(self, x: torch.Tensor) -> torch.Tensor:
        """Normalise without going back to the input's dtype."""
        weight = None if self.weight is None else widen(self.weight)
        bias = None if self.bias is None else widen(self.bias)
        return functional.layer_norm(widen(x), self.normalized_shape, weight, bias, self.eps)


class TwoLayers(nn.Module):
    """linear_1, an activation, linear_2."""

    def __init__(self, columns: int, dim: int, activation: nn.Module) -> None:
        """Make the two layers."""
        super().__init__()
        self.linear_1 = nn.Linear(columns, dim)
        self.act = activation
        self.linear_2 = nn.Linear(dim, dim)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Apply both layers."""
        return self.linear_2(self.act(self.linear_1(x.to(self.linear_1.weight.dtype))))


class TimeTextEmbedding(nn.Module):
    """Embeds timesteps and text for all blocks."""

    def __init__(self, dim: int, freq_dim: int, text_dim: int) -> None:
        """Make the embedders under diffusers' names."""
        super().__init__()
        self.freq_dim = freq_dim
        self.time_embedder = TwoLayers(freq_dim, dim, nn.SiLU())
        self.time_proj = nn.Linear(dim, 6 * dim)
        self.text_embedder = TwoLayers(text_dim, dim, nn.GELU(approximate="tanh"))

    def time(self, timestep_BT: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The embedding (B, T, D) and the blocks' modulation (B, T, 6, D) of a level a latent."""
        embedded = self.time_embedder(self._sinusoids(timestep_BT.to(self.time_proj.weight.device)))
        embedded = embedded.to(self.time_proj.weight.dtype)
        modulation = self.time_proj(functional.silu(embedded)).unflatten(-1, (6, -1))
        return embedded, modulation

    def _sinusoids(self, timestep_BT: torch.Tensor) -> torch.Tensor:
        """Cosines, then sines, of the timestep at frequencies 10000^(-2i / freq_dim)."""
        half = self.freq_dim // 2
        wide = torch.promote_types(self.time_proj.weight.dtype, torch.float32)
        steps = torch.arange(half, dtype=wide, device=timestep_BT.device)
        angles = timestep_BT.to(wide)[..., None] * torch.exp(-math.log(10_000) / half * steps)
        return torch.cat([angles.cos(), angles.sin()], dim=-1)


class Projections(nn.Module):
    """The weights of one attention: Q, K, V, QK-norm over all heads, and the output."""

    def __init__(self, heads: int, head_dim: int, eps: float, qk_norm: bool) -> None:
        """Make the projections under diffusers' names."""
        super().__init__()
        dim = heads * head_dim
        self.heads = heads
        self.to_q = nn.Linear(dim, dim)
        self.to_k = nn.Linear(dim, dim)
        self.to_v = nn.Linear(dim, dim)
        # The second entry is diffusers' dropout, kept for the index in the first one's name.
        self.to_out = nn.ModuleList([nn.Linear(dim, dim), nn.Identity()])
        self.norm_q = nn.RMSNorm(dim, eps) if qk_norm else nn.Identity()
        self.norm_k = nn.RMSNorm(dim, eps) if qk_norm else nn.Identity()

    def split(self, x_BLD: torch.Tensor) -> torch.Tensor:
        """Split channels into heads: (B, L, heads, head_dim)."""
        return x_BLD.unflatten(-1, (self.heads, -1))

    def out(self, x_BLD: torch.Tensor) -> torch.Tensor:
        """Project what the heads gathered."""
        return self.to_out[0](x_BLD)


class FeedForward(nn.Module):
    """Two layers with a tanh GELU between, under diffusers' names (net.0.proj, net.2)."""

    def __init__(self, dim: int, hidden: int) -> None:
        """Make both layers."""
        super().__init__()
        first = nn.ModuleDict({"proj": nn.Linear(dim, hidden)})
        self.net = nn.ModuleList([first, nn.Identity(), nn.Linear(hidden, dim)])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Apply both layers."""
        first = self.net[0]
        hidden = functional.gelu(first["proj"](x), approximate="tanh")  # type: ignore[index]
        return self.net[2](hidden)


class RelicBlock(nn.Module):
    """Self-attention, actions, cross-attention to text, feed-forward."""

    def __init__(
        self,
        heads: int,
        head_dim: int,
        ffn_dim: int,
        *,
        eps: float,
        qk_norm: bool,
        cross_attn_norm: bool,
        pose_before_qk_norm: bool,
    ) -> None:
        """Make the layers under diffusers' names."""
        super().__init__()
        dim = heads * head_dim
        self.pose_before_qk_norm = pose_before_qk_norm
        self.norm1 = WideLayerNorm(dim, eps, elementwise_affine=False)
        self.attn1 = Projections(heads, head_dim, eps, qk_norm)
        self.attn2 = Projections(heads, head_dim, eps, qk_norm)
        self.norm2 = WideLayerNorm(dim, eps) if cross_attn_norm else None
        self.ffn = FeedForward(dim, ffn_dim)
        self.norm3 = WideLayerNorm(dim, eps, elementwise_affine=False)
        self.scale_shift_table = nn.Parameter(torch.randn(1, 6, dim) / dim**0.5)

    def forward(
        self,
        layer: int,
        attend: Attend,
        x_BTND: torch.Tensor,
        modulation_BT6D: torch.Tensor,
        text_BLD: torch.Tensor,
        actions_BTD: torch.Tensor | None,
        poses_BTD: torch.Tensor | None,
    ) -> torch.Tensor:
        """Apply the block; `attend` and `layer` say what self-attention sees."""
        table = self.scale_shift_table.unsqueeze(1) + widen(modulation_BT6D)
        shift, scale, gate, ffn_shift, ffn_scale, ffn_gate = table.unsqueeze(3).unbind(2)
        normed = modulated(x_BTND, scale, shift, self.norm1.eps)
        seen = self._self_attention(layer, attend, normed, poses_BTD)
        x_BTND = gated_sum(x_BTND, seen, gate)
        if actions_BTD is not None:
            x_BTND = x_BTND + actions_BTD[:, :, None].to(x_BTND.dtype)
        x_BTND = x_BTND + self._cross_attention(x_BTND, text_BLD)
        normed = modulated(x_BTND, ffn_scale, ffn_shift, self.norm3.eps)
        return gated_sum(x_BTND, self.ffn(normed), ffn_gate)

    def _self_attention(
        self, layer: int, attend: Attend, x_BTND: torch.Tensor, poses_BTD: torch.Tensor | None
    ) -> torch.Tensor:
        weights = self.attn1
        q, k, v = weights.to_q(x_BTND), weights.to_k(x_BTND), weights.to_v(x_BTND)
        pose = 0 if poses_BTD is None else poses_BTD[:, :, None].to(x_BTND.dtype)
        if self.pose_before_qk_norm:
            q, k = weights.norm_q(q + pose), weights.norm_k(k + pose)
        else:
            q, k = weights.norm_q(q) + pose, weights.norm_k(k) + pose
        # Under autocast norms come out wide; what a memory keeps should be as narrow as V.
        q, k, v = (weights.split(tokens.to(v.dtype).flatten(1, 2)) for tokens in (q, k, v))
        return weights.out(attend(layer, q, k, v)).view_as(x_BTND)

    def _cross_attention(self, x_BTND: torch.Tensor, text_BLD: torch.Tensor) -> torch.Tensor:
        weights = self.attn2
        normed = x_BTND if self.norm2 is None else self.norm2.wide(x_BTND).to(x_BTND.dtype)
        q = weights.split(weights.norm_q(weights.to_q(normed)).flatten(1, 2))
        k = weights.split(weights.norm_k(weights.to_k(text_BLD)))
        v = weights.split(weights.to_v(text_BLD))
        seen = attend_tokens(q, k, v, None, q.shape[-1] ** -0.5)
        return weights.out(seen).view_as(x_BTND)
