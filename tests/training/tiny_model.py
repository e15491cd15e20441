"""Tiny networks and windows, in which RELIC's additions and the memory have an effect."""

from typing import Any

import torch

from training.conditions import poses_from_actions
from training.grid import frames_of_latents
from training.memory.schedule import MemoryConfig
from training.rollout import Conditions
from training.transformer import RelicTransformer, TransformerConfig

# Two cores are shared with other tests, and one thread adds up in one order.
torch.set_num_threads(1)

TINY: dict[str, Any] = {
    "num_layers": 2,
    "num_attention_heads": 2,
    "attention_head_dim": 12,
    "in_channels": 3,
    "out_channels": 3,
    "text_dim": 8,
    "freq_dim": 16,
    "ffn_dim": 32,
}

ROWS, COLS = 3, 5
"""Token grid with borders for factors 2 and 4 alike."""

MEMORY = MemoryConfig(schedule=(1, 2, 4, 2, 4), window=4, chunk=2)
"""A short schedule, so that a few chunks run through all of it."""


def tiny_transformer(seed: int = 0, **fields: Any) -> RelicTransformer:
    """Random weights everywhere: the condition encoders have left their zero."""
    torch.manual_seed(seed)
    settings: dict[str, Any] = TINY | {"yarn_target_length": 80} | fields
    model = RelicTransformer(TransformerConfig(**settings))
    for encoder in (model.action_encoder, model.pose_encoder):
        torch.nn.init.normal_(encoder.linear_2.weight, std=0.5)
    return model


def tiny_latents(latents: int, *, batch: int = 2, seed: int = 1) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(batch, TINY["in_channels"], latents, 2 * ROWS, 2 * COLS, generator=generator)


def tiny_actions(rows: int, *, batch: int = 2, seed: int = 2) -> torch.Tensor:
    """Steps of about a unit, turns of some degrees, never two opposite columns; row 0 static."""
    generator = torch.Generator().manual_seed(seed)
    signed = torch.randn(batch, rows, 6, generator=generator) * torch.tensor([1.0, 1, 1, 4, 4, 4])
    actions = torch.stack([signed.clamp(min=0), (-signed).clamp(min=0)], -1).flatten(2)
    actions = torch.cat([actions, torch.zeros(batch, rows, 1)], dim=-1)
    actions[:, 0] = torch.eye(13)[12]
    return actions


def tiny_conditions(latents: int, *, batch: int = 2, seed: int = 3) -> Conditions:
    actions = tiny_actions(frames_of_latents(latents), batch=batch, seed=seed)
    generator = torch.Generator().manual_seed(seed)
    text = torch.randn(batch, 5, TINY["text_dim"], generator=generator)
    return Conditions(text_BLD=text, actions_BFA=actions, poses_BFP=poses_from_actions(actions))


def to_double(conditions: Conditions) -> Conditions:
    assert conditions.actions_BFA is not None and conditions.poses_BFP is not None
    return Conditions(
        text_BLD=conditions.text_BLD.double(),
        actions_BFA=conditions.actions_BFA.double(),
        poses_BFP=conditions.poses_BFP.double(),
    )


def relative_gap(a: torch.Tensor, b: torch.Tensor) -> float:
    """Largest difference over the largest value."""
    return float((a - b).detach().abs().max() / b.detach().abs().max())
