"""Checkpoints that are whole or absent, and the moving average of weights.

    <stage>/step-000250/<model>/config.json, diffusion_pytorch_model.safetensors   diffusers' layout
    <stage>/step-000250/state.pt        optimisers, random state
    <stage>/step-000250/checkpoint.json the step and what the run was made with; written last
    <stage>/latest                      the folder's name

A folder gets its name when all in it is on the disk, so a killed run leaves at most a `.part`
folder that nobody reads. Reading it back and going on gives what an uninterrupted run gives.
"""

import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dataset.errors import OpenRelicError
from dataset.workspace import json_bytes
from training.weights import CONFIG_NAME, WEIGHTS_NAME

if TYPE_CHECKING:
    from torch import Tensor, nn, optim

    from training.transformer import RelicTransformer

LATEST = "latest"
RECORD = "checkpoint.json"
STATE = "state.pt"
KEPT = 2


class Ema:
    """An exponential moving average of a model's parameters, on their device."""

    def __init__(self, model: "nn.Module", decay: float) -> None:
        """Start at the model's weights; `decay` 0 follows them exactly."""
        self.decay = decay
        self.weights = {name: value.detach().clone() for name, value in model.named_parameters()}

    def update(self, model: "nn.Module") -> None:
        """Move by 1 - decay towards the model's weights."""
        for name, value in model.named_parameters():
            self.weights[name].lerp_(value.detach().to(self.weights[name].dtype), 1 - self.decay)

    def copy_to(self, model: "nn.Module") -> None:
        """Write the average into a model."""
        for name, value in model.named_parameters():
            value.data.copy_(self.weights[name])


@dataclass(kw_only=True)
class Trained:
    """What a stage trains: saved together, loaded together."""

    models: dict[str, "RelicTransformer"]
    optimizers: dict[str, "optim.Optimizer"] = field(default_factory=dict)
    averages: dict[str, Ema] = field(default_factory=dict)
    """of models, by their names"""


def save_checkpoint(folder: Path, step: int, trained: Trained, made_with: str) -> Path:
    """Write `step-NNNNNN` below `folder` and make it the latest; `made_with` is a fingerprint."""
    import torch

    final = folder / f"step-{step:06d}"
    part = folder / f".{final.name}.part"
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    for name, model in trained.models.items():
        save_model(part / name, dict(model.named_parameters()), model.config.to_json())
    for name, average in trained.averages.items():
        config = trained.models[name].config
        save_model(part / f"{name}_ema", average.weights, config.to_json())
    state = {
        "optimizers": {name: one.state_dict() for name, one in trained.optimizers.items()},
        "random": torch.get_rng_state(),
    }
    torch.save(state, part / STATE)
    (part / RECORD).write_bytes(json_bytes({"step": step, "made_with": made_with}))
    _sync_tree(part)
    shutil.rmtree(final, ignore_errors=True)
    part.rename(final)
    _write_latest(folder, final.name)
    _drop_old(folder, final.name)
    return final


def save_model(folder: Path, weights: Mapping[str, "Tensor"], config: Mapping[str, Any]) -> None:
    """One model in diffusers' layout: `config.json` and safetensors."""
    from safetensors.torch import save_file

    folder.mkdir(parents=True)
    detached = {name: value.detach().cpu().contiguous() for name, value in weights.items()}
    save_file(detached, str(folder / WEIGHTS_NAME), metadata={"format": "pt"})
    (folder / CONFIG_NAME).write_bytes(json_bytes(dict(config)))


def load_weights(folder: Path, model: "nn.Module") -> None:
    """Read `save_model`'s weights into a model; a mismatch raises `OpenRelicError`."""
    from safetensors.torch import load_file

    path = folder / WEIGHTS_NAME
    try:
        missing, unexpected = model.load_state_dict(load_file(str(path)), strict=False)
    except (OSError, RuntimeError) as error:
        raise OpenRelicError(f"{path} does not fit this configuration: {error}") from error
    # Buffers (frequency tables) are computed, never stored.
    parameters = dict(model.named_parameters())
    wrong = [*(name for name in missing if name in parameters), *unexpected]
    if wrong:
        raise OpenRelicError(f"{path} lacks or has in excess: {', '.join(wrong[:5])}")


def latest_checkpoint(folder: Path) -> Path | None:
    """The newest whole checkpoint below `folder`, or None."""
    pointer = folder / LATEST
    if not pointer.exists():
        return None
    checkpoint = folder / pointer.read_text().strip()
    return checkpoint if (checkpoint / RECORD).exists() else None


def checkpoint_step(checkpoint: Path, made_with: str) -> int:
    """The step a checkpoint was written after; one of another configuration raises."""
    record = json.loads((checkpoint / RECORD).read_text())
    if record["made_with"] != made_with:
        raise OpenRelicError(
            f"{checkpoint} was made with another configuration or other latents: give the run "
            f"another `name` in the config, or delete {checkpoint.parent.parent}"
        )
    return int(record["step"])


def load_checkpoint(checkpoint: Path, trained: Trained, made_with: str) -> int:
    """Restore everything that `save_checkpoint` wrote; returns the step it was written after."""
    import torch
    from safetensors.torch import load_file

    step = checkpoint_step(checkpoint, made_with)
    for name, model in trained.models.items():
        load_weights(checkpoint / name, model)
    for name, average in trained.averages.items():
        for key, value in load_file(str(checkpoint / f"{name}_ema" / WEIGHTS_NAME)).items():
            average.weights[key].copy_(value)
    state = torch.load(checkpoint / STATE, weights_only=True)
    for name, optimizer in trained.optimizers.items():
        optimizer.load_state_dict(state["optimizers"][name])
    torch.set_rng_state(state["random"])
    return step


def _write_latest(folder: Path, name: str) -> None:
    temporary = folder / f".{LATEST}.part"
    temporary.write_text(name + "\n")
    _sync(temporary)
    temporary.replace(folder / LATEST)
    _sync(folder)


def _drop_old(folder: Path, newest: str) -> None:
    """Keep the newest checkpoints; a leftover `.part` of a killed run goes too."""
    steps = sorted(path for path in folder.glob("step-*") if path.name <= newest)
    for path in [*steps[:-KEPT], *folder.glob(".step-*.part")]:
        shutil.rmtree(path, ignore_errors=True)


def _sync_tree(folder: Path) -> None:
    for path in [*folder.rglob("*"), folder]:
        _sync(path)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
