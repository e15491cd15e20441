"""What is measured of one frame, and means over many with their intervals.

A frame's error is taken over the pixels that count. Sums are kept, so that in a mean every counted
pixel weighs the same, however many of a frame's count.

Public: `FrameScore`, `score_frame`, `Mean`, `mean_error`, `mean_agreement`,
`error_ratio`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

LEVEL = 0.95
RESAMPLES = 1000
LEAST_VALUES = 24
"""Counted 8-bit values below which a frame's correlation is not looked at."""


@dataclass(frozen=True, kw_only=True)
class FrameScore:
    """One frame of one contender: a row of `frames.parquet`."""

    model: str
    """the model, and the memory it was given"""
    exam: str
    """`context` (A) or `own` (B)"""
    contender: str
    """`model`, or the control that stands in for it"""
    kind: str
    video: str
    place: str
    scene: str
    frame: int
    moved: bool
    """exam B: the pictures before both frames move as commanded; exam A: always true"""
    values: int
    """8-bit values that count"""
    squared: float
    """sum of their squared errors"""
    correlation: float
    """of the counted values with those that are wanted; NaN where there are too few, or one of the
    two pictures is flat"""
    seconds_away: float
    """since what counts was last seen, before the window"""
    degrees_away: float
    """the farthest that the camera had turned from there since"""
    metres_away: float
    """the farthest that the camera had moved from there since"""


@dataclass(frozen=True, kw_only=True)
class Error:
    """Of one picture against another where it counts."""

    values: int
    squared: float
    correlation: float


def score_frame(made: np.ndarray, wanted: np.ndarray, counted: np.ndarray) -> Error:
    """Compare pictures (H, W, 3) uint8 where `counted` (H, W)."""
    own, true = made[counted].astype(np.float64), wanted[counted].astype(np.float64)
    return Error(
        values=own.size,
        squared=float(np.square(own - true).sum()),
        correlation=_correlation(own, true),
    )


def _correlation(own: np.ndarray, true: np.ndarray) -> float:
    """Pearson's, without each channel's mean: tint and brightness are no proof of a place."""
    if own.size < LEAST_VALUES:
        return float("nan")
    own, true = own - own.mean(0), true - true.mean(0)
    size = np.sqrt(np.square(own).sum() * np.square(true).sum())
    return float((own * true).sum() / size) if size > 1e-9 else float("nan")


@dataclass(frozen=True, kw_only=True)
class Mean:
    """A mean with its 95 % interval over places; NaN where nothing was counted."""

    value: float
    low: float
    high: float
    frames: int
    places: int


def mean_error(scores: Sequence[FrameScore]) -> Mean:
    """Mean squared error of 8-bit values over all counted values."""
    return _mean(scores, lambda one: one.squared, lambda one: float(one.values))


def mean_agreement(scores: Sequence[FrameScore]) -> Mean:
    """Mean correlation over frames, each by its counted values."""
    seen = [one for one in scores if np.isfinite(one.correlation)]
    return _mean(seen, lambda one: one.correlation * one.values, lambda one: float(one.values))


def error_ratio(above: Sequence[FrameScore], below: Sequence[FrameScore]) -> Mean:
    """Squared errors of `above` over those of `below`, on the frames that both have."""
    others = {(one.video, one.frame): one for one in above}
    pairs = [
        (others[one.video, one.frame].squared, one)
        for one in below
        if (one.video, one.frame) in others
    ]
    own = [one for _, one in pairs]
    squared = {id(one): value for value, one in pairs}
    found = _mean(own, lambda one: squared[id(one)], lambda one: one.squared)
    if own and np.isnan(found.value) and sum(squared.values()) > 0:
        return replace(found, value=np.inf, frames=len(own))  # `below` makes no error at all
    return found


def psnr_db(mse: float) -> float:
    """Of 8-bit values."""
    with np.errstate(divide="ignore"):
        return float(10 * np.log10(255.0**2 / np.float64(mse)))


def _mean(
    scores: Sequence[FrameScore],
    above: Callable[[FrameScore], float],
    below: Callable[[FrameScore], float],
) -> Mean:
    """A ratio of sums; the interval is a percentile bootstrap over places, seeded."""
    places = sorted({one.place for one in scores})
    sums = np.zeros((2, len(places)))
    for one in scores:
        at = places.index(one.place)
        sums[:, at] += above(one), below(one)
    nothing = Mean(value=np.nan, low=np.nan, high=np.nan, frames=0, places=0)
    if not scores or sums[1].sum() <= 0:
        return nothing
    low, high = _interval(sums)
    return Mean(
        value=float(sums[0].sum() / sums[1].sum()),
        low=low,
        high=high,
        frames=len(scores),
        places=len(places),
    )


def _interval(sums: np.ndarray) -> tuple[float, float]:
    """Of the ratio of two rows' sums over resampled columns; a single column tells none."""
    from scipy.stats import bootstrap

    if sums.shape[1] < 2:
        return float("nan"), float("nan")
    found = bootstrap(
        (sums[0], sums[1]),
        lambda a, b, axis: a.sum(axis) / np.maximum(b.sum(axis), 1e-9),
        paired=True, vectorized=True, method="percentile", confidence_level=LEVEL,
        n_resamples=RESAMPLES, rng=np.random.default_rng(0),
    ).confidence_interval  # fmt: skip
    return float(found.low), float(found.high)
