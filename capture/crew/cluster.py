"""Spreads a plan's tours over Ray workers and brings back what happened.

One actor a core (or a GPU share), one call a clip. Ray runs an actor's task at most once and may
report an error though the task ran, so nothing here counts as done but a commit record on disk; an
actor that died is replaced and its tour is tried again.
"""

import logging
import os
import sys
from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tqdm import tqdm

from capture.crew.worker import CaptureWorker, TourResult, WorkerSettings
from capture.tours.rows import PlanRow
from dataset.clip import CLIPS, RECORD, read_clip
from dataset.errors import OpenRelicError
from dataset.workspace import Workspace

log = logging.getLogger(__name__)

WORKER_DEATHS = 2  # tours are given up after killing this many workers
POLL_S = 1.0


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """A tour that ended in this run."""

    row: PlanRow
    result: TourResult | None
    error: str | None


def open_tours(workspace: Workspace, rows: list[PlanRow]) -> list[PlanRow]:
    """Rows without a committed clip; what earlier runs left of them is removed."""
    todo = []
    for row in rows:
        clip = read_clip(workspace, row.tour_id)
        keep = {RECORD, clip.attempt} if clip else set()
        for name in workspace.list_names(f"{CLIPS}/{row.tour_id}"):
            if name not in keep:
                workspace.delete_folder(f"{CLIPS}/{row.tour_id}/{name}")
        if clip is None:
            todo.append(row)
    return longest_first(todo)


def longest_first(rows: list[PlanRow]) -> list[PlanRow]:
    """Scene by scene, those with most to do first, so that no worker is left with a long tail."""
    total = Counter[str]()
    for row in rows:
        total[row.scene] += row.frames
    return sorted(rows, key=lambda row: (-total[row.scene], row.scene, -row.frames, row.tour_id))


def start_ray(address: str | None, workers: int | None) -> int:
    """Join the cluster at `address`, or start Ray on this machine; the number of workers."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    # Ray lowers its workers' priority by 15: rendering would wait for anything else that runs.
    os.environ.setdefault("RAY_worker_niceness", "0")
    import ray

    quiet: dict[str, Any] = {"logging_level": logging.ERROR, "log_to_driver": False}
    try:
        if address is not None:
            ray.init(address=address, **quiet)
        else:
            cores = workers or len(os.sched_getaffinity(0))
            # Frames never pass through Ray: the smallest object store does.
            ray.init(
                address="local", num_cpus=cores, include_dashboard=False,
                object_store_memory=100 * 2**20, **quiet,
            )  # fmt: skip
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise OpenRelicError(f"Ray cannot be reached or started: {error}") from error
    return workers or max(1, int(ray.cluster_resources().get("CPU", 1)))


class Crew:
    """The workers of a run and the tours they are at."""

    def __init__(self, settings: WorkerSettings, workers: int, num_gpus: float) -> None:
        """Make `workers` actors, each with one core and `num_gpus` of a GPU."""
        import ray
        import ray.exceptions

        self._ray: Any = ray
        # Two calls at once: `progress` is asked while `capture` runs.
        options = {"num_cpus": 1, "num_gpus": num_gpus, "max_concurrency": 2}
        actor: Any = self._ray.remote(**options)(CaptureWorker)
        self._new = lambda: actor.remote(settings)
        self._idle = [self._new() for _ in range(workers)]
        self._last_scene: dict[Any, str] = {}
        self._running: dict[Any, tuple[Any, PlanRow]] = {}
        self._deaths: dict[str, int] = {}

    def run(self, rows: list[PlanRow]) -> Iterator[Outcome | int]:
        """Capture `rows`; yields an `Outcome` a tour, and now and then the frames in work."""
        waiting = deque(rows)
        while waiting or self._running:
            while waiting and self._idle:
                self._start(self._idle.pop(), waiting)
            ended, _ = self._ray.wait(list(self._running), num_returns=1, timeout=POLL_S)
            for reference in ended:
                outcome = self._end(reference, waiting)
                if outcome is not None:
                    yield outcome
            yield self._frames_in_work()

    def _start(self, worker: Any, waiting: deque[PlanRow]) -> None:
        """Give the worker a tour of the scene it has loaded, else of the one that waits longest."""
        loaded = self._last_scene.get(worker)
        row = next((row for row in waiting if row.scene == loaded), waiting[0])
        waiting.remove(row)
        self._last_scene[worker] = row.scene
        self._running[worker.capture.remote(row)] = (worker, row)

    def _end(self, reference: Any, waiting: deque[PlanRow]) -> Outcome | None:
        worker, row = self._running.pop(reference)
        try:
            result: TourResult = self._ray.get(reference)
        except self._ray.exceptions.RayActorError as error:
            return self._replace(row, waiting, str(error))
        except self._ray.exceptions.RayTaskError as error:
            self._idle.append(worker)
            cause = error.cause
            if not isinstance(cause, OpenRelicError):
                raise
            return Outcome(row=row, result=None, error=str(cause))
        self._idle.append(worker)
        return Outcome(row=row, result=result, error=None)

    def _replace(self, row: PlanRow, waiting: deque[PlanRow], error: str) -> Outcome | None:
        self._idle.append(self._new())
        self._deaths[row.tour_id] = self._deaths.get(row.tour_id, 0) + 1
        if self._deaths[row.tour_id] >= WORKER_DEATHS:
            return Outcome(row=row, result=None, error=f"its worker died twice: {error}")
        waiting.append(row)
        return None

    def _frames_in_work(self) -> int:
        counts = [worker.progress.remote() for worker, _ in self._running.values()]
        ready, _ = self._ray.wait(counts, num_returns=len(counts), timeout=POLL_S) if counts else (
            [], [],
        )  # fmt: skip
        frames = 0
        for reference in ready:
            try:
                frames += self._ray.get(reference)
            except self._ray.exceptions.RayError:
                continue  # the worker died; its tour's own reference tells
        return frames

    def close(self) -> None:
        """End every worker's engine."""
        workers = [*self._idle, *(worker for worker, _ in self._running.values())]
        self._ray.wait([worker.close.remote() for worker in workers], num_returns=len(workers),
                       timeout=10.0)  # fmt: skip


def capture_all(crew: Crew, rows: list[PlanRow]) -> list[Outcome]:
    """Capture every row under a progress bar in frames; what became of each."""
    outcomes: list[Outcome] = []
    total = sum(row.frames for row in rows)
    with tqdm(total=total, unit="frame", smoothing=0.05, desc="capture") as bar:
        done = 0
        for event in crew.run(rows):
            if isinstance(event, Outcome):
                outcomes.append(event)
                done += event.row.frames
                bar.set_postfix_str(f"{len(outcomes)}/{len(rows)} clips")
                if event.error:
                    bar.write(f"{event.row.tour_id} failed: {event.error}", file=sys.stderr)
                continue
            bar.update(max(0, done + event - bar.n))
    return outcomes
