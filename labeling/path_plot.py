"""A picture of a camera path: from above, from the side, its speeds, and its jitter."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from labeling.camera import level_angles_deg, rotation_distance_rad, wrap_deg
from labeling.formats import Trajectory

if TYPE_CHECKING:
    from matplotlib.axes import Axes

ARROWS = 40


def plot_path(poses: Trajectory, time_s: np.ndarray, out: Path) -> None:
    """Draw the path into a PNG or whatever `out`'s suffix says."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(2, 2, figsize=(12, 8), layout="constrained")
    _draw_track(axes[0, 0], poses, (0, 1), ("X forward", "Y left"), "from above")
    _draw_track(axes[0, 1], poses, (0, 2), ("X forward", "Z up"), "from the side")
    _draw_speeds(axes[1, 0], poses, time_s)
    _draw_angles(axes[1, 1], poses, time_s)
    out.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(out, dpi=110)
    plt.close(figure)


def _draw_track(
    axes: "Axes", poses: Trajectory, pair: tuple[int, int], names: tuple[str, str], title: str
) -> None:
    """The path in two of the world's axes, with the way the camera looks."""
    P, forward = poses.position_m[:, list(pair)], poses.R_cam_from_world[:, 2][:, list(pair)]
    axes.plot(P[:, 0], P[:, 1], color="#8a94a6", linewidth=1)
    some = np.unique(np.linspace(0, len(P) - 1, ARROWS).astype(int))
    axes.quiver(
        P[some, 0], P[some, 1], forward[some, 0], forward[some, 1], some, cmap="viridis",
        angles="xy" if np.ptp(P, axis=0).any() else "uv", width=0.004, scale=16,
    )  # fmt: skip
    axes.plot(*P[0], "o", color="#2a9d3a", label="first")
    axes.plot(*P[-1], "s", color="#c0392b", label="last")
    axes.set(xlabel=f"{names[0]} (units)", ylabel=f"{names[1]} (units)", title=title)
    axes.set_aspect("equal", adjustable="datalim")
    axes.legend(loc="best")


def _draw_speeds(axes: "Axes", poses: Trajectory, time_s: np.ndarray) -> None:
    gap_s = np.diff(time_s)
    step = (poses.R_cam_from_world[:-1] @ np.diff(poses.position_m, axis=0)[..., None])[..., 0]
    for index, name in enumerate(("right", "down", "forward")):
        axes.plot(time_s[1:], step[:, index] / gap_s, label=name, linewidth=1)
    axes.set(xlabel="time (s)", ylabel="units a second", title="speed in the camera's axes")
    turning = axes.twinx()
    turn_deg = np.rad2deg(
        rotation_distance_rad(poses.R_cam_from_world[1:], poses.R_cam_from_world[:-1])
    )
    turning.plot(time_s[1:], turn_deg / gap_s, color="#8a94a6", linewidth=0.7)
    turning.set_ylabel("turning, degrees a second (grey)")
    axes.legend(loc="best")


def _draw_angles(axes: "Axes", poses: Trajectory, time_s: np.ndarray) -> None:
    angles_deg = wrap_deg(level_angles_deg(poses.R_cam_from_world))
    for index, name in enumerate(("pan", "tilt", "roll")):
        axes.plot(time_s, angles_deg[:, index], ".", markersize=2, label=name)
    axes.set(xlabel="time (s)", ylabel="degrees", title="angles from level, looking along X")
    axes.legend(loc="best")
