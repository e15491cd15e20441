"""The motion estimator calibrated on the engine's own renderings, whose poses are known.

From training windows: the mean inverse depth a cell (in `unit_m`), which the translation fields
need, and a gain a motion, because flow shrinks motions that texture does not show. On held-out
windows: a 12 x 12 confusion matrix of the moments in which one motion alone is commanded, once for
rendered pictures and once for what the tokenizer makes of them. That is the floor: no student can
be read better.

Public: `Calibration`, `calibrate`, `signed_motions`, `classify`, `confusion`, `CLASSES`.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from dataset.errors import OpenRelicError
from labeling.actions import ACTIONS, motion_to_values, signed_motion
from labeling.camera import turn_angles_deg
from training.exam.videos import KnownVideo
from training.learning.motion import (
    GAP,
    MotionFields,
    fit_each_alone,
    fit_motion,
    flow_certainty,
    optical_flow,
    smoothed,
)

CLASSES = ACTIONS[:12]
LEAST = 0.25
"""Of a usual motion: below it a picture counts as not moving."""
ALONE = 0.35
"""Of the largest motion: others below it do not count, so that one is commanded alone."""
MOST = 2.0
"""Usual motions that one held key can be read as."""
MOST_PAIRS = 600


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """What turns flow into motions that can be compared."""

    fields: MotionFields
    inverse_depth_N: np.ndarray
    gain_6: np.ndarray
    """estimated over true motion; 1 where too little was seen to tell"""
    alone_gain_6: np.ndarray
    """the same of fields fitted alone, where one motion was alone"""
    usual_6: np.ndarray
    """of each motion over `GAP` frames: what one held key does"""

    def motion(self, before: np.ndarray, after: np.ndarray) -> np.ndarray:
        """The six signed motions between two pictures, in usual motions."""
        flow = optical_flow(smoothed(before), smoothed(after))
        found = fit_motion(self.fields.basis(self.inverse_depth_N), flow)
        return found / self.gain_6 / self.usual_6

    def one_motion(self, pairs: Iterable[tuple[np.ndarray, np.ndarray]]) -> np.ndarray:
        """The one signed motion that alone explains all pairs of pictures best, the others 0.

        Its size, in usual motions, is the median over the pairs.
        """
        basis = self.fields.basis(self.inverse_depth_N)
        most_6 = MOST * self.alone_gain_6 * self.usual_6
        fits = [
            _each_alone(basis, smoothed(before), smoothed(after), most_6) for before, after in pairs
        ]
        axis = int(np.sum([left for _, left in fits], axis=0).argmin())
        motion = np.zeros(6)
        motion[axis] = np.median([found[axis] for found, _ in fits])
        return motion / self.alone_gain_6 / self.usual_6


def calibrate(windows: Iterable[KnownVideo], usual_6: np.ndarray) -> Calibration:
    """Fit inverse depth and gains to windows of one picture size."""
    pairs, pictures, fields = [], [], None
    for window in windows:
        _, height, width, _ = window.frames.shape
        fields = fields or MotionFields.of(window.intrinsics, width, height)
        true = signed_motions(window)
        for t in range(0, len(window.frames) - GAP, GAP):
            before, after = smoothed(window.frames[t]), smoothed(window.frames[t + GAP])
            pairs.append((optical_flow(before, after), true[t]))
            pictures.append((before, after))
        if len(pairs) >= MOST_PAIRS:
            break
    if fields is None or not pairs:
        raise OpenRelicError("no training windows to calibrate the motion fields on")
    inverse_depth = _inverse_depth(fields, pairs)
    basis = fields.basis(inverse_depth)
    found = np.stack([fit_motion(basis, flow) for flow, _ in pairs])
    true = np.stack([motion for _, motion in pairs])
    lonely = [i for i, motion in enumerate(true) if alone(motion / usual_6) >= 0]
    single = np.array([_each_alone(basis, *pictures[i])[0] for i in lonely]).reshape(-1, 6)
    return Calibration(
        fields=fields,
        inverse_depth_N=inverse_depth,
        gain_6=_gains(found, true, usual_6),
        alone_gain_6=_gains(single, true[lonely], usual_6),
        usual_6=usual_6,
    )


def _each_alone(
    basis: np.ndarray, before: np.ndarray, after: np.ndarray, most_6: np.ndarray | float = np.inf
) -> tuple[np.ndarray, np.ndarray]:
    """`fit_each_alone` of two smoothed pictures."""
    return fit_each_alone(basis, optical_flow(before, after), flow_certainty(before), most_6)


def _inverse_depth(
    fields: MotionFields, pairs: Sequence[tuple[np.ndarray, np.ndarray]]
) -> np.ndarray:
    """Least squares a cell of what rotation leaves of the flow, drawn to the picture's mean."""
    flow = np.stack([one for one, _ in pairs])
    motion = np.stack([one for _, one in pairs])
    left = flow - np.einsum("ncm,pm->pnc", fields.rotations_N23, motion[:, 3:])
    moved = np.einsum("ncm,pm->pnc", fields.translations_N23, motion[:, :3])
    above, below = (moved * left).sum((0, 2)), (moved * moved).sum((0, 2))
    mean = above.sum() / max(below.sum(), 1e-9)
    # A prior as strong as a tenth of an average cell's evidence.
    prior = 0.1 * below.mean() + 1e-9
    return np.clip((above + prior * mean) / (below + prior), 0.1 * abs(mean) + 1e-6, None)


def _gains(found: np.ndarray, true: np.ndarray, usual_6: np.ndarray) -> np.ndarray:
    """Median of found over true where a motion is clearly there."""
    gains = np.ones(6)
    for axis in range(6):
        there = np.abs(true[:, axis]) > LEAST * usual_6[axis]
        if there.sum() >= 5:
            gains[axis] = np.median(found[there, axis] / true[there, axis])
    return np.clip(gains, 0.2, 2.0)


def signed_motions(window: KnownVideo) -> np.ndarray:
    """(T - GAP, 6) true motions over `GAP` frames, in the earlier camera's axes."""
    R, offset = window.camera_from_world[..., :3], window.camera_from_world[..., 3]
    centre = -(R.swapaxes(-1, -2) @ offset[..., None])[..., 0]
    step = (R[:-GAP] @ (centre[GAP:] - centre[:-GAP])[..., None])[..., 0] / window.unit_m
    turn = turn_angles_deg(R[:-GAP] @ R[GAP:].swapaxes(-1, -2))
    return signed_motion(motion_to_values(step, turn))[1:]  # the first row is the window's own


def classify(motion_6: np.ndarray) -> int:
    """The class of motions in usual motions: an index into `CLASSES`, or 12 for none."""
    largest = int(np.abs(motion_6).argmax())
    if abs(motion_6[largest]) < LEAST:
        return len(CLASSES)
    return int(signed_class(largest, motion_6[largest] > 0))


def signed_class(axis: int, positive: bool) -> int:
    """The column of a signed motion."""
    row = np.zeros((1, 6))
    row[0, axis] = 1.0 if positive else -1.0
    names = [one for one in range(12) if signed_motion(np.eye(13)[[one]])[0, axis] == row[0, axis]]
    return names[0]


def alone(motion_6: np.ndarray) -> int:
    """The class of a true motion if it stands alone and is at least half a usual one, else -1."""
    sizes = np.sort(np.abs(motion_6))
    if sizes[-1] < 0.5 or sizes[-2] > ALONE * sizes[-1]:
        return -1
    return classify(motion_6)


def confusion(windows: Iterable[KnownVideo], calibration: Calibration) -> np.ndarray:
    """Counts (12, 13): the motion that was there alone, the motion that is read; last: none."""
    counts = np.zeros((12, 13), np.int64)
    for window in windows:
        true = signed_motions(window) / calibration.usual_6
        for t in range(0, len(true), GAP):
            row = alone(true[t])
            if row >= 0:
                read = calibration.one_motion([(window.frames[t], window.frames[t + GAP])])
                counts[row, classify(read)] += 1
    return counts


def accuracy(counts: np.ndarray) -> float:
    """Share of what was read as it was, of all."""
    return float(np.trace(counts[:, :12]) / max(1, counts.sum()))
