"""Control: whether a system moves as fast as is asked, and does both when two keys are held.

Every motion is held at gamma 1, 2 and 3, and every pair of keys that are not opposites at once.
What moved is read from the pictures: six motion fields fitted to optical flow
(`training.learning.motion`), with the depth that the engine's film of the same moment has, over as
many frames as make one motion of gamma 1 over `GAP`. A share is the motion read over the one
commanded at gamma 1: 1, 2 and 3 for a perfect system, and slope 1. The engine's own films are read
the same way: that is the ceiling.

Starts have room for what is commanded; what comes close to something is left out.

Public: `Reading`, `Control`, `measure_control`, `read_motion`.
"""

import json
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from dataset.errors import OpenRelicError
from dataset.resize import resize_intrinsics
from dataset.workspace import json_bytes, sha256_file
from labeling.actions import ACTIONS, signed_motion
from training.evaluate.films import SKY_M, EngineTruth, depth_in_metres
from training.evaluate.generate import generate, is_kept
from training.evaluate.planning import Plan
from training.evaluate.scripts import ControlScript, control_scripts
from training.evaluate.systems import ENGINE, Folder
from training.evaluate.table import interval
from training.evaluate.tasks import Task, write_task
from training.evaluate.truths import Films
from training.evaluate.videos import fitted, read_video
from training.learning.motion import CELL, GAP, MotionFields, fit_motion, optical_flow

if TYPE_CHECKING:
    from training.evaluate.__main__ import Settings

FRAMES = 29
"""Two chunks: gamma 3 must find room."""
READ_WIDTH = 128
"""Pictures are read at this width."""
CONTROL_VERSION = 2
"""Raise it when a video may be read differently, here or by `training.learning.motion`."""
BOTH = 0.5
"""Of a commanded motion: a key whose motion is less was not followed."""
NEAREST_M = 0.05
"""What is nearer fills the view and would outweigh all else."""


@dataclass(frozen=True, kw_only=True)
class Reading:
    """What was read from a video of held keys."""

    system: str
    picture: str
    held: tuple[str, ...]
    gamma: float
    shares: tuple[float, ...]
    """Of each held key's motion at gamma 1."""

    @property
    def both(self) -> bool:
        """Whether every held key was followed."""
        return min(self.shares) >= BOTH * self.gamma


@dataclass(frozen=True, kw_only=True)
class Control:
    """All readings."""

    readings: list[Reading]

    @cached_property
    def systems(self) -> list[str]:
        """In order, the engine last."""
        return sorted(dict.fromkeys(one.system for one in self.readings), key=lambda s: s == ENGINE)

    def speeds(self, system: str, motion: str) -> dict[float, list[float]]:
        """Gamma -> shares, one a picture, of a motion held alone."""
        found: dict[float, list[float]] = {}
        for one in self.readings:
            if one.system == system and one.held == (motion,):
                found.setdefault(one.gamma, []).append(one.shares[0])
        return found

    def slopes(self, system: str, motions: Sequence[str]) -> list[float]:
        """Share over gamma by least squares, a picture and motion with at least two gammas."""
        lines: dict[tuple[str, str], list[tuple[float, float]]] = {}
        for one in self.readings:
            if one.system == system and len(one.held) == 1 and one.held[0] in motions:
                line = lines.setdefault((one.picture, one.held[0]), [])
                line.append((one.gamma, one.shares[0]))
        enough = [np.array(line) for line in lines.values() if len(line) > 1]
        return [float(np.polyfit(line[:, 0], line[:, 1], 1)[0]) for line in enough]

    def slope(
        self, system: str, motions: Sequence[str]
    ) -> tuple[float, float | None, float | None] | None:
        """Mean slope with its bootstrap interval over pictures and motions."""
        slopes = self.slopes(system, motions)
        return (float(np.mean(slopes)), *interval(slopes)) if slopes else None

    def pairs(self, system: str) -> np.ndarray:
        """(12, 12) the smaller share of a pair, mean over pictures; the diagonal is a key alone."""
        sums, counts = np.zeros((12, 12)), np.zeros((12, 12))
        for one in self.readings:
            if one.system == system and one.gamma == 1:
                at = [ACTIONS.index(motion) for motion in one.held]
                for i, j in {(at[0], at[-1]), (at[-1], at[0])}:
                    sums[i, j] += min(one.shares)
                    counts[i, j] += 1
        return np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)

    def both(self, system: str) -> tuple[int, int]:
        """Videos of two keys in which both were followed, and all of them."""
        found = [one.both for one in self.readings if one.system == system and len(one.held) == 2]
        return sum(found), len(found)

    def html(self) -> str:
        """Tables and figures."""
        from training.evaluate.control_page import control_html

        return control_html(self)

    def text(self) -> str:
        """A line a system."""
        lines = []
        for system in self.systems:
            both, of = self.both(system)
            slope = self.slope(system, ACTIONS[:12])
            said = "no slope" if slope is None else f"speed grows by {slope[0]:.2f} a gamma"
            lines.append(
                f"control, {system}: {said}; both keys followed in {both} of {of} videos\n"
            )
        return "".join(lines)


def measure_control(
    plan: Plan,
    settings: "Settings",
    out: Path,
    progress: Callable[..., AbstractContextManager[Callable[..., object]]],
) -> Control:
    """Film, play and read everything that is not there yet."""
    if plan.films is None:
        raise OpenRelicError("--control needs an engine, whose depth it reads with")
    films = Films(folder=out / "control" / "truth", filming=plan.films.filming)
    motions = frozenset.intersection(*(one.keys.motions for one in plan.systems))
    groups = control_groups(motions)
    scenes = plan.scenes[: settings.control]
    shots = films.control_shots(groups, scenes)
    left = films.left(one for group in shots for one in group)
    with progress("engine's films for control", FRAMES * len(left), "frame") as done:
        tasks = films.control_tasks(shots, done)
    for task in tasks:
        write_task(task, out / "tasks" / "control")
    videos = _videos(plan, settings, tasks, out / "control", progress)
    systems = (ENGINE, *(one.name for one in plan.systems))
    wanted = [
        (system, task, videos.get((system, task.name))) for task in tasks for system in systems
    ]
    wanted = [one for one in wanted if one[2] is not None or one[0] == ENGINE]
    return Control(readings=_readings(films, wanted, out / "control" / "readings", progress))


def _readings(
    films: Films, wanted: Sequence[tuple[str, Task, Path | None]], folder: Path,
    progress: Callable[..., AbstractContextManager[Callable[..., object]]],
) -> list[Reading]:  # fmt: skip
    """Of every video of a system, and of the engine's film where there is no video."""
    stamps = [_stamp(task, path) for _, task, path in wanted]
    paths = [folder / system / f"{task.name}.json" for system, task, _ in wanted]
    found = [_kept(path, of) for path, of in zip(paths, stamps, strict=True)]
    left = [at for at, reading in enumerate(found) if reading is None]
    with progress("control", len(left), "video") as done:
        for at in left:
            system, task, video = wanted[at]
            reading = found[at] = _read(system, task, films.truth(task), video)
            _keep(reading, paths[at], stamps[at])
            done()
    return [one for one in found if one is not None]


def control_groups(motions: frozenset[str]) -> list[list[ControlScript]]:
    """Scripts that start together: the gammas of one motion, and each pair by itself."""
    scripts = [one for one in control_scripts(FRAMES) if motions.issuperset(one.held)]
    speeds: dict[str, list[ControlScript]] = {}
    for script in scripts:
        if len(script.held) == 1:
            speeds.setdefault(script.held[0], []).append(script)
    return [*speeds.values(), *([one] for one in scripts if len(one.held) == 2)]


def _videos(
    plan: Plan, settings: "Settings", tasks: list[Task], folder: Path,
    progress: Callable[..., AbstractContextManager[Callable[..., object]]],
) -> dict[tuple[str, str], Path]:  # fmt: skip
    found: dict[tuple[str, str], Path] = {}
    for system in plan.systems:
        if isinstance(system, Folder):
            known = {task.name for task in tasks}
            found |= {(system.name, n): p for n, p in system.videos.items() if n in known}
            continue
        of = f"{plan.shelf.facts(system).of}, seed {settings.seed}"
        paths = {task.name: folder / "videos" / system.name / f"{task.name}.mp4" for task in tasks}
        left = [task for task in tasks if not is_kept(paths[task.name], task, of)]
        with progress(f"{system.name} plays control", FRAMES * len(left), "frame") as done:
            for task in left:
                generate(
                    plan.shelf.model(system),
                    task,
                    paths[task.name],
                    of=of,
                    seed=settings.seed,
                    progress=done,
                )
        found |= {(system.name, name): path for name, path in paths.items()}
    return found


def _stamp(task: Task, video: Path | None) -> str:
    """What a reading depends on."""
    return f"{CONTROL_VERSION} {task.digest} {task.film} {sha256_file(video) if video else ENGINE}"


def _kept(path: Path, of: str) -> Reading | None:
    """The reading that was computed before, of the same things."""
    try:
        stored = json.loads(path.read_text())
        if stored.pop("of") != of:
            return None
        held, shares = tuple(stored.pop("held")), tuple(stored.pop("shares"))
        return Reading(**stored, held=held, shares=shares)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _keep(reading: Reading, path: Path, of: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    part.write_bytes(json_bytes({"of": of, **asdict(reading)}))
    part.replace(path)


def _read(system: str, task: Task, truth: EngineTruth, video: Path | None) -> Reading:
    script = task.script
    assert isinstance(script, ControlScript)
    frames = truth.frames if video is None else read_video(video)
    motion = read_motion(frames, truth, script.gamma)
    commanded = signed_motion(script.rows[1:2])[0] / script.gamma
    shares = tuple(float(motion[axis] / commanded[axis]) for axis in map(axis_of, script.held))
    return Reading(
        system=system, picture=task.picture, held=script.held, gamma=script.gamma, shares=shares
    )


def axis_of(motion: str) -> int:
    """Its place among the six signed motions."""
    row = np.zeros((1, len(ACTIONS)))
    row[0, ACTIONS.index(motion)] = 1.0
    return int(np.abs(signed_motion(row)[0]).argmax())


def read_motion(frames: np.ndarray, truth: EngineTruth, gamma: float) -> np.ndarray:
    """(6,) signed motions a frame: usual steps and degrees, the median over a video."""
    if truth.depth_cm is None:
        raise OpenRelicError("--control reads with depth, which this engine does not draw")
    drawn_height, drawn_width = truth.frames.shape[1:3]
    height, width = frames.shape[1:3]
    size = READ_WIDTH, max(1, round(READ_WIDTH * height / width / CELL)) * CELL
    lens = resize_intrinsics(truth.intrinsics, drawn_width, drawn_height, width, height)
    fields = MotionFields.of(resize_intrinsics(lens, width, height, *size), *size)
    small = fitted(frames[: len(truth.frames)], *size)
    gap = max(1, round(GAP / gamma))
    found = [
        fit_motion(
            fields.basis(inverse_depth(truth.depth_cm[t], truth.unit_m, *size)),
            optical_flow(small[t], small[t + gap]),
        )
        for t in range(0, len(small) - gap, gap)
    ]
    return np.median(found, axis=0) / gap


def inverse_depth(depth_cm_HW: np.ndarray, unit_m: float, width: int, height: int) -> np.ndarray:
    """(cells,) usual steps over depth: the median of each cell of a picture of that size."""
    shares = unit_m / np.clip(depth_in_metres(depth_cm_HW), NEAREST_M, SKY_M)
    rows = np.linspace(0, len(shares) - 1, height).round().astype(int)
    cols = np.linspace(0, shares.shape[1] - 1, width).round().astype(int)
    cells = shares[np.ix_(rows, cols)].reshape(height // CELL, CELL, width // CELL, CELL)
    return np.median(cells, axis=(1, 3)).ravel()
