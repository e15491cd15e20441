"""The systems that are compared: models that stream, and folders of videos.

A system is given as NAME=SPEC, where SPEC is one of

- `recipe.yaml`: the student of a run in the workspace; `recipe.yaml@FOLDER`: that recipe with the
  weights of another transformer folder;
- a folder of videos, made elsewhere from the tasks' pictures, or with scripts of their own;
- `adapter.py:function` or `module:function`: a function without arguments that gives a
  `training.streaming.protocol.StreamingModel`.

Two more are always there: `engine`, its own films sent through the same video files, which is the
floor of every score; and `still`, the start picture repeated, which any system should beat.

Public: `System`, `Live`, `Folder`, `Stand`, `Shelf`, `Facts`, `read_systems`.
"""

import importlib
import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from dataset.errors import OpenRelicError
from dataset.workspace import Workspace
from training.evaluate.keys import KEY_SETS, KeySet, key_set
from training.evaluate.tasks import Task
from training.evaluate.videos import fitted
from training.streaming.protocol import StreamingModel

ENGINE, STILL = "engine", "still"
ALL_KEYS = KEY_SETS["6T6R"]


@dataclass(frozen=True, kw_only=True)
class System:
    """Something that makes videos of tasks."""

    name: str
    keys: KeySet
    spec: str


@dataclass(frozen=True, kw_only=True)
class Live(System):
    """A model that streams."""

    workspace: str | None = None

    def load(self) -> tuple[StreamingModel, str]:
        """The model, and what its videos depend on."""
        if _is_recipe(self.spec):
            return self._student()
        model = _adapter(self.spec)
        return model, str(getattr(model, "fingerprint", self.spec))

    def _student(self) -> tuple[StreamingModel, str]:
        from training.streaming.model import load_model, recipe_and_weights

        if self.workspace is None:
            raise OpenRelicError(f"{self.name}={self.spec} is a recipe: --workspace says where")
        recipe, weights = recipe_and_weights(self.spec)
        model = load_model(recipe, Workspace(self.workspace), weights)
        return model, model.player.fingerprint + model.player.weights_fingerprint


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What is known of a model that streams without having it in memory."""

    width: int
    height: int
    rotation_frame: str
    of: str
    """What its videos depend on."""


class Shelf:
    """Models that stream, of which one at a time is in memory."""

    def __init__(self) -> None:
        self._held: tuple[str, StreamingModel] | None = None
        self._facts: dict[str, Facts] = {}

    def model(self, system: Live) -> StreamingModel:
        """The model, loaded if it is not the one at hand."""
        if self._held is None or self._held[0] != system.name:
            self._held = None
            model, of = system.load()
            self._held = system.name, model
            self._facts[system.name] = Facts(
                width=model.width, height=model.height, rotation_frame=model.rotation_frame, of=of
            )
        return self._held[1]

    def facts(self, system: Live) -> Facts:
        """What is known of it; loads it the first time."""
        if system.name not in self._facts:
            self.model(system)
        return self._facts[system.name]


@dataclass(frozen=True, kw_only=True)
class Folder(System):
    """Videos made elsewhere."""

    videos: dict[str, Path]
    """By their names without suffix."""

    def own_tasks(self, known: Sequence[Task]) -> list[Task]:
        """Tasks of the videos that belong to none of the known ones: they bring their scripts."""
        from training.evaluate.keys import video_scripts

        names = {task.name for task in known}
        if names.issuperset(self.videos):
            return []
        scripts = video_scripts(self.spec, self.keys)
        return [
            Task(name=path.stem, picture=path.stem, script=script, image=None)
            for path, script in scripts.items()
            if path.stem not in names
        ]


@dataclass(frozen=True, kw_only=True)
class Stand:
    """What stands beside the systems, at a size: the engine itself, or the start picture."""

    kind: Literal["engine", "still"]
    width: int
    height: int
    named_by_size: bool = False

    @property
    def name(self) -> str:
        """As in the table."""
        return f"{self.kind}-{self.width}x{self.height}" if self.named_by_size else self.kind

    def frames(self, task: Task, film: np.ndarray | None) -> np.ndarray | None:
        """Its frames (T, H, W, 3) of a task; None where there are none."""
        if self.kind == ENGINE:
            return None if film is None else fitted(film, self.width, self.height)
        if task.image is None:
            return None
        first = fitted(task.image[None], self.width, self.height)
        return np.repeat(first, len(task.script), axis=0)


def read_systems(
    specs: Sequence[str], keys: Sequence[str], workspace: str | None
) -> list[Live | Folder]:
    """The systems of NAME=SPEC, each with its action set."""
    found: list[Live | Folder] = []
    sets = _key_sets(keys)
    for entry in specs:
        name, equals, spec = entry.partition("=")
        if not equals or not name or not spec:
            raise OpenRelicError(f"--system {entry!r}: write NAME=SPEC")
        if name in (ENGINE, STILL) or any(one.name == name for one in found):
            raise OpenRelicError(f"--system {entry!r}: the name {name!r} is taken; give another")
        if not all(letter.isalnum() or letter in "-_.+" for letter in name):
            raise OpenRelicError(f"--system {entry!r}: names are letters, digits and -_.+")
        found.append(_system(name, spec, sets.pop(name, sets.get("", ALL_KEYS)), workspace))
    sets.pop("", None)
    if sets:
        raise OpenRelicError(f"--keys names {min(sets)!r}, which is no system here")
    return found


def _key_sets(keys: Sequence[str]) -> dict[str, KeySet]:
    """By the system's name; "" for all."""
    pairs = (entry.partition("=") for entry in keys)
    return {name if equals else "": key_set(of if equals else name) for name, equals, of in pairs}


def _system(name: str, spec: str, keys: KeySet, workspace: str | None) -> Live | Folder:
    from training.evaluate.keys import VIDEO_SUFFIXES

    if Path(spec).is_dir():
        videos = {
            path.stem: path
            for path in sorted(Path(spec).glob("*"))
            if path.suffix.lower() in VIDEO_SUFFIXES
        }
        if not videos:
            raise OpenRelicError(f"{spec} holds no video ({', '.join(VIDEO_SUFFIXES)})")
        return Folder(name=name, keys=keys, spec=spec, videos=videos)
    if _is_recipe(spec) or ":" in spec:
        return Live(name=name, keys=keys, spec=spec, workspace=workspace)
    raise OpenRelicError(
        f"{name}={spec} is no system: give a recipe (.yaml, or .yaml@FOLDER of weights), a folder "
        "of videos, or an adapter (adapter.py:function)"
    )


def _is_recipe(spec: str) -> bool:
    return spec.partition("@")[0].endswith((".yaml", ".yml"))


def _adapter(spec: str) -> StreamingModel:
    """The model that an adapter's function gives."""
    place, _, function = spec.rpartition(":")
    try:
        module = _file_module(Path(place)) if place.endswith(".py") else None
        module = module or importlib.import_module(place)
    except ImportError as error:
        raise OpenRelicError(f"the adapter {spec} cannot be imported: {error}") from error
    make = getattr(module, function, None)
    if not callable(make):
        raise OpenRelicError(f"the adapter {spec}: {place} has no function {function!r}")
    model: Any = make()
    lacking = [
        name
        for name in ("name", "width", "height", "unit_deg", "rotation_frame", "start")
        if not hasattr(model, name)
    ]
    if lacking:
        raise OpenRelicError(
            f"the adapter {spec} gives a {type(model).__name__} without {', '.join(lacking)}; see "
            "training/streaming/protocol.py for what a model offers"
        )
    return model


def _file_module(path: Path):
    if not path.is_file():
        raise OpenRelicError(f"there is no adapter {path}")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise OpenRelicError(f"{path} is no Python file")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
