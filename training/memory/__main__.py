"""Plan the student's memory: what any window and schedule costs, before anything is trained.

    python -m training.memory configs/wan-14b.yaml
    python -m training.memory configs/wan-14b.yaml --newest 62 --seconds 60 --float8 --out plan.png
    python -m training.memory configs/wan-14b.yaml --tflops 400 --gb-per-s 2500 --gpus 4

Prints tokens, bytes and predicted time a chunk beside a memory that keeps everything whole, and
whether the session stays within the tokens of the base model's own 5 s window. Without `--tflops`
and `--gb-per-s` this machine's are measured.
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
    window: int | None = None
    """Latents that stay whole, the current chunk counted (the recipe's)."""
    chunk: int | None = None
    """Latents a chunk (the recipe's)."""
    schedule: str = ""
    """Pooling factors a side, such as 1,4,2,4 (the recipe's)."""
    newest: int | None = None
    """Bounded mode: latent 0 and this many newest ones stay (the recipe's)."""
    seconds: float = 20.0
    """Length of the session."""
    float8: bool = False
    """Keep keys and values as E4M3."""
    tflops: float | None = None
    """Sustained arithmetic of one GPU, 10^12 operations a second; measured here if not given."""
    gb_per_s: float | None = None
    """Sustained memory bandwidth of one GPU, 10^9 bytes a second; measured here if not given."""
    gpus: int = 1
    """GPUs that share a chunk evenly."""
    out: str = ""
    """Picture of the plan to write (.png, .svg, .pdf)."""


def main() -> None:
    """Run the command."""
    settings = parse_settings(Settings, __doc__)
    if settings.seconds <= 0 or settings.gpus < 1:
        raise OpenRelicError(
            f"--seconds {settings.seconds:g} --gpus {settings.gpus}: both must be above 0"
        )
    from training.config import read_recipe
    from training.memory.planner import budget_tokens, draw_plan
    from training.streaming.player import token_grid

    recipe = read_recipe(settings.recipe)
    memory = asked_memory(settings, recipe.memory)
    plans = _plans(settings, recipe, memory)
    rows, cols = token_grid(recipe)
    budget = budget_tokens(rows, cols)
    sys.stdout.write(_table(plans, budget, rows, cols))
    if settings.out:
        draw_plan(plans, budget).savefig(settings.out, dpi=150)


def asked_memory(settings: Settings, memory):
    """The recipe's memory with what the command line changes."""
    changes: dict[str, object] = {
        name: value
        for name in ("window", "chunk", "newest")
        if (value := getattr(settings, name)) is not None
    }
    if settings.schedule:
        try:
            changes["schedule"] = tuple(int(part) for part in settings.schedule.split(","))
        except ValueError:
            raise OpenRelicError(
                f"--schedule {settings.schedule!r}: give whole numbers from 1 on, such as 1,4,2,4"
            ) from None
    return replace(memory, **changes)


def _plans(settings: Settings, recipe, memory):
    """The memory asked for, and one that keeps everything whole."""
    import torch

    from training.memory.planner import Machine, Shape, plan
    from training.memory.probe import machine_figures
    from training.streaming.player import token_grid
    from training.transformer import RelicTransformer

    model = recipe.student_model()
    with torch.device("meta"):
        parameters = sum(p.numel() for p in RelicTransformer(model).parameters())
    rows, cols = token_grid(recipe)
    wide = recipe.run.precision == "float32"
    flops, bandwidth = machine_figures(wide, settings.tflops, settings.gb_per_s)
    machine = Machine(flops_per_s=flops * settings.gpus, bytes_per_s=bandwidth * settings.gpus)
    shape = Shape(
        rows=rows, cols=cols, text_tokens=recipe.text.length,
        steps=len(recipe.flow.student_grid), bytes_per_value=4 if wide else 2,
        float8=settings.float8,
    )  # fmt: skip
    latents = max(1, round(settings.seconds * 16 + 3) // (4 * memory.chunk)) * memory.chunk
    whole = replace(memory, schedule=(1,), newest=None, older="pool")
    named = {_name(memory): memory, "everything whole": whole}
    return {
        name: plan(one, model, shape, latents, machine, parameters) for name, one in named.items()
    }


def _name(memory) -> str:
    bound = "" if memory.newest is None else f", newest {memory.newest}"
    return f"window {memory.window}, chunk {memory.chunk}{bound}"


def _table(plans, budget: int, rows: int, cols: int) -> str:
    """One line a chunk, at most twenty."""
    (name, costs), (_, whole) = plans.items()
    lines = [
        f"{name}; {rows}x{cols} tokens a latent; budget of 5 s: {budget:,} tokens",
        f"{'session':>9} {'latents':>8} {'tokens':>9} {'of budget':>10} {'memory':>10} "
        f"{'arithmetic':>12} {'time':>9} {'whole: tokens':>14} {'time':>9}",
    ]
    every = -(-len(costs) // 20)
    for cost, other in list(zip(costs, whole, strict=True))[every - 1 :: every]:
        lines.append(
            f"{cost.session_s:7.2f} s {cost.end:8} {cost.tokens:9,} {cost.tokens / budget:9.1%} "
            f"{cost.memory_bytes / 1e9:7.3f} GB {cost.flops / 1e12:8.3f} Tflop "
            f"{cost.seconds:7.3f} s {other.tokens:14,} {other.seconds:7.3f} s"
        )
    most = max(cost.tokens for cost in costs)
    verdict = "within" if most <= budget else "over"
    lines.append(f"at most {most:,} tokens: {verdict} the budget of {budget:,}")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    run_command(main)
