"""Students with random weights for `benchmarks.play`: only shapes matter to time.

The recipe is the tiny one; the wider lane has 8 x 14 tokens a latent and a network of two layers of
width 128, so that attention over the memory, and not Python, is what a chunk costs.
"""

import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch

from dataset.latents.tokenizers import PcaTokenizer, WanTokenizer, frames_to_video
from labeling.actions import ACTIONS
from training.config import Recipe, read_recipe
from training.memory.schedule import MemoryConfig
from training.rollout import write_context
from training.streaming.player import Player
from training.streaming.session import WorldSession
from training.text import TextCache, load_text_encoder
from training.transformer import RelicTransformer

CONFIG = "configs/tiny.yaml"
WIDE = {"num_layers": 2, "num_attention_heads": 2, "attention_head_dim": 64, "ffn_dim": 512}
WIDE_HEIGHT, WIDE_WIDTH = 128, 224


def tiny_recipe() -> Recipe:
    """The tiny recipe as it is."""
    return read_recipe(CONFIG)


def wide_recipe() -> Recipe:
    """8 x 14 tokens a latent."""
    recipe = tiny_recipe()
    return replace(
        recipe,
        model=replace(recipe.model, **WIDE),
        latents=replace(recipe.latents, height=WIDE_HEIGHT, width=WIDE_WIDTH),
    )


def uncompressed(recipe: Recipe, latents: int) -> Recipe:
    """The same with a memory that keeps `latents` latents whole."""
    memory = MemoryConfig(schedule=(1,), window=recipe.memory.window, chunk=recipe.memory.chunk)
    return replace(recipe, memory=memory, play=replace(recipe.play, newest=latents))


def player_of(recipe: Recipe) -> Player:
    """A player with random weights, the same for the same sizes."""
    torch.manual_seed(0)
    size = recipe.latents
    noise = np.random.default_rng(0).integers(0, 256, (5, size.height, size.width, 3), np.uint8)
    return Player(
        recipe=recipe,
        model=RelicTransformer(recipe.student_model()).eval().requires_grad_(False),
        tokenizer=PcaTokenizer.fit([frames_to_video(noise)], size.channels),
        texts=TextCache(load_text_encoder(recipe.text)),
        rotation_frame="camera",
        unit_deg=1.0,
        device=torch.device("cpu"),
    )


def picture() -> np.ndarray:
    """A picture of 1280 x 720."""
    return np.random.default_rng(1).integers(0, 256, (720, 1280, 3), np.uint8)


def forward(session: WorldSession) -> np.ndarray:
    """Rows of a chunk that walks ahead."""
    rows = np.zeros((session.rows_needed, len(ACTIONS)), np.float32)
    rows[:, ACTIONS.index("dolly_in")] = 1.0
    return rows


@torch.no_grad()
def recompute_prefix(session: WorldSession) -> None:
    """Write a session's whole past anew: what every chunk would begin with if nothing were kept."""
    player = session.player
    again = WorldSession.start(player, picture()).standing
    for moment in session.history.moments:
        conditions = again.steered(moment.actions)
        write_context(player.model, again.memory, moment.latents, conditions)


def walked_latents(player: Player, chunks: int) -> torch.Tensor:
    """Latents of a session that walks ahead."""
    session = WorldSession.start(player, picture())
    for _ in range(chunks):
        session.step(forward(session))
    return torch.cat([moment.latents.float() for moment in session.history.moments], dim=2)


def wan_decoder() -> WanTokenizer:
    """Wan-2.1's VAE at its own size, with random weights."""
    from diffusers.models.autoencoders.autoencoder_kl_wan import AutoencoderKLWan

    return WanTokenizer(AutoencoderKLWan())


def timed(work: Callable[[], object]) -> tuple[float, float]:
    """Processor and wall seconds."""
    cpu, wall = time.process_time(), time.perf_counter()
    work()
    return time.process_time() - cpu, time.perf_counter() - wall
