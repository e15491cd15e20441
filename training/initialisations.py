"""Compare the student's four initialisations on equal budgets, on held-out windows.

    python -m training.initialisations configs/tiny.yaml --workspace WORKSPACE

Each starts from the recipe's teacher and gets `ode.iterations` updates (`causal_ode` spends half of
them on its causal teacher) on trajectories of its own kind; runs are kept in
`runs/<name>-init-<initialisation>/` and go on where they were. Columns, lower is better but for the
last two, where 1 is right:

- noise: MSE of what one step makes of pure noise, over its own past, against the end that the
  bidirectional teacher's trajectory reaches from that very noise;
- true past: the same with the trajectory's end as past, so that nothing adds up;
- data: MSE of a whole rollout in all steps against the window's own latents;
- spread: the rollout's standard deviation over that of the teacher's ends;
- seam: the change over a chunk's border over that within chunks, in the teacher's measure.
"""

import logging
import sys
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import tyro

from dataset.errors import parse_settings, run_command
from dataset.workspace import Workspace, json_bytes

if TYPE_CHECKING:
    import torch

    from training.context import RunContext
    from training.transformer import RelicTransformer

COLUMNS = ("noise", "true past", "data", "spread", "seam")
log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What the command line gives."""

    recipe: tyro.conf.Positional[str]
    """Recipe, such as configs/tiny.yaml."""
    workspace: str
    """Local folder with `latents/`."""
    windows: int = 8
    """Held-out windows to compare on."""


def main() -> None:
    """Run the command."""
    settings = parse_settings(Settings, __doc__)
    from training.config import read_recipe
    from training.stages import open_run

    recipe = read_recipe(settings.recipe)
    context = open_run(Workspace(settings.workspace), recipe, settings.recipe)
    rows = compare(context, settings.windows)
    (context.folder / "initialisations.json").write_bytes(json_bytes(rows))
    sys.stdout.write(table(rows))


def table(rows: "dict[str, dict[str, float]]") -> str:
    """The comparison as text."""
    lines = [f"{'':18}" + "".join(f"{name:>11}" for name in COLUMNS)]
    lines += [
        f"{name:18}" + "".join(f"{row[column]:11.4f}" for column in COLUMNS)
        for name, row in rows.items()
    ]
    return "\n".join(lines) + "\n"


def compare(context: "RunContext", windows: int) -> dict[str, dict[str, float]]:
    """Train or finish each initialisation and score it."""
    from typing import get_args

    from training.config import Initialisation
    from training.ode import train_ode
    from training.teacher import train_teacher

    teachers = train_teacher(context)
    held_out = trajectories(context, teachers, windows)
    rows = {}
    for initialisation in get_args(Initialisation):
        own = variant(context, initialisation)
        own.folder.mkdir(parents=True, exist_ok=True)
        weights = train_ode(own, teachers)
        model = own.load_model(weights, own.recipe.student_yarn_length).eval()
        rows[initialisation] = score(own, model, *held_out)
    return rows


def variant(context: "RunContext", initialisation: str) -> "RunContext":
    """A run that differs in its initialisation alone, with as many updates."""
    from typing import cast

    from training.config import Initialisation
    from training.context import RunContext

    ode, recipe = context.recipe.ode, context.recipe
    half = ode.iterations // 2
    budget = (ode.iterations - half, half)
    if initialisation != "causal_ode":
        budget = (ode.iterations, ode.causal_iterations)
    own = replace(
        ode,
        initialisation=cast(Initialisation, initialisation),
        iterations=budget[0],
        causal_iterations=budget[1],
    )
    named = replace(recipe, name=f"{recipe.name}-init-{initialisation}", ode=own)
    return RunContext(named, context.workspace, context.rows, context.accelerator)


def trajectories(context: "RunContext", teachers, windows: int):
    """Starts, ends (n, C, L, h, w) and the batch of held-out windows, by the shared teacher."""
    import torch

    from training.ode import pair_latents
    from training.pairs import bidirectional_solver

    latents = pair_latents(context)
    data = context.data("val", latents)
    batch = data.samples(list(range(min(windows, len(data)))))
    longest = max(context.recipe.teacher.phases, key=lambda phase: phase.seconds)
    model = context.load_model(teachers[longest.seconds], longest.latents).eval()
    clean = batch.latents.to(context.device)
    generator = context.generator("initialisations", shared=True)
    noise = torch.randn(clean.shape, generator=generator, device=context.device)
    start = torch.cat([clean[:, :, :1], noise[:, :, 1:]], dim=2)
    with torch.no_grad():
        end = bidirectional_solver(context, model)(start, context.conditions(batch))[-1]
    return start, end, batch


def score(
    context: "RunContext", model: "RelicTransformer", start: "torch.Tensor", end: "torch.Tensor",
    batch,
) -> dict[str, float]:  # fmt: skip
    """One student on the held-out trajectories."""
    import torch

    from training.flow import generated_latents, latent_mse
    from training.rollout import rollout

    conditions = context.conditions(batch)
    recipe, latents = context.recipe, start.shape[2]
    counted = generated_latents(latents).to(start)
    with torch.no_grad():
        own = one_step(context, model, start, conditions, None)
        told = one_step(context, model, start, conditions, end)
        made = rollout(
            model, start[:, :, :1], conditions, latents=latents, memory=recipe.memory,
            levels_S=recipe.flow.levels(),
            generator=context.generator("initialisations", "rollout", shared=True),
        ).latents_BCTHW  # fmt: skip
    return {
        "noise": float(latent_mse(own, end, counted)),
        "true past": float(latent_mse(told, end, counted)),
        "data": float(latent_mse(made, batch.latents.to(made), counted)),
        "spread": float(made[:, :, 1:].std() / end[:, :, 1:].std()),
        "seam": seam(made, recipe.memory.chunk) / seam(end, recipe.memory.chunk),
    }


def one_step(
    context: "RunContext", model: "RelicTransformer", start: "torch.Tensor", conditions,
    past: "torch.Tensor | None",
) -> "torch.Tensor":  # fmt: skip
    """x0 of pure noise chunk by chunk, over what was made before, or over the given past."""
    import torch

    from training.flow import generated_latents, predict_x0
    from training.memory.cache import KVMemory
    from training.memory.reading import ChunkAttention
    from training.rollout import predict_velocity, write_context

    chunk, memory, parts = context.recipe.memory.chunk, KVMemory(context.recipe.memory), []
    for index, x in enumerate(start.split(chunk, dim=2)):
        own = conditions.of_chunk(index, chunk)
        sigma = generated_latents(chunk, index * chunk).to(start).expand(len(x), -1)
        v = predict_velocity(model, x, sigma, own, ChunkAttention(memory.view()))
        parts.append(predict_x0(x, v, sigma))
        known = parts[-1] if past is None else past[:, :, index * chunk : (index + 1) * chunk]
        write_context(model, memory, known, own)
    return torch.cat(parts, dim=2)


def seam(latents: "torch.Tensor", chunk: int) -> float:
    """Mean change over the borders of chunks, over that within them."""
    change = (latents[:, :, 2:] - latents[:, :, 1:-1]).abs().mean((0, 1, 3, 4))
    place = range(2, latents.shape[2])
    borders = [float(c) for c, i in zip(change, place, strict=True) if not i % chunk]
    within = [float(c) for c, i in zip(change, place, strict=True) if i % chunk]
    return sum(borders) / len(borders) * len(within) / sum(within)


if __name__ == "__main__":
    run_command(main)
