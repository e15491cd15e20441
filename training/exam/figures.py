"""The exam's plot: how well places are shown again, over how long and how far they were away.

Public: `draw_exam`.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from training.exam.exams import CONTEXT, OWN
from training.exam.summary import SummaryRow

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LEAST_METRES = 0.05
"""Nearer than that nobody walked."""
MOST_DB = 45.0
"""A perfect answer has no bound; it is drawn here."""
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000")
CONTROLS = {
    "coded": ("the truth through the codec", "#666666", (0, (1, 1))),
    "random memory": ("random memory", "#999999", (0, (4, 2))),
    "frozen": ("frozen camera", "#b08d57", (0, (3, 1, 1, 1))),
    "mean": ("mean picture", "#c9a0a0", (0, (5, 1, 1, 1, 1, 1))),
}
TITLES = {CONTEXT: "A: memory filled with the true way out", OWN: "B: both ways made by the model"}
COLUMNS = (
    ("seconds", "seconds since the place was last seen"),
    ("degrees", "degrees turned away meanwhile"),
    ("metres", "metres walked away meanwhile"),
)


def draw_exam(rows: Sequence[SummaryRow]) -> "Figure":
    """PSNR and correlation with the place, exam by exam."""
    from matplotlib.figure import Figure

    exams = [exam for exam in TITLES if any(row.exam == exam for row in rows)]
    figure = Figure(figsize=(13.5, 3.6 * 2 * len(exams)), layout="constrained")
    axes = figure.subplots(2 * len(exams), len(COLUMNS), squeeze=False)
    for number, exam in enumerate(exams):
        own = [row for row in rows if row.exam == exam]
        for column, (by, label) in enumerate(COLUMNS):
            some = [row for row in own if row.by == by and not np.isnan(row.away)]
            if by == "metres" and all(row.away < LEAST_METRES for row in some):
                some = []
            _curves(axes[2 * number, column], some, "psnr_db")
            _curves(axes[2 * number + 1, column], some, "correlation")
            axes[2 * number + 1, column].set_xlabel(label)
        axes[2 * number, 0].set_ylabel("PSNR, dB")
        axes[2 * number + 1, 0].set_ylabel("correlation with the place")
        axes[2 * number, 0].set_title(TITLES[exam], loc="left", fontsize=11, fontweight="bold")
    handles, labels = _legend(axes)
    figure.legend(handles, labels, loc="outside lower center", ncols=4, frameon=False, fontsize=9)
    return figure


def _legend(axes: np.ndarray) -> tuple[list, list[str]]:
    by_label = {}
    for axis in axes.flat:
        by_label |= {
            label: handle for handle, label in zip(*axis.get_legend_handles_labels(), strict=True)
        }
    return list(by_label.values()), list(by_label)


def _curves(axis: "Axes", rows: Sequence[SummaryRow], value: str) -> None:
    """A line a model, and one a control, the mean over models."""
    axis.spines[["top", "right"]].set_visible(False)
    if not rows:
        axis.text(0.5, 0.5, "nothing to show", ha="center", va="center", color="#777777",
                  transform=axis.transAxes)  # fmt: skip
        axis.set(xticks=[], yticks=[])
        return
    models = list(dict.fromkeys(row.model for row in rows))
    for number, model in enumerate(models):
        own = [row for row in rows if row.model == model and row.contender == "model"]
        _line(axis, own, value, label=model, color=COLOURS[number % len(COLOURS)], number=number)
    for control, (label, colour, dashes) in CONTROLS.items():
        own = [row for row in rows if row.contender == control and row.model == models[0]]
        if own:
            x, y = _points(own, value)
            axis.plot(x, y, color=colour, linestyle=dashes, linewidth=1.3, label=label, zorder=1)
    axis.set_xlim(0, 1.05 * max(row.away for row in rows) + 0.1)
    axis.grid(color="#dddddd", linewidth=0.6)
    if value == "correlation":
        axis.axhline(0, color="#888888", linewidth=0.8)
        axis.set_ylim(-0.35, 1.05)


def _line(
    axis: "Axes", rows: Sequence[SummaryRow], value: str, *, label: str, color: str, number: int
) -> None:
    low, high = ("psnr_low", "psnr_high") if value == "psnr_db" else (
        "correlation_low", "correlation_high"
    )  # fmt: skip
    x, y = _points(rows, value)
    order = np.argsort([row.away for row in rows])
    bars = [
        [
            max(0.0, middle - _bounded(getattr(rows[i], low))),
            max(0.0, _bounded(getattr(rows[i], high)) - middle),
        ]
        for i, middle in zip(order, y, strict=True)
    ]
    if len(rows):
        axis.errorbar(
            x, y, np.nan_to_num(np.array(bars)).T, color=color, marker="o", markersize=4,
            linewidth=1.8, elinewidth=1, capsize=2, label=label, zorder=3 + number,
        )  # fmt: skip


def _points(rows: Sequence[SummaryRow], value: str) -> tuple[list[float], list[float]]:
    ordered = sorted(rows, key=lambda row: row.away)
    return [row.away for row in ordered], [_bounded(getattr(row, value)) for row in ordered]


def _bounded(value: float) -> float:
    return min(value, MOST_DB)
