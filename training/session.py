"""A player's session: from one image, a chunk of video for every chunk of action rows.

The first step takes 4·chunk - 3 rows (13 at a chunk of 4), of which the first is the image's static
one, and every later step 4·chunk; a step gives as many frames as it took rows.
"""

import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from dataset.errors import MissingInputError, OpenRelicError
from dataset.latents.encoding import load_stored_tokenizer
from dataset.latents.store import LatentRow, require_latents
from dataset.latents.tokenizers import (
    SPATIAL_FACTOR,
    VideoTokenizer,
    frames_to_video,
    video_to_frames,
)
from dataset.resize import resize_frame
from dataset.workspace import Workspace
from training.checkpoint import latest_checkpoint
from training.conditions import PoseState, RotationFrame, integrate_actions
from training.config import Recipe
from training.context import run_folder
from training.dmd import AVERAGE, phase_name
from training.memory.buffers import StreamMemory
from training.memory.cache import KVMemory
from training.memory.schedule import visible_tokens
from training.rollout import Conditions, StudentStream
from training.text import TextCache, load_text_encoder
from training.transformer import RelicTransformer
from training.weights import load_transformer


@dataclass(frozen=True, kw_only=True)
class Chunk:
    """What a step gives."""

    frames: np.ndarray
    """(T, H, W, 3) uint8"""
    tokens: int
    """keys that the chunk attended to, its own among them"""
    memory_bytes: int
    """keys and values kept after it"""
    seconds: float
    """for generating and decoding it"""


@dataclass(frozen=True, kw_only=True)
class Player:
    """A trained student with all that it needs; sessions start from it."""

    recipe: Recipe
    model: RelicTransformer
    tokenizer: VideoTokenizer
    texts: TextCache
    rotation_frame: RotationFrame
    unit_deg: float
    device: torch.device

    @torch.no_grad()
    def image_latent(self, image: np.ndarray) -> torch.Tensor:
        """The latent (1, C, 1, h, w) of an RGB picture (H, W, 3) uint8 of any size."""
        size = self.recipe.latents
        frame = resize_frame(image, size.width, size.height)
        return self.tokenizer.encode(frames_to_video(frame[None])).to(self.device)


class Session:
    """One play-through."""

    def __init__(
        self,
        player: Player,
        image: np.ndarray,
        *,
        caption: str = "",
        seed: int = 0,
        pitch_deg: float = 0.0,
        roll_deg: float = 0.0,
        longest: int | None = None,
    ) -> None:
        """Start at `image`, RGB (H, W, 3) uint8; the angles matter in the `level` frame only.

        `longest` is the most latents that will be asked for, where that is known.
        """
        self.player = player
        recipe = player.recipe
        self._stream = StudentStream(
            player.model,
            player.image_latent(image),
            session_memory(recipe, longest),
            recipe.flow.levels(),
            generator=torch.Generator(player.device).manual_seed(seed),
        )
        self._decoder = player.tokenizer.stream()
        self._text = player.texts.encode([caption]).to(player.device)
        self._pose = PoseState.start(
            1, pitch_deg=pitch_deg, roll_deg=roll_deg, device=player.device
        )

    @property
    def rows_needed(self) -> int:
        """Action rows of the next step; the first one's begin with the image's static row."""
        chunk = self.player.recipe.memory.chunk
        return 4 * chunk - 3 if self._stream.chunk_index == 0 else 4 * chunk

    @torch.no_grad()
    def step(self, rows: np.ndarray) -> Chunk:
        """Generate the frames of `rows` (`rows_needed`, 13)."""
        started = time.monotonic()
        actions = torch.from_numpy(rows)[None].to(self.player.device)
        poses, self._pose = integrate_actions(
            actions,
            self._pose,
            rotation_frame=self.player.rotation_frame,
            unit_deg=self.player.unit_deg,
        )
        conditions = Conditions(text_BLD=self._text, actions_BFA=actions, poses_BFP=poses)
        made = self._stream.step(conditions).x0_BCTHW
        frames = video_to_frames(self._decoder.decode(made.float().cpu()))
        tokens = visible_tokens(
            self.player.recipe.memory,
            self._stream.memory.written,
            *token_grid(self.player.recipe),
        )
        return Chunk(
            frames=frames,
            tokens=tokens,
            memory_bytes=self._stream.memory.nbytes(),
            seconds=time.monotonic() - started,
        )


def token_grid(recipe: Recipe) -> tuple[int, int]:
    """Rows and columns of a latent's tokens."""
    _, down, across = recipe.model.patch_size
    size = recipe.latents
    return size.height // SPATIAL_FACTOR // down, size.width // SPATIAL_FACTOR // across


def session_memory(recipe: Recipe, longest: int | None) -> KVMemory | StreamMemory:
    """Fixed buffers where the session's length or the memory is bounded, else ones that grow."""
    memory, storage = recipe.memory, recipe.play.memory_storage
    bounded = memory.newest is not None or memory.older == "drop" or longest is not None
    if bounded or storage != "model":
        return StreamMemory(memory, longest=longest, storage=storage)
    return KVMemory(memory)


def load_player(workspace: Workspace, recipe: Recipe, recipe_path: str) -> Player:
    """The run's student; missing latents or weights raise the command that makes them."""
    rows = require_latents(workspace, recipe.latents, recipe_path)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    weights = student_weights(workspace, recipe, recipe_path)
    model = load_transformer(weights, yarn_target_length=recipe.student_yarn_length)
    frame, unit_deg = _rotation(workspace, rows)
    return Player(
        recipe=recipe,
        model=model.to(device).eval(),
        tokenizer=load_stored_tokenizer(workspace, recipe.latents),
        texts=TextCache(load_text_encoder(recipe.text)),
        rotation_frame=frame,
        unit_deg=unit_deg,
        device=device,
    )


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


def _rotation(workspace: Workspace, rows: list[LatentRow]) -> tuple[RotationFrame, float]:
    found = rows[0].rotation_frame
    if found == "camera" or found == "level":
        return found, rows[0].unit_deg
    raise OpenRelicError(f"{workspace.location}: rotation frame {found!r}; allowed: camera, level")
