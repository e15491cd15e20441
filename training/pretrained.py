"""A pretrained network that the teacher starts from, checked before anything is made of it.

It is named by its `transformer/` folder, by the folder that holds this beside `vae/`,
`text_encoder/` and `scheduler/`, or by its name on the Hugging Face hub. Wan-2.1's text-to-video
networks and those that training wrote are allowed.

Public: `find_pretrained`, `check_pretrained`.
"""

import json
import logging
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from dataset.errors import OpenRelicError
from labeling.actions import RotationFrame
from training.config import Recipe
from training.flow import TIMESTEPS
from training.transformer import RelicTransformer
from training.weights import CONFIG_NAME, TensorFiles, check_fit, load_config

SUBFOLDER = "transformer"
SCHEDULER = "scheduler/scheduler_config.json"
WAN_FIELDS = (
    "num_layers", "num_attention_heads", "attention_head_dim", "in_channels", "out_channels",
    "text_dim", "freq_dim", "ffn_dim", "patch_size", "qk_norm", "cross_attn_norm",
    "preconditioned",
)  # fmt: skip
log = logging.getLogger(__name__)


def find_pretrained(name: str) -> Path:
    """The transformer folder that `teacher.pretrained` means."""
    folder = Path(name)
    for candidate in (folder, folder / SUBFOLDER):
        if (candidate / CONFIG_NAME).is_file():
            return candidate
    if folder.exists() or folder.is_absolute() or name.count("/") != 1:
        raise OpenRelicError(
            f"teacher.pretrained: {name!r} holds neither {CONFIG_NAME} nor {SUBFOLDER}/: give a "
            "diffusers folder or hub name, such as Wan-AI/Wan2.1-T2V-1.3B-Diffusers"
        )
    return _from_hub(name) / SUBFOLDER


def _from_hub(name: str) -> Path:
    """A local copy of the transformer and the scheduler of a model on the hub."""
    try:
        from huggingface_hub import snapshot_download
    except ImportError as error:
        raise OpenRelicError(
            f"teacher.pretrained: {name!r} is no folder, and the hub needs huggingface_hub: "
            "pip install huggingface_hub, or name a folder"
        ) from error
    try:
        wanted = [f"{SUBFOLDER}/*", SCHEDULER]
        return Path(snapshot_download(name, allow_patterns=wanted))
    except (OSError, ValueError) as error:
        raise OpenRelicError(
            f"teacher.pretrained: {name!r} is no folder and cannot be had from the hub "
            f"({type(error).__name__}); download it where there is a network, and name the folder"
        ) from error


def check_pretrained(recipe: Recipe, rotation_frame: RotationFrame) -> None:
    """Raise `OpenRelicError` if the teacher cannot start from what the recipe names.

    Reads headers only: sizes, names and shapes of tensors, and the scheduler's numbers.
    """
    if not recipe.teacher.pretrained:
        return
    folder = find_pretrained(recipe.teacher.pretrained)
    config = load_config(folder)
    ours, theirs = asdict(recipe.model), asdict(config)
    wrong = [
        f"{name} is {theirs[name]} there and {ours[name]} in the recipe"
        for name in WAN_FIELDS
        if theirs[name] != ours[name]
    ]
    if config.rotation_frame not in (None, rotation_frame):
        wrong.append(
            f"it was trained on the rotation frame {config.rotation_frame!r}, the workspace's "
            f"labels are in {rotation_frame!r}"
        )
    if wrong:
        raise OpenRelicError(f"teacher.pretrained: {folder} does not fit: {'; '.join(wrong)}")
    with torch.device("meta"):
        model = RelicTransformer(config)
    check_fit(folder, model, TensorFiles(folder))
    _check_scheduler(recipe, folder.parent / SCHEDULER)


def _check_scheduler(recipe: Recipe, path: Path) -> None:
    """Say where the recipe's levels differ from those the network's own sampler takes."""
    if not path.is_file():
        return
    record: dict[str, Any] = json.loads(path.read_text())
    steps = record.get("num_train_timesteps", TIMESTEPS)
    kind = record.get("prediction_type", "flow_prediction")
    if steps != TIMESTEPS or kind != "flow_prediction":
        raise OpenRelicError(
            f"{path}: {steps} steps of {kind}; allowed are {TIMESTEPS} of flow_prediction"
        )
    shift = record.get("flow_shift", record.get("shift"))
    if shift is not None and shift != recipe.flow.shift:
        log.info(
            "%s samples with a shift of %g; all stages here use flow.shift, %g",
            path, shift, recipe.flow.shift,
        )  # fmt: skip
