"""Replayed back-propagation: gradients of a whole rollout with one chunk's graph at a time.

A rollout of 20 chunks does not fit in memory with its graph. Since the context of a chunk is
detached, the gradient of any loss on the output splits into a sum over chunks: roll out without
gradients (`training.rollout`), take dL/dx over the full sequence once (normaliser and mean over all
of it), then run each chunk's exit step again with gradients, push its slice of dL/dx through, and
free the graph. One new memory is built on the way by the same context passes. This equals one
`.backward()` through the concatenated output over a detached cache, to float64's rounding.

Public: `replay_backward`.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

import torch
from torch import nn

from dataset.errors import OpenRelicError
from training.flow import FewStepSample, predict_x0
from training.memory.cache import KVMemory, MemoryView
from training.memory.reading import ChunkAttention
from training.memory.schedule import MemoryConfig
from training.rollout import Conditions, Rollout, predict_velocity, write_context


def replay_backward(
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
    cache = KVMemory(memory)
    last = len(made.blocks) - 1
    for index, block in enumerate(made.blocks):
        own = conditions.of_chunk(index, memory.chunk)
        start = index * memory.chunk
        grad = grad_BCTHW[:, :, start : start + memory.chunk]
        with nullcontext() if index == last else no_sync():
            replay_block(model, block, cache.view(), own).backward(grad)
        if index < last:
            write_context(model, cache, block.x0_BCTHW, own)


def replay_block(
    model: nn.Module, block: FewStepSample, view: MemoryView, conditions: Conditions
) -> torch.Tensor:
    """Run a chunk's exit step again, with gradients: its x0 (B, C, T, H, W)."""
    x, sigma_T = block.exit_input_BCTHW, block.exit_sigma_T
    with torch.enable_grad():
        sigma_BT = sigma_T.expand(x.shape[0], -1)
        v = predict_velocity(model, x, sigma_BT, conditions, ChunkAttention(view))
        return predict_x0(x, v, sigma_T)
