"""The teacher's stage: the curriculum of one recipe, and what a window draws."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from tests.training.micro import make_latents, write_recipe
from training.config import read_recipe
from training.context import RunContext
from training.stages import open_run
from training.teacher import _draw, first_weights, teacher_loss, train_teacher
from training.weights import load_config

PHASES = [{"seconds": seconds, "iterations": 2} for seconds in (5, 10, 20)]


@pytest.fixture(scope="module")
def curriculum(tmp_path_factory) -> RunContext:
    """A run over windows of 5, 10 and 20 s."""
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("curriculum")
    path = write_recipe(
        folder / "recipe.yaml", teacher__phases=PHASES, teacher__batch=1, run__checkpoint_every=1
    )
    workspace = make_latents(folder / "work", path, train=2, val=0, length=317)
    context = open_run(workspace, read_recipe(path), str(path), "teacher")
    train_teacher(context)
    return context


def test_windows_grow_and_every_length_keeps_its_teacher(curriculum) -> None:
    before: Path | None = None
    for phase, latents in zip(curriculum.recipe.teacher.phases, (21, 41, 80), strict=True):
        folder = curriculum.folder / f"teacher-{phase.seconds:02d}s"
        assert (folder / "latest").read_text() == "step-000002\n"
        config = load_config(folder / "step-000002" / "transformer_ema")
        assert config.yarn_target_length == latents == phase.latents
        losses = [json.loads(line)["loss"] for line in (folder / "metrics.jsonl").open()]
        assert len(losses) == 2 and all(0 < loss < 10 for loss in losses)
        if before is not None:
            start = first_weights(curriculum, phase, before)
            reference = curriculum.load_model(before, phase.latents, alone=True)
            for name, value in reference.state_dict().items():
                assert torch.equal(start.state_dict()[name], value)
        before = folder / "step-000002" / "transformer_ema"


def test_a_finished_curriculum_is_read_not_trained(curriculum) -> None:
    stamps = {p: p.stat().st_mtime_ns for p in curriculum.folder.rglob("*.safetensors")}
    teachers = train_teacher(curriculum)
    assert sorted(teachers) == [5, 10, 20]
    assert stamps == {p: p.stat().st_mtime_ns for p in curriculum.folder.rglob("*.safetensors")}


def test_a_windows_draws_are_its_own(curriculum) -> None:
    phase, like = curriculum.recipe.teacher.phases[0], torch.zeros(4, 21, 4, 8)
    noise, level, chance = _draw(curriculum, phase, 7, like)
    again = _draw(curriculum, phase, 7, like)
    assert torch.equal(noise, again[0]) and torch.equal(level, again[1])
    other = _draw(curriculum, phase, 8, like)
    assert not torch.equal(noise, other[0]) and not torch.equal(chance, other[2])
    draws = torch.stack([_draw(curriculum, phase, n, like[:, :1])[2] for n in range(2000)])
    for rate in (0.1, 0.5):  # three independent chances a window
        assert ((draws < rate).float().mean(0) - rate).abs().max() < 0.04
    both = ((draws[:, 0] < 0.5) & (draws[:, 1] < 0.5)).float().mean()
    assert both == pytest.approx(0.25, abs=0.04)


@pytest.mark.parametrize("kind", ["action", "pose"])
def test_what_is_always_dropped_has_no_gradient(curriculum, kind: str) -> None:
    teacher = replace(curriculum.recipe.teacher, **{f"{kind}_dropout": 1.0})
    context = replace(curriculum, recipe=replace(curriculum.recipe, teacher=teacher))
    phase = context.recipe.teacher.phases[0]
    model = context.new_model(context.recipe.teacher_model(phase.latents))
    for encoder in (model.action_encoder, model.pose_encoder):
        torch.nn.init.normal_(encoder.linear_2.weight, std=0.1)
    teacher_loss(context, model, phase, 0).backward()
    gone, there = model.action_encoder, model.pose_encoder
    if kind == "pose":
        gone, there = there, gone
    assert gone.linear_1.weight.grad is not None and not gone.linear_1.weight.grad.any()
    assert there.linear_1.weight.grad is not None and there.linear_1.weight.grad.any()
