"""What was played, as a file that plays it again.

A recording is three files of one name: NAME.mp4, NAME.json (the script) and NAME.png (the picture
that the session started from, at the model's size). The script holds everything since the session's
start, because all of it is remembered; the video may begin later, at `first_frame`::

    {"version": 1, "recipe": "tiny", "weights": "9f…", "image": "NAME.png", "seed": 0,
     "pitch_deg": 0.0, "roll_deg": 0.0, "first_frame": 0, "frames": 45,
     "captions": [{"row": 0, "caption": "an office"}],
     "actions": [{"frames": 1, "static": 1.0}, {"frames": 12, "dolly_in": 1.0, "pan_left": 1.25}]}

Actions are runs of equal rows (`labeling.actions.ACTIONS`), row 0 the picture's own; the values are
exact. Undone chunks are not in it: what follows an undo does not depend on them.

Public: `PlayScript`, `runs_of`, `rows_of`, `write_script`, `read_script`.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from dataset.errors import OpenRelicError
from dataset.workspace import json_bytes
from labeling.actions import ACTIONS

VERSION = 1
MAX_ROWS = 16 * 3600 * 24


@dataclass(frozen=True, kw_only=True)
class PlayScript:
    """The script of a session's way to where it is."""

    recipe: str
    """name of the recipe"""
    weights: str
    """fingerprint of the network's weights"""
    image: str
    """file beside the script"""
    seed: int
    pitch_deg: float
    roll_deg: float
    first_frame: int
    """of the session's, where the video begins"""
    frames: int
    """of the video"""
    captions: tuple[tuple[int, str], ...]
    """first row that it holds for, and the caption"""
    actions: np.ndarray
    """(rows, 13) float32, row 0 static"""

    def caption_at(self, row: int) -> str:
        """The caption that held for a row."""
        return [caption for first, caption in self.captions if first <= row][-1]


def runs_of(actions: np.ndarray) -> list[dict[str, float]]:
    """Rows (T, 13) as runs of equal ones."""
    runs: list[dict[str, float]] = []
    last: np.ndarray | None = None
    for row in actions:
        if last is not None and np.array_equal(row, last):
            runs[-1]["frames"] += 1
        else:
            values = {ACTIONS[at]: float(row[at]) for at in np.flatnonzero(row)}
            runs.append({"frames": 1, **values})
        last = row
    return runs


def rows_of(runs: list[dict[str, float]]) -> np.ndarray:
    """The rows (T, 13) float32 of runs; raises `ValueError` or alike for what is none."""
    rows = []
    total = 0
    for run in runs:
        frames = run["frames"]
        total += frames
        if not isinstance(frames, int) or frames < 1 or total > MAX_ROWS:
            raise ValueError(f"a run of {frames} frames")
        row = np.zeros(len(ACTIONS), np.float32)
        for name, value in run.items():
            if name != "frames":
                row[ACTIONS.index(name)] = value
        if not np.isfinite(row).all() or (row < 0).any():
            raise ValueError(f"the values of {run}")
        rows.append(np.repeat(row[None], frames, axis=0))
    return np.concatenate(rows)


def write_script(script: PlayScript) -> bytes:
    """The script's file."""
    record: dict[str, Any] = asdict(script)
    record["version"] = VERSION
    record["captions"] = [{"row": row, "caption": text} for row, text in script.captions]
    record["actions"] = runs_of(script.actions)
    return json_bytes(record)


def read_script(path: Path) -> PlayScript:
    """A recording's script; `OpenRelicError` for a file that is none."""
    try:
        record = json.loads(path.read_text())
        if record.pop("version") != VERSION:
            raise ValueError(f"its version is not {VERSION}")
        captions = tuple((int(one["row"]), str(one["caption"])) for one in record.pop("captions"))
        actions = rows_of(record.pop("actions"))
        script = PlayScript(captions=captions, actions=actions, **record)
        last = script.first_frame + script.frames
        if not (captions[0][0] == 0 <= script.first_frame < last <= len(actions)):
            raise ValueError(f"frames {script.first_frame} to {last} of {len(actions)}")
    except (OSError, ValueError, TypeError, KeyError, IndexError, AttributeError) as error:
        raise OpenRelicError(
            f"{path} is no script of a recording ({error}); give the .json beside a recorded .mp4, "
            "or keys such as W*32,W+right*32"
        ) from error
    return script
