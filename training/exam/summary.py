"""Means over the exam's frames: in all, by tour, and over how long and how far a place was away.

Public: `SummaryRow`, `summarise`, `BINS`.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from training.exam.scores import (
    FrameScore,
    error_ratio,
    mean_agreement,
    mean_error,
    psnr_db,
)

BINS: dict[str, tuple[float, ...]] = {
    "seconds": (0.0, 3.0, 6.0, 9.0, 14.0, np.inf),
    "degrees": (0.0, 30.0, 60.0, 85.0, 110.0, 181.0),
    "metres": (0.0, 0.05, 0.5, 1.0, 2.0, np.inf),
}
"""Borders of the groups; the last of metres are for models whose steps are long."""
STRANGE = "random memory"
AWAY: dict[str, Callable[[FrameScore], float]] = {
    "seconds": lambda one: one.seconds_away,
    "degrees": lambda one: one.degrees_away,
    "metres": lambda one: one.metres_away,
}


@dataclass(frozen=True, kw_only=True)
class SummaryRow:
    """One contender over some frames: a row of `exam.parquet`."""

    model: str
    exam: str
    contender: str
    by: str
    """`all`, `tour`, `seconds`, `degrees` or `metres`"""
    group: str
    """a tour's name, or a range"""
    away: float
    """mean of what it is grouped by, over the counted values; NaN for `all` and `tour`"""
    returning: int
    """frames that come back and of which something counts"""
    moved: int
    """of them, those that move as commanded (exam B; in exam A all)"""
    values: int
    """8-bit values that are counted"""
    places: int
    mse: float
    psnr_db: float
    psnr_low: float
    psnr_high: float
    gain_db: float
    """how much smaller the error is than the same model's over a random memory, on the frames that
    both show; 0: its memory is of no use"""
    gain_low: float
    gain_high: float
    correlation: float
    correlation_low: float
    correlation_high: float


def summarise(scores: Sequence[FrameScore]) -> list[SummaryRow]:
    """All rows, by model, exam and contender in the order in which they come."""
    keys = dict.fromkeys((one.model, one.exam, one.contender) for one in scores)
    found = []
    for key in keys:
        own = [one for one in scores if (one.model, one.exam, one.contender) == key]
        strange = [
            one
            for one in scores
            if (one.model, one.exam, one.contender) == (*key[:2], STRANGE) and one.moved
        ]
        for by, group, some in _groups(own):
            found.append(_row(key, by, group, some, strange))
    return found


def _groups(scores: Sequence[FrameScore]) -> Iterator[tuple[str, str, list[FrameScore]]]:
    yield "all", "all", list(scores)
    for kind in dict.fromkeys(one.kind for one in scores):
        yield "tour", kind, [one for one in scores if one.kind == kind]
    for by, borders in BINS.items():
        for low, high in zip(borders[:-1], borders[1:], strict=True):
            some = [one for one in scores if low <= AWAY[by](one) < high]
            if some:
                yield by, _range(low, high), some


def _range(low: float, high: float) -> str:
    return f"{low:g} and more" if np.isinf(high) else f"{low:g} to {high:g}"


def _row(
    key: tuple[str, str, str],
    by: str,
    group: str,
    scores: list[FrameScore],
    strange: list[FrameScore],
) -> SummaryRow:
    moved = [one for one in scores if one.moved]
    error, agreement, gain = mean_error(moved), mean_agreement(moved), error_ratio(strange, moved)
    return SummaryRow(
        model=key[0], exam=key[1], contender=key[2], by=by, group=group,
        away=_mean_away(by, moved), returning=len(scores), moved=len(moved),
        values=sum(one.values for one in moved), places=error.places,
        mse=error.value, psnr_db=_decibels(error.value), psnr_low=_decibels(error.high),
        psnr_high=_decibels(error.low), gain_db=_gain(gain.value), gain_low=_gain(gain.low),
        gain_high=_gain(gain.high), correlation=agreement.value,
        correlation_low=agreement.low, correlation_high=agreement.high,
    )  # fmt: skip


def _decibels(mse: float) -> float:
    return float("nan") if np.isnan(mse) else psnr_db(mse)


def _gain(ratio: float) -> float:
    with np.errstate(divide="ignore"):
        return float(10 * np.log10(ratio))


def _mean_away(by: str, scores: Sequence[FrameScore]) -> float:
    if by not in AWAY or not scores:
        return float("nan")
    weights = [one.values for one in scores]
    return float(np.average([AWAY[by](one) for one in scores], weights=weights))
