"""A trained student with all that play needs: weights, video tokenizer, text encoder, memory plan.

Public: `Player`, `load_player`, `student_weights`, `played_memory`, `token_grid`.
"""

import dataclasses
import hashlib
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import torch

from dataset.config import fingerprint
from dataset.errors import MissingInputError, OpenRelicError
from dataset.latents.encoding import load_stored_tokenizer
from dataset.latents.store import require_latents
from dataset.latents.tokenizers import (
    SPATIAL_FACTOR,
    StreamDecoder,
    VideoTokenizer,
    WanTokenizer,
    frames_to_video,
)
from dataset.resize import resize_frame
from dataset.workspace import Workspace
from training.acceleration import accelerate_kernels
from training.checkpoint import latest_checkpoint
from training.conditions import RotationFrame
from training.config import Recipe
from training.context import run_folder
from training.data import one_rotation_frame
from training.dmd import AVERAGE, phase_name
from training.memory.buffers import StreamMemory
from training.memory.schedule import MemoryConfig
from training.streaming.ranks import Ranks, join_ranks
from training.streaming.tiny_decoder import TinyDecoder, load_tiny_decoder
from training.text import TextCache, load_text_encoder
from training.transformer import RelicTransformer
from training.weights import load_transformer

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}


@dataclass(frozen=True, kw_only=True)
class Player:
    """What sessions share; they start from it and do not know of each other."""

    recipe: Recipe
    model: RelicTransformer
    tokenizer: VideoTokenizer
    texts: TextCache
    rotation_frame: RotationFrame
    unit_deg: float
    device: torch.device
    tiny_decoder: TinyDecoder | None = None
    """shows the latents instead of the tokenizer"""
    ranks: Ranks | None = None
    """the processes that play together, where there are several"""

    @torch.no_grad()
    def latents_of(self, frames: np.ndarray) -> torch.Tensor:
        """Latents (1, C, 1 + n, h, w) of RGB frames (1 + 4n, H, W, 3) uint8 of any size."""
        video = np.stack([self.fitted(frame) for frame in frames])
        return self.tokenizer.encode(frames_to_video(video)).to(self.device)

    def fitted(self, image: np.ndarray) -> np.ndarray:
        """A picture (H, W, 3) of any size, cropped and resized to the model's."""
        size = self.recipe.latents
        if image.shape[:2] == (size.height, size.width):
            return image
        return resize_frame(image, size.width, size.height)

    def new_memory(self) -> StreamMemory:
        """Room for one session's keys and values."""
        return StreamMemory(played_memory(self.recipe), storage=self.recipe.play.memory_storage)

    def new_decoder(self) -> StreamDecoder:
        """A decoder for one session's latents."""
        if self.ranks is not None and not self.ranks.leads:
            return Unseen()
        return (self.tiny_decoder or self.tokenizer).stream()

    @cached_property
    def fingerprint(self) -> str:
        """Of all that a session's next bits depend on, but the session."""
        recipe, play = self.recipe, self.recipe.play
        parts = {
            name: dataclasses.asdict(getattr(recipe, name))
            for name in ("latents", "text", "model", "memory", "flow")
        }
        # Where weights are read from is not what they are.
        del parts["latents"]["pretrained"], parts["text"]["pretrained"]
        played = [play.newest, play.memory_storage, self.rotation_frame, self.unit_deg]
        shown = [self.tokenizer.fingerprint]
        if self.tiny_decoder is not None:
            shown.append(self.tiny_decoder.fingerprint)
        return fingerprint([parts, recipe.student_yarn_length, played, shown])

    @cached_property
    def weights_fingerprint(self) -> str:
        """SHA-256 over the network's parameters and scales; about a second for every 500 MB."""
        config = self.model.config
        digest = hashlib.sha256(str(config.latent_rms).encode() if config.preconditioned else b"")
        for name, value in self.model.named_parameters():
            digest.update(f"{name} {tuple(value.shape)} {value.dtype}".encode())
            flat = value.detach().cpu().contiguous().reshape(-1)
            digest.update(flat.view(torch.uint8).numpy().tobytes())
        return digest.hexdigest()


class Unseen:
    """A `StreamDecoder` where nobody looks."""

    def decode(self, latents: torch.Tensor) -> torch.Tensor:
        """Nothing."""
        return torch.zeros(1, 3, 0, 0, 0)

    def state(self) -> dict[str, torch.Tensor]:
        """Nothing."""
        return {}

    def restore(self, state: dict[str, torch.Tensor]) -> None:
        """Ignore it."""


def token_grid(recipe: Recipe) -> tuple[int, int]:
    """Rows and columns of a latent's tokens."""
    _, down, across = recipe.model.patch_size
    size = recipe.latents
    return size.height // SPATIAL_FACTOR // down, size.width // SPATIAL_FACTOR // across


def played_memory(recipe: Recipe) -> MemoryConfig:
    """The recipe's memory, bounded: a session may go on for ever.

    Where neither `memory.newest` nor `play.newest` says how much is kept, it is as many latents as
    the student's time axis was stretched to: at a window of 8 these are 80, so a session is the
    unbounded one up to 20 s and forgets its oldest latents (never latent 0) from then on.
    """
    memory = recipe.memory
    if memory.newest is not None or memory.older == "drop":
        return memory
    if recipe.play.newest is not None:
        return replace(memory, newest=recipe.play.newest)
    period = len(memory.schedule)
    beyond = max(0, recipe.student_yarn_length - memory.window) // period * period
    return replace(memory, newest=memory.window + beyond)


def load_player(
    workspace: Workspace,
    recipe: Recipe,
    recipe_path: str,
    weights: Path | None = None,
    *,
    alone: bool = False,
) -> Player:
    """The run's student, or the transformer folder `weights`.

    Missing latents or weights raise the command that makes them. Where several processes were
    launched to play together this returns in the first one only, and ends the others with it; not
    so if this process plays `alone`.
    """
    rows = require_latents(workspace, recipe.latents, recipe_path)
    folder = weights or student_weights(workspace, recipe, recipe_path)
    ranks = None if alone else join_ranks(recipe)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    frame = one_rotation_frame(workspace, rows)
    model = load_transformer(
        folder,
        device=device,
        dtype=_dtype(recipe),
        yarn_target_length=recipe.student_yarn_length,
        rotation_frame=frame,
    )
    run = replace(recipe.run, compile=recipe.play.compile)
    accelerate_kernels(run, device, say=not alone and (ranks is None or ranks.leads))
    player = Player(
        recipe=recipe,
        model=model.eval().requires_grad_(False),
        tokenizer=_tokenizer(workspace, recipe, device),
        texts=TextCache(load_text_encoder(recipe.text)),
        rotation_frame=frame,
        unit_deg=rows[0].unit_deg,
        device=device,
        tiny_decoder=_tiny_decoder(recipe, device),
        ranks=ranks,
    )
    return player if ranks is None else lead_or_follow(player, ranks)


def lead_or_follow(player: Player, ranks: Ranks) -> Player:
    """Give the first process its player; the others follow it until it ends, and end."""
    player.model.sequence = ranks.sequence
    if not ranks.leads:
        ranks.follow(player)
        raise SystemExit(0)
    return player


def _tokenizer(workspace: Workspace, recipe: Recipe, device: torch.device) -> VideoTokenizer:
    tokenizer = load_stored_tokenizer(workspace, recipe.latents)
    # Principal components are one small product, wherever they are.
    return tokenizer.to(str(device)) if isinstance(tokenizer, WanTokenizer) else tokenizer


def _tiny_decoder(recipe: Recipe, device: torch.device) -> TinyDecoder | None:
    if recipe.play.decoder == "tokenizer":
        return None
    if recipe.latents.tokenizer != "wan":
        raise OpenRelicError(
            f"play.decoder is {recipe.play.decoder}, which decodes Wan's latents; those of "
            f"latents.tokenizer {recipe.latents.tokenizer} need play.decoder: tokenizer"
        )
    decoder = load_tiny_decoder(recipe.play.decoder_weights, recipe.latents.channels)
    return decoder.to(device, _dtype(recipe))


def _dtype(recipe: Recipe) -> torch.dtype:
    play = recipe.play.precision
    return DTYPES[recipe.run.precision if play == "run" else play]


def student_weights(workspace: Workspace, recipe: Recipe, recipe_path: str) -> Path:
    """The averaged weights of the last phase that has a checkpoint."""
    folder = run_folder(workspace, recipe.name)
    for phase in reversed(recipe.dmd.phases):
        checkpoint = latest_checkpoint(folder / phase_name(phase))
        if checkpoint is not None:
            return checkpoint / AVERAGE
    raise MissingInputError(
        f"a distilled student in {folder}",
        f"python -m training.run {recipe_path} --workspace {workspace.location}",
    )
