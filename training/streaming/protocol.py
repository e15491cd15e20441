"""What evaluation and the memory exam ask of a model that streams; any world model can offer it.

Pictures are RGB uint8, actions rows of `labeling.actions.ACTIONS` (13 non-negative magnitudes a
frame, translation in usual steps, rotation in degrees over `unit_deg`). Row t says how the camera
comes from frame t-1 to frame t; the row of the first picture is static.

Public: `StreamingModel`, `Stream`.
"""

from typing import Protocol

import numpy as np


class Stream(Protocol):
    """One play-through, from one picture."""

    @property
    def rows_needed(self) -> int:
        """Action rows that the next `step` takes; the first ones begin with the picture's own."""
        ...

    def step(self, actions: np.ndarray) -> np.ndarray:
        """Frames (rows, H, W, 3) uint8 of action rows (`rows_needed`, 13) float32.

        The first frame of the first step is the picture itself, at the model's size.
        """
        ...

    def remember(self, actions: np.ndarray, frames: np.ndarray) -> int:
        """Take the beginning of a known video as if it had been generated; before any step.

        `actions` (T, 13), `frames` (T, H, W, 3), the first the picture's own. Returns how many
        frames were taken: as many whole steps as fit.
        """
        ...


class StreamingModel(Protocol):
    """A model that can start streams, which do not know of each other."""

    @property
    def name(self) -> str:
        """What reports call it."""
        ...

    @property
    def width(self) -> int:
        """Pixels of a frame across."""
        ...

    @property
    def height(self) -> int:
        """Pixels of a frame down."""
        ...

    @property
    def unit_deg(self) -> float:
        """Degrees of a rotation of 1."""
        ...

    @property
    def rotation_frame(self) -> str:
        """`camera` or `level`, as in `labeling.actions`."""
        ...

    def start(
        self,
        image: np.ndarray,
        *,
        caption: str = "",
        seed: int = 0,
        pitch_deg: float = 0.0,
        roll_deg: float = 0.0,
    ) -> Stream:
        """Begin at a picture (H, W, 3) of any size.

        The angles are the first camera's against the horizon; they matter in the `level` rotation
        frame only.
        """
        ...
