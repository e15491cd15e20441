"""What capturing a plan takes: engine-hours, bytes, cost."""

from dataclasses import dataclass

from capture.crew.journal import read_progress
from capture.tours.achieved import Standing
from capture.tours.rows import PlanRow
from capture.tours.text import text_table
from dataset.clip import FPS
from dataset.errors import OpenRelicError
from dataset.workspace import Workspace

# Before there are clips: 1280x720 as it is encoded here, in the embedded engine's scenes.
USUAL_MINUTE_BYTES = 40e6


@dataclass(frozen=True, kw_only=True)
class Prices:
    """What one engine does and costs."""

    frames_per_second: float
    price_per_hour: float
    load_seconds: float  # to start and load a scene


def one_engine_rate(workspace: Workspace) -> float:
    """Frames a second of one engine, as the last run here measured it."""
    progress = read_progress(workspace)
    engines = progress.engines_alive or progress.engines_wanted if progress else 0
    if progress is None or not engines or not progress.frames_per_second > 0:
        raise OpenRelicError(
            f"no run has measured a frame rate in {workspace.location}: give "
            "--frames-per-second of one engine"
        )
    return progress.frames_per_second / engines


def minute_bytes(standing: Standing | None) -> tuple[float, str]:
    """Bytes of a minute of clips, and where the figure comes from."""
    clips = list(standing.committed.values()) if standing else []
    frames = sum(clip.frames for clip in clips)
    if not frames:
        return USUAL_MINUTE_BYTES, "usual for 1280x720; no clip is here to measure"
    total = sum(file.bytes for clip in clips for file in clip.files.values())
    return total / frames * FPS * 60.0, f"as in the {len(clips)} clips here"


def engine_hours(rows: list[PlanRow], prices: Prices) -> tuple[float, float]:
    """Hours of one engine: in all, and those of loading scenes, each once."""
    frames = sum(row.frames for row in rows)
    loading = len({(row.game, row.scene) for row in rows}) * prices.load_seconds / 3600.0
    return frames / prices.frames_per_second / 3600.0 + loading, loading


def estimate_text(
    rows: list[PlanRow], open_rows: list[PlanRow], prices: Prices, size: tuple[float, str]
) -> str:
    """The estimate as a table: the whole plan, and what is left of it."""
    whole, left = _column(rows, prices, size[0]), _column(open_rows, prices, size[0])
    names = [
        "tours", "scenes", "minutes", "frames", "engine-hours", "of them loading scenes",
        "GB of clips", "cost",
    ]  # fmt: skip
    lines = [list(line) for line in zip(names, whole, left, strict=True)]
    return text_table(["", "whole plan", "still to capture"], lines) + (
        f"\nAt {prices.frames_per_second:.3g} frames a second and engine, "
        f"{prices.load_seconds:g} s to load a scene (once each), {prices.price_per_hour:g} an "
        f"hour, {size[0] / 1e6:.1f} MB a minute ({size[1]}).\n"
        "N engines take an N-th of the hours; retries, and scenes loaded on several engines, "
        "come on top.\n"
    )


def _column(rows: list[PlanRow], prices: Prices, bytes_a_minute: float) -> list[str]:
    frames = sum(row.frames for row in rows)
    minutes = frames / FPS / 60.0
    hours, loading = engine_hours(rows, prices)
    return [
        f"{len(rows)}", f"{len({(row.game, row.scene) for row in rows})}", f"{minutes:.1f}",
        f"{frames}", f"{hours:.2f}", f"{loading:.2f}", f"{minutes * bytes_a_minute / 1e9:.2f}",
        f"{hours * prices.price_per_hour:.2f}",
    ]  # fmt: skip
