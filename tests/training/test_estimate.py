"""What is counted without memory against what real tensors take."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from dataset.errors import OpenRelicError
from tests.training.micro import write_recipe
from training.checkpoint import Ema
from training.config import Recipe, read_recipe
from training.loop import adamw
from training.memory.cache import KVMemory
from training.memory_budget import GIB, Budget, budget_table, budgets, check_memory, graph_bytes
from training.replay import GraphMeter
from training.rollout import Conditions, predict_velocity, write_context
from training.weights import make_transformer

CONFIGS = Path(__file__).parents[2] / "configs"


@pytest.fixture(scope="module")
def recipe(tmp_path_factory) -> Recipe:
    torch.set_num_threads(1)
    return read_recipe(write_recipe(tmp_path_factory.mktemp("estimate") / "micro.yaml"))


def real_inputs(recipe: Recipe, latents: int, batch: int) -> tuple[torch.Tensor, Conditions]:
    size, rows = recipe.latents, 4 * latents - 3
    x = torch.randn(batch, size.channels, latents, size.height // 8, size.width // 8)
    conditions = Conditions(
        text_BLD=torch.randn(batch, recipe.text.length, recipe.text.dim),
        actions_BFA=torch.rand(batch, rows, 13),
        poses_BFP=torch.rand(batch, rows, 12),
    )
    return x, conditions


@pytest.mark.parametrize("recompute", [False, True])
@pytest.mark.parametrize("layers", [1, 5])
def test_the_counted_graph_is_the_real_one(recipe, recompute: bool, layers: int) -> None:
    run = replace(recipe.run, recompute=recompute)
    recipe = replace(recipe, run=run, model=replace(recipe.model, num_layers=layers))
    model = make_transformer(recipe.teacher_model(21), 0)
    model.gradient_checkpointing = recompute
    x, conditions = real_inputs(recipe, 21, 2)
    with GraphMeter(model.parameters()) as meter:
        output = predict_velocity(model, x, torch.rand(2, 21), conditions)
    assert output.requires_grad
    assert graph_bytes(recipe, 21, 2) == pytest.approx(meter.live, rel=0.02)


def test_weights_and_training_state_are_those_of_a_real_step(recipe) -> None:
    model = make_transformer(recipe.teacher_model(21), 0)
    optimizer = adamw(model, recipe.teacher.optimizer)
    average = Ema(model, 0.9)
    x, conditions = real_inputs(recipe, 21, 1)
    predict_velocity(model, x, torch.rand(1, 21), conditions).square().mean().backward()
    optimizer.step()
    held = [p.grad for p in model.parameters() if p.grad is not None]
    held += [t for state in optimizer.state.values() for t in state.values() if t.ndim]
    held += list(average.weights.values())
    budget = next(one for one in budgets(recipe, 1) if one.stage == "teacher 5 s")
    assert budget.training == sum(tensor.nbytes for tensor in held)
    assert budget.weights == sum(p.nbytes for p in model.parameters())


def test_the_memory_of_a_rollout_is_the_real_one(recipe) -> None:
    model, memory = make_transformer(recipe.student_model(), 0), KVMemory(recipe.memory)
    _, conditions = real_inputs(recipe, 20, 1)
    x, _ = real_inputs(recipe, 4, 1)
    for index in range(4):
        write_context(model, memory, x, conditions.of_chunk(index, 4))
    kept = [t for layer in memory.view().layers for pair in layer for t in pair]
    budget = next(one for one in budgets(recipe, 1) if one.stage == "DMD 5 s")
    assert budget.memory == sum(tensor.nbytes for tensor in kept)


def test_shards_and_shared_windows_divide_what_they_divide(recipe) -> None:
    run = replace(recipe.run, shard="fsdp", sequence_parallel=2)
    whole, parts = budgets(recipe, 8), budgets(replace(recipe, run=run), 8)
    for one, part in zip(whole, parts, strict=True):
        if one.stage == "ODE pairs":  # every process makes its own with a whole teacher
            assert part.total == one.total
            continue
        assert part.weights == one.weights / 8 and part.training == one.training / 8
        assert part.graph == one.graph / 2 and part.memory == one.memory / 2


@pytest.mark.slow
def test_a_table_for_a_real_size() -> None:
    big = read_recipe(CONFIGS / "wan-1.3b.yaml")
    found = budgets(big, 8)
    teacher = {one.stage: one for one in found}
    assert teacher["teacher 20 s"].graph > 3.5 * teacher["teacher 5 s"].graph
    lines = budget_table(big, 8, found).splitlines()
    assert "1.42 billion parameters" in lines[0] and len(lines) == 2 + len(found)


def test_too_little_memory_is_one_line_before_anything_is_made(recipe) -> None:
    largest: Budget = max(budgets(recipe, 1), key=lambda one: one.total)
    check_memory(recipe, 1, int(2 * largest.total))
    with pytest.raises(OpenRelicError, match=r"needs about .* set run\.recompute"):
        check_memory(recipe, 1, int(0.5 * largest.total))
    big = read_recipe(CONFIGS / "wan-14b.yaml")
    with pytest.raises(OpenRelicError, match="teacher 5 s of wan-14b needs about"):
        check_memory(big, 1, 80 * GIB, {"teacher"})
