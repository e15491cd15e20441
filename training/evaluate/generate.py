"""Playing a task's script through a model that streams, into a video that is kept.

A video stands under its name once it is whole, and a record beside it says which task and which
model it is of: a run that was stopped goes on behind the last whole video, and one whose task has
changed is made again.

Public: `generate`, `is_kept`, `keep_record`.
"""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np

from dataset.errors import OpenRelicError
from dataset.workspace import json_bytes
from training.evaluate.tasks import Task, play_rows
from training.evaluate.videos import kept_video
from training.streaming.protocol import StreamingModel


def is_kept(path: Path, task: Task, of: str) -> bool:
    """Whether the video of this task and of the model with fingerprint `of` is there, whole."""
    record = path.with_suffix(".json")
    if not (path.is_file() and record.is_file()):
        return False
    try:
        return json.loads(record.read_text()) == _record(task, of)
    except ValueError:
        return False


def _record(task: Task, of: str) -> dict[str, str]:
    return {"task": task.digest, "system": of}


def generate(
    model: StreamingModel,
    task: Task,
    path: Path,
    *,
    of: str = "",
    seed: int = 0,
    progress: Callable[[int], object] = lambda frames: None,
) -> None:
    """Stream the task into `path`, as many frames as its script has rows."""
    if task.image is None:
        raise OpenRelicError(f"{task.name} has no picture to start from")
    stream = model.start(
        task.image, caption=task.caption, seed=seed, pitch_deg=task.pitch_deg,
        roll_deg=task.roll_deg,
    )  # fmt: skip
    left, at = len(task.script), 0
    path.with_suffix(".json").unlink(missing_ok=True)
    with kept_video(path, model.width, model.height) as writer:
        while left > 0:
            needed = stream.rows_needed
            rows = play_rows(task.script, model.unit_deg, at + needed)[at : at + needed]
            frames = _checked(stream.step(rows), needed, model)
            for frame in frames[:left]:
                writer.write(frame)
            progress(min(left, needed))
            at, left = at + needed, left - needed
    keep_record(path, task, of)


def keep_record(path: Path, task: Task, of: str) -> None:
    """Say of which task and model the whole video `path` is."""
    part = path.with_suffix(".json.part")
    part.write_bytes(json_bytes(_record(task, of)))
    part.replace(path.with_suffix(".json"))


def _checked(frames: np.ndarray, rows: int, model: StreamingModel) -> np.ndarray:
    wanted = (rows, model.height, model.width, 3)
    if frames.shape != wanted or frames.dtype != np.uint8:
        raise OpenRelicError(
            f"the model {model.name} gave {frames.dtype} {frames.shape} for {rows} rows; uint8 "
            f"{wanted} is what its rows_needed, width and height promise"
        )
    return frames
