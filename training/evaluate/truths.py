"""The engine's films of the scripts: start pictures, and what should be seen from there.

Every script is filmed in each of some scenes, from a start of its own that has room for it, with
shorter steps where the scene has no room for the usual ones (`SHORTER`). Films are kept in `truth/`
of the results, each whole or not at all.

Public: `Filming`, `Shot`, `Films`.
"""

import contextlib
import hashlib
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from dataset.errors import OpenRelicError
from labeling.actions import RotationFrame
from labeling.camera import level_angles_deg
from training.evaluate.films import EngineTruth, cached_opening, cached_truth, is_film
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


@dataclass(frozen=True, kw_only=True)
class Shot:
    """A film of one script in one scene, made or not."""

    name: str
    """The task's."""
    picture: str
    scene: str
    script: ActionScript
    number: int = 0
    """Another start for every number."""


@dataclass(kw_only=True)
class Films:
    """The films of one evaluation."""

    folder: Path
    filming: Filming
    close: list[str] = field(default_factory=list)
    """Tasks whose path comes close to something, or through it."""
    _last: tuple[str, EngineTruth] | None = field(default=None, repr=False)

    def shots(
        self, scripts: Sequence[ActionScript], scenes: Sequence[str], pictures: int, *,
        only: Container[str] | None = None,
    ) -> list[Shot]:  # fmt: skip
        """Each script from `pictures` starts, in the scenes by turns; of the names these `only`."""
        found = []
        for row, script in enumerate(scripts):
            for number in range(pictures):
                scene = scenes[(row + number) % len(scenes)]
                name = f"{plain(scene)}-{number}--{plain(script.name)}"
                if only is None or name in only:
                    found.append(
                        Shot(name=name, picture=name, scene=scene, script=script, number=number)
                    )
        return found

    def left(self, shots: Iterable[Shot]) -> list[Shot]:
        """Those that are not made yet."""
        return [one for one in shots if not is_film(self._path(one.name), self._made_of(one))]

    def tasks(
        self, shots: Sequence[Shot], progress: Callable[[int], object] = lambda frames: None
    ) -> list[Task]:
        """Make what is not there, scene by scene; tasks in the order given."""
        made: dict[str, Task] = {}
        for scene in dict.fromkeys(one.scene for one in shots):
            with self._engine(scene) as renderer:
                for shot in shots:
                    if shot.scene == scene:
                        made[shot.name] = self._filmed(renderer, shot, progress)
        return [made[shot.name] for shot in shots]

    def truth(self, task: Task) -> EngineTruth:
        """The film of one of `tasks`; the last one asked for is at hand."""
        if self._last is None or self._last[0] != task.name:
            path = self._path(task.name)
            self._last = task.name, cached_truth(path, self._made_of(task), _gone(path))
        return self._last[1]

    def control_shots(
        self, groups: Sequence[Sequence[ActionScript]], scenes: Sequence[str]
    ) -> list[list[Shot]]:
        """The scripts of each group in every scene."""
        return [
            [
                Shot(
                    name=f"{plain(scene)}--{plain(script.name)}", picture=plain(scene),
                    scene=scene, script=script,
                )
                for script in group
            ]
            for scene in scenes
            for group in groups
        ]  # fmt: skip

    def control_tasks(
        self,
        groups: Sequence[Sequence[Shot]],
        progress: Callable[[int], object] = lambda frames: None,
    ) -> list[Task]:
        """Tasks of shots of which each group, in one scene, begins where each of it has room.

        They have steps of one length; what comes close to something all the same is left out.
        """
        tasks = []
        for scene in dict.fromkeys(group[0].scene for group in groups):
            with self._engine(scene) as renderer:
                for group in groups:
                    if group[0].scene == scene:
                        tasks += self._group(renderer, group, progress)
        return [task for task in tasks if task.name not in self.close]

    def _group(
        self, renderer: Callable[[], SceneRenderer], group: Sequence[Shot],
        progress: Callable[[int], object],
    ) -> list[Task]:  # fmt: skip
        @cache
        def start() -> Start:
            return self._start(renderer(), [one.script.rows for one in group], 0)

        return [self._task(shot, renderer, start, progress) for shot in group]

    def _filmed(
        self, renderer: Callable[[], SceneRenderer], shot: Shot, progress: Callable[[int], object]
    ) -> Task:
        def start() -> Start:
            return self._start(renderer(), [shot.script.rows], shot.number)

        return self._task(shot, renderer, start, progress)

    def _task(
        self, shot: Shot, renderer: Callable[[], SceneRenderer], start: Callable[[], Start],
        progress: Callable[[int], object],
    ) -> Task:  # fmt: skip
        """The task of a film, which is made if it is not there."""

        def make() -> EngineTruth:
            return renderer().film(
                shot.script.rows, start(), rotation_frame=self.filming.rotation_frame,
                progress=lambda _: progress(1),
            )  # fmt: skip

        first = cached_opening(self._path(shot.name), self._made_of(shot), make)
        if not first.clear:
            self.close.append(shot.name)
        _, pitch_deg, roll_deg = level_angles_deg(first.camera_from_world[0, :, :3])
        return Task(
            name=shot.name, picture=shot.picture, script=shot.script, image=first.frames[0],
            scene=shot.scene, caption=first.caption, pitch_deg=float(pitch_deg),
            roll_deg=float(roll_deg), film=first.digest, unit_m=first.unit_m,
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

    def _made_of(self, task: Task | Shot) -> dict[str, Any]:
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
        raise OpenRelicError(f"{path} has changed or gone; run the same command again")

    return make
