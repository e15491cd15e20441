"""Train the teacher, then the student: ODE initialisation, then DMD.

    python -m training.run configs/tiny.yaml --workspace WORKSPACE
    accelerate launch -m training.run configs/tiny.yaml --workspace WORKSPACE

Reads `latents/`, writes `runs/<name>/` and the report's sections on training and play. Killed in
any stage and started again, it goes on from the last checkpoint; finished stages are kept.
"""

from dataclasses import dataclass
from typing import Literal

import tyro

from dataset.errors import parse_settings, run_command
from dataset.workspace import Workspace


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What the command line gives."""

    recipe: tyro.conf.Positional[str]
    """Recipe, such as configs/tiny.yaml."""
    workspace: str
    """Local folder with `latents/`; `runs/` is written into it."""
    until: Literal["teacher", "ode", "dmd"] = "dmd"
    """Last stage to run."""


def main() -> None:
    """Run the command."""
    settings = parse_settings(Settings, __doc__)
    from training.config import read_recipe
    from training.play_section import write_play_section
    from training.section import write_training_section
    from training.stages import open_run, run_stages

    recipe = read_recipe(settings.recipe)
    context = open_run(Workspace(settings.workspace), recipe, settings.recipe, settings.until)
    run_stages(context, settings.until)
    if context.accelerator.is_main_process:
        write_training_section(context)
        if settings.until == "dmd":
            write_play_section(context, settings.recipe)


if __name__ == "__main__":
    run_command(main)
