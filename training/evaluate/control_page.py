"""Control on the page: speeds against gamma, and the heat map of all pairs of keys.

Public: `control_html`.
"""

import numpy as np
from matplotlib.figure import Figure

from dataset.sections import figure_html, side_by_side, table_html
from labeling.actions import ACTIONS
from training.evaluate.control import BOTH, Control
from training.evaluate.scripts import GAMMAS

MOTIONS = ACTIONS[:12]
SHOWN = [name.replace("_", " ") for name in MOTIONS]


def control_html(control: Control) -> str:
    """The section on control."""
    figures = [_speed_figure(control), *(_pair_figure(control, one) for one in control.systems)]
    pictures = len({one.picture for one in control.readings})
    return (
        "<h2>Control</h2>\n<p>Motion read from the pictures, over the motion that is commanded at "
        "gamma 1: a perfect system has 1, 2 and 3, and a slope of 1. The engine's own films are "
        "read in the same way and show how well this can be read at all. Starts with room for "
        f"the motion; {pictures} of them a script at most. Intervals: 95 % bootstrap over starts "
        "and motions.</p>\n"
        + _speed_table(control)
        + "<p>Pairs of keys held together: the smaller of the two shares; on the diagonal one "
        f"key alone. A key counts as followed from {BOTH:g} on. {_both(control)}</p>\n"
        + side_by_side(figures)
    )


def _both(control: Control) -> str:
    said = []
    for system in control.systems:
        both, of = control.both(system)
        said.append(f"{system}: both followed in {both} of {of} videos")
    return "; ".join(said) + "."


def _speed_table(control: Control) -> str:
    rows: list[list[object]] = []
    for system in control.systems:
        for motions, label in [([one], one) for one in MOTIONS] + [
            (list(MOTIONS[:6]), "all translations"), (list(MOTIONS[6:]), "all rotations"),
        ]:  # fmt: skip
            slope = control.slope(system, motions)
            if slope is None:
                continue
            speeds = _speeds(control, system, motions)
            rows.append([system, label.replace("_", " "), *speeds, _slope(slope)])
    return table_html(["system", "motion", *(f"gamma {g:g}" for g in GAMMAS), "slope"], rows)


def _speeds(control: Control, system: str, motions: list[str]) -> list[str]:
    cells = []
    for gamma in GAMMAS:
        found = [v for one in motions for v in control.speeds(system, one).get(gamma, [])]
        cells.append(f"{np.mean(found):.2f}" if found else "no room")
    return cells


def _slope(slope: tuple[float, float | None, float | None]) -> str:
    mean, low, high = slope
    return f"{mean:.2f}" if low is None else f"{mean:.2f} [{low:.2f}, {high:.2f}]"


def _speed_figure(control: Control) -> str:
    figure = Figure(figsize=(6, 3), layout="constrained")
    axes = figure.subplots(1, 2, sharey=True)
    parts = {"translations": MOTIONS[:6], "rotations": MOTIONS[6:]}
    for axis, (title, motions) in zip(axes, parts.items(), strict=True):
        axis.plot(GAMMAS, GAMMAS, color="#999999", linestyle="--", linewidth=1, label="commanded")
        for system in control.systems:
            means = [
                [v for one in motions for v in control.speeds(system, one).get(gamma, [])]
                for gamma in GAMMAS
            ]
            at = [g for g, values in zip(GAMMAS, means, strict=True) if values]
            axis.plot(at, [np.mean(values) for values in means if values], marker="o", label=system)
        axis.set_title(title, fontsize=10)
        axis.set_xlabel("gamma")
        axis.set_xticks(GAMMAS)
        axis.grid(alpha=0.3)
    axes[0].set_ylabel("motion read")
    axes[0].legend(fontsize=8)
    return figure_html(figure, "Speed against gamma, means over starts and motions")


def _pair_figure(control: Control, system: str) -> str:
    shares = control.pairs(system)
    there = np.flatnonzero(np.isfinite(shares).any(axis=0))
    shares, names = shares[np.ix_(there, there)], [SHOWN[at] for at in there]
    figure = Figure(figsize=(5.6, 5), layout="constrained")
    axis = figure.subplots()
    image = axis.imshow(shares, vmin=0, vmax=1.2, cmap="viridis")
    for i, j in np.argwhere(np.isfinite(shares)):
        dark = shares[i, j] < 0.7
        axis.text(
            j, i, f"{shares[i, j]:.1f}", ha="center", va="center", fontsize=7,
            color="white" if dark else "black",
        )  # fmt: skip
    axis.set_xticks(range(len(names)), names, rotation=90, fontsize=8)
    axis.set_yticks(range(len(names)), names, fontsize=8)
    figure.colorbar(image, ax=axis, shrink=0.7)
    return figure_html(figure, f"{system}: two keys at once, the smaller share of the two motions")
