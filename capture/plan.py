"""Plan camera tours: which scenes, how long, how steered. Writes `plan.parquet`.

    python -m capture.plan WORKSPACE --scenes 5 --minutes 4.1

The paths themselves are computed by `capture.run` in the running engine.
"""

import logging
from dataclasses import dataclass
from typing import Annotated, Literal

import tyro

from dataset.arguments import WorkspaceArgument
from dataset.errors import OpenRelicError, parse_settings, run_command

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Command line of `capture.plan`."""

    workspace: WorkspaceArgument
    """Folder or URI of the workspace; it is made if it is not there."""
    scenes: Annotated[str, tyro.conf.arg(metavar="N|FILE")]
    """How many of the embedded engine's scenes, or a YAML file like configs/packaged_game.yaml."""
    minutes: float
    """Minutes of video in all tours together."""
    seed: int = 0
    """The same seed gives the same plan, byte for byte."""
    motion: Literal["fly", "walk", "both"] = "both"
    """fly: forward follows the view; walk: forward stays level."""
    rotation_frame: Literal["camera", "level"] = "camera"
    """Axes of pan, tilt and roll: the camera's own (as in the paper), or the world's up."""
    clearance_cm: Annotated[float, tyro.conf.arg(metavar="CM")] = 25.0
    """A camera never comes nearer to a surface, in cm."""
    fov_deg: Annotated[float, tyro.conf.arg(metavar="DEG")] = 90.0
    """Horizontal field of view, in degrees."""
    replace: bool = False
    """Replace a plan that is there already and differs."""


def main() -> None:
    """Write the plan and its report section."""
    settings = parse_settings(Settings, __doc__)
    from capture.tours.planning import PlanWish, make_plan
    from capture.tours.rows import rows_to_table
    from capture.tours.scene_lists import choose_scenes
    from capture.tours.section import write_plan_section
    from dataset.clip import FPS
    from dataset.workspace import PLAN, Workspace

    check(settings)
    workspace = Workspace(settings.workspace)
    wish = PlanWish(
        minutes=settings.minutes,
        seed=settings.seed,
        motion=settings.motion,
        rotation_frame=settings.rotation_frame,
        clearance_cm=settings.clearance_cm,
        fov_deg=settings.fov_deg,
    )
    rows = make_plan(choose_scenes(settings.scenes), wish)
    table = rows_to_table(rows)
    if workspace.exists(PLAN) and not settings.replace:
        if not workspace.read_table(PLAN).equals(table):
            raise OpenRelicError(
                f"{workspace.location}/{PLAN} holds another plan; add --replace to plan anew "
                "(clips of tours that stay in the plan are kept), or give another workspace"
            )
        log.info("the plan is there already")
    else:
        workspace.write_table(PLAN, table)
    write_plan_section(workspace, rows)
    minutes = sum(row.frames for row in rows) / FPS / 60
    log.info(
        "%d tours in %d scenes, %.1f minutes", len(rows), len({r.scene for r in rows}), minutes
    )


def check(settings: Settings) -> None:
    """Refuse values that no plan can have."""
    if not 0 < settings.minutes < float("inf"):
        raise OpenRelicError(f"--minutes is {settings.minutes:g}; give a number above 0")
    if not 5 <= settings.fov_deg <= 170:
        raise OpenRelicError(f"--fov-deg is {settings.fov_deg:g}; 5 to 170 are allowed")
    if not 1 <= settings.clearance_cm <= 1000:
        raise OpenRelicError(f"--clearance-cm is {settings.clearance_cm:g}; 1 to 1000 are allowed")


if __name__ == "__main__":
    run_command(main)
