"""The gradient of a student's rollout: `training.replay` over chunks and their memory.

Each chunk's exit step is run again over a memory rebuilt on the way by the same context passes, so
the weights must be those of the rollout.

Public: `rollout_backward`, `rollout_blocks`, `replay_block`.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext

import torch
from torch import nn

from dataset.errors import OpenRelicError
from training.flow import FewStepSample, predict_x0
from training.memory.cache import KVMemory, MemoryView
from training.memory.reading import ChunkAttention
from training.memory.schedule import MemoryConfig
from training.replay import Block, replay_backward
from training.rollout import Conditions, Rollout, predict_velocity, write_context


def rollout_backward(
    model: nn.Module,
    made: Rollout,
    grad_BCTHW: torch.Tensor,
    conditions: Conditions,
    memory: MemoryConfig,
    *,
    no_sync: Callable[[], AbstractContextManager[object]] = nullcontext,
) -> None:
    """Add dL/dweights to the model's `.grad`, given dL/dlatents of a rollout.

    `model`, `conditions` and `memory` are the rollout's own, the weights unchanged since. `no_sync`
    (say, DDP's) is entered for all chunks but the last, so that ranks exchange gradients once.
    """
    if grad_BCTHW.shape != made.latents_BCTHW.shape:
        raise OpenRelicError(
            f"gradient {tuple(grad_BCTHW.shape)} of a rollout {tuple(made.latents_BCTHW.shape)}"
        )
    gradients = grad_BCTHW.split(memory.chunk, dim=2)
    replay_backward(rollout_blocks(model, made, conditions, memory), gradients, no_sync=no_sync)


def rollout_blocks(
    model: nn.Module, made: Rollout, conditions: Conditions, memory: MemoryConfig
) -> Iterator[Block]:
    """The chunks of a rollout, each after the memory of those before it."""
    cache = KVMemory(memory)
    for index, block in enumerate(made.blocks):
        own = conditions.of_chunk(index, memory.chunk)
        yield _Chunk(model, block, cache.view(), own)
        write_context(model, cache, block.x0_BCTHW, own)


class _Chunk:
    """One chunk, to be run again."""

    def __init__(
        self, model: nn.Module, block: FewStepSample, view: MemoryView, conditions: Conditions
    ) -> None:
        self.arguments = (model, block, view, conditions)

    def __call__(self) -> torch.Tensor:
        return replay_block(*self.arguments)


def replay_block(
    model: nn.Module, block: FewStepSample, view: MemoryView, conditions: Conditions
) -> torch.Tensor:
    """Run a chunk's exit step again: its x0 (B, C, T, H, W)."""
    x, sigma_T = block.exit_input_BCTHW, block.exit_sigma_T
    sigma_BT = sigma_T.expand(x.shape[0], -1)
    v = predict_velocity(model, x, sigma_BT, conditions, ChunkAttention(view))
    return predict_x0(x, v, sigma_T)
