"""What a chunk looked at: how its attention is spread over the latents that it remembers.

The chunk's last denoising step is evaluated once more, with the same input over the same memory,
and the softmax weights, which fast kernels never show, are worked out a few queries at a time. What
the chunk became is not touched.

Public: `Attention`, `watch_attention`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.distributed as dist

from training.flow import FewStepSample
from training.memory.cache import MemoryView
from training.memory.reading import ChunkAttention
from training.memory.schedule import KeptLatent, latent_cells
from training.rollout import Conditions, predict_velocity
from training.transformer import RelicTransformer

QUERIES_AT_ONCE = 512


@dataclass(frozen=True, kw_only=True)
class Attention:
    """Where the attention of a chunk went: mean over layers, heads and queries."""

    latents: np.ndarray
    """(K,) int64: numbers of the remembered latents since the session's start, oldest first"""
    shares: np.ndarray
    """(K,) float64: the share of the attention's mass that each got"""
    own: float
    """the share of the chunk's own latents; all of them together are 1"""


@torch.no_grad()
def watch_attention(
    model: RelicTransformer, view: MemoryView, sample: FewStepSample, conditions: Conditions
) -> Attention:
    """The attention of the step that made `sample`, over the memory as it was then."""
    watcher = _Watcher(view.kept)
    path = ChunkAttention(view, watch=watcher.see)
    x, sigma = sample.exit_input_BCTHW, sample.exit_sigma_T
    predict_velocity(model, x, sigma.expand(x.shape[0], -1), conditions, path)
    if path.grid is None:
        raise RuntimeError("the model did not run the attention it was given")
    grid = path.grid
    cells = [latent_cells(kept.factor, grid.rows, grid.cols) for kept in view.kept]
    mass = watcher.mean()
    if model.sequence is not None:  # every process has seen its own heads
        dist.all_reduce(mass, group=model.sequence.group)
        mass /= model.sequence.size
    mass = mass.cpu()
    shares = np.array([part.sum() for part in mass[: sum(cells)].split(cells)])
    latents = np.array([kept.latent for kept in view.kept], np.int64)
    order = np.argsort(latents)
    own = float(mass[sum(cells) :].sum())
    return Attention(latents=latents[order], shares=shares[order], own=own)


class _Watcher:
    """Adds up softmax weights a key."""

    def __init__(self, kept: Sequence[KeptLatent]) -> None:
        self._kept = kept
        self._mass: torch.Tensor | None = None
        self._layers = 0

    def see(
        self, q_BLHD: torch.Tensor, k_BLHD: torch.Tensor, bias: torch.Tensor | None, scale: float
    ) -> None:
        """Add one layer: the mean over batch, heads and queries."""
        q, k = q_BLHD.transpose(1, 2).float(), k_BLHD.transpose(1, 2).float()
        total = torch.zeros(k.shape[2], dtype=torch.float64, device=k.device)
        for first in range(0, q.shape[2], QUERIES_AT_ONCE):
            part = slice(first, first + QUERIES_AT_ONCE)
            logits = q[:, :, part] @ k.mT * scale
            if bias is not None:
                logits = logits + bias[part].float()
            total += logits.softmax(-1).double().sum((0, 1, 2))
        total /= q.shape[0] * q.shape[1] * q.shape[2]
        self._mass = total if self._mass is None else self._mass + total
        self._layers += 1

    def mean(self) -> torch.Tensor:
        """Mean over the layers: a share for every key."""
        if self._mass is None:
            raise RuntimeError("no layer was seen")
        return self._mass / self._layers
