"""RELIC's video transformer: Wan-2.1 text-to-video with actions, poses and a noise level a latent.

Structure, parameter names and config fields are those of diffusers' `WanTransformer3DModel`, so its
`transformer/` folders load (`training.weights`). RELIC's additions start at zero effect: then this
forward equals that model's, given a timestep per token.

- Every latent has its own timestep, (B, T).
- Actions: one embedding a latent, added after self-attention in every block.
- Poses: one embedding a latent, added to Q and K (never V), by default before QK-norm.
- Which keys a query sees is an `AttentionPath` (`training.attention`): bidirectional, block-causal
  with a dense mask, or a chunk over a cache.

Public: `TransformerConfig`, `RelicTransformer`.
"""

import math
from dataclasses import asdict, dataclass, fields
from typing import Any

import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

from dataset.errors import OpenRelicError
from training.attention import AttentionPath, FullAttention, TokenGrid
from training.blocks import RelicBlock, TimeTextEmbedding, WideLayerNorm
from training.conditions import ACTION_DIM, POSE_DIM, ConditionEncoder, RotationFrame
from training.flow import TIMESTEPS
from training.parallel import SequenceGroup
from training.preconditioning import NoiseScales
from training.rope import YARN_ORIGINAL_LENGTH, Rope, RopeConfig


@dataclass(frozen=True, kw_only=True)
class TransformerConfig:
    """Sizes; the defaults are Wan-2.1 T2V 1.3B's and RELIC's additions to it."""

    num_layers: int = 30
    """transformer blocks"""
    num_attention_heads: int = 12
    """heads of self- and cross-attention"""
    attention_head_dim: int = 128
    """channels a head"""
    in_channels: int = 16
    """latent channels"""
    out_channels: int = 16
    """velocity channels"""
    text_dim: int = 4096
    """channels of the text encoder's output"""
    freq_dim: int = 256
    """channels of the sinusoidal timestep embedding"""
    ffn_dim: int = 8960
    """hidden width of the feed-forward layers"""
    patch_size: tuple[int, int, int] = (1, 2, 2)
    """latents, rows and columns a token; time is not patched"""
    eps: float = 1e-6
    """of every norm"""
    qk_norm: str | None = "rms_norm_across_heads"
    """RMS norm of Q and K over all heads, or none"""
    cross_attn_norm: bool = True
    """learned layer norm before cross-attention"""
    action_dim: int = ACTION_DIM
    """columns of an action row"""
    pose_dim: int = POSE_DIM
    """numbers of a pose row"""
    condition_hidden_dim: int | None = None
    """hidden width of both condition encoders; none: the model's width (the paper is silent)"""
    pose_translation_unit: float = 16.0
    """translations are divided by this before the encoder: a second of mean steps becomes 1, the
    size of a rotation's entries (ours; the paper is silent)"""
    pose_before_qk_norm: bool = True
    """add poses to Q and K before QK-norm, as the paper's figure suggests, or after"""
    rope_theta: float = 10_000.0
    """base of the rotary frequencies"""
    yarn_target_length: int = YARN_ORIGINAL_LENGTH
    """latents that YaRN stretches the time axis to: 41 at 10 s, 80 at 20 s and for any student"""
    yarn_original_length: int = YARN_ORIGINAL_LENGTH
    """latents of Wan-2.1's own windows"""
    yarn_slow_turns: float = 1.0
    """see `training.rope.RopeConfig`; stated for 21 latents"""
    yarn_fast_turns: float = 3.0
    """see `training.rope.RopeConfig`; stated for 21 latents"""
    yarn_temperature: float = 1.0
    """divides the attention logits; 1 is none"""
    preconditioned: bool = False
    """scale input and output for the noise in them (`training.preconditioning`); Wan does not. For
    networks narrower than a token's numbers, which cannot carry its noise to their end"""
    latent_rms: tuple[float, ...] | None = None
    """root mean square of each latent channel, for `preconditioned`; set by training, none: 1"""
    rotation_frame: RotationFrame | None = None
    """that of the actions the weights were trained on, set by training; none: on no actions"""

    def __post_init__(self) -> None:
        if self.patch_size[0] != 1:
            raise OpenRelicError(f"patch_size {self.patch_size}: allowed is 1 along time")
        if self.qk_norm not in (None, "rms_norm_across_heads"):
            raise OpenRelicError(
                f"qk_norm {self.qk_norm!r}: allowed are 'rms_norm_across_heads' and none"
            )
        if self.latent_rms is not None and len(self.latent_rms) != self.in_channels:
            raise OpenRelicError(
                f"latent_rms has {len(self.latent_rms)} numbers: allowed is one for each of the "
                f"{self.in_channels} channels"
            )
        self.rope()

    @property
    def dim(self) -> int:
        """The model's width."""
        return self.num_attention_heads * self.attention_head_dim

    def rope(self) -> RopeConfig:
        """The rotary embedding's part."""
        return RopeConfig(
            head_dim=self.attention_head_dim,
            theta=self.rope_theta,
            yarn_target_length=self.yarn_target_length,
            yarn_original_length=self.yarn_original_length,
            yarn_slow_turns=self.yarn_slow_turns,
            yarn_fast_turns=self.yarn_fast_turns,
        )

    @staticmethod
    def from_json(record: dict[str, Any]) -> "TransformerConfig":
        """Read a diffusers `config.json`, ours or plain Wan-2.1's; fields not ours are ignored."""
        if record.get("image_dim") is not None or record.get("added_kv_proj_dim") is not None:
            raise OpenRelicError("image-to-video Wan weights: allowed are text-to-video ones")
        known = {field.name for field in fields(TransformerConfig)}
        values = {name: value for name, value in record.items() if name in known}
        if "patch_size" in values:
            values["patch_size"] = tuple(values["patch_size"])
        if values.get("latent_rms") is not None:
            values["latent_rms"] = tuple(values["latent_rms"])
        return TransformerConfig(**values)

    def to_json(self) -> dict[str, Any]:
        """A `config.json` that `from_json` reads back."""
        return {"_class_name": "RelicTransformer", **asdict(self)}


class RelicTransformer(nn.Module):
    """Predicts the velocity of video latents from text, actions and poses."""

    def __init__(self, config: TransformerConfig) -> None:
        """Make the layers, with RELIC's additions at zero effect."""
        super().__init__()
        self.config = config
        self.rope = Rope(config.rope())
        dim, hidden = config.dim, config.condition_hidden_dim or config.dim
        patch = config.patch_size
        self.patch_embedding = nn.Conv3d(config.in_channels, dim, patch, stride=patch)
        self.condition_embedder = TimeTextEmbedding(dim, config.freq_dim, config.text_dim)
        self.action_encoder = ConditionEncoder(config.action_dim, hidden, dim)
        self.pose_encoder = ConditionEncoder(config.pose_dim, hidden, dim)
        self.blocks = nn.ModuleList(
            RelicBlock(
                config.num_attention_heads,
                config.attention_head_dim,
                config.ffn_dim,
                eps=config.eps,
                qk_norm=config.qk_norm is not None,
                cross_attn_norm=config.cross_attn_norm,
                pose_before_qk_norm=config.pose_before_qk_norm,
            )
            for _ in range(config.num_layers)
        )
        self.norm_out = WideLayerNorm(dim, config.eps, elementwise_affine=False)
        self.proj_out = nn.Linear(dim, config.out_channels * math.prod(patch))
        self.scale_shift_table = nn.Parameter(torch.randn(1, 2, dim) / dim**0.5)
        self.gradient_checkpointing = False
        self.sequence: SequenceGroup | None = None

    def forward(
        self,
        latents_BCTHW: torch.Tensor,
        timestep_BT: torch.Tensor,
        text_BLD: torch.Tensor,
        actions_BFA: torch.Tensor | None = None,
        poses_BFP: torch.Tensor | None = None,
        *,
        attention: AttentionPath | None = None,
    ) -> torch.Tensor:
        """Velocity (B, C, T, H, W) of noisy latents at timesteps 1000·sigma, one per latent.

        Actions and poses have one row a frame of the time grid: 4T - 3 from frame 0 on, 4T in a
        later chunk; None adds nothing. `attention` defaults to bidirectional.
        """
        path = attention or FullAttention()
        grid = self._token_grid(latents_BCTHW, timestep_BT)
        scales = self._scales(timestep_BT)
        x = latents_BCTHW if scales is None else scales.input(latents_BCTHW)
        x = x.to(self.patch_embedding.weight.dtype)
        x_BTND = self.patch_embedding(x).flatten(3).permute(0, 2, 3, 1)
        embedded_BTD, modulation_BT6D = self.condition_embedder.time(timestep_BT)
        text = self.condition_embedder.text_embedder(text_BLD)
        actions_BTD, poses_BTD = self._conditions(actions_BFA, poses_BFP, path, grid.latents)
        scale = self.config.attention_head_dim**-0.5 / self.config.yarn_temperature
        attend = path.prepare(self.rope, grid, x_BTND.dtype, x_BTND.device, scale)
        if self.sequence is not None:
            x_BTND = self.sequence.split(x_BTND)
            attend = self.sequence.over_heads(attend, grid.latents)
        for layer, block in enumerate(self.blocks):
            arguments = (layer, attend, x_BTND, modulation_BT6D, text, actions_BTD, poses_BTD)
            if self.gradient_checkpointing and torch.is_grad_enabled():
                x_BTND = checkpoint(block, *arguments, use_reentrant=False)
            else:
                x_BTND = block(*arguments)
        tokens_BTNP = self._modulate_out(x_BTND, embedded_BTD)
        if self.sequence is not None:
            tokens_BTNP = self.sequence.join(tokens_BTNP)
        out_BCTHW = self._unpatchify(tokens_BTNP, grid)
        return out_BCTHW if scales is None else scales.velocity(out_BCTHW, latents_BCTHW)

    def _scales(self, timestep_BT: torch.Tensor) -> NoiseScales | None:
        if not self.config.preconditioned:
            return None
        rms = self.config.latent_rms or (1.0,) * self.config.in_channels
        return NoiseScales(rms, timestep_BT / TIMESTEPS)

    def _token_grid(self, latents_BCTHW: torch.Tensor, timestep_BT: torch.Tensor) -> TokenGrid:
        batch, channels, latents, height, width = latents_BCTHW.shape
        _, down, across = self.config.patch_size
        if height % down or width % across or channels != self.config.in_channels:
            raise OpenRelicError(
                f"latents of {channels} channels at {height}x{width}: allowed are "
                f"{self.config.in_channels} channels and multiples of {down}x{across}"
            )
        if timestep_BT.shape != (batch, latents):
            raise OpenRelicError(
                f"timesteps {tuple(timestep_BT.shape)}: one per latent is ({batch}, {latents})"
            )
        return TokenGrid(latents, height // down, width // across)

    def _conditions(
        self,
        actions_BFA: torch.Tensor | None,
        poses_BFP: torch.Tensor | None,
        path: AttentionPath,
        latents: int,
    ) -> tuple[torch.Tensor | None, torch.Tensor | None]:
        """Embed the rows and lay them out as the input's latents lie."""
        actions = None if actions_BFA is None else self.action_encoder(actions_BFA)
        if poses_BFP is None:
            poses = None
        else:
            turn, move = poses_BFP[..., :9], poses_BFP[..., 9:]
            scaled = torch.cat([turn, move / self.config.pose_translation_unit], dim=-1)
            poses = self.pose_encoder(scaled)
        index = path.condition_index(latents)
        return _lay_out(actions, index, latents), _lay_out(poses, index, latents)

    def _modulate_out(self, x_BTND: torch.Tensor, embedded_BTD: torch.Tensor) -> torch.Tensor:
        table = self.scale_shift_table.unsqueeze(1) + embedded_BTD.unsqueeze(2)
        shift, scale = table.chunk(2, dim=2)
        normed = self.norm_out.wide(x_BTND) * (1 + scale) + shift
        return self.proj_out(normed.type_as(x_BTND))

    def _unpatchify(self, tokens_BTNP: torch.Tensor, grid: TokenGrid) -> torch.Tensor:
        _, down, across = self.config.patch_size
        x = tokens_BTNP.unflatten(2, (grid.rows, grid.cols)).unflatten(-1, (down, across, -1))
        return x.permute(0, 6, 1, 2, 4, 3, 5).flatten(5, 6).flatten(3, 4)


def _lay_out(
    embedding_BTD: torch.Tensor | None, index_T: torch.Tensor | None, latents: int
) -> torch.Tensor | None:
    """Pick each input latent's condition."""
    if embedding_BTD is None:
        return None
    if index_T is not None:
        if embedding_BTD.shape[1] <= int(index_T.max()):
            raise OpenRelicError(
                f"conditions for {embedding_BTD.shape[1]} latents, {int(index_T.max()) + 1} needed"
            )
        return embedding_BTD[:, index_T.to(embedding_BTD.device)]
    if embedding_BTD.shape[1] != latents:
        raise OpenRelicError(f"conditions for {embedding_BTD.shape[1]} latents, {latents} given")
    return embedding_BTD
