"""What memory a recipe needs, stage by stage, before anything is downloaded or rented.

    python -m training.estimate configs/wan-14b.yaml
    python -m training.estimate configs/wan-14b.yaml --gpus 8 16 32 --sequence-parallel 4

Prints GiB a GPU for each number of GPUs. Counted on the meta device: networks of the recipe's full
size run forward there without memory or arithmetic, and what autograd would keep is added up. What
is counted and what is left out: `training/memory_budget.py`.
"""

import sys
from dataclasses import dataclass, replace

import tyro

from dataset.errors import OpenRelicError, parse_settings, run_command


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What the command line gives."""

    recipe: tyro.conf.Positional[str]
    """Recipe, such as configs/wan-14b.yaml."""
    gpus: tuple[int, ...] = (1, 8, 32)
    """Numbers of GPUs."""
    sequence_parallel: int | None = None
    """GPUs that share a window (the recipe's)."""
    shard: bool | None = None
    """Split weights over the GPUs with FSDP2 (the recipe's)."""
    recompute: bool | None = None
    """Run blocks again in backward passes (the recipe's)."""


def main() -> None:
    """Run the command."""
    settings = parse_settings(Settings, __doc__)
    if not settings.gpus or min(settings.gpus) < 1:
        raise OpenRelicError(f"--gpus {' '.join(map(str, settings.gpus))}: allowed are 1 and more")
    from training.config import read_recipe, sequence_problems
    from training.memory_budget import budget_table, budgets

    recipe = read_recipe(settings.recipe)
    run = recipe.run
    if settings.sequence_parallel is not None:
        run = replace(run, sequence_parallel=settings.sequence_parallel)
    if settings.shard is not None:
        run = replace(run, shard="fsdp" if settings.shard else "none")
    if settings.recompute is not None:
        run = replace(run, recompute=settings.recompute)
    recipe = replace(recipe, run=run)
    for problem in sequence_problems(recipe):
        raise OpenRelicError(f"{settings.recipe}: {problem}")
    for count in settings.gpus:
        sys.stdout.write(budget_table(recipe, count, budgets(recipe, count)) + "\n")


if __name__ == "__main__":
    run_command(main)
