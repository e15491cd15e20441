"""What shares of actions a tour will probably have: a model of what the operator really does.

An operator does not get every share that it aims at: rooms end, one key at a time leaves little
for thirteen actions, and a walk with tilted eyes is a pedestal in the camera's axes. So for every
manner (kind, motion, rotation frame) and action there is a line, share = base + gain * mix, fitted
to steered tours by `capture.tours.calibration`; the lines are in `operator_model.json`.
"""

import json
from dataclasses import dataclass
from functools import cache
from itertools import product
from pathlib import Path
from typing import get_args

import numpy as np

from capture.tours.camera_operator import TourKind
from capture.tours.rows import PlanRow
from capture.tours.steering import Motion
from labeling.actions import ACTIONS, RotationFrame

MODEL = Path(__file__).with_name("operator_model.json")

Manner = tuple[TourKind, Motion, RotationFrame]
MANNERS: tuple[Manner, ...] = tuple(
    product(get_args(TourKind), get_args(Motion), get_args(RotationFrame))
)


@dataclass(frozen=True, kw_only=True)
class Line:
    """share = base + gain * mix of each action, (13,) each."""

    base: np.ndarray
    gain: np.ndarray
    stray: np.ndarray  # standard deviation of single tours from the line


@cache
def operator_model() -> dict[Manner, Line]:
    """The lines of every manner, as fitted."""
    lines = json.loads(MODEL.read_text())
    return {
        manner: Line(**{name: np.array(values) for name, values in line.items()})
        for manner in MANNERS
        for line in [lines[" ".join(manner)]]
    }


def shares_of(rows: list[PlanRow], mixes: np.ndarray) -> np.ndarray:
    """Expected shares (N,13) of N rows if they aim at `mixes` (N,13).

    A recorded tour has the shares that its poses have, which are its row's mix.
    """
    lines = _lines(rows)
    base, gain = np.stack([line.base for line in lines]), np.stack([line.gain for line in lines])
    return np.clip(base + gain * mixes, 0.0, 1.0)


def expected_shares(rows: list[PlanRow]) -> np.ndarray:
    """Expected share of a plan's frames with each action (13,)."""
    mixes = np.array([row.mix for row in rows])
    frames = np.array([row.frames for row in rows], dtype=float)
    return frames @ shares_of(rows, mixes) / frames.sum()


def expected_error(rows: list[PlanRow]) -> np.ndarray:
    """Standard deviation (13,) of what a plan's shares will be around `expected_shares`, in rooms
    such as the model was fitted to."""
    frames = np.array([row.frames for row in rows], dtype=float)[:, None]
    strays = np.stack([line.stray for line in _lines(rows)])
    return np.sqrt(((frames * strays) ** 2).sum(axis=0)) / frames.sum()


def _lines(rows: list[PlanRow]) -> list[Line]:
    model, nothing = operator_model(), np.zeros(len(ACTIONS))
    known = Line(base=nothing, gain=np.ones(len(ACTIONS)), stray=nothing)
    return [
        known
        if row.kind == "recorded" or row.motion == "recorded"
        else model[row.kind, row.motion, row.rotation_frame]
        for row in rows
    ]
