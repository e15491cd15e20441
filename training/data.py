"""Batches of latent windows, by number.

Batch number n of a run is always the same: sample m = (n · ranks + rank) · size + j of an endless
sequence of shuffled epochs. Nothing iterates and nothing has to be stored, so a run that starts
again in the middle of an epoch goes on exactly; and every rank takes its own samples, so a launcher
must not shard them again.
"""

from collections import OrderedDict
from dataclasses import dataclass, replace

import numpy as np
import torch

from dataset.errors import OpenRelicError
from dataset.latents.store import LatentRow, LatentSample, read_sample
from dataset.workspace import Workspace
from training.conditions import RotationFrame, poses_from_actions
from training.grid import frames_of_latents

CACHE_BYTES = 1 << 30


@dataclass(frozen=True, kw_only=True)
class Batch:
    """Windows of one length, on the CPU."""

    keys: tuple[str, ...]
    positions: tuple[int, ...]
    """places in the endless sequence of epochs; of a batch asked for by samples, their indices"""
    texts: tuple[str, ...]
    latents: torch.Tensor
    """(B, C, L, h, w) float32, normalised"""
    actions: torch.Tensor
    """(B, 4L - 3, 13) float32, row 0 static"""
    poses: torch.Tensor
    """(B, 4L - 3, 12) float32, integrated from the actions"""


class LatentData:
    """The samples of one split that are long enough for a window."""

    def __init__(
        self, workspace: Workspace, rows: list[LatentRow], split: str, latents: int, seed: int
    ) -> None:
        """Windows of `latents` latents; longer samples give their beginning, which is exact.

        Raises `OpenRelicError` if no sample is long enough, or if rotation frames differ.
        """
        frames = frames_of_latents(latents)
        self.rows = [row for row in rows if row.split == split and row.frames >= frames]
        if not self.rows:
            longest = max((row.frames for row in rows if row.split == split), default=0)
            raise OpenRelicError(
                f"{workspace.location}: no {split} sample has {frames} frames (the longest has "
                f"{longest}): capture longer tours, or shorten the windows in the config"
            )
        self.rotation_frame: RotationFrame = one_rotation_frame(workspace, self.rows)
        self._workspace, self._latents, self._seed = workspace, latents, seed
        self._cache: OrderedDict[str, LatentSample] = OrderedDict()
        self._cached_bytes = 0

    def __len__(self) -> int:
        """Number of samples."""
        return len(self.rows)

    def index(self, position: int) -> int:
        """The sample at `position` of the endless sequence of shuffled epochs."""
        epoch, place = divmod(position, len(self.rows))
        return int(np.random.default_rng([self._seed, epoch]).permutation(len(self.rows))[place])

    def batch(self, number: int, size: int, rank: int = 0, ranks: int = 1) -> Batch:
        """Batch `number` of a rank."""
        first = (number * ranks + rank) * size
        positions = range(first, first + size)
        made = self.samples([self.index(position) for position in positions])
        return replace(made, positions=tuple(positions))

    def samples(self, indices: list[int]) -> Batch:
        """The samples at `indices` of `rows`, as one batch."""
        frames = frames_of_latents(self._latents)
        samples = [self._sample(self.rows[index]) for index in indices]
        actions = torch.from_numpy(np.stack([sample.actions[:frames] for sample in samples]))
        return Batch(
            keys=tuple(sample.row.key for sample in samples),
            positions=tuple(indices),
            texts=tuple(sample.row.caption for sample in samples),
            latents=torch.from_numpy(
                np.stack([sample.latents[:, : self._latents] for sample in samples])
            ),
            actions=actions,
            poses=self._poses(actions, [sample.row for sample in samples]),
        )

    def channel_rms(self, most: int = 64) -> tuple[float, ...]:
        """Root mean square of each channel over at most `most` samples, spread over the split."""
        places = np.linspace(0, len(self.rows) - 1, min(most, len(self.rows))).round().astype(int)
        means = [
            np.square(
                read_sample(self._workspace, self.rows[place]).latents, dtype=np.float64
            ).mean((1, 2, 3))
            for place in places
        ]
        return tuple(float(value) for value in np.sqrt(np.mean(means, axis=0)).astype(np.float32))

    def _poses(self, actions: torch.Tensor, rows: list[LatentRow]) -> torch.Tensor:
        return poses_from_actions(
            actions,
            rotation_frame=self.rotation_frame,
            unit_deg=rows[0].unit_deg,
            pitch_deg=torch.tensor([row.start_pitch_deg for row in rows]),
            roll_deg=torch.tensor([row.start_roll_deg for row in rows]),
        )

    def _sample(self, row: LatentRow) -> LatentSample:
        """A sample, from memory where it was read lately."""
        if row.key in self._cache:
            self._cache.move_to_end(row.key)
            return self._cache[row.key]
        sample = read_sample(self._workspace, row)
        self._cache[row.key] = sample
        self._cached_bytes += sample.latents.nbytes
        while self._cached_bytes > CACHE_BYTES and len(self._cache) > 1:
            _, oldest = self._cache.popitem(last=False)
            self._cached_bytes -= oldest.latents.nbytes
        return sample


def one_rotation_frame(workspace: Workspace, rows: list[LatentRow]) -> RotationFrame:
    """The rotation frame of all rows; one workspace has one."""
    frames = {(row.rotation_frame, row.unit_deg) for row in rows}
    if len(frames) > 1:
        raise OpenRelicError(
            f"{workspace.location}: its samples have several rotation frames or units "
            f"({', '.join(map(str, sorted(frames)))}); one workspace has one: build it again"
        )
    found = rows[0].rotation_frame
    if found == "camera" or found == "level":
        return found
    raise OpenRelicError(f"{workspace.location}: rotation frame {found!r}; allowed: camera, level")
