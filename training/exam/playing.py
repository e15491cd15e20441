"""Playing a known video's actions through a model, with or without its true way out remembered.

Public: `Played`, `play`, `given_frames`.
"""

from dataclasses import dataclass

import numpy as np

from dataset.errors import OpenRelicError
from labeling.actions import STATIC
from training.exam.videos import KnownVideo
from training.streaming.protocol import StreamingModel


@dataclass(frozen=True, kw_only=True)
class Played:
    """What a model showed."""

    frames: np.ndarray
    """(T, H, W, 3) uint8; the first `given` are those that were given to its memory"""
    given: int
    """frames that its memory was filled with; 0: it made all of them"""
    step_first: np.ndarray
    """(T,) the first frame of the step that made a frame"""


def play(
    model: StreamingModel,
    video: KnownVideo,
    *,
    memory: np.ndarray | None = None,
    seed: int = 0,
) -> Played:
    """Play all actions of `video`.

    `memory` (T', H, W, 3) are frames that the model is to take for its own past under the video's
    first T' actions; its stream begins at the first of them, or at the video's first frame.
    """
    image = video.frames[0] if memory is None else memory[0]
    stream = model.start(
        image, caption=video.caption, seed=seed, pitch_deg=video.pitch_deg, roll_deg=video.roll_deg
    )
    actions = video.actions.astype(np.float32)
    given = 0 if memory is None else stream.remember(actions[: len(memory)], memory)
    frames: list[np.ndarray] = [] if memory is None else [memory[:given]]
    step_first = [np.zeros(given, int)]
    at = given
    while at < len(video):
        rows = _rows(actions, at, stream.rows_needed)
        made = stream.step(rows)
        _check(made, rows, model)
        frames.append(made)
        step_first.append(np.full(len(made), at))
        at += len(made)
    return Played(
        frames=np.concatenate(frames)[: len(video)],
        given=given,
        step_first=np.concatenate(step_first)[: len(video)],
    )


def given_frames(video: KnownVideo) -> np.ndarray:
    """The frames of the way out."""
    return video.frames[: video.pivot + 1]


def _rows(actions: np.ndarray, first: int, count: int) -> np.ndarray:
    """`count` rows from `first` on; behind the last one the camera rests."""
    rows = np.zeros((count, actions.shape[1]), np.float32)
    rows[:, STATIC] = 1.0
    there = actions[first : first + count]
    rows[: len(there)] = there
    return rows


def _check(made: np.ndarray, rows: np.ndarray, model: StreamingModel) -> None:
    wanted = (len(rows), model.height, model.width, 3)
    if made.shape != wanted or made.dtype != np.uint8:
        raise OpenRelicError(
            f"{model.name}: a step of {len(rows)} rows gave frames {made.shape} {made.dtype}; "
            f"needed are {wanted} uint8"
        )
