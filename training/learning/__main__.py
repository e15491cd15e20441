"""Prove on held-out scenes that a student follows actions and remembers places.

    python -m training.learning configs/learning.yaml --workspace WORKSPACE
    python -m training.learning configs/learning.yaml --workspace WORKSPACE --only calibrate
    python -m training.learning configs/learning.yaml --workspace WORKSPACE \
        --students causal --seeds 1 2 3

Reads shards/ and latents/. Calibrates the motion estimator on rendered pictures, trains one shared
teacher, then each variant for each seed on the same budget, and writes `runs/<name>/learning/`:
calibration.json; a record a student, and a picture of what it made of every held key; and
summary-KIND.json and .png, curves-KIND.png, of the students of this call. Killed and started again
it goes on where it was; what is finished is kept.
"""

import logging
import sys
from dataclasses import dataclass
from typing import Literal

import tyro

from dataset.errors import OpenRelicError, parse_settings, run_command
from dataset.workspace import Workspace

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What the command line gives."""

    recipe: tyro.conf.Positional[str]
    """Recipe, such as configs/learning.yaml."""
    workspace: str
    """Local folder with shards/ and latents/."""
    variants: tuple[Literal["full", "window", "no-pose"], ...] = ("full", "window", "no-pose")
    """Students to train: with everything, without long memory, without poses."""
    seeds: tuple[int, ...] = (1,)
    """Of a student's data order and noise; each variant is trained once a seed."""
    students: Literal["distilled", "causal"] = "distilled"
    """distilled: ODE initialisation, then DMD; causal: teacher forcing on the data's latents."""
    only: Literal["all", "calibrate", "train"] = "all"
    """calibrate: stop after the motion estimator's own matrix; train: do not examine."""
    images: int = 6
    """Held-out pictures that actions are played from."""
    play_latents: int = 4
    """Latents of such a play, a whole number of chunks; after 12 frames of a turn most of what is
    in view was in no picture."""
    windows: int = 24
    """Held-out windows that turn back, for the memory exams."""

    @property
    def sizes(self) -> tuple[int, int, int]:
        """What an exam of a student depends on; which others are examined does not matter."""
        return self.images, self.play_latents, self.windows


def main() -> None:
    """Run the command."""
    settings = parse_settings(Settings, __doc__)
    if min(settings.images, settings.play_latents, settings.windows) < 1 or not settings.seeds:
        raise OpenRelicError("--images, --play-latents and --windows must be 1 or more")
    from training.config import read_recipe
    from training.learning.proof import run_proof
    from training.stages import open_run

    recipe = read_recipe(settings.recipe)
    if settings.play_latents % recipe.memory.chunk:
        raise OpenRelicError(
            f"--play-latents {settings.play_latents}: allowed are multiples of memory.chunk, "
            f"{recipe.memory.chunk}"
        )
    context = open_run(Workspace(settings.workspace), recipe, settings.recipe)
    sys.stdout.write(run_proof(context, settings))


if __name__ == "__main__":
    run_command(main)
