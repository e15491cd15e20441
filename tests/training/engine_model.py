"""The engine behind `StreamingModel`: a model whose answers are perfect, or wrong in a known way.

Tests of evaluation use it as an adapter:

    ENGINE=127.0.0.1:9000 FILMS=out/truth python -m training.evaluate \
        --system perfect=tests.training.engine_model:perfect ...
"""

import os
from pathlib import Path

import numpy as np

from labeling.camera import poses_from_extrinsics
from training.evaluate.rendering import SceneRenderer, View
from training.exam.worlds import WorldModel, WorldPlace, WorldStream

VIEW = View(width=96, height=48)
UNIT_M = 0.02


class EngineModel:
    """The world from where the films begin, which are made after it: they are looked up late."""

    width, height = VIEW.width, VIEW.height
    unit_deg, rotation_frame = 1.0, "camera"

    def __init__(self, name: str, turns: float = 1.0) -> None:
        self.name, self._turns = name, turns

    def start(self, image: np.ndarray, **_: object) -> WorldStream:
        places = [_place(path) for path in sorted(Path(os.environ["FILMS"]).glob("*.npz"))]
        return WorldModel(places, name=self.name, unit_deg=self._turns).start(image)


def _place(path: Path) -> WorldPlace:
    with np.load(path) as film:
        R, position = poses_from_extrinsics(film["camera_from_world"][:1])
        return WorldPlace(
            picture=film["frames"][0], R_cam_from_world=R[0], position_m=position[0],
            unit_m=float(film["unit_m"]), draw=_draw,
        )  # fmt: skip


def _draw(R_cam_from_world: np.ndarray, position_m: np.ndarray) -> np.ndarray:
    with SceneRenderer.open("tiny", VIEW, engine=os.environ["ENGINE"]) as renderer:
        return renderer.draw(R_cam_from_world, position_m)[0]


def perfect() -> EngineModel:
    return EngineModel("perfect")


def hasty() -> EngineModel:
    """Turns half as far again as it is told."""
    return EngineModel("hasty", turns=1.5)
