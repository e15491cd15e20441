"""Action sets of other systems: which of the 12 motions each has, and under what names.

Sets are called by how many translations (T) and rotations (R) they have. Systems are compared on
what all of them can do: `shared` is the motions that every one has, `reduced` a script without the
others. Names that are not ours belong to a set too, so that a folder of another system's videos can
carry its own key names.

| set | translations | rotations |
|---|---|---|
| 6T6R | forward, back, left, right, up, down | look up, down, left, right, roll both ways |
| 5T4R | forward, back, left, right, up | look up, down, left, right |
| 4T4R | forward, back, left, right | look up, down, left, right |
| 4T | forward, back, left, right | none |
| 7T2R | forward, back, left, right, up, down; one more that moves no camera | look left, right |

The universal set of Matrix-Game-2.0 (four keys and a mouse) takes the 4T4R names forward, back,
left, right, camera_up, camera_down, camera_l, camera_r. What the seventh translation of a 7T2R
system is differs: a set of one's own says it, as YAML of key names and motions::

    fly: {w: dolly_in, s: dolly_out, q: pan_left, e: pan_right, space: pedestal_up}

Public: `KeySet`, `KEY_SETS`, `key_set`, `shared`, `reduced`, `video_scripts`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from dataset.errors import OpenRelicError
from labeling.actions import ACTIONS, KEYS, STATIC
from training.evaluate.scripts import (
    MOTIONS,
    ActionScript,
    read_mapping,
    script_from,
)

SCRIPT_SUFFIXES = (".yaml", ".yml", ".json")
FOLDER_SCRIPTS = "scripts"
VIDEO_SUFFIXES = (".mp4", ".mkv", ".webm", ".mov", ".avi")

_OURS = {key.removeprefix("Arrow").lower(): motion for motion, key in KEYS.items()}
_WALK = {"w": "dolly_in", "s": "dolly_out", "a": "truck_left", "d": "truck_right"}
_LOOK = {"up": "tilt_up", "down": "tilt_down", "left": "pan_left", "right": "pan_right"}
_MATRIX_GAME = {
    "forward": "dolly_in", "back": "dolly_out",
    "camera_up": "tilt_up", "camera_down": "tilt_down",
    "camera_l": "pan_left", "camera_r": "pan_right",
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class KeySet:
    """What a system can be told to do."""

    name: str
    names: Mapping[str, str]
    """Key names, in lower case, and the motion of each."""

    @property
    def motions(self) -> frozenset[str]:
        """Those of the 12 that it has."""
        return frozenset(self.names.values())

    def ours(self, keys: str) -> str:
        """A script in this set's key names, written with the motions' names."""
        return ",".join(self._hold(part, keys) for part in keys.split(","))

    def _hold(self, part: str, keys: str) -> str:
        pressed, star, frames = part.strip().partition("*")
        names = [name.strip().lower() for name in pressed.split("+")]
        known = {**self.names, **{motion: motion for motion in self.motions}, "static": "static"}
        unknown = [name for name in names if name not in known]
        if unknown:
            raise OpenRelicError(
                f"script {keys!r}: the action set {self.name} has no {unknown[0]!r}; it has "
                f"{', '.join([*self.names, 'static'])}"
            )
        return "+".join(known[name] for name in names) + star + frames


KEY_SETS: dict[str, KeySet] = {
    one.name: one
    for one in (
        KeySet(name="6T6R", names=_OURS),
        KeySet(name="5T4R", names={**_WALK, **_LOOK, "r": "pedestal_up", "space": "pedestal_up"}),
        KeySet(name="4T4R", names={**_WALK, **_LOOK}),
        KeySet(name="4T", names=_WALK),
        KeySet(
            name="7T2R",
            names={
                **_WALK, "r": "pedestal_up", "f": "pedestal_down",
                "left": "pan_left", "right": "pan_right",
            },
        ),
        KeySet(
            name="matrix-game-2.0",
            # Its `left` and `right` step aside; to look it has the mouse.
            names={**_WALK, **_MATRIX_GAME, "left": "truck_left", "right": "truck_right"},
        ),
    )
}  # fmt: skip


def key_set(name: str) -> KeySet:
    """A known set by its name, or one of a user's own from a YAML file of one."""
    for known in KEY_SETS.values():
        if known.name.lower() == name.lower():
            return known
    if Path(name).suffix in SCRIPT_SUFFIXES:
        return _own(Path(name))
    raise OpenRelicError(
        f"no action set {name!r}; there are {', '.join(KEY_SETS)}, or give a YAML file that maps "
        "a name to `{key: motion}`"
    )


def _own(path: Path) -> KeySet:
    entries = read_mapping(path)
    (name, names), *others = entries.items()
    if others or not isinstance(names, dict) or not names:
        raise OpenRelicError(f"{path} must hold one action set: a name and `{{key: motion}}`")
    wrong = [motion for motion in names.values() if motion not in MOTIONS]
    if wrong:
        raise OpenRelicError(f"{path}: no motion {wrong[0]!r}; there are {', '.join(MOTIONS)}")
    return KeySet(name=name, names={str(key).lower(): motion for key, motion in names.items()})


def shared(sets: Iterable[KeySet]) -> frozenset[str]:
    """The motions that all of them have."""
    return frozenset(MOTIONS).intersection(*(one.motions for one in sets))


def reduced(script: ActionScript, motions: Iterable[str]) -> ActionScript | None:
    """The script with these motions only, rests where nothing is left; None if all would rest."""
    columns = [ACTIONS.index(motion) for motion in motions]
    rows = np.zeros_like(script.rows)
    rows[:, columns] = script.rows[:, columns]
    resting = ~rows.any(axis=1)
    rows[resting, STATIC] = 1.0
    return None if resting.all() else replace(script, rows=rows)


def video_scripts(folder: str | Path, keys: KeySet) -> dict[Path, ActionScript]:
    """The videos of a folder and the script that each shows, in the key names of `keys`.

    A script stands beside its video under the same name (`walk.mp4`, `walk.yaml`), or all stand in
    `scripts.yaml`, which maps the videos' names without suffix to scripts.
    """
    videos = sorted(p for p in Path(folder).glob("*") if p.suffix.lower() in VIDEO_SUFFIXES)
    if not videos:
        raise OpenRelicError(f"{folder} holds no video ({', '.join(VIDEO_SUFFIXES)})")
    together = _beside(Path(folder) / FOLDER_SCRIPTS)
    entries = read_mapping(together) if together else {}
    return {video: _script_of(video, entries, keys) for video in videos}


def _script_of(video: Path, entries: Mapping[str, object], keys: KeySet) -> ActionScript:
    own = _beside(video.with_suffix(""))
    if own is None and video.stem not in entries:
        raise OpenRelicError(
            f"{video} has no script: write {video.stem}.yaml with `keys: W*32,...` beside it, or "
            f"name it in {FOLDER_SCRIPTS}.yaml"
        )
    where = f"{own or video.parent / FOLDER_SCRIPTS}"
    entry = read_mapping(own) if own else entries[video.stem]
    if isinstance(entry, str):
        entry = {"keys": entry}
    if isinstance(entry, dict) and isinstance(entry.get("keys"), str):
        entry = {**entry, "keys": keys.ours(entry["keys"])}
    return script_from(video.stem, entry, where)


def _beside(stem: Path) -> Path | None:
    """The YAML or JSON file of that name."""
    found = [stem.parent / f"{stem.name}{suffix}" for suffix in SCRIPT_SUFFIXES]
    return next((path for path in found if path.is_file()), None)
