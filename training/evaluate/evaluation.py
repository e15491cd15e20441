"""The whole evaluation: films, generated videos, scores, tables, page.

    OUT/tasks/       pictures and scripts for other systems
    OUT/truth/       the engine's films with depth and poses
    OUT/videos/      SYSTEM/TASK.mp4 of the systems that stream, of the engine, of the still picture
    OUT/scores/      SYSTEM/TASK.json
    OUT/beside/      TASK.mp4: all systems beside the engine
    OUT/scores.parquet, table.parquet, index.html, settings.json

Public: `evaluate`.
"""

import contextlib
import logging
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING

from tqdm import tqdm

from capture.crew.lock import local_lock
from dataset.errors import OpenRelicError
from dataset.sections import write_section
from dataset.workspace import Workspace, sha256_file
from training.evaluate.estimators import PathEstimator, make_estimator
from training.evaluate.films import EngineTruth
from training.evaluate.generate import generate, is_kept, keep_record
from training.evaluate.page import body_html, embedded_html, write_page
from training.evaluate.perceptual import Lpips, lpips_problem
from training.evaluate.planning import Plan, make_plan
from training.evaluate.scoring import Score, Scorer
from training.evaluate.summary_text import summary_text
from training.evaluate.systems import ENGINE, STILL, Folder, Live, Stand
from training.evaluate.table import summaries, write_tables
from training.evaluate.tasks import Task, held_names, write_task
from training.evaluate.vbench_scores import vbench_problem, vbench_scores
from training.evaluate.videos import KEPT_CRF, kept_video, read_video, side_by_side, video_size

if TYPE_CHECKING:
    from training.evaluate.__main__ import Settings

log = logging.getLogger(__name__)

Wanted = list[tuple[str, Task, Path]]
"""System, task, and where its video is."""


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
    wanted = _play(plan, settings, out)
    stands = _stands(plan, wanted)
    wanted += _stand_videos(plan, stands, out)
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
    beside = _beside(plan, wanted, out)
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


@contextlib.contextmanager
def progress(what: str, total: int, unit: str = "script") -> Iterator[Callable[..., object]]:
    """A progress bar's `update`."""
    with tqdm(total=total, desc=what, unit=unit) as bar:
        yield bar.update


def _play(plan: Plan, settings: "Settings", out: Path) -> Wanted:
    """Generate what is not there; the videos of all systems."""
    wanted: Wanted = []
    for system in plan.systems:
        if isinstance(system, Folder):
            tasks = [task for task in plan.tasks if task.name in system.videos]
            tasks += plan.own_tasks[system.name]
            wanted += [(system.name, task, system.videos[task.name]) for task in tasks]
            _tell_missing(system, plan, len(tasks))
        else:
            wanted += _generated(plan, system, settings.seed, out / "videos" / system.name)
    return wanted


def _tell_missing(system: Folder, plan: Plan, found: int) -> None:
    missing = len(plan.tasks) - sum(task.name in system.videos for task in plan.tasks)
    if missing and not plan.own_tasks[system.name]:
        log.warning("%s has %d videos; %d tasks have none", system.name, found, missing)


def _generated(plan: Plan, system: Live, seed: int, folder: Path) -> Wanted:
    of = f"{plan.shelf.facts(system).of}, seed {seed}"
    wanted: Wanted = [(system.name, task, folder / f"{task.name}.mp4") for task in plan.tasks]
    if not wanted:
        raise OpenRelicError(f"{system.name} streams, but there is no start picture: --images")
    left = [(task, path) for _, task, path in wanted if not is_kept(path, task, of)]
    frames = sum(len(task.script) for task, _ in left)
    with progress(f"{system.name} plays", frames, "frame") as done:
        for task, path in left:
            generate(plan.shelf.model(system), task, path, of=of, seed=seed, progress=done)
    return wanted


def _stands(plan: Plan, wanted: Wanted) -> list[Stand]:
    """The engine at each size that a system has, and the still picture at the first one."""
    sizes = list(dict.fromkeys([plan.size, *(video_size(path) for _, _, path in wanted)]))
    stands = [Stand(kind="still", width=sizes[0][0], height=sizes[0][1])]
    if plan.films is not None:
        stands += [
            Stand(kind="engine", width=w, height=h, named_by_size=(w, h) != plan.size)
            for w, h in sizes
        ]
    return stands


def _stand_videos(plan: Plan, stands: list[Stand], out: Path) -> Wanted:
    """Write what stands beside the systems as the same kind of video."""
    wanted: Wanted = []
    for stand in stands:
        for task in plan.floor_tasks if stand.kind == "engine" else plan.tasks:
            path = out / "videos" / stand.name / f"{task.name}.mp4"
            of = f"{stand.kind} {stand.width}x{stand.height} crf {KEPT_CRF} {task.film}"
            if not is_kept(path, task, of):
                film = plan.films.truth(task).frames if plan.films and task.scene else None
                frames = stand.frames(task, film)
                if frames is None:
                    continue
                _write(path, frames, task, of)
            wanted.append((stand.name, task, path))
    return wanted


def _write(path: Path, frames, task: Task, of: str) -> None:
    with kept_video(path, frames.shape[2], frames.shape[1]) as writer:
        for frame in frames:
            writer.write(frame)
    keep_record(path, task, of)


def _scores(plan: Plan, wanted: Wanted, scorer: Scorer) -> list[Score]:
    """Of every video; those of one task together, so that its film is read once."""
    order = sorted(range(len(wanted)), key=lambda at: (wanted[at][1].name, at))
    found: dict[int, Score] = {}
    with progress("scores", len(wanted), "video") as done:
        for at in order:
            system, task, path = wanted[at]
            of = sha256_file(path)
            score = scorer.kept(system, task, of)
            if score is None:
                score = scorer.score(system, task, read_video(path), _truth(plan, task), of)
            found[at] = score
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
        found[system] = vbench_scores(python, folder, out / "vbench" / system)
    return [
        replace(
            score,
            values=score.values
            | {name: by_video.get(score.task) for name, by_video in found[score.system].items()},
        )
        for score in scores
    ]


def _beside(plan: Plan, wanted: Wanted, out: Path) -> dict[str, Path]:
    """A video a task that shows all systems beside the engine."""
    made = {}
    systems = [one.name for one in plan.systems]
    by_task: dict[str, dict[str, Path]] = {}
    tasks = {task.name: task for _, task, _ in wanted}
    for system, task, path in wanted:
        if system in systems or system == "engine":
            by_task.setdefault(task.name, {})[system] = path
    shown = {name: paths for name, paths in by_task.items() if set(paths) & set(systems)}
    with progress("side by side", len(shown), "video") as done:
        for name, paths in shown.items():
            path = out / "beside" / f"{name}.mp4"
            of = ", ".join(f"{system} {sha256_file(one)}" for system, one in paths.items())
            if not is_kept(path, tasks[name], of):
                columns = {system: read_video(one) for system, one in paths.items()}
                side_by_side(columns, held_names(tasks[name].script.rows), path)
                keep_record(path, tasks[name], of)
            made[name] = path
            done()
    return made
