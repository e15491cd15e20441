"""Rows of `plan.parquet`: what each tour should be, before its path exists.

The file's metadata key `openrelic` is JSON with what was asked of the plan (`PlanWish` of
`capture.tours.planning`), so that tours can be added later in the same manner.
"""

import dataclasses
import hashlib
import json
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pyarrow as pa

from capture.tours.camera_operator import TourKind, TourWish
from capture.tours.starts import StartArea
from capture.tours.steering import Motion, Style
from dataset.errors import MissingInputError, OpenRelicError
from dataset.workspace import PLAN, Workspace, json_bytes
from labeling.actions import RotationFrame

METADATA_KEY = b"openrelic"

RowKind = TourKind | Literal["recorded"]
RowMotion = Motion | Literal["recorded"]

_TRIPLE = pa.list_(pa.float64())
_START = pa.struct([("low_cm", _TRIPLE), ("high_cm", _TRIPLE), ("yaw_deg", pa.float64())])
_COLUMN_TYPES = {"starts": pa.list_(_START), "pose_file": pa.string()}  # may be empty throughout


@dataclass(frozen=True, kw_only=True)
class PlanRow:
    """One tour."""

    scene: str  # the engine's map
    asset: str  # what dataset splits go by
    licence: str
    seed: int
    frames: int
    kind: RowKind
    motion: RowMotion
    rotation_frame: RotationFrame
    mix: tuple[float, ...]  # what the operator aims at: share of frames of each of the 13 actions
    translation_m_s: float  # usual speed
    rotation_deg_s: float
    clearance_cm: float  # never nearer to a surface; 0 where nobody promises any
    fov_deg: float  # horizontal
    game: str = ""  # the packaged game that has the scene, where a list names several
    starts: tuple[StartArea, ...] = ()  # where the tour may begin; empty: at the scene's spawns
    pose_file: str | None = None  # a recorded path stands for a steered one: see `pose_files`

    @property
    def row_hash(self) -> str:
        """SHA-256 of the row, as hex."""
        return hashlib.sha256(json_bytes(dataclasses.asdict(self))).hexdigest()

    @property
    def tour_id(self) -> str:
        """Scene, kind and the row's hash, without dots."""
        scene = "".join(letter if letter.isalnum() else "-" for letter in self.scene).strip("-")
        return f"{scene}-{self.kind}-{self.row_hash[:10]}"


def tour_wish(row: PlanRow) -> TourWish:
    """What the operator is asked for; a recorded tour has no operator, and raises `ValueError`."""
    if row.kind == "recorded" or row.motion == "recorded":
        raise ValueError(f"{row.tour_id} is recorded: its path is in {row.pose_file}")
    return TourWish(
        frames=row.frames,
        kind=row.kind,
        style=Style(motion=row.motion, rotation_frame=row.rotation_frame),
        mix=np.array(row.mix),
        translation_m_s=row.translation_m_s,
        rotation_deg_s=row.rotation_deg_s,
        seed=row.seed,
    )


def rows_to_table(rows: list[PlanRow], metadata: dict[str, Any] | None = None) -> pa.Table:
    """The plan as a table, with each tour's id; `metadata` says what was asked of it."""
    columns: dict[str, Any] = {"tour_id": [row.tour_id for row in rows]}
    records = [dataclasses.asdict(row) for row in rows]
    for field in dataclasses.fields(PlanRow):
        values = [record[field.name] for record in records]
        columns[field.name] = pa.array(values, type=_COLUMN_TYPES.get(field.name))
    encoded = json.dumps(metadata or {}, sort_keys=True).encode()
    return pa.table(columns).replace_schema_metadata({METADATA_KEY: encoded})


def table_metadata(table: pa.Table) -> dict[str, Any]:
    """What `rows_to_table` was given as metadata; empty for none."""
    return json.loads((table.schema.metadata or {}).get(METADATA_KEY, b"{}"))


def rows_from_table(table: pa.Table, where: str) -> list[PlanRow]:
    """The rows of a plan; `where` names the file in errors."""
    names = [field.name for field in dataclasses.fields(PlanRow)]
    missing = [name for name in names if name not in table.column_names]
    if missing:
        raise OpenRelicError(
            f"{where} lacks the columns {', '.join(missing)}: make it again with capture.plan"
        )
    rows = []
    for record in table.select([*names, "tour_id"]).to_pylist():
        tour_id = record.pop("tour_id")
        row = _row_of(record)
        if row.tour_id != tour_id:
            raise OpenRelicError(
                f"{where}: tour {tour_id} does not match its row (now {row.tour_id}); plans are "
                "not edited by hand: make another with capture.plan"
            )
        rows.append(row)
    return rows


def of_game(rows: list[PlanRow], game: str | None) -> list[PlanRow]:
    """The tours that one game's binary can show; a plan of several needs to be told which."""
    games = list(dict.fromkeys(row.game for row in rows))
    if game is None and len(games) <= 1:
        return rows
    if game not in games:
        found = f"there is no {game}" if game is not None else "it has no --game"
        raise OpenRelicError(
            f"the plan has tours of the games {', '.join(name or '(unnamed)' for name in games)}, "
            f"and {found}: capture one after another, each with --game NAME and its own --engine"
        )
    return [row for row in rows if row.game == game]


def _row_of(record: dict[str, Any]) -> PlanRow:
    starts = tuple(
        StartArea(
            low_cm=tuple(area["low_cm"]), high_cm=tuple(area["high_cm"]), yaw_deg=area["yaw_deg"]
        )
        for area in record["starts"]
    )
    return PlanRow(**{**record, "mix": tuple(record["mix"]), "starts": starts})


def read_plan(workspace: Workspace) -> list[PlanRow]:
    """The workspace's plan; a missing one raises the error that names the command."""
    if not workspace.exists(PLAN):
        raise MissingInputError(
            f"{workspace.location}/{PLAN}",
            f"python -m capture.plan {workspace.location} --scenes N --minutes M",
        )
    return rows_from_table(workspace.read_table(PLAN), f"{workspace.location}/{PLAN}")
