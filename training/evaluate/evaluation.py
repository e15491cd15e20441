"""The whole evaluation: films, generated videos, scores, tables, page.

    OUT/tasks/       pictures and scripts for other systems
    OUT/truth/       the engine's films with depth and poses
    OUT/videos/      SYSTEM/TASK.mp4 of the systems that stream, of the engine, of the still picture
    OUT/scores/      SYSTEM/TASK.json
    OUT/beside/      TASK.mp4: all systems beside the engine
    OUT/scores.parquet, table.parquet, index.html, settings.json

Public: `evaluate`.
"""

import logging
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING

from capture.crew.lock import local_lock
from dataset.sections import write_section
from dataset.workspace import Workspace, sha256_file
from training.evaluate.estimators import PathEstimator, make_estimator
from training.evaluate.films import EngineTruth
from training.evaluate.page import body_html, embedded_html, write_page
from training.evaluate.perceptual import Lpips, lpips_problem
from training.evaluate.planning import Plan, make_plan
from training.evaluate.played import Wanted, play, progress, stand_videos, write_beside
from training.evaluate.scoring import Score, Scorer
from training.evaluate.summary_text import summary_text
from training.evaluate.systems import ENGINE, STILL
from training.evaluate.table import summaries, write_tables
from training.evaluate.tasks import Task, write_task
from training.evaluate.vbench_scores import vbench_problem, vbench_scores
from training.evaluate.videos import read_video

if TYPE_CHECKING:
    from training.evaluate.__main__ import Settings

log = logging.getLogger(__name__)


def evaluate(settings: "Settings") -> str:
    """Run it; the table as text."""
    out = Path(settings.out)
    out.mkdir(parents=True, exist_ok=True)
    workspace = Workspace(out)
    with local_lock(workspace, "evaluate", "training.evaluate"):
        workspace.write_json("settings.json", asdict(settings))
        return _evaluate(settings, out)


def _evaluate(settings: "Settings", out: Path) -> str:
    remarks = Remarks()
    make_estimator(settings.estimator)  # a wrong one is told before anything is made
    plan = make_plan(settings, out, progress)
    for task in plan.tasks:
        write_task(task, out / "tasks")
    if settings.tasks_only:
        return f"{len(plan.tasks)} tasks in {out}/tasks\n"
    if plan.films is not None and plan.films.close:
        remarks.lines.append(_close(plan.films.close, len(plan.floor_tasks)))
    wanted = play(plan, settings.seed, out)
    wanted += stand_videos(plan, wanted, out)
    problem = lpips_problem()
    remarks.add("LPIPS", problem)
    scorer = Scorer(
        estimator_of=lambda system: _estimator(settings.estimator, system),
        rotation_frame=plan.rotation_frame, fov_deg=settings.fov_deg,
        folder=out / "scores", lpips=None if problem else Lpips(),
    )  # fmt: skip
    scores = _scores(plan, wanted, scorer)
    if plan.films is not None and all(one.values["counted"] is None for one in scores):
        remarks.add("PSNR, MS-SSIM", "no start was rendered by an engine that draws depth")
    scores = _with_vbench(scores, settings.vbench, wanted, out, remarks)
    means = summaries(scores)
    write_tables(scores, means, out)
    beside = write_beside(plan, wanted, out)
    control = None
    if settings.control:
        from training.evaluate.control import measure_control

        control = measure_control(plan, settings, out, progress)
    write_page(plan, settings, scores, means, beside, control, remarks.lines, out)
    if settings.model and settings.workspace:
        body = body_html(plan, settings, scores, means, remarks.lines)
        body += control.html() if control else ""
        body = body.replace("h3>", "h4>").replace("h2>", "h3>") + embedded_html(beside)
        write_section(Workspace(settings.workspace), "evaluation", "Evaluation", body)
    text = summary_text(plan, scores, means, remarks.lines)
    return text + (control.text() if control else "") + f"{out}/index.html\n"


def _close(names: list[str], films: int) -> str:
    shown = ", ".join(names[:5]) + (" …" if len(names) > 5 else "")
    return (
        f"{len(names)} of {films} films of the engine come close to something or pass through it, "
        f"as no start had room even for the shortest steps: {shown}."
    )


def _estimator(spec: str, system: str) -> PathEstimator | None:
    """The estimator; files of trajectories lie in a folder a system, where there are several."""
    kind, _, folder = spec.partition(":")
    if kind != "trajectories":
        return make_estimator(spec)
    if (Path(folder) / system).is_dir():
        return make_estimator(f"{kind}:{Path(folder) / system}")
    return None if system.partition("-")[0] in (ENGINE, STILL) else make_estimator(spec)


class Remarks:
    """What could not be measured, and why."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def add(self, what: str, why: str | None) -> None:
        """Keep and log a line, if there is a reason."""
        if why is not None:
            self.lines.append(f"{what}: n/a. {why[0].upper()}{why[1:]}.")
            log.warning("%s", self.lines[-1])


def _scores(plan: Plan, wanted: Wanted, scorer: Scorer) -> list[Score]:
    """Of every video; those of one task together, so that its film is read once."""
    found: dict[int, Score] = {}
    left: list[tuple[int, str]] = []
    for at, (system, task, path) in enumerate(wanted):
        of = sha256_file(path)
        if (kept := scorer.kept(system, task, of)) is None:
            left.append((at, of))
        else:
            found[at] = kept
    log.info("scores: %d of %d videos to be scored", len(left), len(wanted))
    with progress("scores", len(left), "video") as done:
        for at, of in sorted(left, key=lambda one: (wanted[one[0]][1].name, one)):
            system, task, path = wanted[at]
            found[at] = scorer.score(system, task, read_video(path), _truth(plan, task), of)
            done()
    return [found[at] for at in range(len(wanted))]


def _truth(plan: Plan, task: Task) -> EngineTruth | None:
    return plan.films.truth(task) if plan.films is not None and task.scene is not None else None


def _with_vbench(
    scores: list[Score], python: str, wanted: Wanted, out: Path, remarks: Remarks
) -> list[Score]:
    """The scores with VBench's where it can run."""
    problem = vbench_problem(python)
    remarks.add("VBench", problem)
    if problem:
        return scores
    found = {}
    for system in dict.fromkeys(name for name, _, _ in wanted):
        folder = next(path.parent for name, _, path in wanted if name == system)
        log.info("VBench on the videos of %s", system)
        found[system] = vbench_scores(python, folder, out / "vbench" / system)
    return [
        replace(
            score,
            values=score.values
            | {name: by_video.get(score.task) for name, by_video in found[score.system].items()},
        )
        for score in scores
    ]
