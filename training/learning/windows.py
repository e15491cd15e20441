"""Windows as the proofs need them: pictures, poses and latents of one sample, at the model's size.

Public: `Window`, `WindowSource`.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch

from dataset.errors import OpenRelicError
from dataset.latents.small_frames import SmallFrames
from dataset.latents.store import LatentRow, read_sample
from dataset.latents.tokenizers import VideoTokenizer, video_to_frames
from dataset.resize import resize_intrinsics
from dataset.shards.loader import Sample
from dataset.shards.loader import read_sample as read_shard_sample
from dataset.shards.manifest import read_manifest
from training.context import RunContext
from training.exam.videos import KnownVideo


@dataclass(frozen=True, kw_only=True)
class Window(KnownVideo):
    """A sample's pictures with what is known of them; T = 4L - 3 frames."""

    row: LatentRow
    latents: np.ndarray
    """(C, L, h, w) float32, normalised"""

    def through(self, tokenizer: VideoTokenizer) -> "Window":
        """With what the tokenizer makes of the pictures."""
        decoded = tokenizer.decode(torch.from_numpy(self.latents)[None])
        return replace(self, frames=video_to_frames(decoded))


class WindowSource:
    """Reads the windows of a run's latents with their samples' pictures and poses."""

    def __init__(self, context: RunContext, latents: int) -> None:
        """Windows of `latents` latents, cut from samples that are as long or longer."""
        self.context, self.latents = context, latents
        size = context.recipe.latents
        self._size = size.width, size.height
        self._frames = SmallFrames(*self._size)
        self._entries = {entry.key: entry for entry in read_manifest(context.workspace)}

    def rows(self, split: str, *, returning: bool | None = None) -> list[LatentRow]:
        """The split's samples by key; `returning`: only palindromes, or only others."""
        frames = 4 * self.latents - 3
        return sorted(
            (
                row
                for row in self.context.rows
                if row.split == split
                and row.frames >= frames
                and (returning is None or returning == (0 <= row.pivot < frames - 1))
            ),
            key=lambda row: row.key,
        )

    def read(self, row: LatentRow) -> Window:
        """One window."""
        frames = 4 * self.latents - 3
        sample = read_shard_sample(self.context.workspace, self._entries[row.key])
        stored = read_sample(self.context.workspace, row)
        return Window(
            row=row,
            frames=self._frames.of(sample)[:frames],
            camera_from_world=sample.camera_from_world[:frames],
            actions=stored.actions[:frames],
            latents=stored.latents[:, : self.latents],
            intrinsics=self._intrinsics(sample),
            unit_m=row.unit_m,
            pivot=row.pivot,
            name=row.key,
            place=row.scene,
            scene=row.scene,
            caption=row.caption,
            pitch_deg=row.start_pitch_deg,
            roll_deg=row.start_roll_deg,
        )

    def all(self, split: str, *, returning: bool | None = None) -> Iterator[Window]:
        """Every window of a split."""
        return (self.read(row) for row in self.rows(split, returning=returning))

    def _intrinsics(self, sample: Sample) -> np.ndarray:
        facts = sample.facts.get("intrinsics")
        if facts is None:
            raise OpenRelicError(
                f"sample {sample.key} has no intrinsics: build the shards again with "
                f"`python -m dataset.build {self.context.workspace.location}`"
            )
        known = np.array([facts[name] for name in ("fx", "fy", "cx", "cy")])
        return resize_intrinsics(known, facts["width"], facts["height"], *self._size)
