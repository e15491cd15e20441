"""What is asked of every system: a start picture, and the script that is played from it.

`tasks/` of the results holds each task as files that any other system can be run from: `NAME.png`,
the picture, and `NAME.yaml`, the script in the form that `training.evaluate.scripts` reads, with
its rows in runs of held keys. A video `NAME.mp4` made from them belongs to that task.

Public: `Task`, `paired`, `held_names`, `script_keys`, `write_task`, `play_rows`.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dataset.errors import OpenRelicError
from labeling.actions import ACTIONS, ROTATIONS, STATIC, TRANSLATIONS
from training.evaluate.scripts import ActionScript

PICTURE_SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp")


@dataclass(frozen=True, kw_only=True)
class Task:
    """A script played from a picture."""

    name: str
    """Also the name of its video."""
    picture: str
    """The picture's own name: what bootstrap intervals draw."""
    script: ActionScript
    image: np.ndarray | None
    """RGB (H, W, 3) uint8; None for a video whose picture is not known."""
    scene: str | None = None
    """The engine's scene, where the picture was rendered: only then truth is known."""
    caption: str = ""
    pitch_deg: float = 0.0
    """Of the first camera, as in `labeling.camera`; 0 where it is not known."""
    roll_deg: float = 0.0
    film: str = ""
    """Digest of the engine's film of it, where there is one; no part of `digest`: nothing but the
    engine's own video depends on it."""
    unit_m: float | None = None
    """Metres of a usual step in that film."""

    @property
    def digest(self) -> str:
        """Of all that a video of it depends on, but the system."""
        parts = (self.script.rows.tobytes(), self.caption, self.pitch_deg, self.roll_deg)
        image = b"" if self.image is None else self.image.tobytes()
        return hashlib.sha256(repr(parts).encode() + image).hexdigest()[:16]


def read_pictures(folder: Path) -> dict[str, np.ndarray]:
    """The pictures of a folder by name, RGB."""
    from training.evaluate.videos import read_picture

    files = sorted(p for p in folder.glob("*") if p.suffix.lower() in PICTURE_SUFFIXES)
    if not files:
        raise OpenRelicError(
            f"{folder} holds no picture ({', '.join(PICTURE_SUFFIXES)}); leave --images out to "
            "start from views that the engine renders"
        )
    twice = {p.stem for p in files if sum(q.stem == p.stem for q in files) > 1}
    if twice:
        raise OpenRelicError(f"{folder} holds two pictures named {min(twice)!r}; rename one")
    return {file.stem: read_picture(file) for file in files}


def paired(folder: Path, scripts: Sequence[ActionScript], limit: int, *, every: bool) -> list[Task]:
    """The tasks of a folder of pictures, at most `limit` a script.

    As in the paper the pictures fall into as many groups as there are scripts, by name, and each is
    played one script; `every` plays all scripts from all pictures. `NAME.txt` beside a picture is
    its caption.
    """
    tasks = []
    for number, (name, image) in enumerate(read_pictures(folder).items()):
        text = folder / f"{name}.txt"
        caption = text.read_text().strip() if text.is_file() else ""
        for script in scripts if every else [scripts[number % len(scripts)]]:
            if sum(task.script.name == script.name for task in tasks) < limit:
                tasks.append(
                    Task(
                        name=f"{name}--{script.name}", picture=name, script=script, image=image,
                        caption=caption,
                    )
                )  # fmt: skip
    return tasks


def held_names(rows: np.ndarray) -> list[str]:
    """What is held in each row: `dolly_in+pan_right`, or `static`."""
    named = ([ACTIONS[at] for at in np.flatnonzero(row[:STATIC] > 0)] for row in rows)
    return ["+".join(names) or ACTIONS[STATIC] for names in named]


def script_keys(rows: np.ndarray) -> str:
    """Rows behind the picture's own as a script of motion names: `dolly_in*48,static*8`."""
    runs: list[tuple[str, int]] = []
    for held in held_names(rows[1:]):
        if runs and runs[-1][0] == held:
            runs[-1] = held, runs[-1][1] + 1
        else:
            runs.append((held, 1))
    return ",".join(f"{held}*{frames}" for held, frames in runs)


def write_task(task: Task, folder: Path) -> None:
    """Write the task's picture and script for other systems."""
    import yaml

    from training.evaluate.videos import write_picture

    folder.mkdir(parents=True, exist_ok=True)
    if task.image is not None:
        write_picture(folder / f"{task.name}.png", task.image)
    rows = task.script.rows
    record: dict[str, object] = {"keys": script_keys(rows)}
    for name, columns in (("move", TRANSLATIONS), ("turn_deg", ROTATIONS)):
        if (largest := float(rows[:, columns].max())) > 0:
            record[name] = round(largest, 6)
    if task.script.tests:
        record["tests"] = task.script.tests
    text = yaml.safe_dump(record, sort_keys=False, width=2**16)
    if task.unit_m is not None:
        text = f"# In this scene a usual step (move: 1) is {task.unit_m:g} m.\n{text}"
    (folder / f"{task.name}.yaml").write_text(text)


def play_rows(script: ActionScript, unit_deg: float, frames: int) -> np.ndarray:
    """The script's rows in a model's units, with static ones at the end up to `frames`."""
    rows = script.in_units(unit_deg)
    static = np.zeros((max(0, frames - len(rows)), len(ACTIONS)), np.float32)
    static[:, STATIC] = 1.0
    return np.concatenate([rows, static])
