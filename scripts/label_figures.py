"""Draw the figures of docs/labels.md.

    python scripts/label_figures.py [WORKSPACE]

The axes and the thresholds need nothing; the roll columns are drawn from the clips of WORKSPACE.
"""

import sys
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

from labeling.actions import ACTIONS, Thresholds, poses_to_actions
from labeling.camera import ue_to_camera

DOCS = Path(__file__).parents[1] / "docs"
RED, GREEN, BLUE, GREY = "#c0392b", "#2a9d3a", "#2f6fbf", "#8a94a6"
DIGIT_CM = DIGIT_DEG = 1e-3  # that UnrealCV prints


def draw_axes() -> None:
    """Unreal's axes, the project's, and those of a camera."""
    figure = plt.figure(figsize=(11, 3.6))
    worlds = [
        ("Unreal: left-handed, cm", ["X forward", "Y right", "Z up"], np.diag([1.0, 1.0, 1.0])),
        ("the project: right-handed, m", ["X forward", "Y left", "Z up"], np.diag([1.0, -1, 1])),
        ("camera (OpenCV)", ["z forward", "x right", "y down"], np.diag([1.0, 1.0, -1.0])),
    ]
    for index, (title, names, directions) in enumerate(worlds):
        axes = figure.add_subplot(1, 3, index + 1)
        # Forward to the upper right, right to the right, up to the top: a simple oblique view.
        on_paper = np.array([[0.62, 0.5], [0.95, -0.12], [0.0, 0.95]])
        for name, direction, colour in zip(names, directions, (RED, GREEN, BLUE), strict=True):
            right, up = (float(value) for value in direction @ on_paper)
            axes.annotate("", (right, up), (0, 0), arrowprops={"arrowstyle": "-|>", "color": colour,
                                                       "lw": 2.5})  # fmt: skip
            axes.text(1.32 * right, 1.32 * up, name, ha="center", va="center", color=colour)
        axes.set(xlim=(-1.4, 1.5), ylim=(-1.25, 1.3), title=title)
        axes.set_aspect("equal")
        axes.axis("off")
    figure.savefig(DOCS / "labels_axes.png", dpi=110, bbox_inches="tight")


def flicker_share(kind: str, deviation: float, seconds: float = 60.0) -> tuple[float, float]:
    """Shares of frames in which a resting camera seems to press a key, and of those in which a
    slow motion (5 % of a usual speed) seems released, under jitter of that deviation."""
    frames = int(16 * seconds)
    random = np.random.default_rng(0)
    shares = []
    for moving in (False, True):
        location_cm, rotation_deg = np.zeros((frames, 3)), np.zeros((frames, 3))
        if moving and kind == "translation":
            location_cm[:, 0] = 0.05 * 8.0 * np.arange(frames)  # of 1.3 m a second
        if moving and kind == "rotation":
            rotation_deg[:, 1] = 0.05 * 1.25 * np.arange(frames)  # of 20 degrees a second
        noisy = location_cm if kind == "translation" else rotation_deg
        noisy += random.normal(scale=deviation, size=noisy.shape)
        R, P = ue_to_camera(np.round(location_cm, 3), np.round(rotation_deg, 3))
        active = poses_to_actions(R, P, unit_m=0.08).active[1:]
        key = ACTIONS.index("dolly_in" if kind == "translation" else "pan_right")
        shares.append(
            float(active[:, key].mean()) if moving else float(active[:, :12].any(1).mean())
        )
    return shares[0], 1.0 - shares[1]


def draw_thresholds() -> None:
    """At which jitter a resting camera seems to move, and a slow one to rest."""
    thresholds = Thresholds()
    figure, both = plt.subplots(1, 2, figsize=(11, 3.8), layout="constrained")
    kinds = [
        ("translation", "cm", DIGIT_CM, thresholds.translation_on * 8.0,
         thresholds.translation_off * 8.0, 0.05 * 8.0),
        ("rotation", "degrees", DIGIT_DEG, thresholds.rotation_on_deg,
         thresholds.rotation_off_deg, 0.05 * 1.25),
    ]  # fmt: skip
    for axes, (kind, unit, digit, on, off, slow) in zip(both, kinds, strict=True):
        jitter = np.geomspace(1e-4, 1.0, 40)
        resting, released = zip(
            *(flicker_share(kind, float(value)) for value in jitter), strict=True
        )
        axes.plot(jitter, np.array(resting) * 100, color=RED, label="at rest, seems to move")
        axes.plot(
            jitter, np.array(released) * 100, color=BLUE, label="5 % of usual speed, released"
        )
        for value, name, style in ((on, "on", "-"), (off, "off", "--"), (digit, "one digit", ":"),
                                   (slow, "slow motion", "-.")):  # fmt: skip
            axes.axvline(value, color=GREY, linestyle=style, linewidth=1)
            axes.text(value, 103, name, rotation=30, fontsize=8, color=GREY)
        axes.set(xscale="log", xlabel=f"jitter of each pose, {unit} (standard deviation)",
                 ylabel="% of frames", title=f"{kind} (1.3 m/s, 20°/s are usual)\n\n")  # fmt: skip
        axes.legend(loc="center left")
    figure.savefig(DOCS / "labels_thresholds.png", dpi=110)


def draw_roll(workspace_location: str) -> None:
    """Shares of frames with roll, labelled in either frame, clip by clip."""
    from dataset.clip import require_clips
    from dataset.workspace import Workspace
    from labeling.store import clip_poses

    workspace = Workspace(workspace_location)
    clips = require_clips(workspace)
    rolls = [ACTIONS.index("roll_cw"), ACTIONS.index("roll_ccw")]
    shares = np.zeros((len(clips), 2))
    for index, clip in enumerate(clips):
        R, P = clip_poses(workspace, clip)
        for column, frame in enumerate(("camera", "level")):
            active = poses_to_actions(R, P, rotation_frame=frame).active  # type: ignore[arg-type]
            shares[index, column] = active[1:, rolls].any(axis=1).mean()
    figure, axes = plt.subplots(figsize=(8, 3.2), layout="constrained")
    place = np.arange(len(clips))
    axes.bar(place - 0.2, 100 * shares[:, 0], 0.4, color=RED, label="labelled in camera")
    axes.bar(place + 0.2, 100 * shares[:, 1], 0.4, color=BLUE, label="labelled in level")
    names = [
        f"{clip.scene}\n{clip.kind}, {clip.motion}\nsteered in {clip.rotation_frame}"
        for clip in clips
    ]
    axes.set_xticks(place, names, fontsize=7)
    axes.set(ylabel="% of frames with roll")
    axes.legend()
    figure.savefig(DOCS / "labels_roll.png", dpi=110)
    for clip, (camera, level) in zip(clips, shares, strict=True):
        sys.stdout.write(f"{clip.tour_id}: camera {camera:.1%}, level {level:.1%}\n")


def main() -> None:
    """Draw them all."""
    draw_axes()
    draw_thresholds()
    if len(sys.argv) > 1:
        draw_roll(sys.argv[1])


if __name__ == "__main__":
    main()
