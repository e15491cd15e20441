"""Stage 2: the student learns to jump along the teacher's trajectories with causal attention.

Of a trajectory the student sees, per chunk, the state at one of its few levels, drawn per chunk,
and is taught the trajectory's end: MSE of its x0. Clean context is the trajectory's end too, never
dataset latents. The number of chunks is drawn per sample, so that early chunks train as well.

Initialisations (`ode.initialisation`): `hybrid`, the paper's; `teacher_forcing`;
`diffusion_forcing`; `causal_ode`, whose trajectories come from a causal network (the student's,
trained by teacher forcing on dataset latents first) and which then learns them by teacher forcing.

    runs/<name>/ode/, and ode-causal/ for causal_ode
"""

from collections.abc import Callable
from pathlib import Path

import torch

from training.checkpoint import Trained
from training.config import OptimizerConfig
from training.context import RunContext
from training.flow import (
    add_noise,
    draw_sigmas,
    generated_latents,
    latent_mse,
    predict_x0,
    velocity,
)
from training.loop import Metrics, adamw, finished, optimize, run_stage
from training.masks import (
    ForcedAttention,
    ForcingLayout,
    diffusion_forcing,
    hybrid_forcing,
    teacher_forcing,
)
from training.pairs import PairStore, Solver, bidirectional_solver, causal_solver
from training.rollout import Conditions, predict_velocity
from training.transformer import RelicTransformer

MODEL = "transformer"
NAME = "ode"
CAUSAL_NAME = "ode-causal"


def train_ode(context: RunContext, teachers: dict[int, Path]) -> Path:
    """Run or finish the stage; returns the student's weights."""
    config = context.recipe.ode
    done = finished(context, "ode", NAME, config.iterations)
    if done is not None:
        return done / MODEL
    longest = teachers[max(teachers)]
    store = PairStore(context, pair_latents(context))
    start = longest
    if config.initialisation == "causal_ode":
        start = train_causal(context, longest)
        store.complete(lambda: _causal(context, start))
    else:
        store.complete(lambda: _bidirectional(context, longest))
    model = context.load_model(start, context.recipe.student_yarn_length)

    def loss_of(number: int) -> torch.Tensor:
        return ode_loss(context, model, store, number)

    return _train(context, NAME, model, config.optimizer, config.iterations, loss_of)


def pair_latents(context: RunContext) -> int:
    """Latents of a trajectory: the student's rollout in the shortest window."""
    phase = min(context.recipe.dmd.phases, key=lambda phase: phase.seconds)
    return phase.rollout(context.recipe.memory.chunk)


def _bidirectional(context: RunContext, weights: Path) -> Solver:
    longest = max(context.recipe.teacher.phases, key=lambda phase: phase.seconds)
    return bidirectional_solver(
        context, context.load_model(weights, longest.latents, alone=True).eval()
    )


def _causal(context: RunContext, weights: Path) -> Solver:
    model = context.load_model(weights, context.recipe.student_yarn_length, alone=True)
    return causal_solver(context, model.eval())


def _train(
    context: RunContext,
    name: str,
    model: RelicTransformer,
    optimizer_config: OptimizerConfig,
    iterations: int,
    loss_of: Callable[[int], torch.Tensor],
) -> Path:
    """Run a stage whose `loss_of(number)` leaves its gradients in the model."""
    optimizer = adamw(model, optimizer_config)
    trained = Trained(models={MODEL: model}, optimizers={MODEL: optimizer})

    def step(number: int) -> Metrics:
        loss = loss_of(number)
        norm = optimize(context, model, optimizer, optimizer_config, number)
        return {"loss": float(loss), "gradient_norm": norm}

    return run_stage(context, "ode", name, trained, iterations, step) / MODEL


def ode_loss(
    context: RunContext, model: RelicTransformer, store: PairStore, number: int
) -> torch.Tensor:
    """The mean loss of a batch, whose gradients are left in the model.

    Samples run one by one: each has a number of chunks, and so a mask, of its own.
    """
    size = context.recipe.ode.batch
    mine = context.processes
    first = (number * mine.replicas + mine.replica) * size
    pairs = store.take([first + j for j in range(size)])
    whole = context.conditions(pairs.batch)
    generator = context.generator(NAME, number)
    total = torch.zeros((), device=context.device)
    for place in range(size):
        conditions = one_of(whole, place)
        loss = sample_loss(context, model, pairs.states[place], conditions, generator) / size
        loss.backward()
        total += loss.detach()
    return total


def one_of(conditions: Conditions, place: int) -> Conditions:
    """One sample of a batch's conditions, as a batch of one."""
    actions, poses = conditions.actions_BFA, conditions.poses_BFP
    return Conditions(
        text_BLD=conditions.text_BLD[place : place + 1],
        actions_BFA=None if actions is None else actions[place : place + 1],
        poses_BFP=None if poses is None else poses[place : place + 1],
    )


def draw_layout(context: RunContext, most_chunks: int, generator: torch.Generator) -> ForcingLayout:
    """The chunks of one sample: how many, and which are clean."""
    config, chunk = context.recipe.ode, context.recipe.memory.chunk
    drawn = torch.randint(most_chunks, (), generator=generator, device=context.device)
    chunks = int(drawn) + 1
    if config.initialisation == "hybrid":
        return hybrid_forcing(chunks, min(config.noisy_blocks, chunks), chunk)
    if config.initialisation == "diffusion_forcing":
        return diffusion_forcing(chunks, chunk)
    return teacher_forcing(chunks, chunk)


def sample_loss(
    context: RunContext,
    model: RelicTransformer,
    states: torch.Tensor,
    conditions: Conditions,
    generator: torch.Generator,
) -> torch.Tensor:
    """MSE of x0 against the trajectory's end over the noisy chunks.

    `states` (S + 1, C, L, h, w) is one trajectory.
    """
    chunk = context.recipe.memory.chunk
    layout = draw_layout(context, states.shape[2] // chunk, generator)
    levels = context.recipe.flow.levels().to(states)
    drawn = torch.randint(
        len(levels), (layout.end // chunk,), generator=generator, device=context.device
    )
    drawn_T = drawn.repeat_interleave(chunk)
    sigma = (levels[drawn_T] * generated_latents(layout.end).to(states))[None]
    end = states[-1:, :, : layout.end]
    noisy = torch.stack([states[level, :, i] for i, level in enumerate(drawn_T.tolist())], dim=1)
    noisy = noisy[None]
    v = forced_velocity(context, model, layout, end, noisy, sigma, conditions)
    span = slice(layout.first_noisy, layout.end)
    x0 = predict_x0(noisy[:, :, span], v, sigma[:, span])
    counted = generated_latents(layout.end)[span].to(states)
    return latent_mse(x0, end[:, :, span], counted)


def forced_velocity(
    context: RunContext,
    model: RelicTransformer,
    layout: ForcingLayout,
    clean: torch.Tensor,
    noisy: torch.Tensor,
    sigma: torch.Tensor,
    conditions: Conditions,
) -> torch.Tensor:
    """The velocity of the layout's noisy latents after its clean ones."""
    attention = ForcedAttention(layout, context.recipe.memory, "gather")
    with context.arithmetic():
        output = predict_velocity(
            model, layout.join(clean, noisy), layout.join_levels(sigma), conditions, attention
        )
    return layout.noisy_part(output).float()


def train_causal(context: RunContext, teacher: Path) -> Path:
    """The causal network of `causal_ode`: flow matching by teacher forcing on dataset latents."""
    config = context.recipe.ode
    done = finished(context, "ode", CAUSAL_NAME, config.causal_iterations)
    if done is not None:
        return done / MODEL
    model = context.load_model(teacher, context.recipe.student_yarn_length)

    def loss_of(number: int) -> torch.Tensor:
        loss = causal_loss(context, model, number)
        loss.backward()
        return loss.detach()

    return _train(context, CAUSAL_NAME, model, config.optimizer, config.causal_iterations, loss_of)


def causal_loss(context: RunContext, model: RelicTransformer, number: int) -> torch.Tensor:
    """Flow matching of every chunk after the clean chunks before it, a level a chunk."""
    size, chunk = context.recipe.ode.batch, context.recipe.memory.chunk
    latents = pair_latents(context)
    batch = context.batch("train", latents, number, size)
    generator = context.generator(CAUSAL_NAME, number)
    drop = torch.rand(size, generator=generator, device=context.device)
    conditions = context.conditions(batch, drop < context.recipe.teacher.text_dropout)
    clean = batch.latents.to(context.device)
    noise = torch.randn(clean.shape, generator=generator, device=context.device)
    level = draw_sigmas(context.recipe.flow, (size, latents // chunk), generator=generator)
    generated = generated_latents(latents).to(context.device)
    sigma = level.repeat_interleave(chunk, dim=1) * generated
    layout = teacher_forcing(latents // chunk, chunk)
    noisy = add_noise(clean, noise, sigma)
    v = forced_velocity(context, model, layout, clean, noisy, sigma, conditions)
    return latent_mse(v, velocity(clean, noise), generated)
