"""A capture worker: owns one engine, makes one attempt at a tour a call, and says how it ended.

Nothing is tried again here: the driver decides that. After any failure the engine is ended, so that
the next attempt finds a fresh one.
"""

import contextlib
import errno
import logging
import os
import socket
import tempfile
import time
import traceback
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from capture.recording.cameras import SpawnedCameras
from capture.sessions.address import running_address
from capture.sessions.kept import ScratchFolder
from capture.tours.rows import PlanRow
from dataset.clip import HEIGHT, WIDTH
from dataset.errors import OpenRelicError, StorageError
from dataset.workspace import Workspace

if TYPE_CHECKING:
    from capture.recording.recorder import Station
    from capture.sessions.launcher import Engine

log = logging.getLogger(__name__)

MB = 2**20
NO_PORT = (errno.EADDRINUSE, errno.EADDRNOTAVAIL)

# attempt: try again; tour, scene: hopeless; machine: the run cannot go on.
Guilt = Literal["attempt", "tour", "scene", "machine"]


@dataclass(frozen=True, kw_only=True)
class WorkerSettings:
    """What every worker of a run shares."""

    workspace: str
    engine: str  # embedded, the address of a running one, or a packaged binary's path
    engine_arguments: tuple[str, ...] = ()
    engine_user: str | None = None
    tracks: tuple[str, ...] = ()
    exposure_ev: float | None = None
    boot_timeout_s: float = 900.0
    reply_timeout_s: float = 60.0
    recycle_frames: int = 50_000  # an engine is restarted after so many
    recycle_mb: int = 16_384  # or when it uses so much memory
    one_core: bool = False  # the machine's cores are divided among workers
    size: tuple[int, int] = (WIDTH, HEIGHT)  # of the video; tests record smaller ones


@dataclass(frozen=True, kw_only=True)
class Fault:
    """Why an attempt failed, and who is to blame."""

    guilt: Guilt
    reason: str


@dataclass(frozen=True, kw_only=True)
class TourResult:
    """What an attempt brought."""

    tour_id: str
    frames: int
    committed: bool = False  # False without a fault: another attempt had committed the tour
    fault: Fault | None = None
    load_s: float = 0.0  # spent on loading the scene, 0 if it was loaded
    tour_s: float = 0.0  # spent on the tour itself


@dataclass(frozen=True, kw_only=True)
class WorkerState:
    """A glance at a worker while it captures; whatever changes is a sign of life."""

    frames: int  # of the tour in work
    images: int  # that the engine has drawn
    engine_alive: bool


class CaptureWorker:
    """State of one worker process; the driver makes it a Ray actor.

    While `capture` runs, `state` and `kill_engine` are called from other threads.
    """

    def __init__(self, settings: WorkerSettings) -> None:
        """Nothing is started before the first tour."""
        self._settings = settings
        self._workspace = Workspace(settings.workspace)
        self._engine: Engine | None = None
        self._station: Station | None = None
        self._showing: tuple[str, float] | None = None
        self._cameras = SpawnedCameras()
        # All temporary files of this process go in here, and go with it even after kill -9.
        self._scratch = ScratchFolder("openrelic-worker-")
        self._folder = self._scratch.path
        tempfile.tempdir = str(self._folder)
        self._frames = 0
        if settings.one_core:
            # llvmpipe, libigl and BLAS would each start a thread a core in every worker.
            for name, value in (("LP_NUM_THREADS", "0"), ("OMP_NUM_THREADS", "1")):
                os.environ.setdefault(name, value)

    def check(self, token_path: str, token: str) -> str:
        """The machine's name, once it is known to see the workspace and to have the engine."""
        from capture.crew.nodes import check_machine

        return check_machine(self._workspace, token_path, token, self._settings.engine)

    def state(self) -> WorkerState:
        """How far `capture` is."""
        engine = self._engine
        return WorkerState(
            frames=self._frames,
            images=engine.frames if engine is not None else 0,
            engine_alive=engine is not None,
        )

    def kill_engine(self) -> None:
        """End a hung engine, and with it the attempt."""
        engine = self._engine
        if engine is not None:
            engine.kill()

    def capture(self, row: PlanRow, retries: int) -> TourResult:
        """Capture and commit one tour; failures are returned, not raised."""
        from capture.recording.recorder import record_tour

        self._frames, began, loaded = 0, time.monotonic(), None
        try:
            had = self._station
            station = self._station_for(row)
            loaded = time.monotonic()
            clip = record_tour(
                station, row, self._workspace, retries, self._count, tracks=self._settings.tracks
            )
            self._recycle()
        except Exception as error:
            self.stop_engine()
            fault = fault_of(error, loading=loaded is None)
            return TourResult(tour_id=row.tour_id, frames=0, fault=fault)
        return TourResult(
            tour_id=row.tour_id,
            frames=row.frames,
            committed=clip is not None,
            load_s=loaded - began if station is not had else 0.0,
            tour_s=time.monotonic() - loaded,
        )

    def _count(self, frames: int) -> None:
        self._frames = frames

    def _station_for(self, row: PlanRow) -> "Station":
        """The engine with the row's scene, started if it shows another one."""
        from capture.recording.recorder import make_station
        from capture.sessions.launcher import start_engine

        wanted, settings = (row.scene, row.fov_deg), self._settings
        if self._station is None or self._showing != wanted:
            self.stop_engine()
            self._engine = start_engine(
                settings.engine,
                row.scene,
                self._folder,
                size=settings.size,
                adapter=_graphics_adapter(),
                boot_timeout_s=settings.boot_timeout_s,
                timeout_s=settings.reply_timeout_s,
                arguments=settings.engine_arguments,
                user=settings.engine_user,
            )
            self._station = make_station(
                self._engine.client, row.scene, row.fov_deg,
                size=settings.size, tracks=settings.tracks, exposure_ev=settings.exposure_ev,
                cameras=self._cameras,
            )  # fmt: skip
            self._showing = wanted
        return self._station

    def _recycle(self) -> None:
        """End an engine that has drawn or taken so much that leaks may count."""
        engine, settings = self._engine, self._settings
        if engine is None:
            return
        if engine.frames >= settings.recycle_frames > 0:
            log.info("recycling an engine after %d frames", engine.frames)
            self.stop_engine()
        elif settings.recycle_mb and engine.memory_bytes() >= settings.recycle_mb * MB:
            log.info("recycling an engine that uses more than %d MB", settings.recycle_mb)
            self.stop_engine()

    def stop_engine(self) -> None:
        """End the engine, if one runs."""
        if self._engine is not None:
            with contextlib.suppress(OSError):
                self._engine.close()
        self._engine = self._station = self._showing = None
        if running_address(self._settings.engine) is None:
            self._cameras = SpawnedCameras()  # they ended with the engine

    def close(self) -> None:
        """End the engine and remove its private copy."""
        self.stop_engine()
        tempfile.tempdir = None
        self._scratch.close()


def fault_of(error: Exception, *, loading: bool) -> Fault:
    """What an attempt's exception means; `loading`: the engine was not ready yet."""
    from capture.sessions.client import CommandFailedError, EngineLostError

    text = " ".join(str(error).split())
    if isinstance(error, StorageError):
        return Fault(guilt="machine" if error.lasting else "attempt", reason=text)
    if isinstance(error, (EngineLostError, CommandFailedError)):
        return Fault(guilt="attempt", reason=text)
    if isinstance(error, OpenRelicError):
        return Fault(guilt="scene" if loading else "tour", reason=text)
    if isinstance(error, OSError):
        return _fault_of_machine(error, loading)
    # A bug: the run goes on without the tour, and the traceback is kept with it.
    return Fault(guilt="attempt", reason="".join(traceback.format_exception(error)))


def _fault_of_machine(error: OSError, loading: bool) -> Fault:
    where = socket.gethostname()
    if loading and error.errno in NO_PORT:
        reason = f"{where} has no free port for an engine ({error}); end what holds them"
        return Fault(guilt="machine", reason=reason)
    found = StorageError.of(error, f"{where}: {error.filename or tempfile.gettempdir()}")
    return Fault(guilt="machine" if found.lasting else "attempt", reason=str(found))


def _graphics_adapter() -> int | None:
    """The GPU that Ray gave this worker, or None where it gave none."""
    import ray

    assigned = ray.get_gpu_ids() if ray.is_initialized() else []
    return int(assigned[0]) if assigned else None
