"""How well QA finds damage, and how rarely it rejects clean clips.

    python -m benchmarks.qa --folder FOLDER           # the judged set: writes results/qa.json
    python -m benchmarks.qa --folder FOLDER --choose  # the set that thresholds were chosen on

Clean clips are captured with the embedded engine in many scenes; each kind of damage is done to
copies of some of them, one at a time, at three strengths. Thresholds were chosen on other scenes
and other seeds than those judged here (`--choose`), and are those of `dataset.qa.checks`. FOLDER
keeps the clips: started again, it goes on. A clip counts as found if anything fails.
"""

import logging
import tempfile
import time
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

from benchmarks.qa_lanes import (
    NAMES_OF_STRENGTHS,
    add_damaged,
    capture,
    copy_clean,
    copy_rendered,
    kinds,
    plan_clean,
    plan_rendered,
    slug,
)
from benchmarks.results import write_results
from dataset.clip import committed_clips
from dataset.errors import OpenRelicError, parse_settings, run_command
from dataset.qa.checks import CHECKS
from dataset.qa.crew import measure_all
from dataset.qa.parts import part_key, read_part
from dataset.qa.store import ClipMetrics
from dataset.qa.thresholds import DEFAULTS
from dataset.qa.verdicts import Verdicts, write_verdicts
from dataset.workspace import PLAN, Workspace

logger = logging.getLogger(__name__)

LABELS = "default"
Z_95 = 1.959964
PAGE = Path(__file__).parents[1] / "docs/qa.md"
BEGIN, END = "<!-- written by benchmarks.qa -->", "<!-- until here -->"
# Scenes and tours of each set; no scene is in both.
CHOSEN = {"seeds": {"0"}, "tours": 4, "seed": 100, "arenas": slice(0, 6, 2)}
JUDGED = {"seeds": {"3", "4"}, "tours": 6, "seed": 202, "arenas": slice(7, 12, 2)}


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Command line of the benchmark."""

    folder: str = str(Path(tempfile.gettempdir()) / "openrelic-qa")
    """Where the clips are made and kept."""
    choose: bool = False
    """Work on the set that thresholds are chosen on; writes no results."""
    captured: bool = False
    """Use the clips that are captured already, and capture no more."""
    each: int = 5
    """Damaged clips of every kind and strength that no engine draws."""
    rendered: int = 3
    """Damaged clips of every kind and strength whose path is drawn anew."""
    workers: int = 1
    """Engines, and clips measured at once."""


def main() -> None:
    """Make the set, measure it, print the table."""
    settings = parse_settings(Settings, __doc__)
    root = Path(settings.folder).absolute() / ("chosen" if settings.choose else "judged")
    judged = make_set(root, settings)
    clips = committed_clips(judged)
    took_s, frames = _measure(judged, settings.workers)
    verdicts = write_verdicts(judged, clips, LABELS, DEFAULTS)
    figures = judge_all(verdicts)
    if frames:
        figures["frames_per_cpu_second"] = round(frames / took_s, 1)
    logger.info("%s", table(figures))
    if not settings.choose:
        packages = ("av", "numpy", "opencv-python", "pyarrow")
        logger.info("%s", write_results("qa", figures, packages))
        write_page(PAGE, table(figures))


def make_set(root: Path, settings: Settings) -> Workspace:
    """Capture what is clean, damage copies; the workspace that holds all that is judged."""
    wish = CHOSEN if settings.choose else JUDGED
    clean, rendered = Workspace(root / "clean"), Workspace(root / "rendered")
    judged = Workspace(root / "all")
    if not clean.exists(PLAN):
        plan_clean(root / "clean", **wish)
    if not settings.captured:
        capture(root / "clean", settings.workers)
    sources = committed_clips(clean)
    if not rendered.exists(PLAN):
        plan_rendered(root / "rendered", sources, clean, settings.rendered)
    if not settings.captured:
        capture(root / "rendered", settings.workers)
    copy_clean(clean, sources, judged)
    copy_rendered(rendered, judged)
    add_damaged(clean, sources, judged, settings.each)
    return judged


def _measure(judged: Workspace, workers: int) -> tuple[float, int]:
    """Measure what has not been measured; processor seconds of this process, and frames."""
    todo = [
        clip
        for clip in committed_clips(judged)
        if read_part(judged, clip, part_key(judged, clip, LABELS)) is None
    ]
    began = time.process_time()
    for done in measure_all(
        judged, todo, LABELS, workers=workers, ray_address=None, progress=lambda _: None
    ):
        if done.trouble is not None:
            raise OpenRelicError(f"{done.tour_id}: {done.trouble}")
    return time.process_time() - began, sum(clip.frames for clip in todo) if workers == 1 else 0


def judge_all(verdicts: Verdicts) -> dict:
    """Recall of every kind and strength, precision of its checks, and what befell clean clips."""
    clean = [clip for clip in verdicts.clips if "--" not in clip.tour_id]
    damaged: dict[tuple[str, str], list[ClipMetrics]] = defaultdict(list)
    for clip in verdicts.clips:
        if "--" in clip.tour_id:
            kind, strength, _ = clip.tour_id.split("--", 2)
            damaged[kind, strength].append(clip)
    rows = []
    for kind, (strengths, checks) in kinds().items():
        for name, words in zip(NAMES_OF_STRENGTHS, strengths, strict=True):
            found = damaged[slug(kind), name]
            if found:
                rows.append(_row(kind, words, checks, found, clean))
    return {
        "clips": len(verdicts.clips),
        "clean": _share([bool(clip.failed) for clip in clean]),
        "clean_rejected": _share([clip.proposed == "reject" for clip in clean]),
        "clean_failures": sorted(
            f"{clip.tour_id}: {', '.join(clip.failed)}" for clip in clean if clip.failed
        ),
        "damaged": _share([bool(clip.failed) for found in damaged.values() for clip in found]),
        "kinds": rows,
        "thresholds": {check.name: check.threshold for check in CHECKS},
    }


def _row(
    kind: str, words: str, checks: tuple[str, ...], found: list[ClipMetrics],
    clean: list[ClipMetrics],
) -> dict:  # fmt: skip
    """`recall`: anything failed; `named`: one of the kind's own checks did; `precision`: of those
    which one of these checks found, the share that is damaged and not clean."""
    named = [any(check in clip.failed for check in checks) for clip in found]
    false = sum(any(check in clip.failed for check in checks) for clip in clean)
    return {
        "kind": kind, "strength": words, "checks": list(checks),
        "recall": _share([bool(clip.failed) for clip in found]),
        "named": _share(named),
        "precision": _share([True] * sum(named) + [False] * false),
    }  # fmt: skip


def _share(flags: list[bool]) -> dict:
    """Share of the true ones, with Wilson's interval of 95 %."""
    count, hits = len(flags), sum(flags)
    if not count:
        return {"n": 0, "hits": 0, "share": None, "low": 0.0, "high": 1.0}
    share, z2 = hits / count, Z_95**2
    centre = (share + z2 / (2 * count)) / (1 + z2 / count)
    half = Z_95 * (share * (1 - share) / count + z2 / (4 * count**2)) ** 0.5 / (1 + z2 / count)
    low, high = max(0.0, centre - half), min(1.0, centre + half)
    return {"n": count, "hits": hits, "share": share, "low": round(low, 4), "high": round(high, 4)}


def table(figures: dict) -> str:
    """The figures as a Markdown table."""
    clean = figures["clean"]
    rejected, damaged = figures["clean_rejected"], figures["damaged"]
    lines = [
        f"{figures['clips']} clips. Of {clean['n']} clean ones {clean['hits']} fail anything "
        f"(95 %: {100 * clean['low']:.1f} to {100 * clean['high']:.1f} %), and {rejected['hits']} "
        f"are proposed for rejection. Of {damaged['n']} damaged ones {damaged['hits']} fail "
        "something.",
        "",
        *(f"- {line}" for line in figures["clean_failures"]),
        *([""] if figures["clean_failures"] else []),
        "| damage | strength | clips | found | 95 % | by its own checks | precision |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in figures["kinds"]:
        recall, named, precision = row["recall"], row["named"], row["precision"]
        lines.append(
            f"| {row['kind']} | {row['strength']} | {recall['n']} | {_percent(recall)} | "
            f"{100 * recall['low']:.0f}–{100 * recall['high']:.0f} % | {_percent(named)} | "
            f"{_percent(precision)} |"
        )
    return "\n".join(lines)


def write_page(page: Path, text: str) -> None:
    """Put the table into the documentation, between the two marks that stand there."""
    before, _, rest = page.read_text().partition(BEGIN)
    _, _, after = rest.partition(END)
    page.write_text(f"{before}{BEGIN}\n{text}\n{END}{after}")


def _percent(share: dict) -> str:
    return "–" if share["share"] is None else f"{100 * share['share']:.0f} %"


if __name__ == "__main__":
    run_command(main)
