"""From what a player holds to action rows: keys, several at once, harder or softer, and the mouse.

A held key has a strength: 1 for a key of a keyboard, anything from 0 to 1 for a stick or a trigger.
Opposite keys cancel; what is left over counts. Gamma is the speed of a strength of 1: steps a frame
for translations, degrees a frame for rotations (`play.move`, `play.turn_deg`). Strengths are not
normalised: forward and right together are a step of the square root of two.

Public: `Gamma`, `held_row`, `chunk_rows_of`, `static_row`, `KEY_NAMES`.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from dataset.errors import OpenRelicError
from labeling.actions import ACTIONS, KEYS, ROTATIONS, STATIC, TRANSLATIONS

KEY_NAMES = {
    **{key.removeprefix("Arrow").lower(): action for action, key in KEYS.items()},
    **{action: action for action in ACTIONS},
}
"""What a key or an action is called here (w a s d r f, arrows as up down left right, c z)."""


@dataclass(frozen=True, kw_only=True)
class Gamma:
    """How fast a strength of 1 is."""

    move: float
    """usual steps a frame"""
    turn_deg: float
    """degrees a frame"""
    unit_deg: float = 1.0
    """degrees of a rotation of 1 in the labels"""

    def __post_init__(self) -> None:
        speeds = [self.move, self.turn_deg]
        if not np.isfinite(speeds).all() or min(speeds) < 0:
            raise OpenRelicError(
                f"gamma {self.move:g} steps and {self.turn_deg:g} degrees a frame: allowed are "
                "numbers from 0 on"
            )


def static_row() -> np.ndarray:
    """The row of a camera at rest (13,) float32."""
    row = np.zeros(len(ACTIONS), np.float32)
    row[STATIC] = 1.0
    return row


def held_row(held: Mapping[str, float], gamma: Gamma) -> np.ndarray:
    """The row (13,) float32 of keys held for a frame: name to strength.

    Unknown keys and strengths outside 0 to 1 raise `OpenRelicError`.
    """
    strength = np.zeros(len(ACTIONS))
    for name, value in held.items():
        action = KEY_NAMES.get(name.strip().removeprefix("Arrow").lower())
        if action is None:
            raise OpenRelicError(f"unknown key {name!r}; allowed: {', '.join(KEY_NAMES)}")
        if not 0.0 <= value <= 1.0:
            raise OpenRelicError(f"key {name!r} held at {value:g}; allowed: 0 to 1")
        place = ACTIONS.index(action)
        strength[place] = max(strength[place], value)  # a key and a stick for the same motion
    strength[STATIC] = 0.0  # it says that nothing moves, which the others know
    return _row(_cancelled(strength[:STATIC]), gamma)


def chunk_rows_of(
    held: Mapping[str, float],
    count: int,
    gamma: Gamma,
    *,
    pan_right_deg: float = 0.0,
    tilt_up_deg: float = 0.0,
    first: bool = False,
) -> np.ndarray:
    """Rows (count, 13) float32 of a chunk throughout which the same is held.

    What the mouse has turned since the last chunk is spread evenly over this one and added to the
    keys, whatever gamma is. `first` puts the image's static row in front, within `count`.
    """
    if not np.isfinite([pan_right_deg, tilt_up_deg]).all():
        raise OpenRelicError(f"mouse turned by {pan_right_deg}, {tilt_up_deg}: allowed are numbers")
    moving = count - 1 if first else count
    row = held_row(held, gamma)
    signed = row[:STATIC].astype(np.float64)
    for action, opposite, degrees in (
        ("pan_right", "pan_left", pan_right_deg),
        ("tilt_up", "tilt_down", tilt_up_deg),
    ):
        turned = abs(degrees) / gamma.unit_deg / max(1, moving)
        signed[ACTIONS.index(action if degrees > 0 else opposite)] += turned
    row = _static_where_still(_cancelled(signed))
    rows = np.repeat(row[None], count, axis=0)
    if first:
        rows[0] = static_row()
    return rows


def _cancelled(values: np.ndarray) -> np.ndarray:
    """Of two opposite columns what is left over (12,)."""
    pairs = values.reshape(-1, 2)
    left = pairs[:, 0] - pairs[:, 1]
    return np.stack([left.clip(min=0), (-left).clip(min=0)], axis=-1).reshape(-1)


def _row(strength: np.ndarray, gamma: Gamma) -> np.ndarray:
    values = strength.copy()
    values[TRANSLATIONS] *= gamma.move
    values[ROTATIONS] *= gamma.turn_deg / gamma.unit_deg
    return _static_where_still(values)


def _static_where_still(values: np.ndarray) -> np.ndarray:
    return np.append(values, 0.0 if values.any() else 1.0).astype(np.float32)
