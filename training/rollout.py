"""The student's rollout: chunk after chunk, each in a few steps, over its own memory.

A chunk costs N + 1 evaluations: N denoising steps, then a context pass of the clean result at level
0 that writes its keys and values. Chunk 0 is the image latent, clean at level 0 in every step, and
the first generated latents. In training a rollout leaves at one exit step, the same for all chunks:
that x0 is both its output and the context of later chunks.

Gradients never flow here; `training.replay` runs the chunks again for that.

Public: `Conditions`, `StudentStream` (`step`, `feed`), `Rollout`, `rollout`.
"""

from dataclasses import dataclass

import torch
from torch import nn

from dataset.errors import OpenRelicError
from training.attention import AttentionPath
from training.flow import TIMESTEPS, FewStepSample, few_step_sample, generated_latents
from training.grid import chunk_count, chunk_rows, frames_of_latents
from training.memory.buffers import StreamMemory
from training.memory.cache import KVMemory
from training.memory.reading import ChunkAttention
from training.memory.schedule import MemoryConfig


@dataclass(frozen=True, kw_only=True)
class Conditions:
    """What steers a window or a chunk of it; rows are frames."""

    text_BLD: torch.Tensor
    actions_BFA: torch.Tensor | None = None
    poses_BFP: torch.Tensor | None = None

    def of_chunk(self, index: int, chunk: int) -> "Conditions":
        """The rows of one chunk."""
        rows = chunk_rows(index, chunk)
        return Conditions(
            text_BLD=self.text_BLD,
            actions_BFA=_rows(self.actions_BFA, rows),
            poses_BFP=_rows(self.poses_BFP, rows),
        )


def _rows(values_BFC: torch.Tensor | None, rows: slice) -> torch.Tensor | None:
    if values_BFC is None:
        return None
    if values_BFC.shape[1] < rows.stop:
        raise OpenRelicError(f"{values_BFC.shape[1]} condition rows, the rollout needs {rows.stop}")
    return values_BFC[:, rows]


def predict_velocity(
    model: nn.Module,
    x_BCTHW: torch.Tensor,
    sigma_BT: torch.Tensor,
    conditions: Conditions,
    attention: AttentionPath | None = None,
) -> torch.Tensor:
    """Call a transformer with levels instead of timesteps."""
    return model(
        x_BCTHW,
        sigma_BT.to(x_BCTHW.device) * TIMESTEPS,
        conditions.text_BLD,
        conditions.actions_BFA,
        conditions.poses_BFP,
        attention=attention,
    )


def write_context(
    model: nn.Module,
    memory: KVMemory | StreamMemory,
    x0_BCTHW: torch.Tensor,
    conditions: Conditions,
) -> None:
    """The context pass: evaluate a clean chunk at level 0 and write its keys and values."""
    attention = ChunkAttention(memory.view(), record=True)
    with torch.no_grad():
        levels = x0_BCTHW.new_zeros(x0_BCTHW.shape[0], x0_BCTHW.shape[2])
        predict_velocity(model, x0_BCTHW, levels, conditions, attention)
    if attention.grid is None:
        raise RuntimeError("the model did not run the attention it was given")
    memory.write(attention.written(), attention.grid)


class StudentStream:
    """A session: generate a chunk per step from an image, remembering all of it."""

    def __init__(
        self,
        model: nn.Module,
        image_BC1HW: torch.Tensor,
        memory: KVMemory | StreamMemory,
        levels_S: torch.Tensor,
        *,
        generator: torch.Generator | None = None,
    ) -> None:
        """Start before chunk 0, with an empty memory; `levels_S` are `FlowConfig.levels()`."""
        self.model, self.image, self.levels = model, image_BC1HW, levels_S
        self.memory = memory
        self.generator = generator

    @property
    def chunk_index(self) -> int:
        """The chunk that comes next."""
        return self.memory.written // self.memory.config.chunk

    def step(self, conditions: Conditions, exit_step: int | None = None) -> FewStepSample:
        """Generate the next chunk from its own rows (the first has 3 rows fewer)."""
        sample = self.generate(conditions, exit_step)
        self.feed(sample.x0_BCTHW, conditions)
        return sample

    def feed(self, x0_BCTHW: torch.Tensor, conditions: Conditions) -> None:
        """Remember a chunk as if it had been generated."""
        write_context(self.model, self.memory, x0_BCTHW, conditions)

    @torch.no_grad()
    def generate(self, conditions: Conditions, exit_step: int | None = None) -> FewStepSample:
        """Generate the next chunk without remembering it yet."""
        view = self.memory.view()
        generated = generated_latents(view.config.chunk, view.first_latent).to(self.image.device)

        def velocity_of(x: torch.Tensor, sigma_BT: torch.Tensor) -> torch.Tensor:
            return predict_velocity(self.model, x, sigma_BT, conditions, ChunkAttention(view))

        return few_step_sample(
            velocity_of, self._start(view.config.chunk), self.levels, generated, self._noise,
            exit_step,
        )  # fmt: skip

    def _start(self, latents: int) -> torch.Tensor:
        """Noise, behind the image latent in chunk 0."""
        noise = self._noise(self.image.expand(-1, -1, latents, -1, -1))
        if self.chunk_index:
            return noise
        return torch.cat([self.image, noise[:, :, 1:]], dim=2)

    def _noise(self, like: torch.Tensor) -> torch.Tensor:
        return torch.randn(
            like.shape, generator=self.generator, device=like.device, dtype=like.dtype
        )


@dataclass(frozen=True, kw_only=True)
class Rollout:
    """What a rollout made, and what replay needs."""

    latents_BCTHW: torch.Tensor
    """the image latent and the generated ones, clean"""
    blocks: tuple[FewStepSample, ...]
    """per chunk: result, exit-step input and its levels"""


def rollout(
    model: nn.Module,
    image_BC1HW: torch.Tensor,
    conditions: Conditions,
    *,
    latents: int,
    memory: MemoryConfig,
    levels_S: torch.Tensor,
    exit_step: int | None = None,
    generator: torch.Generator | None = None,
) -> Rollout:
    """Generate `latents` latents (a whole number of chunks) from their first, without gradients.

    `conditions` are the window's, at least 4·latents - 3 rows. `exit_step` is drawn by the caller,
    one for all chunks and ranks; None runs every level.
    """
    stream = StudentStream(model, image_BC1HW, KVMemory(memory), levels_S, generator=generator)
    chunks = chunk_count(latents, memory.chunk)
    _rows(conditions.actions_BFA, slice(0, frames_of_latents(latents)))
    blocks = []
    for index in range(chunks):
        own = conditions.of_chunk(index, memory.chunk)
        sample = stream.generate(own, exit_step)
        if index + 1 < chunks:  # nothing reads the last chunk's context
            stream.feed(sample.x0_BCTHW, own)
        blocks.append(sample)
    clean = torch.cat([block.x0_BCTHW for block in blocks], dim=2)
    return Rollout(latents_BCTHW=clean, blocks=tuple(blocks))
