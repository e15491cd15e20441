"""Write what was trained as a diffusers folder, beside the tokenizer and text encoder it needs.

    python -m training.export configs/wan-1.3b.yaml --workspace WORKSPACE --out FOLDER
    python -m training.export configs/wan-1.3b.yaml --workspace WORKSPACE --out FOLDER --stage ode

FOLDER has Wan-2.1's layout: `transformer/` with RELIC's encoders among its weights, `scheduler/`
with the recipe's shift, and `vae/`, `text_encoder/`, `tokenizer/` copied from where the recipe has
them. `teacher.pretrained`, `latents.pretrained` and `text.pretrained` may name it. diffusers opens
it too, but leaves RELIC's encoders out: it then makes video as if nobody steered. A preconditioned
network (`training.preconditioning`) is not Wan's, its output is no velocity: `model_index.json`
then names our class instead of diffusers'.
"""

import logging
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tyro

from dataset.errors import MissingInputError, OpenRelicError, parse_settings, run_command
from dataset.workspace import Workspace, json_bytes

log = logging.getLogger(__name__)

PARTS = {"latents": ("vae",), "text": ("text_encoder", "tokenizer")}
"""What comes from the folder that a section's `pretrained` names."""

CLASSES = {
    "scheduler": ["diffusers", "FlowMatchEulerDiscreteScheduler"],
    "text_encoder": ["transformers", "UMT5EncoderModel"],
    "tokenizer": ["transformers", "T5TokenizerFast"],
    "transformer": ["diffusers", "WanTransformer3DModel"],
    "vae": ["diffusers", "AutoencoderKLWan"],
}


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What the command line gives."""

    recipe: tyro.conf.Positional[str]
    """Recipe that was trained."""
    workspace: str
    """Local folder with `runs/`."""
    out: str
    """Folder to write; it must not be there yet."""
    stage: str = ""
    """Folder of the run to take, such as teacher-20s or dmd-20s (the last one that there is)."""


def main() -> None:
    """Run the command."""
    settings = parse_settings(Settings, __doc__)
    from training.config import read_recipe
    from training.context import run_folder

    recipe, out = read_recipe(settings.recipe), Path(settings.out)
    if out.exists():
        raise OpenRelicError(f"--out {out} is there already: name another folder, or remove it")
    run = run_folder(Workspace(settings.workspace), recipe.name)
    command = f"python -m training.run {settings.recipe} --workspace {settings.workspace}"
    weights = trained_weights(run, settings.stage, command)
    part = out.with_name(f".{out.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    shutil.copytree(weights, part / "transformer")
    parts = ["transformer", "scheduler"]
    write_scheduler(part / "scheduler", recipe.flow.shift)
    for section, names in PARTS.items():
        parts += copy_parts(getattr(recipe, section).pretrained, names, part)
    (part / "model_index.json").write_bytes(json_bytes(model_index(parts, weights)))
    part.rename(out)
    log.info("%s: %s, from %s", out, ", ".join(sorted(parts)), weights)


def model_index(parts: list[str], weights: Path) -> dict[str, Any]:
    """What diffusers' pipeline is to load each part with."""
    from training.weights import load_config

    classes = {name: CLASSES[name] for name in sorted(parts)}
    if load_config(weights).preconditioned:
        classes["transformer"] = ["training.transformer", "RelicTransformer"]
    return {"_class_name": "WanPipeline", **classes}


def trained_weights(run: Path, stage: str, command: str) -> Path:
    """The newest weights of a stage, averaged where there is an average."""
    from training.checkpoint import latest_checkpoint

    found = {path.name: latest_checkpoint(path) for path in sorted(run.glob("*"))}
    there = {name: checkpoint for name, checkpoint in found.items() if checkpoint is not None}
    if not there:
        raise MissingInputError(f"a checkpoint in {run}", command)
    if stage and stage not in there:
        raise OpenRelicError(f"--stage {stage}: {run} has {', '.join(there)}")
    order = sorted(there, key=lambda name: (_rank(name), name))
    checkpoint = there[stage or order[-1]]
    average = checkpoint / "transformer_ema"
    return average if average.is_dir() else checkpoint / "transformer"


def _rank(name: str) -> int:
    """Order of the stages."""
    stages = ("teacher", "ode-causal", "ode", "dmd")
    return next((place for place, first in enumerate(stages) if name.startswith(first)), -1)


def write_scheduler(folder: Path, shift: float) -> None:
    """The recipe's levels as diffusers' flow-matching scheduler has them."""
    from training.flow import TIMESTEPS

    folder.mkdir(parents=True)
    record = {
        "_class_name": "FlowMatchEulerDiscreteScheduler",
        "num_train_timesteps": TIMESTEPS,
        "shift": shift,
    }
    (folder / "scheduler_config.json").write_bytes(json_bytes(record))


def copy_parts(pretrained: str, names: tuple[str, ...], out: Path) -> list[str]:
    """Copy the parts that are there; says which are not, as those on a hub are not."""
    copied = []
    for name in names:
        if pretrained and (Path(pretrained) / name).is_dir():
            shutil.copytree(Path(pretrained) / name, out / name)
            copied.append(name)
        else:
            log.info("%s/ is left out: %r is no folder that holds it", name, pretrained)
    return copied


if __name__ == "__main__":
    run_command(main)
