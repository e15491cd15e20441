"""From what was measured to a proposed verdict, the frames that show why, and the usable parts.

- `reject`: files are damaged, a check of the whole clip fails, or no usable part is left;
- `look`: some second fails a check, and usable parts are left;
- `accept`: nothing fails.

A second that fails is cut out; what is left counts from 81 frames on, a training window.
"""

import numpy as np

from dataset.clip import Clip
from dataset.qa.appearance import runs
from dataset.qa.checks import CHECKS, Check
from dataset.qa.measure import SECOND_CHECKS, Measured
from dataset.qa.store import ClipMetrics, Evidence, Proposed, Segment

SHORTEST_SEGMENT = 81  # frames, the shortest window of `dataset.build`

Thresholds = dict[str, float | None]


def judge(clip: Clip, measured: Measured, thresholds: Thresholds) -> ClipMetrics:
    """The row of `metrics.parquet`."""
    evidence = _evidence(clip, measured, thresholds)
    failed = tuple(dict.fromkeys(entry.check for entry in evidence))
    segments = _segments(clip, measured, thresholds, failed)
    return ClipMetrics(
        tour_id=clip.tour_id,
        digest=clip.digest,
        scene=clip.scene,
        asset=clip.asset,
        frames=clip.frames,
        fps=float(clip.fps),
        proposed=_proposed(failed, segments),
        failed=failed,
        values={check.name: worst_value(check, measured) for check in CHECKS},
        evidence=evidence,
        segments=segments,
    )


def worst_value(check: Check, measured: Measured) -> float | None:
    """The clip's value of a check: of its seconds the worst, None if it was not measured."""
    if check.scope == "clip":
        return measured.clip[check.name]
    values = measured.seconds[check.name]
    if not np.isfinite(values).any():
        return None
    worst = np.nanmax(values) if check.direction == "above" else np.nanmin(values)
    return float(worst)


def failing_seconds(check: Check, measured: Measured, threshold: float | None) -> np.ndarray:
    """Which seconds (S,) bool fail a check of scope `second`."""
    values = measured.seconds[check.name]
    return np.array([check.fails(float(value), threshold) for value in values], bool)


def _evidence(clip: Clip, measured: Measured, thresholds: Thresholds) -> tuple[Evidence, ...]:
    entries: list[Evidence] = []
    for check in CHECKS:
        threshold = thresholds[check.name]
        if check.scope == "clip":
            value = measured.clip[check.name]
            if value is not None and check.fails(value, threshold):
                frame = measured.clip_frame.get(check.name, 0)
                entries.append(
                    Evidence(
                        check=check.name, first_frame=0, frames=clip.frames,
                        frame=min(max(frame, 0), clip.frames - 1), value=value,
                    )
                )  # fmt: skip
            continue
        for first, end in runs(failing_seconds(check, measured, threshold)):
            entries.append(_shown(check, clip, measured, first, end))
    return tuple(entries)


def _shown(check: Check, clip: Clip, measured: Measured, first: int, end: int) -> Evidence:
    values = measured.seconds[check.name][first:end]
    worst = first + int(np.argmax(values) if check.direction == "above" else np.argmin(values))
    first_frame = first * clip.fps
    return Evidence(
        check=check.name,
        first_frame=first_frame,
        frames=min(end * clip.fps, clip.frames) - first_frame,
        frame=int(measured.worst_frame[check.name][worst]),
        value=float(measured.seconds[check.name][worst]),
    )


def _segments(
    clip: Clip, measured: Measured, thresholds: Thresholds, failed: tuple[str, ...]
) -> tuple[Segment, ...]:
    if not failed:
        return (Segment(first_frame=0, frames=clip.frames),)
    if any(check.scope == "clip" and check.name in failed for check in CHECKS):
        return ()
    bad = np.zeros(len(measured.seconds[SECOND_CHECKS[0].name]), bool)
    for check in SECOND_CHECKS:
        bad |= failing_seconds(check, measured, thresholds[check.name])
    found = []
    for first, end in runs(~bad):
        first_frame = first * clip.fps
        frames = min(end * clip.fps, clip.frames) - first_frame
        if frames >= SHORTEST_SEGMENT:
            found.append(Segment(first_frame=first_frame, frames=frames))
    return tuple(found)


def _proposed(failed: tuple[str, ...], segments: tuple[Segment, ...]) -> Proposed:
    if not failed:
        return "accept"
    return "look" if segments else "reject"
