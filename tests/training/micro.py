"""A recipe that runs every stage in seconds, and a workspace with latents for it."""

from pathlib import Path
from typing import Any

import yaml

from dataset.config import read_latents_config
from dataset.latents.encoding import encode_workspace
from dataset.workspace import Workspace
from tests.small_workspace import make_shards

ADAM = {
    "learning_rate": 1e-3, "warmup": 2, "betas": [0.9, 0.99], "weight_decay": 0.01, "clip": 1.0,
}  # fmt: skip

MICRO: dict[str, Any] = {
    "name": "micro",
    "seed": 3,
    "student_yarn_length": 80,
    "latents": {
        "tokenizer": "pca", "pretrained": "", "channels": 4, "height": 32, "width": 64,
        "fit_samples": 2, "dtype": "float16",
    },
    "text": {"encoder": "hash", "pretrained": "", "length": 6, "dim": 8},
    "model": {
        "num_layers": 2, "num_attention_heads": 2, "attention_head_dim": 12, "in_channels": 4,
        "out_channels": 4, "text_dim": 8, "freq_dim": 16, "ffn_dim": 32,
    },
    "memory": {"window": 8, "chunk": 4},
    "flow": {"shift": 5.0},
    "run": {"precision": "float32", "recompute": False, "checkpoint_every": 4, "log_every": 1},
    "teacher": {
        "pretrained": "", "phases": [{"seconds": 5, "iterations": 14}], "batch": 2,
        "optimizer": ADAM, "ema_decay": 0.9, "text_dropout": 0.1, "held_out_batches": 1,
    },
    "ode": {
        "initialisation": "hybrid", "pairs": 3, "pair_batch": 2, "euler_steps": 4,
        "guidance": 2.0, "iterations": 14, "batch": 2, "noisy_blocks": 2, "causal_iterations": 3,
        "optimizer": ADAM,
    },
    "dmd": {
        "phases": [{"seconds": 5, "iterations": 4}], "counts": "generator", "critic_ratio": 2,
        "critic_warmup": 2, "guidance": 2.0, "lowest_level": 0.02, "highest_level": 0.98,
        "batch": 1, "ema_decay": 0.5, "generator": ADAM, "critic": ADAM,
    },
    "play": {"move": 1.0, "turn_deg": 1.0, "start_pitch_deg": 0.0, "start_roll_deg": 0.0},
}  # fmt: skip


def write_recipe(path: Path, **changes: Any) -> Path:
    """The micro recipe as a file; `changes` are dotted keys with `__` for the dot."""
    recipe = yaml.safe_load(yaml.safe_dump(MICRO))
    for name, value in changes.items():
        place = recipe
        *parents, last = name.split("__")
        for parent in parents:
            place = place[parent]
        place[last] = value
    path.write_text(yaml.safe_dump(recipe, sort_keys=False))
    return path


def make_latents(folder: Path, recipe: Path, **shards: Any) -> Workspace:
    """Shards and latents of the recipe's size."""
    workspace = make_shards(folder, **shards)
    encode_workspace(workspace, read_latents_config(recipe))
    return workspace
