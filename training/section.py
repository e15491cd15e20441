"""The report's section on training: each stage's curves as they were logged.

No smoothing, and nothing is left out: what the curves show is what was measured.
"""

import json
from pathlib import Path
from typing import Any

import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from dataset.sections import figure_html, table_html, write_section
from training.context import RunContext
from training.dmd import phase_name as dmd_name
from training.held_out import HELD_OUT
from training.loop import METRICS, read_metrics
from training.ode import CAUSAL_NAME, NAME
from training.teacher import phase_name as teacher_name
from training.transformer import RelicTransformer

DMD_CURVES = {
    "dmd_loss": "student: DMD loss",
    "critic_loss": "fake score: flow-matching loss on rollouts",
    "rollout_std": "standard deviation of the rollouts (latents have 1)",
}


def write_training_section(context: RunContext) -> None:
    """Write `report/training.html` from what the run logged."""
    body = _facts(context) + _teacher(context) + _ode(context) + _dmd(context)
    write_section(context.workspace, "training", "Training: teacher, then student", body)


def _facts(context: RunContext) -> str:
    recipe = context.recipe
    with torch.device("meta"):
        model = RelicTransformer(recipe.student_model())
    parameters = sum(p.numel() for p in model.parameters())
    windows = ", ".join(str(phase.seconds) for phase in recipe.teacher.phases)
    return (
        f"<p>Recipe {recipe.name}: {parameters / 1e6:.2f} M parameters, windows of {windows} s, "
        f"student initialised by {recipe.ode.initialisation}, chunks of {recipe.memory.chunk} "
        f"latents, memory window {recipe.memory.window}. Curves are the logged numbers.</p>\n"
    )


def _curves(folder: Path, curves: dict[str, str], caption: str) -> str:
    lines = read_metrics(folder / METRICS)
    shown = {key: label for key, label in curves.items() if any(key in line for line in lines)}
    if not shown:
        return ""
    figure = Figure(figsize=(4.2 * len(shown), 2.8), layout="constrained")
    axes = figure.subplots(1, len(shown), squeeze=False)[0]
    for axis, (key, label) in zip(axes, shown.items(), strict=True):
        _curve(axis, [line for line in lines if key in line], key, label)
    minutes = sum(_durations(lines)) / 60
    return figure_html(figure, f"{caption}; {minutes:.1f} minutes")


def _curve(axis: Axes, lines: list[dict[str, Any]], key: str, label: str) -> None:
    axis.plot([line["step"] for line in lines], [line[key] for line in lines], linewidth=1)
    axis.set_xlabel("iteration")
    axis.set_title(label, fontsize=9)
    axis.grid(alpha=0.3)


def _durations(lines: list[dict[str, Any]]) -> list[float]:
    """Seconds of each process that worked on a stage; its clock starts again after a resume."""
    ends = [
        line["seconds"]
        for line, following in zip(lines, [*lines[1:], {"seconds": -1.0}], strict=True)
        if following["seconds"] < line["seconds"]
    ]
    return ends


def _teacher(context: RunContext) -> str:
    parts = ["<h3>Teacher</h3>\n"]
    for phase in context.recipe.teacher.phases:
        folder = context.folder / teacher_name(phase)
        curves = {"loss": "flow-matching loss, training", "gradient_norm": "gradient norm"}
        parts.append(_curves(folder, curves, f"Teacher, {phase.seconds} s windows"))
        if (folder / HELD_OUT).exists():
            parts.append(held_out_html(json.loads((folder / HELD_OUT).read_text())))
    return "".join(parts)


def held_out_html(record: dict[str, Any]) -> str:
    """The teacher's losses on held-out windows beside those of predictors without a network."""
    if not record["samples"]:
        return "<p>No held-out windows: the workspace has no val split of this length.</p>\n"
    names = ("teacher", "constant", "linear", "image")
    header = ["noise level", "teacher", "best constant", "best linear", "image repeated"]
    rows: list[list[object]] = [
        [f"{level:.3f}", *(f"{record[name][i]:.4f}" for name in names)]
        for i, level in enumerate(record["levels"])
    ]
    rows.append(["mean", *(f"{record[f'mean_{name}']:.4f}" for name in names)])
    return (
        f"<p>Mean squared error of the velocity on {record['samples']} held-out windows, the same "
        "noise for all. Constant and linear have one number (and one factor on the noisy latents) "
        "a channel, fitted on these very windows; the last column repeats the first latent.</p>\n"
        + table_html(header, rows)
    )


def _ode(context: RunContext) -> str:
    config = context.recipe.ode
    curves = {"loss": "MSE of x0 against the trajectory's end", "gradient_norm": "gradient norm"}
    causal = {"loss": "flow-matching loss of the causal teacher"}
    return (
        "<h3>Student: ODE initialisation</h3>\n"
        + _curves(context.folder / CAUSAL_NAME, causal, "Causal teacher")
        + _curves(
            context.folder / NAME,
            curves,
            f"{config.initialisation}, {config.pairs} trajectories of {config.euler_steps} Euler "
            f"steps, guidance {config.guidance:g}",
        )
    )


def _dmd(context: RunContext) -> str:
    parts = ["<h3>Student: distribution matching on its own rollouts</h3>\n"]
    for phase in context.recipe.dmd.phases:
        folder = context.folder / dmd_name(phase)
        parts.append(_curves(folder, DMD_CURVES, f"DMD, {phase.seconds} s rollouts"))
    return "".join(parts)
