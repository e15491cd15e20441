"""From a recipe to a run: what must hold before the first step, and the order of the stages."""

import dataclasses
from typing import Literal

from accelerate import Accelerator
from accelerate.utils import set_seed

from dataset.latents.store import require_latents
from dataset.workspace import Workspace, json_bytes
from training.config import Recipe
from training.context import RunContext, run_folder
from training.dmd import train_dmd
from training.ode import train_ode
from training.teacher import train_teacher


def open_run(workspace: Workspace, recipe: Recipe, recipe_path: str) -> RunContext:
    """Check latents, window lengths and the run's folder, and keep the recipe beside the output."""
    folder = run_folder(workspace, recipe.name)
    rows = require_latents(workspace, recipe.latents, recipe_path)
    precision = "bf16" if recipe.run.precision == "bfloat16" else "no"
    context = RunContext(recipe, workspace, rows, Accelerator(mixed_precision=precision))
    set_seed(recipe.seed)
    for phase in recipe.teacher.phases:
        context.data("train", phase.latents)
    for phase in recipe.dmd.phases:
        context.data("train", phase.rollout(recipe.memory.chunk))
    if context.accelerator.is_main_process:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "recipe.json").write_bytes(json_bytes(dataclasses.asdict(recipe)))
    return context


def run_stages(context: RunContext, until: Literal["teacher", "ode", "dmd"] = "dmd") -> None:
    """Run or finish the stages in their order."""
    teachers = train_teacher(context)
    if until == "teacher":
        return
    student = train_ode(context, teachers)
    if until == "dmd":
        train_dmd(context, teachers, student)
