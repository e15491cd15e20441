"""The rollout over a cache against the one-sequence forward, and replay against full backward."""

import inspect
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
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
    to_double,
)
from training.flow import FlowConfig, predict_x0
from training.masks import ForcedAttention, teacher_forcing
from training.memory.cache import KVMemory
from training.memory.schedule import MemoryConfig, visible_tokens
from training.replay import GraphMeter, full_backward, replay_backward
from training.rollout import (
    Conditions,
    Rollout,
    StudentStream,
    predict_velocity,
    rollout,
    write_context,
)
from training.rollout_backward import replay_block, rollout_backward, rollout_blocks
from training.transformer import RelicTransformer

LATENTS = 12
LEVELS = FlowConfig().levels()
VARIANTS = {
    "plain": MEMORY,
    "bias and norm": replace(MEMORY, log_size_bias=True, renormalise_keys=True),
    "window only": replace(MEMORY, older="drop"),
    "bounded": replace(MEMORY, newest=9),
    "whole": replace(MEMORY, schedule=(1,)),
}


def make(
    model: RelicTransformer, memory: MemoryConfig, *, double: bool = False, **settings: Any
) -> tuple[Rollout, Any]:
    image, conditions = tiny_latents(1), tiny_conditions(LATENTS)
    if double:
        image, conditions = image.double(), to_double(conditions)
    generator = torch.Generator().manual_seed(11)
    made = rollout(
        model, image, conditions, latents=LATENTS, memory=memory, levels_S=LEVELS,
        generator=generator, **settings,
    )  # fmt: skip
    return made, conditions


@pytest.mark.parametrize("variant", ["plain", "bias and norm", "window only", "whole"])
@pytest.mark.parametrize("kernel", ["dense", "gather"])
def test_cached_rollout_equals_the_one_sequence_forward(variant: str, kernel: Any) -> None:
    model, memory = tiny_transformer(), VARIANTS[variant]
    made, conditions = make(model, memory, exit_step=2)
    layout = teacher_forcing(LATENTS // memory.chunk, memory.chunk)
    inputs = torch.cat([block.exit_input_BCTHW for block in made.blocks], dim=2)
    sigma = torch.cat([block.exit_sigma_T for block in made.blocks]).expand(2, -1)
    with torch.no_grad():
        v = predict_velocity(
            model, layout.join(made.latents_BCTHW, inputs), layout.join_levels(sigma), conditions,
            ForcedAttention(layout, memory, kernel),
        )  # fmt: skip
    x0 = predict_x0(inputs, layout.noisy_part(v), sigma)
    assert relative_gap(made.latents_BCTHW, x0) < 1e-5


def test_compression_has_an_effect_in_that_equality() -> None:
    model = tiny_transformer()
    outputs = {name: make(model, memory)[0].latents_BCTHW for name, memory in VARIANTS.items()}
    first_compressed = 6  # the chunk of latents 6, 7 is the first that sees a pooled latent, 1
    for name, output in outputs.items():
        assert torch.equal(output[:, :, 1], outputs["whole"][:, :, 1])
        if name == "whole":
            continue
        assert torch.equal(output[:, :, :4], outputs["whole"][:, :, :4])
        assert (output - outputs["whole"])[:, :, first_compressed:].abs().max() > 1e-4


def test_the_rollout_keeps_the_image_exits_early_and_repeats() -> None:
    model = tiny_transformer()
    made, _ = make(model, MEMORY, exit_step=1)
    again, _ = make(model, MEMORY, exit_step=1)
    assert torch.equal(made.latents_BCTHW, again.latents_BCTHW)
    assert torch.equal(made.latents_BCTHW[:, :, :1], tiny_latents(1))
    assert made.blocks[0].exit_sigma_T.tolist() == [0, 0.9375]
    assert made.blocks[3].exit_sigma_T.tolist() == [0.9375, 0.9375]
    assert not made.latents_BCTHW.requires_grad


def test_a_stream_is_the_rollout_step_by_step_and_feeding_is_remembering() -> None:
    model = tiny_transformer()
    made, conditions = make(model, MEMORY)
    stream = StudentStream(
        model,
        tiny_latents(1),
        KVMemory(MEMORY),
        LEVELS,
        generator=torch.Generator().manual_seed(11),
    )
    for index in range(6):
        assert stream.chunk_index == index
        sample = stream.step(conditions.of_chunk(index, 2))
        assert torch.equal(sample.x0_BCTHW, made.blocks[index].x0_BCTHW)

    fed = StudentStream(
        model, tiny_latents(1), KVMemory(MEMORY), LEVELS, generator=torch.Generator().manual_seed(1)
    )
    for index in range(5):
        fed.feed(made.blocks[index].x0_BCTHW, conditions.of_chunk(index, 2))
    fed.generator = torch.Generator().manual_seed(5)
    stream.memory = KVMemory(MEMORY)
    for index in range(5):
        write_context(
            model, stream.memory, made.blocks[index].x0_BCTHW, conditions.of_chunk(index, 2)
        )
    stream.generator = torch.Generator().manual_seed(5)
    last = conditions.of_chunk(5, 2)
    assert torch.equal(fed.step(last).x0_BCTHW, stream.step(last).x0_BCTHW)


def definition(
    model: RelicTransformer,
    made: Rollout,
    grad: torch.Tensor,
    conditions: Any,
    memory: MemoryConfig,
) -> None:
    """All graphs at once over the detached cache, one backward, written out once more."""
    cache, outputs = KVMemory(memory), []
    for index, block in enumerate(made.blocks):
        own = conditions.of_chunk(index, memory.chunk)
        outputs.append(replay_block(model, block, cache.view(), own))
        write_context(model, cache, block.x0_BCTHW, own)
    whole = torch.cat(outputs, dim=2)
    torch.testing.assert_close(whole, made.latents_BCTHW, rtol=0, atol=1e-12)
    (whole * grad).sum().backward()


def take_gradients(model: RelicTransformer) -> dict[str, torch.Tensor]:
    grads = {name: value.grad.clone() for name, value in model.named_parameters()}  # type: ignore[union-attr]
    model.zero_grad()
    return grads


def score_difference(latents: torch.Tensor) -> torch.Tensor:
    """Of a loss that couples all latents: its normaliser is over the whole sequence."""
    return latents.tanh() / latents.abs().mean()


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("exit_step", [0, 3])
def test_replayed_gradients_equal_full_backpropagation(variant: str, exit_step: int) -> None:
    memory, model = VARIANTS[variant], tiny_transformer().double()
    made, conditions = make(model, memory, double=True, exit_step=exit_step)
    grad = score_difference(made.latents_BCTHW)
    definition(model, made, grad, conditions, memory)
    expected = take_gradients(model)
    rollout_backward(model, made, grad, conditions, memory)
    got = take_gradients(model)
    scale = max(float(value.abs().max()) for value in expected.values())
    for name, value in expected.items():
        assert float((got[name] - value).abs().max()) < 1e-12 * scale, name
    assert all(value.abs().sum() > 0 for value in expected.values())


def test_replay_is_the_sum_of_losses_over_blocks_and_latent_0_adds_nothing() -> None:
    model = tiny_transformer().double()
    made, conditions = make(model, MEMORY, double=True)
    grad = torch.zeros_like(made.latents_BCTHW)
    grad[:, :, 0] = 1
    rollout_backward(model, made, grad, conditions, MEMORY)
    assert all(not value.any() for value in take_gradients(model).values())


def graph_sizes(
    model: RelicTransformer, made: Rollout, conditions: Any, memory: MemoryConfig
) -> list[int]:
    """Bytes of each block's own graph."""
    sizes = []
    for block in rollout_blocks(model, made, conditions, memory):
        with torch.enable_grad(), GraphMeter(model.parameters()) as meter:
            output = block()
        assert meter.live == meter.peak > 0
        del output
        assert meter.live == 0
        sizes.append(meter.peak)
    return sizes


def test_a_graph_grows_by_the_prefix_it_attends_to_and_in_bounded_mode_not_at_all() -> None:
    model = tiny_transformer()
    made, conditions = make(model, MEMORY)
    sizes = graph_sizes(model, made, conditions, MEMORY)
    tokens = [visible_tokens(MEMORY, 2 * index + 2, ROWS, COLS) for index in range(6)]
    # Each layer keeps a float32 key and value of every token seen, for both samples; from the
    # second block on also the angles of the past, once.
    for size, seen in zip(sizes[1:], tokens[1:], strict=True):
        layers = (seen - tokens[1]) * 2 * model.config.dim * 4 * 2 * model.config.num_layers
        assert size - sizes[1] == pytest.approx(layers, rel=0.05, abs=2000)
    assert sizes[-1] > sizes[0] * 1.05

    short = replace(MEMORY, newest=4)
    sizes = graph_sizes(model, *make(model, short), short)
    assert len(set(sizes[2:])) == 1


def test_only_one_blocks_graph_lives_at_a_time() -> None:
    model = tiny_transformer()
    made, conditions = make(model, MEMORY)
    grads = torch.ones_like(made.latents_BCTHW).split(2, dim=2)
    blocks = graph_sizes(model, made, conditions, MEMORY)
    with GraphMeter(model.parameters()) as replayed:
        replay_backward(rollout_blocks(model, made, conditions, MEMORY), grads)
    assert replayed.live == 0
    assert replayed.peak <= max(blocks) * 1.01

    with GraphMeter(model.parameters()) as full:
        full_backward(rollout_blocks(model, made, conditions, MEMORY), grads)
    assert full.peak >= 0.99 * sum(blocks)  # what blocks share is counted once


def test_the_module_stands_on_pytorch_alone() -> None:
    text = Path(inspect.getfile(replay_backward)).read_text()
    imported = {line.split()[1].split(".")[0] for line in text.splitlines()
                if line.startswith(("import ", "from "))}  # fmt: skip
    assert imported == {"collections", "contextlib", "torch"}


def toy_blocks(weight: torch.Tensor, given: list[torch.Tensor], log: list[str]):
    """Each block reads the sum of what was before it, which nothing differentiates."""
    past = torch.zeros_like(given[0])
    for index, x in enumerate(given):
        log.append(f"block {index}")
        yield lambda x=x, past=past: torch.tanh(x * weight + past)
        assert not torch.is_grad_enabled()
        past = past + torch.tanh(x * weight + past)
        log.append(f"context {index}")


def test_any_sequence_of_blocks_can_be_replayed() -> None:
    weight = torch.tensor([0.3, -0.7], dtype=torch.float64, requires_grad=True)
    given = list(torch.randn(5, 2, dtype=torch.float64))
    grads = list(torch.randn(5, 2, dtype=torch.float64))
    log: list[str] = []
    replay_backward(toy_blocks(weight, given, log), grads)
    assert weight.grad is not None
    replayed, weight.grad = weight.grad, None
    full_backward(toy_blocks(weight, given, []), grads)
    assert weight.grad is not None and relative_gap(replayed, weight.grad) < 1e-15
    assert log == [f"{what} {i}" for i in range(5) for what in ("block", "context")][:-1]
    with pytest.raises(ValueError, match="5 blocks for 6 gradients"):
        replay_backward(toy_blocks(weight, given, []), [*grads, grads[0]])
    with pytest.raises(ValueError, match="block 0 gives"):
        replay_backward(toy_blocks(weight, given, []), [grad[:1] for grad in grads])


def test_a_storage_that_several_graphs_hold_is_counted_once() -> None:
    shared, weight = torch.randn(1000), torch.randn(1000, requires_grad=True)
    with GraphMeter([weight]) as meter:
        first, second = weight * shared, weight * shared[:500].repeat(2)
        assert meter.live == 4000 + 4000
        third = weight * shared
        assert meter.live == 8000
    del first, second
    assert meter.live == 4000
    del third
    assert (meter.live, meter.peak) == (0, 8000)


@pytest.mark.parametrize("passes", [1, 3])
def test_replay_with_checkpointing_and_accumulation(passes: int) -> None:
    """Several rollouts add up; recomputing blocks changes nothing but the graph's size."""
    model = tiny_transformer().double()
    made, conditions = make(model, MEMORY, double=True)
    grad = score_difference(made.latents_BCTHW)
    rollout_backward(model, made, grad * passes, conditions, MEMORY)
    expected = take_gradients(model)
    plain = graph_sizes(model, made, conditions, MEMORY)
    model.gradient_checkpointing = True
    for _ in range(passes):
        rollout_backward(model, made, grad, conditions, MEMORY)
    got = take_gradients(model)
    assert all(relative_gap(got[name], value) < 1e-12 for name, value in expected.items())
    assert max(graph_sizes(model, made, conditions, MEMORY)) < 0.5 * min(plain)


def test_ranks_synchronise_once_at_the_last_block() -> None:
    model, entered = tiny_transformer(), []

    @contextmanager
    def no_sync():
        entered.append(True)
        yield

    made, conditions = make(model, MEMORY)
    rollout_backward(
        model, made, torch.ones_like(made.latents_BCTHW), conditions, MEMORY, no_sync=no_sync
    )
    assert len(entered) == len(made.blocks) - 1


def test_wrong_inputs_are_refused() -> None:
    model = tiny_transformer()
    made, conditions = make(model, MEMORY)
    with pytest.raises(OpenRelicError, match="gradient"):
        rollout_backward(model, made, made.latents_BCTHW[:, :, 1:], conditions, MEMORY)
    with pytest.raises(OpenRelicError, match="whole number of chunks"):
        rollout(model, tiny_latents(1), conditions, latents=11, memory=MEMORY, levels_S=LEVELS)
    with pytest.raises(OpenRelicError, match="the rollout needs 53"):
        rollout(model, tiny_latents(1), conditions, latents=14, memory=MEMORY, levels_S=LEVELS)


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_tensor_lives_on_the_models_device(variant: str) -> None:
    # The meta device computes shapes only, but like a GPU it refuses to add or join CPU tensors.
    device, memory = torch.device("meta"), VARIANTS[variant]
    model = tiny_transformer().to(device)
    window = tiny_conditions(LATENTS)
    assert window.actions_BFA is not None and window.poses_BFP is not None
    conditions = Conditions(
        text_BLD=window.text_BLD.to(device),
        actions_BFA=window.actions_BFA.to(device),
        poses_BFP=window.poses_BFP.to(device),
    )
    made = rollout(
        model, tiny_latents(1).to(device), conditions,
        latents=LATENTS, memory=memory, levels_S=LEVELS,
    )  # fmt: skip
    assert made.latents_BCTHW.device == device
    rollout_backward(model, made, torch.ones_like(made.latents_BCTHW), conditions, memory)
    if memory.newest is None:
        layout = teacher_forcing(LATENTS // memory.chunk, memory.chunk)
        clean = made.latents_BCTHW
        sigma = torch.rand(2, LATENTS, device=device)
        for kernel in ("dense", "gather"):
            predict_velocity(
                model, layout.join(clean, clean), layout.join_levels(sigma), conditions,
                ForcedAttention(layout, memory, kernel),
            )  # fmt: skip
