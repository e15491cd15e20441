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
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from dataset.errors import OpenRelicError, parse_settings, run_command

if TYPE_CHECKING:
    from training.exam.filming import Films
    from training.exam.subjects import Subject


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
    """palindrome, turn, walk, loop-02s, loop-05s, loop-10s, loop-20s; all if none is named."""
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
    from training.exam.page import exam_text

    with ExitStack() as stack:
        sys.stdout.write(exam_text(_run(settings, stack)))


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


def _run(settings: Settings, stack: ExitStack):
    from dataset.clip import FPS
    from training.exam.page import write_page
    from training.exam.records import Records
    from training.exam.sitting import Exam, common_past, sit

    subjects = _subjects(settings)
    films = _films(settings, subjects)
    if settings.check:
        from training.exam.subjects import engine_subjects

        subjects += engine_subjects(films.view, films.engine, stack)
    out = Path(settings.out) if settings.out else _run_folder(settings)
    exam = Exam(
        out=out, films=films, past=common_past(subjects, settings.past_s, FPS), seed=settings.seed
    )
    scores = sit(exam, subjects)
    records = Records(out)
    strips = [
        records.strip(subject.name, name)
        for subject in subjects
        for name in dict.fromkeys(score.video for score in scores)
    ]
    return write_page(out, scores, [path for path in strips if path.exists()], {
        "subjects": [subject.name for subject in subjects],
        "same_weights": [s.name for s in subjects[: len(settings.memory)] if settings.recipe],
        "scenes": list(films.scenes), "places": films.places * len(films.scenes),
        "videos": films.places * len(films.scenes) * len(films.tours),
        "tours": list(films.tours), "past_s": exam.past / FPS, "seed": settings.seed,
        "size": [films.view.width, films.view.height], "depth": films.with_depth(),
    })  # fmt: skip


def _subjects(settings: Settings) -> "list[Subject]":
    from training.exam.subjects import adapter_subject, student_subjects, weights_folder

    found = []
    if settings.recipe:
        recipe, weights = weights_folder(settings.recipe)
        found += student_subjects(recipe, settings.workspace, settings.memory, weights=weights)
    for entry in settings.system:
        name, equals, spec = entry.partition("=")
        if not equals or not name or not spec:
            raise OpenRelicError(f"--system {entry!r}: write NAME=SPEC")
        recipe, weights = weights_folder(spec)
        if recipe.endswith((".yaml", ".yml")):
            found += student_subjects(
                recipe, settings.workspace, ("recipe",), name=name, weights=weights
            )
        else:
            found.append(adapter_subject(name, spec))
    names = [subject.name for subject in found]
    if len(set(names)) < len(names):
        raise OpenRelicError(f"two of {', '.join(names)} have one name; give others")
    return found


def _films(settings: Settings, subjects: "list[Subject]") -> "Films":
    from training.evaluate.rendering import View
    from training.exam.filming import UNIT_M, Films
    from training.exam.tours import TOURS

    sizes = {(subject.width, subject.height) for subject in subjects} or {(128, 64)}
    if len(sizes) > 1:
        raise OpenRelicError(
            f"the models' pictures have sizes {', '.join(f'{w}x{h}' for w, h in sorted(sizes))}; "
            "examine those of one size together"
        )
    (width, height), unit_m = sizes.pop(), UNIT_M
    scenes = settings.scenes
    if settings.workspace and settings.recipe:
        held_out, unit_m = _held_out(settings)
        scenes = scenes or held_out
    folder = settings.films or (
        f"{settings.workspace}/exam_films" if settings.workspace else f"{settings.out}/films"
    )
    return Films(
        folder=Path(folder), view=View(width=width, height=height, fov_deg=settings.fov_deg),
        scenes=scenes, places=settings.places, unit_m=unit_m, engine=settings.engine,
        tours=tuple(name for name in TOURS if name in (settings.tours or TOURS)),
    )  # fmt: skip


def _held_out(settings: Settings) -> tuple[tuple[str, ...], float]:
    """Scenes of the val split, and the median of the samples' usual steps."""
    import numpy as np

    from dataset.latents.store import read_rows
    from dataset.workspace import Workspace

    rows = read_rows(Workspace(settings.workspace))
    scenes = tuple(sorted({row.scene for row in rows if row.split == "val"}))
    if not scenes and not settings.scenes:
        raise OpenRelicError(
            f"{settings.workspace} has no held-out scene; name some with --scenes, which training "
            "has not seen"
        )
    return scenes, round(float(np.median([row.unit_m for row in rows])), 4)


def _run_folder(settings: Settings) -> Path:
    from dataset.workspace import Workspace
    from training.config import read_recipe
    from training.context import run_folder

    name = read_recipe(settings.recipe.partition("@")[0]).name if settings.recipe else "exam"
    return run_folder(Workspace(settings.workspace), name) / "exam"


if __name__ == "__main__":
    run_command(main)
