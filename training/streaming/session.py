"""A world that somebody walks through: from one image, a chunk of video for every chunk of actions.

The first step takes 4·chunk - 3 rows (13 at a chunk of 4), of which the first is the image's static
one, and every later step 4·chunk; a step gives as many frames as it took rows. A session can go on
for ever: up to the student's own range (20 s) it is the rollout that the student was trained on,
then its memory forgets the oldest latents and every further chunk costs the same
(`training.streaming.player.played_memory`).

    player = load_player(workspace, recipe, recipe_path)
    session = WorldSession.start(player, image, caption="a kitchen", seed=1)
    frames = session.step(rows).frames

`undo`, `go_to`, `branch` and a saved file are exact: what follows is equal bit for bit to a session
that never went anywhere else, on the same machine and number of threads.

Public: `WorldSession`, `Chunk`.
"""

import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from dataset.errors import OpenRelicError
from labeling.actions import ACTIONS
from training.conditions import PoseState
from training.grid import chunk_rows, frames_of_latents
from training.rollout import Conditions
from training.streaming.asleep import Asleep
from training.streaming.history import Anchor, History, Moment
from training.streaming.player import Player
from training.streaming.ranks import TORN, together
from training.streaming.standing import Standing
from training.streaming.watching import Attention, watch_attention


@dataclass(frozen=True, kw_only=True)
class Chunk:
    """What a step gives."""

    frames: np.ndarray
    """(T, H, W, 3) uint8"""
    tokens: int
    """keys that the chunk attended to, its own among them"""
    memory_bytes: int
    """keys and values that the next chunk will see of the past"""
    seconds: float
    """for generating and decoding it, without watching"""
    attention: Attention | None = None
    """where its attention went, if the session watches"""


class WorldSession:
    """One play-through: owns the memory, the pose, the decoder's state and the noise."""

    def __init__(
        self,
        player: Player,
        image_latent: torch.Tensor,
        history: History,
        at: Anchor,
        *,
        watch: bool = False,
    ) -> None:
        """Stand at an anchor of a history; `start`, `branch` and `load` make sessions."""
        self.player, self.watch = player, watch
        self.image_latent = image_latent
        self.history = history
        self.walked: list[tuple[np.ndarray, np.ndarray]] = []
        """action and pose rows of all chunks so far"""
        self.number = 0 if player.ranks is None else player.ranks.enrol(self)
        self._standing = Standing(player, image_latent, at)
        self._torn: int | None = None

    @staticmethod
    @together
    def start(
        player: Player,
        image: np.ndarray,
        *,
        caption: str = "",
        seed: int = 0,
        pitch_deg: float = 0.0,
        roll_deg: float = 0.0,
        watch: bool = False,
    ) -> "WorldSession":
        """Begin at `image`, RGB (H, W, 3) uint8 of any size.

        The angles are the first camera's and matter in the `level` rotation frame only. `watch`
        makes every chunk tell where its attention went, at the price of one more evaluation.
        """
        pose = PoseState.start(1, pitch_deg=pitch_deg, roll_deg=roll_deg, device=player.device)
        random = torch.Generator(player.device).manual_seed(seed).get_state()
        start = Anchor(
            chunk_index=0, caption=caption, random=random, pose=pose, memory=None, decoder={}
        )
        play = player.recipe.play
        history = History(start, play.undo_chunks, play.undo_mb * 1_000_000)
        return WorldSession(player, player.latents_of(image[None]), history, start, watch=watch)

    @property
    def standing(self) -> Standing:
        """Where it is; made again if a step was torn off, by Ctrl-C or a full memory."""
        if self._torn is not None:
            if self.player.ranks is not None:
                raise OpenRelicError(TORN)
            chunk_index, self._torn = self._torn, None
            self._return_to(chunk_index)
        return self._standing

    @property
    def chunk_index(self) -> int:
        """The chunk that comes next."""
        return self.standing.chunk_index

    @property
    def rows_needed(self) -> int:
        """Action rows of the next step; the first one's begin with the image's static row."""
        return self.standing.rows_needed

    @property
    def earliest(self) -> int:
        """The first chunk that `go_to` reaches."""
        return self.history.earliest

    @property
    def caption(self) -> str:
        """What the scene shows; another text holds from the next chunk on."""
        return self.standing.caption

    @caption.setter
    def caption(self, caption: str) -> None:
        self.show(caption)

    @together
    def show(self, caption: str) -> None:
        """Set the caption."""
        self.standing.show(caption)

    @property
    def actions(self) -> np.ndarray:
        """Rows so far (T, 13) float32, one a frame."""
        rows = [actions for actions, _ in self.walked[: self.chunk_index]]
        return np.concatenate([np.zeros((0, len(ACTIONS)), np.float32), *rows])

    @property
    def poses(self) -> np.ndarray:
        """Cameras of all frames so far, (T, 3, 4) float64 world-to-camera [R | -R P].

        The world is the first camera: right, down, forward, in the labels' `unit_m`.
        """
        rows = [poses for _, poses in self.walked[: self.chunk_index]]
        flat = np.concatenate([np.zeros((0, 12), np.float32), *rows]).astype(np.float64)
        rotation, position = flat[:, :9].reshape(-1, 3, 3), flat[:, 9:, None]
        return np.concatenate([rotation, -rotation @ position], axis=2)

    def step(self, actions: np.ndarray) -> Chunk:
        """Generate the frames of `actions` (`rows_needed`, 13)."""
        return self.generate(self.standing.checked(actions), self.watch)

    @together
    @torch.no_grad()
    def generate(self, actions: np.ndarray, watch: bool) -> Chunk:
        """Make a chunk of checked rows; one that is torn off was never tried."""
        chunk_index = self.chunk_index
        try:
            return self._made(actions, watch)
        except BaseException:
            self._torn = chunk_index
            raise

    def _made(self, actions: np.ndarray, watch: bool) -> Chunk:
        started = time.perf_counter()
        now, tokens = self.standing, self.standing.tokens
        conditions = now.steered(actions)
        sample = now.generate(conditions)
        attention, watching = None, 0.0
        if watch:
            began = time.perf_counter()
            view = now.memory.view()
            attention = watch_attention(self.player.model, view, sample, conditions)
            watching = time.perf_counter() - began
        frames = self._take(sample.x0_BCTHW, actions, conditions)
        return Chunk(
            frames=frames,
            tokens=tokens,
            memory_bytes=now.memory.used_bytes(),
            seconds=time.perf_counter() - started - watching,
            attention=attention,
        )

    @together
    @torch.no_grad()
    def remember(self, actions: np.ndarray, frames: np.ndarray) -> int:
        """Take the beginning of a known video as if it had been generated; before any step.

        `actions` (T, 13) and `frames` (T, H, W, 3), the first the picture's own. Returns how many
        frames were taken: as many whole chunks as fit.
        """
        if self.chunk_index:
            raise OpenRelicError(
                f"a session remembers a video before its first step, not after {self.chunk_index}"
            )
        chunk = self.player.recipe.memory.chunk
        whole = (min(len(actions), len(frames)) + 3) // (4 * chunk) * chunk
        if not whole:
            return 0
        taken = frames_of_latents(whole)
        latents = self.player.latents_of(frames[:taken])
        for part in latents.split(chunk, dim=2):
            rows = self.standing.checked(actions[chunk_rows(self.chunk_index, chunk)])
            self._take(part, rows, self.standing.steered(rows))
        return taken

    def undo(self, chunks: int = 1) -> None:
        """Take back the last `chunks` chunks, with their noise, actions and captions."""
        self.go_to(self.chunk_index - chunks)

    @together
    def go_to(self, chunk_index: int) -> None:
        """Stand before a chunk again, as if nothing had come after; what came is forgotten."""
        if chunk_index != self.chunk_index:
            self._return_to(chunk_index)

    def _return_to(self, chunk_index: int) -> None:
        anchor, moments = self.history.before(chunk_index)
        self.history.cut(anchor.chunk_index)
        del self.walked[anchor.chunk_index :]
        self._standing = Standing(self.player, self.image_latent, anchor)
        self.live_through(moments)

    @together
    def branch(self) -> "WorldSession":
        """Make a second session that has lived through the same and goes its own way from here."""
        here = self.standing.here()
        other = WorldSession(
            self.player, self.image_latent, self.history.copy(), here, watch=self.watch
        )
        other.walked = list(self.walked)
        return other

    @together
    def asleep(self) -> "Asleep":
        """Make what can be woken as a session that stands where this one does now."""
        return Asleep(self)

    @together
    def save(self, path: str | Path) -> None:
        """Write the session to a file, at once or not at all."""
        from training.streaming.saving import save_session

        save_session(self, Path(path))

    @staticmethod
    @together
    def load(player: Player, path: str | Path, *, watch: bool = False) -> "WorldSession":
        """Go on with a saved session; one of other weights or another recipe raises."""
        from training.streaming.saving import load_session

        return load_session(player, Path(path), watch=watch)

    def live_through(self, moments: Iterable[Moment]) -> None:
        """Take chunks that were made before, the next one first, and end where they ended."""
        with torch.no_grad():
            for moment in tqdm(moments, "going back", unit="chunk", delay=3, leave=False):
                self.standing.show(moment.caption)
                self.standing.random.set_state(moment.random)
                conditions = self.standing.steered(moment.actions)
                self._take(moment.latents.to(self.player.device), moment.actions, conditions)

    def _take(
        self, latents: torch.Tensor, actions: np.ndarray, conditions: Conditions
    ) -> np.ndarray:
        """Remember a clean chunk and give its frames; everything moves on by one."""
        frames = self.standing.take(latents, conditions)
        self.walked.append((actions, _rows(conditions)))
        moment = Moment(
            latents=latents.cpu(), actions=actions, caption=self.caption,
            random=self.standing.random.get_state(),
        )  # fmt: skip
        self.history.append(moment)
        self._keep_anchor()
        return frames

    def _keep_anchor(self) -> None:
        """Copy the whole state to the host, if it is time."""
        here, ranks = self.standing.here(), self.player.ranks
        due = self.history.wants_anchor(here.nbytes())
        # Only the first process has a decoder's state to count.
        if due if ranks is None else ranks.agreed(due):
            decoder = {name: tensor.cpu() for name, tensor in here.decoder.items()}
            memory = self.standing.memory.copy("cpu")
            self.history.anchor(replace(here, memory=memory, decoder=decoder))


def _rows(conditions: Conditions) -> np.ndarray:
    poses = conditions.poses_BFP
    if poses is None:
        raise RuntimeError("a session always has poses")
    return poses[0].cpu().numpy()
