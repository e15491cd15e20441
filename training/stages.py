"""From a recipe to a run: what must hold before the first step, and the order of the stages."""

import dataclasses
import logging

import torch
from accelerate import Accelerator
from accelerate.utils import DistributedType, set_seed

from dataset.errors import OpenRelicError
from dataset.latents.store import require_latents
from dataset.workspace import Workspace, json_bytes
from training.acceleration import accelerate_kernels
from training.config import Recipe, Stage
from training.context import RunContext, run_folder
from training.dmd import train_dmd
from training.memory_budget import STAGES, available_memory, check_memory
from training.ode import train_ode
from training.pretrained import check_pretrained
from training.teacher import train_teacher

OWN_WAYS = (DistributedType.DEEPSPEED, DistributedType.FSDP, DistributedType.MEGATRON_LM)
log = logging.getLogger(__name__)


def open_run(
    workspace: Workspace, recipe: Recipe, recipe_path: str, until: Stage = "dmd"
) -> RunContext:
    """Check all that can be known before the first step, and keep the recipe beside the output.

    That is: latents, window lengths, rotation frames, a pretrained network, how it was launched,
    and memory for the stages up to `until`.
    """
    folder = run_folder(workspace, recipe.name)
    rows = require_latents(workspace, recipe.latents, recipe_path)
    precision = "bf16" if recipe.run.precision == "bfloat16" else "no"
    # Without this accelerate takes every one of several processes without GPUs for the only one.
    cpu = not torch.accelerator.is_available()
    accelerator = Accelerator(mixed_precision=precision, cpu=cpu)
    _check_launch(accelerator)
    context = RunContext(recipe, workspace, rows, accelerator)
    context.processes.check()
    check_pretrained(recipe, context.rotation_frame)
    stages = STAGES[: STAGES.index(until) + 1]
    available = available_memory(context.device, context.processes.count)
    if available is not None:
        check_memory(recipe, context.processes.count, available, stages)
    accelerate_kernels(recipe.run, context.device, say=accelerator.is_main_process)
    set_seed(recipe.seed)
    for phase in recipe.teacher.phases:
        context.data("train", phase.latents)
    for phase in recipe.dmd.phases:
        context.data("train", phase.rollout(recipe.memory.chunk))
    if context.accelerator.is_main_process:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "recipe.json").write_bytes(json_bytes(dataclasses.asdict(recipe)))
    return context


def _check_launch(accelerator: Accelerator) -> None:
    """Refuse launchers that would split networks themselves: replay needs to know how it is done.

    A few-step student is trained by many backward passes an update, over a memory of its own.
    """
    if accelerator.distributed_type in OWN_WAYS:
        raise OpenRelicError(
            f"accelerate was told to use {accelerator.distributed_type.value}: launch without it, "
            "and set run.shard: fsdp and run.sequence_parallel in the recipe instead"
        )


def run_stages(context: RunContext, until: Stage = "dmd") -> None:
    """Run or finish the stages in their order."""
    teachers = train_teacher(context)
    if until == "teacher":
        return
    student = train_ode(context, teachers)
    if until == "dmd":
        train_dmd(context, teachers, student)
