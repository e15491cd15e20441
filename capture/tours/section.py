"""The plan's section of the report: expected beside wanted, durations beside the paper's."""

import numpy as np

from capture.tours.planning import PAPER_MAX_S, PAPER_MEAN_S, PAPER_MEDIAN_S, WANTED_SHARES
from capture.tours.rows import PlanRow, expected_shares
from dataset.clip import FPS
from dataset.sections import figure_html, side_by_side, table_html, write_section
from dataset.workspace import Workspace
from labeling.actions import ACTIONS


def write_plan_section(workspace: Workspace, rows: list[PlanRow]) -> None:
    """Write `report/plan.html`."""
    seconds = np.array([row.frames / FPS for row in rows])
    body = (
        f"<p>{len(rows)} tours in {len({row.scene for row in rows})} scenes, "
        f"{seconds.sum() / 60:.1f} minutes. {_durations_line(seconds)}</p>"
        + side_by_side([durations_figure(seconds, "planned tours"), _shares_figure(rows)])
        + table_html(
            ["tour", "scene", "kind", "motion", "seconds", "m/s", "°/s", "clearance cm"],
            [
                [
                    row.tour_id, row.scene, row.kind, row.motion, f"{row.frames / FPS:.1f}",
                    f"{row.translation_m_s:.2f}", f"{row.rotation_deg_s:.0f}",
                    f"{row.clearance_cm:g}",
                ]
                for row in rows
            ],
        )
    )  # fmt: skip
    write_section(workspace, "plan", "Plan", body)


def _durations_line(seconds: np.ndarray) -> str:
    return (
        f"Durations: mean {seconds.mean():.0f} s, median {np.median(seconds):.0f} s, maximum "
        f"{seconds.max():.0f} s; the paper's: mean {PAPER_MEAN_S:g} s, median "
        f"{PAPER_MEDIAN_S:g} s, maximum {PAPER_MAX_S:g} s."
    )


def durations_figure(seconds: np.ndarray, what: str) -> str:
    """Histogram of durations in seconds with the paper's distribution over it."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 3.2))
    axes = figure.add_subplot()
    edges = np.arange(0, max(200.0, float(seconds.max())) + 20, 20)
    axes.hist(seconds, bins=edges.tolist(), color="#4477aa", label=what)
    # The lognormal with the paper's median and mean (its own plot shows about this shape).
    spread = np.sqrt(2 * np.log(PAPER_MEAN_S / PAPER_MEDIAN_S))
    x = np.linspace(1, edges[-1], 400)
    density = np.exp(-(np.log(x / PAPER_MEDIAN_S) ** 2) / (2 * spread**2))
    density /= x * spread * np.sqrt(2 * np.pi)
    label = "lognormal of the paper's median and mean"
    axes.plot(x, density * len(seconds) * 20, color="#cc6677", label=label)
    axes.set_xlabel("duration (s)")
    axes.set_ylabel("tours")
    axes.legend(frameon=False, loc="lower right", bbox_to_anchor=(1, 1), ncols=2)
    return figure_html(figure, f"Durations of {what}")


def _shares_figure(rows: list[PlanRow]) -> str:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 2.8))
    axes = figure.add_subplot()
    places = np.arange(len(ACTIONS))
    wanted = [100 * WANTED_SHARES[name] for name in ACTIONS]
    axes.bar(places - 0.2, wanted, 0.4, label="wanted of the dataset", color="#bbbbbb")
    axes.bar(places + 0.2, 100 * expected_shares(rows), 0.4, label="this plan", color="#4477aa")
    axes.set_xticks(places, ACTIONS, rotation=45, ha="right", fontsize=8)
    axes.set_ylabel("% of frames")
    axes.legend(frameon=False, loc="lower right", bbox_to_anchor=(1, 1), ncols=2)
    return figure_html(figure, "Share of frames that each action should have")
