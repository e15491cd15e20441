"""The scene itself as a model that streams: what the exam must find perfect, and what it must not.

`WorldModel` knows a few places by their first picture and draws what a camera sees that follows the
actions from there. `Forgetful` shows another model's pictures from some frame on, as one does that
has forgotten where it is. Both are held to the exam by tests, and can be examined by the command.

Public: `WorldPlace`, `WorldModel`, `Forgetful`.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from dataset.errors import OpenRelicError
from labeling.actions import RotationFrame, integrate
from training.streaming.protocol import Stream, StreamingModel

FIRST_ROWS, ROWS = 13, 16
"""Rows of a step: those of a student with chunks of 4 latents."""

Draw = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""Cameras (N, 3, 3) and (N, 3) in metres to pictures (N, H, W, 3) uint8."""


@dataclass(frozen=True, kw_only=True)
class WorldPlace:
    """Somewhere that streams may begin."""

    picture: np.ndarray
    """(H, W, 3): what is seen there"""
    R_cam_from_world: np.ndarray
    position_m: np.ndarray
    unit_m: float
    draw: Draw


class WorldModel:
    """A `StreamingModel` that draws instead of generating."""

    def __init__(
        self,
        places: Sequence[WorldPlace],
        *,
        name: str = "engine",
        unit_deg: float = 1.0,
        rotation_frame: RotationFrame = "camera",
    ) -> None:
        """Know some places; all pictures have one size."""
        self.name, self.unit_deg = name, unit_deg
        self.rotation_frame: RotationFrame = rotation_frame
        self.height, self.width, _ = places[0].picture.shape
        self._places = {_digest(place.picture): place for place in places}

    def start(
        self,
        image: np.ndarray,
        *,
        caption: str = "",
        seed: int = 0,
        pitch_deg: float = 0.0,
        roll_deg: float = 0.0,
    ) -> "WorldStream":
        """See `StreamingModel`; a picture of no known place is refused."""
        place = self._places.get(_digest(image))
        if place is None:
            raise OpenRelicError(
                f"{self.name} does not know the place of this picture; it can only be examined on "
                "the tours that it was made for"
            )
        return WorldStream(self, place)


class WorldStream:
    """One camera's way."""

    def __init__(self, model: WorldModel, place: WorldPlace) -> None:
        """Stand at the place."""
        self._model, self._place = model, place
        self._R, self._position = place.R_cam_from_world, place.position_m
        self._begun = False

    @property
    def rows_needed(self) -> int:
        """See `Stream`."""
        return ROWS if self._begun else FIRST_ROWS

    def step(self, actions: np.ndarray) -> np.ndarray:
        """See `Stream`."""
        return self._place.draw(*self._go(actions))

    def remember(self, actions: np.ndarray, frames: np.ndarray) -> int:
        """See `Stream`: it has nothing to learn from pictures."""
        taken = 0
        while len(actions) - taken >= self.rows_needed:
            first, taken = taken, taken + self.rows_needed
            self._go(actions[first:taken])
        return taken

    def _go(self, actions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The cameras of a step's rows."""
        # `integrate` takes its first row for the pose that it starts from.
        rows = actions if not self._begun else np.concatenate([actions[:1] * 0, actions])
        R, position = integrate(
            rows, self._R, self._position, unit_m=self._place.unit_m,
            unit_deg=self._model.unit_deg, rotation_frame=self._model.rotation_frame,
        )  # fmt: skip
        self._begun = True
        self._R, self._position = R[-1], position[-1]
        return R[-len(actions) :], position[-len(actions) :]


class Forgetful:
    """One model's pictures up to a frame, another's from then on: a memory that is lost there."""

    def __init__(self, before: StreamingModel, after: StreamingModel, frames: int) -> None:
        """Forget at the first step that begins at `frames` or later; both have equal steps."""
        self.name = f"{before.name}, forgetful"
        self.width, self.height = before.width, before.height
        self.unit_deg, self.rotation_frame = before.unit_deg, before.rotation_frame
        self._before, self._after, self._frames = before, after, frames

    def start(
        self,
        image: np.ndarray,
        *,
        caption: str = "",
        seed: int = 0,
        pitch_deg: float = 0.0,
        roll_deg: float = 0.0,
    ) -> "_ForgetfulStream":
        """See `StreamingModel`."""
        parts = [
            model.start(image, caption=caption, seed=seed, pitch_deg=pitch_deg, roll_deg=roll_deg)
            for model in (self._before, self._after)
        ]
        return _ForgetfulStream(parts[0], parts[1], self._frames)


class _ForgetfulStream:
    def __init__(self, before: Stream, after: Stream, frames: int) -> None:
        self._before, self._after, self._left = before, after, frames

    @property
    def rows_needed(self) -> int:
        """See `Stream`."""
        return self._before.rows_needed

    def step(self, actions: np.ndarray) -> np.ndarray:
        """See `Stream`."""
        kept, lost = self._before.step(actions), self._after.step(actions)
        shown = kept if self._left > 0 else lost
        self._left -= len(actions)
        return shown

    def remember(self, actions: np.ndarray, frames: np.ndarray) -> int:
        """See `Stream`."""
        taken = self._before.remember(actions, frames)
        self._after.remember(actions, frames)
        self._left -= taken
        return taken


def _digest(picture: np.ndarray) -> str:
    return hashlib.sha256(np.ascontiguousarray(picture).tobytes()).hexdigest()
