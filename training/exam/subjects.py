"""Who is examined: students with their memories, models of others, and the engine itself.

Public: `Subject`, `student_subjects`, `adapter_subject`, `engine_subjects`.
"""

import hashlib
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from dataset.errors import OpenRelicError
from dataset.workspace import Workspace
from training.evaluate.rendering import SceneRenderer, View
from training.exam.memories import changed_memory, past_frames_of, whole_memory
from training.exam.videos import KnownVideo
from training.exam.worlds import Forgetful, WorldModel, WorldPlace
from training.streaming.protocol import StreamingModel

if TYPE_CHECKING:
    from training.streaming.player import Player

Coded = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True, kw_only=True)
class Subject:
    """Somebody to examine."""

    name: str
    width: int
    height: int
    unit_deg: float
    fingerprint: str
    """of all that its pictures depend on"""
    past: int | None
    """frames before a step that its window shows; None: not known"""
    model_for: Callable[[KnownVideo, KnownVideo], StreamingModel]
    """the model, to be examined on a video, with another place's"""
    coded: Coded | None = None


def student_subjects(
    recipe_path: str,
    workspace: str,
    memories: Sequence[str],
    *,
    name: str | None = None,
    weights: str | None = None,
) -> list[Subject]:
    """A trained student, once for each memory; its weights are loaded once."""
    from training.streaming.model import StudentModel, load_model

    trained = load_model(recipe_path, Workspace(workspace), weights)
    found = []
    for words in memories:
        memory = changed_memory(trained.player.recipe.memory, words)
        recipe = replace(trained.player.recipe, memory=whole_memory(memory))
        label = f"{name or trained.name}, {words}" if len(memories) > 1 else name or trained.name
        model = StudentModel(player=replace(trained.player, recipe=recipe), name=label)
        found.append(
            Subject(
                name=label,
                width=model.width,
                height=model.height,
                unit_deg=model.unit_deg,
                fingerprint=model.player.fingerprint + model.player.weights_fingerprint,
                past=past_frames_of(memory),
                model_for=_always(model),
                coded=coder(model.player),
            )
        )
    return found


def adapter_subject(name: str, spec: str) -> Subject:
    """A model of somebody else's: `adapter.py:function` or `module:function`."""
    from training.evaluate.systems import ALL_KEYS, Live

    model, fingerprint = Live(name=name, keys=ALL_KEYS, spec=spec).load()
    return Subject(
        name=name,
        width=model.width,
        height=model.height,
        unit_deg=model.unit_deg,
        fingerprint=fingerprint,
        past=None,
        model_for=_always(model),
        coded=getattr(model, "coded", None),
    )


def engine_subjects(view: View, engine: str, stack: ExitStack) -> list[Subject]:
    """The engine, which remembers everything, and one that is elsewhere after the way out.

    Engines that are started end with `stack`.
    """
    engines = _Engines(view, engine, stack)
    name = "engine"

    def knowing(video: KnownVideo, other: KnownVideo) -> StreamingModel:
        return WorldModel(engines.places(video, other), name=name)

    def forgetting(video: KnownVideo, other: KnownVideo) -> StreamingModel:
        here, there = engines.places(video, other)
        swapped = [replace(there, picture=here.picture), replace(here, picture=there.picture)]
        lost = WorldModel(swapped, name=name)
        return Forgetful(WorldModel([here, there], name=name), lost, video.pivot)

    return [
        Subject(
            name=label, width=view.width, height=view.height, unit_deg=1.0,
            fingerprint=label, past=None, model_for=make,
        )
        for label, make in (("engine", knowing), ("engine, forgetful", forgetting))
    ]  # fmt: skip


class _Engines:
    """One running engine, of the scene that was asked for last."""

    def __init__(self, view: View, engine: str, stack: ExitStack) -> None:
        self._view, self._engine = view, engine
        self._open: tuple[str, SceneRenderer] | None = None
        self._stack = stack.enter_context(ExitStack())

    def places(self, *videos: KnownVideo) -> list[WorldPlace]:
        """Where videos begin."""
        if len({video.scene for video in videos}) > 1:
            raise OpenRelicError("the engine is examined on scenes with two places: --places 2")
        return [self._place(video) for video in videos]

    def _place(self, video: KnownVideo) -> WorldPlace:
        camera = video.camera_from_world[0]
        return WorldPlace(
            picture=video.frames[0],
            R_cam_from_world=camera[:, :3],
            position_m=-camera[:, :3].T @ camera[:, 3],
            unit_m=video.unit_m,
            draw=lambda R, position: self._renderer(video.scene).draw(R, position)[0],
        )

    def _renderer(self, scene: str) -> SceneRenderer:
        if self._open is None or self._open[0] != scene:
            self._stack.close()
            opened = SceneRenderer.open(scene, self._view, engine=self._engine)
            self._open = scene, self._stack.enter_context(opened)
        return self._open[1]


def coder(player: "Player") -> Coded:
    """Frames (T, H, W, 3) through a student's video tokenizer."""
    from dataset.latents.tokenizers import video_to_frames

    def coded(frames: np.ndarray) -> np.ndarray:
        missing = -(len(frames) - 1) % 4
        whole = np.concatenate([frames, np.repeat(frames[-1:], missing, axis=0)])
        latents = player.latents_of(whole).float().cpu()
        return video_to_frames(player.new_decoder().decode(latents))[: len(frames)]

    return coded


def _always(model: StreamingModel) -> Callable[[KnownVideo, KnownVideo], StreamingModel]:
    return lambda video, other: model


def video_digest(video: KnownVideo) -> str:
    """SHA-256 of all that an exam takes from a video."""
    digest = hashlib.sha256(f"{video.caption} {video.pivot} {video.unit_m}".encode())
    for array in (video.frames, video.actions, video.camera_from_world, video.depth_m):
        if array is not None:
            digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()
