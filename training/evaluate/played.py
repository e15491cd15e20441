"""The videos of all systems: what is not there yet is played, written, and put side by side.

Public: `Wanted`, `progress`, `play`, `stand_videos`, `write_beside`.
"""

import contextlib
import logging
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from tqdm import tqdm

from dataset.errors import OpenRelicError
from dataset.workspace import sha256_file
from training.evaluate.generate import generate, is_kept, keep_record
from training.evaluate.planning import Plan
from training.evaluate.systems import ENGINE, Folder, Live, Stand
from training.evaluate.tasks import Task, held_names
from training.evaluate.videos import KEPT_CRF, kept_video, read_video, side_by_side, video_size

log = logging.getLogger(__name__)

Wanted = list[tuple[str, Task, Path]]
"""System, task, and where its video is."""


@contextlib.contextmanager
def progress(what: str, total: int, unit: str = "script") -> Iterator[Callable[..., object]]:
    """A progress bar's `update`; no bar where nothing is left to do."""
    with tqdm(total=total, desc=what, unit=unit, disable=total == 0) as bar:
        yield bar.update


def play(plan: Plan, seed: int, out: Path) -> Wanted:
    """Generate what is not there; the videos of all systems."""
    wanted: Wanted = []
    for system in plan.systems:
        if isinstance(system, Folder):
            tasks = [task for task in plan.tasks if task.name in system.videos]
            tasks += plan.own_tasks[system.name]
            wanted += [(system.name, task, system.videos[task.name]) for task in tasks]
            _tell_missing(system, plan, len(tasks))
        else:
            wanted += _generated(plan, system, seed, out / "videos" / system.name)
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
    log.info("%s: %d of %d videos to play, %d frames", system.name, len(left), len(wanted), frames)
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


def stand_videos(plan: Plan, wanted: Wanted, out: Path) -> Wanted:
    """Write what stands beside the systems' videos as the same kind of video."""
    stood: Wanted = []
    left: list[tuple[Stand, Task, Path, str]] = []
    for stand in _stands(plan, wanted):
        for task in plan.floor_tasks if stand.kind == ENGINE else plan.tasks:
            if not (task.scene if stand.kind == ENGINE else task.image is not None):
                continue
            path = out / "videos" / stand.name / f"{task.name}.mp4"
            of = f"{stand.kind} {stand.width}x{stand.height} crf {KEPT_CRF} {task.film}"
            if not is_kept(path, task, of):
                left.append((stand, task, path, of))
            stood.append((stand.name, task, path))
    # Those of one task together, so that its film is read once.
    left.sort(key=lambda one: one[1].name)
    with progress("engine and still", len(left), "video") as done:
        for stand, task, path, of in left:
            film = plan.films.truth(task).frames if plan.films and stand.kind == ENGINE else None
            frames = stand.frames(task, film)
            if frames is not None:
                _write(path, frames, task, of)
            done()
    return stood


def _write(path: Path, frames: np.ndarray, task: Task, of: str) -> None:
    with kept_video(path, frames.shape[2], frames.shape[1]) as writer:
        for frame in frames:
            writer.write(frame)
    keep_record(path, task, of)


def write_beside(plan: Plan, wanted: Wanted, out: Path) -> dict[str, Path]:
    """A video a task that shows all systems beside the engine, by the task's name."""
    systems = [one.name for one in plan.systems]
    tasks = {task.name: task for _, task, _ in wanted}
    by_task: dict[str, dict[str, Path]] = {}
    for system, task, path in wanted:
        if system in systems or system == ENGINE:
            by_task.setdefault(task.name, {})[system] = path
    shown = {name: paths for name, paths in by_task.items() if set(paths) & set(systems)}
    made = {name: out / "beside" / f"{name}.mp4" for name in shown}
    of = {
        name: ", ".join(f"{system} {sha256_file(one)}" for system, one in paths.items())
        for name, paths in shown.items()
    }
    left = [name for name, path in made.items() if not is_kept(path, tasks[name], of[name])]
    with progress("side by side", len(left), "video") as done:
        for name in left:
            columns = {system: read_video(one) for system, one in shown[name].items()}
            side_by_side(columns, held_names(tasks[name].script.rows), made[name])
            keep_record(made[name], tasks[name], of[name])
            done()
    return made
