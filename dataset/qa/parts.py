"""What was measured of each clip, kept as `qa/parts/<tour_id>.parquet` as soon as it is known.

A part has a row a second: a float32 column a check of scope `second`, and `<check>:frame` (int32),
the frame that shows it best. The schema's metadata key `openrelic.qa.part` is JSON with the values
of the whole clip, notes, and a key of what the part was measured from: the clip's digest, the sizes
of its files, its labels, and the version of these measurements. A part with another key is old.
"""

import hashlib
import json

import numpy as np
import pyarrow as pa

from dataset.clip import Clip
from dataset.config import fingerprint
from dataset.errors import OpenRelicError
from dataset.qa.checks import NAMES
from dataset.qa.measure import SECOND_CHECKS, Measured
from dataset.workspace import Workspace
from labeling.store import label_path

PARTS = "qa/parts"
METADATA_KEY = b"openrelic.qa.part"
# To be raised whenever a measurement changes.
VERSION = 3


def part_path(tour_id: str) -> str:
    """Workspace path of a clip's part."""
    return f"{PARTS}/{tour_id}.parquet"


def part_key(workspace: Workspace, clip: Clip, label_set: str) -> str:
    """What a part follows from: another key means that the clip has to be measured again."""
    sizes = {}
    for name in clip.files:
        path = clip.path(name)
        sizes[name] = workspace.size(path) if workspace.exists(path) else None
    try:
        labels = hashlib.sha256(
            workspace.read_bytes(label_path(label_set, clip.tour_id))
        ).hexdigest()
    except FileNotFoundError:
        labels = None
    return fingerprint([VERSION, list(NAMES), clip.digest, sizes, labels])


def write_part(workspace: Workspace, clip: Clip, key: str, measured: Measured) -> None:
    """Keep what was measured of a clip, replacing an older part."""
    columns: dict[str, np.ndarray] = {}
    for check in SECOND_CHECKS:
        columns[check.name] = measured.seconds[check.name]
        columns[f"{check.name}:frame"] = measured.worst_frame[check.name]
    facts = {
        "key": key, "clip": measured.clip, "clip_frame": measured.clip_frame,
        "notes": measured.notes,
    }  # fmt: skip
    table = pa.table(columns).replace_schema_metadata(
        {METADATA_KEY: json.dumps(facts, sort_keys=True)}
    )
    workspace.write_table(part_path(clip.tour_id), table)


def read_part(workspace: Workspace, clip: Clip, key: str) -> Measured | None:
    """What was measured of a clip, or None if it is not there, of another key, or damaged."""
    path = part_path(clip.tour_id)
    if not workspace.exists(path):
        return None
    try:
        table = workspace.read_table(path)
        facts = json.loads((table.schema.metadata or {})[METADATA_KEY])
        if facts["key"] != key:
            return None
        return Measured(
            seconds={check.name: table[check.name].to_numpy() for check in SECOND_CHECKS},
            worst_frame={
                check.name: table[f"{check.name}:frame"].to_numpy() for check in SECOND_CHECKS
            },
            clip=facts["clip"],
            clip_frame=facts["clip_frame"],
            notes=facts["notes"],
        )
    except (OpenRelicError, KeyError, ValueError, TypeError):
        return None
