"""Where a session stands between two chunks: memory, pose, noise, text and the decoder's state.

Public: `Standing`.
"""

import numpy as np
import torch

from dataset.errors import OpenRelicError
from dataset.latents.tokenizers import video_to_frames
from labeling.actions import ACTIONS
from training.conditions import integrate_actions
from training.flow import FewStepSample
from training.grid import chunk_rows
from training.memory.schedule import visible_tokens
from training.rollout import Conditions, StudentStream
from training.streaming.history import Anchor
from training.streaming.player import Player, token_grid


class Standing:
    """The live state; it moves on by `take`."""

    def __init__(self, player: Player, image_latent: torch.Tensor, at: Anchor) -> None:
        """Stand where an anchor does, with a memory of its own."""
        device = player.device
        self.player = player
        self.memory = player.new_memory() if at.memory is None else at.memory.copy(device)
        self.random = torch.Generator(device)
        self.random.set_state(at.random)
        self._stream = StudentStream(
            player.model, image_latent, self.memory, player.recipe.flow.levels(),
            generator=self.random,
        )  # fmt: skip
        self._decoder = player.new_decoder()
        if at.decoder:
            self._decoder.restore(at.decoder)
        self.pose = at.pose
        self.show(at.caption)

    @property
    def chunk_index(self) -> int:
        """The chunk that comes next."""
        return self._stream.chunk_index

    @property
    def rows_needed(self) -> int:
        """Action rows of the next chunk."""
        rows = chunk_rows(self.chunk_index, self.memory.config.chunk)
        return rows.stop - rows.start

    @property
    def tokens(self) -> int:
        """Keys that the next chunk attends to, its own among them."""
        end = self.memory.written + self.memory.config.chunk
        return visible_tokens(self.memory.config, end, *token_grid(self.player.recipe))

    def show(self, caption: str) -> None:
        """Let another text hold from the next chunk on."""
        self.caption = caption
        self._text = self.player.texts.encode([caption]).to(self.player.device)

    def checked(self, actions: np.ndarray) -> np.ndarray:
        """A copy of the next chunk's rows (`rows_needed`, 13) float32; others raise."""
        wanted = (self.rows_needed, len(ACTIONS))
        actions = np.array(actions, np.float32)
        if actions.shape != wanted or not (np.isfinite(actions) & (actions >= 0)).all():
            raise OpenRelicError(
                f"action rows {actions.shape}: chunk {self.chunk_index} takes {wanted}, "
                "all of them finite and not negative"
            )
        return actions

    def steered(self, actions: np.ndarray) -> Conditions:
        """What steers the next chunk, of checked rows; the pose goes on."""
        rows = torch.from_numpy(actions)[None].to(self.player.device)
        moves = rows
        if not self.chunk_index:  # nothing leads to the image, whatever its own row says
            moves = torch.cat([torch.zeros_like(rows[:, :1]), rows[:, 1:]], dim=1)
        poses, self.pose = integrate_actions(
            moves,
            self.pose,
            rotation_frame=self.player.rotation_frame,
            unit_deg=self.player.unit_deg,
        )
        return Conditions(text_BLD=self._text, actions_BFA=rows, poses_BFP=poses)

    def generate(self, conditions: Conditions) -> FewStepSample:
        """Make the next chunk's latents, without taking them yet."""
        return self._stream.generate(conditions)

    def take(self, latents: torch.Tensor, conditions: Conditions) -> np.ndarray:
        """Remember a clean chunk and decode it: frames (T, H, W, 3) uint8."""
        frames = video_to_frames(self._decoder.decode(latents.float().cpu()))
        self._stream.feed(latents, conditions)
        return frames

    def here(self) -> Anchor:
        """Where it stands, over the live memory itself."""
        return Anchor(
            chunk_index=self.chunk_index,
            caption=self.caption,
            random=self.random.get_state(),
            pose=self.pose,
            memory=self.memory,
            decoder=self._decoder.state(),
        )
