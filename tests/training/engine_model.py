"""The engine behind `StreamingModel`: a model whose answers are perfect, or wrong in a known way.

Tests of evaluation use it as an adapter:

    ENGINE=127.0.0.1:9000 FILMS=out/truth python -m training.evaluate \
        --system perfect=tests.training.engine_model:perfect ...
"""

import os
from contextlib import ExitStack
from pathlib import Path

import numpy as np

from labeling.actions import ROTATIONS, integrate
from labeling.camera import poses_from_extrinsics
from training.evaluate.rendering import SceneRenderer, View

VIEW = View(width=96, height=48)
UNIT_M = 0.02


class EngineModel:
    """Knows where a picture was taken from the films, and draws what the actions lead to."""

    width, height = VIEW.width, VIEW.height
    unit_deg, rotation_frame = 1.0, "camera"

    def __init__(self, name: str, turns: float = 1.0) -> None:
        self.name, self.turns = name, turns
        self.started = 0

    def start(self, image: np.ndarray, **_: object) -> "EngineStream":
        self.started += 1
        for path in sorted(Path(os.environ["FILMS"]).glob("*.npz")):
            with np.load(path) as film:
                if np.array_equal(film["frames"][0], image):
                    R, position = poses_from_extrinsics(film["camera_from_world"][:1])
                    return EngineStream(R[0], position[0], self.turns)
        raise AssertionError("a picture that is in no film")


class EngineStream:
    """Draws each step in an engine of its own."""

    def __init__(self, R: np.ndarray, position: np.ndarray, turns: float) -> None:
        self._R, self._position, self._turns = R, position, turns
        self._begun = False

    @property
    def rows_needed(self) -> int:
        return 16 if self._begun else 13

    def step(self, actions: np.ndarray) -> np.ndarray:
        rows = actions.astype(np.float64)
        rows[:, ROTATIONS] *= self._turns
        # Row 0 is not read when integrating: later steps need one in front of their own.
        rows = rows if not self._begun else np.concatenate([np.zeros((1, 13)), rows])
        R, position = integrate(
            rows, self._R, self._position, unit_m=UNIT_M, rotation_frame="camera"
        )
        self._R, self._position = R[-1], position[-1]
        with ExitStack() as stack:
            opened = SceneRenderer.open("tiny", VIEW, engine=os.environ["ENGINE"])
            renderer = stack.enter_context(opened)
            frames, _, _ = renderer.draw(R[int(self._begun) :], position[int(self._begun) :])
        self._begun = True
        return frames

    def remember(self, actions: np.ndarray, frames: np.ndarray) -> int:
        raise NotImplementedError


def perfect() -> EngineModel:
    return EngineModel("perfect")


def hasty() -> EngineModel:
    """Turns half as far again as it is told."""
    return EngineModel("hasty", turns=1.5)
