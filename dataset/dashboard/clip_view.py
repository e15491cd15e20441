"""What the page draws of one clip: path, speeds, keys, and what QA measured second by second.

Each part stands for itself: where labels or measurements are missing or damaged, the part has a
`problem` instead, and the others are drawn.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from dataset.clip import Clip
from dataset.dashboard.catalogue import Catalogue
from dataset.dashboard.table import facts_of, short
from dataset.errors import OpenRelicError
from labeling.actions import ACTIONS
from labeling.camera import rotation_distance_rad
from labeling.store import clip_poses, require_labels

_VIEW_AXIS = 2  # of the camera's axes: forward


def clip_view(catalogue: Catalogue, clip: Clip, label_set: str) -> dict[str, Any]:
    """All of a clip but its video, for JSON."""
    return {
        "tour_id": clip.tour_id,
        "digest": catalogue.digests[clip.tour_id],
        "facts": facts_of(clip),
        "track": _part(lambda: _track(catalogue, clip)),
        "actions": _part(lambda: _held(catalogue, clip, label_set)),
        "qa": _part(lambda: _measured(catalogue, clip)),
    }


def _part(make: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    try:
        return make()
    except (OpenRelicError, OSError) as error:
        return {"problem": " ".join(str(error).split())}


def _track(catalogue: Catalogue, clip: Clip) -> dict[str, Any]:
    """The path in metres (X forward, Y left, Z up), where it looks, and how fast it is."""
    R, position_m = clip_poses(catalogue.workspace, clip)
    step_m = np.linalg.norm(np.diff(position_m, axis=0), axis=1)
    turn_deg = np.rad2deg(rotation_distance_rad(R[:-1], R[1:]))
    forward = R[:, _VIEW_AXIS, :]
    return {
        "position_m": [_rounded(column, 3) for column in position_m.T],
        "forward": [_rounded(column, 2) for column in forward.T],
        "speed_m_s": _rounded(np.append(0.0, step_m * clip.fps), 3),
        "turn_deg_s": _rounded(np.append(0.0, turn_deg * clip.fps), 2),
    }


def _held(catalogue: Catalogue, clip: Clip, label_set: str) -> dict[str, Any]:
    """The runs of frames in which each action is pressed: first frame and length in turn."""
    active = require_labels(catalogue.workspace, label_set, clip).active
    return {"runs": {name: _runs(active[:, at]) for at, name in enumerate(ACTIONS)}}


def _runs(pressed: np.ndarray) -> list[int]:
    edges = np.flatnonzero(np.diff(np.concatenate([[0], pressed.astype(np.int8), [0]])))
    first, end = edges[::2], edges[1::2]
    return np.stack([first, end - first], axis=1).ravel().tolist()


def _measured(catalogue: Catalogue, clip: Clip) -> dict[str, Any]:
    """Findings, usable parts and the values a second, of this very clip."""
    found = catalogue.metrics_of(clip.tour_id)
    if found is None:
        known = catalogue.metrics is not None and clip.tour_id in catalogue.metrics.clips
        said = "another clip of this tour was measured" if known else "not measured yet"
        command = f"python -m dataset.qa {catalogue.workspace.location}"
        return {"problem": f"{said}: run `{command}`"}
    rows = catalogue.seconds_of(clip.tour_id)
    names = [] if rows is None else [name for name in found.values if name in rows.column_names]
    evidence = sorted(found.evidence, key=lambda one: (one.first_frame, one.frame))
    return {
        "proposed": found.proposed,
        "failed": list(found.failed),
        "values": {name: short(value) for name, value in found.values.items()},
        "findings": [
            {
                "check": one.check, "first_frame": one.first_frame, "frames": one.frames,
                "frame": one.frame, "value": short(one.value),
            }
            for one in evidence
        ],
        "segments": [[part.first_frame, part.frames] for part in found.segments],
        "seconds": {
            name: [short(value) for value in rows[name].to_pylist()] for name in names
        } if rows is not None else {},
    }  # fmt: skip


def _rounded(values: np.ndarray, digits: int) -> list[float]:
    return np.round(values, digits).tolist()
