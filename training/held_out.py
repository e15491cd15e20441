"""How well the teacher predicts windows of scenes that it never saw, beside what needs no network.

Every level of the grid is one equal share of the levels that training draws, so the mean over the
rows estimates the training loss on held-out windows. All predictors see the same noise:

- constant: one number a channel, the best one for these very windows;
- linear: one factor a channel and level on the noisy latents, and a constant, again the best;
- image: the first latent repeated, as if nothing moved.

The first two are fitted on the windows that they are scored on, which favours them.
"""

import json
from pathlib import Path
from typing import Any

import torch

from dataset.errors import OpenRelicError
from dataset.workspace import json_bytes
from training.config import Phase
from training.context import RunContext
from training.flow import add_noise, flow_loss, generated_latents, velocity
from training.rollout import predict_velocity
from training.transformer import RelicTransformer

HELD_OUT = "held_out.json"
LEVELS = 8


def write_held_out(context: RunContext, phase: Phase, weights: Path, folder: Path) -> None:
    """Score a phase's weights into `held_out.json`, unless these weights were scored already."""
    path = folder / HELD_OUT
    # Only the main process looks: one that came later would see the file and not wait.
    if context.accelerator.is_main_process and not _scored(path, weights):
        model = context.load_model(weights, phase.latents, alone=True).eval()
        record = {"weights": weights.parent.name, **score(context, model, phase)}
        part = path.with_suffix(".part")
        part.write_bytes(json_bytes(record))
        part.replace(path)
    context.accelerator.wait_for_everyone()


def _scored(path: Path, weights: Path) -> bool:
    return path.exists() and json.loads(path.read_text())["weights"] == weights.parent.name


def score(context: RunContext, model: RelicTransformer, phase: Phase) -> dict[str, Any]:
    """Mean losses by level: `levels`, `teacher`, `constant`, `linear`, `image`; and their means."""
    try:
        data = context.data("val", phase.latents)
    except OpenRelicError:
        return {"samples": 0}
    size = context.recipe.teacher.batch
    batches = min(context.recipe.teacher.held_out_batches, -(-len(data) // size))
    grid = (torch.arange(LEVELS) + 0.5) / LEVELS
    levels = context.recipe.flow.warp(grid)
    rows = [_score_level(context, model, phase, batches, float(level)) for level in levels]
    names = ("teacher", "constant", "linear", "image")
    by_name = {name: [row[name] for row in rows] for name in names}
    means = {f"mean_{name}": sum(values) / LEVELS for name, values in by_name.items()}
    shown = min(batches * size, len(data))
    return {"samples": shown, "levels": levels.tolist(), **by_name, **means}


@torch.no_grad()
def _score_level(
    context: RunContext, model: RelicTransformer, phase: Phase, batches: int, level: float
) -> dict[str, float]:
    losses, noisy_parts, clean_parts, target_parts = [], [], [], []
    data = context.data("val", phase.latents)
    size = context.recipe.teacher.batch
    for number in range(batches):
        batch = data.samples([(number * size + j) % len(data) for j in range(size)])
        clean = batch.latents.to(context.device)
        generator = context.generator("held-out", number, shared=True)
        noise = torch.randn(clean.shape, generator=generator, device=context.device)
        sigma = (level * generated_latents(clean.shape[2])).to(context.device).expand(size, -1)
        noisy = add_noise(clean, noise, sigma)
        with context.arithmetic():
            predicted = predict_velocity(model, noisy, sigma, context.conditions(batch))
        losses.append(float(flow_loss(predicted.float(), clean, noise)))
        noisy_parts.append(noisy[:, :, 1:])
        clean_parts.append(clean)
        target_parts.append(velocity(clean, noise)[:, :, 1:])
    noisy, clean, target = (torch.cat(p) for p in (noisy_parts, clean_parts, target_parts))
    still = (noisy - clean[:, :, :1]) / level
    return {
        "teacher": sum(losses) / len(losses),
        "constant": _residual(target, None),
        "linear": _residual(target, noisy),
        "image": float((still - target).square().mean()),
    }


def _residual(target: torch.Tensor, given: torch.Tensor | None) -> float:
    """Mean squared error of the best fit a channel: a constant, or a line through `given`."""
    wanted = target.transpose(0, 1).flatten(1).double()
    wanted = wanted - wanted.mean(1, keepdim=True)
    if given is None:
        return float(wanted.square().mean())
    known = given.transpose(0, 1).flatten(1).double()
    known = known - known.mean(1, keepdim=True)
    slope = (wanted * known).sum(1, keepdim=True) / known.square().sum(1, keepdim=True)
    return float((wanted - slope * known).square().mean())
