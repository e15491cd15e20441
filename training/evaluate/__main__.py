"""Score world models: how they follow the commanded camera, and how true their pictures stay.

    python -m training.evaluate --model configs/tiny.yaml --workspace WORKSPACE --out evaluation
    python -m training.evaluate --system mine=adapter.py:load --system other=videos/other \
        --keys other=4T4R --images pictures --out evaluation
    python -m training.evaluate --videos videos/other --out evaluation

Plays action scripts of 20 s from start pictures, which the engine renders unless --images names a
folder, or takes the videos that other systems made of the same (`tasks/` of the results holds
pictures and scripts for them). Writes videos, scores.parquet, table.parquet and index.html with
confidence intervals and side-by-side videos. Killed and started again it goes on where it was.
"""

import sys
from dataclasses import dataclass
from typing import Annotated, Literal

import tyro

from dataset.errors import OpenRelicError, parse_settings, run_command


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What the command line gives."""

    out: str
    """Folder of the results."""
    model: str = ""
    """Recipe of a run whose student is scored; the same as --system NAME=RECIPE."""
    workspace: str | None = None
    """Where that run is; its report gets a section."""
    videos: str = ""
    """A folder of videos with their scripts; the same as --system NAME=FOLDER."""
    system: Annotated[tuple[str, ...], tyro.conf.UseAppendAction] = ()
    """NAME=recipe.yaml or recipe.yaml@FOLDER of weights, NAME=FOLDER of videos, or
    NAME=adapter.py:function; as often as wanted."""
    keys: Annotated[tuple[str, ...], tyro.conf.UseAppendAction] = ()
    """Action set (6T6R, 5T4R, 4T4R, 4T, 7T2R, matrix-game-2.0 or a YAML file) of the systems, or of
    one as NAME=SET; scripts are reduced to what all can do."""
    images: str = ""
    """Folder of start pictures; without it they are views that the engine renders."""
    every: bool = False
    """Play all scripts from every picture of --images, not one a picture."""
    scripts: tuple[str, ...] = ()
    """Names of the 11 scripts, all if none is given; or YAML or JSON files of your own, and names
    in them."""
    limit: int = 4
    """Start pictures a script, at most."""
    scenes: tuple[str, ...] = ()
    """Scenes of the engine, used by turns; six generated ones that no plan comes to."""
    engine: str = "embedded"
    """Engine for start pictures and truth: embedded, a binary, or HOST:PORT; none: do without."""
    size: tuple[int, int] | None = None
    """Width and height of the engine's films; those of the first system."""
    fov_deg: float = 90.0
    """Horizontal field of view: of the captured 16:9 picture where the engine films, of the video
    itself where the picture is not the engine's."""
    unit_m: float | None = None
    """Metres of a usual step in the engine's scenes, less where there is no room for it; the median
    of the workspace's samples."""
    rotation_frame: Literal["camera", "level"] | None = None
    """What pans turn about; the first model's."""
    estimator: str = "opencv"
    """Finds camera paths: opencv, or trajectories:FOLDER of files that another tool wrote."""
    vbench: str = ""
    """Python of an environment that has vbench and its weights."""
    control: int = 0
    """Measure also speed against gamma, and every pair of keys, in so many scenes."""
    tasks_only: bool = False
    """Only write tasks/: pictures and scripts that videos can be made of elsewhere."""
    seed: int = 0
    """Of the models' noise."""


def main() -> None:
    """Run the command."""
    settings = parse_settings(Settings, __doc__)
    if settings.limit < 1:
        raise OpenRelicError(f"--limit {settings.limit}: allowed are 1 and more")
    if not 5 <= settings.fov_deg <= 170:
        raise OpenRelicError(f"--fov-deg {settings.fov_deg:g}: allowed are 5 to 170")
    if settings.unit_m is not None and not settings.unit_m > 0:
        raise OpenRelicError(f"--unit-m {settings.unit_m:g} must be positive")
    from training.evaluate.evaluation import evaluate

    sys.stdout.write(evaluate(settings))


if __name__ == "__main__":
    run_command(main)
