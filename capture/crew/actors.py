"""The engines of a run as Ray actors: asked for, watched, replaced.

One actor an engine, one call a tour. Ray runs an actor's call at most once and may report an error
though the call ran, so nothing here counts as done but what a worker says it has committed, and
what a worker thought dead commits later loses or wins by the commit record alone. Actors that no
machine has room for stay pending, which is what makes an autoscaling cluster grow.
"""

import contextlib
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from capture.crew.worker import TourResult, WorkerState
from capture.tours.rows import PlanRow

log = logging.getLogger(__name__)

GLANCE_S = 2.0  # between two looks at a worker
CLOSE_S = 10.0  # for engines to end in the end
KILL_GRACE_S = 60.0  # from killing a hung engine to killing its worker
NODE_DIED = ("node has died", "node died", "node was terminated", "preempted")


@dataclass(kw_only=True, eq=False)
class Worker:
    """An actor and what is under way with it."""

    actor: Any
    place: str | None = None  # the machine's name, once it is there
    scene: str | None = None  # that it has loaded
    tour: Any = None  # the call that captures
    check: Any = None
    glance: Any = None
    seen: WorkerState | None = None
    glanced_s: float = 0.0
    alive_s: float = 0.0  # when anything was last seen to change
    doomed_s: float = 0.0  # when its engine was killed for hanging


@dataclass(frozen=True, kw_only=True)
class Ready:
    """A worker's machine passed its check."""

    worker: Worker


@dataclass(frozen=True, kw_only=True)
class Refused:
    """A worker could not be had: its machine failed the check (`unfit`), or went away."""

    reason: str
    unfit: bool


@dataclass(frozen=True, kw_only=True)
class Ended:
    """An attempt at a tour ended."""

    worker: Worker
    result: TourResult


@dataclass(frozen=True, kw_only=True)
class Died:
    """A worker died, or hung and was killed; `with_machine` if it went away with its machine."""

    worker: Worker
    reason: str
    with_machine: bool


Event = Ready | Refused | Ended | Died


@dataclass(kw_only=True)
class Crew:
    """All workers of a run. `hire` makes an actor, `check` starts its first call."""

    hire: Callable[[], Any]
    check: Callable[[Any], Any]
    stall_s: float  # without a sign of life, until an engine is killed
    grace_s: float = KILL_GRACE_S
    workers: list[Worker] = field(default_factory=list)
    _leaving: list[tuple[Worker, Any, float]] = field(default_factory=list)

    @property
    def idle(self) -> list[Worker]:
        """Workers that are there and have nothing to do."""
        return [one for one in self.workers if one.place is not None and one.tour is None]

    @property
    def alive(self) -> int:
        """Workers whose machine has answered."""
        return sum(one.place is not None for one in self.workers)

    def resize(self, wanted: int) -> None:
        """Ask for actors up to `wanted`; let surplus ones go, those that are pending first."""
        while len(self.workers) < wanted:
            actor = self.hire()
            self.workers.append(Worker(actor=actor, check=self.check(actor)))
        spare = [one for one in self.workers if one.place is None] + self.idle
        for worker in spare[: max(0, len(self.workers) - wanted)]:
            self.dismiss(worker)

    def start(self, worker: Worker, row: PlanRow, retries: int) -> None:
        """Give an idle worker a tour."""
        worker.scene, worker.alive_s, worker.doomed_s = row.scene, time.monotonic(), 0.0
        worker.tour = worker.actor.capture.remote(row, retries)

    def dismiss(self, worker: Worker) -> None:
        """End a worker: its engine first, if it can be reached. Does not wait for that."""
        self.workers.remove(worker)
        closing = worker.actor.close.remote() if worker.place is not None else None
        self._leaving.append((worker, closing, time.monotonic() + CLOSE_S))

    def events(self, timeout_s: float) -> list[Event]:
        """What has happened, after at most `timeout_s` if nothing has."""
        import ray

        self._see_off(ray)
        self._glance()
        pending = [ref for one in self.workers for ref in (one.check, one.tour, one.glance) if ref]
        if not pending:
            time.sleep(timeout_s)
            return []
        ray.wait(pending, num_returns=1, timeout=timeout_s)
        ready, _ = ray.wait(pending, num_returns=len(pending), timeout=0)
        done = set(ready)
        found = [self._look(ray, worker, done) for worker in list(self.workers)]
        return [event for event in found if event is not None] + self._hung()

    def close(self) -> None:
        """End all workers and their engines."""
        import ray

        for worker in list(self.workers):
            self.dismiss(worker)
        closing = [reference for _, reference, _ in self._leaving if reference is not None]
        if closing:
            ray.wait(closing, num_returns=len(closing), timeout=CLOSE_S)
        self._see_off(ray, at_once=True)

    def _see_off(self, ray: Any, at_once: bool = False) -> None:
        """Kill the actors of workers that have left."""
        still = []
        for worker, closing, until in self._leaving:
            waits = closing is not None and not ray.wait([closing], timeout=0)[0]
            if waits and not at_once and time.monotonic() < until:
                still.append((worker, closing, until))
                continue
            with contextlib.suppress(Exception):  # it may be dead, or never have been placed
                ray.kill(worker.actor, no_restart=True)
        self._leaving = still

    def _glance(self) -> None:
        """Ask every worker how it is; at most one question each is under way."""
        now = time.monotonic()
        for worker in self.workers:
            if worker.place is not None and worker.glance is None:
                if now - worker.glanced_s < GLANCE_S:
                    continue
                worker.glanced_s = now
                worker.glance = worker.actor.state.remote()

    def _look(self, ray: Any, worker: Worker, done: set[Any]) -> Event | None:
        """What the calls of one worker that have ended say."""
        try:
            if worker.check in done:
                reference, worker.check = worker.check, None
                worker.place = ray.get(reference)
                return Ready(worker=worker)
            if worker.glance in done:
                reference, worker.glance = worker.glance, None
                self._see(worker, ray.get(reference))
            if worker.tour in done:
                reference, worker.tour = worker.tour, None
                return self._ended(worker, ray.get(reference))
        except ray.exceptions.RayTaskError as error:
            return self._refused_or_died(worker, str(error.cause), unfit=True)
        except ray.exceptions.RayError as error:
            return self._refused_or_died(worker, _first_lines(error))
        return None

    def _see(self, worker: Worker, state: WorkerState) -> None:
        if state != worker.seen:
            worker.seen, worker.alive_s = state, time.monotonic()

    def _ended(self, worker: Worker, result: TourResult) -> Ended:
        if result.fault is not None:
            worker.scene = None  # it has ended its engine
        worker.seen = None
        return Ended(worker=worker, result=result)

    def _refused_or_died(self, worker: Worker, reason: str, unfit: bool = False) -> Event:
        self.workers.remove(worker)
        with contextlib.suppress(Exception):
            import ray

            ray.kill(worker.actor, no_restart=True)
        if worker.place is None:
            return Refused(reason=reason, unfit=unfit)
        gone = any(words in reason.lower() for words in NODE_DIED)
        return Died(worker=worker, reason=f"its worker died: {reason}", with_machine=gone)

    def _hung(self) -> list[Event]:
        """Kill the engines of workers in which nothing moves, and then the workers."""
        found: list[Event] = []
        now = time.monotonic()
        for worker in list(self.workers):
            if worker.tour is None or now - worker.alive_s < self.stall_s:
                continue
            if not worker.doomed_s:
                worker.doomed_s = now
                worker.actor.kill_engine.remote()
            elif now - worker.doomed_s > self.grace_s:
                reason = f"nothing moved for {now - worker.alive_s:.0f} s"
                found.append(self._refused_or_died(worker, reason))
        return found


def _first_lines(error: Exception) -> str:
    """A Ray error without its pages of advice."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return "; ".join(lines[:1] + [line for line in lines[1:] if "node" in line.lower()][:1])
