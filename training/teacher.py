"""Stage 1: the bidirectional teacher.

Flow matching over whole windows. Latent 0 is the image: clean, level 0, in no loss. One level a
window, drawn from the warped table. A window's noise, level and dropout are drawn by its place in
the run, so an update is the same however its windows are split over processes and passes.

Windows grow through the phases of the curriculum; each phase starts from the averaged weights of
the one before, with YaRN stretched to its length, and its last checkpoint stays, because
distillation scores rollouts with the teacher of their length.

    runs/<name>/teacher-05s/, teacher-10s/, teacher-20s/
"""

import logging
from pathlib import Path

import torch

from training.checkpoint import Ema, Trained
from training.config import Phase
from training.context import RunContext
from training.flow import add_noise, draw_sigmas, flow_loss, generated_latents
from training.held_out import write_held_out
from training.loop import Metrics, adamw, finished, optimize, run_stage
from training.pretrained import find_pretrained
from training.rollout import predict_velocity
from training.transformer import RelicTransformer

MODEL = "transformer"
AVERAGE = f"{MODEL}_ema"
log = logging.getLogger(__name__)


def phase_name(phase: Phase) -> str:
    """The folder of a phase."""
    return f"teacher-{phase.seconds:02d}s"


def train_teacher(context: RunContext) -> dict[int, Path]:
    """Run or finish the curriculum; returns each phase's averaged weights by its seconds."""
    weights: dict[int, Path] = {}
    before: Path | None = None
    for phase in context.recipe.teacher.phases:
        name = phase_name(phase)
        checkpoint = finished(context, "teacher", name, phase.iterations)
        if checkpoint is None:
            checkpoint = _train_phase(context, phase, before)
        before = weights[phase.seconds] = checkpoint / AVERAGE
        write_held_out(context, phase, before, context.folder / name)
    return weights


def _train_phase(context: RunContext, phase: Phase, before: Path | None) -> Path:
    config = context.recipe.teacher
    model = first_weights(context, phase, before)
    optimizer = adamw(model, config.optimizer)
    average = Ema(model, config.ema_decay)
    trained = Trained(
        models={MODEL: model}, optimizers={MODEL: optimizer}, averages={MODEL: average}
    )

    def step(number: int) -> Metrics:
        loss = teacher_gradient(context, model, phase, number)
        norm = optimize(context, model, optimizer, config.optimizer, number)
        average.update(model)
        return {"loss": context.mean(loss), "gradient_norm": norm}

    return run_stage(context, "teacher", phase_name(phase), trained, phase.iterations, step)


def first_weights(context: RunContext, phase: Phase, before: Path | None) -> RelicTransformer:
    """Random weights, those of a pretrained model, or those of the phase before."""
    config = context.recipe.teacher_model(phase.latents)
    name = context.recipe.teacher.pretrained
    folder = before or (find_pretrained(name) if name else None)
    if folder is None:
        return context.new_model(config)
    log.info("%s starts from %s", phase_name(phase), folder)
    return context.load_model(folder, phase.latents)


def teacher_gradient(
    context: RunContext, model: RelicTransformer, phase: Phase, number: int
) -> torch.Tensor:
    """Leave the gradient of update `number` in the model; returns this process's mean loss."""
    passes = context.recipe.teacher.accumulate
    total = torch.zeros((), device=context.device)
    for place in range(passes):
        loss = teacher_loss(context, model, phase, number * passes + place) / passes
        loss.backward()
        total += loss.detach()
    return total


def teacher_loss(
    context: RunContext, model: RelicTransformer, phase: Phase, number: int
) -> torch.Tensor:
    """The flow-matching loss of batch `number` of this replica."""
    batch = context.batch("train", phase.latents, number, context.recipe.teacher.batch)
    draws = [_draw(context, phase, place, batch.latents[0]) for place in batch.positions]
    noise, level, chance = (torch.stack(part) for part in zip(*draws, strict=True))
    config = context.recipe.teacher
    conditions = context.conditions(
        batch,
        chance[:, 0] < config.text_dropout,
        without_actions=chance[:, 1] < config.action_dropout,
        without_poses=chance[:, 2] < config.pose_dropout,
    )
    clean = batch.latents.to(context.device)
    sigma = level * generated_latents(clean.shape[2]).to(context.device)
    with context.arithmetic():
        predicted = predict_velocity(model, add_noise(clean, noise, sigma), sigma, conditions)
    return flow_loss(predicted.float(), clean, noise)


def _draw(
    context: RunContext, phase: Phase, place: int, like_CTHW: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Noise (C, T, h, w), level (1,) and dropout's three numbers of the window at `place`."""
    generator = context.generator(phase_name(phase), place, shared=True)
    chance = torch.rand(3, generator=generator, device=context.device)
    level = draw_sigmas(context.recipe.flow, (1,), generator=generator)
    noise = torch.randn(like_CTHW.shape, generator=generator, device=context.device)
    return noise, level, chance
