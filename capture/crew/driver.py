"""Drives a crew through a plan: hands out tours, tries again, gives up, tells how far it is.

What a run keeps of a tour that has ended is a few numbers, so its memory stays flat.
"""

import logging
import os
import socket
import sys
import time
from collections import Counter, deque
from dataclasses import dataclass, field
from typing import Any

from tqdm import tqdm

from capture.crew.actors import Crew, Died, Ended, Event, Refused, Worker
from capture.crew.journal import (
    Attempt,
    Progress,
    Quarantined,
    lift_quarantine,
    write_progress,
    write_quarantine,
)
from capture.crew.resume import Work, remove_lost_attempts
from capture.crew.schedule import Idle, RetryPolicy, Schedule
from capture.crew.worker import Fault, TourResult
from capture.tours.rows import PlanRow
from dataset.clip import FPS
from dataset.errors import OpenRelicError, StorageError
from dataset.workspace import Workspace

log = logging.getLogger(__name__)

POLL_S = 1.0
JOURNAL_S = 3.0
RATE_WINDOW_S = 60.0
REFUSALS = 5  # workers in a row that could not be had, with none at work
HOPELESS_SCENES = 3  # that failed alike before anything was captured
PER_MINUTE = 60 * FPS


@dataclass(kw_only=True)
class Tally:
    """What has been counted so far; frames of earlier runs included."""

    frames_planned: int
    frames_done: int
    tours_done: int
    tours_failed: int
    retries: int = 0
    captured: int = 0  # tours, in this run
    loads: int = 0  # scenes loaded, in this run
    load_s: float = 0.0  # that this took
    tour_frames: int = 0  # captured in this run
    tour_s: float = 0.0  # that this took
    samples: deque[tuple[float, int]] = field(default_factory=deque)

    def add(self, result: TourResult) -> None:
        """Count a tour that is committed."""
        self.frames_done += result.frames
        self.tours_done += 1
        self.captured += 1
        self.loads += result.load_s > 0
        self.load_s += result.load_s
        self.tour_frames += result.frames
        self.tour_s += result.tour_s

    @property
    def load_frames(self) -> float | None:
        """What loading a scene costs in frames, as measured, or None so far."""
        if not self.loads or not self.tour_s:
            return None
        return self.load_s / self.loads * self.tour_frames / self.tour_s

    def rate(self, frames: int) -> float:
        """Frames per second over the last minute, `frames` being the count now."""
        now = time.monotonic()
        self.samples.append((now, frames))
        while now - self.samples[0][0] > RATE_WINDOW_S and len(self.samples) > 2:
            self.samples.popleft()
        then, before = self.samples[0]
        return max(0.0, (frames - before) / (now - then)) if now > then else 0.0


class Driver:
    """One run of `capture.run`."""

    def __init__(
        self, workspace: Workspace, work: Work, crew: Crew, *, engines: int, policy: RetryPolicy
    ) -> None:
        """`engines` is the most that may be at work at once."""
        self._workspace = workspace
        self._crew = crew
        self._engines = engines
        self._failures = work.failures
        self._untidy = set(work.untidy)
        self._schedule = Schedule(work.todo, policy)
        self._scenes_failed: Counter[str] = Counter()  # by reason
        self._refusals = 0
        self._started_s, self._journal_s = time.time(), 0.0
        every = [*work.todo, *work.committed, *work.quarantined]
        self._planned = work.planned
        self.tally = Tally(
            frames_planned=sum(row.frames for row in every),
            frames_done=sum(row.frames for row in work.committed),
            tours_done=len(work.committed),
            tours_failed=len(work.quarantined),
        )

    def run(self) -> None:
        """Bring every tour to its end; what stops the whole run raises `OpenRelicError`."""
        tally, schedule = self.tally, self._schedule
        with tqdm(
            total=tally.frames_planned, initial=tally.frames_done, unit="frame", smoothing=0.05,
            desc="capture", dynamic_ncols=True,
        ) as bar:  # fmt: skip
            try:
                while schedule.waiting or schedule.running:
                    self._crew.resize(min(self._engines, schedule.waiting + schedule.running))
                    self._hand_out()
                    for event in self._crew.events(POLL_S):
                        self._take(event, bar)
                    self._show(bar)
            finally:
                self._journal("ended")

    def _hand_out(self) -> None:
        offers = [
            Idle(worker=one, scene=one.scene, place=one.place or "") for one in self._crew.idle
        ]
        places = {one.place for one in self._crew.workers if one.place is not None}
        self._schedule.places_are(places)
        for given in self._schedule.assign(offers, time.time()):
            worker: Any = given.worker
            row: Any = given.row
            self._crew.start(worker, row, given.retries)

    def _take(self, event: Event, bar: Any) -> None:
        if isinstance(event, Refused):
            self._take_refusal(event, bar)
        elif isinstance(event, Died):
            self._take_death(event, bar)
        else:
            self._refusals = 0
            if isinstance(event, Ended):
                self._take_result(event, bar)

    def _take_refusal(self, event: Refused, bar: Any) -> None:
        """A machine that is not fit is done without; one that went away may be replaced."""
        self._refusals += 1
        nobody = self._crew.alive == 0
        if (event.unfit and nobody) or self._refusals >= REFUSALS:
            raise OpenRelicError(event.reason)
        if event.unfit:
            bar.write(f"not used: {event.reason}", file=sys.stderr)
            self._engines = max(1, len(self._crew.workers))

    def _take_death(self, event: Died, bar: Any) -> None:
        key = event.worker
        row: Any = self._schedule.row_of(key)
        if row is None:
            return
        if event.with_machine:
            attempts = self._schedule.lost(key, event.reason, time.time())
        else:
            attempts = self._schedule.failed(key, event.reason, time.time())
        self._tell(row, event.reason, attempts, bar)

    def _take_result(self, event: Ended, bar: Any) -> None:
        key, fault = event.worker, event.result.fault
        if fault is None:
            self._commit(self._schedule.finished(key).tour_id, event)
            return
        if fault.guilt == "machine":
            raise StorageError(fault.reason, lasting=True)
        row: Any = self._schedule.row_of(key)
        hopeless = fault.guilt in ("tour", "scene")
        attempts = self._schedule.failed(key, fault.reason, time.time(), hopeless=hopeless)
        self._tell(row, fault.reason, attempts, bar)
        if fault.guilt == "scene":
            self._give_up_scene(row.scene, fault, bar)

    def _commit(self, tour_id: str, event: Ended) -> None:
        self.tally.add(event.result)
        self._schedule.load_frames = self.tally.load_frames or self._schedule.load_frames
        if tour_id in self._failures:
            lift_quarantine(self._workspace, tour_id)
        if tour_id in self._untidy or not event.result.committed:
            remove_lost_attempts(self._workspace, tour_id)

    def _tell(
        self, row: PlanRow, reason: str, attempts: tuple[Attempt, ...] | None, bar: Any
    ) -> None:
        self._untidy.add(row.tour_id)
        if attempts is None:
            self.tally.retries += 1
            log.debug("%s is tried again: %s", row.tour_id, reason)
            return
        bar.write(f"{row.tour_id} failed: {reason}", file=sys.stderr)
        self._quarantine(row, attempts)

    def _give_up_scene(self, scene: str, fault: Fault, bar: Any) -> None:
        """Do not load for each of its tours a scene that cannot be loaded."""
        given_up = self._schedule.give_up_scene(scene, fault.reason, time.time())
        for row, attempts in given_up:
            self._quarantine(row, attempts)
        if given_up:
            bar.write(f"{len(given_up)} more tours of {scene} are not tried", file=sys.stderr)
        self._scenes_failed[fault.reason] += 1
        if not self.tally.captured and self._scenes_failed[fault.reason] >= HOPELESS_SCENES:
            raise OpenRelicError(fault.reason)

    def _quarantine(self, row: Any, attempts: tuple[Attempt, ...]) -> None:
        self.tally.tours_failed += 1
        before = self._failures.get(row.tour_id)
        known = before.attempts if before else ()
        tour = Quarantined(tour_id=row.tour_id, scene=row.scene, attempts=(*known, *attempts))
        write_quarantine(self._workspace, tour)

    def _show(self, bar: Any) -> None:
        tally, crew = self.tally, self._crew
        for worker in crew.workers:
            self._schedule.progressed(worker, _frames_of(worker))
        frames = tally.frames_done + sum(map(_frames_of, crew.workers))
        bar.update(max(0, frames - bar.n))
        bar.set_postfix_str(
            f"{tally.frames_done / PER_MINUTE:.1f}/{tally.frames_planned / PER_MINUTE:.1f} min, "
            f"{crew.alive}/{len(crew.workers)} engines, {tally.retries} retries",
            refresh=False,
        )
        if time.monotonic() - self._journal_s > JOURNAL_S:
            self._journal("running")
            bar.refresh()

    def _journal(self, state: Any) -> None:
        """Tell other terminals; a run does not end because that fails."""
        self._journal_s = time.monotonic()
        tally, crew = self.tally, self._crew
        frames = tally.frames_done + sum(map(_frames_of, crew.workers))
        progress = Progress(
            state=state, time_s=time.time(), started_s=self._started_s,
            host=socket.gethostname(), pid=os.getpid(),
            frames_per_second=tally.rate(frames),
            minutes_done=tally.frames_done / PER_MINUTE,
            minutes_planned=tally.frames_planned / PER_MINUTE,
            engines_alive=crew.alive, engines_wanted=len(crew.workers), retries=tally.retries,
            tours_done=tally.tours_done, tours_failed=tally.tours_failed,
            tours_planned=self._planned,
        )  # fmt: skip
        try:
            write_progress(self._workspace, progress)
        except OpenRelicError as error:
            log.debug("progress cannot be written: %s", error)


def _frames_of(worker: Worker) -> int:
    """Frames of the tour in work."""
    return worker.seen.frames if worker.tour is not None and worker.seen is not None else 0
