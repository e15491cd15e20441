"""Checkpoints that are whole or absent, and the moving average of weights.

    <stage>/step-000250/<model>/config.json, *.safetensors   diffusers' layout, `<model>_ema` too
    <stage>/step-000250/<model>_optimizer/                   AdamW's moments, in the same layout
    <stage>/step-000250/checkpoint.json the step and what the run was made with; written last
    <stage>/latest                      the folder's name

A folder gets its name when all in it is on the disk, so a killed run leaves at most a `.part`
folder that nobody reads. Reading it back and going on gives what an uninterrupted run gives, in as
many processes as one likes: everything is stored whole.
"""

import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
import torch.distributed as dist

from dataset.errors import OpenRelicError
from dataset.workspace import json_bytes
from training.parallel import own_part, whole
from training.weights import (
    CONFIG_NAME,
    INDEX_NAME,
    WEIGHTS_NAME,
    TensorFiles,
    check_fit,
    fill,
)

if TYPE_CHECKING:
    from training.transformer import RelicTransformer

LATEST = "latest"
RECORD = "checkpoint.json"
FILE_BYTES = 5 << 30
"""Weights beyond this go into further files, as diffusers does it."""
KEPT = 2


class Ema:
    """An exponential moving average of a model's parameters, on their device, split as they are."""

    def __init__(self, model: torch.nn.Module, decay: float) -> None:
        """Start at the model's weights; `decay` 0 follows them exactly."""
        self.decay = decay
        self.weights = {name: value.detach().clone() for name, value in model.named_parameters()}

    def update(self, model: torch.nn.Module) -> None:
        """Move by 1 - decay towards the model's weights."""
        for name, value in model.named_parameters():
            mine = own_part(self.weights[name])
            mine.lerp_(own_part(value.detach()).to(mine.dtype), 1 - self.decay)

    def copy_to(self, model: torch.nn.Module) -> None:
        """Write the average into a model."""
        for name, value in model.named_parameters():
            own_part(value.data).copy_(own_part(self.weights[name]))


@dataclass(kw_only=True)
class Trained:
    """What a stage trains: saved together, loaded together."""

    models: dict[str, "RelicTransformer"]
    optimizers: dict[str, torch.optim.Optimizer] = field(default_factory=dict)
    averages: dict[str, Ema] = field(default_factory=dict)
    """of models, by their names"""


def save_checkpoint(folder: Path, step: int, trained: Trained, made_with: str) -> Path:
    """Write `step-NNNNNN` below `folder` and make it the latest; `made_with` is a fingerprint.

    All processes of a run call it at once.
    """
    final = folder / f"step-{step:06d}"
    part = folder / f".{final.name}.part"
    if _main():
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
    for name, model in trained.models.items():
        save_model(part / name, dict(model.named_parameters()), model.config.to_json())
    for name, average in trained.averages.items():
        config = trained.models[name].config
        save_model(part / f"{name}_ema", average.weights, config.to_json())
    for name, optimizer in trained.optimizers.items():
        save_model(part / f"{name}_optimizer", _moments(trained.models[name], optimizer), {})
    if _main():
        (part / RECORD).write_bytes(json_bytes({"step": step, "made_with": made_with}))
        _sync_tree(part)
        shutil.rmtree(final, ignore_errors=True)
        part.rename(final)
        _write_latest(folder, final.name)
        _drop_old(folder, final.name)
    _wait()
    return final


def _main() -> bool:
    """Whether this process writes what all have the same of."""
    return not dist.is_initialized() or dist.get_rank() == 0


def _wait() -> None:
    if dist.is_initialized():
        dist.barrier()


def save_model(
    folder: Path,
    weights: Mapping[str, torch.Tensor],
    config: Mapping[str, Any],
    file_bytes: int = FILE_BYTES,
) -> None:
    """One model in diffusers' layout: `config.json` and safetensors of up to `file_bytes`.

    Sharded weights are gathered one by one, on all processes; the main one writes them.
    """
    files: list[tuple[Path, list[str]]] = []
    held: dict[str, torch.Tensor] = {}
    size = total = 0
    if _main():
        folder.mkdir(parents=True)
    for name, value in weights.items():
        tensor = whole(value)
        if not _main():
            continue
        if held and size + tensor.nbytes > file_bytes:
            files.append(_write_part(folder, len(files), held))
            held, size = {}, 0
        held[name] = tensor.cpu().contiguous()
        size, total = size + tensor.nbytes, total + tensor.nbytes
    if _main():
        files.append(_write_part(folder, len(files), held))
        _name_parts(folder, files, total)
        (folder / CONFIG_NAME).write_bytes(json_bytes(dict(config)))


def _write_part(
    folder: Path, number: int, tensors: dict[str, torch.Tensor]
) -> tuple[Path, list[str]]:
    from safetensors.torch import save_file

    path = folder / f"part-{number}"
    save_file(tensors, str(path), metadata={"format": "pt"})
    return path, list(tensors)


def _name_parts(folder: Path, files: list[tuple[Path, list[str]]], total: int) -> None:
    """Give the files diffusers' names, which hold their number, and write the index of several."""
    if len(files) == 1:
        files[0][0].rename(folder / WEIGHTS_NAME)
        return
    stem, _, ending = WEIGHTS_NAME.rpartition(".")
    places: dict[str, str] = {}
    for number, (path, names) in enumerate(files, 1):
        name = f"{stem}-{number:05d}-of-{len(files):05d}.{ending}"
        path.rename(folder / name)
        places |= dict.fromkeys(names, name)
    index = {"metadata": {"total_size": total}, "weight_map": places}
    (folder / INDEX_NAME).write_bytes(json_bytes(index))


def _moments(model: torch.nn.Module, optimizer: torch.optim.Optimizer) -> dict[str, torch.Tensor]:
    """An optimiser's tensors by parameter and name: `proj_out.bias.exp_avg`."""
    return {
        f"{name}.{key}": value
        for name, parameter in model.named_parameters()
        for key, value in optimizer.state.get(parameter, {}).items()
    }


def _load_moments(folder: Path, model: torch.nn.Module, optimizer: torch.optim.Optimizer) -> None:
    """Read what `_moments` gave; parameters that had none have none."""
    files = TensorFiles(folder)
    parameters = dict(model.named_parameters())
    optimizer.state.clear()
    for place in files.names:
        name, _, key = place.rpartition(".")
        parameter = parameters[name]
        # Moments lie as their parameter does; the count of steps is a number, on the CPU.
        like = torch.zeros(()) if key == "step" else torch.zeros_like(parameter.detach())
        optimizer.state[parameter][key] = like
    fill(_moments(model, optimizer), files.read, files.names)


def load_weights(folder: Path, model: torch.nn.Module) -> None:
    """Read `save_model`'s weights into a model; a mismatch raises `OpenRelicError`."""
    files = TensorFiles(folder)
    check_fit(folder, model, files)
    fill(dict(model.named_parameters()), files.read, files.names)


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
    step = checkpoint_step(checkpoint, made_with)
    for name, model in trained.models.items():
        load_weights(checkpoint / name, model)
    for name, average in trained.averages.items():
        files = TensorFiles(checkpoint / f"{name}_ema")
        fill(average.weights, files.read, files.names)
    for name, optimizer in trained.optimizers.items():
        _load_moments(checkpoint / f"{name}_optimizer", trained.models[name], optimizer)
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
