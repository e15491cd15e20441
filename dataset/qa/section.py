"""QA's section of the report: failures a check, where values lie, and frames that failed."""

import html
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from dataset.clip import VIDEO, Clip
from dataset.errors import OpenRelicError
from dataset.qa.checks import BY_NAME, CHECKS, Check
from dataset.qa.store import ClipMetrics, Evidence
from dataset.qa.verdict import Thresholds, failing_seconds
from dataset.qa.verdicts import Verdicts
from dataset.sections import figure_html, image_html, side_by_side, table_html, write_section
from dataset.video import read_frame_indices
from dataset.workspace import Workspace

if TYPE_CHECKING:
    from matplotlib.axes import Axes

THUMBNAILS = 12
THUMBNAILS_A_CHECK = 2  # before another check has had its turn
THUMBNAIL_WIDTH = 320
CLIPS_LISTED = 20
COLUMNS = 4
BINS = 24
_FINE, _LIMIT = "#3b7dd8", "#c0392b"
WORDS = {
    "camera_motion": "camera motion", "viewpoint_stability": "viewpoint stability",
    "exposure_lighting": "exposure and lighting", "render_quality": "render quality",
    "label_agreement": "label agreement", "file_integrity": "file integrity",
}  # fmt: skip


def write_qa_section(
    workspace: Workspace, clips: list[Clip], verdicts: Verdicts, thresholds: Thresholds
) -> None:
    """Write `report/qa.html`."""
    found = verdicts.clips
    summary = html.escape(verdicts.summary(workspace).rpartition("; see")[0])
    body = f"<p>{summary}. The paper filters by hand; these are proposals.</p>\n"
    body += _failures_table(verdicts, thresholds)
    body += _worst_clips(found)
    body += _thumbnails(workspace, clips, found, thresholds)
    body += _histograms(verdicts, thresholds)
    write_section(workspace, "qa", "Quality checks", body)


def severity(entry: Evidence, thresholds: Thresholds) -> float:
    """How far beyond its threshold a value is, so that different checks can be ranked."""
    threshold = thresholds[entry.check]
    if threshold is None:
        return 0.0
    if BY_NAME[entry.check].direction == "below":
        return threshold / max(abs(entry.value), 1e-9)
    return entry.value / threshold if threshold > 0 else 1.0 + entry.value


def _failures_table(verdicts: Verdicts, thresholds: Thresholds) -> str:
    rows = []
    for check in CHECKS:
        threshold = thresholds[check.name]
        told = [c.values[check.name] for c in verdicts.clips if c.values[check.name] is not None]
        failed = sum(check.name in clip.failed for clip in verdicts.clips)
        seconds: object = (
            "" if check.scope == "clip" else _failed_seconds(check, verdicts, threshold)
        )
        limit = "off" if threshold is None else f"{check.direction} {threshold:g} {check.unit}"
        rows.append(
            [WORDS[check.group], check.name, check.meaning, limit, failed, seconds, len(told)]
        )
    rows.sort(key=lambda row: -row[4])  # what fails comes first, else in the order of the filters
    header = ["filter", "check", "what it measures", "fails", "clips", "seconds", "measured clips"]
    return table_html(header, rows)


def _failed_seconds(check: Check, verdicts: Verdicts, threshold: float | None) -> int:
    flags = (failing_seconds(check, one, threshold) for one in verdicts.measured.values())
    return int(sum(flag.sum() for flag in flags))


def _worst_clips(found: Sequence[ClipMetrics]) -> str:
    order = {"reject": 0, "look": 1, "accept": 2}
    failed = [clip for clip in found if clip.failed]
    failed.sort(key=lambda clip: (order[clip.proposed], -len(clip.failed), clip.tour_id))
    if not failed:
        return "<p>No clip fails a check.</p>\n"
    rows: list[list[object]] = [
        [
            clip.tour_id, clip.proposed, ", ".join(clip.failed),
            f"{sum(part.frames for part in clip.segments)} of {clip.frames}",
        ]
        for clip in failed[:CLIPS_LISTED]
    ]  # fmt: skip
    more = len(failed) - len(rows)
    note = f"<p>… and {more} more, in qa/metrics.parquet.</p>\n" if more > 0 else ""
    return table_html(["clip", "proposed", "failed", "usable frames"], rows) + note


def _thumbnails(
    workspace: Workspace, clips: list[Clip], found: Sequence[ClipMetrics], thresholds: Thresholds
) -> str:
    """Frames that failed, worst first; clips whose files are damaged have none to show."""
    shown = [(clip, entry) for clip in found if not clip.damaged for entry in clip.evidence]
    by_id = {clip.tour_id: clip for clip in clips}
    figures = []
    for metrics, entry in _picked(shown, thresholds):
        try:
            jpeg = _frame(workspace, by_id[metrics.tour_id], entry.frame)
        except OpenRelicError:
            continue  # it was there when it was measured
        check = BY_NAME[entry.check]
        caption = (
            f"{metrics.tour_id}, frame {entry.frame}: {entry.check} is {entry.value:.3g} "
            f"{check.unit} ({check.meaning})"
        )
        figures.append(image_html(jpeg, caption))
    return f"<h3>Frames that failed</h3>\n{side_by_side(figures)}" if figures else ""


def _picked(
    shown: list[tuple[ClipMetrics, Evidence]], thresholds: Thresholds
) -> list[tuple[ClipMetrics, Evidence]]:
    """The worst of every check take turns."""
    ranked = sorted(shown, key=lambda one: (-severity(one[1], thresholds), one[0].tour_id))
    turns: dict[str, int] = {}
    rounds = []
    for _, entry in ranked:
        turns[entry.check] = turns.get(entry.check, 0) + 1
        rounds.append((turns[entry.check] - 1) // THUMBNAILS_A_CHECK)
    order = np.argsort(rounds, kind="stable")
    return [ranked[i] for i in order[:THUMBNAILS]]


def _frame(workspace: Workspace, clip: Clip, frame: int) -> bytes:
    import cv2

    with workspace.reading(clip.path(VIDEO)) as local:
        (rgb,) = read_frame_indices(local, [frame])
    height = round(THUMBNAIL_WIDTH * rgb.shape[0] / rgb.shape[1])
    small = cv2.resize(rgb, (THUMBNAIL_WIDTH, height), interpolation=cv2.INTER_AREA)
    encoded, data = cv2.imencode(".jpg", small[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 80])
    if not encoded:
        raise RuntimeError("OpenCV could not encode a JPEG")
    return data.tobytes()


def _histograms(verdicts: Verdicts, thresholds: Thresholds) -> str:
    """How the seconds' values of each check lie about its threshold."""
    from matplotlib.figure import Figure

    shown = [(check, _values(check, verdicts)) for check in CHECKS if check.scope == "second"]
    shown = [(check, values) for check, values in shown if values.size]
    if not shown:
        return ""
    rows = -(-len(shown) // COLUMNS)
    figure = Figure(figsize=(11, 1.9 * rows), layout="constrained")
    panels = figure.subplots(rows, COLUMNS, squeeze=False).ravel()
    for panel, (check, values) in zip(panels, shown, strict=False):
        _histogram(panel, check, values, thresholds[check.name])
    for panel in panels[len(shown) :]:
        panel.set_visible(False)
    return figure_html(
        figure, "Seconds of all clips by their value of each check; the red line is the threshold, "
        "the number beside it how many seconds fail. Counts are on a logarithmic scale.",
    )  # fmt: skip


def _values(check: Check, verdicts: Verdicts) -> np.ndarray:
    parts = [measured.seconds[check.name] for measured in verdicts.measured.values()]
    values = np.concatenate(parts) if parts else np.zeros(0)
    return values[np.isfinite(values)]


def _histogram(panel: "Axes", check: Check, values: np.ndarray, threshold: float | None) -> None:
    from matplotlib.ticker import NullFormatter

    inside = [threshold] if threshold is not None else []
    low, high = float(min([values.min(), *inside])), float(max([values.max(), *inside]))
    if high <= low:
        high = low + 1.0
    panel.hist(values, bins=np.linspace(low, high, BINS + 1).tolist(), color=_FINE, log=True)
    if threshold is not None:
        failed = sum(check.fails(float(value), threshold) for value in values)
        panel.axvline(threshold, color=_LIMIT)
        panel.set_title(f"{check.name}: {failed} fail", fontsize=8)
    else:
        panel.set_title(f"{check.name}: off", fontsize=8)
    panel.set_xlabel(check.unit, fontsize=7)
    panel.yaxis.set_minor_formatter(NullFormatter())
    panel.tick_params(labelsize=6)
    panel.spines[["top", "right"]].set_visible(False)
