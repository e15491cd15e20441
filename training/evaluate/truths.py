"""The engine's films of the scripts: start pictures, and what should be seen from there.

Every script is filmed in each of some scenes, from a start of its own that has room for it, with
shorter steps where the scene has no room for the usual ones (`SHORTER`). Films are kept in `truth/`
of the results, each whole or not at all.

Public: `Filming`, `Films`.
"""

import contextlib
import hashlib
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from labeling.actions import RotationFrame
from labeling.camera import level_angles_deg
from training.evaluate.films import EngineTruth, cached_truth
from training.evaluate.rendering import SHORTER, SceneRenderer, Start, View
from training.evaluate.scripts import ActionScript
from training.evaluate.tasks import Task

SCENES = ("home:900", "forest:900", "office:900", "square:900", "gallery:900", "park:900")
"""Numbers that a plan of scenes does not come to: nothing has been trained on them."""


@dataclass(frozen=True, kw_only=True)
class Filming:
    """How films are made."""

    view: View
    unit_m: float
    """Metres of a usual step, where there is room for it."""
    rotation_frame: RotationFrame
    engine: str = "embedded"
    seed: int = 1


@dataclass(kw_only=True)
class Films:
    """The films of one evaluation."""

    folder: Path
    filming: Filming
    close: list[str] = field(default_factory=list)
    """Tasks whose path comes close to something, or through it."""
    _last: tuple[str, EngineTruth] | None = field(default=None, repr=False)

    def tasks(
        self,
        scripts: Sequence[ActionScript],
        scenes: Sequence[str],
        pictures: int,
        progress: Callable[[], object] = lambda: None,
        *,
        only: Container[str] | None = None,
    ) -> list[Task]:
        """Film each script from `pictures` starts, in the scenes by turns; tasks by script.

        Of the tasks' names these `only`, if any are given.
        """
        made: dict[tuple[int, int], Task] = {}
        every = [(row, number) for row in range(len(scripts)) for number in range(pictures)]
        for at, scene in enumerate(scenes):
            with self._engine(scene) as renderer:
                for row, number in every:
                    if (row + number) % len(scenes) != at:
                        continue
                    name = f"{plain(scene)}-{number}--{plain(scripts[row].name)}"
                    if only is None or name in only:
                        made[row, number] = self._filmed(
                            renderer, scene, scripts[row], name, number
                        )
                    progress()
        return [made[key] for key in sorted(made)]

    def truth(self, task: Task) -> EngineTruth:
        """The film of one of `tasks`; the last one asked for is at hand."""
        if self._last is None or self._last[0] != task.name:
            path = self._path(task.name)
            self._last = task.name, cached_truth(path, self._made_of(task), _gone(path))
        return self._last[1]

    def control_tasks(
        self,
        groups: Sequence[Sequence[ActionScript]],
        scenes: Sequence[str],
        progress: Callable[[], object] = lambda: None,
    ) -> list[Task]:
        """In every scene all scripts of a group from one start that has room for each of them.

        They have steps of one length; a script that comes close to something all the same is left
        out.
        """
        tasks = []
        for scene in scenes:
            with self._engine(scene) as renderer:
                for group in groups:
                    tasks += self._group(renderer, scene, group)
                    progress()
        return tasks

    def _group(
        self, renderer: Callable[[], SceneRenderer], scene: str, group: Sequence[ActionScript]
    ) -> list[Task]:
        found: list[Start] = []

        def start() -> Start:
            if not found:
                found.append(self._start(renderer(), [one.rows for one in group], 0))
            return found[0]

        names = [f"{plain(scene)}--{plain(script.name)}" for script in group]
        tasks = [
            self._task(name, plain(scene), renderer, scene, script, start)
            for name, script in zip(names, group, strict=True)
        ]
        return [task for task in tasks if self.truth(task).clear]

    def _filmed(
        self, renderer: Callable[[], SceneRenderer], scene: str, script: ActionScript, name: str,
        number: int,
    ) -> Task:  # fmt: skip
        return self._task(
            name, name, renderer, scene, script,
            lambda: self._start(renderer(), [script.rows], number),
        )  # fmt: skip

    def _task(
        self, name: str, picture: str, renderer: Callable[[], SceneRenderer], scene: str,
        script: ActionScript, start: Callable[[], Start],
    ) -> Task:  # fmt: skip
        """The task of a film, which is made if it is not there."""
        bare = Task(name=name, picture=picture, script=script, image=None, scene=scene)

        def make() -> EngineTruth:
            return renderer().film(script.rows, start(), rotation_frame=self.filming.rotation_frame)

        truth = cached_truth(self._path(name), self._made_of(bare), make)
        if not truth.clear:
            self.close.append(name)
        _, pitch_deg, roll_deg = level_angles_deg(truth.camera_from_world[0, :, :3])
        return Task(
            name=name, picture=picture, script=script, image=truth.frames[0].copy(), scene=scene,
            caption=truth.caption, pitch_deg=float(pitch_deg), roll_deg=float(roll_deg),
            film=truth.digest, unit_m=truth.unit_m,
        )  # fmt: skip

    def _start(self, renderer: SceneRenderer, paths: Iterable[np.ndarray], number: int) -> Start:
        return renderer.fitting_start(
            list(paths), unit_m=self.filming.unit_m, seed=self.filming.seed + number,
            rotation_frame=self.filming.rotation_frame,
        )  # fmt: skip

    @contextlib.contextmanager
    def _engine(self, scene: str) -> Iterator[Callable[[], SceneRenderer]]:
        """Something that starts the engine when it is first needed."""
        with contextlib.ExitStack() as stack:
            found: list[SceneRenderer] = []

            def renderer() -> SceneRenderer:
                if not found:
                    opening = SceneRenderer.open(
                        scene, self.filming.view, engine=self.filming.engine
                    )
                    found.append(stack.enter_context(opening))
                return found[0]

            yield renderer

    def _path(self, name: str) -> Path:
        return self.folder / f"{name}.npz"

    def _made_of(self, task: Task) -> dict[str, Any]:
        rows = hashlib.sha256(task.script.rows.tobytes()).hexdigest()
        return {
            "scene": task.scene, "name": task.name, "rows": rows, "shorter": SHORTER,
            **asdict(self.filming),
        }  # fmt: skip


def plain(name: str) -> str:
    """A name as a file's."""
    return "".join(letter if letter.isalnum() or letter in "-_+" else "-" for letter in name)


def _gone(path: Path) -> Callable[[], EngineTruth]:
    def make() -> EngineTruth:
        from dataset.errors import OpenRelicError

        raise OpenRelicError(f"{path} has changed or gone; run the same command again")

    return make
