from dataclasses import replace
from itertools import pairwise

import pytest
import torch

from dataset.errors import OpenRelicError
from tests.training.tiny_model import COLS, MEMORY, ROWS
from training.attention import TokenGrid
from training.memory.cache import KVMemory, LayerKV
from training.memory.pooling import cell_positions, cell_sizes, pool_keys, pool_tokens
from training.memory.schedule import (
    PAPER_SCHEDULE,
    MemoryConfig,
    kept_latents,
    time_position,
    visible_tokens,
)

RELIC = MemoryConfig()


def random_chunk(latents: int, *, layers: int = 2, seed: int = 0) -> list[LayerKV]:
    generator = torch.Generator().manual_seed(seed)
    shape = (1, latents * ROWS * COLS, 2, 4)
    return [
        (torch.randn(shape, generator=generator), torch.randn(shape, generator=generator))
        for _ in range(layers)
    ]


@pytest.mark.parametrize(
    ("window", "chunk", "tokens"),
    # 10 is a window of 6 past latents and a chunk of 4; the budget of 5 s is 21 · 1560 = 32,760.
    [(6, 2, 30_056), (8, 4, 31_512), (9, 1, 32_968), (10, 2, 34_138)],
)
def test_token_counts_of_80_latents_at_480p(window: int, chunk: int, tokens: int) -> None:
    # The count does not depend on the chunk, which only has to divide the window.
    assert visible_tokens(MemoryConfig(window=window, chunk=chunk), 80, 30, 52) == tokens


def test_without_compression_everything_counts() -> None:
    assert visible_tokens(replace(RELIC, schedule=(1,)), 80, 30, 52) == 80 * 1560


def test_bounded_mode_has_a_constant_token_count() -> None:
    bounded = replace(RELIC, newest=62)
    counts = {visible_tokens(bounded, end, 30, 52) for end in range(64, 2000, 4)}
    assert counts == {28_314}


def test_bounded_mode_counts_time_again_but_the_schedule_from_the_session_start() -> None:
    bounded, end = replace(RELIC, newest=62), 1000
    kept = kept_latents(bounded, end)
    assert [item.latent for item in kept] == [0, *range(938, 996)]
    assert [item.factor for item in kept[1:55]] == [PAPER_SCHEDULE[i % 18] for i in range(938, 992)]
    assert [item.factor for item in kept[55:]] == [1] * 4
    times = [time_position(bounded, item.latent, end) for item in kept]
    assert times == list(range(59))
    assert time_position(bounded, end - 1, end) == 62
    # Until the bound is reached nothing differs from the unbounded mode.
    for early in range(4, 64, 4):
        assert kept_latents(bounded, early) == kept_latents(RELIC, early)
        assert time_position(bounded, early - 1, early) == early - 1


def test_dropping_what_is_older_leaves_the_window() -> None:
    dropping = replace(RELIC, older="drop")
    assert [item.latent for item in kept_latents(dropping, 80)] == [72, 73, 74, 75]
    assert [item.latent for item in kept_latents(dropping, 8)] == [0, 1, 2, 3]


@pytest.mark.parametrize("factor", [1, 2, 4])
def test_pooling_is_the_mean_over_cells_cut_off_at_the_border(factor: int) -> None:
    x = torch.randn(2, ROWS * COLS, 2, 4)
    image = x.unflatten(1, (ROWS, COLS))
    means, centres, sizes = [], [], []
    for top in range(0, ROWS, factor):
        for left in range(0, COLS, factor):
            cell = image[:, top : top + factor, left : left + factor]
            rows = [row for row in range(top, top + factor) if row < ROWS]
            cols = [col for col in range(left, left + factor) if col < COLS]
            means.append(cell.flatten(1, 2).mean(1))
            centres.append([7.0, sum(rows) / len(rows), sum(cols) / len(cols)])
            sizes.append(len(rows) * len(cols))
    torch.testing.assert_close(pool_tokens(x, ROWS, COLS, factor), torch.stack(means, 1))
    got = cell_positions(torch.tensor([7]), ROWS, COLS, factor)
    torch.testing.assert_close(got, torch.tensor(centres, dtype=torch.float64))
    assert cell_sizes(ROWS, COLS, factor).tolist() == sizes


def test_renormalised_keys_have_their_cells_rms_norm() -> None:
    k = torch.randn(2, 16, 2, 4)
    plain = pool_keys(k, 4, 4, 2, renormalise=False)
    scaled = pool_keys(k, 4, 4, 2, renormalise=True)
    wanted = pool_tokens(k.square().sum((2, 3), keepdim=True), 4, 4, 2).flatten(1)
    torch.testing.assert_close(scaled.square().sum((2, 3)), wanted)
    assert (plain.square().sum((2, 3)) < wanted).all()
    ratio = scaled / plain
    torch.testing.assert_close(ratio, ratio[:, :, :1, :1].expand_as(ratio))
    same = torch.ones(1, 16, 2, 4)
    torch.testing.assert_close(pool_keys(same, 4, 4, 2, renormalise=True), same[:, :4])


def test_memory_pools_each_latent_once_it_leaves_the_window() -> None:
    memory = KVMemory(MEMORY)
    chunks = [random_chunk(2, seed=seed) for seed in range(5)]
    for chunk in chunks:
        memory.write(chunk, TokenGrid(2, ROWS, COLS))
    view = memory.view()
    assert view.end == 12
    assert [tuple(item) for item in view.kept] == [
        (0, 1), (1, 2), (2, 4), (3, 2), (4, 4), (5, 1), (6, 2), (7, 4), (8, 1), (9, 1),
    ]  # fmt: skip
    for layer in range(2):
        for item, (k, v) in zip(view.kept, view.layers[layer], strict=True):
            whole_k, whole_v = chunks[item.latent // 2][layer]
            tokens = slice(item.latent % 2 * 15, item.latent % 2 * 15 + 15)
            expected_k = pool_tokens(whole_k[:, tokens], ROWS, COLS, item.factor)
            expected_v = pool_tokens(whole_v[:, tokens], ROWS, COLS, item.factor)
            torch.testing.assert_close(k, expected_k, rtol=0, atol=0)
            torch.testing.assert_close(v, expected_v, rtol=0, atol=0)


def test_a_view_never_changes() -> None:
    memory = KVMemory(MEMORY)
    for seed in range(3):
        memory.write(random_chunk(2, seed=seed), TokenGrid(2, ROWS, COLS))
    view = memory.view()
    before = [(k.clone(), v.clone(), k._version) for layer in view.layers for k, v in layer]
    for seed in range(3, 9):
        memory.write(random_chunk(2, seed=seed), TokenGrid(2, ROWS, COLS))
    after = [pair for layer in view.layers for pair in layer]
    for (k, v, version), (k_now, v_now) in zip(before, after, strict=True):
        assert torch.equal(k, k_now) and torch.equal(v, v_now) and k_now._version == version


def stored_bytes(memory: KVMemory) -> int:
    tensors = [t for layer in memory.view().layers for pair in layer for t in pair]
    return sum(t.untyped_storage().nbytes() for t in tensors)


def test_what_is_stored_is_what_is_counted_and_stops_growing_in_bounded_mode() -> None:
    bounded = replace(MEMORY, newest=9)
    memory, sizes = KVMemory(bounded), []
    for seed in range(12):
        memory.write(random_chunk(2, seed=seed), TokenGrid(2, ROWS, COLS))
        tokens = visible_tokens(bounded, memory.written + 2, ROWS, COLS) - 2 * ROWS * COLS
        assert stored_bytes(memory) == tokens * 2 * 4 * 4 * 2 * 2
        sizes.append(stored_bytes(memory))
    assert len(set(sizes[4:])) == 1
    assert all(a < b for a, b in pairwise(sizes[:4]))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"window": 6}, "multiples of the chunk"),
        ({"window": 0}, "multiples of the chunk"),
        ({"schedule": ()}, "factors from 1 on"),
        ({"schedule": (1, 0)}, "factors from 1 on"),
        ({"newest": 64}, "a multiple of 18"),
    ],
)
def test_impossible_settings_are_refused(fields: dict, message: str) -> None:
    with pytest.raises(OpenRelicError, match=message):
        MemoryConfig(**fields)
