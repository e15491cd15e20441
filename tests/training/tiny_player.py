"""A student with random weights and all that play needs, made in a moment, without a workspace."""

from pathlib import Path
from typing import Any

import numpy as np
import torch

from dataset.latents.tokenizers import PcaTokenizer, frames_to_video
from tests.training.micro import write_recipe
from training.config import read_recipe
from training.streaming.player import Player
from training.text import TextCache, load_text_encoder
from training.transformer import RelicTransformer

SHORT_MEMORY: dict[str, Any] = {"memory": {"window": 4, "chunk": 2, "schedule": [1, 2, 4, 2, 4]}}
"""Chunks of 5 and 8 rows, and a schedule that a few of them run through."""


def tiny_player(folder: Path, *, seed: int = 0, **changes: Any) -> Player:
    """`changes` are those of `micro.write_recipe`."""
    recipe = read_recipe(write_recipe(folder / "player.yaml", **changes))
    torch.manual_seed(seed)
    model = RelicTransformer(recipe.student_model())
    for encoder in (model.action_encoder, model.pose_encoder):
        torch.nn.init.normal_(encoder.linear_2.weight, std=0.5)
    size = recipe.latents
    noise = np.random.default_rng(0).integers(0, 256, (5, size.height, size.width, 3), np.uint8)
    return Player(
        recipe=recipe,
        model=model.eval().requires_grad_(False),
        tokenizer=PcaTokenizer.fit([frames_to_video(noise)], size.channels),
        texts=TextCache(load_text_encoder(recipe.text)),
        rotation_frame="camera",
        unit_deg=1.0,
        device=torch.device("cpu"),
    )


def picture(seed: int = 0) -> np.ndarray:
    """Coarse noise of another size than the model's."""
    small = np.random.default_rng(seed).integers(0, 256, (9, 16, 3), np.uint8)
    return small.repeat(20, 0).repeat(20, 1)


def random_rows(count: int, seed: int = 0) -> np.ndarray:
    """Steps and turns, never two opposite ones; all columns but the last."""
    signed = np.random.default_rng(seed).normal(size=(count, 6)) * [1, 1, 1, 4, 4, 4]
    pairs = np.stack([signed.clip(min=0), (-signed).clip(min=0)], axis=-1)
    return np.concatenate([pairs.reshape(count, 12), np.zeros((count, 1))], 1).astype(np.float32)
