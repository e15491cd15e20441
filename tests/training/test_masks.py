from dataclasses import replace
from typing import Any

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
from training.flow import FlowConfig, draw_sigmas
from training.masks import (
    ForcedAttention,
    ForcingLayout,
    Piece,
    diffusion_forcing,
    hybrid_forcing,
    teacher_forcing,
    visible_pieces,
)
from training.memory.schedule import MemoryConfig
from training.rollout import predict_velocity
from training.transformer import RelicTransformer

CHUNKS, LATENTS = 5, 10
LAYOUTS = {
    "hybrid": hybrid_forcing(CHUNKS, 2, 2),
    "teacher": teacher_forcing(CHUNKS, 2),
    "diffusion": diffusion_forcing(CHUNKS, 2),
}
MEMORIES = {
    "plain": MEMORY,
    "bias and norm": replace(MEMORY, log_size_bias=True, renormalise_keys=True),
    "window only": replace(MEMORY, older="drop"),
}


def run(
    model: RelicTransformer,
    layout: ForcingLayout,
    x: torch.Tensor,
    memory: MemoryConfig = MEMORY,
    kernel: Any = "dense",
) -> torch.Tensor:
    """Forward of an input made by `join`, with fixed levels and conditions."""
    generator = torch.Generator().manual_seed(4)
    sigma = draw_sigmas(FlowConfig(), (2, LATENTS), generator=generator)
    sigma[:, 0] = 0
    with torch.no_grad():
        return predict_velocity(
            model, x, layout.join_levels(sigma), tiny_conditions(LATENTS),
            ForcedAttention(layout, memory, kernel),
        )  # fmt: skip


def example(layout: ForcingLayout) -> torch.Tensor:
    return layout.join(tiny_latents(LATENTS, seed=21), tiny_latents(LATENTS, seed=22))


def may_see(layout: ForcingLayout, name: str, query: int, key: int) -> bool:
    """Who sees whom, said once more in words of chunks and groups."""
    times = layout.times().tolist()
    mine, theirs = times[query] // 2, times[key] // 2
    query_noisy, key_noisy = query >= layout.clean, key >= layout.clean
    if query_noisy == key_noisy and mine == theirs:
        return True
    if theirs >= mine:
        return False
    if not query_noisy:
        return not key_noisy
    return not key_noisy or name in ("hybrid", "diffusion")


@pytest.mark.parametrize("kernel", ["dense", "gather"])
@pytest.mark.parametrize("name", LAYOUTS)
def test_each_group_sees_what_it_should_and_the_rest_changes_nothing(
    name: str, kernel: Any
) -> None:
    layout, model = LAYOUTS[name], tiny_transformer(num_layers=1)
    x = example(layout)
    before = run(model, layout, x, kernel=kernel)
    for key in range(x.shape[2]):
        changed = x.clone()
        changed[:, :, key] += 1.0
        moved = (run(model, layout, changed, kernel=kernel) != before).any(1).flatten(2).any(2)
        expected = [may_see(layout, name, query, key) for query in range(x.shape[2])]
        assert moved.all(0).tolist() == moved.any(0).tolist() == expected


@pytest.mark.parametrize("kernel", ["dense", "gather"])
@pytest.mark.parametrize("name", LAYOUTS)
def test_the_future_changes_the_past_by_exactly_nothing(name: str, kernel: Any) -> None:
    layout, model = LAYOUTS[name], tiny_transformer(num_layers=3)
    x = example(layout)
    before = run(model, layout, x, kernel=kernel)
    for border in range(2, LATENTS, 2):
        late = layout.times() >= border
        changed = x.clone()
        changed[:, :, late] = torch.randn_like(x[:, :, late]) * 100
        after = run(model, layout, changed, kernel=kernel)
        assert torch.equal(after[:, :, ~late], before[:, :, ~late])
        assert not torch.equal(after[:, :, late], before[:, :, late])


@pytest.mark.parametrize("name", LAYOUTS)
@pytest.mark.parametrize("memory", MEMORIES)
def test_both_kernels_give_the_same_numbers_and_gradients(name: str, memory: str) -> None:
    layout, model = LAYOUTS[name], tiny_transformer().double()
    x, conditions = example(layout).double(), tiny_conditions(LATENTS)
    sigma = layout.join_levels(torch.full((2, LATENTS), 0.5, dtype=torch.float64))
    outputs, grads = [], []
    kernels: tuple[Any, ...] = ("dense", "gather")
    for kernel in kernels:
        model.zero_grad()
        forced = ForcedAttention(layout, MEMORIES[memory], kernel)
        conditions = replace(conditions, text_BLD=conditions.text_BLD.double())
        output = predict_velocity(model, x, sigma, conditions, forced)
        output.square().mean().backward()
        outputs.append(output)
        grads.append(torch.cat([value.grad.flatten() for value in model.parameters()]))  # type: ignore[union-attr]
    assert relative_gap(outputs[0], outputs[1]) < 1e-12
    assert relative_gap(grads[0], grads[1]) < 1e-12


def test_hybrid_keys_are_pooled_by_the_schedule_and_noisy_ones_never() -> None:
    layout = hybrid_forcing(8, 4, 2)
    # The last chunk, latents 14 and 15: its window of 4 begins at 12, the noisy group at 8.
    seen = visible_pieces(layout, MEMORY, 14)
    clean = [Piece(place, MEMORY.schedule[place % 5]) for place in range(8)]
    assert seen == clean + [Piece(place, 1) for place in range(8, 16)]
    # The first noisy chunk, latents 8 and 9: clean latents 6 and 7 are in its window.
    seen = visible_pieces(layout, MEMORY, 8)
    clean = [Piece(place, MEMORY.schedule[place % 5] if place < 6 else 1) for place in range(8)]
    assert seen == clean + [Piece(8, 1), Piece(9, 1)]
    # A clean chunk is the rollout's context pass.
    seen = visible_pieces(layout, MEMORY, 6)
    assert seen == [
        Piece(0, 1),
        Piece(1, 2),
        Piece(2, 4),
        Piece(3, 2),
        *(Piece(i, 1) for i in range(4, 8)),
    ]


def test_teacher_forcing_is_hybrid_forcing_of_each_chunk_alone() -> None:
    model, teacher = tiny_transformer(), LAYOUTS["teacher"]
    whole = teacher.noisy_part(run(model, teacher, example(teacher)))
    hybrid = hybrid_forcing(CHUNKS, 1, 2)
    last = hybrid.noisy_part(run(model, hybrid, example(hybrid)))
    assert relative_gap(whole[:, :, -2:], last) < 1e-5


def test_diffusion_forcing_of_one_chunk_is_the_bidirectional_model() -> None:
    model, x, conditions = tiny_transformer(), tiny_latents(4), tiny_conditions(4)
    sigma = torch.full((2, 4), 0.5)
    memory = MemoryConfig(chunk=4, window=4)
    forced = ForcedAttention(diffusion_forcing(1, 4), memory)
    with torch.no_grad():
        full = predict_velocity(model, x, sigma, conditions)
        assert relative_gap(predict_velocity(model, x, sigma, conditions, forced), full) < 1e-5


def test_gradients_reach_the_clean_group_through_pooled_keys() -> None:
    layout, model = hybrid_forcing(CHUNKS, 1, 2), tiny_transformer()
    x = example(layout).requires_grad_()
    sigma = layout.join_levels(torch.full((2, LATENTS), 0.5))
    v = predict_velocity(model, x, sigma, tiny_conditions(LATENTS), ForcedAttention(layout, MEMORY))
    layout.noisy_part(v).square().sum().backward()
    assert x.grad is not None
    assert (x.grad.abs().amax((0, 1, 3, 4)) > 0).all()


@pytest.mark.parametrize("memory", MEMORIES)
def test_both_paths_run_under_autocast(memory: str) -> None:
    layout, model = LAYOUTS["hybrid"], tiny_transformer()
    x = example(layout)
    exact = run(model, layout, x, MEMORIES[memory])
    with torch.autocast("cpu", torch.bfloat16):
        rough = run(model, layout, x, MEMORIES[memory])
    assert relative_gap(rough.float(), exact) < 0.1


def test_the_dense_mask_is_the_size_of_what_is_seen() -> None:
    attention = ForcedAttention(LAYOUTS["hybrid"], MEMORY)
    cells = sum(-(-ROWS // p.factor) * -(-COLS // p.factor) for p in attention.pieces)
    k = torch.randn(1, LATENTS * ROWS * COLS, 2, 4)
    keys, values = attention._with_cells(k, k, TokenGrid(LATENTS, ROWS, COLS))
    assert keys.shape == values.shape == (1, cells, 2, 4)


def test_impossible_settings_are_refused() -> None:
    with pytest.raises(OpenRelicError, match="allowed are 1 to 5"):
        hybrid_forcing(5, 6)
    with pytest.raises(OpenRelicError, match="the memory's 4"):
        ForcedAttention(LAYOUTS["hybrid"], MemoryConfig())
    with pytest.raises(OpenRelicError, match="no one-sequence form"):
        ForcedAttention(LAYOUTS["hybrid"], replace(MEMORY, newest=4))
    ForcedAttention(LAYOUTS["hybrid"], replace(MEMORY, newest=9))
    with pytest.raises(OpenRelicError, match="the layout has 10"):
        ForcedAttention(LAYOUTS["hybrid"], MEMORY).condition_index(8)
