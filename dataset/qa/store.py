"""What `dataset.qa` writes: `qa/metrics.parquet`, a row a clip, and `qa/seconds.parquet`.

`metrics.parquet` has `tour_id`, `digest` (of the clip that was measured), `scene`, `asset`,
`frames`, `fps`, `proposed`, `failed` (names of checks), a float64 column a check (the clip's worst
value, null where it was not measured), `evidence` and `segments`. Its schema's metadata key
`openrelic.qa` is JSON: schema version, digest of the settings, and the checks with the thresholds
that were used. `seconds.parquet` has `tour_id`, `second` and a float32 column a check.
"""

import dataclasses
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import pyarrow as pa

from dataset.errors import OpenRelicError
from dataset.qa.checks import CHECKS, NAMES, Check
from dataset.workspace import Workspace

METRICS = "qa/metrics.parquet"
SECONDS = "qa/seconds.parquet"
METADATA_KEY = b"openrelic.qa"
SCHEMA = 1

Proposed = Literal["accept", "look", "reject"]


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """A run of frames that failed a check; `frame` shows it best, and `value` is what it has."""

    check: str
    first_frame: int
    frames: int
    frame: int
    value: float


@dataclass(frozen=True, kw_only=True)
class Segment:
    """A usable run of frames."""

    first_frame: int
    frames: int


@dataclass(frozen=True, kw_only=True)
class ClipMetrics:
    """What was found of one clip; `values` has every check, None where it was not measured."""

    tour_id: str
    digest: str
    scene: str
    asset: str
    frames: int
    fps: float
    proposed: Proposed
    failed: tuple[str, ...]
    values: dict[str, float | None]
    evidence: tuple[Evidence, ...]
    segments: tuple[Segment, ...]

    @property
    def damaged(self) -> bool:
        """Whether the clip's files were found damaged."""
        return any(check.damages_files and check.name in self.failed for check in CHECKS)


@dataclass(frozen=True, kw_only=True)
class QaMetrics:
    """All of `metrics.parquet`: clips by tour id, the checks with the thresholds that were used."""

    clips: dict[str, ClipMetrics]
    checks: tuple[Check, ...]
    # Check name to its threshold; None: switched off.
    thresholds: dict[str, float | None]
    settings_digest: str


def read_metrics(workspace: Workspace) -> QaMetrics | None:
    """What was measured, or None if `dataset.qa` has not run; damage raises `OpenRelicError`."""
    if not workspace.exists(METRICS):
        return None
    where = f"{workspace.location}/{METRICS}"
    remedy = f"delete it and run `python -m dataset.qa {workspace.location}` again"
    table = workspace.read_table(METRICS)
    try:
        facts = json.loads((table.schema.metadata or {})[METADATA_KEY])
        if facts["schema"] != SCHEMA:
            raise OpenRelicError(f"{where} has schema {facts['schema']}, not {SCHEMA}; {remedy}")
        recorded = {entry["name"]: entry for entry in facts["checks"]}
        clips = {row["tour_id"]: _clip_of(row) for row in table.to_pylist()}
        thresholds = {name: recorded[name]["threshold"] for name in NAMES}
        digest = facts["settings_digest"]
    except (KeyError, TypeError, ValueError) as error:
        raise OpenRelicError(f"{where} is not of this version ({error!r}); {remedy}") from error
    checks = tuple(
        check if thresholds[check.name] is None
        else dataclasses.replace(check, threshold=thresholds[check.name])
        for check in CHECKS
    )  # fmt: skip
    return QaMetrics(clips=clips, checks=checks, thresholds=thresholds, settings_digest=digest)


def write_metrics(
    workspace: Workspace,
    clips: Sequence[ClipMetrics],
    thresholds: dict[str, float | None],
    settings_digest: str,
) -> None:
    """Write `metrics.parquet`: the same bytes for the same clips, in whatever order they come."""
    rows = [_row_of(clip) for clip in sorted(clips, key=lambda clip: clip.tour_id)]
    facts = {
        "schema": SCHEMA,
        "settings_digest": settings_digest,
        "checks": [_recorded(check, thresholds[check.name]) for check in CHECKS],
    }
    table = pa.Table.from_pylist(rows, schema=_schema()).replace_schema_metadata(
        {METADATA_KEY: json.dumps(facts, sort_keys=True)}
    )
    workspace.write_table(METRICS, table)


def read_seconds(workspace: Workspace) -> pa.Table | None:
    """`seconds.parquet`, or None if `dataset.qa` has not run."""
    return workspace.read_table(SECONDS) if workspace.exists(SECONDS) else None


def _schema() -> pa.Schema:
    run = [("first_frame", pa.int32()), ("frames", pa.int32())]
    shown = [("check", pa.string()), *run, ("frame", pa.int32()), ("value", pa.float64())]
    return pa.schema(
        [
            ("tour_id", pa.string()), ("digest", pa.string()), ("scene", pa.string()),
            ("asset", pa.string()), ("frames", pa.int32()), ("fps", pa.float64()),
            ("proposed", pa.string()), ("failed", pa.list_(pa.string())),
            *((name, pa.float64()) for name in NAMES),
            ("evidence", pa.list_(pa.struct(shown))), ("segments", pa.list_(pa.struct(run))),
        ]
    )  # fmt: skip


def _row_of(clip: ClipMetrics) -> dict[str, Any]:
    row = dataclasses.asdict(clip)
    return {**row, **row.pop("values")}


def _clip_of(row: dict[str, Any]) -> ClipMetrics:
    values = {name: row.pop(name) for name in NAMES}
    if row["proposed"] not in get_args(Proposed):
        raise ValueError(f"proposed is {row['proposed']!r}")
    row["failed"] = tuple(row["failed"])
    row["evidence"] = tuple(Evidence(**entry) for entry in row["evidence"])
    row["segments"] = tuple(Segment(**entry) for entry in row["segments"])
    return ClipMetrics(values=values, **row)


def _recorded(check: Check, threshold: float | None) -> dict[str, Any]:
    return {
        "name": check.name, "group": check.group, "unit": check.unit, "threshold": threshold,
        "direction": check.direction, "meaning": check.meaning, "scope": check.scope,
    }  # fmt: skip
