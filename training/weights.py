"""Transformer folders in diffusers' layout: `config.json` and safetensors, sharded or not.

A plain Wan-2.1 text-to-video `transformer/` folder loads too: it lacks only RELIC's encoders, which
then keep their zero effect.

`training.checkpoint` writes such folders.

Public: `load_transformer`, `CONFIG_NAME`, `WEIGHTS_NAME`.
"""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file

from dataset.errors import OpenRelicError
from training.transformer import RelicTransformer, TransformerConfig

CONFIG_NAME = "config.json"
WEIGHTS_NAME = "diffusion_pytorch_model.safetensors"
ADDITIONS = ("action_encoder.", "pose_encoder.")
"""Parameters that a plain Wan folder lacks."""


def load_transformer(folder: Path, **overrides: Any) -> RelicTransformer:
    """Load a folder; `overrides` replace config fields (say, `yarn_target_length`)."""
    config_path = folder / CONFIG_NAME
    if not config_path.is_file():
        raise OpenRelicError(f"{folder} holds no {CONFIG_NAME}: a transformer folder does")
    config = TransformerConfig.from_json(json.loads(config_path.read_text()))
    model = RelicTransformer(replace(config, **overrides))
    missing, unexpected = model.load_state_dict(_read_weights(folder), strict=False)
    missing = [name for name in missing if not name.startswith(ADDITIONS)]
    if missing or unexpected:
        raise OpenRelicError(
            f"{folder} does not fit its {CONFIG_NAME}: lacks {missing[:3]}, has extra "
            f"{unexpected[:3]}"
        )
    return model


def _read_weights(folder: Path) -> dict[str, torch.Tensor]:
    """All tensors of a folder, by its index where the weights are sharded."""
    index = folder / f"{WEIGHTS_NAME}.index.json"
    names = [WEIGHTS_NAME]
    if index.is_file():
        names = sorted(set(json.loads(index.read_text())["weight_map"].values()))
    state: dict[str, torch.Tensor] = {}
    for name in names:
        if not (folder / name).is_file():
            raise OpenRelicError(f"{folder} lacks {name}: copy the folder again")
        state.update(load_file(folder / name))
    return state
