"""Action scripts: keys, for how many frames.

    W*32,W+right*32,static*16

is forward for 32 frames, then forward while panning right, then rest. Keys are those of
`labeling.actions.KEYS` (w a s d r f, the arrows as up, down, left, right, and c z for roll); the 13
action names work too. A pressed key is a one, times gamma (`play.move`, `play.turn_deg`).
"""

import numpy as np

from dataset.errors import OpenRelicError
from labeling.actions import ACTIONS, ROTATIONS, STATIC, TRANSLATIONS
from training.streaming.input import KEY_NAMES, static_row


def parse_script(script: str, move: float, turn_deg: float, unit_deg: float = 1.0) -> np.ndarray:
    """Action rows (frames, 13) float32 of a script, without the static row of the image."""
    rows = [_held(part, script) for part in script.split(",")]
    values = np.concatenate(rows)
    values[:, TRANSLATIONS] *= move
    values[:, ROTATIONS] *= turn_deg / unit_deg
    return values


def _held(part: str, script: str) -> np.ndarray:
    names, star, frames = part.strip().partition("*")
    if not star or not frames.strip().isdigit() or int(frames) < 1:
        raise OpenRelicError(
            f"script {script!r}: {part.strip()!r} is no hold; write keys*frames, such as W+right*32"
        )
    row = np.zeros(len(ACTIONS), np.float32)
    for name in names.split("+"):
        action = KEY_NAMES.get(name.strip().lower())
        if action is None:
            raise OpenRelicError(
                f"script {script!r}: unknown key {name.strip()!r}; allowed: {', '.join(KEY_NAMES)}"
            )
        row[ACTIONS.index(action)] = 1.0
    _check(row, part, script)
    return np.repeat(row[None], int(frames), axis=0)


def _check(row: np.ndarray, part: str, script: str) -> None:
    pairs = row[:STATIC].reshape(-1, 2)
    if (pairs.sum(1) > 1).any():
        raise OpenRelicError(f"script {script!r}: {part.strip()!r} holds opposite keys")
    if row[STATIC] and row[:STATIC].any():
        raise OpenRelicError(f"script {script!r}: {part.strip()!r} is static and moves")


def with_image_row(rows: np.ndarray, chunk: int) -> np.ndarray:
    """The rows behind the image's static one, with static ones at the end to fill whole chunks."""
    static = static_row()[None]
    padding = -(len(rows) + 4) % (4 * chunk)
    return np.concatenate([static, rows, np.repeat(static, padding, axis=0)])
