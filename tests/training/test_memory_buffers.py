"""The streaming memory in fixed buffers, against the memory that training uses."""

from dataclasses import replace

import pytest
import torch

from dataset.errors import OpenRelicError
from tests.training.tiny_model import (
    COLS,
    MEMORY,
    ROWS,
    relative_gap,
    tiny_conditions,
    tiny_latents,
    tiny_transformer,
)
from training.attention import TokenGrid
from training.flow import FlowConfig
from training.memory.buffers import StreamMemory
from training.memory.cache import KVMemory
from training.memory.schedule import MemoryConfig
from training.rollout import StudentStream

LATENTS = 40
LEVELS = FlowConfig().levels()
VARIANTS = {
    "plain": MEMORY,
    "one chunk's window": replace(MEMORY, window=2),
    "wide window": replace(MEMORY, window=8),
    "bias and norm": replace(MEMORY, log_size_bias=True, renormalise_keys=True),
    "window only": replace(MEMORY, older="drop"),
    "bounded": replace(MEMORY, newest=9),
    "bounded twice": replace(MEMORY, newest=14),
    "bounded to the window": replace(MEMORY, newest=4),
    "latent 0 in cells": MemoryConfig(schedule=(4, 2, 1), window=4, chunk=2, newest=7),
}


def stream(memory: KVMemory | StreamMemory, latents: int = LATENTS) -> torch.Tensor:
    """A session in single precision; one step a chunk, so that it is short."""
    session = StudentStream(
        tiny_transformer(), tiny_latents(1, batch=1), memory, LEVELS[-1:],
        generator=torch.Generator().manual_seed(11),
    )  # fmt: skip
    conditions = tiny_conditions(latents, batch=1)
    return torch.cat(
        [session.step(conditions.of_chunk(i, 2)).x0_BCTHW for i in range(latents // 2)], dim=2
    )


@pytest.mark.parametrize("variant", VARIANTS)
def test_fixed_buffers_remember_what_the_growing_memory_does(variant: str) -> None:
    memory = VARIANTS[variant]
    fixed, growing = StreamMemory(memory, longest=LATENTS), KVMemory(memory)
    assert relative_gap(stream(fixed), stream(growing)) < 1e-5
    seen = {tuple(item) for item in fixed.view().kept}
    assert seen == {tuple(item) for item in growing.view().kept}


@pytest.mark.parametrize("variant", ["bounded", "bounded twice", "window only", "plain"])
def test_buffers_are_made_once_and_as_large_as_what_is_kept(variant: str) -> None:
    memory = VARIANTS[variant]
    fixed, growing = StreamMemory(memory, longest=LATENTS), KVMemory(memory)
    places, grid = set(), TokenGrid(2, ROWS, COLS)
    for seed in range(LATENTS // 2):
        generator = torch.Generator().manual_seed(seed)
        tokens = torch.randn(1, 2 * ROWS * COLS, 2, 4, generator=generator)
        for one in (fixed, growing):
            one.write([(tokens, tokens)], grid)
        places.add((fixed.view().buffers[0][0].values.data_ptr(), fixed.nbytes()))
    assert len(places) == 1
    assert fixed.nbytes() == growing.nbytes()


def test_reading_with_gradients_is_refused_and_views_of_training_are_not_touched() -> None:
    memory = StreamMemory(MEMORY, longest=8)
    with torch.no_grad():
        stream(memory, 8)
    with pytest.raises(OpenRelicError, match="train with KVMemory"):
        memory.view().keys_values(0)
    with torch.no_grad():
        memory.view().keys_values(0)


def test_an_in_place_write_under_a_graph_would_break_it() -> None:
    """Why views are immutable: the same graph over buffers cannot be differentiated."""
    with torch.no_grad():
        memory = StreamMemory(MEMORY, longest=8)
        stream(memory, 4)
        keys, _ = memory.view().keys_values(0)
    query = torch.ones_like(keys, requires_grad=True)
    loss = (query * keys).sum()
    zeros = torch.zeros(1, 2 * ROWS * COLS, 2, 12)
    memory.write([(zeros, zeros)] * 2, TokenGrid(2, ROWS, COLS))
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()


def test_an_unbounded_session_needs_its_length_and_keeps_to_it() -> None:
    with pytest.raises(OpenRelicError, match="no fixed size"):
        StreamMemory(MEMORY)
    with pytest.raises(OpenRelicError, match="at most 6 latents"):
        stream(StreamMemory(MEMORY, longest=6), 8)


def test_float8_halves_bfloat16_and_its_error_is_that_of_three_bits() -> None:
    head = torch.randn(1, 2 * ROWS * COLS, 2, 64)
    scale = torch.logspace(-6, 4, 2 * ROWS * COLS)[None, :, None, None]
    tokens, grid = (head * scale).bfloat16(), TokenGrid(2, ROWS, COLS)
    memories = [
        StreamMemory(replace(MEMORY, newest=9), storage=kept) for kept in ("model", "float8_e4m3")
    ]
    for memory in memories:
        memory.write([(tokens, tokens)], grid)
    exact, rough = memories
    assert rough.nbytes() / exact.nbytes() == pytest.approx((64 + 2) / 128)
    with torch.no_grad():
        got = rough.view().keys_values(0)[0].float()
        wanted = exact.view().keys_values(0)[0].float()
    # Half a step of three mantissa bits is 1/16; scales are rounded to bfloat16, another 1/256.
    largest = wanted.abs().amax(-1, keepdim=True)
    assert ((got - wanted).abs() <= (1 / 16 + 1 / 200) * wanted.abs() + 2e-5 * largest).all()
    rms = float(((got - wanted) / largest).square().mean().sqrt())
    assert 0.002 < rms < 0.02


def test_a_float8_session_stays_close() -> None:
    memory = replace(MEMORY, newest=9)
    exact = stream(StreamMemory(memory))
    rough = stream(StreamMemory(memory, storage="float8_e4m3"))
    gap = float((rough - exact).norm() / exact.norm())
    assert 0 < gap < 0.05
