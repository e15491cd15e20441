"""The table that a page filters and sorts: every clip, in columns, as JSON.

What a row has is a list a column, in the same order; numbers that were not measured are null. The
page computes all totals from it.
"""

import dataclasses
import json
import math
from typing import Any

from capture.tours.planning import (
    HIGHEST_SHARE,
    LOWEST_SHARE,
    PAPER_MAX_S,
    PAPER_MEAN_S,
    PAPER_MEDIAN_S,
    PAPER_TOURS,
    WANTED,
)
from dataset.clip import FPS, Clip
from dataset.dashboard.catalogue import Catalogue
from dataset.dashboard.shares import LabelShares
from labeling.actions import ACTIONS, KEYS
from labeling.section import PAPER_SHARES_PERCENT

# The paper's dataset, after filtering (arXiv 2512.04040).
PAPER_MINUTES, PAPER_SCENES = 1600, 350

PAPER = {
    "clips": PAPER_TOURS, "minutes": PAPER_MINUTES, "scenes": PAPER_SCENES,
    "mean_s": PAPER_MEAN_S, "median_s": PAPER_MEDIAN_S, "max_s": PAPER_MAX_S,
    "shares": [share / 100 for share in PAPER_SHARES_PERCENT],  # sorted: bars have no names
    "lowest_share": LOWEST_SHARE, "highest_share": HIGHEST_SHARE, "wanted": WANTED.tolist(),
}  # fmt: skip

_FACTS = ("scene", "asset", "kind", "motion", "frames", "fps")
_DIGITS = 5


def table_json(catalogue: Catalogue, shares: LabelShares, version: int) -> bytes:
    """The table and what a page needs to know of its columns; `version` names this state of it."""
    clips = list(catalogue.clips.values())
    metrics = catalogue.metrics
    measured = [catalogue.metrics_of(clip.tour_id) for clip in clips]
    known = [shares.of(clip.tour_id) for clip in clips]
    checks = metrics.checks if metrics else ()
    names = [check.name for check in checks]
    return json_bytes(
        {
            "version": version,
            "workspace": catalogue.workspace.location,
            "paper": PAPER,
            "actions": ACTIONS,
            "keys": KEYS,
            "planned_seconds": _planned_seconds(catalogue),
            "checks": [
                {**dataclasses.asdict(check), "on": metrics.thresholds[check.name] is not None}
                for check in checks
            ] if metrics else [],
            "commands": {
                "qa": f"python -m dataset.qa {catalogue.workspace.location}",
                "labels": shares.command,
            },
            "columns": {
                "tour_id": [clip.tour_id for clip in clips],
                "digest": [catalogue.digests[clip.tour_id] for clip in clips],
                **{name: [getattr(clip, name) for clip in clips] for name in _FACTS},
                "proposed": [found.proposed if found else None for found in measured],
                "failed": [
                    [names.index(name) for name in found.failed if name in names] if found else []
                    for found in measured
                ],
                "usable_frames": [
                    sum(part.frames for part in found.segments) if found else None
                    for found in measured
                ],
            },
            "values": {
                name: [short(found.values[name]) if found else None for found in measured]
                for name in names
            },
            "shares": [
                [one[at] if one else None for one in known] for at in range(len(ACTIONS))
            ],
        }
    )  # fmt: skip


def facts_of(clip: Clip) -> dict[str, Any]:
    """What the page shows of a record."""
    return {
        "scene": clip.scene, "asset": clip.asset, "licence": clip.licence, "kind": clip.kind,
        "motion": clip.motion, "size": f"{clip.width}×{clip.height}", "frames": clip.frames,
        "fps": clip.fps, "fov": f"{clip.fov_deg:g}°", "engine": clip.engine,
        "poses": clip.pose_proof, "collision": clip.collision,
        "clearance": f"{clip.clearance_cm:g} cm", "rotation frame": clip.rotation_frame,
        "encoding": f"{clip.encoding_psnr_db:.1f} dB", "retries": clip.retries,
    }  # fmt: skip


def json_bytes(value: Any) -> bytes:
    """Compact JSON; a number that JSON does not have is an error here, not in the browser."""
    return json.dumps(value, separators=(",", ":"), allow_nan=False).encode()


def short(value: float | None) -> float | None:
    """A measured value with the digits that a page can show; None for none."""
    if value is None or not math.isfinite(value):
        return None
    return float(f"{value:.{_DIGITS}g}")


def _planned_seconds(catalogue: Catalogue) -> dict[str, float] | None:
    planned = catalogue.planned_frames
    return None if planned is None else {name: frames / FPS for name, frames in planned.items()}
