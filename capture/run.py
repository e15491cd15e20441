"""Capture the planned tours: Ray workers drive engines over UnrealCV and commit clips.

    python -m capture.run WORKSPACE
    ray submit capture_cluster.yaml capture/run.py -- WORKSPACE --ray auto

Stopped at any moment, killed or with Ctrl-C, and started again, it goes on with the tours that have
no committed clip; no clip is lost or made twice.
"""

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import tyro

from dataset.arguments import WorkspaceArgument
from dataset.errors import OpenRelicError, parse_settings, run_command

if TYPE_CHECKING:
    from capture.tours.rows import PlanRow
    from dataset.workspace import Workspace

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Command line of `capture.run`."""

    workspace: WorkspaceArgument
    """Folder or URI of the workspace that holds plan.parquet."""
    engine: str = "embedded"
    """embedded, or the absolute path of a packaged Unreal binary, …/Proj/Binaries/Linux/Proj, or
    HOST:PORT of an engine that runs already (then with --workers 1)."""
    workers: Annotated[int | None, tyro.conf.arg(metavar="N")] = None
    """Engines at once; one a core if not given."""
    ray: Annotated[str | None, tyro.conf.arg(metavar="ADDRESS")] = None
    """Address of a Ray cluster to join (auto: the one on this machine); started here if absent."""
    gpus_per_engine: float = 0.0
    """GPU share that each worker asks Ray for, 0 to 1 or more."""
    retries: int = 2
    """Further attempts at a tour after its engine crashed, hung or answered wrongly."""
    boot_timeout_s: float = 900.0
    """Seconds to wait for an engine to load its map."""
    reply_timeout_s: float = 60.0
    """Seconds to wait for any one reply before the engine counts as hung."""


def main() -> None:
    """Capture what has no clip yet, then write the report section."""
    settings = parse_settings(Settings, __doc__)
    from capture.crew.lock import capture_lock
    from capture.recording.section import write_capture_section
    from capture.tours.rows import read_plan
    from dataset.workspace import Workspace

    check(settings)
    workspace = Workspace(settings.workspace)
    rows = read_plan(workspace)
    with capture_lock(workspace):
        failed = _capture(settings, workspace, rows)
    write_capture_section(workspace, rows)
    if failed:
        raise OpenRelicError(
            f"{failed} of {len(rows)} tours failed (see above); the others are committed: "
            "mend the cause and run the same command again"
        )


def check(settings: Settings) -> None:
    """Refuse values that no run can have."""
    from capture.sessions.launcher import running_address

    if settings.workers is not None and settings.workers < 1:
        raise OpenRelicError(f"--workers is {settings.workers}; give 1 or more")
    if running_address(settings.engine) and settings.workers != 1:
        raise OpenRelicError(
            f"--engine {settings.engine} serves one client; add --workers 1, or start engines here"
        )
    for name in ("gpus_per_engine", "retries", "boot_timeout_s", "reply_timeout_s"):
        if not 0 <= getattr(settings, name) < float("inf"):
            option = name.replace("_", "-")
            raise OpenRelicError(f"--{option} is {getattr(settings, name):g}; give 0 or more")


def _capture(settings: Settings, workspace: "Workspace", rows: "list[PlanRow]") -> int:
    """Run the crew over the open tours; how many failed."""
    from capture.crew.cluster import Crew, capture_all, open_tours, start_ray
    from capture.crew.worker import WorkerSettings

    todo = open_tours(workspace, rows)
    log.info("%d of %d tours are captured", len(rows) - len(todo), len(rows))
    if not todo:
        return 0
    workers = min(start_ray(settings.ray, settings.workers), len(todo))
    crew = Crew(
        WorkerSettings(
            workspace=str(workspace.local_root or workspace.location),
            engine=settings.engine,
            retries=settings.retries,
            boot_timeout_s=settings.boot_timeout_s,
            reply_timeout_s=settings.reply_timeout_s,
            one_core=workers > 1,
        ),
        workers,
        settings.gpus_per_engine,
    )
    try:
        outcomes = capture_all(crew, todo)
    finally:
        crew.close()
    return sum(outcome.error is not None for outcome in outcomes)


if __name__ == "__main__":
    run_command(main)
