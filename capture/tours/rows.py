"""Rows of `plan.parquet`: what each tour should be, before its path exists."""

import dataclasses
import hashlib
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from capture.tours.camera_operator import TourKind
from capture.tours.steering import Motion
from dataset.errors import MissingInputError, OpenRelicError
from dataset.workspace import PLAN, Workspace, json_bytes
from labeling.actions import ACTIONS, RotationFrame


@dataclass(frozen=True, kw_only=True)
class PlanRow:
    """One tour."""

    scene: str  # the engine's map
    asset: str  # what dataset splits go by
    licence: str
    seed: int
    frames: int
    kind: TourKind
    motion: Motion
    rotation_frame: RotationFrame
    mix: tuple[float, ...]  # wanted share of frames of each of the 13 actions
    translation_m_s: float  # usual speed
    rotation_deg_s: float
    clearance_cm: float  # never nearer to a surface
    fov_deg: float  # horizontal

    @property
    def row_hash(self) -> str:
        """SHA-256 of the row, as hex."""
        return hashlib.sha256(json_bytes(dataclasses.asdict(self))).hexdigest()

    @property
    def tour_id(self) -> str:
        """Scene, kind and the row's hash, without dots."""
        scene = "".join(letter if letter.isalnum() else "-" for letter in self.scene).strip("-")
        return f"{scene}-{self.kind}-{self.row_hash[:10]}"


def rows_to_table(rows: list[PlanRow]) -> pa.Table:
    """The plan as a table, with each tour's id."""
    columns: dict[str, Any] = {"tour_id": [row.tour_id for row in rows]}
    for field in dataclasses.fields(PlanRow):
        columns[field.name] = [getattr(row, field.name) for row in rows]
    return pa.table(columns)


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
        row = PlanRow(**{**record, "mix": tuple(record["mix"])})
        if row.tour_id != tour_id:
            raise OpenRelicError(
                f"{where}: tour {tour_id} does not match its row (now {row.tour_id}); plans are "
                "not edited by hand: make another with capture.plan"
            )
        rows.append(row)
    return rows


def read_plan(workspace: Workspace) -> list[PlanRow]:
    """The workspace's plan; a missing one raises the error that names the command."""
    if not workspace.exists(PLAN):
        raise MissingInputError(
            f"{workspace.location}/{PLAN}",
            f"python -m capture.plan {workspace.location} --scenes N --minutes M",
        )
    return rows_from_table(workspace.read_table(PLAN), f"{workspace.location}/{PLAN}")


def expected_shares(rows: list[PlanRow]) -> np.ndarray:
    """Expected share of frames with each action (13,), weighted by frames."""
    frames = np.array([row.frames for row in rows], dtype=float)
    mix = np.array([row.mix for row in rows]).reshape(len(rows), len(ACTIONS))
    return frames @ mix / frames.sum()
