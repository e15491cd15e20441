"""`plan.parquet` with what was asked of it: reading, writing, and never replacing it unasked."""

import dataclasses
import logging
from dataclasses import dataclass
from typing import Any

from capture.tours.planning import PlanWish
from capture.tours.rows import PlanRow, read_plan, rows_to_table, table_metadata
from dataset.errors import OpenRelicError
from dataset.workspace import PLAN, Workspace

log = logging.getLogger(__name__)

METADATA_VERSION = 1


@dataclass(frozen=True, kw_only=True)
class StoredPlan:
    """A plan's rows, the wish that all of them together should meet, and how often tours were
    added because something was short."""

    rows: list[PlanRow]
    wish: PlanWish
    top_ups: int = 0


def read_stored_plan(workspace: Workspace) -> StoredPlan:
    """The plan that is there; a missing one raises the error that names the command."""
    rows = read_plan(workspace)
    metadata = table_metadata(workspace.read_table(PLAN))
    if metadata.get("version") != METADATA_VERSION:
        raise OpenRelicError(
            f"{workspace.location}/{PLAN} does not say what was asked of it: make it again with "
            "capture.plan … --replace"
        )
    wish: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in metadata["wish"].items()
    }
    return StoredPlan(rows=rows, wish=PlanWish(**wish), top_ups=metadata["top_ups"])


def write_plan(workspace: Workspace, plan: StoredPlan) -> None:
    """Write `plan.parquet`: the same bytes for the same plan."""
    metadata: dict[str, Any] = {
        "version": METADATA_VERSION,
        "wish": dataclasses.asdict(plan.wish),
        "top_ups": plan.top_ups,
    }
    workspace.write_table(PLAN, rows_to_table(plan.rows, metadata))


def store_new_plan(workspace: Workspace, plan: StoredPlan, *, replace: bool) -> StoredPlan:
    """Write a plan unless the same one is there, perhaps with tours that were added to it since;
    what is there then. Another plan is refused unless `replace`."""
    if not workspace.exists(PLAN) or replace:
        write_plan(workspace, plan)
        return plan
    there = read_plan(workspace)
    if there[: len(plan.rows)] != plan.rows:
        raise OpenRelicError(
            f"{workspace.location}/{PLAN} holds another plan; add --replace to plan anew "
            "(clips of tours that stay in the plan are kept), or give another workspace"
        )
    added = len(there) - len(plan.rows)
    log.info("the plan is there already%s", f", with {added} tours added since" if added else "")
    return read_stored_plan(workspace)
