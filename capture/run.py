"""Capture the planned tours: Ray workers drive engines over UnrealCV and commit clips.

    python -m capture.run WORKSPACE
    ray submit capture_cluster.yaml capture/run.py -- WORKSPACE --ray auto

Stopped at any moment, killed or with Ctrl-C, and started again, it goes on with the tours that have
no committed clip; no clip is lost or made twice. `python -m capture.status WORKSPACE` tells from
another terminal how far it is, and which tours it gave up and why.
"""

import logging
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

from dataset.arguments import WorkspaceArgument
from dataset.errors import OpenRelicError, parse_settings, run_command

if TYPE_CHECKING:
    from capture.crew.resume import Work
    from capture.crew.worker import WorkerSettings
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
    game: str | None = None
    """Capture only the tours of this game, where a plan names several; each has its own binary."""
    engine_arguments: str = ""
    """Further arguments of the engine, in one word: --engine-arguments="-nosound -dx12"."""
    engine_user: Annotated[str | None, tyro.conf.arg(metavar="NAME")] = None
    """User to run the engine as; Unreal refuses to run as root."""
    workers: Annotated[int | None, tyro.conf.arg(metavar="N")] = None
    """Most engines at once. If not given: one a core (or GPU share) on this machine, and on a
    cluster as many as it has or can grow room for."""
    ray: Annotated[str | None, tyro.conf.arg(metavar="ADDRESS")] = None
    """Address of a Ray cluster to join (auto: the one on this machine); started here if absent."""
    cpus_per_engine: float = 1.0
    """Cores that each worker asks Ray for."""
    gpus_per_engine: float = 0.0
    """GPU share that each worker asks Ray for, 0 to 1 or more."""
    tracks: tuple[Literal["depth", "normal", "mask"], ...] = ()
    """Tracks to store without loss beside each video."""
    exposure_ev: Annotated[float | None, tyro.conf.arg(metavar="EV")] = None
    """Fixed exposure, for engines that offer it; left to the engine if not given."""
    size: tuple[int, int] = (1280, 720)
    """Width and height of the videos; the dataset's is the default, a preview may be smaller."""
    retries: int = 2
    """Further attempts at a tour after its engine crashed, hung or answered wrongly."""
    backoff_s: float = 5.0
    """Pause before the first of them, doubled before each further one."""
    retry_quarantined: bool = False
    """Try tours again that an earlier run gave up."""
    boot_timeout_s: float = 900.0
    """Seconds to wait for an engine to load its map."""
    reply_timeout_s: float = 60.0
    """Seconds to wait for any one reply before the engine counts as hung."""
    stall_timeout_s: float = 1800.0
    """Seconds without any sign of life after which a worker's engine is killed."""
    recycle_frames: int = 50_000
    """Frames after which an engine is started anew, between tours; 0: never."""
    recycle_mb: int = 16_384
    """Memory in MB after which an engine is started anew, between tours; 0: never."""


def main() -> None:
    """Capture what has no clip yet, then write the report section."""
    settings = parse_settings(Settings, __doc__)
    from capture.crew.lock import capture_lock
    from capture.crew.resume import find_work
    from capture.recording.section import write_capture_section
    from capture.tours.rows import of_game, read_plan
    from dataset.workspace import Workspace

    check(settings)
    workspace = Workspace(settings.workspace)
    planned = read_plan(workspace)
    rows = of_game(planned, settings.game)
    with capture_lock(workspace):
        work = find_work(workspace, rows, settings.retry_quarantined)
        log.info("%d of %d tours are captured", len(work.committed), work.planned)
        failed = _capture(settings, workspace, work) if work.todo else len(work.quarantined)
    write_capture_section(workspace, planned)
    if failed:
        raise OpenRelicError(
            f"{failed} of {len(rows)} tours are in quarantine, the others are committed; "
            f"`python -m capture.status {settings.workspace}` lists them and why: mend the cause, "
            "then run the same command with --retry-quarantined"
        )


def check(settings: Settings) -> None:
    """Refuse values that no run can have."""
    from capture.crew.nodes import check_engine
    from capture.sessions.launcher import running_address

    if settings.workers is not None and settings.workers < 1:
        raise OpenRelicError(f"--workers is {settings.workers}; give 1 or more")
    if running_address(settings.engine) and settings.workers != 1:
        raise OpenRelicError(
            f"--engine {settings.engine} serves one client; add --workers 1, or start engines here"
        )
    if min(settings.size) < 2 or any(side % 2 for side in settings.size):
        raise OpenRelicError(f"--size is {settings.size}; H.264 needs even sides of 2 or more")
    for name in (
        "cpus_per_engine", "gpus_per_engine", "retries", "backoff_s", "boot_timeout_s",
        "reply_timeout_s", "stall_timeout_s", "recycle_frames", "recycle_mb",
    ):  # fmt: skip
        if not 0 <= getattr(settings, name) < float("inf"):
            option = name.replace("_", "-")
            raise OpenRelicError(f"--{option} is {getattr(settings, name):g}; give 0 or more")
    if settings.ray is None:
        check_engine(settings.engine)


def _capture(settings: Settings, workspace: "Workspace", work: "Work") -> int:
    """Run a crew over the open tours; how many tours are in quarantine then."""
    from capture.crew.driver import Driver
    from capture.crew.nodes import written_token
    from capture.crew.ray_start import Shares, start_ray
    from capture.crew.recruiting import recruit
    from capture.crew.schedule import RetryPolicy

    with written_token(workspace) as token:
        shares = Shares(cpus=settings.cpus_per_engine, gpus=settings.gpus_per_engine)
        engines = start_ray(settings.ray, settings.workers, shares)
        crew = recruit(
            worker_settings(settings, workspace, one_core=engines > 1 and len(work.todo) > 1),
            token, shares, stall_s=settings.stall_timeout_s, on_cluster=settings.ray is not None,
        )  # fmt: skip
        policy = RetryPolicy(attempts=settings.retries + 1, backoff_s=settings.backoff_s)
        driver = Driver(workspace, work, crew, engines=engines, policy=policy)
        try:
            driver.run()
        finally:
            crew.close()
    return driver.tally.tours_failed


def worker_settings(
    settings: Settings, workspace: "Workspace", *, one_core: bool
) -> "WorkerSettings":
    """What every worker needs of the command line."""
    from capture.crew.worker import WorkerSettings

    try:
        arguments = tuple(shlex.split(settings.engine_arguments))
    except ValueError as error:
        raise OpenRelicError(f"--engine-arguments cannot be split into words: {error}") from error
    return WorkerSettings(
        workspace=str(workspace.local_root or workspace.location),
        engine=settings.engine,
        engine_arguments=arguments,
        engine_user=settings.engine_user,
        tracks=settings.tracks,
        exposure_ev=settings.exposure_ev,
        size=settings.size,
        boot_timeout_s=settings.boot_timeout_s,
        reply_timeout_s=settings.reply_timeout_s,
        recycle_frames=settings.recycle_frames,
        recycle_mb=settings.recycle_mb,
        one_core=one_core,
    )


if __name__ == "__main__":
    run_command(main)
