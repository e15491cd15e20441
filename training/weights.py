"""Transformer folders in diffusers' layout: `config.json` and safetensors, sharded or not.

A plain Wan-2.1 text-to-video `transformer/` folder loads too: it lacks only RELIC's encoders, which
then keep their zero effect. `training.checkpoint` writes such folders.

A network is made without memory for its weights, and filled tensor by tensor: a process of a
sharded run never holds more than its own part and one tensor.

Public: `load_transformer`, `make_transformer`, `fill`, `check_fit`, `TensorFiles`.
"""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from dataset.errors import OpenRelicError
from training.conditions import ConditionEncoder
from training.parallel import own_part
from training.transformer import RelicTransformer, TransformerConfig

CONFIG_NAME = "config.json"
WEIGHTS_NAME = "diffusion_pytorch_model.safetensors"
INDEX_NAME = f"{WEIGHTS_NAME}.index.json"
ADDITIONS = ("action_encoder.", "pose_encoder.")
"""Parameters that a plain Wan folder lacks."""

Place = Callable[[RelicTransformer], None]
"""What is done to a network before it has memory for its weights, such as sharding it."""


class TensorFiles:
    """The tensors of a folder, read one at a time, by its index where they are in several files."""

    def __init__(self, folder: Path) -> None:
        """Look where every tensor is; a file that is missing or damaged raises."""
        from safetensors import SafetensorError, safe_open

        index = folder / INDEX_NAME
        names = [WEIGHTS_NAME]
        if index.is_file():
            names = sorted(set(json.loads(index.read_text())["weight_map"].values()))
        self._files: dict[str, Any] = {}
        for name in names:
            if not (folder / name).is_file():
                raise OpenRelicError(f"{folder} lacks {name}: copy the folder again")
            try:
                opened = safe_open(str(folder / name), "pt")
            except SafetensorError as error:
                raise OpenRelicError(
                    f"{folder / name} is damaged ({error}): copy the folder again"
                ) from error
            self._files |= dict.fromkeys(opened.keys(), opened)

    @property
    def names(self) -> set[str]:
        """Names of all tensors."""
        return set(self._files)

    def shape(self, name: str) -> tuple[int, ...]:
        """A tensor's shape, without reading it."""
        return tuple(self._files[name].get_slice(name).get_shape())

    def read(self, name: str) -> torch.Tensor:
        """A tensor, on the CPU."""
        return self._files[name].get_tensor(name)


def load_config(folder: Path) -> TransformerConfig:
    """The network that a folder says it holds."""
    path = folder / CONFIG_NAME
    if not path.is_file():
        raise OpenRelicError(f"{folder} holds no {CONFIG_NAME}: a transformer folder does")
    return TransformerConfig.from_json(json.loads(path.read_text()))


def load_transformer(
    folder: Path,
    *,
    place: Place | None = None,
    device: torch.device | str = "cpu",
    dtype: torch.dtype = torch.float32,
    **overrides: Any,
) -> RelicTransformer:
    """Load a folder; `overrides` replace config fields (say, `yarn_target_length`)."""
    stored = load_config(folder)
    config = replace(stored, **overrides)
    if stored.rotation_frame not in (None, config.rotation_frame):
        raise OpenRelicError(
            f"{folder} was trained on actions in the rotation frame {stored.rotation_frame!r}, the "
            f"workspace's labels are in {config.rotation_frame!r}: label it again, or take a "
            "network that fits"
        )
    with torch.device("meta"):
        model = RelicTransformer(config)
    if place is not None:
        place(model)
    files = TensorFiles(folder)
    check_fit(folder, model, files)
    model.to(dtype).to_empty(device=device)
    missing = [name for name, _ in model.named_parameters() if name not in files.names]
    fill(dict(model.named_parameters()), files.read, files.names)
    if missing:
        fill(dict(model.named_parameters()), _additions(config).__getitem__, set(missing))
    return model


def check_fit(folder: Path, model: nn.Module, files: TensorFiles) -> None:
    """Raise `OpenRelicError` unless the folder has the network's parameters, additions apart."""
    wanted = {name: tuple(value.shape) for name, value in model.named_parameters()}
    missing = sorted(n for n in wanted.keys() - files.names if not n.startswith(ADDITIONS))
    extra = sorted(files.names - wanted.keys())
    if missing or extra:
        raise OpenRelicError(
            f"{folder} does not fit its {CONFIG_NAME}: lacks {missing[:3]}, has extra {extra[:3]}"
        )
    for name in sorted(files.names):
        if files.shape(name) != wanted[name]:
            raise OpenRelicError(
                f"{folder} does not fit its {CONFIG_NAME}: {name} is {files.shape(name)}, it "
                f"should be {wanted[name]}"
            )


@torch.no_grad()
def fill(
    weights: dict[str, torch.Tensor], read: Callable[[str], torch.Tensor], names: set[str]
) -> None:
    """Copy whole tensors into `weights`, each process its own part where they are sharded."""
    from torch.distributed.tensor import distribute_tensor

    for name in sorted(names):
        here, tensor = weights[name], read(name)
        mesh = getattr(here, "device_mesh", None)
        if mesh is None:
            here.copy_(tensor)
            continue
        # Every process reads for itself, so nothing needs to be sent.
        tensor = tensor.to(device=own_part(here).device, dtype=here.dtype)
        parts = distribute_tensor(tensor, mesh, here.placements, src_data_rank=None)  # type: ignore[attr-defined]
        own_part(here).copy_(own_part(parts))


def make_transformer(
    config: TransformerConfig,
    seed: int,
    *,
    place: Place | None = None,
    device: torch.device | str = "cpu",
) -> RelicTransformer:
    """A network with the random weights of a seed, equal on all processes."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = RelicTransformer(config)
    if place is not None:
        place(model)
    return model.to(device)


def _additions(config: TransformerConfig) -> dict[str, torch.Tensor]:
    """First weights of RELIC's encoders, of zero effect, the same in every process and run."""
    hidden = config.condition_hidden_dim or config.dim
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        encoders = {
            "action_encoder": ConditionEncoder(config.action_dim, hidden, config.dim),
            "pose_encoder": ConditionEncoder(config.pose_dim, hidden, config.dim),
        }
    return {
        f"{name}.{key}": value.detach()
        for name, encoder in encoders.items()
        for key, value in encoder.named_parameters()
    }
