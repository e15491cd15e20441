"""The trained student as evaluation and the memory exam see any model: a `StreamingModel`.

    model = load_model("configs/tiny.yaml", Workspace("demo"))
    stream = model.start(image, caption="a kitchen", seed=1)
    frames = stream.step(rows)

Public: `StudentModel`, `PlayedStream`, `load_model`, `recipe_and_weights`.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dataset.errors import OpenRelicError
from dataset.workspace import Workspace
from training.config import read_recipe
from training.streaming.player import Player, load_player
from training.streaming.session import WorldSession


class PlayedStream:
    """A session that gives frames only, and the picture itself first."""

    def __init__(self, session: WorldSession, picture: np.ndarray) -> None:
        """Wrap a session that has not begun."""
        self.session, self._picture = session, picture

    @property
    def rows_needed(self) -> int:
        """See `Stream`."""
        return self.session.rows_needed

    def step(self, actions: np.ndarray) -> np.ndarray:
        """See `Stream`."""
        first = self.session.chunk_index == 0
        frames = self.session.step(actions).frames
        if first:  # the decoder only comes close to it
            frames[0] = self._picture
        return frames

    def remember(self, actions: np.ndarray, frames: np.ndarray) -> int:
        """See `Stream`."""
        return self.session.remember(actions, frames)


@dataclass(frozen=True, kw_only=True)
class StudentModel:
    """A student that can start streams."""

    player: Player
    name: str

    @property
    def width(self) -> int:
        """Pixels across."""
        return self.player.recipe.latents.width

    @property
    def height(self) -> int:
        """Pixels down."""
        return self.player.recipe.latents.height

    @property
    def unit_deg(self) -> float:
        """Degrees of a rotation of 1."""
        return self.player.unit_deg

    @property
    def rotation_frame(self) -> str:
        """That of the labels it was trained on."""
        return self.player.rotation_frame

    def start(
        self,
        image: np.ndarray,
        *,
        caption: str = "",
        seed: int = 0,
        pitch_deg: float = 0.0,
        roll_deg: float = 0.0,
    ) -> PlayedStream:
        """See `StreamingModel`."""
        session = WorldSession.start(
            self.player, image, caption=caption, seed=seed, pitch_deg=pitch_deg, roll_deg=roll_deg
        )
        return PlayedStream(session, self.player.fitted(image))


def load_model(
    recipe: str | Path, workspace: Workspace, weights: str | Path | None = None
) -> StudentModel:
    """The student of a run, or of the transformer folder `weights`, as a model that streams."""
    read = read_recipe(recipe)
    folder = None if weights is None else Path(weights)
    return StudentModel(player=load_player(workspace, read, str(recipe), folder), name=read.name)


def recipe_and_weights(spec: str) -> tuple[str, str | None]:
    """`recipe.yaml` or `recipe.yaml@FOLDER` as a recipe and a transformer folder of it."""
    recipe, _, folder = spec.partition("@")
    if folder and not Path(folder).is_dir():
        raise OpenRelicError(f"{spec}: there is no folder {folder}")
    return recipe, folder or None
