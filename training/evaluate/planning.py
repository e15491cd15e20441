"""What an evaluation consists of: which systems, which scripts, which tasks.

Public: `Plan`, `make_plan`.
"""

import logging
import shutil
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from dataset.errors import OpenRelicError
from dataset.workspace import Workspace
from labeling.actions import RotationFrame
from training.evaluate.keys import SCRIPT_SUFFIXES, key_set, reduced, shared
from training.evaluate.rendering import View
from training.evaluate.scripts import SCRIPTS, ActionScript, chosen, scripts_of
from training.evaluate.systems import Facts, Folder, Live, Shelf, read_systems
from training.evaluate.tasks import Task, paired
from training.evaluate.truths import SCENES, Filming, Films, Shot
from training.evaluate.videos import video_size

if TYPE_CHECKING:
    from training.evaluate.__main__ import Settings

log = logging.getLogger(__name__)

PAPER_SIZE = 832, 480
UNIT_M = 0.05
"""A usual step where no workspace says one: 0.8 m/s."""
BYTES = 5
"""Of a film's pixel: colours, and half-precision depth."""
Progress = Callable[[str, int, str], AbstractContextManager[Callable[..., object]]]


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Systems and what each is asked."""

    systems: list[Live | Folder]
    shelf: Shelf
    """Their models."""
    scripts: list[ActionScript]
    scenes: tuple[str, ...]
    films: Films | None
    """None without an engine."""
    tasks: list[Task]
    """For every system."""
    own_tasks: dict[str, list[Task]]
    """Of folders of videos that brought their own scripts."""
    floor_tasks: list[Task]
    """What the engine shows of the scripts: the tasks themselves where it rendered them."""
    rotation_frame: RotationFrame
    size: tuple[int, int]


def make_plan(settings: "Settings", out: Path, progress: Progress) -> Plan:
    """Read the settings, load the first model, film what is not filmed yet."""
    systems = read_systems(_specs(settings), settings.keys, settings.workspace)
    if not systems and not settings.tasks_only:
        raise OpenRelicError("nothing to score: give --model, --videos or --system NAME=SPEC")
    shelf = Shelf()
    # The first one last: it is the first to play.
    live = [one for one in systems if isinstance(one, Live)]
    known = {one.name: shelf.facts(one) for one in reversed(live)}
    scripts = _scripts(settings, systems)
    rotation_frame = _rotation_frame(settings, known)
    size = settings.size or _size(systems, known)
    scenes = settings.scenes or SCENES
    films = None
    if settings.engine != "none":
        filming = Filming(
            view=View(width=size[0], height=size[1], fov_deg=settings.fov_deg),
            unit_m=settings.unit_m or _unit_m(settings), rotation_frame=rotation_frame,
            engine=settings.engine,
        )  # fmt: skip
        films = Films(folder=out / "truth", filming=filming)
    only = None if live or not systems else _video_names(systems)
    tasks, floor_tasks = _tasks(settings, systems, scripts, scenes, films, only, progress)
    own = {one.name: one.own_tasks(tasks) for one in systems if isinstance(one, Folder)}
    own = _grouped(own, [*scripts, *SCRIPTS])
    if films and (foreign := _unfilmed(own, floor_tasks)):
        shots = films.shots(foreign, scenes[:1], 1)
        more = _filmed(films, shots, "engine's films of their scripts", progress)
        floor_tasks = floor_tasks + more
    return Plan(
        systems=systems, shelf=shelf, scripts=scripts, scenes=scenes, films=films, tasks=tasks,
        own_tasks=own, floor_tasks=floor_tasks, rotation_frame=rotation_frame, size=size,
    )  # fmt: skip


def _specs(settings: "Settings") -> list[str]:
    specs = list(settings.system)
    if settings.videos:
        specs.insert(0, f"{Path(settings.videos).resolve().name}={settings.videos}")
    if settings.model:
        specs.insert(0, f"{Path(settings.model).stem}={settings.model}")
    return specs


def _scripts(settings: "Settings", systems: Sequence[Live | Folder]) -> list[ActionScript]:
    """The chosen scripts with the motions that all systems have."""
    files = [one for one in settings.scripts if Path(one).suffix in SCRIPT_SUFFIXES]
    names = [one for one in settings.scripts if one not in files]
    among = [script for file in files for script in scripts_of(file)] or SCRIPTS
    twice = {one.name for one in among if sum(one.name == other.name for other in among) > 1}
    if twice:
        raise OpenRelicError(f"two scripts are called {min(twice)!r}; rename one of them")
    sets = [one.keys for one in systems] or [key_set(name) for name in settings.keys]
    motions = shared(sets)
    kept = []
    for script in chosen(names, among):
        less = reduced(script, motions)
        if less is None:
            log.warning("script %s is left out: not all systems have its keys", script.name)
        else:
            kept.append(less)
    if not kept:
        raise OpenRelicError("no script is left that all systems can play; see --keys")
    return kept


def _rotation_frame(settings: "Settings", known: dict[str, Facts]) -> RotationFrame:
    frames = {name: facts.rotation_frame for name, facts in reversed(known.items())}
    wanted = settings.rotation_frame or next(iter(frames.values()), "camera")
    for name, frame in frames.items():
        if frame != wanted:
            raise OpenRelicError(
                f"{name} pans in the {frame} frame, but {wanted} is asked for: one evaluation has "
                "one rotation frame; use another --out for it"
            )
    if wanted not in ("camera", "level"):
        raise OpenRelicError(f"rotation frame {wanted!r}; allowed: camera, level")
    return "camera" if wanted == "camera" else "level"


def _size(systems: Sequence[Live | Folder], known: dict[str, Facts]) -> tuple[int, int]:
    if not systems:
        return PAPER_SIZE
    first = systems[0]
    if isinstance(first, Folder):
        return video_size(next(iter(first.videos.values())))
    return known[first.name].width, known[first.name].height


def _unit_m(settings: "Settings") -> float:
    """Of the samples that the run was trained on."""
    from dataset.latents.store import MANIFEST

    if settings.workspace is not None:
        workspace = Workspace(settings.workspace)
        if workspace.exists(MANIFEST):
            return float(np.median(workspace.read_table(MANIFEST)["unit_m"].to_numpy()))
    return UNIT_M


def _tasks(
    settings: "Settings", systems: Sequence[Live | Folder], scripts: list[ActionScript],
    scenes: Sequence[str], films: Films | None, only: set[str] | None, progress: Progress,
) -> tuple[list[Task], list[Task]]:  # fmt: skip
    """The tasks of every system, and those of the engine; of the former these `only`, if given."""
    given = None
    if settings.images:
        given = paired(Path(settings.images), scripts, settings.limit, every=settings.every)
        given = [task for task in given if only is None or task.name in only]
        used = {task.script.name for task in given}
        scripts, only = [one for one in scripts if one.name in used], None
    if films is None:
        _announce(systems, scripts, given or [], [])
        return given or [], []
    pictures = settings.limit if given is None else 1
    shots = films.shots(scripts, scenes, pictures, only=only)
    _announce(systems, scripts, shots if given is None else given, shots)
    filmed = _filmed(films, shots, "engine's films", progress)
    return (filmed if given is None else given), filmed


def _announce(
    systems: Sequence[Live | Folder], scripts: Sequence[ActionScript],
    tasks: Sequence[Task | Shot], shots: Sequence[Shot],
) -> None:  # fmt: skip
    """Say how much all of it is; each part says what is left of it when it begins."""
    columns = [one.name for one in systems] + ["still"]
    videos = len(tasks) * len(columns) + len(shots)
    log.info(
        "tasks: %d, of %d scripts; videos to score in all: %d, of %s", len(tasks), len(scripts),
        videos, ", ".join([*columns, "engine"] if shots else columns),
    )  # fmt: skip


def _filmed(films: Films, shots: Sequence[Shot], what: str, progress: Progress) -> list[Task]:
    """Make what is not there, after saying how much that is."""
    left = films.left(shots)
    frames = sum(len(one.script) for one in left)
    view = films.filming.view
    size = frames * view.width * view.height * BYTES
    log.info(
        "%s: %d of %d to be made, %d frames of %dx%d, up to %.2f GB",
        what, len(left), len(shots), frames, view.width, view.height, size / 1e9,
    )  # fmt: skip
    _check_room(films.folder, size)
    with progress(what, frames, "frame") as done:
        return films.tasks(shots, done)


def _check_room(folder: Path, size: int) -> None:
    """Refuse before the work what the disk could not hold after it."""
    folder.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(folder).free
    if size > free:
        raise OpenRelicError(
            f"the engine's films need {size / 1e9:.1f} GB, and {folder} has {free / 1e9:.1f} GB "
            "free; give another --out, or a smaller --limit or --size"
        )


def _video_names(systems: Sequence[Live | Folder]) -> set[str]:
    return {name for one in systems if isinstance(one, Folder) for name in one.videos}


def _grouped(own: dict[str, list[Task]], scripts: Sequence[ActionScript]) -> dict[str, list[Task]]:
    """The same tasks; scripts of equal rows are one script, and others have names of their own."""
    known = {script.rows.tobytes(): script for script in scripts}
    taken = {script.name for script in scripts}

    def named(script: ActionScript, system: str) -> ActionScript:
        found = known.get(script.rows.tobytes())
        if found is None:
            name = script.name
            while name in taken:
                name = f"{name}-{system}"
            taken.add(name)
            found = known[script.rows.tobytes()] = replace(script, name=name)
        return found

    return {
        system: [replace(task, script=named(task.script, system)) for task in tasks]
        for system, tasks in own.items()
    }


def _unfilmed(own: dict[str, list[Task]], filmed: Sequence[Task]) -> list[ActionScript]:
    there = {task.script.rows.tobytes() for task in filmed}
    wanted = {task.script.rows.tobytes(): task.script for tasks in own.values() for task in tasks}
    return [script for rows, script in wanted.items() if rows not in there]
