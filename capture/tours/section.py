"""What a plan looks like: its section of the report, and the same as text.

Expected shares stand beside wanted ones, durations beside the paper's.
"""

from collections import Counter

import numpy as np

from capture.tours.expectation import expected_error, expected_shares
from capture.tours.planning import (
    HIGHEST_SHARE,
    LOWEST_SHARE,
    PAPER_MAX_S,
    PAPER_MEAN_S,
    PAPER_MEDIAN_S,
    WANTED,
)
from capture.tours.rows import PlanRow
from capture.tours.text import percent, text_table
from dataset.clip import FPS
from dataset.sections import figure_html, side_by_side, table_html, write_section
from dataset.workspace import Workspace
from labeling.actions import ACTIONS

KIND_COLUMNS = ["kind", "tours", "minutes", "of tours"]
MAX_LISTED = 200  # tours listed one by one
OURS, THEIRS, LIMITS = "#4477aa", "#cc6677", "#999999"


def plan_text(rows: list[PlanRow]) -> str:
    """The plan in a screenful: tours, durations, kinds, and expected beside wanted shares."""
    seconds = np.array([row.frames / FPS for row in rows])
    expected, error = expected_shares(rows), expected_error(rows)
    lines = [
        [action, percent(WANTED[at]), percent(expected[at]), percent(error[at])]
        for at, action in enumerate(ACTIONS)
    ]
    return (
        f"{_size_line(rows)}\n{_durations_line(seconds)}\n{_speeds_line(rows)}\n\n"
        + text_table(KIND_COLUMNS, _kind_rows(rows))
        + "\n"
        + text_table(["share of frames", "wanted", "expected", "give or take"], lines)
        + f"Allowed: {percent(LOWEST_SHARE)} to {percent(HIGHEST_SHARE)}. Expected: as operators "
        "do in empty rooms of three sizes (capture/tours/calibration.py); give or take by chance.\n"
    )


def write_plan_section(workspace: Workspace, rows: list[PlanRow]) -> None:
    """Write `report/plan.html`."""
    seconds = np.array([row.frames / FPS for row in rows])
    body = (
        f"<p>{_size_line(rows)} {_durations_line(seconds)} {_speeds_line(rows)}</p>"
        + side_by_side([durations_figure(seconds, "planned tours"), shares_figure(rows)])
        + table_html(KIND_COLUMNS, [[*row] for row in _kind_rows(rows)])
        + _tours_table(rows[:MAX_LISTED])
    )
    if len(rows) > MAX_LISTED:
        body += f"<p>The first {MAX_LISTED} of {len(rows)} tours; plan.parquet has them all.</p>"
    write_section(workspace, "plan", "Plan", body)


def _size_line(rows: list[PlanRow]) -> str:
    scenes = len({(row.game, row.scene) for row in rows})
    minutes = sum(row.frames for row in rows) / FPS / 60.0
    return f"{len(rows)} tours in {scenes} scenes, {minutes:.1f} minutes."


def _durations_line(seconds: np.ndarray) -> str:
    return (
        f"Durations: mean {seconds.mean():.0f} s, median {np.median(seconds):.0f} s, maximum "
        f"{seconds.max():.0f} s; the paper's: mean {PAPER_MEAN_S:g} s, median "
        f"{PAPER_MEDIAN_S:g} s, maximum {PAPER_MAX_S:g} s."
    )


def _speeds_line(rows: list[PlanRow]) -> str:
    moves = np.array([row.translation_m_s for row in rows])
    turns = np.array([row.rotation_deg_s for row in rows])
    return (
        f"Usual speeds: {moves.min():.2f} to {moves.max():.2f} m/s (median {np.median(moves):.2f}),"
        f" {turns.min():.0f} to {turns.max():.0f} °/s (median {np.median(turns):.0f})."
    )


def _kind_rows(rows: list[PlanRow]) -> list[list[str]]:
    """Tours and minutes of each kind and motion."""
    manners = [f"{row.kind}, {row.motion}" if row.pose_file is None else row.kind for row in rows]
    tours, frames = Counter(manners), Counter[str]()
    for manner, row in zip(manners, rows, strict=True):
        frames[manner] += row.frames
    return [
        [manner, f"{count}", f"{frames[manner] / FPS / 60:.1f}", percent(count / len(rows))]
        for manner, count in sorted(tours.items())
    ]


def _tours_table(rows: list[PlanRow]) -> str:
    return table_html(
        ["tour", "scene", "kind", "motion", "seconds", "m/s", "°/s", "clearance cm"],
        [
            [
                row.tour_id, row.scene, row.kind, row.motion, f"{row.frames / FPS:.1f}",
                f"{row.translation_m_s:.2f}", f"{row.rotation_deg_s:.0f}",
                f"{row.clearance_cm:g}",
            ]
            for row in rows
        ],
    )  # fmt: skip


def durations_figure(seconds: np.ndarray, what: str) -> str:
    """Histogram of durations in seconds with the paper's distribution over it."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 3.2))
    axes = figure.add_subplot()
    edges = np.arange(0, max(200.0, float(seconds.max())) + 20, 20)
    axes.hist(seconds, bins=edges.tolist(), color=OURS, label=what)
    # The lognormal with the paper's median and mean (its own plot shows about this shape).
    spread = np.sqrt(2 * np.log(PAPER_MEAN_S / PAPER_MEDIAN_S))
    x = np.linspace(1, edges[-1], 400)
    density = np.exp(-(np.log(x / PAPER_MEDIAN_S) ** 2) / (2 * spread**2))
    density /= x * spread * np.sqrt(2 * np.pi)
    label = "lognormal of the paper's median and mean"
    axes.plot(x, density * len(seconds) * 20, color=THEIRS, label=label)
    axes.set_xlabel("duration (s)")
    axes.set_ylabel("tours")
    axes.legend(frameon=False, loc="lower right", bbox_to_anchor=(1, 1), ncols=2)
    return figure_html(figure, f"Durations of {what}")


def shares_figure(rows: list[PlanRow], achieved: np.ndarray | None = None) -> str:
    """Bars of wanted, expected and perhaps achieved shares (13,), with the limits."""
    from matplotlib.figure import Figure

    series = [("wanted", WANTED, "#bbbbbb"), ("expected of this plan", expected_shares(rows), OURS)]
    if achieved is not None:
        series.append(("achieved by its clips", achieved, THEIRS))
    figure = Figure(figsize=(6, 2.8))
    axes = figure.add_subplot()
    places, width = np.arange(len(ACTIONS)), 0.8 / len(series)
    for number, (label, shares, colour) in enumerate(series):
        offset = (number - (len(series) - 1) / 2) * width
        axes.bar(places + offset, 100 * shares, width, label=label, color=colour)
    for limit in (LOWEST_SHARE, HIGHEST_SHARE):
        axes.axhline(100 * limit, color=LIMITS, linewidth=0.8, linestyle="--")
    axes.set_xticks(places, ACTIONS, rotation=45, ha="right", fontsize=8)
    axes.set_ylabel("% of frames")
    axes.legend(frameon=False, loc="lower right", bbox_to_anchor=(1, 1), ncols=3)
    return figure_html(figure, "Share of frames with each action; dashed: what is allowed")
