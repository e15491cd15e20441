"""Examine the memory of models that stream: whether they show a place again as it was.

    python -m training.exam configs/tiny.yaml --workspace WORKSPACE
    python -m training.exam configs/tiny.yaml --workspace WORKSPACE \
        --memory recipe window=16 schedule=1 older=drop --check
    python -m training.exam --system mine=adapter.py:make --scenes home:7 office:3 --out exam

The engine films tours that leave a view and come back to it, at places of scenes that training
never saw. Exam A fills the memory with the true way out and scores the way back against the truth;
exam B scores a model's returning pictures against its own outgoing ones. Writes exam.html,
exam.png, exam.parquet, exam.json, frames.parquet and strips to look at. Killed and started again it
goes on where it was; docs/memory_exam.md says what the figures mean, and how to plug in any model.
"""

import sys
from dataclasses import dataclass
from typing import Annotated

import tyro

from dataset.errors import OpenRelicError, parse_settings, run_command


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What the command line gives."""

    recipe: tyro.conf.Positional[str] = ""
    """Recipe of a run whose student is examined."""
    workspace: str = ""
    """Where that run is, and whose val scenes the tours are filmed in."""
    memory: tuple[str, ...] = ("recipe",)
    """Memories that the student's weights are examined with: recipe, window=16, schedule=1,
    schedule=paper, older=drop, newest=26, or several joined by +."""
    system: Annotated[tuple[str, ...], tyro.conf.UseAppendAction] = ()
    """Others: NAME=recipe.yaml, NAME=recipe.yaml@FOLDER of weights, NAME=adapter.py:function; as
    often as wanted."""
    check: bool = False
    """Examine the engine itself too, which must be perfect, and one that forgets, and must fail."""
    tours: tuple[str, ...] = ()
    """palindrome, turn, walk, loop-02s, loop-05s, loop-10s, loop-19s; all if none is named."""
    scenes: tuple[str, ...] = ()
    """Scenes to film in; those of the workspace's val split."""
    places: int = 2
    """Places in each scene."""
    past_s: float | None = None
    """Seconds before a step whose views a window may know; those of the smallest window examined,
    or 1."""
    engine: str = "embedded"
    """Engine that films: embedded, a packaged binary, or HOST:PORT."""
    fov_deg: float = 90.0
    """Horizontal field of view of the captured 16:9 picture."""
    seed: int = 0
    """Of the models' noise."""
    out: str = ""
    """Folder of the results; WORKSPACE/runs/NAME/exam."""
    films: str = ""
    """Folder that keeps the films; WORKSPACE/exam_films, or films in the results' folder."""


def main() -> None:
    """Run the command."""
    settings = parse_settings(Settings, __doc__)
    _check(settings)
    from training.exam.command import run_exam
    from training.exam.page import exam_text

    sys.stdout.write(exam_text(run_exam(settings)))


def _check(settings: Settings) -> None:
    from training.exam.tours import TOURS

    unknown = [name for name in settings.tours if name not in TOURS]
    if unknown:
        raise OpenRelicError(f"--tours {unknown[0]}: allowed are {', '.join(TOURS)}")
    if not settings.recipe and not settings.system and not settings.check:
        raise OpenRelicError("nobody to examine: give a recipe, --system NAME=SPEC or --check")
    if settings.recipe and not settings.workspace:
        raise OpenRelicError(f"{settings.recipe} needs --workspace, where its run is")
    if not settings.workspace and not (settings.out and settings.scenes):
        raise OpenRelicError("without --workspace, --out and --scenes are needed")
    if settings.places < 1:
        raise OpenRelicError(f"--places is {settings.places}; allowed: 1 or more")


if __name__ == "__main__":
    run_command(main)
