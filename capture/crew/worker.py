"""A capture worker: owns one engine, captures a tour a call, restarts the engine when it fails."""

import logging
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from capture.recording.recorder import Station, make_station, record_tour
from capture.sessions.client import EngineLostError
from capture.sessions.launcher import Engine, start_engine
from capture.tours.rows import PlanRow
from dataset.clip import HEIGHT, WIDTH
from dataset.workspace import Workspace

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class WorkerSettings:
    """What every worker of a run shares."""

    workspace: str
    engine: str  # embedded, HOST:PORT, or a packaged binary's path
    retries: int  # further attempts at a tour after the engine was lost
    boot_timeout_s: float
    reply_timeout_s: float
    one_core: bool  # the machine's cores are divided among workers


@dataclass(frozen=True, kw_only=True)
class TourResult:
    """What a call brought."""

    tour_id: str
    frames: int
    retries: int
    committed: bool  # False: another attempt had committed the tour already


class CaptureWorker:
    """State of one worker process; `run.py` makes it a Ray actor."""

    def __init__(self, settings: WorkerSettings) -> None:
        """Nothing is started before the first tour."""
        self._settings = settings
        self._workspace = Workspace(settings.workspace)
        self._engine: Engine | None = None
        self._station: Station | None = None
        self._showing: tuple[str, float] | None = None
        self._folder = Path(tempfile.mkdtemp(prefix="openrelic-engine-"))
        self._done = 0
        if settings.one_core:
            # llvmpipe, libigl and BLAS would each start a thread a core in every worker.
            for name, value in (("LP_NUM_THREADS", "0"), ("OMP_NUM_THREADS", "1")):
                os.environ.setdefault(name, value)

    def progress(self) -> int:
        """Frames of the tour in work; called while `capture` runs."""
        return self._done

    def capture(self, row: PlanRow) -> TourResult:
        """Capture and commit one tour; a lost engine is started again `retries` times."""
        retries = 0
        while True:
            self._done = 0
            try:
                station = self._station_for(row)
                clip = record_tour(station, row, self._workspace, retries, self._count)
                break
            except EngineLostError:
                self.stop_engine()
                retries += 1
                if retries > self._settings.retries:
                    raise
            except BaseException:
                self.stop_engine()
                raise
        return TourResult(
            tour_id=row.tour_id, frames=row.frames, retries=retries, committed=clip is not None
        )

    def _count(self, frames: int) -> None:
        self._done = frames

    def _station_for(self, row: PlanRow) -> Station:
        """The engine with the row's scene, started if it shows another one."""
        wanted = (row.scene, row.fov_deg)
        if self._station is None or self._showing != wanted:
            self.stop_engine()
            self._engine = start_engine(
                self._settings.engine,
                row.scene,
                self._folder,
                size=(WIDTH, HEIGHT),
                adapter=_graphics_adapter(),
                boot_timeout_s=self._settings.boot_timeout_s,
                timeout_s=self._settings.reply_timeout_s,
            )
            self._station = make_station(self._engine.client, row.scene, row.fov_deg)
            self._showing = wanted
        return self._station

    def stop_engine(self) -> None:
        """End the engine, if one runs."""
        if self._engine is not None:
            self._engine.close()
        self._engine = self._station = self._showing = None

    def close(self) -> None:
        """End the engine and remove its private copy."""
        self.stop_engine()
        shutil.rmtree(self._folder, ignore_errors=True)


def _graphics_adapter() -> int | None:
    """The GPU that Ray gave this worker, or None where it gave none."""
    import ray

    assigned = ray.get_gpu_ids() if ray.is_initialized() else []
    return int(assigned[0]) if assigned else None
