"""What `capture.plan` does with a workspace; each function returns the text to show."""

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

from capture.tours.achieved import read_standing
from capture.tours.estimate import Prices, estimate_text, minute_bytes, one_engine_rate
from capture.tours.plan_file import StoredPlan, read_stored_plan, store_new_plan, write_plan
from capture.tours.planning import PlanWish, make_plan
from capture.tours.recorded import Recording, recorded_rows, recordings
from capture.tours.rows import PlanRow
from capture.tours.scene_lists import SceneChoice, choose_scenes, embedded_scenes
from capture.tours.section import plan_text, write_plan_section
from capture.tours.topping_up import scenes_of, topped_up
from dataset.clip import FPS
from dataset.errors import OpenRelicError
from dataset.workspace import PLAN, Workspace

if TYPE_CHECKING:
    from capture.plan import Settings


def new_plan(workspace: Workspace, settings: "Settings") -> str:
    """Plan `--minutes` in `--scenes`, and write it."""
    plan = store_new_plan(workspace, _planned(workspace, settings), replace=settings.replace)
    return _shown(workspace, plan)


def add_recordings(workspace: Workspace, settings: "Settings") -> str:
    """Add `--poses` to the plan that is there, or begin one with it."""
    plan = _empty(settings)
    if workspace.exists(PLAN) and not settings.replace:
        plan = read_stored_plan(workspace)
    found = recordings(Path(settings.poses or ""), settings.scene)
    # A workspace has one rotation frame: that of the plan that is there.
    wish = dataclasses.replace(plan.wish, fov_deg=settings.fov_deg)
    scenes = _known_scenes(plan, settings, found)
    there = set(plan.rows)
    new = [row for row in recorded_rows(workspace, found, scenes, wish) if row not in there]
    wish = dataclasses.replace(plan.wish, minutes=plan.wish.minutes + _minutes(new))
    if new:
        plan = dataclasses.replace(plan, rows=plan.rows + new, wish=wish)
        write_plan(workspace, plan)
    return f"{len(new)} of {len(found)} recorded tours are new\n" + _shown(workspace, plan)


def top_up(workspace: Workspace, settings: "Settings") -> str:
    """Add tours for what is short."""
    plan = read_stored_plan(workspace)
    if settings.minutes is not None:
        plan = dataclasses.replace(
            plan, wish=dataclasses.replace(plan.wish, minutes=settings.minutes)
        )
    topped, why = topped_up(plan, read_standing(workspace, plan.rows), str(workspace.location))
    write_plan(workspace, topped)
    return why + _shown(workspace, topped)


def estimate(workspace: Workspace, settings: "Settings") -> str:
    """What capturing takes; nothing is written."""
    there = workspace.exists(PLAN)
    plan = read_stored_plan(workspace) if settings.minutes is None else None
    rows = plan.rows if plan else _planned(None, settings).rows
    standing = read_standing(workspace, rows) if there else None
    open_rows = standing.open_rows if standing else rows
    prices = Prices(
        frames_per_second=settings.frames_per_second or one_engine_rate(workspace),
        price_per_hour=settings.price_per_hour,
        load_seconds=settings.load_seconds,
    )
    return estimate_text(rows, open_rows, prices, minute_bytes(standing))


def _planned(workspace: Workspace | None, settings: "Settings") -> StoredPlan:
    """The plan of `--scenes` and `--minutes`; recordings stand for some of the minutes."""
    scenes = choose_scenes(settings.scenes or "")
    wish = _wish(settings)
    recorded: list[PlanRow] = []
    if settings.poses is not None:
        found = recordings(Path(settings.poses), settings.scene)
        recorded = recorded_rows(workspace, found, scenes, wish)
    left = wish.minutes - _minutes(recorded)
    if left <= 0:
        raise OpenRelicError(
            f"the recordings last {_minutes(recorded):.1f} minutes, all of --minutes; give more "
            "minutes, or leave out --minutes for a plan of recordings only"
        )
    rows = make_plan(scenes, dataclasses.replace(wish, minutes=left))
    return StoredPlan(rows=rows + recorded, wish=wish)


def _wish(settings: "Settings") -> PlanWish:
    names = [field.name for field in dataclasses.fields(PlanWish)]
    return PlanWish(**{name: getattr(settings, name) for name in names})


def _empty(settings: "Settings") -> StoredPlan:
    return StoredPlan(rows=[], wish=_wish(dataclasses.replace(settings, minutes=0.0)))


def _known_scenes(
    plan: StoredPlan, settings: "Settings", found: list[Recording]
) -> list[SceneChoice]:
    """Scenes that recordings may be of: those of --scenes, else of the plan, else embedded ones."""
    if settings.scenes is not None:
        return choose_scenes(settings.scenes)
    planned = scenes_of(plan.rows)
    if {one.scene for one in found} <= {scene.scene for scene in planned}:
        return planned
    names = {scene.scene for scene in planned}
    return planned + [scene for scene in embedded_scenes() if scene.scene not in names]


def _minutes(rows: list[PlanRow]) -> float:
    return sum(row.frames for row in rows) / FPS / 60.0


def _shown(workspace: Workspace, plan: StoredPlan) -> str:
    write_plan_section(workspace, plan.rows)
    return plan_text(plan.rows)
