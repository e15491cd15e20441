"""Stage 3: distribution matching distillation (DMD) on the student's own rollouts.

The student rolls out whole windows in a few steps over its own memory. A frozen real score (the
teacher of that length, guided) and a fake score (a copy that follows the student) each predict the
clean window from the rollout with noise; where they differ, the rollout is pushed:

    gradient = (x0_fake - x0_real) / mean|x - x0_real|        the mean a sample, without latent 0

and the loss is 1/2 mean (x - stop(x - gradient))^2. Its gradient is replayed chunk by chunk
(`training.replay`). Both scores are bidirectional and uncompressed; no real video takes part. The
fake score is trained by flow matching on fresh rollouts, several times a student update. The exit
step is one for all chunks and ranks.

    runs/<name>/dmd-05s/, dmd-10s/, dmd-20s/
"""

from dataclasses import dataclass
from pathlib import Path

import torch

from training.checkpoint import Ema, Trained
from training.config import Phase
from training.context import RunContext
from training.flow import (
    add_noise,
    draw_sigmas,
    flow_loss,
    generated_latents,
    latent_mse,
    predict_x0,
)
from training.loop import Metrics, adamw, finished, optimize, run_stage
from training.pairs import guided_velocity
from training.rollout import Conditions, Rollout, predict_velocity, rollout
from training.rollout_backward import rollout_backward
from training.transformer import RelicTransformer

MODEL = "transformer"
AVERAGE = f"{MODEL}_ema"
FAKE = "fake_score"


def phase_name(phase: Phase) -> str:
    """The folder of a phase."""
    return f"dmd-{phase.seconds:02d}s"


def critic_steps(context: RunContext, phase: Phase) -> int:
    """Iterations of a phase; each trains the fake score, some train the student first."""
    config = context.recipe.dmd
    ratio = config.critic_ratio if config.counts == "generator" else 1
    return config.critic_warmup + phase.iterations * ratio


def train_dmd(context: RunContext, teachers: dict[int, Path], student: Path) -> Path:
    """Run or finish the curriculum; returns the student's averaged weights."""
    average = student
    for phase in context.recipe.dmd.phases:
        checkpoint = finished(context, "dmd", phase_name(phase), critic_steps(context, phase))
        if checkpoint is None:
            models = load_models(context, phase, teachers[phase.seconds], student)
            checkpoint = _train_phase(context, phase, models)
        student, average = checkpoint / MODEL, checkpoint / AVERAGE
    return average


@dataclass(frozen=True, kw_only=True)
class Models:
    """The three networks of a phase."""

    student: RelicTransformer
    real: RelicTransformer
    fake: RelicTransformer


def load_models(context: RunContext, phase: Phase, teacher: Path, student: Path) -> Models:
    """The student goes on; both scores start from the teacher of the phase's length."""
    real = context.load_model(teacher, phase.latents).requires_grad_(False).eval()
    return Models(
        student=context.load_model(student, context.recipe.student_yarn_length),
        real=real,
        fake=context.load_model(teacher, phase.latents),
    )


def _train_phase(context: RunContext, phase: Phase, models: Models) -> Path:
    config = context.recipe.dmd
    optimizers: dict[str, torch.optim.Optimizer] = {
        MODEL: adamw(models.student, config.generator),
        FAKE: adamw(models.fake, config.critic),
    }
    average = Ema(models.student, config.ema_decay)
    trained = Trained(
        models={MODEL: models.student, FAKE: models.fake},
        optimizers=optimizers,
        averages={MODEL: average},
    )

    def step(number: int) -> Metrics:
        metrics: Metrics = {}
        updates = number - config.critic_warmup
        if updates >= 0 and updates % config.critic_ratio == 0:
            metrics |= student_gradient(context, models, phase, number)
            metrics["student_gradient_norm"] = optimize(
                context, models.student, optimizers[MODEL], config.generator,
                updates // config.critic_ratio,
            )  # fmt: skip
            average.update(models.student)
        loss = critic_loss(context, models, phase, number)
        loss.backward()
        norm = optimize(context, models.fake, optimizers[FAKE], config.critic, number)
        return {**metrics, "critic_loss": float(loss.detach()), "critic_gradient_norm": norm}

    # Every iteration: at another interval the student's few updates could all fall between lines.
    return run_stage(
        context, "dmd", phase_name(phase), trained, critic_steps(context, phase), step, log_every=1
    )


def make_rollout(
    context: RunContext, student: RelicTransformer, phase: Phase, number: int, kind: str
) -> tuple[Rollout, Conditions, torch.Generator]:
    """A rollout of the student on training conditions; `kind` keeps its noise apart."""
    recipe = context.recipe
    latents = phase.rollout(recipe.memory.chunk)
    # Student and critic steps of an iteration see different windows.
    order = 2 * number + (kind == "critic")
    batch = context.batch("train", latents, order, recipe.dmd.batch)
    place = (phase_name(phase), kind, number)
    generator = context.generator(*place)
    levels = recipe.flow.levels()
    exit_step = torch.randint(
        len(levels), (), generator=context.generator(*place, "exit", shared=True),
        device=context.device,
    )  # fmt: skip
    conditions = context.conditions(batch)
    with context.arithmetic():
        made = rollout(
            student,
            batch.latents[:, :, :1].to(context.device),
            conditions,
            latents=latents,
            memory=recipe.memory,
            levels_S=levels,
            exit_step=int(exit_step),
            generator=generator,
        )
    return made, conditions, generator


def student_gradient(context: RunContext, models: Models, phase: Phase, number: int) -> Metrics:
    """Leave the gradient of the DMD loss in the student; returns what describes it."""
    made, conditions, generator = make_rollout(context, models.student, phase, number, "student")
    x = made.latents_BCTHW.float()
    push = score_difference(context, models, x, conditions, generator)
    counted = generated_latents(x.shape[2]).to(x)
    # d/dx of 1/2 mean (x - stop(x - push))^2 is push over the number of counted values.
    values = x[:, :, 1:].numel()
    with context.arithmetic():
        rollout_backward(models.student, made, push / values, conditions, context.recipe.memory)
    return {
        "dmd_loss": 0.5 * float(latent_mse(push, torch.zeros_like(push), counted)),
        "exit_level": float(made.blocks[-1].exit_sigma_T[-1]),
        "rollout_std": float(x[:, :, 1:].std()),
    }


@torch.no_grad()
def score_difference(
    context: RunContext,
    models: Models,
    x: torch.Tensor,
    conditions: Conditions,
    generator: torch.Generator,
) -> torch.Tensor:
    """The push on a rollout (B, C, L, h, w), normalised a sample; 0 on the image latent."""
    noise, sigma = draw_noise(context, x, generator)
    noisy = add_noise(x, noise, sigma)
    empty = context.without_text(conditions)
    with context.arithmetic():
        v_real = guided_velocity(
            models.real, noisy, sigma, conditions, empty, context.recipe.dmd.guidance
        )
        v_fake = predict_velocity(models.fake, noisy, sigma, conditions).float()
    real, fake = predict_x0(noisy, v_real, sigma), predict_x0(noisy, v_fake, sigma)
    return normalised_push(x, real, fake)


def normalised_push(x: torch.Tensor, real: torch.Tensor, fake: torch.Tensor) -> torch.Tensor:
    """(fake - real) / mean|x - real|, the mean a sample over the whole window without latent 0."""
    scale = (x - real)[:, :, 1:].abs().mean((1, 2, 3, 4), keepdim=True)
    push = (fake - real) / scale.clamp_min(torch.finfo(scale.dtype).tiny)
    return push * generated_latents(x.shape[2]).to(x)[None, None, :, None, None]


def draw_noise(
    context: RunContext, x: torch.Tensor, generator: torch.Generator
) -> tuple[torch.Tensor, torch.Tensor]:
    """Noise, and one level a window (B, L) within the recipe's bounds, 0 at the image latent."""
    config = context.recipe.dmd
    noise = torch.randn(x.shape, generator=generator, device=x.device)
    level = draw_sigmas(
        context.recipe.flow,
        (x.shape[0], 1),
        generator=generator,
        lowest=config.lowest_level,
        highest=config.highest_level,
    )
    return noise, level * generated_latents(x.shape[2]).to(x)


def critic_loss(context: RunContext, models: Models, phase: Phase, number: int) -> torch.Tensor:
    """Flow matching of the fake score on a fresh rollout."""
    made, conditions, generator = make_rollout(context, models.student, phase, number, "critic")
    clean = made.latents_BCTHW.float()
    noise, sigma = draw_noise(context, clean, generator)
    with context.arithmetic():
        predicted = predict_velocity(models.fake, add_noise(clean, noise, sigma), sigma, conditions)
    return flow_loss(predicted.float(), clean, noise)
