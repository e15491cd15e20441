"""A capture's state as text: progress, shares beside the targets, tours that were given up."""

import time

from capture.crew.journal import Progress, Quarantined
from capture.tours.achieved import Standing, minutes_of
from capture.tours.expectation import expected_shares
from capture.tours.planning import HIGHEST_SHARE, LOWEST_SHARE, WANTED
from capture.tours.text import percent, text_table
from labeling.actions import ACTIONS

# A run tells every few seconds; one that has been silent for this long has probably died.
SILENT_S = 60.0


def status_text(standing: Standing, progress: Progress | None, now_s: float | None = None) -> str:
    """Everything that `capture.status` shows; `now_s` is the time since 1970."""
    parts = [_progress_line(progress, time.time() if now_s is None else now_s)]
    parts += [_tours_table(standing), _shares_table(standing)]
    if standing.quarantined:
        parts.append(_quarantine(list(standing.quarantined.values())))
    return "\n".join(parts)


def _progress_line(progress: Progress | None, now_s: float) -> str:
    if progress is None:
        return "No run has been started yet: python -m capture.run WORKSPACE\n"
    at = f"{progress.host}, process {progress.pid}"
    silent_s = now_s - progress.time_s
    if progress.state == "ended":
        return f"The last run ended {_ago(silent_s)} ({at}, {progress.retries} retries).\n"
    if silent_s > SILENT_S:
        return f"A run was at work {_ago(silent_s)} and has been silent since ({at}).\n"
    left = progress.minutes_planned - progress.minutes_done
    ends = ""
    if progress.frames_per_second > 0:
        ends = f", done in about {_duration(left * 960 / progress.frames_per_second)}"
    return (
        f"Running for {_duration(now_s - progress.started_s)} ({at}): "
        f"{progress.minutes_done:.1f} of {progress.minutes_planned:.1f} minutes, "
        f"{progress.frames_per_second:.1f} frames/s, {progress.engines_alive} of "
        f"{progress.engines_wanted} engines alive, {progress.retries} retries{ends}.\n"
    )


def _tours_table(standing: Standing) -> str:
    groups = {
        "planned": standing.rows,
        "captured": standing.committed_rows,
        "still to capture": standing.open_rows,
        "given up": standing.lost_rows,
    }
    return text_table(
        ["", "tours", "minutes"],
        [[name, f"{len(rows)}", f"{minutes_of(rows):.1f}"] for name, rows in groups.items()],
    )


def _shares_table(standing: Standing) -> str:
    expected = expected_shares(standing.rows)
    captured = bool(standing.committed)
    lines = []
    for index, action in enumerate(ACTIONS):
        achieved = standing.shares[index]
        verdict = ""
        if captured and not LOWEST_SHARE <= achieved <= HIGHEST_SHARE:
            verdict = "too rare" if achieved < LOWEST_SHARE else "too frequent"
        shown = percent(achieved) if captured else "-"
        lines.append([action, percent(WANTED[index]), percent(expected[index]), shown, verdict])
    return text_table(["share of frames", "wanted", "expected", "achieved", ""], lines) + (
        f"Allowed: {percent(LOWEST_SHARE)} to {percent(HIGHEST_SHARE)}; "
        "capture.plan --top-up adds tours for what is too rare.\n"
    )


def _quarantine(tours: list[Quarantined]) -> str:
    lines = [f"{len(tours)} tour{'s were' if len(tours) > 1 else ' was'} given up:\n"]
    for tour in tours:
        lines.append(f"  {tour.tour_id} ({tour.scene}), {len(tour.attempts)} attempts\n")
        reasons = [f"{attempt.reason} [{attempt.host}]" for attempt in tour.attempts]
        for reason in dict.fromkeys(reasons):
            times = f" ({reasons.count(reason)} times)" if reasons.count(reason) > 1 else ""
            lines.append(f"    {reason}{times}\n")
    return "".join(lines)


def _ago(seconds: float) -> str:
    return f"{_duration(seconds)} ago"


def _duration(seconds: float) -> str:
    """As people say it: 40 s, 12 min, 3 h 05 min."""
    seconds = max(0.0, seconds)
    if seconds < 120:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h {minutes % 60:02d} min"
