"""Action scripts of 20 s for evaluation, scripts of a user's own, and short ones for control.

The paper drives 220 images in 11 groups, one 20 s script a group, and does not print the scripts.
These 11 are ours: together they hold all 12 motions, alone and in mixtures of two and three keys,
and go there and back, so that they stay inside what a room allows and come by known places again.

A script is written as in `training.script`: `W*32,W+right*32,static*16`. A user's own file is YAML
(or JSON) of names and scripts, or of names and mappings::

    stairs: W*64,R+W*64,static*28
    slowly: {keys: "W*64,right*64", move: 0.5, turn_deg: 0.6}

Public: `ActionScript`, `SCRIPTS`, `scripts_of`, `chosen`, `ControlScript`, `control_scripts`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

from dataset.errors import OpenRelicError
from labeling.actions import ACTIONS, ROTATIONS, STATIC, TRANSLATIONS, UNIT_DEG
from training.streaming.script import parse_script

FRAMES = 317
"""20 s at 16 a second, the first picture included."""
MOVE = 1.0
"""Of a usual step a frame."""
TURN_DEG = 1.25
"""Degrees a frame: 20 a second, what tours are planned with."""
GAMMAS = (1.0, 2.0, 3.0)
CONTROL_FRAMES = 45
"""Three chunks of 16 frames, as the paper's model streams, less the three of the first latent."""
MOTIONS = ACTIONS[:STATIC]
OPPOSITES = frozenset(frozenset(MOTIONS[i : i + 2]) for i in range(0, STATIC, 2))

# Name, what it tests, keys.
_WRITTEN = (
    ("dolly", "forward and back on one line",
     "W*48,static*8,S*96,static*8,W*96,static*8,S*48,static*4"),
    ("truck", "sideways on one line",
     "D*48,static*8,A*96,static*8,D*96,static*8,A*48,static*4"),
    ("pedestal", "up and down, four times the same places",
     ",".join(4 * ["R*32,static*8,F*32,static*7"])),
    ("pan", "half a turn and back, no translation",
     "right*144,static*14,left*144,static*14"),
    ("tilt", "40 degrees up and down, no translation",
     "up*32,static*15,down*64,static*15,up*64,static*15,down*64,static*15,up*32"),
    ("roll", "45 degrees each way, no translation",
     "C*36,static*7,Z*72,static*7,C*72,static*7,Z*72,static*7,C*36"),
    ("curves", "walking while panning, and back the same curve",
     "W+left*24,W+right*48,static*7,S+left*48,S+right*24,static*7,"
     "W+right*24,W+left*48,static*7,S+right*48,S+left*24,static*7"),
    ("orbit", "around what is in front: truck against pan",
     "D+left*72,static*14,A+right*72,A+right*72,static*14,D+left*72"),
    ("crane", "rising while looking down, and back",
     ",".join(4 * ["R+down*32,static*7,F+up*32,static*8"])),
    ("mixtures", "two and three keys at once, roll among them",
     "W+R+right*40,static*6,S+F+left*40,static*6,W+D+up*32,static*6,S+A+down*32,static*6,"
     "W+C*32,static*5,S+Z*32,static*5,A+left+Z*32,static*5,D+right+C*32,static*5"),
    ("return", "away, about face, back to the start, a look aside: memory",
     "W*40,static*6,right*144,static*6,W*40,static*6,left*72,static*2"),
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class ActionScript:
    """Named action rows; the first belongs to the picture and is static."""

    name: str
    rows: np.ndarray
    """(T, 13) float32: translations in usual steps, rotations in degrees."""
    tests: str = ""
    """What it tests, in a line."""

    def __len__(self) -> int:
        """Frames, the first picture included."""
        return len(self.rows)

    @property
    def motions(self) -> frozenset[str]:
        """The motions that it holds."""
        return frozenset(np.array(MOTIONS)[(self.rows[:, :STATIC] > 0).any(axis=0)].tolist())

    @property
    def translates(self) -> bool:
        """Whether any translation is commanded."""
        return bool((self.rows[1:, TRANSLATIONS] > 0).any())

    def in_units(self, unit_deg: float) -> np.ndarray:
        """The rows for a model whose rotations are in `unit_deg` degrees."""
        rows = self.rows.copy()
        rows[:, ROTATIONS] *= UNIT_DEG / unit_deg
        return rows


@dataclass(frozen=True, kw_only=True)
class ControlScript(ActionScript):
    """One motion at a speed, or two at once, held from the first frame to the last."""

    held: tuple[str, ...]
    """One motion or two."""
    gamma: float = 1.0


def script_of(
    name: str, keys: str, *, move: float = MOVE, turn_deg: float = TURN_DEG, tests: str = ""
) -> ActionScript:
    """A script of keys; a pressed translation is `move` usual steps a frame, a turn `turn_deg`."""
    return ActionScript(
        name=name, rows=_with_first(parse_script(keys, move, turn_deg)), tests=tests
    )


def _with_first(rows: np.ndarray) -> np.ndarray:
    """Behind the picture's own row, which is static."""
    first = np.zeros((1, len(ACTIONS)), np.float32)
    first[0, STATIC] = 1.0
    return np.concatenate([first, rows]).astype(np.float32)


SCRIPTS: tuple[ActionScript, ...] = tuple(
    script_of(name, keys, tests=tests) for name, tests, keys in _WRITTEN
)


def chosen(names: Sequence[str], among: Sequence[ActionScript] = SCRIPTS) -> list[ActionScript]:
    """The scripts of these names, all if there are none; an unknown name is an error."""
    known = {script.name: script for script in among}
    missing = [name for name in names if name not in known]
    if missing:
        raise OpenRelicError(f"no script {missing[0]!r}; there are {', '.join(known)}")
    return [known[name] for name in names] or list(among)


def scripts_of(path: str | Path) -> tuple[ActionScript, ...]:
    """The scripts of a user's YAML or JSON file, in its order."""
    return tuple(
        script_from(name, entry, f"{path}, {name}") for name, entry in read_mapping(path).items()
    )


def read_mapping(path: str | Path) -> dict[str, Any]:
    """A YAML or JSON file that maps names to something."""
    import yaml

    try:
        found = yaml.safe_load(Path(path).read_text())
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise OpenRelicError(f"{path} is no readable YAML or JSON file ({error})") from error
    if not isinstance(found, dict) or not found:
        raise OpenRelicError(f"{path} must map names to scripts, as in `stairs: W*64,R+W*64`")
    return {str(name): entry for name, entry in found.items()}


def script_from(name: str, entry: object, where: str) -> ActionScript:
    """The script of one entry: its keys, or a mapping of `keys`, `move`, `turn_deg`, `tests`."""
    fields = {"keys": entry} if isinstance(entry, str) else entry
    allowed = {"keys": str, "move": float, "turn_deg": float, "tests": str}
    if not isinstance(fields, dict) or "keys" not in fields or not set(fields) <= set(allowed):
        raise OpenRelicError(
            f"{where}: a script is keys (`W*32,W+right*32`) or a mapping of {', '.join(allowed)}"
        )
    try:
        values = {key: allowed[key](value) for key, value in fields.items()}
    except (TypeError, ValueError) as error:
        raise OpenRelicError(f"{where}: {error}") from error
    if not all(np.isfinite(v) and v > 0 for v in values.values() if isinstance(v, float)):
        raise OpenRelicError(f"{where}: move and turn_deg must be positive numbers")
    try:
        return script_of(name, values.pop("keys"), **values)
    except OpenRelicError as error:
        raise OpenRelicError(f"{where}: {error}") from error


def control_scripts(frames: int = CONTROL_FRAMES) -> tuple[ControlScript, ...]:
    """Every motion at gamma 1, 2 and 3, then every pair of keys that are not opposites."""
    speeds = [_held((motion,), gamma, frames) for motion in MOTIONS for gamma in GAMMAS]
    pairs = [pair for pair in combinations(MOTIONS, 2) if frozenset(pair) not in OPPOSITES]
    return tuple(speeds + [_held(pair, 1.0, frames) for pair in pairs])


def _held(motions: tuple[str, ...], gamma: float, frames: int) -> ControlScript:
    keys = f"{'+'.join(motions)}*{frames - 1}"
    rows = parse_script(keys, gamma * MOVE, gamma * TURN_DEG)
    return ControlScript(
        name=f"{'+'.join(motions)} x{gamma:g}",
        rows=_with_first(rows),
        tests=f"{' and '.join(motions)} at {gamma:g} times the usual speed",
        held=motions,
        gamma=gamma,
    )
