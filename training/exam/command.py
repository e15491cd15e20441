"""What the exam's command line asks for, put together: subjects, films, results.

Public: `run_exam`.
"""

import logging
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from dataset.clip import FPS
from dataset.errors import OpenRelicError
from dataset.latents.store import MANIFEST, read_rows
from dataset.sections import write_section
from dataset.workspace import Workspace
from training.config import read_recipe
from training.context import run_folder
from training.evaluate.rendering import View
from training.exam.filming import UNIT_M, Films
from training.exam.page import exam_section, write_page
from training.exam.records import Records
from training.exam.scores import FrameScore
from training.exam.sitting import Exam, common_past, sit
from training.exam.subjects import (
    Subject,
    adapter_subject,
    engine_subjects,
    student_subjects,
)
from training.exam.summary import SummaryRow
from training.exam.tours import TOURS
from training.streaming.model import recipe_and_weights

if TYPE_CHECKING:
    from training.exam.__main__ import Settings

log = logging.getLogger(__name__)

STRIPS_IN_REPORT = 4


def run_exam(settings: "Settings") -> list[SummaryRow]:
    """Film, examine and write everything; what was done before is kept."""
    subjects = _subjects(settings)
    films = _films(settings, subjects)
    out = Path(settings.out) if settings.out else _run_folder(settings)
    past = common_past(subjects, settings.past_s, FPS)
    with ExitStack() as stack:
        if settings.check:
            subjects += engine_subjects(films.view, films.engine, stack)
        scores = sit(Exam(out=out, films=films, past=past, seed=settings.seed), subjects)
    return _write(settings, subjects, films, out, past, scores)


def _write(
    settings: "Settings",
    subjects: Sequence[Subject],
    films: Films,
    out: Path,
    past: int,
    scores: list[FrameScore],
) -> list[SummaryRow]:
    records = Records(out)
    strips = [
        records.strip(subject.name, name)
        for subject in subjects
        for name in dict.fromkeys(score.video for score in scores)
    ]
    strips = [path for path in strips if path.exists()]
    facts = {
        "subjects": [subject.name for subject in subjects],
        "same_weights": [s.name for s in subjects[: len(settings.memory)] if settings.recipe],
        "scenes": list(films.scenes), "places": films.places * len(films.scenes),
        "videos": films.places * len(films.scenes) * len(films.tours),
        "tours": list(films.tours), "past_s": past / FPS, "seed": settings.seed,
        "size": [films.view.width, films.view.height], "depth": films.with_depth(),
    }  # fmt: skip
    rows = write_page(out, scores, strips, facts)
    if settings.workspace:
        body = exam_section(rows, strips[:STRIPS_IN_REPORT], facts)
        write_section(Workspace(settings.workspace), "exam", "Memory exam", body)
    log.info("%s", out / "exam.html")
    return rows


def _subjects(settings: "Settings") -> list[Subject]:
    found = []
    if settings.recipe:
        recipe, weights = recipe_and_weights(settings.recipe)
        found += student_subjects(recipe, settings.workspace, settings.memory, weights=weights)
    for entry in settings.system:
        name, equals, spec = entry.partition("=")
        if not equals or not name or not spec:
            raise OpenRelicError(f"--system {entry!r}: write NAME=SPEC")
        recipe, weights = recipe_and_weights(spec)
        if recipe.endswith((".yaml", ".yml")):
            if not settings.workspace:
                raise OpenRelicError(f"--system {entry}: a recipe needs --workspace")
            found += student_subjects(
                recipe, settings.workspace, ("recipe",), name=name, weights=weights
            )
        else:
            found.append(adapter_subject(name, spec))
    names = [subject.name for subject in found]
    if len(set(names)) < len(names):
        raise OpenRelicError(f"two of {', '.join(names)} have one name; give others")
    return found


def _films(settings: "Settings", subjects: list[Subject]) -> Films:
    sizes = {(subject.width, subject.height) for subject in subjects} or {(128, 64)}
    if len(sizes) > 1:
        raise OpenRelicError(
            f"the models' pictures have sizes {', '.join(f'{w}x{h}' for w, h in sorted(sizes))}; "
            "examine those of one size together"
        )
    (width, height), unit_m = sizes.pop(), UNIT_M
    scenes = settings.scenes
    if settings.workspace:
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


def _held_out(settings: "Settings") -> tuple[tuple[str, ...], float]:
    """Scenes of the val split, and the median of the samples' usual steps."""
    workspace = Workspace(settings.workspace)
    rows = read_rows(workspace) if workspace.exists(MANIFEST) else []
    scenes = tuple(sorted({row.scene for row in rows if row.split == "val"}))
    if not scenes and not settings.scenes:
        raise OpenRelicError(
            f"{settings.workspace} has no held-out scene; name some with --scenes, which training "
            "has not seen"
        )
    unit_m = float(np.median([row.unit_m for row in rows])) if rows else UNIT_M
    return scenes, round(unit_m, 4)


def _run_folder(settings: "Settings") -> Path:
    name = read_recipe(settings.recipe.partition("@")[0]).name if settings.recipe else "exam"
    return run_folder(Workspace(settings.workspace), name) / "exam"
