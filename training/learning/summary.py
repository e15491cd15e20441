"""Tables and a picture of what was proven, and of what was not.

Public: `summary_text`, `draw_summary`, `draw_curves`.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from training.learning.calibration import CLASSES
from training.loop import METRICS

SMOOTHED = 15
EXAMS = {"context": "exam A, context", "own": "exam B, self-consistency"}


def summary_text(summary: dict[str, Any]) -> str:
    """What the command prints."""
    floor = summary["calibration"]
    lines = ["motion estimator on moments of one motion alone (share read as it was):"]
    for name, label in (
        ("train", "rendered, training scenes"),
        ("rendered", "rendered, held-out scenes"),
        ("tokenizer", "held-out, through the tokenizer"),
    ):
        counts = np.array(floor[name]["counts"])
        lines.append(f"  {label:34} {floor[name]['accuracy']:6.1%} of {counts.sum()}")
    lines.append(_matrix("rendered, held-out scenes", np.array(floor["rendered"]["counts"])))
    for name, record in summary["students"].items():
        lines.extend(_student(name, record))
    return "\n".join(lines) + "\n"


def _student(name: str, record: dict[str, Any]) -> list[str]:
    following = record["following"]
    lines = [
        "",
        f"{name}: follows {following['accuracy']:.1%} of held actions (chance "
        f"{following['chance']:.1%}, permuted {following['permuted']:.1%}, a motion read in "
        f"{following['frozen']:.0%} of frozen videos), agreement {following['agreement']:+.2f}",
        _matrix("held and read", np.array(following["counts"])),
    ]
    for exam, label in EXAMS.items():
        scores = record["memory"][exam]
        parts = [
            f"{who} {'-' if value is None else f'{value:.0f}'}"
            f" ({scores['passed'].get(who, 0)} frames)" if exam == "own" else
            f"{who} {'-' if value is None else f'{value:.0f}'}"
            for who, value in scores["mse"].items()
        ]  # fmt: skip
        lines.append(f"  {label}: {', '.join(parts) or 'nothing counted'}")
        lines.append(f"    of {scores['frames']} returning frames, values {scores['values']}")
    return lines


def _matrix(title: str, counts: np.ndarray) -> str:
    """A confusion matrix as text; rows: what was there, columns: what was read."""
    names = [*CLASSES, "none"]
    width = max(len(name) for name in names)
    head = " ".join(f"{''.join(part[0] for part in name.split('_')) or name:>4}" for name in names)
    rows = [
        f"  {name:{width}} " + " ".join(f"{value or '.':>4}" for value in row)
        for name, row in zip(CLASSES, counts, strict=True)
    ]
    return "\n".join([f"  {title}:", f"  {'':{width}} {head}", *rows])


def draw_summary(summary: dict[str, Any], path: Path) -> None:
    """Confusion matrices of the estimator and of every student."""
    from matplotlib.figure import Figure

    floor = summary["calibration"]
    matrices = {"rendered, held out": floor["rendered"]["counts"],
                "through the tokenizer": floor["tokenizer"]["counts"]}  # fmt: skip
    matrices |= {name: one["following"]["counts"] for name, one in summary["students"].items()}
    figure = Figure(figsize=(4.2 * len(matrices), 4.6), layout="constrained")
    axes = figure.subplots(1, len(matrices), squeeze=False)[0]
    for axis, (name, counts) in zip(axes, matrices.items(), strict=True):
        values = np.array(counts, float)
        share = values / np.maximum(1, values.sum(1, keepdims=True))
        axis.imshow(share, vmin=0, vmax=1, cmap="Blues")
        axis.set_title(f"{name}: {np.trace(values[:, :12]) / max(1, values.sum()):.0%}", fontsize=9)
        axis.set_xticks(range(13), [*CLASSES, "none"], rotation=90, fontsize=6)
        axis.set_yticks(range(12), CLASSES, fontsize=6)
        axis.set_xlabel("read")
    axes[0].set_ylabel("there, or held")
    figure.savefig(path, dpi=120)


def draw_curves(teacher: Path, students: Mapping[str, Path], path: Path) -> None:
    """Losses of the teacher's stage and of the students' last ones, means over `SMOOTHED` lines.

    Of DMD its own loss is drawn.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 3.4), layout="constrained")
    left, right = figure.subplots(1, 2)
    for axis, runs in ((left, {"teacher": teacher}), (right, students)):
        for name, folder in runs.items():
            steps, losses = _losses(folder / METRICS)
            if len(steps):
                axis.plot(steps, losses, label=name)
        axis.set_xlabel("updates")
        axis.grid(alpha=0.3)
        if axis.has_data():
            axis.legend()
    left.set_ylabel("loss")
    left.set_yscale("log")
    figure.savefig(path, dpi=100)


def _losses(metrics: Path) -> tuple[np.ndarray, np.ndarray]:
    text = metrics.read_text() if metrics.exists() else ""  # weights may come without it
    lines = [json.loads(line) for line in text.splitlines()]
    losses = [(line["step"], line.get("loss", line.get("dmd_loss"))) for line in lines]
    found = np.array([pair for pair in losses if pair[1] is not None])
    if not len(found):
        return np.zeros(0), np.zeros(0)
    width = min(SMOOTHED, len(found))
    means = np.convolve(found[:, 1], np.full(width, 1 / width), mode="valid")
    return found[width - 1 :, 0], means
