"""A student at 480p's token geometry and a small width, for `benchmarks.memory`.

Weights are random: only shapes matter to time. Processor time is measured, which the machine's
other programs distort least; `interleaved` takes what is compared in turns.
"""

import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch

from training.flow import euler_sample, generated_latents
from training.grid import chunk_rows, frames_of_latents
from training.memory.buffers import StreamMemory
from training.memory.cache import KVMemory
from training.memory.reading import ChunkAttention
from training.memory.schedule import MemoryConfig
from training.rollout import Conditions, predict_velocity
from training.transformer import RelicTransformer, TransformerConfig

MODEL = TransformerConfig(
    num_layers=1, num_attention_heads=2, attention_head_dim=64, text_dim=32, freq_dim=64,
    ffn_dim=512, yarn_target_length=80,
)  # fmt: skip
ROWS, COLS = 30, 52
"""Tokens of a latent at 480 x 832."""
SMALL_ROWS, SMALL_COLS = 8, 14
"""Tokens where whole windows are sampled many times."""
WHOLE = MemoryConfig(schedule=(1,))
POOLED = MemoryConfig()


def network(**changes: int) -> RelicTransformer:
    """The lane's network, random."""
    torch.manual_seed(0)
    return RelicTransformer(replace(MODEL, **changes)).eval()


def conditions_of(latents: int) -> Conditions:
    """Random conditions of a window."""
    rows = frames_of_latents(latents)
    return Conditions(
        text_BLD=torch.randn(1, 16, MODEL.text_dim),
        actions_BFA=torch.randn(1, rows, MODEL.action_dim),
        poses_BFP=torch.randn(1, rows, MODEL.pose_dim),
    )


def last_chunk(config: MemoryConfig, storage: str = "model", latents: int = 80):
    """One evaluation of the last chunk of `latents` over a memory of random tokens."""
    from training.attention import TokenGrid

    model, grid = network(), TokenGrid(config.chunk, ROWS, COLS)
    memory = StreamMemory(config, longest=latents, storage=storage)  # type: ignore[arg-type]
    heads, width = MODEL.num_attention_heads, MODEL.attention_head_dim
    for _ in range(latents // config.chunk - 1):
        tokens = torch.randn(1, config.chunk * ROWS * COLS, heads, width)
        memory.write([(tokens, tokens)] * MODEL.num_layers, grid)
    view = memory.view()
    rows = chunk_rows(view.first_latent // config.chunk, config.chunk)
    count = rows.stop - rows.start
    conditions = Conditions(
        text_BLD=torch.randn(1, 16, MODEL.text_dim),
        actions_BFA=torch.randn(1, count, MODEL.action_dim),
        poses_BFP=torch.randn(1, count, MODEL.pose_dim),
    )
    x = torch.randn(1, MODEL.in_channels, config.chunk, 2 * ROWS, 2 * COLS)
    sigma = torch.full((1, config.chunk), 0.5)

    def run() -> torch.Tensor:
        return predict_velocity(model, x, sigma, conditions, ChunkAttention(view))

    return run, view


def guided_teacher(latents: int, steps: int) -> Callable[[], object]:
    """A window by Euler steps, each evaluated with and without text."""
    model, conditions = network(num_layers=2), conditions_of(latents)
    start = torch.randn(1, MODEL.in_channels, latents, 2 * SMALL_ROWS, 2 * SMALL_COLS)
    from training.flow import FlowConfig

    def velocity_of(x: torch.Tensor, sigma: torch.Tensor) -> torch.Tensor:
        given = predict_velocity(model, x, sigma, conditions)
        return given + 3 * (given - predict_velocity(model, x, sigma, conditions))

    sigmas = FlowConfig().euler_sigmas(steps)
    return lambda: euler_sample(velocity_of, start, sigmas, generated_latents(latents))


def student(latents: int) -> Callable[[], object]:
    """The same window by four steps and a context pass a chunk."""
    from training.flow import FlowConfig
    from training.rollout import rollout

    model, conditions = network(num_layers=2), conditions_of(latents)
    image = torch.randn(1, MODEL.in_channels, 1, 2 * SMALL_ROWS, 2 * SMALL_COLS)
    return lambda: rollout(
        model, image, conditions, latents=latents, memory=POOLED, levels_S=FlowConfig().levels()
    )


def recomputing(latents: int) -> Callable[[], object]:
    """A rollout without a cache: each evaluation begins with all chunks before it."""
    from training.flow import FlowConfig
    from training.rollout import write_context

    model, conditions = network(num_layers=2), conditions_of(latents)
    chunk, levels = POOLED.chunk, FlowConfig().levels()
    clean = torch.randn(1, MODEL.in_channels, latents, 2 * SMALL_ROWS, 2 * SMALL_COLS)

    def run() -> None:
        for index in range(latents // chunk):
            for _ in levels:
                memory = KVMemory(POOLED)
                for past in range(index):
                    part = clean[:, :, past * chunk : (past + 1) * chunk]
                    write_context(model, memory, part, conditions.of_chunk(past, chunk))
                own = clean[:, :, index * chunk : (index + 1) * chunk]
                predict_velocity(
                    model, own, torch.full((1, chunk), 0.5), conditions.of_chunk(index, chunk),
                    ChunkAttention(memory.view()),
                )  # fmt: skip

    return run


def interleaved(works: dict[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Median processor seconds of each, taken in turns."""
    seconds: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(rounds):
        for name, work in works.items():
            began = time.process_time()
            with torch.no_grad():
                work()
            seconds[name].append(time.process_time() - began)
    return {name: float(np.median(values)) for name, values in seconds.items()}
