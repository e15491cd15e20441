"""The `labels` section of a workspace's report: samples with their keys, shares, and exactness."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from dataset.clip import VIDEO, Clip
from dataset.errors import OpenRelicError
from dataset.sections import figure_html, side_by_side, table_html, video_html, write_section
from dataset.video import encode_preview, read_frames
from dataset.workspace import REPORT, Workspace
from labeling.actions import (
    ACTIONS,
    KEYS,
    STATIC,
    TRANSLATIONS,
    Actions,
    Thresholds,
    integration_error,
)
from labeling.drawing.keys import draw_overlay
from labeling.store import clip_poses, require_labels

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# The paper's bar chart (arXiv 2512.04040), read off by height; which bar is which action it does
# not let one read, so both charts are sorted before they are set side by side.
PAPER_SHARES_PERCENT = (
    30.6, 28.4, 22.1, 21.9, 21.4, 18.6, 17.9, 13.7, 12.7, 12.2, 10.7, 8.7, 6.2,
)  # fmt: skip

SAMPLES = 4
SAMPLE_SECONDS = 8
PREVIEW_WIDTH = 640

# An action held for less than this many frames of a sample does not make it eventful.
_SEEN_FRAMES = 4
_SECTION_VERSION = 2
_OURS, _PAPER = "#d98200", "#8a94a6"


@dataclass(frozen=True, kw_only=True)
class Sample:
    """The most eventful stretch of a clip: where it starts, and how many actions it shows."""

    clip: Clip
    start: int
    actions_seen: int


@dataclass
class Totals:
    """What the labels of a workspace add up to; the arrays are (13,), a column an action."""

    frames: int = 0
    seconds: float = 0.0
    pressed: np.ndarray = field(default_factory=lambda: np.zeros(len(ACTIONS)))
    magnitude: np.ndarray = field(default_factory=lambda: np.zeros(len(ACTIONS)))  # when pressed
    speed: np.ndarray = field(default_factory=lambda: np.zeros(len(ACTIONS)))  # in m or deg a s
    units_m: list[float] = field(default_factory=list)
    error: np.ndarray = field(default_factory=lambda: np.zeros(2))  # worst, in m and rad
    error_float32: np.ndarray = field(default_factory=lambda: np.zeros(2))
    samples: list[Sample] = field(default_factory=list)

    def add(self, clip: Clip, actions: Actions, R: np.ndarray, P: np.ndarray) -> None:
        """Count a clip's labels and measure how exactly they integrate to its poses."""
        counted = np.where(actions.active, actions.values, 0.0).sum(axis=0)
        unit = np.full(len(ACTIONS), actions.unit_deg)
        unit[TRANSLATIONS] = actions.unit_m
        self.frames += len(actions)
        self.seconds += len(actions) / clip.fps
        self.pressed += actions.active.sum(axis=0)
        self.magnitude += counted
        self.speed += counted * unit * clip.fps
        self.units_m.append(actions.unit_m)
        self.error = np.maximum(self.error, integration_error(actions, R, P))
        single = integration_error(actions, R, P, np.float32)
        self.error_float32 = np.maximum(self.error_float32, single)
        self.samples.append(eventful_sample(clip, actions))

    @property
    def shares(self) -> np.ndarray:
        """Share of frames (13,) with each action."""
        return self.pressed / max(self.frames, 1)


def write_label_section(
    workspace: Workspace, label_set: str, clips: list[Clip], thresholds: Thresholds
) -> bool:
    """Write `report/labels.html` from up-to-date labels that were made with `thresholds`.

    Returns False, and writes nothing, if the section that is there shows these very labels.
    """
    shown = [_SECTION_VERSION, label_set, repr(thresholds), [clip.digest for clip in clips]]
    mark = f"<!-- labels {hashlib.sha256(json.dumps(shown).encode()).hexdigest()} -->"
    if _is_marked(workspace, mark):
        return False
    totals = Totals()
    for clip in clips:
        totals.add(clip, require_labels(workspace, label_set, clip), *clip_poses(workspace, clip))
    body = _body(workspace, label_set, totals, thresholds)
    write_section(workspace, "labels", "Action labels", f"{mark}\n{body}")
    return True


def _is_marked(workspace: Workspace, mark: str) -> bool:
    """Whether the section that is there begins with `mark`."""
    path = f"{REPORT}/labels.html"
    if not workspace.exists(path):
        return False
    head = workspace.read_range(path, 0, min(workspace.size(path), 512))
    return mark.encode() in head


def _body(workspace: Workspace, label_set: str, totals: Totals, thresholds: Thresholds) -> str:
    rotation_frames = sorted({sample.clip.rotation_frame for sample in totals.samples})
    figure = figure_html(
        _shares_figure(totals.shares),
        "Share of frames with each action. The paper's bars are sorted by height; which action "
        "each one stands for cannot be read, so only the shape compares.",
    )
    videos = side_by_side(
        video_html(_sample_video(workspace, label_set, sample), _sample_caption(sample))
        for sample in pick_samples(totals.samples)
        if workspace.exists(sample.clip.path(VIDEO))
    )
    return (
        f"<p>Set <b>{label_set}</b>: {len(totals.samples)} clips, {totals.frames} frames, "
        f"{totals.seconds / 60:.1f} minutes; rotation frame {' and '.join(rotation_frames)}; one "
        f"unit of translation is {min(totals.units_m):.4f} to {max(totals.units_m):.4f} m a frame, "
        f"one of rotation 1° a frame.</p>\n{videos}{figure}{_action_table(totals)}"
        f"{_exactness_table(totals)}<p>{_thresholds_text(thresholds)}</p>\n"
    )


def _thresholds_text(thresholds: Thresholds) -> str:
    t = thresholds
    return (
        f"A key counts as pressed above {t.translation_on:.3g} units or {t.rotation_on_deg:.3g}° a "
        f"frame, and until it falls to {t.translation_off:.3g} units or {t.rotation_off_deg:.3g}°; "
        f"a translation of up to {t.jitter_m * 1e3:.3g} mm a frame never does. The values "
        "themselves are exact, below these thresholds too."
    )


def _action_table(totals: Totals) -> str:
    pressed = np.maximum(totals.pressed, 1)
    magnitude, speed = totals.magnitude / pressed, totals.speed / pressed
    rows: list[list[object]] = []
    for i, name in enumerate(ACTIONS):
        row = [name, KEYS.get(name, ""), f"{100 * totals.shares[i]:.1f} %"]
        if name in KEYS and totals.pressed[i]:
            unit = "m/s" if i < TRANSLATIONS.stop else "°/s"
            row += [f"{magnitude[i]:.3f}", f"{speed[i]:.2f} {unit}"]
        rows.append([*row, *[""] * (5 - len(row))])
    header = ["action", "key", "frames", "mean magnitude when pressed", "mean speed when pressed"]
    return table_html(header, rows)


def _exactness_table(totals: Totals) -> str:
    def row(name: str, error: np.ndarray) -> list[object]:
        return [name, f"{error[0]:.1e} m", f"{error[1]:.1e} rad"]

    header = ["labels integrated back to poses, worst frame of all clips", "position", "rotation"]
    return table_html(
        header,
        [
            row("float64, as stored", totals.error),
            row("float32, as in samples", totals.error_float32),
        ],
    )


def _shares_figure(shares: np.ndarray) -> "Figure":
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise OpenRelicError(
            "the labels are written, but their report needs matplotlib: "
            "run `pip install 'openrelic[dataset]'` and this command again"
        ) from error
    order = np.argsort(-shares, kind="stable")
    rows = np.arange(len(order))
    figure = Figure(figsize=(8.0, 4.6))
    axes = figure.add_subplot()
    ours = axes.barh(rows - 0.2, 100 * shares[order], 0.38, color=_OURS, label="this workspace")
    paper = axes.barh(rows + 0.2, PAPER_SHARES_PERCENT, 0.38, color=_PAPER, label="paper, sorted")
    for bars in (ours, paper):
        axes.bar_label(bars, fmt="%.1f", padding=3, fontsize=7)
    axes.set_yticks(rows, [ACTIONS[i] for i in order], fontsize=9)
    axes.invert_yaxis()
    axes.set_xlabel("share of frames (%)")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, loc="lower right")
    return figure


def eventful_sample(clip: Clip, actions: Actions) -> Sample:
    """The `SAMPLE_SECONDS` of a clip that show the most actions; it starts on a whole second."""
    length = min(SAMPLE_SECONDS * clip.fps, len(actions))
    starts = np.arange(0, len(actions) - length + 1, clip.fps)
    before = np.concatenate([np.zeros((1, len(ACTIONS)), int), actions.active.cumsum(axis=0)])
    held = before[starts + length] - before[starts]
    seen = (held >= _SEEN_FRAMES).sum(axis=1)
    # Of stretches with equally many actions, the one that rests least.
    best = int(np.lexsort((held[:, STATIC], -seen))[0])
    return Sample(clip=clip, start=int(starts[best]), actions_seen=int(seen[best]))


def pick_samples(samples: list[Sample]) -> list[Sample]:
    """Up to `SAMPLES` samples: the most eventful first, one a scene before a second of any."""
    ranked = sorted(samples, key=lambda sample: (-sample.actions_seen, sample.clip.tour_id))
    before: Counter[str] = Counter()  # samples of the same scene that rank higher
    rounds = []
    for sample in ranked:
        rounds.append(before[sample.clip.scene])
        before[sample.clip.scene] += 1
    order = np.argsort(rounds, kind="stable")
    return [ranked[i] for i in order[:SAMPLES]]


def _sample_caption(sample: Sample) -> str:
    second = sample.start / sample.clip.fps
    return f"{sample.clip.tour_id}: {sample.clip.scene}, {sample.clip.kind}, from {second:.0f} s"


def _sample_video(workspace: Workspace, label_set: str, sample: Sample) -> bytes:
    clip = sample.clip
    height = 2 * round(PREVIEW_WIDTH * clip.height / clip.width / 2)
    actions = require_labels(workspace, label_set, clip)
    frames = _overlaid(workspace, sample, actions, height)
    return encode_preview(frames, clip.fps, PREVIEW_WIDTH, height)


def _overlaid(
    workspace: Workspace, sample: Sample, actions: Actions, height: int
) -> Iterator[np.ndarray]:
    """The sample's frames at preview size, with their actions drawn over."""
    import cv2

    length = min(SAMPLE_SECONDS * sample.clip.fps, len(actions) - sample.start)
    with workspace.reading(sample.clip.path(VIDEO)) as path:
        for row, frame in enumerate(read_frames(path, sample.start, length), sample.start):
            small = cv2.resize(frame, (PREVIEW_WIDTH, height), interpolation=cv2.INTER_AREA)
            yield draw_overlay(
                small, actions.values[row], actions.active[row], unit_deg=actions.unit_deg
            )
