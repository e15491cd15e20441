"""Plan camera tours: which scenes, how long, how steered. Writes `plan.parquet`.

    python -m capture.plan WORKSPACE --scenes 350 --minutes 1750
    python -m capture.plan WORKSPACE --poses walk.csv --scene home:0    # a recorded tour
    python -m capture.plan WORKSPACE --estimate --frames-per-second 40 --price-per-hour 0.8
    python -m capture.plan WORKSPACE --top-up                           # replace what was lost

The paths of steered tours are computed by `capture.run` in the running engine.
"""

import sys
from dataclasses import dataclass
from typing import Annotated, Literal

import tyro

from dataset.arguments import WorkspaceArgument
from dataset.errors import OpenRelicError, parse_settings, run_command

Range = Annotated[tuple[float, float], tyro.conf.arg(metavar="LOW HIGH")]


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Command line of `capture.plan`."""

    workspace: WorkspaceArgument
    """Folder or URI of the workspace; it is made if it is not there."""
    scenes: Annotated[str | None, tyro.conf.arg(metavar="N|FILE")] = None
    """How many of the embedded engine's scenes, or a YAML file like configs/packaged_game.yaml."""
    minutes: float | None = None
    """Minutes of video in all tours together, recorded ones included."""
    seed: int = 0
    """The same seed gives the same plan, byte for byte."""
    motion: Literal["fly", "walk", "both"] = "both"
    """fly: forward follows the view; walk: forward stays level."""
    single_share: float = 1 / 3
    """Share of the tours that hold one key at a time."""
    revisit_share: float = 1 / 3
    """Share of the tours that return to places seen before; the rest mixes keys."""
    speed_m_s: Range = (0.8, 1.8)
    """A tour's usual speed is drawn from this range, in metres a second."""
    turn_deg_s: Range = (20.0, 45.0)
    """A tour's usual turning speed is drawn from this range, in degrees a second."""
    rotation_frame: Literal["camera", "level"] = "camera"
    """Axes of pan, tilt and roll: the camera's own (as in the paper), or the world's up."""
    clearance_cm: Annotated[float, tyro.conf.arg(metavar="CM")] = 25.0
    """A camera never comes nearer to a surface, in cm."""
    fov_deg: Annotated[float, tyro.conf.arg(metavar="DEG")] = 90.0
    """Horizontal field of view, in degrees."""
    poses: Annotated[str | None, tyro.conf.arg(metavar="FILE")] = None
    """Recorded camera path (CSV or parquet), or a YAML list of {file, scene}. Without --minutes it
    joins the plan that is there; with it, it stands for that much of the steered tours."""
    scene: str | None = None
    """Scene that --poses was recorded in."""
    top_up: bool = False
    """Add tours to the plan that is there for minutes lost to tours that were given up, and for
    actions below 5 % of the frames; with --minutes, also up to that many."""
    estimate: bool = False
    """Write nothing; say what capturing takes: what is left of the plan that is there, or with
    --scenes and --minutes the plan that they would make."""
    frames_per_second: float | None = None
    """For --estimate: what one engine captures; as measured by the last run here, if not given."""
    price_per_hour: float = 0.0
    """For --estimate: of a machine that runs one engine, in any currency."""
    load_seconds: float = 30.0
    """For --estimate: to start an engine and load a scene."""
    replace: bool = False
    """Replace a plan that is there already and differs."""


def main() -> None:
    """Write the plan and its report section, or say what it would take."""
    settings = parse_settings(Settings, __doc__)
    check(settings)
    from capture.tours.commands import add_recordings, estimate, new_plan, top_up
    from dataset.workspace import Workspace

    workspace = Workspace(settings.workspace)
    if settings.estimate:
        text = estimate(workspace, settings)
    elif settings.top_up:
        text = top_up(workspace, settings)
    elif settings.minutes is None:
        text = add_recordings(workspace, settings)
    else:
        text = new_plan(workspace, settings)
    sys.stdout.write(text)


def check(settings: Settings) -> None:
    """Refuse values that no plan can have, and options that do not go together."""
    _check_mode(settings)
    if settings.minutes is not None and not 0 < settings.minutes < float("inf"):
        raise OpenRelicError(f"--minutes is {settings.minutes:g}; give a number above 0")
    limits = {
        "fov_deg": (5, 170), "clearance_cm": (1, 1000), "single_share": (0, 1),
        "revisit_share": (0, 1), "price_per_hour": (0, 1e6), "load_seconds": (0, 1e5),
    }  # fmt: skip
    for name, (low, high) in limits.items():
        if not low <= getattr(settings, name) <= high:
            option, value = name.replace("_", "-"), getattr(settings, name)
            raise OpenRelicError(f"--{option} is {value:g}; {low:g} to {high:g} are allowed")
    if settings.single_share + settings.revisit_share > 1 + 1e-9:
        raise OpenRelicError("--single-share and --revisit-share sum to more than 1")
    for name, highest in {"speed_m_s": 20.0, "turn_deg_s": 180.0}.items():
        low, high = getattr(settings, name)
        if not 0 < low <= high <= highest:
            option = name.replace("_", "-")
            raise OpenRelicError(
                f"--{option} is {low:g} {high:g}; the first must be above 0 and not above the "
                f"second, which is {highest:g} at most"
            )
    if settings.frames_per_second is not None and not 0 < settings.frames_per_second < 1e5:
        raise OpenRelicError(f"--frames-per-second is {settings.frames_per_second:g}; above 0")


def _check_mode(settings: Settings) -> None:
    if settings.scene is not None and settings.poses is None:
        raise OpenRelicError("--scene says where --poses was recorded; give --poses FILE as well")
    if settings.top_up:
        if settings.scenes or settings.poses or settings.replace or settings.estimate:
            raise OpenRelicError(
                "--top-up works on the plan that is there; only --minutes goes with it"
            )
        return
    if settings.minutes is None and settings.poses is not None and not settings.estimate:
        return
    if settings.estimate and settings.scenes is None and settings.minutes is None:
        return
    if settings.scenes is None or settings.minutes is None:
        lacking = "--scenes" if settings.scenes is None else "--minutes"
        raise OpenRelicError(
            f"missing: {lacking}; a plan needs --scenes and --minutes, or --poses, or --top-up; "
            "see `python -m capture.plan --help`"
        )


if __name__ == "__main__":
    run_command(main)
