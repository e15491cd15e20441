"""Which engine captures which tour next, and what becomes of tours that fail: policy without Ray.

Loading a scene is dear, so an engine goes on with the scene that it has. One that needs another
takes the scene with the most left among those that no engine is at (longest first); when every
scene has an engine, it joins the one that would end last, if that pays for loading the scene once
more. Failed tours wait, twice as long after each failure, go to another machine where there is
one, and are given up in the end.

The driver and simulations use the same class; the clock is the caller's, in seconds.
"""

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from capture.crew.journal import Attempt

PATIENCE = 5  # back-offs that a tour waits for a machine on which it has not failed


class Tour(Protocol):
    """What the policy needs of a plan's row."""

    @property
    def tour_id(self) -> str: ...  # noqa: D102
    @property
    def scene(self) -> str: ...  # noqa: D102
    @property
    def frames(self) -> int: ...  # noqa: D102


@dataclass(frozen=True, kw_only=True)
class RetryPolicy:
    """When a tour is tried again, and when it is given up."""

    attempts: int = 3  # that may fail
    losses: int = 10  # attempts that may end because their machine went away, through no fault
    backoff_s: float = 5.0  # after the first failure; doubled after each further one
    longest_backoff_s: float = 300.0

    def pause_s(self, failures: int) -> float:
        """How long a tour waits after its `failures`-th failure."""
        return min(self.backoff_s * 2.0 ** max(0, failures - 1), self.longest_backoff_s)


@dataclass(frozen=True, kw_only=True)
class Idle:
    """An engine that waits for work."""

    worker: Hashable
    scene: str | None  # that it has loaded
    place: str  # the machine it is on


@dataclass(frozen=True, kw_only=True)
class Assignment:
    """A tour for an engine; `retries` counts the attempts that have failed before."""

    worker: Hashable
    row: Tour
    retries: int


@dataclass(kw_only=True)
class _Open:
    """A tour that is not captured yet."""

    row: Tour
    attempts: list[Attempt] = field(default_factory=list)
    failures: int = 0
    losses: int = 0
    failed_at: set[str] = field(default_factory=set)
    not_before_s: float = 0.0


class Schedule:
    """The tours of a run: waiting, at an engine, or given up."""

    def __init__(
        self, rows: Iterable[Tour], policy: RetryPolicy, load_frames: float = 200.0
    ) -> None:
        """`load_frames` is what loading a scene costs, in frames that could be drawn instead."""
        self.load_frames = load_frames
        self._policy = policy
        self._waiting: dict[str, list[_Open]] = {}
        self._running: dict[Hashable, tuple[_Open, str, int]] = {}
        self._places: set[str] = set()
        for row in rows:
            self._put_back(_Open(row=row))

    @property
    def waiting(self) -> int:
        """Tours at no engine, those that pause after a failure included."""
        return sum(map(len, self._waiting.values()))

    @property
    def running(self) -> int:
        """Tours at an engine."""
        return len(self._running)

    def assign(self, idle: Sequence[Idle], now_s: float) -> list[Assignment]:
        """Work for as many of the idle engines as it pays to use now."""
        self._places |= {engine.place for engine in idle}
        given, left = [], []
        for engine in idle:
            tour = self._longest(engine.scene, engine.place, now_s) if engine.scene else None
            given.append(self._give(engine, tour)) if tour else left.append(engine)
        refused: set[str] = set()  # places for which there is nothing
        for engine in left:
            tour = None if engine.place in refused else self._of_another_scene(engine, now_s)
            if tour is None:
                refused.add(engine.place)
            else:
                given.append(self._give(engine, tour))
        return given

    def progressed(self, worker: Hashable, frames_done: int) -> None:
        """How far the worker's tour is; only used to judge who will end last."""
        if worker in self._running:
            tour, place, _ = self._running[worker]
            self._running[worker] = (tour, place, frames_done)

    def row_of(self, worker: Hashable) -> Tour | None:
        """The tour that the worker is at."""
        found = self._running.get(worker)
        return found[0].row if found else None

    def finished(self, worker: Hashable) -> Tour:
        """The worker's tour is committed."""
        return self._running.pop(worker)[0].row

    def failed(
        self, worker: Hashable, reason: str, now_s: float, *, hopeless: bool = False
    ) -> tuple[Attempt, ...] | None:
        """The worker's tour failed; its attempts if it is given up, None if it is tried again.

        A `hopeless` failure, such as a scene that does not exist, is not tried again.
        """
        tour, place, _ = self._running.pop(worker)
        tour.failures += 1
        tour.failed_at.add(place)
        return self._again(tour, Attempt(time_s=now_s, host=place, reason=reason), hopeless)

    def lost(self, worker: Hashable, reason: str, now_s: float) -> tuple[Attempt, ...] | None:
        """The worker went away with its machine: as `failed`, but the tour is not to blame."""
        tour, place, _ = self._running.pop(worker)
        tour.losses += 1
        return self._again(tour, Attempt(time_s=now_s, host=place, reason=reason), False)

    def give_up_scene(
        self, scene: str, reason: str, now_s: float
    ) -> list[tuple[Tour, tuple[Attempt, ...]]]:
        """Give up every waiting tour of a scene; the tours and their attempts."""
        given_up = []
        for tour in self._waiting.pop(scene, []):
            tour.attempts.append(Attempt(time_s=now_s, host="", reason=reason))
            given_up.append((tour.row, tuple(tour.attempts)))
        return given_up

    def places_are(self, places: Iterable[str]) -> None:
        """The machines that are there now."""
        self._places = set(places)

    def _again(self, tour: _Open, attempt: Attempt, hopeless: bool) -> tuple[Attempt, ...] | None:
        policy = self._policy
        tour.attempts.append(attempt)
        if hopeless or tour.failures >= policy.attempts or tour.losses >= policy.losses:
            return tuple(tour.attempts)
        tour.not_before_s = attempt.time_s + policy.pause_s(tour.failures)
        self._put_back(tour)
        return None

    def _put_back(self, tour: _Open) -> None:
        of_scene = self._waiting.setdefault(tour.row.scene, [])
        of_scene.append(tour)
        of_scene.sort(key=lambda other: (-other.row.frames, other.row.tour_id))

    def _give(self, engine: Idle, tour: _Open) -> Assignment:
        of_scene = self._waiting[tour.row.scene]
        of_scene.remove(tour)
        if not of_scene:
            del self._waiting[tour.row.scene]
        self._running[engine.worker] = (tour, engine.place, 0)
        return Assignment(worker=engine.worker, row=tour.row, retries=len(tour.attempts))

    def _of_another_scene(self, engine: Idle, now_s: float) -> _Open | None:
        """The longest tour of the scene that most needs one more engine, or None."""
        best, most = None, 0.0
        at_scene = self._frames_at_scenes()
        for scene, tours in self._waiting.items():
            tour = self._longest(scene, engine.place, now_s)
            if tour is None:
                continue
            need = self._need(tours, tour, at_scene.get(scene, []))
            if need > most:
                best, most = tour, need
        return best

    def _need(self, waiting: list[_Open], tour: _Open, left_at_engines: list[int]) -> float:
        """How much a scene needs another engine, which would take `tour`; 0: not worth it.

        Scenes that no engine is at come before all others.
        """
        frames = float(sum(other.row.frames for other in waiting))
        if not left_at_engines:
            return 1e12 + frames
        engines = len(left_at_engines)
        alone = (frames + sum(left_at_engines)) / engines
        shared = (frames - tour.row.frames + sum(left_at_engines)) / engines
        with_help = max(self.load_frames + tour.row.frames, shared)
        return alone if with_help < alone else 0.0

    def _frames_at_scenes(self) -> dict[str, list[int]]:
        """Frames still to draw of each running tour, by scene."""
        found: dict[str, list[int]] = {}
        for tour, _, done in self._running.values():
            found.setdefault(tour.row.scene, []).append(max(0, tour.row.frames - done))
        return found

    def _longest(self, scene: str, place: str, now_s: float) -> _Open | None:
        """The scene's longest tour that an engine at `place` may take now."""
        tours = self._waiting.get(scene, [])
        return next((tour for tour in tours if self._may_take(tour, place, now_s)), None)

    def _may_take(self, tour: _Open, place: str, now_s: float) -> bool:
        if tour.not_before_s > now_s:
            return False
        if place not in tour.failed_at or tour.failed_at >= self._places:
            return True
        return now_s > tour.not_before_s + PATIENCE * self._policy.pause_s(tour.failures)
